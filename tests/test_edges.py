"""Chains of stages behind a repeated edge: what lies beyond a stage's own edge is not computed, and yet is right."""

import halide as hl
import numpy as np
import pytest

import fluorite

x, y = hl.vars("x y")
BC = hl.BoundaryConditions
SIZE = (23, 14)


def chain(before, count, window, first=0):
    """Stages that each read the one before through a window, all but the last line-buffered."""
    for number in range(first, first + count):
        stage = hl.Func(f"stage{number}")
        stage[x, y] = window(before, number)
        before = stage if number == first + count - 1 else stage.linebuffer()
    return before


def uneven(before, number):
    """Reaches further to the right and down than to the left and up."""
    return before[x - 1, y - 1] + 3 * before[x + 1, y + 2] + before[x + 2, y]


def plain(source):
    return chain(BC.repeat_edge(source), 4, uneven)


def mixed(source):
    """Mirrored along x, and a stage that knows its column: it is rows that have an edge."""
    along_x = BC.mirror_image(source, [hl.Range(0, source.width())])
    both = BC.repeat_edge(along_x, [hl.Range(), hl.Range(0, source.height())])

    def window(before, number):
        return before[x, y - 1] + 3 * before[x + 1, y + 1] + (hl.u8(x) if number == 1 else hl.u8(0))

    return chain(both, 4, window)


def meeting(source):
    """The image meets what is three stages behind it; further on only what is above is read."""
    bordered = BC.repeat_edge(source)
    deep, both = chain(bordered, 3, uneven).linebuffer(), hl.Func("both")
    both[x, y] = deep[x - 1, y + 1] + bordered[x + 2, y - 3]
    return chain(both.linebuffer(), 2, lambda before, _: before[x, y - 3] - before[x - 1, y - 1], first=5)


def aside(source):
    """Only what is to the right and below is read: of an image of a pixel, all is beyond the edge."""
    return chain(BC.repeat_edge(source), 3, lambda before, _: before[x + 1, y + 2] + 3 * before[x + 2, y + 1])


def outside(source):
    """Stages that are another constant beyond each side of the image: they know where they are only there."""
    before, (width, height) = BC.repeat_edge(source), SIZE
    for number, beyond in enumerate((x < 0, x >= width, y < 0, y >= height)):
        stage = hl.Func(f"stage{number}")
        stage[x, y] = hl.select(beyond, hl.u8(40 + number), before[x, y])
        before = stage.linebuffer()
    last = hl.Func("last")
    last[x, y] = before[x - 1, y - 1] + 3 * before[x + 1, y + 1]
    return last


def accelerated(make, lanes=1, fixed=False):
    """A pipeline of an image of any size up to SIZE."""
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    func, output = make(source), hl.Func("output")
    output[x, y] = func[x, y]
    func.compute_root()
    for variable, extent in zip((x, y), SIZE, strict=True):
        (func.bound if fixed else func.set_estimate)(variable, 0, extent)
    if lanes > 1:
        func.unroll(x, lanes)
    func.accelerate([source], x, hl.Var.outermost())
    return output, source


@pytest.mark.parametrize(
    ("make", "lanes", "sizes"),
    [
        pytest.param(plain, 3, [SIZE, (16, 13), (8, 7), (2, 1), (1, 3), (1, 1)], marks=pytest.mark.system),
        (mixed, 2, [SIZE, (22, 3), (9, 1)]),
        (meeting, 1, [SIZE, (23, 8), (4, 2), (1, 1)]),
        pytest.param(meeting, 4, [SIZE], marks=pytest.mark.system),
        (outside, 1, [SIZE]),
        (outside, 2, [SIZE, SIZE]),
        (aside, 1, [SIZE, (1, 3), (3, 1), (1, 1)]),
    ],
)
def test_exact(make, lanes, sizes):
    output, source = accelerated(make, lanes, fixed=len(sizes) == 1)
    design = fluorite.compile(output)
    for width, height in sizes:
        pixels = np.random.default_rng(width).integers(0, 256, (height, width), np.uint8)
        source.set(hl.Buffer(pixels))
        size = [width, height]
        np.testing.assert_array_equal(np.array(design.realize(size)), np.array(output.realize(size)))


@pytest.mark.parametrize(
    ("make", "along_x", "along_y"),
    [
        # Two pixels before the image and one behind it a stage, until the stages that are left do not reach that far.
        (plain, [(-2, 1), (-2, 2), (-1, 2), (0, 0)], [(-2, 1), (-2, 2), (-1, 2), (0, 0)]),
        # No edge along x; along y a pixel a stage.
        (mixed, [(0, 3), (0, 2), (0, 1), (0, 0)], [(-1, 1), (-2, 2), (-1, 1), (0, 0)]),
    ],
)
def test_no_stage_is_computed_beyond_its_edge(make, along_x, along_y):
    (found,) = fluorite.compile(accelerated(make)[0]).accelerators
    domains = found.generated.lowered.domains
    for d, ranges in enumerate((along_x, along_y)):
        assert [(domains[f"stage{n}"].lo[d], domains[f"stage{n}"].hi[d]) for n in range(4)] == ranges
        assert (domains["source"].lo[d], domains["source"].hi[d]) == (0, 0)
