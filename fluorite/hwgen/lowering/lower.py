"""Lowering: a region's algorithm becomes stream expressions, one per stage, lane and channel.

The walk over the stages, consumers first, runs twice: once to learn which taps exist (hence each stage's domain),
once to build.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from fluorite.errors import UnsupportedError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.pretty import show
from fluorite.frontend.algorithm.visit import children
from fluorite.frontend.region.region import Loop, Region
from fluorite.hwgen.formula import constant, variable
from fluorite.hwgen.lowering.borders import Border, find_border
from fluorite.hwgen.lowering.definitions import Definitions
from fluorite.hwgen.lowering.edges import Edge, Tap, clamped, constant_beyond
from fluorite.hwgen.lowering.expressions import with_children
from fluorite.hwgen.lowering.indices import Origin, as_input, is_border_helper, rule_of_index
from fluorite.hwgen.lowering.values import Affine, Domain, Lowered, Tree, Value, stage_key
from fluorite.hwgen.streams.builder import constant_value
from fluorite.hwgen.streams.graph import Graph, Ref

__all__ = ["lower"]

_INDEX = ir.Type(ir.TypeCode.INT, 32)


def lower(region: Region, *, padded: bool = False) -> Lowered:
    """Lower a region.

    Parameters
    ----------
    region : Region
        The region.
    padded : bool
        Read every stream beyond its border, as if it went on there: what the accelerator would be without borders.

    Raises
    ------
    UnsupportedError
        A construct has no hardware here; the message names Func, construct, rule and way out.
    """
    survey = _Walk(region, {}, survey=True, padded=padded)
    survey.run()
    for name in survey.inputs:
        if name not in survey.reads:
            raise UnsupportedError(
                region.name, f"input {name}", "nothing that is computed reads it", "remove it from the inputs"
            )
    edges = constant_beyond(region, survey.taps, survey.lowered)
    walk = _Walk(region, clamped(region, survey.reads, survey.taps, edges), survey=False, padded=padded)
    walk.reach = survey.reach
    walk.constant_beyond = edges
    walk.run()
    return walk.lowered


class _Walk(Definitions):
    """One pass over a region's stages, consumers first."""

    def __init__(self, region: Region, domains: Mapping[str, Domain], *, survey: bool, padded: bool) -> None:
        super().__init__(region, Lowered(Graph(len(region.loops)), domains=dict(domains)))
        self.survey = survey
        self.padded = padded
        if survey:
            self.lanes = (1,) * len(region.loops)
        self.reads: dict[str, Domain] = dict(domains)  # while surveying, what consumers read so far
        self.borders: dict[object, Border | None] = {}
        self.reach: dict[object, int] = {}  # per border, positions beyond an image's edges that are asked for
        self.taps: list[Tap] = []
        self.constant_beyond: Mapping[str, Sequence[Edge | None]] = {}

    # --- stages ---------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Lower every stage, so that a producer's readers are all known before it."""
        region = self.region
        if self.survey:
            own: list[int | None] = [None] * len(region.func.args)
            for d, loop in enumerate(region.loops):
                own[loop.position] = d
            zero = (0,) * len(region.loops)
            by_position = sorted(region.channels, key=lambda channel: channel.position)
            channels = tuple((c.min, c.min + c.extent - 1) for c in by_position)
            self.reads[region.name] = Domain(tuple(own), zero, zero, channels)
        for name in reversed(region.stages):
            if name not in self.reads:
                continue  # not read by anything that is left
            self.stage = name
            self.memo = {}
            func, domain = region.pipeline.funcs[name], self.reads[name]
            lo = (0,) * len(domain.lo) if self.survey else domain.lo
            for lane, offsets in enumerate(self._lane_offsets()):
                for channel, numbers in enumerate(domain.channel_numbers()):
                    left = iter(numbers)
                    indices = [
                        self.build.const(next(left)) if d is None else Affine(d, lo[d] + offsets[d])
                        for d in domain.dimensions
                    ]
                    for index, value in enumerate(self._call(func, indices)):
                        body = self._stream(value, func.types[index])
                        self.lowered.bodies[stage_key(name, index), lane, channel] = body

    def _lane_offsets(self) -> Iterator[tuple[int, ...]]:
        """Offset of each lane along each scan dimension, dimension 0 fastest."""
        for reverse in product(*(range(n) for n in reversed(self.lanes))):
            yield tuple(reversed(reverse))

    def _tap(self, call: ir.Call, name: str, args: tuple[Value, ...]) -> Value:
        """A read of another stream at some pixels' distance."""
        places: dict[int, Affine] = {}
        borders: dict[int, Border] = {}
        numbers: list[int] = []
        dimensions: list[int | None] = []
        for position, arg in enumerate(args):
            number = constant_value(arg) if isinstance(arg, Ref) else None
            if number is not None:
                numbers.append(number)
                dimensions.append(None)
                continue
            if isinstance(arg, Tree) and not arg.indices:
                raise self._unsupported(
                    f"index {self._show(arg.expr)} of {name}",
                    "which channel is read must be known before there is an image",
                    "give it, or the bounds of its border condition, as numbers",
                )
            border = self._border(arg) if isinstance(arg, Tree) else None
            place = arg if isinstance(arg, Affine) else border and border[0]
            if not isinstance(place, Affine) or place.dimension in places:
                raise self._not_read_at(arg, call.args[position], call)
            places[place.dimension] = place
            dimensions.append(place.dimension)
            if border and not self.padded:
                borders[place.dimension] = border[1]
        if len(places) != len(self.lanes):
            raise self._unsupported(self._show(call), self._missing(places), self._instead(call, places))
        offsets = [places[d].offset for d in range(len(places))]
        if self.survey:
            self._record(name, tuple(dimensions), offsets, tuple(numbers), borders, call)
            ends = {d: (bool(b.usual.left), bool(b.usual.right)) for d, b in borders.items()}
            repeats = frozenset(d for d, border in borders.items() if border.repeats_edge)
            self.taps.append(Tap(self.stage, name, tuple(offsets), ends, repeats))
            type_ = self._type(name, call.value_index)
            where = (stage_key(name, call.value_index), *offsets, *numbers)
            return self.build.graph.intern("tap", (), where, type_.min, type_.max, static=False)
        own = self.reads[self.stage]
        beyond = max((max(-own.lo[d], own.hi[d]) for d in borders), default=0)
        if beyond > 0:
            self.lowered.beyond[name] = max(self.lowered.beyond.get(name, 0), beyond)
        window = _Window(self, name, call.value_index, self.reads[name].channel(numbers), borders, offsets)
        return window.read(tuple(offsets))

    def _not_read_at(self, index: Value, written: ir.Expr, call: ir.Call) -> UnsupportedError:
        """The refusal of an index, where the user wrote it."""
        rule = rule_of_index(index, self.region.name, len(self.lanes))
        origin = self.origins.get(index) if not isinstance(index, Affine) else None
        helper = self.callers[-1].func
        if origin is None and is_border_helper(helper):
            return self._unsupported(f"{helper.name} around {call.name}", rule, as_input(helper.name))
        origin = origin or Origin(self._spoken(), self._show(written), self._show(call))
        return UnsupportedError(origin.func, f"index {origin.index} in {origin.call}", rule, as_input(origin.call))

    def _type(self, name: str, value_index: int) -> ir.Type:
        return self.inputs[name].type if name in self.inputs else self.region.pipeline.funcs[name].types[value_index]

    def _border(self, tree: Tree) -> tuple[Affine, Border] | None:
        """The position and the border condition that an index stands for."""
        if len(tree.indices) > 1:
            return self._border_of_several(tree)
        if not tree.indices:
            return None
        ((name, place),) = tree.indices.items()
        d = place.dimension
        own = self.reads[self.stage]
        function = (show(tree.expr, 1000).replace(name, "index"), d)
        if self.survey:
            self.reach[function] = max(
                self.reach.get(function, 1), -(own.lo[d] + place.offset), own.hi[d] + place.offset
            )
        known = (function, self.reach[function])
        loop = self.region.loops[d]
        if known not in self.borders:
            self.borders[known] = find_border(d, tree.expr, name, list(tree.metadata), self.reach[function], loop)
        border = self.borders[known]
        if border is None:
            return None
        condition = f"border condition {show(tree.expr).replace(name, _at(loop.var, place.offset))}"
        if not loop.whole:
            raise self._unsupported(
                condition,
                f"hardware does borders of whole images, and {loop.var} is tiled",
                "accelerate at hl.Var.outermost() without tile(), or compute the padded Func in software as an input",
            )
        self._check_image(border, loop, condition)
        self.lowered.metadata.update(tree.metadata)
        if not self.survey and border not in self.lowered.borders:
            self.lowered.borders.append(border)
        return place, border

    def _check_image(self, border: Border, loop: Loop, condition: str) -> None:
        """Refuse a border that no launch can have."""
        hw, var, way_out = self.region.name, loop.var, "compute the padded Func in software as an input"
        first, last = border.image or (None, None)
        own_last = None if loop.min is None else loop.min + loop.max_extent - 1
        is_size = first is None or last is None or last - first + 1 == loop.max_extent
        if not is_size or (loop.min is not None and (first not in (None, loop.min) or last not in (None, own_last))):
            ends = [edge for edge in (first, last) if edge is not None]
            extent = loop.max_extent if first is None or last is None else last - first + 1
            least = first if first is not None else ends[0] - extent + 1
            over = ("" if loop.fixed else "up to ") + f"{loop.max_extent} pixels"
            raise self._unsupported(
                condition,
                f"its image ends at {' and '.join(f'{var} = {n}' for n in ends)}, and hardware has a border only where "
                f"{hw} ends, which is computed over {over}" + ("" if loop.min is None else f" from {var} = {loop.min}"),
                f"give {hw}.{'bound' if loop.fixed else 'set_estimate'}({var}, {least}, {extent}), or {way_out}",
            )
        if not border.folds:
            raise self._unsupported(
                condition,
                "it reads as far away as the image's other end, which hardware can hold only for images of one size",
                f"give {hw}.bound({var}, min, extent), or {way_out}",
            )

    def _border_of_several(self, tree: Tree) -> tuple[Affine, Border] | None:
        """The same where the index's distance from a number stands beside it, which became an index of its own."""
        for name, place in tree.indices.items():
            if any(other.dimension != place.dimension for other in tree.indices.values()):
                return None
            distances: dict[str, ir.Expr] = {}
            for other, at in tree.indices.items():
                position, distance = ir.Variable(name, _INDEX), ir.Imm(_INDEX, at.offset - place.offset)
                distances[other] = ir.Binary(ir.BinaryOp.ADD, position, distance, _INDEX)
            one = Tree(_replaced(tree.expr, distances), {name: place}, tree.metadata)
            loop = self.region.loops[place.dimension]
            if find_border(place.dimension, one.expr, name, list(one.metadata), 1, loop):
                return self._border(one)
        return None

    def _record(
        self,
        name: str,
        dimensions: tuple[int | None, ...],
        offsets: Sequence[int],
        numbers: tuple[int, ...],
        borders: Mapping[int, Border],
        call: ir.Call,
    ) -> None:
        """Add a read to what is known of a stream: offsets add up from the output on, but end at a border."""
        own = self.reads[self.stage]
        left = {d for d, border in borders.items() if border.usual.left}
        right = {d for d, border in borders.items() if border.usual.right}
        lo = tuple(0 if d in left else own.lo[d] + offset for d, offset in enumerate(offsets))
        hi = tuple(0 if d in right else own.hi[d] + offset for d, offset in enumerate(offsets))
        known = self.reads.setdefault(name, Domain(dimensions, lo, hi, tuple((n, n) for n in numbers)))
        if known.dimensions != dimensions:
            raise self._unsupported(
                f"{self._show(call)} scans {name} in another way than elsewhere",
                "a stream has one raster order, and an argument is a number in all reads or in none",
                as_input(self._show(call)),
            )
        self.reads[name] = Domain(
            dimensions,
            tuple(map(min, known.lo, lo)),
            tuple(map(max, known.hi, hi)),
            tuple((min(a, n), max(b, n)) for (a, b), n in zip(known.channels, numbers, strict=True)),
        )


