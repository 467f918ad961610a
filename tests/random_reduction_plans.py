"""Pipelines with random reductions as text: what `random_reductions` draws, and two schedules of each update."""

import random
from dataclasses import dataclass, field
from fractions import Fraction

import halide as hl
import numpy as np

from tests.random_reduction_updates import MASKS, Update, Updates

TYPES = {
    "u8": "uint8",
    "i8": "int8",
    "u16": "uint16",
    "i16": "int16",
    "u32": "uint32",
    "i32": "int32",
    "u64": "uint64",
    "i64": "int64",
}
EDGES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33)
TAILS = ("Auto", "GuardWithIf", "ShiftInwards", "RoundUp")
BORDERS = ("repeat_edge", "mirror_image", "mirror_interior", "constant_exterior")
HEADER = """KEPT = []  # Halide holds no reference to the memory of numpy


def kept(array, name):
    KEPT.append(np.ascontiguousarray(array))
    return hl.Buffer(KEPT[-1], name)


def build(schedule):
"""


@dataclass
class Stream:
    """A stage or an input; ``types`` are those of its Tuple's elements."""

    name: str
    types: tuple
    rates: tuple  # pixels of it per pixel of the accelerated Func, per dimension
    channels: bool = False
    is_input: bool = False
    border: str = ""

    @property
    def type(self):
        return self.types[0]


