"""Software out: the driver, the extern stage that Halide calls, and the files around them."""
