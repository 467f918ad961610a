"""Regions: what of a pipeline becomes one accelerator."""
