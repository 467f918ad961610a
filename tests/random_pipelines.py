"""From a plan to the Halide pipeline that it stands for, with its accelerator annotated and its images filled."""

import halide as hl
import numpy as np

from tests.random_expressions import Op, bits, limits
from tests.random_plans import used
from tests.random_tables import build_table

MARGIN = (64, 64, 16)  # of images larger than the frame: more than any chain of windows reaches


def halide_type(name):
    if name == "bool":
        return hl.Bool()
    return (hl.UInt if name[0] == "u" else hl.Int)(bits(name))


class Reader:
    """A source as expressions read it: a Func or ImageParam with its borders around it, an element of it.

    Some taps read `plain`, what is inside the borders.
    """

    def __init__(self, func, element, of, plain):
        self.func, self.element, self.deep = func, element, of.deep
        self.plain = plain if of.mixed else func

    def at(self, *indices, plain=False):
        read = (self.plain if plain else self.func)[indices if self.deep else indices[:2]]
        read = read if self.element is None else read[self.element]
        return read if isinstance(read, hl.Expr) else hl.Expr(read)


class Building:
    """Builds a plan's pipeline, with the accelerator annotated."""

    def __init__(self, plan):
        self.plan = plan
        self.variables = self.x, self.y, self.c = hl.vars("x y c")
        self.params = (hl.Param(hl.Int(32), "gain"), hl.Param(hl.UInt(8), "bias"))
        for param, value in zip(self.params, plan.params, strict=True):
            param.set(value)
        self.images = [
            hl.ImageParam(halide_type(image.type), 3 if image.deep else 2, f"in{n}")
            for n, image in enumerate(plan.inputs)
        ]
        self.keep = []  # Halide holds no reference to the memory of numpy
        self.fill(plan.size)
        self.tables = [build_table(table, n, halide_type, self.keep) for n, table in enumerate(plan.tables)]
        self.readers = []
        self.reductions = 0
        self.here = ()  # variables of the Func under construction
        self.accelerated, self.output = self._build()

    def fill(self, size):
        """Give every input an image for a frame of this size; the extents to realize."""
        plan, random = self.plan, np.random.default_rng(self.plan.seed)
        for image, param in zip(plan.inputs, self.images, strict=True):
            margins = [m if image.form == "margin" else 0 for m in MARGIN[: 3 if image.deep else 2]]
            shape = [extent + 2 * m for extent, m in zip(size, margins, strict=False)][::-1]
            if image.type == "bool":
                array = random.integers(0, 2, shape).astype(bool)
            else:
                low, high = limits(image.type)
                array = random.integers(low, high, shape, np.dtype(image.type), endpoint=True)
                array[random.random(shape) < 0.1] = random.choice([low, high])
            buffer = hl.Buffer(array)
            buffer.set_min([origin - m for origin, m in zip(plan.origin, margins, strict=False)])
            self.keep.append((array, buffer))
            param.set(buffer)
        return list(size[: 3 if plan.stages[-1].deep else 2])

    # --- Funcs --------------------------------------------------------------------------------------------------------

    def _build(self):
        plan = self.plan
        hardware_inputs = []
        for number, (image, param) in enumerate(zip(plan.inputs, self.images, strict=True)):
            source = param
            if image.form == "padded":
                source = hl.Func(f"padded{number}")
                variables = self.variables[: 3 if image.deep else 2]
                source[variables] = hl.BoundaryConditions.repeat_edge(param)[variables]
            hardware_inputs.append(source)
            around = self._bordered(source, image.borders, image.type, image.deep)
            self.readers.append(Reader(around, None, image, source))
        func, buffered = None, []
        for number, stage in enumerate(plan.stages):
            func = hl.Func(f"stage{number}")
            self.here = self.variables[: 3 if stage.deep else 2]
            bodies = [self._expression(body) for body in stage.bodies]
            func[self.here] = bodies[0] if len(bodies) == 1 else tuple(bodies)
            around = self._bordered(func, stage.borders, stage.bodies[0].type, stage.deep)
            for element in range(len(bodies)):
                self.readers.append(Reader(around, element if len(bodies) > 1 else None, stage, func))
            if stage.linebuffer and number < len(plan.stages) - 1:
                func.linebuffer()
                buffered.append(func)
        output = hl.Func("output")
        variables = self.variables[: len(func.args())]
        read = func[tuple(v + o for v, o in zip(variables, plan.origin, strict=False))]
        elements = len(plan.stages[-1].bodies)
        output[variables] = tuple(read[i] for i in range(elements)) if elements > 1 else read
        inputs = used(plan)
        self._schedule(func, output, [source for n, source in enumerate(hardware_inputs) if n in inputs], buffered)
        return func, output

    def _bordered(self, source, borders, type_, deep):
        for border in borders:
            source = self._with_border(source, border, type_, deep)
        return source

    def _with_border(self, source, border, type_, deep):
        bounds = [(hl.Expr(), hl.Expr())] * (3 if deep else 2)
        for letter in border.dimensions:
            d = "xyc".index(letter)
            bounds[d] = (hl.i32(self.plan.origin[d]), hl.i32(self.plan.size[d]))
            if border.bounds == "image" and (d < 2 or (self.plan.third == "scan" and self.plan.inputs[0].deep)):
                bounds[d] = (self.images[0].dim(d).min(), self.images[0].dim(d).extent())
        if border.kind == "clamp":
            clamped, indices = hl.Func("clamped"), list(self.variables[: len(bounds)])
            for letter in border.dimensions:
                d = "xyc".index(letter)
                first, extent = bounds[d]
                indices[d] = hl.clamp(self.variables[d], first, first + extent - 1)
            clamped[self.variables[: len(bounds)]] = source[tuple(indices)]
            return clamped
        exterior = (hl.cast(halide_type(type_), border.exterior),) if border.kind == "constant_exterior" else ()
        return getattr(hl.BoundaryConditions, border.kind)(source, *exterior, bounds)

    # --- schedule -----------------------------------------------------------------------------------------------------

    def _schedule(self, func, output, inputs, buffered):
        plan, rank = self.plan, len(func.args())
        x, y, c = self.variables
        xo, yo, xi, yi = hl.vars("xo yo xi yi")
        tail = getattr(hl.TailStrategy, plan.tail)
        tiled, channels = plan.mode == "tile", plan.third == "channel" and rank == 3
        padded = [source for source in inputs if isinstance(source, hl.Func)]
        for source in padded:
            source.compute_root()
        if tiled:
            output.tile(x, y, xo, yo, xi, yi, *plan.tile, tail)
            if rank == 3 and not (plan.planes and plan.third == "scan"):
                output.reorder(xi, yi, c, xo, yo)
            func.compute_at(output, xo).tile(x, y, xo, yo, xi, yi, *plan.tile, tail)
            for stage in buffered:  # for the reference: inlined, a chain of windows grows without bounds
                stage.compute_at(output, xo)
            for source in padded[::2]:
                source.compute_at(output, xo)
        else:
            for stage in (func, *buffered):
                stage.compute_root()
        for d, variable in enumerate(self.variables[:rank]):
            self._extent(func, output, d, variable, tiled=tiled, channels=channels)
        if channels:
            output.bound(c, 0, plan.size[2])
        loops = {"x": xi, "y": yi, "c": c} if tiled else {"x": x, "y": y, "c": c}
        scanned = [loops[letter] for letter in plan.order]
        func.reorder(*([c] if channels else []), *scanned, *([xo, yo] if tiled else []))
        if channels:
            func.unroll(c)
        for d, lanes in enumerate(plan.lanes[:rank]):
            if lanes > 1:
                within = tiled and d < 2
                func.unroll(loops["xyc"[d]], lanes, hl.TailStrategy.Auto if within else hl.TailStrategy.GuardWithIf)
        func.accelerate(inputs, scanned[0], xo if tiled else hl.Var.outermost())

    def _extent(self, func, output, d, variable, *, tiled, channels):
        """Give a dimension's extent: a bound, or an estimate."""
        plan = self.plan
        first, extent = plan.origin[d], plan.size[d]
        if tiled and d < 2:
            return
        if ((d == 2 and channels) or plan.mode == "bound") and plan.seed % 3 == 0:
            output.bound(variable, 0, extent)  # which says it of the accelerated Func, too
        elif (d == 2 and channels) or plan.mode == "bound" or (tiled and not plan.planes and plan.seed % 2):
            func.bound(variable, first, extent)
        elif plan.launches > 1:
            func.set_estimate(variable, 0, -(-extent // plan.launches))
        else:
            # Where numbers say which image a border is for, launches are of its size.
            numbers = any(b.bounds == "numbers" for of in (*plan.inputs, *plan.stages) for b in of.borders)
            func.set_estimate(variable, 0, extent + (0 if numbers else plan.seed % (3 - d)))

    # --- expressions --------------------------------------------------------------------------------------------------

    def _third(self, third):
        if third is None:
            return 0
        how, number = third
        return self.c + number if how == "c" else hl.i32(number)

    def _index(self, op):
        """An index of a table, always within it."""
        kind, *rest = op.args
        if kind == "byte":
            return hl.i32(self._expression(rest[0]))
        if kind == "number":
            return hl.i32(rest[0])
        if kind == "position":
            return self.variables[rest[0]] + rest[1]
        least, extent = rest[:2]
        if kind == "param":
            return hl.clamp(self.params[0], least, least + extent - 1)
        if kind == "coordinate":
            return self.variables[rest[2]] % extent + least
        value = hl.i32(self._expression(rest[2]))
        return value % extent + least if kind == "mod" else hl.clamp(value, least, least + extent - 1)

    def _expression(self, op):
        type_ = halide_type(op.type)
        kind, args = op.kind, op.args
        if kind == "const":
            return hl.cast(type_, hl.i32(args[0]) if args[0] < 2**31 else hl.u32(args[0]))
        if kind == "param":
            return hl.cast(type_, self.params[args[0]])
        if kind == "coordinate":
            return hl.cast(type_, self.variables[args[0]])
        if kind == "tap":
            number, dx, dy, third = args
            plain = (dx + dy) % 2 == 0
            return self.readers[number].at(self.x + dx, self.y + dy, self._third(third), plain=plain)
        if kind in ("window", "reduce"):
            return self._window(op)
        if kind == "across":
            return self._across(op)
        if kind == "table":
            read = self.tables[args[0]][tuple(self._index(index) for index in args[2:])]
            read = read[args[1]] if self.plan.tables[args[0]].form == "tuple" else read
            return read if isinstance(read, hl.Expr) else hl.Expr(read)
        operands = [self._expression(a) if isinstance(a, Op) else a for a in args]
        if kind == "pick":
            return hl.mux(self.c - self.plan.origin[2], operands) if len(operands) > 1 else operands[0]
        # int32 overflow is undefined in Halide: what may overflow gets small operands.
        if op.type == "int32" and kind in ("add", "sub", "mul", "shift_left", "div"):
            operands = [hl.i32(hl.i16(o)) if isinstance(o, hl.Expr) else o for o in operands]
            if kind == "shift_left":
                operands[1] = min(operands[1], 15)
        return apply(kind, op.type, operands)

    def _tap(self, op, number):
        """A function that reads a source within a reduction: whatever is added up in int32 must not overflow."""
        type_ = halide_type(op.type)
        inner = hl.Int(16) if op.type == "int32" else type_
        return lambda *indices: hl.cast(type_, hl.cast(inner, self.readers[number].at(*indices)))

    def _rdom(self, ranges):
        self.reductions += 1
        return hl.RDom(ranges, f"r{self.reductions}")

    def _across(self, op):
        how, number, dx, dy, anchor, first, count = op.args
        tap = self._tap(op, number)
        r = self._rdom([(first, count)])
        value = tap(self.x + dx, self.y + dy, self.c + r.x if anchor == "c" else r.x)
        return (hl.sum if how == "sum" else hl.maximum)(r, value)

    def _window(self, op):
        how, number, left, top, width, height, weights, third = op.args
        type_ = halide_type(op.type)
        read, z = self._tap(op, number), self._third(third)
        tap = lambda dx, dy: read(self.x + dx, self.y + dy, z)  # noqa: E731
        if op.kind == "window":
            total = hl.cast(type_, 0)
            for n, weight in enumerate(weights):
                total = total + hl.cast(type_, weight) * tap(left + n % width, top + n // width)
            return total
        r = self._rdom([(left, width), (top, height)])
        if how == "maximum":
            return hl.maximum(r, tap(r.x, r.y))
        if how == "where":
            r.where(r.x + r.y <= left + top + max(width, height) - 1)
        table = np.array([w % 256 for w in weights[: width * height]], np.uint8).reshape(height, width)
        kernel = hl.Buffer(table)
        kernel.set_min([left, top])
        term = hl.cast(type_, kernel[r.x, r.y]) * tap(r.x, r.y)
        if how != "update":
            return hl.sum(r, term)
        total = hl.Func(f"total{self.reductions}")
        total[self.here] = hl.cast(type_, 3)
        total[self.here] += term
        total.update().unroll(r.x).unroll(r.y)
        return total[self.here]


def apply(kind, type_name, operands):
    """An operation of Halide on expressions (and numbers, where the kind has them)."""
    type_ = halide_type(type_name)
    a = operands[0]
    b = operands[1] if len(operands) > 1 else None
    match kind:
        case "add":
            return a + b
        case "sub":
            return a - b
        case "mul":
            return a * b
        case "and":
            return a & b
        case "or":
            return a | b
        case "xor":
            return a ^ b if type_name != "bool" else a != b
        case "not":
            return ~a
        case "compare":
            symbol, left, right = operands
            return {
                "<": left < right, "<=": left <= right, "==": left == right,
                "!=": left != right, ">": left > right, ">=": left >= right,
            }[symbol]  # fmt: skip
        case "select":
            return hl.select(*operands)
        case "cast":
            return hl.cast(type_, a)
        case "saturating_cast":
            return hl.saturating_cast(type_, a)
        case "abs":
            return hl.abs(hl.i32(hl.i16(a)) if type_name == "uint32" else a)
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
            best, index = a, hl.cast(type_, 0)
            for number, tap in enumerate(operands[1:], 1):
                index = hl.select(tap < best, hl.cast(type_, number), index)
                best = hl.min(tap, best)
            return index
    return getattr(hl, kind)(a, b)
