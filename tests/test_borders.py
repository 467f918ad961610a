"""Border conditions at their extremes: images narrower than the window, of a pixel or two, of three dimensions."""

import halide as hl
import numpy as np

import fluorite

x, y, c = hl.vars("x y c")
OUTERMOST = hl.Var.outermost()
BC = hl.BoundaryConditions


def check(value, source, sizes, largest):
    """Compile ``hw = value`` for the largest images, and compare with Halide at these sizes."""
    variables = (x, y, c)[: len(largest)]
    hw, output = hl.Func("hw"), hl.Func("output")
    hw[variables] = value
    hw.compute_root()
    for variable, extent in zip(variables, largest, strict=True):
        hw.set_estimate(variable, 0, extent)
    hw.accelerate([source], x, OUTERMOST)
    output[variables] = hw[variables]
    design = fluorite.compile(output)
    for image in sizes:
        source.set(hl.Buffer(image))
        size = list(image.shape[::-1])
        np.testing.assert_array_equal(np.array(design.realize(size)), np.array(output.realize(size)))


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