@dataclass
class Pipeline(Updates):
    """The pipeline of a number: ``source`` has ``build(schedule)``: 0 is Halide's alone, 1 and 2 are cores."""

    seed: int
    rng: random.Random = field(init=False)
    lines: list = field(init=False, default_factory=list)
    names: int = field(init=False, default=0)

    def __post_init__(self):
        rng = self.rng = random.Random(self.seed)
        self.rank = rng.choice((1, 2, 2, 2, 2, 2))
        self.channels = rng.choice((0, 0, 0, 0, 0, 2, 3))
        self.lanes = rng.choice((1, 1, 1, 2, 2, 3, 4))
        self.mode = rng.choice(("estimate", "estimate", "estimate", "bound", "tile", "tile"))
        self.rated = rng.random() < 0.3
        self.extents = [rng.choice(EDGES[4:12]), rng.choice(EDGES[2:9])][: self.rank]
        self.origin = [rng.choice((0, 0, 1, -3, 12)) for _ in range(self.rank)]
        self.in_step = self.lanes > 1 or self.rated  # launches begin with a word of every stream
        if self.in_step:
            self.origin[0] = rng.choice((0, 12, -24))
            if self.mode == "tile":
                self.extents[0] = rng.choice((12, 24))
        self._draw_streams(rng.choice((1, 1, 2, 2, 3, 4)), rng.choice((1, 1, 1, 2)))
        self._write()

    # --- what there is --------------------------------------------------------------------------------------------

    def _draw_streams(self, count, inputs):
        """Stages, the accelerated Func first, and inputs; every one but the first has a reader among those before."""
        rng = self.rng
        self.streams, self.edges = [], []
        for number in range(count + inputs):
            is_input = number >= count
            rates = (Fraction(1),) * self.rank
            if number:
                reader = count - 1 if number == count else rng.choice(range(min(number, count)))
                rates = self.streams[reader].rates
                if self.rated and rng.random() < 0.5:
                    ratio, along = rng.choice((Fraction(2), Fraction(1, 2))), rng.randrange(self.rank)
                    if Fraction(1, 4) <= rates[along] * ratio <= 4:
                        rates = tuple(rate * ratio if d == along else rate for d, rate in enumerate(rates))
                self.edges.append((reader, number))
            name = f"in{number - count}" if is_input else f"stage{number}" if number else "hw"
            types = (rng.choice(("u8", "u8", "u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64")),)
            if number and not is_input and rng.random() < 0.3:
                types = (*types, rng.choice(("u8", "u16", "i32")))
            channels = bool(self.channels) and (number == 0 or rng.random() < 0.7)
            self.streams.append(Stream(name, types, rates, channels, is_input))
        for reader in range(count):
            while not any(r == reader for r, _ in self.edges) or rng.random() < 0.25:
                number = rng.randrange(reader + 1, count + inputs)
                if self.streams[number].rates == self.streams[reader].rates:
                    self.edges.append((reader, number))
                elif not any(r == reader for r, _ in self.edges):
                    self.edges.append((reader, reader + 1))
                    self.streams[reader + 1].rates = self.streams[reader].rates
        self.edges = list(dict.fromkeys(self.edges))
        if not all(self._is_plain(a, b) for a, b in self.edges):
            for stream in self.streams:
                stream.rates = (Fraction(1),) * self.rank
        if self.mode != "tile" and not self.rated and rng.random() < 0.3:
            self.streams[-1].border = rng.choice(BORDERS)

    def _is_plain(self, reader, source):
        """Whether the rate between two streams is one that is drawn."""
        own, its = self.streams[reader].rates, self.streams[source].rates
        return all(its[d] / own[d] in (1, 2, 4, Fraction(1, 2), Fraction(1, 4)) for d in range(self.rank))

    # --- text -----------------------------------------------------------------------------------------------------

    def _put(self, line, schedule=None):
        condition = "" if schedule is None else "if schedule: " if schedule == -1 else f"if schedule == {schedule}: "
        self.lines.append("    " + condition + line)

    def _name(self, stem):
        self.names += 1
        return f"{stem}{self.names}"

    def _write(self):
        rng = self.rng
        scanned = self._scanned()
        variables = [*scanned, *(["c"] if self.channels else [])]
        self._put(f"{', '.join(variables)}, xo, yo, xi, yi = hl.vars('{' '.join(variables)} xo yo xi yi')")
        self._put("gain = hl.Param(hl.UInt(8), 'gain', 5)")
        self.inputs = [stream for stream in self.streams if stream.is_input]
        for stream in self.inputs:
            bits, kind = stream.type[1:], {"u": "UInt", "i": "Int"}[stream.type[0]]
            rank = self.rank + stream.channels
            self._put(f"{stream.name} = hl.ImageParam(hl.{kind}({bits}), {rank}, '{stream.name}')")
            if stream.border:
                value = f", hl.cast({stream.name}.type(), {rng.choice((0, 9))})"
                edge = value if stream.border == "constant_exterior" else ""
                own = [f"({stream.name}.dim({d}).min(), {stream.name}.dim({d}).extent())" for d in range(self.rank)]
                if stream.channels:
                    own.append("(hl.Expr(), hl.Expr())")
                border = f"hl.BoundaryConditions.{stream.border}({stream.name}{edge}, [{', '.join(own)}])"
                self._put(f"{stream.name}_edge = {border}")
        for number in reversed([n for n, stream in enumerate(self.streams) if not stream.is_input]):
            self._stage(number)
        self._schedule()
        self._put(f"return output, [{', '.join(stream.name for stream in self.inputs)}]")
        self.source = HEADER + "\n".join(self.lines) + "\n"

    def _scanned(self):
        return ["x", "y"][: self.rank]

    def _at(self, channels):
        return ", ".join([*self._scanned(), *(["c"] if channels else [])])

    def _stage(self, number):
        stage, rng = self.streams[number], self.rng
        sources = [m for n, m in self.edges if n == number]
        at = self._at(stage.channels)
        self._put(f"{stage.name} = hl.Func('{stage.name}')")
        reductions = rng.choice((0, 1, 1, 1, 2)) if number else rng.choice((0, 0, 1))
        if len(sources) == len(self.streams) - number - 1 and not number and len(self.streams) == 2:
            reductions = reductions or 1  # else there is none at all
        values = [self._read(stage, m, None) for m in sources]
        if reductions:
            values = [v for v in values if rng.random() < 0.3] or [str(rng.choice((0, 0, 1, 3, 100)))]
            if rng.random() < 0.15:
                values = [f"({rng.choice(self._scanned())} & 31)"]
            if rng.random() < 0.1:
                values = ["hl.i32(gain)"]
        pure = " + ".join(values)
        if len(sources) > 1 and not reductions:
            pure = rng.choice((pure, f"hl.max({values[0]}, {' + '.join(values[1:])})"))
        elements = [self._narrow(pure if n == 0 else rng.choice(("0", "1", "7")), t) for n, t in enumerate(stage.types)]
        self._put(f"{stage.name}[{at}] = {self._tuple(elements)}")
        updates = []
        for turn in range(reductions):
            # Every source is read by the last update at least.
            own = [m for m in sources if turn == reductions - 1 or rng.random() < 0.6] or sources[:1]
            update = self._update(stage, own, at)
            for line in update.lines:
                self._put(line)
            updates.append(update)
            if rng.random() < 0.1 and len(stage.types) == 1:
                f = f"{stage.name}[{at}]"
                new = self._narrow(
                    rng.choice((f"(hl.i32({f}) & 255) / 3 + 1", f"(hl.i32({f}) & 255) * 3 - 1")), stage.type
                )
                self._put(f"{f} = {new}")
                updates.append(Update([], [], True, False))
        self.updates_of_hw = len(updates)  # those of the last stage written, which is the accelerated Func
        for n, update in enumerate(updates):
            for schedule in (1, 2):
                for line in self._scheduled(stage, n, update, schedule):
                    self._put(line, schedule)
        if number:
            self._put(f"{stage.name}.compute_root()")
            self._put(f"{stage.name}.linebuffer()", -1)
            if stage.channels:
                self._put(f"{stage.name}.bound(c, 0, {self.channels}).unroll(c)", -1)
        if stage.channels:
            for n in range(len(updates)):
                self._put(f"{stage.name}.update({n}).unroll(c)", -1)

    def _tuple(self, elements):
        return elements[0] if len(elements) == 1 else f"({', '.join(elements)})"

    def _narrow(self, value, of):
        """A value, of int32 or of this type, in a type."""
        if of == "i32":
            return (
                f"hl.i32({value}) & {MASKS[of]}" if self.rng.random() < 0.5 else f"hl.clamp({value}, -999999, 999999)"
            )
        return f"hl.cast(hl.{'UInt' if of[0] == 'u' else 'Int'}({of[1:]}), {value})"

    def _index(self, v, ratio, r):
        """Where a source is read along a dimension: a list of forms; ``r`` is an RVar or a number."""
        rng = self.rng
        base = {Fraction(1): v, Fraction(2): f"2*{v}", Fraction(4): f"4*{v}", Fraction(1, 2): f"{v}/2"}.get(
            ratio, f"{v}/4"
        )
        if r is None:
            k = rng.choice((0, 0, 1, -1, 2))
            return f"{base} + {k}" if k else base
        forms = [f"{base} + {r}"] * 5 + [f"{base} - {r}", f"{base} + 2*{r}", f"{base} + 1 - {r}", f"{base} + {r}/2"]
        return rng.choice(forms)

    def _read(self, stage, m, rvars):
        """What a stage reads of a source, around its own pixel or where RVars say, of int32 and at most 2**12 or so."""
        rng, source = self.rng, self.streams[m]
        at = []
        free = list(rvars or [])
        for v, own, its in zip(self._scanned(), stage.rates, source.rates, strict=True):
            r = None
            if free and rng.random() < 0.85:
                r = free.pop(0) if rng.random() < 0.9 else rng.choice(free)
            at.append(self._index(v, its / own, r))
        if source.channels:
            at.append("c" if stage.channels and rng.random() < 0.7 else str(rng.randrange(self.channels)))
        name = f"{source.name}_edge" if source.border else source.name
        read = f"{name}[{', '.join(at)}]"
        element = rng.randrange(len(source.types))
        type_ = source.types[element]
        if len(source.types) > 1:
            read += f"[{element}]"
        if type_ in ("u8", "i8"):
            return f"hl.i32({read})"
        return rng.choice((f"hl.i32({read} & 0xFFF)", f"hl.i32({read} % 251)", f"(hl.i32({read} >> 3) & 0x7FF)"))

    # --- schedules ------------------------------------------------------------------------------------------------

    def _scheduled(self, stage, number, update, schedule):
        """The directives of an update in one of the two schedules: the first one is mostly serial."""
        rng = self.rng
        if not update.rvars or (schedule == 1 and rng.random() < 0.6):
            return []
        own = f"{stage.name}.update({number})"
        names = [(name, extent) for name, extent in update.rvars]
        lines, loops = [], []
        if len(names) > 1 and rng.random() < 0.15 and update.factors and not stage.channels:
            whole = rng.choice(names)
            factored, u = self._name("factored"), self._name("u")
            lines.append(f"{u} = hl.Var('{u}')")
            lines.append(f"{factored} = {own}.rfactor({whole[0]}, {u})")
            lines.append(f"{factored}.compute_root().linebuffer()")
            lines.append(f"{factored}.bound({u}, 0, {whole[1]}).unroll({u}).update().unroll({u})")
            return lines
        if len(names) > 1 and rng.random() < 0.2:
            (a, n), (b, m), *rest = names
            fused = self._name("f")
            lines.append(f"{fused} = hl.RVar('{fused}')")
            lines.append(f"{own}.fuse({a}, {b}, {fused})")
            names = [(fused, n * m), *rest]
        for name, extent in names:
            if extent > 1 and rng.random() < 0.3:
                outer, inner = self._name("o"), self._name("i")
                factor = rng.choice([n for n in (2, 2, 3, 4) if n <= extent])
                tail = rng.choice(("", ", hl.TailStrategy.GuardWithIf"))
                lines.append(f"{outer}, {inner} = hl.RVar('{outer}'), hl.RVar('{inner}')")
                lines.append(f"{own}.split({name}, {outer}, {inner}, {factor}{tail})")
                loops += [inner, outer]
            else:
                loops.append(name)
        if update.any_order and len(loops) > 1 and rng.random() < 0.4:
            rng.shuffle(loops)
            lines.append(f"{own}.reorder({', '.join(loops)})")
        lines.extend(f"{own}.unroll({name})" for name in loops if rng.random() < 0.35)
        return lines

    def _schedule(self):
        rng, scanned = self.rng, self._scanned()
        at = self._at(bool(self.channels))
        self._put("hw.compute_root()", 0)
        self.consumer = "copy" if self.mode == "tile" else rng.choice(("none", "copy"))
        if self.consumer == "none":
            self._put("output = hw")
        else:
            self._put("output = hl.Func('output')")
            self._put(f"output[{at}] = hw[{at}]")
            if self.channels and self.mode != "bound":
                self._put(f"output.bound(c, 0, {self.channels})", -1)
        compute, store, inner = "x", "hl.Var.outermost()", list(scanned)
        if self.mode == "tile":
            tail, outer = rng.choice(TAILS), rng.choice(TAILS[:2])
            names = [(v, f"{v}o", f"{v}i", n) for v, n in zip(scanned, self.extents, strict=True)]
            order = [i for _, _, i, _ in names] + (["c"] if self.channels else []) + [o for _, o, _, _ in names]
            for func, own in (("output", outer), ("hw", tail)):
                for v, o, i, n in names:
                    self._put(f"{func}.split({v}, {o}, {i}, {n}, hl.TailStrategy.{own})", -1)
                self._put(f"{func}.reorder({', '.join(order)})", -1)
            self._put("hw.compute_at(output, xo)", -1)
            inner = [f"{v}i" for v in scanned]
            compute, store = inner[0], "xo"
        else:
            self._put("hw.compute_root()", -1)
            for v, least, extent in zip(scanned, self.origin, self.extents, strict=True):
                wanted = f"bound({v}, {least}, {extent})" if self.mode == "bound" else f"set_estimate({v}, 0, {extent})"
                self._put(f"hw.{wanted}", -1)
        if self.channels:
            self._put(f"hw.bound(c, 0, {self.channels}).reorder(c, {', '.join(inner)}).unroll(c)", -1)
        if self.lanes > 1:
            tail = rng.choice(("", "", ", hl.TailStrategy.GuardWithIf"))
            self._put(f"hw.unroll({inner[0]}, {self.lanes}{tail})", -1)
            if self.mode != "tile" and rng.random() < 0.5:  # as Halide's warning asks for
                for n in range(self.updates_of_hw):
                    self._put(f"hw.update({n}).unroll({inner[0]}, {self.lanes}{tail})", -1)
        self._put(f"hw.accelerate([{', '.join(stream.name for stream in self.inputs)}], {compute}, {store})", -1)

    # --- runs -----------------------------------------------------------------------------------------------------

    def build(self, schedule):
        space = {"hl": hl, "np": np}
        exec(self.source, space)
        return space["build"](schedule)

    def regions(self):
        """Mins and extents to realize."""
        rng = random.Random(self.seed)
        if self.mode == "bound":
            return [(tuple(self.origin), tuple(self.extents))]
        found = [((0,) * self.rank, tuple(self.extents))]
        for number in range(2):
            mins = tuple(rng.choice((0, 1, -1, 7, -9, 12)) for _ in range(self.rank)) if number else (0,) * self.rank
            if self.in_step:
                mins = (rng.choice((12, -24, 0)), *mins[1:])
            if self.mode == "tile":
                each = [
                    (n, n + rng.randint(1, 9), 2 * n + rng.choice((-1, 0, 1)), rng.randint(1, n)) for n in self.extents
                ]
            else:
                each = [[e for e in EDGES if e <= n] + [n] for n in self.extents]
            found.append((mins, tuple(rng.choice(sizes) for sizes in each)))
        return list(dict.fromkeys(found))
