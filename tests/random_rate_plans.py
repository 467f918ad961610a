"""Pipelines at random rates as text: what `random_rates` draws, and how it is written and scheduled."""

import random
import re
from dataclasses import dataclass, field, replace
from fractions import Fraction

import halide as hl
import numpy as np

TYPES = {"u8": "uint8", "i16": "int16", "u16": "uint16", "i32": "int32"}
CONSTRUCTORS = {"u8": "hl.UInt(8)", "i16": "hl.Int(16)", "u16": "hl.UInt(16)", "i32": "hl.Int(32)"}
RATES = (
    Fraction(2),
    Fraction(3),
    Fraction(4),
    Fraction(1, 2),
    Fraction(1, 2),
    Fraction(1, 3),
    Fraction(3, 2),
    Fraction(2, 3),
)
EDGES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65)
LARGEST = 1 << 20  # what int32 values are kept below, so that sums of them do not overflow
TAILS = ("Auto", "GuardWithIf", "ShiftInwards", "RoundUp")


@dataclass
class Stream:
    """A stage or an input."""

    name: str
    rates: tuple  # pixels of it per pixel of the accelerated Func, per dimension
    type: str
    channels: bool
    is_input: bool
    inlined: bool = False
    lacks: tuple = ()  # dimensions that it does not have


