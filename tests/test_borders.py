"""Border conditions at their extremes: images narrower than the window, of a pixel or two, of three dimensions."""

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.errors import UnsupportedError, UsageError

x, y, c = hl.vars("x y c")
OUTERMOST = hl.Var.outermost()
BC = hl.BoundaryConditions


def check(value, source, sizes, largest, lanes=1):
    """Compile ``hw = value`` for the largest images, and compare with Halide at these sizes."""
    variables = (x, y, c)[: len(largest)]
    hw, output = hl.Func("hw"), hl.Func("output")
    hw[variables] = value
    hw.compute_root()
    for variable, extent in zip(variables, largest, strict=True):
        hw.set_estimate(variable, 0, extent)
    if lanes > 1:
        hw.unroll(x, lanes, hl.TailStrategy.GuardWithIf)
    hw.accelerate([source], x, OUTERMOST)
    output[variables] = hw[variables]
    design = fluorite.compile(output)
    for image in sizes:
        source.set(hl.Buffer(image))
        size = list(image.shape[::-1])
        np.testing.assert_array_equal(np.array(design.realize(size)), np.array(output.realize(size)))
    return design


def refused(design, size, text):
    with pytest.raises(UsageError) as caught:
        design.realize(size)
    assert str(caught.value) == text


def photo(*size):
    return np.random.default_rng(1).integers(0, 256, size[::-1], np.uint8)


def test_windows_wider_than_the_largest_image():
    # A pixel 18 columns away is further than one of the row before: rows are padded until it is not.
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    edge = BC.repeat_edge(source)
    value = sum((n * edge[x + dx, y + dy] for n, (dx, dy) in enumerate([(-9, 0), (0, -1), (9, 2)], 3)), hl.u8(1))
    check(value, source, [photo(6, 6), photo(4, 5), photo(1, 1)], (6, 6))


def test_planes_of_fewer_rows_than_a_window():
    # Four rows on in this plane is further than two planes on: planes are padded until it is not.
    source = hl.ImageParam(hl.UInt(8), 3, "source")
    edge = BC.repeat_edge(source)
    check(edge[x, y + 4, c] + 3 * edge[x, y, c + 2], source, [photo(9, 2, 5), photo(3, 1, 1)], (12, 12, 6))


def test_borders_of_a_pixel_or_two_given_as_numbers():
    source = hl.ImageParam(hl.UInt(8), 3, "source")
    edge = BC.repeat_edge(source, [(0, 1), (0, 7), (0, 2)])
    check(edge[x - 1, y, c + 1] + 3 * edge[x + 1, y - 1, c - 1], source, [photo(1, 7, 2)], (1, 7, 2))


def test_mirrors_of_an_image_that_numbers_put_away_from_the_origin():
    # Mirrors take the distance from the least coordinate, which stands in the index beside the coordinate itself.
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    bounds = [(-4, 13), (3, source.height())]
    image, interior = BC.mirror_image(source, bounds), BC.mirror_interior(source, bounds)
    hw, output = hl.Func("hw"), hl.Func("output")
    hw[x, y] = image[x - 2, y + 1] + 3 * interior[x + 3, y - 2]
    hw.compute_root().bound(x, -4, 13).set_estimate(y, 0, 20).accelerate([source], x, OUTERMOST)
    output[x, y] = hw[x - 4, y + 3]
    pixels = photo(13, 9)
    buffer = hl.Buffer(pixels)
    buffer.set_min([-4, 3])
    source.set(buffer)
    expected = np.array(output.realize([13, 9]))
    np.testing.assert_array_equal(np.array(fluorite.compile(output).realize([13, 9])), expected)


