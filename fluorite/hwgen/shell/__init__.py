"""The shell around a core: AXI4 masters or AXI4-Stream ports, AXI4-Lite registers, interrupt."""
