"""Lowering: a region's stages as stream graphs over taps of one another."""
