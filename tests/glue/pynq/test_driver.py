"""The generated PYNQ classes run: on the Verilated hardware with its memory, against Halide."""

import asyncio

import numpy as np
import pytest

from fluorite.systems.program.settings import InjectedError

#: Extents by argument: odd ones, and larger than a launch (200 x 100).
SIZES = {
    "harris": [(61, 43), (301, 7), (1, 1)],
    "demosaic": [(203, 11, 3), (9, 101, 3)],
    "blend": [(33, 21, 3), (201, 3, 3)],
    "jacobi": [(61, 43), (8, 5)],
    "fanout": [(77,), (401,)],
}


# The others, of more inputs and of more lanes, in the sweep.
HERE = ("harris", "demosaic", "fanout")


@pytest.mark.parametrize("app", [app if app in HERE else pytest.param(app, marks=pytest.mark.system) for app in SIZES])
def test_applications_are_exact(built, app):
    design = built(app)
    _, _, accelerator = design.open(stalls=0.1)
    for number, extents in enumerate(SIZES[app]):
        images = design.images(extents, number)
        result = accelerator(*images)
        assert type(result) is np.ndarray
        np.testing.assert_array_equal(result, design.golden(images, extents))
    accelerator.mmio.system.finish()


@pytest.mark.system
def test_large_windows_at_borders_are_exact(built):
    design = built("gaussian")
    _, _, accelerator = design.open()
    images = design.images((41, 23))
    np.testing.assert_array_equal(accelerator(*images), design.golden(images, (41, 23)))


# --- arguments --------------------------------------------------------------------------------------------------------


def test_pad_and_origin(built):
    """Demosaic asks where the image begins: its colours are told apart by odd and even coordinates."""
    design = built("demosaic")
    _, _, accelerator = design.open()
    image = np.random.default_rng(1).integers(0, 1024, (23, 35)).astype(np.uint16)
    stream = accelerator.STREAMS[0]
    spans = [[n - first, last - n] for n, (first, last) in zip((7, -2), stream.needs((7, -2), (1, 1)), strict=True)]
    padded = np.pad(image, spans[::-1], "reflect")
    for origin, mins in ((None, [0, 0, 0]), ({"x": 1, "y": -3}, [1, -3, 0])):
        expected = design.golden([padded], (35, 23, 3), mins)
        np.testing.assert_array_equal(accelerator(image, pad="reflect", origin=origin), expected)
        np.testing.assert_array_equal(accelerator(padded, origin=origin), expected)


def test_several_outputs_and_signed_params(built):
    """The Param ``out`` has the name of a keyword."""
    design = built("pair")
    _, _, accelerator = design.open()
    image = np.random.default_rng(7).integers(-(1 << 15), 1 << 15, (17, 29)).astype(np.int16)
    for flip in (False, np.True_):
        first, second = accelerator(image, offset=-70000, out_=100, flip=flip)
        value = image.astype(np.int32) - 70000
        np.testing.assert_array_equal(first, -value if flip else value)
        np.testing.assert_array_equal(second, np.minimum(np.abs(image.astype(np.int32)), 100))
        assert (first.dtype, second.dtype) == (np.int32, np.uint8)
    outputs = accelerator.allocate_output(17, 29)
    assert accelerator(image, out=outputs, offset=-70000, out_=100, flip=True) == outputs
    np.testing.assert_array_equal(outputs[0], first)


def test_words_made_by_software(built):
    """Two by two pixels a cycle, odd extents, several launches."""
    design = built("blocks")
    _, _, accelerator = design.open()
    for shape in ((61, 87), (1, 1), (30, 41)):
        image = np.random.default_rng(3).integers(0, 256, shape).astype(np.uint8)
        np.testing.assert_array_equal(accelerator(image), image ^ 85)


def test_tiles_of_one_size_and_long_addresses(built):
    """The last tile is shifted inwards; memory lies beyond 4 GiB."""
    design = built("fixed")
    board, _, accelerator = design.open(base=0x8_1000_0000)
    image = np.random.default_rng(4).integers(-(1 << 20), 1 << 20, (17, 45)).astype(np.int32)
    np.testing.assert_array_equal(accelerator(image), image * 3)
    assert accelerator.registers.read("launches_completed") == 9
    image = board.allocate((17, 77), np.int32)  # more than 4 KB: small ones are copied
    image.device_address = 1 << 40
    with pytest.raises(ValueError, match=r": source\w* ends at 0x\w+, beyond the hardware's 40 address bits"):
        accelerator(image)


