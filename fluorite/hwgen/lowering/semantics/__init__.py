"""What Halide's integer operations mean, in the operations of the stream graph."""
