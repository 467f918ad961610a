"""Plans of random pipelines: plain data that prints as the call that builds it again, drawn so that it can be shrunk.

What a plan's expressions are drawn from is in `random_expressions`; `random_pipelines` builds the pipeline.
"""

from dataclasses import dataclass

from hypothesis import assume
from hypothesis import strategies as st

from tests.random_expressions import TYPES, Drawing, Op, Source, Table, bits

BORDERS = ("repeat_edge", "mirror_image", "mirror_interior", "constant_exterior", "clamp", "repeat_image")
EDGES = (7, 8, 9, 15, 16, 17, 31, 32, 33)  # sizes where what counts them gets another bit
FOLDING = ("mirror_image", "mirror_interior", "repeat_image")  # an image must be larger than what they fold


@dataclass(frozen=True)
class Border:
    """Border condition of one source: which one along which dimensions, and where it gets the image's edges from."""

    kind: str  # of BORDERS
    dimensions: str  # of "xyc"
    bounds: str  # "image": extents and mins of the first image; "numbers"
    exterior: int


@dataclass(frozen=True)
class Stage:
    """One Func, a Tuple if it has two bodies. Sources are numbered: inputs, then every element of the stages before."""

    bodies: tuple[Op, ...]
    linebuffer: bool
    deep: bool = False  # of three dimensions
    borders: tuple[Border, ...] = ()  # of its readers, one inside the other
    mixed: bool = False  # some taps read it as it is, without its borders


@dataclass(frozen=True)
class Image:
    """One input."""

    type: str
    form: str  # "padded" by software | "margin": an ImageParam, larger than the frame | "exact": just the frame
    deep: bool = False
    borders: tuple[Border, ...] = ()
    mixed: bool = False


@dataclass(frozen=True)
class Plan:
    """A whole pipeline, its schedule, and the frame to run it on."""

    inputs: tuple[Image, ...]
    tables: tuple[Table, ...]
    stages: tuple[Stage, ...]
    third: str  # dimension: "none" | "channel": unrolled | "scan"
    mode: str  # "whole" | "bound" | "tile"
    tile: tuple[int, int]
    tail: str
    lanes: tuple[int, int, int]  # along x, y, c
    order: str  # of the loops, innermost first
    origin: tuple[int, int, int]  # the output reads the accelerated Func so far away
    size: tuple[int, int, int]
    again: tuple[int, int, int] | None  # another size for the same hardware
    launches: int  # about so many along each dimension of a whole image
    planes: bool  # a tile is of one c
    params: tuple[int, int]
    stalls: tuple[float, float] | None
    seed: int