# --- memory -----------------------------------------------------------------------------------------------------------


def test_buffers_are_used_as_they_lie(built):
    design = built("harris")
    board, _, accelerator = design.open()
    source, result = *accelerator.allocate_inputs(43, 301), accelerator.allocate_output(43, 301)
    assert source.shape == accelerator.input_shapes(43, 301)[0] == (43 + 6, 301 + 6)
    (image,) = design.images((301, 43))
    expected = design.golden([image], (301, 43))
    source[...] = image
    count = len(board.allocated)
    assert accelerator(source, out=result) is result
    np.testing.assert_array_equal(result, expected)
    assert len(board.allocated) == count
    # A row of cache lines of a larger buffer for the output; for the input any rows.
    large_in, large_out = (board.allocate(shape, np.uint8, cacheable=1) for shape in ((52, 307), (64, 320)))
    large_in[2:51] = image
    count = len(board.allocated)
    np.testing.assert_array_equal(accelerator(large_in[2:51])[:, :9], expected[:, :9])
    assert len(board.allocated) == count + 1  # for the output
    part = large_out[3:46, 7:308]
    accelerator(large_in[2:51], out=part)
    np.testing.assert_array_equal(part, expected)
    assert np.all(large_out[:3] == 0x5A)
    assert np.all(large_out[:, :7] == 0x5A)


def test_what_only_looks_like_a_buffer_is_copied(built):
    """PYNQ gives arithmetic on buffers an address, too: one that is not theirs."""
    design = built("harris")
    _, _, accelerator = design.open()
    (source,) = accelerator.allocate_inputs(11, 20)
    source[...] = design.images((20, 11))[0]
    expected = design.golden([np.asarray(source)], (20, 11))
    for image in (source.copy(), (source ^ 1) ^ 1, source.copy()[:, :]):
        assert image.device_address is not None
        np.testing.assert_array_equal(accelerator(image), expected)


def test_memory_for_copies_is_kept_until_freed(built):
    design = built("harris")
    board, _, accelerator = design.open()
    small, large = design.images((20, 11))[0], design.images((90, 51))[0]
    expected = design.golden([small], (20, 11))
    np.testing.assert_array_equal(accelerator(small), expected)
    accelerator(large)
    count = len(board.allocated)
    np.testing.assert_array_equal(accelerator(small), expected)
    assert len(board.allocated) == count == 4
    accelerator.free()
    np.testing.assert_array_equal(accelerator(small), expected)
    assert len(board.allocated) == 6


# --- waiting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pin", ["none", "controller", "line"])
def test_waits_by_interrupt_where_there_is_one(built, pin):
    design = built("harris")
    images = design.images((301, 43))
    expected = design.golden(images, (301, 43))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        board, _, accelerator = design.open(pin)
        np.testing.assert_array_equal(accelerator(*images), expected)
        assert board.waits in ((0,) if pin == "none" else (1, 2, 3))  # two launches
        board.waits = 0
        ticks = []

        async def tick():
            while True:
                ticks.append(1)
                await asyncio.sleep(0)

        async def both():
            other = loop.create_task(tick())
            result = await accelerator.run(*images)
            assert len(ticks) > 1  # the other task went on meanwhile
            other.cancel()
            before = board.waits
            np.testing.assert_array_equal(accelerator(*images), expected)  # as in a notebook: the loop is taken
            assert board.waits == before
            return result

        np.testing.assert_array_equal(loop.run_until_complete(both()), expected)
        assert accelerator.counters()["launches_completed"] == 6
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def test_one_call_at_a_time(built):
    design = built("harris")
    _, _, accelerator = design.open()
    images = design.images((60, 40))

    async def two():
        return await asyncio.gather(accelerator.run(*images), accelerator.run(*images), return_exceptions=True)

    first, second = asyncio.run(two())
    np.testing.assert_array_equal(first, design.golden(images, (60, 40)))
    assert isinstance(second, RuntimeError)
    assert str(second) == f"{design.accelerator.name}: a call is under way: wait for it first"


