"""PYNQ: accelerators driven from Python on the board, numpy arrays in and out."""

from fluorite.glue.pynq.write import write_pynq

__all__ = ["write_pynq"]
