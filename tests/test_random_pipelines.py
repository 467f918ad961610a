"""Random pipelines: algorithm and schedule drawn by hypothesis, the hardware compared with Halide bit for bit.

A drawn pipeline is a `Plan`, plain data that prints as the call that builds it again; hypothesis shrinks it.
`make test` runs a few, always the same; ``FLUORITE_FUZZ=n`` runs n others (``make fuzz``), and
``FLUORITE_FUZZ_SEED`` says which.
"""

import os
from dataclasses import dataclass

import halide as hl
import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import fluorite
from fluorite.sim.run import Stalls

TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "bool")
GROUPS = 4  # of `make test`: each runs on a worker of its own
EXAMPLES = int(os.environ.get("FLUORITE_FUZZ", "0"))
SEED = int(os.environ.get("FLUORITE_FUZZ_SEED", "0"))


def halide_type(name):
    if name == "bool":
        return hl.Bool()
    return (hl.UInt if name[0] == "u" else hl.Int)(int(name.lstrip("uint")))


def bits(name):
    return 1 if name == "bool" else int(name.lstrip("uint"))


# --- plans ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Op:
    """An expression of type `type`: operands are Ops, or whatever the kind needs."""

    kind: str
    type: str
    args: tuple = ()


@dataclass(frozen=True)
class Stage:
    """One Func, a Tuple if it has two bodies. Sources are numbered: inputs, then every element of the stages before."""

    bodies: tuple[Op, ...]
    linebuffer: bool


@dataclass(frozen=True)
class Plan:
    """A whole pipeline, its schedule, and the frame to run it on."""

    inputs: tuple[str, ...]
    stages: tuple[Stage, ...]
    mode: str  # "whole" | "bound" | "tile"
    tile: tuple[int, int]
    tail: str
    lanes: int
    swapped: bool  # y innermost
    raw: bool  # inputs are ImageParams, not padded Funcs
    offset: tuple[int, int]  # the output reads the accelerated Func so far away
    size: tuple[int, int]
    params: tuple[int, int]
    stalls: tuple[float, float] | None
    seed: int


