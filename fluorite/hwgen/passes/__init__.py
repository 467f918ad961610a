"""Passes: from a stream graph to a stream graph."""
