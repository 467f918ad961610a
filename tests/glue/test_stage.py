"""Extern stages against the Python simulation of them: regions, launches, layouts, bounds queries, borders."""

import ctypes as ct

import numpy as np
import pytest

NAMES = ("sums", "scaled", "blocks", "halved", "bordered", "fixed", "doubled", "thirds", "stepped", "running")


@pytest.fixture
def scenarios(load):
    return load("scenarios")


@pytest.mark.parametrize("name", NAMES)
def test_random_regions_and_layouts(driver, devices, examples, scenarios, buffer, name):
    for seed in range(40):
        scenarios.stage_once(driver, buffer, examples[name], devices[name], seed)
    assert driver.process_counters(examples[name]).interrupts_missed == 0
    assert driver.library.fluorite_process_close() == 0  # all memory was given back


@pytest.mark.parametrize("name", NAMES)
def test_bounds_queries(driver, devices, examples, scenarios, buffer, name):
    for seed in range(20):
        scenarios.bounds_query(driver, buffer, examples[name], seed)


def test_images_that_lack_loops(driver, devices, examples, buffer):
    """A profile along each loop and a single value: of any stride, in one launch or several, from any origin."""
    random = np.random.default_rng(8)
    for mins, extents in (((0, 0), (1, 1)), ((-5, 3), (39, 30)), ((7, -9), (83, 61))):
        regions = [plan.region(mins, extents) for plan in examples["flat"].generated.inputs]
        assert [extents[::-1] for _, extents in regions[1:]] == [(extents[0],), (extents[1],), ()]
        for arena in (False, True):
            wholes = [driver.array([2 * n for n in own[::-1]], np.uint8, arena) for _, own in regions]
            for whole in wholes:
                whole[...] = random.integers(0, 256, whole.shape)
            images = [whole[(*(slice(0, None, 2) for _ in whole.shape), ...)] for whole in wholes]
            source, gain, offset, level = images
            result = driver.array(extents[::-1], np.uint8, arena)
            buffers = [buffer(image, list(least)) for image, (least, _) in zip(images, regions, strict=True)]
            assert driver.call(examples["flat"], buffers, [], [buffer(result, list(mins))]) == 0, driver.error
            np.testing.assert_array_equal(result, (source - level) * gain + offset[:, None])
            for array in (*wholes, result) if arena else ():
                driver.free(array)


def test_bounds_beyond_32_bits(driver, examples, buffer):
    def query(least):
        asked = buffer(np.empty((8, 16), np.int32), [least, 0], query=True)
        source = buffer(np.empty((1, 1), np.int32), [0, 0], query=True)
        code = driver.call(examples["doubled"], [source], [], [asked])
        return code, source.dim[0].min, source.dim[0].extent

    for least in (-(1 << 30), -5, (1 << 30) - 1):
        assert query(least) == (0, 2 * least, 31)
    for least in (-(1 << 30) - 1, 1 << 30):
        assert query(least)[0] == driver.codes["EXTENT"]
        assert driver.error == (
            f"doubled: source would be needed from {2 * least} over 31 along dimension 0, beyond what 32 bits hold"
        )