def every_border(source, reach):
    """A weighted sum of windows around all kinds of borders that hardware does of images of any size."""
    interior, image = BC.mirror_interior(source), BC.mirror_image(source)
    edge, exterior = BC.repeat_edge(source), BC.constant_exterior(source, hl.u8(77))
    windows = {
        interior: [(-reach, 0), (reach, 0), (-1, -reach), (1, reach), (2, -1)],
        image: [(-reach, 0), (reach, 0), (1, -reach), (-1, reach), (-2, 1)],
        edge: [(-reach, -1), (reach, 1)],
        exterior: [(reach, -reach), (0, 1)],
    }
    taps = [around[x + dx, y + dy] for around, window in windows.items() for dx, dy in window]
    return sum((hl.u32(tap) * pow(5, n, 65521) for n, tap in enumerate(taps)), hl.u32(0))


@pytest.mark.parametrize(("lanes", "buffered"), [(1, True), (3, False)])
def test_images_of_any_size(lanes, buffered):
    # Smaller ones than a mirror folds are mirrored again. With lanes, one word holds both edges.
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    value = every_border(source, 3)
    if buffered:
        stage, edges = hl.Func("stage"), [(source.dim(d).min(), source.dim(d).extent()) for d in (0, 1)]
        stage[x, y] = hl.u16(BC.mirror_interior(source)[x - 1, y + 1]) * 3 + hl.u16(source[x, y])
        stage.linebuffer()
        around = BC.mirror_image(stage, edges)
        value += hl.u32(around[x - 3, y + 1]) * 7 + hl.u32(around[x + 2, y - 3]) * 11
    sizes = [(w, h) for w in range(1, 9) for h in (1, 2, 3, 5, 8) if w < 5 or (w + h) % 3 == 0]
    check(value, source, [photo(*size) for size in sizes], (12, 8), lanes)


def test_small_images_of_planes_and_two_inputs():
    first, second = hl.ImageParam(hl.UInt(8), 3, "first"), hl.ImageParam(hl.UInt(8), 3, "second")
    interior = BC.mirror_interior(first)
    bounds = [(second.dim(d).min(), second.dim(d).extent()) if d else (hl.Expr(), hl.Expr()) for d in range(3)]
    image = BC.mirror_image(second, bounds)  # not along x
    hw, output = hl.Func("hw"), hl.Func("output")
    hw[x, y, c] = interior[x - 2, y, c + 2] * 3 + image[x, y + 2, c - 3] * 5 + interior[x + 1, y - 2, c - 1] * 7
    hw.compute_root().set_estimate(x, 0, 8).set_estimate(y, 0, 6).set_estimate(c, 0, 6)
    hw.accelerate([first, second], x, OUTERMOST)
    output[x, y, c] = hw[x, y, c]
    design = fluorite.compile(output)
    for size in ((1, 1, 1), (2, 3, 1), (8, 1, 2), (5, 2, 6), (1, 6, 3)):
        first.set(hl.Buffer(photo(*size)).copy())
        second.set(hl.Buffer(photo(*size) ^ 0x5A).copy())
        expected = np.array(output.realize(list(size)))
        np.testing.assert_array_equal(np.array(design.realize(list(size))), expected)


def test_windows_so_wide_that_small_images_are_refused():
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    interior = BC.mirror_interior(source)
    value = interior[x - 5, y] * 3 + interior[x + 5, y]
    design = check(value, source, [photo(6, 2), photo(7, 1), photo(20, 3)], (20, 4))
    source.set(hl.Buffer(photo(5, 2)).copy())
    refused(
        design,
        [5, 2],
        "hw: 5 pixels along x are asked for, and the hardware of the border condition is for images of 6 and more; use "
        "a larger image, or pad in software",
    )


def test_a_mirror_of_the_users_own():
    # It reads at the edge what a small image does not hold.
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    last = source.width() - 1
    mirrored = hl.select(x < 2, 2 - x, x - 2 > last, 2 * last - (x - 2), x - 2)
    value = source[hl.clamp(mirrored, 0, last), y] + 3 * source[x, y]
    check(value, source, [photo(1, 2), photo(2, 2), photo(3, 1), photo(9, 3)], (12, 4))