class Drawing:
    """Draws one plan."""

    def __init__(self, draw):
        self.draw = draw

    def integer(self, low, high):
        return self.draw(st.integers(low, high))

    def choice(self, *options):
        return self.draw(st.sampled_from(options))

    def flag(self, of=2):
        """True once in `of` times; shrinks to False."""
        return self.integer(0, of - 1) == of - 1

    def constant(self, type_):
        width = bits(type_)
        if type_ == "bool":
            return self.integer(0, 1)
        low, high = (0, 2**width - 1) if type_[0] == "u" else (-(2 ** (width - 1)), 2 ** (width - 1) - 1)
        return self.draw(
            st.one_of(st.integers(max(low, -9), min(high, 9)), st.sampled_from([low, high]), st.integers(low, high))
        )

    def tap(self, sources, type_):
        number = self.integer(0, len(sources) - 1)
        reach = self.choice(1, 1, 2, 4)
        op = Op("tap", sources[number], (number, self.integer(-reach, reach), self.integer(-reach, reach)))
        return op if sources[number] == type_ else Op("cast", type_, (op,))

    def expression(self, sources, type_, depth):
        if depth == 0:
            kind = self.choice("tap", "tap", "tap", "tap", "tap", "tap", "const", "param", "coordinate")
            if kind == "tap":
                return self.tap(sources, type_)
            if kind == "const":
                return Op("const", type_, (self.constant(type_),))
            if kind == "param":
                return Op("param", type_, (self.integer(0, 1),))
            return Op("coordinate", type_, (self.integer(0, 1),))
        sub = lambda t=type_: self.expression(sources, t, self.integer(0, depth - 1))  # noqa: E731
        wide = bits(type_) >= 8
        if type_ == "bool":
            kind = self.choice("compare", "compare", "and", "or", "not", "cast", "xor")
        else:
            kind = self.choice(
                "tap", "add", "sub", "mul", "scale", "min", "max", "select", "cast", "window", "reduce", "absd", "abs",
                "div", "mod", "shift_left", "shift_right", "clamp", "saturating_cast", "halving", "saturating",
                "bitwise", "widening", "not", "argmin",
            )  # fmt: skip
        if kind == "tap":
            return self.tap(sources, type_)
        if kind == "compare":
            other = self.choice(*TYPES[:-1])
            return Op("compare", "bool", (self.choice("<", "<=", "==", "!=", ">", ">="), sub(other), sub(other)))
        if kind in ("add", "sub", "mul", "min", "max", "and", "or", "xor"):
            return Op(kind, type_, (sub(), sub()))
        if kind == "not":
            return Op("not", type_, (sub(),))
        if kind == "scale":
            return Op("mul", type_, (sub(), Op("const", type_, (self.constant(type_),))))
        if kind == "select":
            return Op("select", type_, (sub("bool"), sub(), sub()))
        if kind in ("cast", "saturating_cast"):
            return Op(kind, type_, (sub(self.choice(*(TYPES if kind == "cast" else TYPES[:-1]))),))
        if kind in ("window", "reduce"):
            number = self.integer(0, len(sources) - 1)
            left, top = self.integer(-3, 1), self.integer(-3, 1)
            width, height = self.integer(1, 4), self.integer(1, 4)
            separable = self.flag()
            columns = [self.integer(-4, 9) for _ in range(width)]
            rows = [self.integer(-4, 9) for _ in range(height if separable else width * height)]
            how = self.choice("sum", "sum", "update", "maximum", "where") if kind == "reduce" else "sum"
            weights = [r * c for r in rows for c in columns] if separable else rows
            return Op(kind, type_, (how, number, left, top, width, height, tuple(weights)))
        if kind == "argmin":
            taps = [self.tap(sources, type_) for _ in range(self.integer(2, 3))]
            return Op(kind, type_, tuple(taps))
        if kind in ("absd", "abs") and wide:
            unsigned = type_ if type_[0] == "u" else f"u{type_}"
            op = self.choice("int", "uint") + str(bits(type_)) if kind == "absd" else f"int{bits(type_)}"
            made = Op(kind, unsigned, tuple(sub(op) for _ in range(1 + (kind == "absd"))))
            return made if type_ == unsigned else Op("cast", type_, (made,))
        if kind in ("div", "mod"):
            return Op(kind, type_, (sub(), self.constant(type_)))
        if kind in ("shift_left", "shift_right"):
            return Op(kind, type_, (sub(), self.integer(0, bits(type_) - 1)))
        if kind == "clamp":
            return Op(kind, type_, (sub(), *sorted((self.constant(type_), self.constant(type_)))))
        if kind == "halving":
            kind = self.choice("halving_add", "rounding_halving_add", "halving_sub")
        elif kind == "saturating":
            kind = self.choice("saturating_add", "saturating_sub")
        elif kind == "bitwise":
            kind = self.choice("and", "or", "xor")
        elif kind == "widening":
            narrow = f"{type_.rstrip('0123456789')}{bits(type_) // 2}"
            if bits(type_) < 16:
                return self.tap(sources, type_)
            kind = self.choice("widening_add", "widening_mul", "widening_sub")
            if kind == "widening_sub" and type_[0] == "u":
                kind = "widening_add"
            return Op(kind, type_, (sub(narrow), sub(narrow)))
        return Op(kind, type_, (sub(), sub()))

    def plan(self):
        inputs = tuple(self.choice(*TYPES) for _ in range(self.choice(1, 1, 2, 3)))
        sources = list(inputs)
        stages = []
        count = self.choice(1, 2, 2, 3, 4, 5)
        for number in range(count):
            last = number == count - 1
            outputs = 2 if self.flag(6) else 1
            bodies = tuple(
                self.expression(sources[-4:], self.choice(*TYPES), self.integer(1, 3)) for _ in range(outputs)
            )
            shift = max(0, len(sources) - 4)
            bodies = tuple(_renumbered(body, shift) for body in bodies)
            stages.append(Stage(bodies, last or not self.flag(3)))
            sources += [body.type for body in bodies]
        mode = self.choice("whole", "tile", "tile", "bound")
        size = (self.integer(1, 70), self.integer(1, 30))
        tail = self.choice("GuardWithIf", "RoundUp", "ShiftInwards", "Auto")
        tile = (self.integer(1, 40), self.integer(1, 16))
        if mode == "tile" and tail != "GuardWithIf":
            size = (max(size[0], tile[0]), max(size[1], tile[1]))
        return Plan(
            inputs,
            tuple(stages),
            mode,
            tile,
            tail,
            self.choice(1, 1, 1, 2, 3, 4),
            self.flag(6),
            self.flag(3),
            (self.integer(-5, 5), self.integer(-5, 5)) if self.flag(4) else (0, 0),
            size,
            (self.constant("int32"), self.constant("uint8")),
            self.choice(None, (0.3, 0.3), (0.0, 0.6), (0.7, 0.0), (0.1, 0.1)),
            self.integer(0, 99),
        )