def test_counters(built):
    design = built("harris")
    _, _, accelerator = design.open()
    accelerator(*design.images((60, 40)))
    counters = accelerator.counters()
    assert 60 * 40 < counters["cycles"] < 60 * 40 + 2000
    assert counters["launches_started"] == counters["launches_completed"] == 1
    assert counters[f"in_{accelerator.STREAMS[0].name}_stalls"] > 0


# --- errors -----------------------------------------------------------------------------------------------------------


def test_another_build_is_refused(built):
    design = built("harris")
    board, _, accelerator = design.open()
    accelerator.REGISTERS.CONSTANTS["design_hash"] ^= 1
    found = accelerator.registers.read("design_hash")
    with pytest.raises(RuntimeError) as refused:
        getattr(board.pynq.Overlay("design.bit"), design.module_name)
    assert str(refused.value) == (
        f"{accelerator.FUNC}: design_hash must be {found ^ 1:#010x}, not {found:#010x}: module and bitstream are not "
        "of one build"
    )


@pytest.mark.parametrize("kind", ["read", "write"])
def test_a_failed_transfer_is_told_with_its_address(built, kind):
    design = built("harris")
    board, module, accelerator = design.open()
    source, result = *accelerator.allocate_inputs(40, 301), accelerator.allocate_output(40, 301)
    source[...] = design.images((301, 40))[0]
    buffer, name = (source, accelerator.STREAMS[0].name) if kind == "read" else (result, accelerator.STREAMS[1].name)
    for _ in range(2):
        board.system.inject(InjectedError(kind=kind, address=buffer.device_address + 5, bytes=1))
        with pytest.raises(module.AcceleratorError) as failed:
            accelerator(source, out=result)
        address = failed.value.address
        assert 0 <= buffer.device_address - (address & -4096) < 4096
        assert (
            str(failed.value)
            == f"{accelerator.FUNC}: memory answered a {kind} with SLVERR: {name} (address {address:#x})"
        )
        assert (failed.value.stream, failed.value.code) == (name, 1 if kind == "read" else 3)
        assert accelerator.registers.read("status", "idle")  # what was started has ended
    accelerator(source, out=result)
    np.testing.assert_array_equal(result, design.golden([np.asarray(source)], (301, 40)))


def test_timeout_resets(built):
    design = built("harris")
    _, _, accelerator = design.open()
    images = design.images((190, 90))
    with pytest.raises(TimeoutError) as late:
        accelerator(*images, timeout_s=1e-4)
    assert str(late.value) == f"{accelerator.FUNC}: a launch did not end within 0.0001 s"
    assert accelerator._held == []
    assert accelerator.registers.read("launches_started") == 0
    np.testing.assert_array_equal(accelerator(*images), design.golden(images, (190, 90)))


def test_interrupted_by_the_user(built):
    design = built("harris")
    _, module, accelerator = design.open()
    images, sleep = design.images((190, 90)), module.time.sleep

    def stop(seconds):
        module.time.sleep = sleep
        raise KeyboardInterrupt

    module.time.sleep = stop
    with pytest.raises(KeyboardInterrupt):
        accelerator(*images)
    assert accelerator.registers.read("launches_started") == 0
    np.testing.assert_array_equal(accelerator(*images), design.golden(images, (190, 90)))


def test_a_reset_that_does_not_end(built):
    """The memory stays taken: the hardware may write to it at any time."""
    design = built("harris")
    _, module, accelerator = design.open()
    module.RESET_S = 0.001
    text = f"{accelerator.FUNC}: the accelerator does not end its soft reset: load the bitstream again"
    accelerator.mmio.overrides[accelerator.REGISTERS.REGISTERS["status"][0]] = 1 << 2
    with pytest.raises(RuntimeError) as stuck:
        accelerator(*design.images((190, 90)), timeout_s=1e-4)
    assert str(stuck.value) == text
    assert isinstance(stuck.value.__context__, TimeoutError)
    assert len(accelerator._held) == 2
    accelerator.mmio.overrides.clear()
    with pytest.raises(RuntimeError) as stuck:
        accelerator(*design.images((190, 90)))
    assert str(stuck.value) == text


