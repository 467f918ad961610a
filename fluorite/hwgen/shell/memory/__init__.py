"""Streams from and to memory: strided blocks as AXI4 bursts, bursts as words."""