def test_launches_that_begin_in_the_middle_of_a_word(driver, devices, examples, buffer):
    from fluorite.errors import UsageError
    from fluorite.run.launch import launches

    generated = examples["thirds"].generated
    for least, extent in [(low, n) for low in range(-4, 5) for n in (1, 39, 40, 41, 79, 80, 200)]:
        source_mins, source_extents = generated.inputs[0].region((least, 0), (extent, 2))
        source, result = np.zeros(source_extents[::-1], np.uint8), np.zeros((2, extent), np.uint8)
        code = driver.call(examples["thirds"], [buffer(source, source_mins)], [], [buffer(result, [least, 0])])
        if least % 3 == 0:
            assert code == 0, driver.error
            assert [launch.mins[0] % 3 for launch in launches(generated, (least, 0), (extent, 2), {})].count(0) == (
                1 if extent <= 40 else -(-(extent - 40) // 39) + 1
            )
            continue
        assert driver.error == (
            f"thirds: a launch begins at x = {least}, and with 3 lanes and streams at different rates it must begin at "
            "a multiple of 3; move the region, use tiles of a multiple of 3 pixels and TailStrategy.GuardWithIf, or "
            "unroll x less"
        )
        with pytest.raises(UsageError) as refused:
            list(launches(generated, (least, 0), (extent, 2), {}))
        assert str(refused.value) == driver.error


def test_nothing_is_needed_for_nothing(driver, examples, buffer):
    """At twice the rate it would be less than nothing: the last pixel is two before the first."""
    empty = buffer(np.empty((8, 0), np.int32), [-3, 0])
    source = buffer(np.empty((1, 1), np.int32), [0, 0], query=True)
    assert driver.call(examples["doubled"], [source], [], [empty]) == 0
    assert [(source.dim[d].min, source.dim[d].extent) for d in (0, 1)] == [(-6, 0), (0, 8)]


def test_an_output_beside(driver, devices, examples, buffer):
    """What launches gave of it is copied out of what is kept, into any layout, and a part of it as well."""
    call, side = driver.call, driver.library.fluorite_beside__half
    random = np.random.default_rng(8)
    for width, height in ((40, 30), (1, 1), (39, 7), (83, 61)):
        source = random.integers(0, 256, (height + height % 2, width + width % 2)).astype(np.uint8)
        main = np.zeros((height, width), np.uint8)
        own = buffer(main, [-4, 6])
        assert call(examples["beside"], [buffer(source, [-4, 6])], [], [own]) == 0, driver.error
        np.testing.assert_array_equal(main, 255 - source[:height, :width])
        expected = (255 - source[::2, ::2]) + (255 - source[1::2, 1::2])
        top, left = (n // 3 for n in expected.shape)
        half = np.zeros(
            (expected.shape[1] - left, expected.shape[0] - top), np.uint8
        ).T  # columns lie one after another
        assert side(ct.byref(own), ct.byref(buffer(half, [left - 2, top + 3]))) == 0, driver.error
        np.testing.assert_array_equal(half, expected[top:, left:])
    assert driver.library.fluorite_process_close() == 0  # all memory was given back


def test_an_output_beside_that_is_refused(driver, devices, examples, buffer):
    call, side = driver.call, driver.library.fluorite_beside__half
    source, main, half = (np.zeros(shape, np.uint8) for shape in ((8, 8), (8, 8), (4, 5)))
    own, wanted = buffer(main, [0, 0]), buffer(half, [0, 0])
    assert side(ct.byref(own), ct.byref(wanted)) == driver.codes["ARGUMENT"]
    assert driver.error == "beside: half was asked for before it was computed"
    assert call(examples["beside"], [buffer(source, [0, 0])], [], [own]) == 0, driver.error
    assert side(ct.byref(own), ct.byref(wanted)) == driver.codes["TOO_SMALL"]
    assert driver.error == (
        "half: 0 to 4 is asked for along dimension 0, and with beside, which is computed as large as its buffer, comes "
        "0 to 3; give beside a larger buffer"
    )
    # What nobody asks for is kept until its buffer is used again, or all is closed.
    for _ in range(3):
        assert call(examples["beside"], [buffer(source, [0, 0])], [], [own]) == 0, driver.error
    assert driver.library.fluorite_process_close() == 0


def test_what_an_output_beside_reads(driver, examples, buffer):
    generated = examples["beside"].generated
    for least, extent in [(low, n) for low in range(-5, 5) for n in (0, 1, 2, 7)]:
        asked = buffer(np.empty((3, extent), np.uint8), [least, 2])
        main = buffer(np.empty((1, 1), np.uint8), [0, 0], query=True)
        assert driver.library.fluorite_beside__half(ct.byref(main), ct.byref(asked)) == 0
        found = [main.dim[d].min for d in (0, 1)], [main.dim[d].extent for d in (0, 1)]
        assert tuple(map(tuple, found)) == generated.sides[0].asked((least, 2), (extent, 3))


def test_arithmetic_is_halides(driver):
    def call(which, a, b):
        return driver.library.fluorite_test_arithmetic(which, a, b)

    for a in range(-9, 10):
        for b in range(-5, 6):
            remainder = a % abs(b) if b else 0
            assert call(1, a, b) == remainder
            assert call(0, a, b) == ((a - remainder) // b if b else 0)
            assert (call(3, a, b), call(4, a, b), call(5, a, b)) == (min(a, b), max(a, b), abs(a))
            if b > 0:
                assert call(2, a, b) == -(-a // b)


@pytest.mark.parametrize(
    ("where", "layout", "direct"),
    [
        ("arena", "alone", 2), ("heap", "alone", 0), ("arena", "lines", 1), ("arena", "part", 1),
    ],
)  # fmt: skip
def test_what_is_copied(driver, devices, examples, scenarios, buffer, where, layout, direct):
    """Rows of an output that end within a cache line beside something else are copied; an input's are not."""
    random = np.random.default_rng(3)
    if layout == "part":
        source = driver.array((30, 120), np.uint8)[2:23, 3:39]
        result = driver.array((30, 120), np.uint8)[2:22, 3:37]
        source[...] = random.integers(0, 256, source.shape)
    else:
        _, source = scenarios.image(driver, random, np.uint8, [36, 21], where == "arena", layout)
        _, result = scenarios.image(driver, random, np.uint8, [34, 20], where == "arena", layout)
    before = driver.library.fluorite_process_copies().direct
    assert driver.call(examples["sums"], [buffer(source, [-1, 0])], [], [buffer(result, [0, 0])]) == 0
    assert driver.library.fluorite_process_copies().direct - before == direct
    np.testing.assert_array_equal(result, source[:-1, :-2] + source[1:, 2:])


@pytest.mark.parametrize(("interleaved", "direct"), [(True, 2), (False, 0)])
def test_channels_are_direct_where_interleaved(driver, devices, examples, buffer, interleaved, direct):
    arrays = []
    for width in (20, 20):
        array = driver.array((10, width, 3) if interleaved else (3, 10, width), np.uint16)
        array[...] = np.arange(array.size).reshape(array.shape)
        arrays.append(array.transpose(2, 0, 1) if interleaved else array)
    before = driver.library.fluorite_process_copies().direct
    example = examples["scaled"]
    call = [buffer(arrays[0], [1, 0, 0])], [ct.c_uint16(7)], [buffer(arrays[1], [0, 0, 0])]
    assert driver.call(example, *call) == 0, driver.error
    assert driver.library.fluorite_process_copies().direct - before == direct
    np.testing.assert_array_equal(arrays[1], arrays[0] + 7)


def test_refusals(driver, devices, examples, buffer):
    def call(name, extents, dtype=np.uint8, mins=(0, 0), source_extents=None, scalars=()):
        result = np.zeros(extents[::-1], dtype)
        source = np.zeros((source_extents or [e + 2 for e in extents])[::-1], dtype)
        return driver.call(examples[name], [buffer(source, [-1, *mins[1:]])], scalars, [buffer(result, mins)])

    assert call("fixed", [15, 20], np.int32) < 0
    assert driver.error == (
        "fixed: 15 pixels along x are asked for, less than a launch of 16; use a larger image, a smaller tile, or "
        "TailStrategy.GuardWithIf"
    )
    assert call("sums", [20, 10], source_extents=[20, 11]) < 0
    assert driver.error == "sums: the buffer of source has -1..18 along dimension 0, -1..20 is needed"
    assert call("sums", [20, 10], np.uint16) < 0
    assert "must be in host memory, with 2 dimensions and 1 bytes a value" in driver.error
    size = [ct.c_int32(20) for _ in examples["bordered"].code.signature.scalars]
    assert call("bordered", [41, 10], scalars=size) < 0
    assert "41 pixels along x are asked for, more than the 40 of a launch" in driver.error
    assert call("bordered", [21, 10], scalars=size) < 0
    assert "which is not the image that the border condition is for" in driver.error
    assert not devices["bordered"].launches


def test_refuses_the_borders_that_python_refuses(driver, devices, examples, buffer):
    from fluorite.errors import UsageError
    from fluorite.run.launch import launches

    example, random, refused = examples["bordered"], np.random.default_rng(5), 0
    for _ in range(60):
        mins, extents = [int(n) for n in random.integers(-3, 4, 2)], [int(n) for n in random.integers(1, 7, 2)]
        values, scalars = {}, []
        for scalar in example.code.signature.scalars:
            _, kind, d = scalar.raw.rsplit(".", 2)
            value = (mins if kind == "min" else extents)[int(d)] + int(random.integers(0, 8) == 0)
            values |= {scalar.raw: value, scalar.name: value}
            scalars.append(ct.c_int32(value))
        try:
            list(launches(example.generated, mins, extents, values))
            expected = None
        except UsageError as error:
            expected = str(error)
            refused += 1
        source, result = np.zeros(extents[::-1], np.uint8), np.zeros(extents[::-1], np.uint8)
        devices["bordered"].fail = dict.fromkeys(range(1000), 1)  # the device's arithmetic is for larger images
        code = driver.call(example, [buffer(source, mins)], scalars, [buffer(result, mins)])
        assert (driver.error if code != -1 else None) == expected
    assert 5 < refused < 50


def test_a_failed_launch_fails_the_call(driver, devices, examples, buffer):
    devices["sums"].fail = {1: 2}
    source, result = np.zeros((61, 82), np.uint8), np.zeros((60, 80), np.uint8)
    arguments = [buffer(source, [-1, 0])], [], [buffer(result, [0, 0])]
    assert driver.call(examples["sums"], *arguments) == -2
    assert driver.error == "sums: no memory at the address of a read (DECERR): source (error -2, address 0x1234)"
    assert driver.call(examples["sums"], *arguments) == 0
    assert driver.library.fluorite_process_close() == 0


def test_a_full_arena(driver, devices, examples, buffer):
    """halide_malloc falls back to the heap; copies that find no room are an error."""
    arena = ct.c_void_p(driver.library.fluorite_process_arena(None))
    size = driver.library.fluorite_arena_size(arena)
    block = driver.array((size,), np.uint8)
    assert driver.library.fluorite_in_arena(arena, ct.c_void_p(block.ctypes.data), ct.c_size_t(1))
    spilled = driver.array((4096,), np.uint8)
    assert not driver.library.fluorite_in_arena(arena, ct.c_void_p(spilled.ctypes.data), ct.c_size_t(1))
    driver.free(spilled)
    source, result = np.zeros((11, 22), np.uint8), np.zeros((10, 20), np.uint8)
    arguments = [buffer(source, [-1, 0])], [], [buffer(result, [0, 0])]
    assert driver.call(examples["sums"], *arguments) == driver.codes["NO_MEMORY"]
    assert "has no room for copies of" in driver.error
    driver.free(block)
    assert driver.call(examples["sums"], *arguments) == 0


def test_concurrent_calls(driver, devices, examples, scenarios, buffer):
    """Threads call two stages at a time; each gets its own results."""
    from concurrent.futures import ThreadPoolExecutor

    def work(number):
        random = np.random.default_rng(number)
        name = ("sums", "blocks")[number % 2]
        for _ in range(6):
            source = driver.array((51, 82), np.uint8, bool(number & 2))
            source[...] = random.integers(0, 256, source.shape)
            result = driver.array((50, 80), np.uint8, bool(number & 4))
            assert driver.call(examples[name], [buffer(source, [-1, 0])], [], [buffer(result, [0, 0])]) == 0
            expected = scenarios.golden(name, source, [0, 0], [-1, 0], [80, 50], 0)
            np.testing.assert_array_equal(result, expected)
            for array, arena in ((source, number & 2), (result, number & 4)):
                if arena:
                    driver.free(array)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert driver.library.fluorite_process_close() == 0


LAYOUTS = {
    "rows upwards": lambda image: image[::-1],
    "from right to left": lambda image: image[:, ::-1],
    "columns": lambda image: image.T,
    "columns upwards, rows to the left": lambda image: image[::-1, ::-1].T,
}


@pytest.mark.parametrize("arena", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_strides_of_any_sign_and_order(driver, devices, examples, buffer, layout, arena):
    random = np.random.default_rng(8)
    source, result = (LAYOUTS[layout](driver.array((60, 60), np.uint8, arena)) for _ in range(2))
    source[...] = random.integers(0, 256, source.shape)
    source, result = source[:52, :53], result[:51, :51]
    assert driver.call(examples["sums"], [buffer(source, [-1, 0])], [], [buffer(result, [0, 0])]) == 0, driver.error
    np.testing.assert_array_equal(result, source[:-1, :-2] + source[1:, 2:])


@pytest.mark.parametrize("arena", [True, False])
def test_an_inputs_values_may_share_memory(driver, devices, examples, buffer, arena):
    row, column = (np.lib.stride_tricks.as_strided(driver.array(n, np.uint8, arena), (21, 22), s)
                   for n, s in ((300, (0, 1)), (300, (1, 0))))  # fmt: skip
    for source in (row, column, np.lib.stride_tricks.as_strided(row, (21, 22), (1, 1))):
        result = driver.array((20, 20), np.uint8, arena)
        row[0] = np.random.default_rng(1).integers(0, 256, 22)
        column[:, 0] = np.random.default_rng(2).integers(0, 256, 21)
        expected = source[:-1, :-2] + source[1:, 2:]
        assert driver.call(examples["sums"], [buffer(source, [-1, 0])], [], [buffer(result, [0, 0])]) == 0, driver.error
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("arena", [True, False])
def test_outputs_have_memory_of_their_own(driver, devices, examples, buffer, arena):
    """Bytes of an output are neither an input's nor written twice; an image may well hold both beside each other."""
    whole = driver.array((64, 128), np.uint8, arena)
    whole[...] = np.random.default_rng(9).integers(0, 256, whole.shape)

    def call(source, result):
        return driver.call(examples["sums"], [buffer(source, [-1, 0])], [], [buffer(result, [0, 0])])

    strided = np.lib.stride_tricks.as_strided
    before = whole.copy()
    for result in (strided(whole[30:], (20, 20), (19, 1)), strided(whole[30:], (20, 20), (0, 1)),
                   strided(whole[30:], (20, 20), (128, 0)), strided(whole[30:], (20, 20), (1, 1))):  # fmt: skip
        assert call(whole[:21, :22], result) == driver.codes["ARGUMENT"]
        assert driver.error == "sums: the strides of the output sums put several of its values into the same memory"
    for top, left in ((0, 0), (20, 21), (20, 0), (0, 21)):
        assert call(whole[:21, :22], whole[top : top + 20, left : left + 20]) == driver.codes["ARGUMENT"]
        assert driver.error == "sums: the output sums shares memory with source: give it memory of its own"
    np.testing.assert_array_equal(whole, before)
    for top, left in ((21, 0), (0, 22), (21, 22), (40, 100)):
        source, result = whole[:21, :22], whole[top : top + 20, left : left + 20]
        expected = source[:-1, :-2] + source[1:, 2:]
        assert call(source, result) == 0, driver.error
        np.testing.assert_array_equal(result, expected)
    source, result = whole[:21, 0:44:2], whole[:20, 1:41:2]  # every other pixel
    expected = source[:-1, :-2] + source[1:, 2:]
    assert call(source, result) == 0, driver.error
    np.testing.assert_array_equal(result, expected)


def test_coordinates_at_the_ends_of_32_bits(driver, devices, examples, buffer):
    least, most = -(1 << 31), (1 << 31) - 1
    result, source = np.zeros((20, 20), np.uint8), np.ones((21, 22), np.uint8)

    def call(mins, result=result, source=source, **options):
        return driver.call(
            examples["sums"],
            [buffer(source, [max(mins[0] - 1, least), mins[1]], **options)],
            [],
            [buffer(result, mins)],
        )

    assert call([least + 1, most - 20]) == 0 and (result == 2).all()
    assert call([least, 0]) == driver.codes["TOO_SMALL"]
    assert driver.error == (
        "sums: the buffer of source has -2147483648..-2147483627 along dimension 0, -2147483649..-2147483628 is needed"
    )
    assert call([least, 0], query=True) == driver.codes["EXTENT"]
    assert driver.error == (
        "sums: source would be needed from -2147483649 over 22 along dimension 0, beyond what 32 bits hold"
    )


def test_strides_that_no_memory_has(driver, devices, examples, buffer):
    source, result = np.zeros((10, 20), np.int32), buffer(np.zeros((10, 20), np.int32), [0, 0])
    result.dim[1].stride, result.dim[1].extent = (1 << 31) - 1, (1 << 31) - 1
    large = buffer(source, [0, 0])
    large.dim[1].extent = (1 << 31) - 1
    assert driver.call(examples["fixed"], [large], [], [result]) == driver.codes["ARGUMENT"]
    assert driver.error == (
        "fixed: the buffer of fixed cannot have a stride of 2147483647 over 2147483647 along dimension 1"
    )


def test_shared_memory_is_found_exactly(driver):
    """Against sets of bytes."""

    class Lattice(ct.Structure):
        _fields_ = (
            ("first", ct.c_size_t), ("bytes", ct.c_int64), ("axes", ct.c_int), ("strides", ct.c_int64 * 8),
            ("extents", ct.c_int64 * 8),
        )  # fmt: skip

    def made(random):
        axes = int(random.integers(0, 4))
        strides, extents = random.integers(-40, 41, axes).tolist(), random.integers(1, 6, axes).tolist()
        first, bytes_ = 1000 + int(random.integers(-150, 150)), int(random.integers(1, 9))
        pieces = [first + sum(map(int.__mul__, strides, at)) for at in np.ndindex(*extents)]
        found = [byte for piece in pieces for byte in range(piece, piece + bytes_)]
        lattice = Lattice(first, bytes_, axes, (ct.c_int64 * 8)(*strides), (ct.c_int64 * 8)(*extents))
        return ct.byref(lattice), found

    random, seen = np.random.default_rng(4), set()
    for _ in range(3000):
        (a, in_a), (b, in_b) = made(random), made(random)
        shared, twice = not set(in_a).isdisjoint(in_b), len(set(in_a)) < len(in_a)
        assert bool(driver.library.fluorite_lattices_overlap(a, b)) == shared
        assert bool(driver.library.fluorite_lattice_overlaps_itself(a)) == twice
        seen.add((shared, twice))
    assert len(seen) == 4


def test_halide_malloc_of_more_than_there_is(driver, devices):
    library = driver.library
    for size in ((1 << 64) - 1, (1 << 64) - 127, 1 << 63, 1 << 48):
        assert not library.halide_malloc(None, ct.c_size_t(size))
    assert driver.clean_up() == 0
    _, arena, _ = driver.open_arena()
    for size in ((1 << 64) - 1, 1 << 63):
        assert not driver.alloc(arena, size) and not driver.alloc(arena, size, 1 << 63)
    assert library.fluorite_arena_used(arena) == 0 and library.fluorite_arena_close(arena) == 0


def test_images_with_borders_that_begin_out_of_step(driver, devices, examples, buffer):
    from fluorite.errors import UsageError
    from fluorite.run.launch import launches

    example = examples["stepped"]
    source, result = np.zeros((2, 7), np.uint8), np.zeros((2, 7), np.uint8)
    assert driver.call(example, [buffer(source, (1, 0))], [1, 7], [buffer(result, [1, 0])]) != 0
    assert driver.error == (
        "stepped: a launch begins at x = 1, and with a border and streams at different rates it must begin at a "
        "multiple of 2; let the image begin there, or pad in software"
    )
    with pytest.raises(UsageError) as refused:
        list(launches(example.generated, (1, 0), (7, 2), {"source.min.0": 1, "source.extent.0": 7}))
    assert str(refused.value) == driver.error


_ELSEWHERE = (
    "running: x from 1 over 4 pixels is asked for, and a recursion goes over others; begin where it begins, and end no "
    "later"
)
_LONGER = (
    "running: 41 pixels along x are asked for, more than the 40 of a launch, and a recursion does not begin anew; "
    "compile for larger extents"
)


@pytest.mark.parametrize(("least", "extent", "text"), [(1, 4, _ELSEWHERE), (0, 41, _LONGER)])
def test_regions_that_a_recursion_does_not_go_over(driver, devices, examples, buffer, least, extent, text):
    from fluorite.errors import UsageError
    from fluorite.run.launch import launches

    example = examples["running"]
    source, result = np.zeros((2, 50), np.uint8), np.zeros((2, extent), np.uint8)
    assert driver.call(example, [buffer(source, (0, 0))], [0, 50], [buffer(result, [least, 0])]) != 0
    assert driver.error == text
    with pytest.raises(UsageError) as refused:
        list(launches(example.generated, (least, 0), (extent, 2), {"source.min.0": 0, "source.extent.0": 50}))
    assert str(refused.value) == text
