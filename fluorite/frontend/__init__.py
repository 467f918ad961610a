"""The frontend: Halide pipelines in, accelerator regions out."""
