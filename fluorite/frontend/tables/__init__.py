"""The wire format: Halide's serialized pipeline as a tree of tables, read, edited and written."""
