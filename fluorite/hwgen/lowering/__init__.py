"""Lowering: a region's stages as stream expressions over taps of one another."""