@dataclass
class Pipeline:
    """The pipeline of one number: ``source`` has a function ``build(accelerated)``."""

    seed: int
    rng: random.Random = field(init=False)
    lines: list = field(init=False, default_factory=list)
    helpers: int = field(init=False, default=0)

    def __post_init__(self):
        rng = self.rng = random.Random(self.seed)
        self.rank = rng.choice((1, 2, 2, 2, 2, 2, 2, 2))
        self.channels = rng.choice((0, 0, 0, 0, 0, 0, 2, 3, 4))
        self.lanes = rng.choice((1, 1, 1, 1, 2, 2, 3, 4, 8))
        self.mode = rng.choice(("estimate", "estimate", "estimate", "bound", "tile", "tile"))
        self.changes = rng.choice((0.3, 0.4, 0.5))  # how many streams come at another rate than their reader
        self.streams = self._draw_streams(rng.choice((1, 2, 2, 3, 3, 4, 4, 5, 6)), rng.choice((1, 1, 1, 2, 2, 3)))
        lacking = random.Random(f"lacking {self.seed}")  # so that a number's other draws stay what they were
        for stream in self.streams:
            if stream.is_input and lacking.random() < 0.3:
                kinds = ((0,), (1,), (0, 1)) if self.rank == 2 else ((0,),)
                stream.lacks = lacking.choice(kinds)
        if rng.random() < 0.9:
            self._lanes_that_divide()
        self.extents = [rng.choice(EDGES[4:15]), rng.choice(EDGES[2:13])][: self.rank]
        self.origin = [rng.choice((0, 0, 1, -3, 12, -24)) for _ in range(self.rank)]
        self.in_step = self.lanes > 1 and rng.random() < 0.9  # launches begin with a word of every stream
        if self.in_step:
            self.origin[0] = rng.choice((0, 24, -48))
            if self.mode == "tile":
                self.extents[0] = rng.choice((24, 48, 72))
        self._write()

    # --- what there is --------------------------------------------------------------------------------------------

    def _draw_streams(self, count, inputs):
        """Stages, the accelerated Func first, and inputs; every one but the first has a reader among those before."""
        rng, streams, self.edges = self.rng, [], []
        for number in range(count + inputs):
            is_input = number >= count
            rates = (Fraction(1),) * self.rank
            if number:
                stages = range(min(number, count))
                # The first input is read by the last stage, which would have nothing to read otherwise.
                reader = count - 1 if number == count else rng.choice(stages[-3:] if rng.random() < 0.8 else stages)
                rates = self._related(streams[reader].rates)
                self.edges.append((reader, number))
            name = f"in{number - count}" if is_input else f"stage{number}" if number else "hw"
            channels = bool(self.channels) and (number == 0 or rng.random() < 0.7)
            inlined = bool(number) and not is_input and rng.random() < 0.15
            streams.append(Stream(name, rates, rng.choice(tuple(TYPES)), channels, is_input, inlined))
        for reader in range(count):
            while not any(r == reader for r, _ in self.edges) or rng.random() < 0.35:
                number = rng.randrange(reader + 1, count + inputs)
                ratios = [a / b for a, b in zip(streams[number].rates, streams[reader].rates, strict=True)]
                if all(max(ratio.numerator, ratio.denominator) <= 6 for ratio in ratios):
                    self.edges.append((reader, number))
                elif number == count + inputs - 1 and not any(r == reader for r, _ in self.edges):
                    self.edges.append((reader, count))
        self.edges = list(dict.fromkeys(self.edges))
        return streams

    def _related(self, rates):
        """Rates of a stream whose reader has these."""
        while True:
            found = tuple(rate * (self.rng.choice(RATES) if self.rng.random() < self.changes else 1) for rate in rates)
            if all(Fraction(1, 8) <= rate <= 8 and rate.denominator <= 8 for rate in found):
                return found

    def _lanes_that_divide(self):
        wanted, self.lanes = self.lanes, 1
        for lanes in (wanted, wanted * 2, wanted * 3, 4, 3, 2):
            own = [stream.rates[0] * lanes for stream in self.streams if 0 not in stream.lacks]
            if lanes <= 8 and wanted > 1 and all(o <= 1 or o.denominator == 1 for o in own) and max(own) <= 16:
                self.lanes = lanes
                return

    # --- text -----------------------------------------------------------------------------------------------------

    def _put(self, line, when=None):
        self.lines.append("    " + {None: "", True: "if accelerated: ", False: "if not accelerated: "}[when] + line)

    def _write(self):
        rng = self.rng
        variables = ["x", "y"][: self.rank] + (["c"] if self.channels else [])
        self._put(f"{', '.join(variables)}, xo, yo, xi, yi = hl.vars('{' '.join(variables)} xo yo xi yi')")
        read = [s for n, s in enumerate(self.streams) if not s.is_input or any(m == n for _, m in self.edges)]
        self.inputs = [s for s in read if s.is_input]
        self.copied, given = [], []
        for stream in self.inputs:
            at = self._at(stream.channels, stream.lacks) or "()"
            rank = self.rank - len(stream.lacks) + stream.channels
            self._put(f"{stream.name} = hl.ImageParam({CONSTRUCTORS[stream.type]}, {rank}, '{stream.name}')")
            if rng.random() < (0.5 if self.mode == "tile" else 0.2):
                self._put(f"{stream.name}_copy = hl.Func('{stream.name}_copy')")
                self._put(f"{stream.name}_copy[{at}] = {stream.name}[{at}]")
                self.copied.append(f"{stream.name}_copy")
                given.append(f"{stream.name}_copy")
            else:
                given.append(stream.name)
        for number in reversed([n for n, stream in enumerate(self.streams) if not stream.is_input]):
            self._stage(number)
        self._schedule(given)
        images = ", ".join(stream.name for stream in self.inputs)
        self._put(f"return output, [{images}]")
        self.source = "def build(accelerated):\n" + "\n".join(self.lines) + "\n"

    def _at(self, channels, lacks=()):
        return ", ".join([v for d, v in enumerate(self._scanned()) if d not in lacks] + (["c"] if channels else []))

    def _of(self, source, at, channel):
        """The index of a source, given that along x and y."""
        kept = [index for d, index in enumerate(at) if d not in source.lacks]
        return ", ".join(kept + ([channel] if channel else [])) or "()"

    def _stage(self, number):
        stage, rng = self.streams[number], self.rng
        values = [self._edge(stage, self.streams[m]) for n, m in self.edges if n == number]
        rng.shuffle(values)
        value = values[0]
        for other in values[1:]:
            value = rng.choice(
                (
                    f"({value}) + ({other})",
                    f"({value}) - ({other})",
                    f"hl.max({value}, {other})",
                    f"hl.select({self._condition()}, {value}, {other})",
                )
            )
        kind = rng.random()
        if kind < 0.15:
            value = f"({value}) + {self._phase()} * {rng.randint(-9, 90)}"
        elif kind < 0.3:
            value = f"hl.select({self._condition()}, {value}, {rng.randint(-9, 300)})"
        elif kind < 0.35:
            value = f"({value}) + {rng.choice(self._scanned())}"
        elif kind < 0.4:
            value = f"hl.mux({self._phase()}, [{value}, {rng.randint(-9, 300)}, 7, ({value}) / 2])"
        self._put(f"{stage.name} = hl.Func('{stage.name}')")
        self._put(f"{stage.name}[{self._at(stage.channels)}] = {self._narrow(value, stage.type)}")
        if stage.inlined or not number:
            return
        self._put(f"{stage.name}.linebuffer()", True)
        self._put(f"{stage.name}.compute_root()", False)

    def _narrow(self, value, of):
        """A value of at most 2**29, in a type."""
        if of == "i32":
            return f"hl.clamp({value}, {-LARGEST}, {LARGEST})"
        return self.rng.choice((f"hl.{of}({value})", f"hl.{of}(({value}) >> 2)", f"hl.{of}_sat({value})"))

    def _scanned(self):
        return ("x", "y")[: self.rank]

    def _phase(self):
        return f"({self.rng.choice(self._scanned())} % {self.rng.choice((2, 2, 2, 3, 4))})"

    def _condition(self):
        phase = f"{self._phase()} == {self.rng.choice((0, 1, 1))}"
        return phase if self.rng.random() < 0.7 else f"({phase}) & ({self._phase()} != 0)"

    def _edge(self, stage, source):
        """What a stage makes of a source, in int32."""
        rng = self.rng
        window = [rng.choice((1, 1, 1, 2, 2, 3, 3, 4, 5)) for _ in range(self.rank)]
        while np.prod(window) > 9:
            window[rng.randrange(self.rank)] = 1
        ratios = [own / its for own, its in zip(source.rates, stage.rates, strict=True)]
        name = f"{source.name}_copy" if f"{source.name}_copy" in self.copied else source.name
        if self.rank == 2 and rng.random() < 0.2:  # along x in a Func of its own, which is inlined
            helper, whole = f"along{self.helpers}", replace(source, lacks=())
            self.helpers += 1
            taps = [
                f"{name}[{self._of(source, (self._index('x', ratios[0], i), 'y'), self._channel(source, None))}]"
                for i in self._places(window[0])
            ]
            self._put(f"{helper} = hl.Func('{helper}')")
            self._put(f"{helper}[{self._at(source.channels)}] = {self._combine(taps, source.type)}")
            taps = [
                f"{helper}[{self._of(whole, ('x', self._index('y', ratios[1], j)), self._channel(source, stage))}]"
                for j in self._places(window[1])
            ]
            return f"({self._combine(taps, 'i32')}) / 64" if len(taps) > 1 else taps[0]
        places = [self._places(size) for size in window]
        # One way to write an index along a dimension of all taps, mostly.
        styles = [rng.random() if rng.random() < 0.8 else None for _ in places]
        taps = []
        for j in places[1] if self.rank == 2 else (None,):
            for i in places[0]:
                at = [self._index("x", ratios[0], i, styles[0])]
                if j is not None:
                    at.append(self._index("y", ratios[1], j, styles[1]))
                taps.append(f"{name}[{self._of(source, at, self._channel(source, stage))}]")
        return self._combine(taps, source.type)

    def _places(self, size):
        first = self.rng.choice((0, 0, -1, -(size // 2), self.rng.randint(-5, 5)))
        return range(first, first + size)

    def _channel(self, source, stage):
        if not source.channels:
            return ""
        if stage is None or (stage.channels and self.rng.random() < 0.7):
            return "c"
        return str(self.rng.randrange(self.channels))

    def _combine(self, taps, of):
        """Taps of a type as one int32 value."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.1 and of in ("u8", "u16", "i16") and len(taps) > 1:
            return f"hl.i32({' + '.join(taps)})"  # it wraps
        if kind < 0.2 and len(taps) > 1:
            return f"hl.i32(hl.{rng.choice(('max', 'min'))}({', '.join(taps)}))"
        if kind < 0.3 and len(taps) > 1:
            return f"hl.i32(hl.absd({taps[0]}, {taps[-1]}))"
        if kind < 0.4 and len(taps) > 2:
            return f"hl.select({taps[0]} < {taps[1]}, hl.i32({taps[2]}), hl.i32({taps[-1]}) + 1)"
        same = rng.random() < 0.3
        weights = [1 if same else rng.choice((1, 1, 2, 3, -1, 5)) for _ in taps]
        return " + ".join(
            f"hl.i32({tap})" + (f" * {w}" if w != 1 else "") for tap, w in zip(taps, weights, strict=True)
        )

    def _index(self, v, ratio, k, style=None):
        """A pixel of a stream which has ``ratio`` pixels for one of its reader's."""
        rng, a, b = self.rng, ratio.numerator, ratio.denominator
        style = rng.random() if style is None else style
        plus = lambda text, n: text if n == 0 else f"{text} {'+' if n > 0 else '-'} {abs(n)}"  # noqa: E731
        if ratio == 1:
            forms = [plus(v, k)] * 6 + [
                plus(f"{v} / 2 * 2", k),
                plus(f"{v} + {v} % 2", k),
                plus(f"(2 * {v} + 1) / 2", k),
            ]
        elif b == 1:
            forms = [plus(f"{a} * {v}", k)] * 4 + [
                f"{v} * {a} + {k}",
                f"{a} * ({plus(v, k)})",
                plus(f"{2 * a} * {v} / 2", k),
            ]
            forms += [plus(f"{a} * {v} + {v} % 2", k)]
            if a in (2, 4):
                forms += [plus(f"({v} << {a // 2})", k)]
        elif a == 1:
            forms = [plus(f"{v} / {b}", k)] * 3 + [f"({plus(v, k)}) / {b}"] * 3
            forms += [
                plus(f"{v} / {b} + {b} * ({v} % {b})", k - 1),
                f"(2 * {v} + {k}) / {2 * b}",
                plus(f"(2 * {v} + 1) / {2 * b}", k),
            ]
            forms += [plus(f"{v} / {b} + {v} % {b}", k)]
            if b in (2, 4):
                forms += [plus(f"({v} >> {b // 2})", k)]
        else:
            forms = [plus(f"{a} * {v} / {b}", k)] * 2 + [f"({a} * {v} + {k}) / {b}"] * 3
            forms += [
                plus(f"({a} * {v} + 1) / {b}", k),
                f"({2 * a} * {v} + {k}) / {2 * b}",
                plus(f"{a} * ({v} / {b}) + {v} % {b}", k),
            ]
        return forms[int(style * len(forms))]

    def _schedule(self, given):
        rng, scanned = self.rng, self._scanned()
        for name in ["hw", *self.copied]:
            self._put(f"{name}.compute_root()", False)
        self.consumer = rng.choice(("none", "copy", "copy", "window", "rate"))
        moved = self.consumer in ("window", "rate")  # against the accelerated Func, and so are its launches
        if (self.mode == "tile" and self.consumer == "none") or (self.in_step and moved):
            self.consumer = "copy"
        at = self._at(bool(self.channels))
        if self.consumer == "none":
            self._put("output = hw")
        else:
            self._put("output = hl.Func('output')")
            rest = ", c" if self.channels else ""
            if self.consumer == "copy":
                value = f"hw[{at}]"
            elif self.consumer == "window":
                before, behind = (", ".join(f"{v} {way}" for v in scanned) for way in ("- 1", "+ 2"))
                value = f"hw[{before}{rest}] / 2 + hw[{behind}{rest}] / 3"
            else:
                index = rng.choice(("{} / 2", "2 * {} + 1", "(3 * {} + 1) / 2"))
                value = f"hw[{', '.join(index.format(v) for v in scanned)}{rest}]"
            self._put(f"output[{at}] = {value}")
            if self.channels and self.mode != "bound":
                self._put(f"output.bound(c, 0, {self.channels})", True)
        compute, store = "x", "hl.Var.outermost()"
        inner = list(scanned)
        self.tail = None
        if self.mode == "tile":
            sizes = self.extents
            self.tail, outer = rng.choice(TAILS), rng.choice(TAILS[:2])
            split = rng.choice(("xy", "x", "xy")) if self.rank == 2 else "x"
            if split == "x" and self.rank == 2:
                self._put(f"hw.set_estimate(y, 0, {sizes[1] + rng.randint(0, 9)})", True)
            names = [(v, f"{v}o", f"{v}i", n) for v, n in zip(scanned, sizes, strict=True) if v in split]
            order = [i for _, _, i, _ in names] + [v for v in scanned if v not in split]
            order += (["c"] if self.channels else []) + [o for _, o, _, _ in names]
            for func, tail in (("output", outer), ("hw", self.tail)):
                for v, o, i, n in names:
                    self._put(f"{func}.split({v}, {o}, {i}, {n}, hl.TailStrategy.{tail})", True)
                self._put(f"{func}.reorder({', '.join(order)})", True)
                if func == "output":
                    self._put(f"hw.compute_at(output, {names[0][1]})", True)
            for name in self.copied:
                place = rng.choice(("compute_root()", f"compute_at(output, {names[0][1]})"))
                self._put(f"{name}.{place}", True)
            inner = [f"{v}i" if v in split else v for v in scanned]
            compute, store = inner[0], "xo"
        else:
            for name in ["hw", *self.copied]:
                self._put(f"{name}.compute_root()", True)
            for v, least, extent in zip(scanned, self.origin, self.extents, strict=True):
                if self.mode == "bound":
                    self._put(f"hw.bound({v}, {least}, {extent})", True)
                else:
                    self._put(f"hw.set_estimate({v}, 0, {extent})", True)
            if self.mode == "bound" and self.consumer != "none":
                self.consumer = "copy"
                self.lines = [re.sub(r"( +output\[.*\] = ).*", rf"\1hw[{at}]", line) for line in self.lines]
        if self.channels:
            self._put(f"hw.bound(c, 0, {self.channels}).reorder(c, {', '.join(inner)}).unroll(c)", True)
        if self.lanes > 1:
            tail = rng.choice(("", "", ", hl.TailStrategy.GuardWithIf"))
            self._put(f"hw.unroll({inner[0]}, {self.lanes}{tail})", True)
        self._put(f"hw.accelerate([{', '.join(given)}], {compute}, {store})", True)

    # --- runs -----------------------------------------------------------------------------------------------------

    def build(self, accelerated):
        space = {"hl": hl}
        exec(self.source, space)
        return space["build"](accelerated)

    def regions(self):
        """Mins and extents to realize."""
        rng = self.rng
        if self.mode == "bound":
            return [(tuple(self.origin), tuple(self.extents))]
        found = [((0,) * self.rank, tuple(self.extents))]
        for number in range(3):
            mins = tuple(rng.choice((0, 1, -1, 7, -9, 12, -24, 48)) for _ in range(self.rank))
            if number == 0:
                mins = (0,) * self.rank
            if self.in_step:
                mins = (rng.choice((24, -48, 0)), *mins[1:])
            if self.mode == "tile":
                extents = tuple(
                    rng.choice((n, n + rng.randint(1, 9), 2 * n + rng.choice((-1, 0, 1)), rng.randint(1, n)))
                    for n in self.extents
                )
            else:
                extents = tuple(
                    rng.choice([e for e in EDGES if e <= n] + [n, n + rng.randint(1, 9)]) for n in self.extents
                )
            found.append((mins, extents))
        return list(dict.fromkeys(found))
