"""The algorithm IR: Halide's pipeline as typed, immutable data, made from tables and looked at."""
