"""Simulation: generated cores in Verilator, alone and inside Halide pipelines."""
