"""Lowering: a region's algorithm becomes stream expressions, one per stage, lane and channel.

The survey (:mod:`fluorite.hwgen.lowering.survey.survey`) has said what every stage reads and computes, and has refused
what is no read of a stream. Here the definitions are run again, and data are nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from fluorite.frontend.algorithm import ir
from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.borders import Border
from fluorite.hwgen.lowering.evaluate.definitions import Definitions
from fluorite.hwgen.lowering.evaluate.diagnostics import Diagnostics, Origin
from fluorite.hwgen.lowering.evaluate.indices import Affine, Tree, Value, index_functions
from fluorite.hwgen.lowering.history import History
from fluorite.hwgen.lowering.images import KnownImage
from fluorite.hwgen.lowering.nodes import Nodes
from fluorite.hwgen.lowering.placed import placed_image
from fluorite.hwgen.lowering.positions import Positions
from fluorite.hwgen.lowering.recursions import begins, metadata_of
from fluorite.hwgen.lowering.survey.domains import pixels_beyond
from fluorite.hwgen.lowering.survey.find_index import position
from fluorite.hwgen.lowering.survey.rated_borders import bordered, is_rated, plainly
from fluorite.hwgen.lowering.survey.reads import Read
from fluorite.hwgen.lowering.survey.survey import Survey, survey
from fluorite.hwgen.lowering.timed import Timing
from fluorite.hwgen.lowering.values import Lowered, stage_key
from fluorite.hwgen.lowering.window import Source, Window
from fluorite.hwgen.quasiaffine import STILL, QuasiAffine, shift
from fluorite.hwgen.streams.builder import Builder, constant_value
from fluorite.hwgen.streams.graph import Graph, Ref

__all__ = ["lower"]


def lower(region: Region, intervals: Mapping[str, int] | None = None, *, padded: bool = False) -> Lowered:
    """Lower a region.

    Parameters
    ----------
    region : Region
        The region.
    intervals : mapping of str to int
        Positions of the scan from one step in time to the next, by stage; 1 where there is none.
    padded : bool
        Read every stream beyond its border, as if it went on there: what the accelerator would be without borders.

    Raises
    ------
    UnsupportedError
        A construct has no hardware here; the message names Func, construct, rule and way out.
    """
    intervals = intervals or {}
    known = survey(region, intervals, padded=padded)
    graph = Graph(len(region.loops))
    lowered = Lowered(graph, known.rates, domains=dict(known.domains), steps=dict(known.steps))
    lowered.derived.update(known.derived)
    lowered.intervals.update(intervals)
    lowered.beyond.update(pixels_beyond(known.reads, known.domains))
    for recursion in known.recursions:
        lowered.metadata.update(metadata_of(recursion))
        lowered.borders.append(begins(recursion, known.domains[recursion.func]))
    build = Builder(lowered.graph)
    positions = Positions(region, lowered, build)
    for stage in reversed(region.stages):
        if stage in known.domains:  # else nothing that is left reads it
            timing = Timing(known.rates.streams[stage].periods[0], intervals.get(stage, 1))
            _lower_stage(region, stage, known, lowered, build, positions, timing)
    for port in known.ports:
        _lower_port(region, port, known, lowered, build, positions)
    return lowered


def _lower_stage(
    region: Region,
    stage: str,
    known: Survey,
    lowered: Lowered,
    build: Builder,
    positions: Positions,
    timing: Timing,
) -> None:
    """Add the bodies of a stage to those that are lowered."""
    func, domain, diagnostics = region.pipeline.funcs[stage], known.domains[stage], Diagnostics(region)
    history = History(stage, lowered, build)
    nodes = Nodes(region, stage, diagnostics, lowered, build, positions, timing, history)
    streams = _StageStreams(region, stage, known, lowered, build, positions)
    definitions = Definitions(region, stage, diagnostics, nodes, streams)
    for lane, offsets in enumerate(_lane_offsets(known.rates.streams[stage].lanes)):
        for channel, numbers in enumerate(domain.channel_numbers()):
            left = iter(numbers)
            point = [
                build.const(next(left)) if d is None else Affine(d, domain.lo[d] + offsets[d])
                for d in domain.dimensions
            ]
            for index, body in enumerate(definitions.values(func, point)):
                lowered.bodies[stage_key(stage, index), lane, channel] = body
    history.close()


def _lower_port(
    region: Region, port: Read, known: Survey, lowered: Lowered, build: Builder, positions: Positions
) -> None:
    """Add one channel of an output that leaves the core by a stream of its own, which reads the stage."""
    func, own, domain = region.pipeline.funcs[port.stream], known.domains[port.reader], known.domains[port.stream]
    for index, type_ in enumerate(func.types):
        key, channel = stage_key(port.stream, index), domain.channel(port.numbers)
        source = Source(port.stream, key, type_, channel, domain, known.edges.get(port.stream, ()))
        for lane, offsets in enumerate(_lane_offsets(known.rates.streams[port.reader].lanes)):
            where = tuple(shift(low + offset) for low, offset in zip(own.lo, offsets, strict=True))
            window = Window(region, build, positions, port.reader, own, source, {}, {}, where, lowered.rates)
            body = window.read(where)
            lowered.bodies[stage_key(port.reader, index), lane, own.channel(port.numbers)] = body


def _lane_offsets(lanes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Offset of each lane along each scan dimension, dimension 0 fastest."""
    for reverse in product(*(range(n) for n in reversed(lanes))):
        yield tuple(reversed(reverse))


