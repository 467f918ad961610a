"""The open flow: an accelerator behind a serial port, through Yosys, nextpnr and ecppack to a bitstream for an ECP5."""
