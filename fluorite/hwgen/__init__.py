"""Hardware generation: accelerator regions in, Verilog and reports out. Never imports Halide."""
