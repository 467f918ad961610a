"""The `fluorite` command."""

from fluorite.cli.command import main

__all__ = ["main"]