REFUSED = [
    ("harris", lambda a: a(), TypeError, "{func} takes 1 images ({in0}), not 0"),
    (
        "harris", lambda a: a(np.zeros((20, 20))), TypeError,
        "{func}: {in0} must be an array of uint8, not float64",
    ),
    (
        "harris", lambda a: a(np.zeros((20, 20, 3), np.uint8)), ValueError,
        "{func}: {in0} must have 2 axes (y, x), not 3",
    ),
    (
        "harris", lambda a: a(np.zeros((20, 6), np.uint8)), ValueError,
        "{func}: {in0} must have more than 6 pixels along x, not 6",
    ),
    (
        "harris", lambda a: a(np.zeros((20, 20), np.uint8), gain=2), TypeError,
        "{func} has no Param gain; it has none",
    ),
    (
        "harris", lambda a: a(np.zeros((20, 20), np.uint8), origin={"z": 2}), ValueError,
        "{func}: origin must be given along x, y, not z",
    ),
    (
        "harris", lambda a: a(np.zeros((20, 20), np.uint8), out=np.zeros((20, 20), np.uint8)), ValueError,
        "{func}: out must have shape (14, 14), not (20, 20)",
    ),
    (
        "harris", lambda a: a(np.zeros((20, 20), np.uint8), out=(np.zeros((14, 14), np.uint8),) * 2), TypeError,
        "{func} has 1 outputs, but out is 2 arrays",
    ),
    (
        "blend", lambda a: a(*[np.zeros((9, 9, 3), np.uint8)] * 2, *[np.zeros((9, 8), np.uint8)] * 2), ValueError,
        "{func}: {in2} is for 8 pixels of output along x, {in0} for 9",
    ),
    (
        "blend", lambda a: a(*[np.zeros((9, 9, 4), np.uint8)] * 2, *[np.zeros((9, 9), np.uint8)] * 2), ValueError,
        "{func}: {in0} must have 3 values along channel, not 4",
    ),
    (
        "pair", lambda a: a(np.zeros((9, 9), np.int16), offset=1, flip=0), TypeError,
        "{func}: out_ is missing: give it as a keyword",
    ),
    (
        "pair", lambda a: a(np.zeros((9, 9), np.int16), offset=1, out_=256, flip=0), ValueError,
        "{func}: out_ must be in 0..255, not 256",
    ),
    (
        "pair", lambda a: a(np.zeros((9, 9), np.int16), offset=1.5, out_=2, flip=0), TypeError,
        "{func}: offset must be a whole number, not 1.5",
    ),
    (
        "fixed", lambda a: a(np.zeros((9, 9), np.int32)), ValueError,
        "{func}: 9 pixels along x are asked for, less than a launch of 16; use a larger image",
    ),
    (
        "jacobi", lambda a: a(np.zeros((9, 201), np.uint16)), ValueError,
        "{func}: 201 pixels along x are asked for, more than the 200 of a launch, and a border is only where an image "
        "ends; compile for larger extents",
    ),
    (
        "jacobi", lambda a: a(np.zeros((9, 20), np.uint16), **{list(a.SCALARS)[1]: 8}), ValueError,
        "{func}: y from 0 over 9 pixels is asked for, which is not the image that the border condition is for; give "
        "the whole image, or pad in software",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("app", "call", "kind", "text"), REFUSED, ids=[case[3][:40] for case in REFUSED])
def test_refusals(built, opened, app, call, kind, text):
    accelerator = opened(app)
    with pytest.raises(kind) as refused:
        call(accelerator)
    names = {f"in{n}": stream.name for n, stream in enumerate(accelerator.STREAMS)}
    assert str(refused.value) == text.format(func=accelerator.FUNC, **names)
    assert accelerator.registers.read("launches_started") == 0


@pytest.fixture(scope="module")
def opened(built):
    made = {}

    def get(app):
        if app not in made:
            made[app] = built(app).open()[2]
        return made[app]

    return get


def test_launches_read_what_is_there_of_an_image_with_a_border(built):
    design = built("half_with_border")
    _, _, accelerator = design.open()
    for width, height in ((39, 30), (40, 31)):
        image = np.random.default_rng(width).integers(0, 256, (height, width), np.uint8)
        padded = np.pad(image, ((0, 1), (1, 3)), mode="reflect").astype(np.uint16)
        rows, columns = (height + 1) // 2, (width + 1) // 2
        left = padded[0 : 2 * rows : 2, 0 : 2 * columns : 2]
        right = padded[1 : 2 * rows + 1 : 2, 3 : 2 * columns + 3 : 2]
        np.testing.assert_array_equal(accelerator(image), ((left + right) >> 1).astype(np.uint8))
