"""Whole machines: Linux booted in QEMU, with the Verilated accelerators as devices of the machine."""
