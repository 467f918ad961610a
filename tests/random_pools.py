"""Random pipelines from pools: expressions made bottom-up, each of any before, so that they share operands.

Independent of `random_plans`: one number says all. ``python -m tests.random_pools 17 18`` runs those numbers, ``--from
100 --count 50`` fifty of them. Sizes are those where counters change: around powers of two, and rows of the number of
words that the storage asks for, one more and one less.
"""

import argparse
import collections
import sys
import traceback

import halide as hl
import numpy as np

import fluorite
from fluorite.errors import CompileError, FluoriteError, SimulationError, UsageError
from fluorite.run.core_runs import Recorder, patterns, run_core, sequence

TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "bool")
BORDERS = ("repeat_edge", "constant_exterior", "mirror_image", "mirror_interior", "repeat_image")
EDGES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 15, 16, 17, 20, 31, 32, 33)


def bits(name):
    return 1 if name == "bool" else int(name.lstrip("uint"))


def halide_type(name):
    if name == "bool":
        return hl.Bool()
    return (hl.UInt if name[0] == "u" else hl.Int)(bits(name))


def type_name(expr):
    of = expr.type()
    return "bool" if of.bits() == 1 else f"{'' if of.is_int() else 'u'}int{of.bits()}"


class Pool:
    """Expressions of one Func, each made of those before."""

    def __init__(self, rng, expressions, lanes):
        self.rng, self.lanes = rng, lanes
        self.made = list(expressions)

    def choice(self, options):
        return options[int(self.rng.integers(len(options)))]

    def flag(self, of):
        return self.rng.integers(of) == 0

    def pick(self, of=None):
        """An expression of the pool, the newer the likelier, as a type."""
        number = len(self.made) - 1 - int(self.rng.integers(len(self.made)) * self.rng.random() ** 0.5)
        found = self.made[number]
        return found if of is None or type_name(found) == of else hl.cast(halide_type(of), found)

    def constant(self, of):
        width, signed = bits(of), of[0] != "u" and of != "bool"
        low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
        low, high = max(low, -(1 << 31)), min(high, (1 << 31) - 1)
        value = self.choice([low, high, 0, 1, 3, -1, -7, int(self.rng.integers(low, high + 1))])
        return hl.cast(halide_type(of), hl.i32(min(max(value, low), high)))

    def small(self, of, *exprs):
        """What may not overflow in Halide, int32 and int64, made so small that it does not."""
        if of in ("int32", "int64"):
            half = halide_type("int16" if of == "int32" else "int32")
            return [hl.cast(halide_type(of), hl.cast(half, expr)) for expr in exprs]
        return list(exprs)

    def pair(self, of):
        """Two operands, one of them a constant sometimes, on either side."""
        a, b = self.pick(of), self.pick(of)
        if self.flag(4):
            b = self.constant(of)
        return (b, a) if self.flag(2) else (a, b)

    def grow(self):
        """Add one expression."""
        of = self.choice(TYPES)
        self.made.append(self._logical() if of == "bool" else self._numeric(of))

    def _logical(self):
        of = self.choice(TYPES[:-1])
        a, b = self.pair(of)
        p, q = self.pick("bool"), self.pick("bool")
        return self.choice(
            [lambda: a < b, lambda: a <= b, lambda: a == b, lambda: a != b, lambda: p & q, lambda: p | q, lambda: ~p]
        )()

    def _numeric(self, of):
        a, b = self.pair(of)
        sa, sb = self.small(of, a, b)
        signed = of[0] == "i"
        most = bits(of) - 1
        amount = hl.clamp(self.pick("int32"), -most if signed or self.flag(2) else 0, most)
        if of in ("int32", "int64"):
            amount = hl.clamp(amount, -(most // 2), most // 2)
        amount = hl.cast(halide_type(of if signed else of[1:]), amount)
        unsigned = halide_type(of if not signed else f"u{of}")
        kinds = {
            "+": lambda: sa + sb, "-": lambda: sa - sb, "*": lambda: sa * sb,
            "/": lambda: a / b, "%": lambda: a % b, "<<": lambda: sa << amount, ">>": lambda: sa >> amount,
            "min": lambda: hl.min(a, b), "max": lambda: hl.max(a, b),
            "select": lambda: hl.select(self.pick("bool"), a, b),
            "&": lambda: a & b, "|": lambda: a | b, "^": lambda: a ^ b, "~": lambda: ~a,
            "absd": lambda: hl.cast(halide_type(of), hl.absd(a, b)), "abs": lambda: hl.cast(halide_type(of), hl.abs(a))
            if signed else a ^ b,
            "saturating_add": lambda: hl.saturating_add(a, b), "saturating_sub": lambda: hl.saturating_sub(a, b),
            "halving_add": lambda: hl.halving_add(a, b), "saturating_cast": lambda: hl.saturating_cast(
                halide_type(of), self.pick(self.choice(TYPES[:-1]))),
            "reinterpret": lambda: hl.cast(halide_type(of), hl.cast(unsigned, a)),
        }  # fmt: skip
        likely = ("+", "-", "*", "/", "%", "<<", ">>", "min", "max", "select")
        kind = self.choice(likely) if self.flag(2) else self.choice(list(kinds))
        if kind in ("/", "%") and (bits(of) > 32 or self.lanes > 2) and not self.flag(4):
            kind = "-"  # dividers take long to compile
        return kinds[kind]()

    def result(self, of):
        """What is left of the pool: much of it, mixed."""
        width = f"uint{max(bits(of), 8)}"
        mixed = hl.cast(halide_type(width), self.made[-1])
        for expr in self.made[-4:-1]:
            mixed = mixed ^ hl.cast(halide_type(width), expr)
        return hl.cast(halide_type(of), mixed if self.flag(2) else self.made[-1])


class Pipeline:
    """The pipeline of one number: how it is scheduled, and a way to build it with or without an accelerator."""

    def __init__(self, seed):
        rng = self.rng = np.random.default_rng(seed)
        pick = lambda *options: options[int(rng.integers(len(options)))]  # noqa: E731
        self.seed = seed
        self.rank = pick(1, 2, 2, 2, 2, 2)
        self.lanes = pick(1, 1, 1, 2, 3, 4, 8, 16)
        self.bound = pick(True, False)
        self.largest = (pick(*EDGES[6:], 40, 64, 65), pick(*EDGES[4:]))[: self.rank]
        self.larger = tuple(n + pick(0, 0, 0, 1, 2) for n in self.largest)
        self.types = [pick(*TYPES) for _ in range(pick(1, 1, 2))]
        self.forms = [pick("border", "border", "border", "raw") for _ in self.types]
        self.count = pick(1, 2, 2, 3, 3, 4)
        self.stalls = pick(None, (0.3, 0.3), (0.0, 0.6), (0.6, 0.0))
        self.frozen = rng.bit_generator.state

    def sizes(self):
        """Sizes to realize: the largest, and others where that is not the only one."""
        found = [self.largest]
        for _ in range(0 if self.bound else 3):
            found.append(tuple(int(self.rng.choice([e for e in EDGES if e <= n])) for n in self.largest))
        return found

    def build(self, accelerated):
        """The output, the images, and what must be kept."""
        rng = np.random.default_rng()
        rng.bit_generator.state = self.frozen
        names = ("x", "y")[: self.rank]
        here = tuple(hl.Var(name) for name in names)
        self.images = [hl.ImageParam(halide_type(of), self.rank, f"in{n}") for n, of in enumerate(self.types)]
        self.param = hl.Param(hl.Int(16), "gain")
        self.param.set(int(rng.integers(-300, 300)))
        sources = []
        for image, form in zip(self.images, self.forms, strict=True):
            sources.append(self._border(rng, image, image, form == "border"))
        stages = []
        for number in range(self.count):
            last = number == self.count - 1
            func = hl.Func("hw" if last else f"stage{number}")
            pool = Pool(rng, self._leaves(rng, sources[-3:], here), self.lanes)
            for _ in range(int(rng.integers(1, 8 if self.lanes < 4 else 4 if self.lanes < 8 else 2))):
                pool.grow()
            func[here] = pool.result(pool.choice(TYPES))
            stages.append(func)
            buffered = bool(rng.integers(4)) or last
            bordered = not last and buffered and not rng.integers(3)
            if accelerated and buffered and not last:
                func.linebuffer()
            if buffered:
                func.compute_root()
            sources.append(self._border(rng, func, self.images[0], bordered))
        hw, output = stages[-1], hl.Func("output")
        output[here] = hw[here]
        if accelerated:
            read = [image for image in self.images if self._reads(hw, image)]
            if not read:
                raise ValueError("a constant")
            for var, n, most in zip(here, self.largest, self.larger, strict=True):
                (hw.bound if self.bound else hw.set_estimate)(var, 0, n if self.bound else most)
            if self.lanes > 1:
                hw.unroll(here[0], self.lanes, hl.TailStrategy.GuardWithIf)
            hw.accelerate(read, here[0], hl.Var.outermost())
        return output

    @staticmethod
    def _reads(func, image):
        return image.name() in hl.serialize_pipeline(hl.Pipeline(func), get_params=True)[1]

    def _leaves(self, rng, sources, here):
        leaves = [hl.cast(hl.Int(16), here[0]), hl.Expr(self.param)]
        for _ in range(int(rng.integers(2, 6))):
            source = sources[int(rng.integers(len(sources)))]
            reach = int(rng.choice([1, 1, 2, 3, 5]))
            far = int(rng.choice([1, 1, 1, 2, 4, 12]))
            place = [int(rng.integers(-reach, reach + 1)), int(rng.integers(-far, far + 1))][: self.rank]
            leaves.append(source[tuple(v + d for v, d in zip(here, place, strict=True))])
        return [leaf if isinstance(leaf, hl.Expr) else hl.Expr(leaf) for leaf in leaves]

    def _border(self, rng, source, image, bordered):
        kinds = BORDERS if self.bound else BORDERS[:-1]  # hardware repeats images of one size
        kind = kinds[int(rng.integers(len(kinds)))]
        if not bordered:
            return source
        if self.bound and rng.integers(2):
            bounds = [(hl.i32(0), hl.i32(n)) for n in self.largest]
        else:
            bounds = [(image.dim(d).min(), image.dim(d).extent()) for d in range(self.rank)]
        of = source.type() if isinstance(source, hl.ImageParam) else source.types()[0]
        exterior = (hl.cast(of, int(rng.integers(0, 100))),) if kind == "constant_exterior" else ()
        return getattr(hl.BoundaryConditions, kind)(source, *exterior, bounds)

    def fill(self, size):
        """Images for an output of this size."""
        rng, self.keep = np.random.default_rng(self.seed), []
        for image, of, form in zip(self.images, self.types, self.forms, strict=True):
            margin = 0 if form == "border" and image is self.images[0] else 80
            shape = [n + 2 * margin for n in size][::-1]
            if of == "bool":
                array = rng.integers(0, 2, shape).astype(bool)
            else:
                info = np.iinfo(of)
                array = rng.integers(info.min, info.max, shape, of, endpoint=True)
                array = np.where(rng.random(shape) < 0.2, rng.integers(0, 4, shape).astype(of), array)
                array[rng.random(shape) < 0.1] = info.max if rng.integers(2) else info.min
            if of == "uint64":
                array = array.astype(np.ulonglong)
            if form == "border":
                margin = 0
                array = np.ascontiguousarray(array[tuple(slice(0, n) for n in size[::-1])])
            buffer = hl.Buffer(array)
            buffer.set_min([-margin] * self.rank)
            self.keep.append((array, buffer))
            image.set(buffer)


def least_sizes(pipeline, design):
    """Widths, and heights, at which the scan has as many words as the storage asks for, one more and one less."""
    (accelerator,) = design.accelerators
    generated = accelerator.generated
    found = []
    for d, least in enumerate(generated.storage.least[: pipeline.rank]):
        lanes = pipeline.lanes if d == 0 else 1
        halo = max(domain.hi[d] - domain.lo[d] for domain in generated.lowered.domains.values())
        for words in (least - 1, least, least + 1):
            n = words * lanes - halo
            for exact in (n, n - lanes + 1):
                if 1 <= exact <= pipeline.largest[d]:
                    found.append(tuple(exact if e == d else m for e, m in enumerate(pipeline.largest)))
    return list(dict.fromkeys(found))


def check(seed, launches=True):
    """Run one number; what happened: "exact", or why it was refused. Raises where something is wrong."""
    pipeline = Pipeline(seed)
    reference = pipeline.build(accelerated=False)
    sizes = pipeline.sizes()
    images = pipeline.images
    try:
        accelerated = pipeline.build(accelerated=True)
    except ValueError:
        return "a constant"
    try:
        design = fluorite.compile(accelerated)
    except CompileError as error:
        return f"refused: {error}"
    if not pipeline.bound:
        sizes += least_sizes(pipeline, design)
    recorder, ran = Recorder(), 0
    accelerated_images, refused = pipeline.images, ""
    for size in sizes[:8]:
        pipeline.images = images
        pipeline.fill(size)
        for mine, other in zip(images, accelerated_images, strict=True):
            other.set(mine.get())
        try:
            expected = np.array(reference.realize(list(size)))
        except hl.HalideError as error:
            refused = f"Halide: {error}"
            continue
        stalls = fluorite.sim.run.Stalls(seed, *pipeline.stalls) if pipeline.stalls else None
        try:
            found = np.array(design.realize(list(size), stalls=stalls, launched=recorder))
        except (SimulationError, UsageError) as error:
            if "border" not in str(error) and "is read from" not in str(error):
                raise
            refused = f"refused: {error}"
            continue
        if not np.array_equal(expected, found):
            wrong = np.argwhere(expected != found)
            raise AssertionError(f"size {size}: {len(wrong)} wrong, first at {wrong[0].tolist()} (axes reversed)")
        ran += 1
    if launches and ran and seed % 3 == 0:
        (accelerator,) = design.accelerators
        for frames in recorder.frames(seed).values():
            order = sequence(accelerator.generated, frames)
            for pattern in patterns(accelerator.generated, order, 0.4, seed)[: 2 + seed % 2]:
                result = run_core(accelerator, order, pattern)
                assert not result.different, f"back to back, stalling {pattern.name}: launches {result.different}"
    return "exact" if ran else refused


def main(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("seeds", type=int, nargs="*")
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--count", type=int, default=0)
    options = parser.parse_args(arguments)
    counts, failed = collections.Counter(), []
    for seed in (*options.seeds, *range(options.first, options.first + options.count)):
        try:
            said = check(seed)
        except Exception as error:
            known = isinstance(error, FluoriteError)
            print(f"{seed} FAILED: {type(error).__name__}: {error}", flush=True)
            if not known and not isinstance(error, AssertionError):
                traceback.print_exc()
            failed.append(seed)
            continue
        print(f"{seed} {said[:300]}", flush=True)
        counts[said[:60]] += 1
    print(counts, "failed:", failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