def _reads(op):
    """Numbers of the sources an expression reads."""
    if op.kind == "tap":
        return {op.args[0]}
    if op.kind in ("window", "reduce"):
        return {op.args[1]}
    return set().union(*(_reads(a) for a in op.args if isinstance(a, Op)))


def _used(plan):
    """Numbers of the inputs that the last stage depends on."""
    below = {n: {n} for n in range(len(plan.inputs))}
    for stage in plan.stages:
        reads = set().union(*(below[n] for body in stage.bodies for n in _reads(body)))
        for _ in stage.bodies:
            below[len(below)] = reads
    return below[len(below) - 1]


def _renumbered(op, shift):
    """The same expression, sources counted from the first of all."""
    if op.kind == "tap":
        return Op(op.kind, op.type, (op.args[0] + shift, *op.args[1:]))
    if op.kind in ("window", "reduce"):
        return Op(op.kind, op.type, (op.args[0], op.args[1] + shift, *op.args[2:]))
    return Op(op.kind, op.type, tuple(_renumbered(a, shift) if isinstance(a, Op) else a for a in op.args))


@st.composite
def plans(draw):
    plan = Drawing(draw).plan()
    assume(_used(plan))  # else the pipeline is a constant
    return plan


# --- from plan to pipeline --------------------------------------------------------------------------------------------


