"""Systems around a design's accelerators: programs of this machine and of ARM, and machines that boot Linux."""