class _Window:
    """Reads of one stream around the current position, with the stream's borders where it has them.

    A stage that is constant beyond some pixels (:mod:`fluorite.hwgen.lowering.edges`) has a border there that repeats
    its edge.
    """

    def __init__(
        self,
        walk: _Walk,
        name: str,
        value_index: int,
        channel: int,
        borders: Mapping[int, Border],
        offsets: Sequence[int],
    ) -> None:
        self.walk = walk
        self.name = name
        self.key = stage_key(name, value_index)
        self.type = walk._type(name, value_index)
        self.channel = channel
        self.domain = walk.reads[name]
        self.borders = borders
        self.edges = dict.fromkeys(borders, Edge(0, 0))
        own = walk.reads[walk.stage]
        for d, edge in enumerate(walk.constant_beyond.get(name, ())):
            past = edge and (offsets[d] < edge.lo or own.hi[d] - own.lo[d] + offsets[d] > edge.hi)
            if edge and past and d not in borders:
                self.edges[d] = edge

    def read(self, offsets: tuple[int, ...], inner: int = -1) -> Ref:
        """The value at these distances in pixels; only the borders of dimensions beyond ``inner`` are applied."""
        bordered = [d for d in sorted(self.edges) if d > inner]
        if not bordered:
            return self._tap(offsets)
        d = bordered[0]
        if d in self.borders and not self.borders[d].repeats_edge:
            return self._folded(offsets, d)
        if offsets[d] >= self.edges[d].lo:
            return self._right(offsets, d)
        before = self._before(offsets, d)
        return self.walk.build.select(before, self._left(_moved(offsets, d, 1), d), self._right(offsets, d))

    def _left(self, offsets: tuple[int, ...], d: int) -> Ref:
        """What is at a position that may lie before the first pixel: what is at the next one, if it does."""
        value = self.read(offsets, d)
        if offsets[d] >= self.edges[d].lo:
            return value
        before = self._before(offsets, d)
        return self.walk.build.select(before, self._left(_moved(offsets, d, 1), d), value)

    def _right(self, offsets: tuple[int, ...], d: int) -> Ref:
        """What is at a position that may lie behind the last pixel: what is at the one before, if it does."""
        value = self.read(offsets, d)
        if self._furthest_right(offsets, d) <= 0:
            return value
        behind = self._compare("behind", offsets, d, offsets[d] - self.edges[d].hi)
        return self.walk.build.select(behind, self._right(_moved(offsets, d, -1), d), value)

    def _before(self, offsets: tuple[int, ...], d: int) -> Ref:
        return self._compare("lt", offsets, d, -((offsets[d] - self.edges[d].lo) // self.walk.lanes[d]))

    def _folded(self, offsets: tuple[int, ...], d: int) -> Ref:
        """Any other border: each position beyond an edge has its own pixel."""
        border, lanes, build = self.borders[d], self.walk.lanes[d], self.walk.build
        offset = offsets[d]
        value = self.read(offsets, d)
        for j in range(1, min(-offset, len(border.usual.left)) + 1):
            word, between = divmod(-j - offset, lanes)
            if not between:  # else this lane is never there
                folded = self._of_size(offsets, d, [j + fold.left[j - 1] for fold in border.folds])
                value = build.select(self._compare("eq", offsets, d, word), folded, value)
        for j in range(1, self._furthest_right(offsets, d) + 1):
            folded = self._of_size(offsets, d, [-j - fold.right[j - 1] for fold in border.folds])
            value = build.select(self._compare("at", offsets, d, offset - j), folded, value)
        return value

    def _of_size(self, offsets: tuple[int, ...], d: int, moves: Sequence[int]) -> Ref:
        """What is so many pixels away, by the image's size: of the border's least extent, of one more, and so on."""
        build, loop = self.walk.build, self.walk.region.loops[d]
        value = self.read(_moved(offsets, d, moves[-1]), d)
        for number, by in enumerate(moves[:-1]):
            if by != moves[-1]:
                is_small = build.eq(self._last(loop), build.const(self.borders[d].least_extent + number - 1))
                value = build.select(is_small, self.read(_moved(offsets, d, by), d), value)
        return value

    def _furthest_right(self, offsets: tuple[int, ...], d: int) -> int:
        """How far behind the last pixel a position can be, over the stage's domain."""
        own = self.walk.reads[self.walk.stage]
        # A lane beyond the domain, in the last word of a row, would go further, but nobody looks at it.
        beyond = own.hi[d] - own.lo[d] + offsets[d] - self.edges[d].hi
        return min(beyond, len(self.borders[d].usual.right)) if d in self.borders else beyond

    def _compare(self, what: str, offsets: tuple[int, ...], d: int, number: int) -> Ref:
        """A condition on where the scan is along dimension d.

        ``lt`` and ``eq`` compare the number of the word, ``behind`` and ``at`` the pixels left behind the word's
        first one. An outer dimension is looked at from the place that is read, so that what it selects only moves
        along a row: one column of multiplexers serves the whole window.
        """
        build, walk = self.walk.build, self.walk
        word = walk._word(walk.stage if d == 0 else self.name, d)
        delay = self._delay(offsets)
        word = word.shifted(tuple(n if e < d else 0 for e, n in enumerate(delay)))
        if what in ("lt", "eq"):
            return build.lt(word, build.const(number)) if what == "lt" else build.eq(word, build.const(number))
        loop = walk.region.loops[d]
        left = build.linear([(1, self._last(loop)), (-walk.lanes[d], word)])
        return build.lt(left, build.const(number)) if what == "behind" else build.eq(left, build.const(number))

    def _last(self, loop: Loop) -> Ref:
        """The number of the image's last pixel."""
        names = self.walk.region.names
        extent = constant(loop.max_extent) if loop.fixed else variable(names.extent(loop.var))
        return self.walk._setting(f"image_last_{names[loop.var]}", 0, loop.max_extent - 1, extent - 1)

    def _delay(self, offsets: tuple[int, ...]) -> tuple[int, ...]:
        places = zip(offsets, self.domain.lo, self.walk.lanes, strict=True)
        return tuple(-((offset - lo) // lanes) for offset, lo, lanes in places)

    def _tap(self, offsets: tuple[int, ...]) -> Ref:
        lane, stride = 0, 1
        for offset, lo, lanes in zip(offsets, self.domain.lo, self.walk.lanes, strict=True):
            lane += (offset - lo) % lanes * stride
            stride *= lanes
        tap = self.walk.build.tap(self.key, lane, self.channel, self.type.min, self.type.max)
        return tap.shifted(self._delay(offsets))


def _moved(offsets: tuple[int, ...], d: int, by: int) -> tuple[int, ...]:
    return (*offsets[:d], offsets[d] + by, *offsets[d + 1 :])


def _replaced(expr: ir.Expr, variables: Mapping[str, ir.Expr]) -> ir.Expr:
    """The expression with some variables replaced."""
    if isinstance(expr, ir.Variable):
        return variables.get(expr.name, expr)
    return with_children(expr, [_replaced(child, variables) for child in children(expr)])


def _at(var: str, offset: int) -> str:
    """``x``, ``x + 1`` or ``x - 1``."""
    return var if offset == 0 else f"{var} {'+' if offset > 0 else '-'} {abs(offset)}"