class Building:
    """Builds a plan's pipeline, with the accelerator annotated."""

    def __init__(self, plan):
        self.plan = plan
        self.x, self.y = hl.vars("x y")
        self.params = (hl.Param(hl.Int(32), "gain"), hl.Param(hl.UInt(8), "bias"))
        self.images = [hl.ImageParam(halide_type(t), 2, f"in{n}") for n, t in enumerate(plan.inputs)]
        self.sources = []  # of (Func or ImageParam, Tuple element or None)
        self.updates = []  # (Func under construction, RDom, RDom's variables unrolled)
        self.accelerated, self.output = self._build()

    def _build(self):
        plan, x, y = self.plan, self.x, self.y
        hardware_inputs = []
        used = _used(plan)
        for number, image in enumerate(self.images):
            if plan.raw:
                hardware_inputs.append(image)
            else:
                padded = hl.Func(f"padded{number}")
                padded[x, y] = hl.BoundaryConditions.repeat_edge(image)[x, y]
                hardware_inputs.append(padded)
        self.sources = [(source, None) for source in hardware_inputs]
        func, buffered = None, []
        for number, stage in enumerate(plan.stages):
            func = hl.Func(f"stage{number}")
            bodies = [self._expression(body) for body in stage.bodies]
            func[x, y] = bodies[0] if len(bodies) == 1 else tuple(bodies)
            for element in range(len(bodies)):
                self.sources.append((func, element if len(bodies) > 1 else None))
            if stage.linebuffer and number < len(plan.stages) - 1:
                func.linebuffer()
                buffered.append(func)
        output = hl.Func("output")
        dx, dy = plan.offset
        read = func[x + dx, y + dy]
        tuples = len(plan.stages[-1].bodies) > 1
        output[x, y] = tuple(read[i] for i in range(len(plan.stages[-1].bodies))) if tuples else read
        self._schedule(func, output, [h for n, h in enumerate(hardware_inputs) if n in used], buffered)
        return func, output

    def _schedule(self, func, output, inputs, buffered):
        plan, x, y = self.plan, self.x, self.y
        xo, yo, xi, yi = hl.vars("xo yo xi yi")
        outermost = hl.Var.outermost()
        tail = getattr(hl.TailStrategy, plan.tail)
        (width, height), (tile_x, tile_y) = plan.size, plan.tile
        (scan, _), (scan_i, _) = ((y, x), (yi, xi)) if plan.swapped else ((x, y), (xi, yi))
        for source in inputs:
            if not plan.raw:
                source.compute_root()
        if plan.mode == "tile":
            output.tile(x, y, xo, yo, xi, yi, tile_x, tile_y, tail)
            func.compute_at(output, xo).tile(x, y, xo, yo, xi, yi, tile_x, tile_y, tail)
            for stage in buffered:  # for the reference: inlined, a chain of windows grows without bounds
                stage.compute_at(output, xo)
            if plan.swapped:
                func.reorder(yi, xi, xo, yo)
            if not plan.raw:
                for source in inputs[::2]:
                    source.compute_at(output, xo)
        else:
            for stage in (func, *buffered):
                stage.compute_root()
            if plan.swapped:
                func.reorder(y, x)
            if plan.mode == "bound":
                dx, dy = plan.offset
                func.bound(x, dx, width).bound(y, dy, height)
            else:
                func.set_estimate(x, 0, width + plan.seed % 3).set_estimate(y, 0, height + plan.seed % 2)
        loop = scan_i if plan.mode == "tile" else scan
        if plan.lanes > 1:
            guard = hl.TailStrategy.GuardWithIf if plan.mode != "tile" else hl.TailStrategy.Auto
            func.unroll(loop, plan.lanes, guard)
        func.accelerate(inputs, loop, xo if plan.mode == "tile" else outermost)

    def _read(self, number, dx, dy):
        source, element = self.sources[number]
        read = source[self.x + dx, self.y + dy]
        read = read if element is None else read[element]
        return read if isinstance(read, hl.Expr) else hl.Expr(read)

    def _expression(self, op):
        type_ = halide_type(op.type)
        signed32 = op.type == "int32"
        kind, args = op.kind, op.args
        if kind == "const":
            return hl.cast(type_, hl.i32(args[0]) if args[0] < 2**31 else hl.u32(args[0]))
        if kind == "param":
            return hl.cast(type_, self.params[args[0]])
        if kind == "coordinate":
            return hl.cast(type_, (self.x, self.y)[args[0]])
        if kind == "tap":
            return self._read(*args)
        if kind in ("window", "reduce"):
            return self._window(op)
        operands = [self._expression(a) if isinstance(a, Op) else a for a in args]
        # int32 overflow is undefined in Halide: what may overflow gets small operands.
        if signed32 and kind in ("add", "sub", "mul", "shift_left", "div"):
            operands = [hl.i32(hl.i16(o)) if isinstance(o, hl.Expr) else o for o in operands]
            if kind == "shift_left":
                operands[1] = min(operands[1], 15)
        a = operands[0]
        b = operands[1] if len(operands) > 1 else None
        match kind:
            case "add":
                return a + b
            case "sub":
                return a - b
            case "mul":
                return a * b
            case "min":
                return hl.min(a, b)
            case "max":
                return hl.max(a, b)
            case "and":
                return a & b
            case "or":
                return a | b
            case "xor":
                return a ^ b if op.type != "bool" else a != b
            case "not":
                return ~a
            case "compare":
                symbol, left, right = operands
                return {
                    "<": left < right, "<=": left <= right, "==": left == right,
                    "!=": left != right, ">": left > right, ">=": left >= right,
                }[symbol]  # fmt: skip
            case "select":
                return hl.select(a, b, operands[2])
            case "cast":
                return hl.cast(type_, a)
            case "saturating_cast":
                return hl.saturating_cast(type_, a)
            case "absd":
                return hl.absd(a, b)
            case "abs":
                return hl.abs(hl.i32(hl.i16(a)) if op.type == "uint32" else a)
            case "div":
                return a / hl.cast(type_, b)
            case "mod":
                return a % hl.cast(type_, b)
            case "shift_left":
                return a << hl.cast(type_, b)
            case "shift_right":
                return a >> hl.cast(type_, b)
            case "clamp":
                return hl.clamp(a, hl.cast(type_, b), hl.cast(type_, operands[2]))
            case "argmin":
                best, index = operands[0], hl.cast(type_, 0)
                for number, tap in enumerate(operands[1:], 1):
                    index = hl.select(tap < best, hl.cast(type_, number), index)
                    best = hl.min(tap, best)
                return index
        return getattr(hl, kind)(a, b)

    def _window(self, op):
        how, number, left, top, width, height, weights = op.args
        type_ = halide_type(op.type)
        inner = hl.Int(16) if op.type == "int32" else type_
        tap = lambda dx, dy: hl.cast(type_, hl.cast(inner, self._read(number, dx, dy)))  # noqa: E731
        if op.kind == "window":
            total = hl.cast(type_, 0)
            for n, weight in enumerate(weights):
                total = total + hl.cast(type_, weight) * tap(left + n % width, top + n // width)
            return total
        r = hl.RDom([(left, width), (top, height)], f"r{len(self.updates)}")
        self.updates.append(r)
        if how == "maximum":
            return hl.maximum(r, tap(r.x, r.y))
        if how == "where":
            r.where(r.x + r.y <= left + top + max(width, height) - 1)
        table = np.array([w % 256 for w in weights[: width * height]], np.uint8).reshape(height, width)
        kernel = hl.Buffer(table)
        kernel.set_min([left, top])
        term = hl.cast(type_, kernel[r.x, r.y]) * tap(r.x, r.y)
        if how == "sum":
            return hl.sum(r, term)
        total = hl.Func(f"total{len(self.updates)}")
        total[self.x, self.y] = hl.cast(type_, 3)
        total[self.x, self.y] += term
        total.update().unroll(r.x).unroll(r.y)
        return total[self.x, self.y]


def check(plan):
    """Build, compile, run under stalls, compare with Halide's own answer."""
    built = Building(plan)
    random = np.random.default_rng(plan.seed)
    keep = []
    margin = 64 if plan.raw else 0  # more than any chain of windows reaches
    for type_, image in zip(plan.inputs, built.images, strict=True):
        shape = (plan.size[1] + 2 * margin, plan.size[0] + 2 * margin)
        dtype = np.dtype(type_)
        if type_ == "bool":
            array = random.integers(0, 2, shape).astype(bool)
        else:
            low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
            array = random.integers(low, high, shape, dtype, endpoint=True)
            array[random.random(shape) < 0.1] = random.choice([low, high])
        buffer = hl.Buffer(array)
        buffer.set_min([-margin, -margin])
        keep.append((array, buffer))
        image.set(buffer)
    for param, value in zip(built.params, plan.params, strict=True):
        param.set(value)
    expected = _arrays(built.output.realize(list(plan.size)))
    design = fluorite.compile(built.output)
    stalls = plan.stalls and Stalls(plan.seed, *plan.stalls)
    found = _arrays(design.realize(list(plan.size), stalls=stalls))
    for ours, halides in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, halides)


def _arrays(result):
    return [np.array(buffer) for buffer in (result if isinstance(result, (list, tuple)) else [result])]


# --- tests ------------------------------------------------------------------------------------------------------------


def run(examples, seed):
    @hypothesis.seed(seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(plans())
    def property_(plan):
        check(plan)

    property_()


@pytest.mark.slow
@pytest.mark.parametrize("group", range(GROUPS))
def test_random_pipelines_are_exact(group):
    run(3, group)


@pytest.mark.skipif(not EXAMPLES, reason="FLUORITE_FUZZ=n runs n more")
def test_many_random_pipelines_are_exact():
    run(EXAMPLES, 1000 + SEED)
