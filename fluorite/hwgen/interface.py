"""The ports of a generated core, as data: what the simulators, the shell and the testbenches connect to.

A core is a synchronous Verilog module with these ports and no others:

- ``clk``, ``rst`` (synchronous, active high).
- ``launch_valid`` (in), ``launch_ready`` (out): one transfer starts one launch (one tile or one whole image).
  A launch may be accepted while earlier ones are still draining. ``busy`` (out) is high from the accepted
  launch until its last output word was taken.
- one input port per setting, stable while ``busy`` or ``launch_valid`` is high.
- per stream ``<name>_valid``, ``<name>_ready``, ``<name>_data``: one word a transfer, in raster order (dimension 0
  fastest) over the stream's region; a word holds ``lanes`` neighbours, a block that is as large along each dimension
  as that is unrolled, in raster order with lane 0 in the low bits, each of them ``channels`` values, channel 0 in the
  low bits. Where an extent is not a multiple of the block's, the last words along it are padded (with anything).
  An output stream also has ``<name>_last``: high on the last word of a launch. An input takes no word before its launch
  is accepted; where there are several inputs, each takes up to two words ahead.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CoreInterface", "SettingPort", "StreamPort"]


@dataclass(frozen=True, slots=True)
class StreamPort:
    """One ready/valid stream.

    Attributes
    ----------
    name : str
        Prefix of the port names.
    direction : str
        ``"in"`` or ``"out"``, seen from the core.
    element_bits : int
        Width of one value: 1, 8, 16, 32 or 64.
    signed : bool
        Whether a value is a signed integer.
    lanes : int
        Pixels a word.
    channels : int
        Values a pixel.
    dimensions : int
        Number of dimensions of the region streamed in a launch.
    """

    name: str
    direction: str
    element_bits: int
    signed: bool
    lanes: int
    dimensions: int
    channels: int = 1

    @property
    def word_values(self) -> int:
        """Values a word: those of all channels of all lanes."""
        return self.lanes * self.channels

    @property
    def word_bits(self) -> int:
        """Width of ``<name>_data``."""
        return self.element_bits * self.word_values


@dataclass(frozen=True, slots=True)
class SettingPort:
    """A static input port: an extent, an origin, a Param."""

    name: str
    width_bits: int
    signed: bool


@dataclass(frozen=True, slots=True)
class CoreInterface:
    """All of a core's ports."""

    module: str
    streams: tuple[StreamPort, ...]
    settings: tuple[SettingPort, ...]

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """The input streams, in the order of ``accelerate()``'s inputs."""
        return tuple(s for s in self.streams if s.direction == "in")

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """The output streams, one per Tuple element."""
        return tuple(s for s in self.streams if s.direction == "out")