def test_images_without_pixels():
    # As in Halide, which finds that there is no edge to read.
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    design = check(BC.repeat_edge(source)[x - 1, y], source, [], (12, 8))
    for size in ([0, 5], [5, 0]):
        image = photo(*size)
        source.set(hl.Buffer(image))
        refused(
            design,
            size,
            f"hw: no pixels along {'yx'[size[1] > 0]} are asked for, and an image without pixels has no edge for the "
            "border condition; give one pixel at least",
        )


def test_borders_at_one_edge():
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    left, right = source[hl.max(x - 2, 0), y], source[hl.min(x + 1, source.width() - 1), y]
    mirror, low = source[hl.i32(hl.abs(x - 1)), y], source[x, hl.min(y + 2, source.height() - 1)]
    images = [photo(2, 1), photo(3, 3), photo(9, 4)]
    design = check(left * 3 + right * 5 + mirror * 7 + low, source, images, (12, 8), 2)
    image = photo(1, 4)
    source.set(hl.Buffer(image))
    refused(
        design,
        [1, 4],  # the mirror reads pixel 1
        "hw: 1 pixels along x are asked for, and the hardware of the border condition is for images of 2 and more; use "
        "a larger image, or pad in software",
    )


def test_a_border_at_one_edge_and_a_window_over_the_other():
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    hw, output = hl.Func("hw"), hl.Func("output")
    hw[x, y] = source[hl.max(x - 2, 0), y] + 3 * source[hl.max(x + 3, 0), hl.max(y - 1, 0)]
    hw.compute_root().set_estimate(x, 0, 12).set_estimate(y, 0, 8).accelerate([source], x, OUTERMOST)
    output[x, y] = hw[x, y]
    source.set(hl.Buffer(photo(13, 5)).copy())
    design = fluorite.compile(output)
    for size in ([10, 5], [4, 2]):
        np.testing.assert_array_equal(np.array(design.realize(size)), np.array(output.realize(size)))


@pytest.mark.parametrize(("size", "lanes"), [((13, 5), 3), ((2, 3), 1)])
def test_images_that_repeat(size, lanes):
    # Of one size they can: the other edge is so many cycles away.
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    around = BC.repeat_image(source)
    hw, output = hl.Func("hw"), hl.Func("output")
    hw[x, y] = around[x - 2, y] * 3 + around[x + 1, y - 1] * 5 + around[x, y + 3] * 7
    hw.compute_root().bound(x, 0, size[0]).bound(y, 0, size[1])
    if lanes > 1:
        hw.unroll(x, lanes)
    hw.accelerate([source], x, OUTERMOST)
    output[x, y] = hw[x, y]
    source.set(hl.Buffer(photo(*size)).copy())
    expected = np.array(output.realize(list(size)))
    np.testing.assert_array_equal(np.array(fluorite.compile(output).realize(list(size))), expected)


def wrapped(schedule):
    """An accelerator that reads an image which repeats along x, and one that ends along y."""
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    ends = [(source.dim(d).min(), source.dim(d).extent()) for d in (0, 1)]
    columns = BC.repeat_image(source, [ends[0], (hl.Expr(), hl.Expr())])
    around = BC.repeat_edge(columns, [(hl.Expr(), hl.Expr()), ends[1]])
    panorama, hw, output = hl.Func("panorama"), hl.Func("hw"), hl.Func("output")
    panorama[x, y] = around[x, y]
    hw[x, y] = panorama[x - 1, y] + 3 * panorama[x + 1, y - 1]
    hw.compute_root()
    output[x, y] = hw[x, y]
    schedule(source, panorama, hw)
    return source, output


def panorama_in_software(source, panorama, hw):
    panorama.compute_root()
    hw.set_estimate(x, 0, 40).set_estimate(y, 0, 8).accelerate([panorama], x, OUTERMOST)


def panorama_of_one_width(source, panorama, hw):
    hw.bound(x, 0, 11).set_estimate(y, 0, 8).accelerate([source], x, OUTERMOST)


