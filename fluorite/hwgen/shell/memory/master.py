"""What masters that read and masters that write have in common."""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Module, Signal

from fluorite.hwgen.shell.axi_ports import Bus
from fluorite.hwgen.shell.memory.address_channel import AddressChannel
from fluorite.hwgen.shell.memory.rows import Block

__all__ = ["MemoryMaster"]


class MemoryMaster(Elaboratable):
    """An AXI4 master for blocks of memory: its control, its address channel, its errors.

    Parameters
    ----------
    bus : Bus
        The port.
    channel : str
        The port's address channel, ``"ar"`` or ``"aw"``.
    block : Block
        The next block.
    word_bytes : int
        Bytes of a word in memory.
    queue_depth : int
        Blocks that can wait.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    start : Signal, in
        Queue the block; the caller makes sure of room.
    stop : Signal, in
        Begin no more bursts.
    quiet : Signal
        Every burst begun was answered.
    done : Signal
        A block is done. High for one cycle.
    error, error_decode, error_address : Signal
        A burst was answered with an error (for one cycle); it was DECERR; its address.
    """

    def __init__(self, bus: Bus, channel: str, block: Block, word_bytes: int, queue_depth: int, name: str) -> None:
        self.bus = bus
        self.channel = channel
        self.block = block
        self.word_bytes = word_bytes
        self.queue_depth = queue_depth
        self.start = Signal(name=f"{name}_start")
        self.stop = Signal(name=f"{name}_stop")
        self.quiet = Signal(name=f"{name}_quiet")
        self.done = Signal(name=f"{name}_done")
        self.error = Signal(name=f"{name}_error")
        self.error_decode = Signal(name=f"{name}_error_decode")
        self.error_address = Signal(len(bus.signals[f"{channel}addr"]), name=f"{name}_error_address")

    def begin_bursts(self, m: Module, beat_bytes: int, buffer_beats: int) -> AddressChannel:
        """Add the address channel; see there for the arguments, and for what is still to connect."""
        m.submodules.addresses = addresses = AddressChannel(
            self.bus, self.channel, self.block, beat_bytes, self.queue_depth, buffer_beats, "addresses"
        )
        m.d.comb += [addresses.start.eq(self.start), addresses.stop.eq(self.stop)]
        return addresses

    def end_bursts(self, m: Module, addresses: AddressChannel, valid: Signal, response: Signal) -> None:
        """Say how bursts end: `response` is an AXI response while `valid`."""
        m.d.comb += [
            self.error.eq(valid & response[1]),
            self.error_decode.eq(response[0]),
            self.error_address.eq(addresses.address),
            self.quiet.eq(addresses.quiet),
        ]