class _StageStreams:
    """What one stage reads of other streams, as nodes."""

    def __init__(
        self, region: Region, stage: str, known: Survey, lowered: Lowered, build: Builder, positions: Positions
    ) -> None:
        self._region = region
        self._stage = stage
        self._known = known
        self._lowered = lowered
        self._build = build
        self._positions = positions
        self._inputs = {i.name: i.type for i in region.inputs}

    def read(self, call: ir.Call, name: str, args: Sequence[Value[Ref]], origins: Sequence[Origin | None]) -> Ref:
        """A read of a stream, which the survey has found to be one."""
        places = [STILL] * len(self._region.loops)
        borders: dict[int, Border] = {}
        images: dict[int, KnownImage] = {}
        numbers: list[int] = []
        for arg in args:
            if isinstance(arg, Ref):
                number = constant_value(arg)
                assert number is not None, "the survey refuses an index that depends on data"
                numbers.append(number)
                continue
            found = position(arg)
            if found:
                places[found[0]] = found[1]
                continue
            assert isinstance(arg, Tree), "the survey refuses an index that is no position"
            d, places[d], border, image = self._bordered(arg, name)
            if border:
                borders[d] = border
            if image:
                images[d] = image
        known, index = self._known, call.value_index
        domain = known.domains[name]
        type_ = self._inputs[name] if name in self._inputs else self._region.pipeline.funcs[name].types[index]
        source = Source(name, stage_key(name, index), type_, domain.channel(numbers), domain, known.edges.get(name, ()))
        own = known.domains[self._stage]
        where = tuple(places)
        window = Window(
            self._region, self._build, self._positions, self._stage, own, source, borders, images, where,
            self._lowered.rates,
        )  # fmt: skip
        return window.read(where)

    def _bordered(self, index: Tree, stream: str) -> tuple[int, QuasiAffine, Border | None, KnownImage | None]:
        """The position that an index under a border condition is, and the border; None if borders are left out.

        And the image that the border is around, where software says where that lies.
        """
        known, own, index = self._known.borders, self._known.domains[self._stage], plainly(index)
        rated = [parts for parts in bordered(index) if is_rated(parts, own, self._region)]
        image = None
        if rated:
            parts = next(parts for parts in rated if parts.key in known)
            d, moved, border = parts.dimension, parts.index, known[parts.key]
            image = self._known.image(self._stage, stream, parts)
        else:
            function = next(f for f in index_functions(index) if f.key in known)
            d, moved, border = function.place.dimension, shift(function.place.offset), known[function.key]
        if border:
            self._lowered.metadata.update(index.metadata)
            # Edges that are numbers, of a stream that comes at another rate, are there whatever the launch is.
            checked = border.image is None or own.first[d].rate == moved.rate == 1
            if image:
                self._place(d, stream, border, image)
            elif checked and border not in self._lowered.borders:
                self._lowered.borders.append(border)
        return d, moved, border, image

    def _place(self, d: int, stream: str, border: Border, image: KnownImage) -> None:
        """Note an image whose place software checks."""
        rates, images = self._lowered.rates, self._lowered.images
        if any((other.dimension, other.stream, other.border) == (d, stream, border) for other in images):
            return
        lanes = rates.streams[stream].lanes[d]
        domain = self._known.domains[stream]
        images.append(placed_image(self._region, d, stream, border, image, domain, lanes, rates.moduli[d]))