def test_images_of_any_width_that_repeat_are_refused():
    def schedule(source, panorama, hw):
        hw.set_estimate(x, 0, 40).set_estimate(y, 0, 8).accelerate([source], x, OUTERMOST)

    with pytest.raises(UnsupportedError) as caught:
        fluorite.compile(wrapped(schedule)[1])
    assert str(caught.value).endswith(
        "it reads as far away as the image's other end, which hardware can hold only for images of one size; give "
        "hw.bound(x, min, extent), or compute the padded Func in software as an input"
    )


@pytest.mark.parametrize("way_out", [panorama_in_software, panorama_of_one_width])
def test_ways_out_for_images_that_repeat(way_out):
    source, output = wrapped(way_out)
    source.set(hl.Buffer(photo(11, 5)).copy())
    expected = np.array(output.realize([11, 5]))
    np.testing.assert_array_equal(np.array(fluorite.compile(output).realize([11, 5])), expected)


def within_numbers(schedule):
    """A border around 8x6 pixels."""
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    padded, hw, output = hl.Func("padded"), hl.Func("hw"), hl.Func("output")
    padded[x, y] = BC.repeat_edge(source, [(0, 8), (0, 6)])[x, y]
    hw[x, y] = padded[x - 1, y] + 3 * padded[x, y + 1]
    hw.compute_root()
    output[x, y] = hw[x, y]
    schedule(source, padded, hw)
    return source, output


def estimates_of(width, height):
    def schedule(source, padded, hw):
        hw.set_estimate(x, 0, width).set_estimate(y, 0, height).accelerate([source], x, OUTERMOST)

    return schedule


def bounds_of(*ranges):
    def schedule(source, padded, hw):
        hw.bound(x, *ranges[0]).bound(y, *ranges[1]).accelerate([source], x, OUTERMOST)

    return schedule


def padded_in_software(source, padded, hw):
    padded.compute_root()
    hw.set_estimate(x, 0, 16).set_estimate(y, 0, 12).accelerate([padded], x, OUTERMOST)


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (
            estimates_of(16, 12),
            "border condition max(min(x - 1, 7), 0): its image ends at x = 0 and x = 7, and hardware has a border only "
            "where hw ends, which is computed over up to 16 pixels; give hw.set_estimate(x, 0, 8), or compute the "
            "padded Func in software as an input",
        ),
        (
            bounds_of((0, 8), (2, 6)),
            "border condition max(min(y, 5), 0): its image ends at y = 0 and y = 5, and hardware has a border only "
            "where hw ends, which is computed over 6 pixels from y = 2; give hw.bound(y, 0, 6), or compute the padded "
            "Func in software as an input",
        ),
    ],
)
def test_borders_of_another_region_than_is_computed(schedule, text):
    with pytest.raises(UnsupportedError) as caught:
        fluorite.compile(within_numbers(schedule)[1])
    assert str(caught.value).partition(": ")[2] == text


@pytest.mark.parametrize(
    ("way_out", "size"),
    [(estimates_of(8, 6), [8, 6]), (bounds_of((0, 8), (0, 6)), [8, 6]), (padded_in_software, [16, 12])],
)
def test_ways_out_for_borders_of_another_region(way_out, size):
    source, output = within_numbers(way_out)
    source.set(hl.Buffer(photo(8, 6)).copy())
    expected = np.array(output.realize(size))
    np.testing.assert_array_equal(np.array(fluorite.compile(output).realize(size)), expected)


def test_a_border_at_one_edge_of_another_region():
    source, hw, output = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("hw"), hl.Func("output")
    hw[x, y] = source[hl.max(x - 1, 3), y]
    hw.compute_root().bound(x, 0, 8).set_estimate(y, 0, 6).accelerate([source], x, OUTERMOST)
    output[x, y] = hw[x, y]
    with pytest.raises(UnsupportedError) as caught:
        fluorite.compile(output)
    assert str(caught.value) == (
        "hw: border condition max(x - 1, 3): its image ends at x = 3, and hardware has a border only where hw ends, "
        "which is computed over 8 pixels from x = 0; give hw.bound(x, 3, 8), or compute the padded Func in software as "
        "an input"
    )
