"""The Linux side of a design on a Zynq: device tree, bitstream for the FPGA manager, kernel driver."""

from fluorite.glue.linux.bitstream import write_bin
from fluorite.glue.linux.driver_build import build_driver, driver_sources
from fluorite.glue.linux.write import write_linux

__all__ = ["build_driver", "driver_sources", "write_bin", "write_linux"]
