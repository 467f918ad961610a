"""Evaluation: definitions run over whatever data are, which is left to an interface."""
