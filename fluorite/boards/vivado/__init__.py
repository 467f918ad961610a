"""The Vivado flow: packaged cores, Tcl that builds the block design around them, how to run it."""

from fluorite.boards.vivado.ip_xact import component_xml
from fluorite.boards.vivado.streams import write_streams
from fluorite.boards.vivado.write import write_vivado

__all__ = ["component_xml", "write_streams", "write_vivado"]
