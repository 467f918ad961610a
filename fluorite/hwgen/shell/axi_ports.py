"""Ports of the shell: AXI4, AXI4-Lite and AXI4-Stream signals with the names that Vivado's IP packager infers from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from amaranth.hdl import Signal

__all__ = ["Bus", "axi_lite_slave", "axi_read_master", "axi_write_master", "axi_stream"]

_AXIMM = "xilinx.com:interface:aximm:1.0"
_AXIS = "xilinx.com:interface:axis:1.0"


@dataclass
class Bus:
    """The signals of one bus interface.

    Attributes
    ----------
    name : str
        Prefix of the port names.
    kind : str
        VLNV of the interface, for the IP packager.
    parameters : dict of str to str
        Its ``X_INTERFACE_PARAMETER``.
    outputs : set of str
        Signals that the shell drives.
    """

    name: str
    kind: str
    parameters: dict[str, str]
    signals: dict[str, Signal] = field(default_factory=dict)
    outputs: set[str] = field(default_factory=set)

    def __getattr__(self, name: str) -> Signal:
        """A signal by its name in the AXI specification, in lower case."""
        signals: dict[str, Signal] = self.__dict__["signals"]
        if name not in signals:
            raise AttributeError(name)
        return signals[name]

    def add(self, direction: str, signals: Iterable[tuple[str, int]]) -> None:
        """Add signals, ``(name, width)``, all of one direction."""
        for name, width in signals:
            self.signals[name] = Signal(width, name=f"{self.name}_{name}")
            if direction == "out":
                self.outputs.add(name)


def axi_lite_slave(name: str, address_bits: int) -> Bus:
    """An AXI4-Lite slave, 32 bits wide."""
    bus = Bus(name, _AXIMM, {"PROTOCOL": "AXI4LITE", "DATA_WIDTH": "32", "ADDR_WIDTH": str(address_bits)})
    bus.add("in", [("awaddr", address_bits), ("awprot", 3), ("awvalid", 1)])
    bus.add("out", [("awready", 1)])
    bus.add("in", [("wdata", 32), ("wstrb", 4), ("wvalid", 1)])
    bus.add("out", [("wready", 1), ("bresp", 2), ("bvalid", 1)])
    bus.add("in", [("bready", 1), ("araddr", address_bits), ("arprot", 3), ("arvalid", 1)])
    bus.add("out", [("arready", 1), ("rdata", 32), ("rresp", 2), ("rvalid", 1)])
    bus.add("in", [("rready", 1)])
    return bus


def _address_channel(prefix: str, address_bits: int) -> list[tuple[str, int]]:
    widths = {"addr": address_bits, "len": 8, "size": 3, "burst": 2, "cache": 4, "prot": 3, "valid": 1}
    return [(f"{prefix}{name}", width) for name, width in widths.items()]


def _memory_parameters(mode: str, data_bits: int, address_bits: int, outstanding: int) -> dict[str, str]:
    values: dict[str, int | str] = {
        "PROTOCOL": "AXI4", "READ_WRITE_MODE": mode, "DATA_WIDTH": data_bits, "ADDR_WIDTH": address_bits, "ID_WIDTH": 0,
        "MAX_BURST_LENGTH": 16, "SUPPORTS_NARROW_BURST": 0, "HAS_BURST": 1, "HAS_LOCK": 0, "HAS_QOS": 0,
        "HAS_REGION": 0,
        "NUM_READ_OUTSTANDING": outstanding if mode == "READ_ONLY" else 0,
        "NUM_WRITE_OUTSTANDING": outstanding if mode == "WRITE_ONLY" else 0,
    }  # fmt: skip
    return {key: str(value) for key, value in values.items()}


def axi_read_master(name: str, data_bits: int, address_bits: int, outstanding: int) -> Bus:
    """The read channels of an AXI4 master without IDs."""
    bus = Bus(name, _AXIMM, _memory_parameters("READ_ONLY", data_bits, address_bits, outstanding))
    bus.add("out", _address_channel("ar", address_bits))
    bus.add("in", [("arready", 1), ("rdata", data_bits), ("rresp", 2), ("rlast", 1), ("rvalid", 1)])
    bus.add("out", [("rready", 1)])
    return bus


def axi_write_master(name: str, data_bits: int, address_bits: int, outstanding: int) -> Bus:
    """The write channels of an AXI4 master without IDs."""
    bus = Bus(name, _AXIMM, _memory_parameters("WRITE_ONLY", data_bits, address_bits, outstanding))
    bus.add("out", _address_channel("aw", address_bits))
    bus.add("in", [("awready", 1)])
    bus.add("out", [("wdata", data_bits), ("wstrb", data_bits // 8), ("wlast", 1), ("wvalid", 1)])
    bus.add("in", [("wready", 1), ("bresp", 2), ("bvalid", 1)])
    bus.add("out", [("bready", 1)])
    return bus


def axi_stream(name: str, direction: str, data_bits: int) -> Bus:
    """AXI4-Stream video: TUSER is start of frame, TLAST end of line. TDATA is padded to whole bytes."""
    width = -(-data_bits // 8) * 8
    bus = Bus(
        name, _AXIS, {"TDATA_NUM_BYTES": str(width // 8), "TUSER_WIDTH": "1", "HAS_TREADY": "1", "HAS_TLAST": "1"}
    )
    forward = [("tdata", width), ("tuser", 1), ("tlast", 1), ("tvalid", 1)]
    bus.add(direction, forward)
    bus.add("out" if direction == "in" else "in", [("tready", 1)])
    return bus
