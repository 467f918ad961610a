"""What runs a design: regions cut into launches, images into words, Halide's software part around it; and verify."""