class PlanDrawing(Drawing):
    """Draws one plan."""

    def plan(self):
        third = self.choice("none", "none", "channel", "scan")
        bordered = self.flag(3)
        mode = self.choice("whole", "bound") if bordered else self.choice("whole", "tile", "tile", "bound")
        count = self.choice(1, 2, 2, 3, 4, 5) if third == "none" else self.choice(1, 1, 2, 2, 3)
        channels = self.integer(1, 3 if third == "channel" else 5) if third != "none" else 1
        origin = tuple(self.integer(-5, 5) for _ in range(3)) if self.flag(4) else (0, 0, 0)
        origin = (*origin[:2], origin[2] if third != "none" else 0)
        self.third, self.channels, self.bounded = third, (origin[2], channels), mode == "bound"
        self.tables = tuple(self.table() for _ in range(self.choice(0, 0, 1, 2)))
        forms = ("padded", "exact", "margin") if bordered else ("padded", "padded", "margin")
        form = self.choice(*forms)
        folding = self.flag(2)
        inputs = tuple(self._image(form, bordered, folding) for _ in range(self.choice(1, 1, 2, 3)))
        sources = [Source(image.type, image.deep) for image in inputs]
        stages = []
        for number in range(count):
            last = number == count - 1
            stage = self._stage(sources, last, bordered and not last, folding)
            stages.append(stage)
            sources += [Source(body.type, stage.deep) for body in stage.bodies]
        size, tile, tail = self._extents(mode, bordered, folding, channels)
        lanes = self._lanes(third, mode, channels, stages)
        order = self.choice("xyc", "xyc", "yxc", "cxy", "cyx", "xcy") if third == "scan" else self.choice(
            "xy", "xy", "xy", "xy", "yx"
        )  # fmt: skip
        return Plan(
            inputs,
            self.tables,
            tuple(stages),
            third,
            mode,
            tile,
            tail,
            lanes,
            order,
            origin,
            size,
            self._again(mode, size, tile, tail, inputs, stages),
            1 if bordered else self.choice(1, 1, 1, 2, 3),
            self.flag(3),
            (self.constant("int32"), self.constant("uint8")),
            self.choice(None, (0.3, 0.3), (0.0, 0.6), (0.7, 0.0), (0.1, 0.1)),
            self.integer(0, 99),
        )

    def _deep(self):
        return self.third == "scan" or (self.third == "channel" and not self.flag(3))

    def _image(self, form, bordered, folding):
        deep = self._deep()
        borders = self._borders(form, deep, folding) if bordered and (form == "exact" or self.flag(2)) else ()
        return Image(self.choice(*TYPES), form, deep, borders, bool(borders) and form != "exact" and self.flag(3))

    def _stage(self, sources, last, bordered, folding):
        self.deep = self._deep()
        shift = max(0, len(sources) - 4)
        bodies = tuple(
            self.expression(sources[shift:], shift, self.choice(*TYPES), self.integer(1, 3))
            for _ in range(2 if self.flag(6) else 1)
        )
        borders = self._borders("stage", self.deep, folding) if bordered and self.flag(2) else ()
        # A border condition of what is inlined is one of all that it reads: only seldom can it be.
        buffered = last or not self.flag(12 if borders else 3)
        if len(bodies) > 1:  # one exterior value is given
            borders = tuple(b for b in borders if b.kind not in ("constant_exterior", "clamp"))
        return Stage(bodies, buffered, self.deep, borders, bool(borders) and self.flag(3))

    def _borders(self, form, deep, folding):
        kinds = BORDERS[:-1] if folding else [kind for kind in BORDERS if kind not in FOLDING]
        if folding and self.flag(12):
            kinds = ("repeat_image",)
        dimensions = "xyc" if deep else "xy"
        bounds = "image" if form in ("exact", "padded") and self.flag(2) else "numbers"
        if form == "exact" or not self.flag(3):
            return (self._border(kinds, dimensions, bounds),)
        first = self.choice("x", "y", "xy", "yc" if deep else "y")
        rest = "".join(d for d in dimensions if d not in first)
        one = self._border(kinds, first, bounds)
        return (one, self._border(kinds, rest, bounds)) if rest and self.flag(2) else (one,)

    def _border(self, kinds, dimensions, bounds):
        return Border(self.choice(*kinds), dimensions, bounds, self.integer(0, 9))

    def _extents(self, mode, bordered, folding, channels):
        least = 12 if bordered and folding and not self.flag(8) else 1
        width, height = (self.integer(least, 40), self.integer(least, 24)) if bordered or self.third != "none" else (
            self.integer(1, 70), self.integer(1, 30)
        )  # fmt: skip
        if self.flag(2):
            width, height = (self.choice(n, *(edge for edge in EDGES if edge >= least)) for n in (width, height))
        if folding and bordered and self.third == "scan" and not self.flag(8):
            channels = max(channels, 5)
        tile = (self.integer(1, 40), self.integer(1, 16))
        tail = self.choice("GuardWithIf", "RoundUp", "ShiftInwards", "Auto")
        if mode == "tile" and tail != "GuardWithIf":
            width, height = max(width, tile[0]), max(height, tile[1])
        return (width, height, channels), tile, tail

    def _again(self, mode, size, tile, tail, inputs, stages):
        borders = [border for one in (*inputs, *stages) for border in one.borders]
        if mode == "bound" or any(border.bounds == "numbers" for border in borders):
            return None
        least = [12 if any(border.kind in FOLDING for border in borders) else 1] * 3
        if mode == "tile" and tail != "GuardWithIf":
            least[:2] = tile
        width, height = (self.integer(min(low, most), most) for low, most in zip(least[:2], size[:2], strict=True))
        whole = mode == "whole" and self.third == "scan"
        return width, height, self.integer(min(least[2], size[2]), size[2]) if whole else size[2]

    def _lanes(self, third, mode, channels, stages):
        lanes = self.choice(1, 1, 1, 2, 3, 4)
        if len(stages) < 3 and third == "none" and self.flag(8):
            return (self.choice(8, 16), 1, 1)
        if third == "channel":  # what is computed in a cycle stays small: Verilator has to compile it
            lanes = min(lanes, 4 // channels)
        if lanes > 1 and self.flag(4):
            return (1, min(lanes, 3), 1)
        if lanes == 2 and channels == 1 and self.flag(4):
            return (2, 2, 1)
        if lanes == 2 and third == "scan" and self.flag(4):
            return (1, 1, 2)
        return (lanes, 1, 1)


def reads(op):
    """Numbers of the sources an expression reads."""
    if op.kind == "tap":
        return {op.args[0]}
    if op.kind in ("window", "reduce", "across"):
        return {op.args[1]}
    return set().union(*(reads(a) for a in op.args if isinstance(a, Op)))


def used(plan):
    """Numbers of the inputs that the last stage depends on."""
    below = {n: {n} for n in range(len(plan.inputs))}
    for stage in plan.stages:
        found = set().union(*(below[n] for body in stage.bodies for n in reads(body)))
        for _ in stage.bodies:
            below[len(below)] = found
    return below[len(below) - 1]


def operations(plan):
    """Every Op of a plan."""
    stack = [body for stage in plan.stages for body in stage.bodies]
    while stack:
        op = stack.pop()
        yield op
        stack += [a for a in op.args if isinstance(a, Op)]


@st.composite
def plans(draw):
    plan = PlanDrawing(draw).plan()
    assume(used(plan))  # else the pipeline is a constant
    return plan


__all__ = ["BORDERS", "Border", "Image", "Plan", "Stage", "bits", "operations", "plans", "reads", "used"]
