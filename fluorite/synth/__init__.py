"""Area and clock of generated Verilog, by open tools: Yosys, and nextpnr for ECP5."""
