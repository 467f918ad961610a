"""Buffers that the CPU caches: their caches are maintained, and what is not shows."""

import asyncio

import numpy as np
import pytest

#: How a module would be without one of the operations, and what then goes wrong.
SEEDED = {
    "no flush before": ("        self._flush(memories)\n", ""),
    "no flush of outputs before": (
        "            for memory in memories:\n                memory.buffer.flush()",
        "            for memory in memories[:-1]:\n                memory.buffer.flush()",
    ),
    "no invalidate": ("                memory.buffer.invalidate()\n", ""),
    "no flush after": (
        "                memory.buffer.flush()\n                memory.buffer.invalidate()",
        "                memory.buffer.invalidate()",
    ),
}


def calls(design, accelerator):
    """Calls that need every operation; whether all that they leave in memory is right."""
    (image,) = design.images((90, 51))
    expected = design.golden([image], (90, 51))
    source, result = accelerator.allocate_inputs(51, 90)[0], accelerator.allocate_output(51, 90)
    right = []
    for _ in range(2):
        source[...] = image
        result[...] = 0x77  # what the CPU's caches hold when the launch begins
        accelerator(source, out=result)
        right += [np.array_equal(result, expected), np.array_equal(source, image)]
        right.append(np.array_equal(accelerator(image), expected))  # by way of copies
        image = image[::-1].copy()
        expected = design.golden([image], (90, 51))
    return all(right)


@pytest.mark.parametrize("whole_buffers", [False, True])
@pytest.mark.parametrize("cacheable", [False, True])
@pytest.mark.parametrize("coherent", [False, True])
def test_results_are_right(built, whole_buffers, cacheable, coherent):
    design = built("harris")
    board, _, accelerator = design.open(board={"whole_buffers": whole_buffers, "coherent": coherent})
    assert not accelerator.COHERENT  # high-performance ports
    type(accelerator).COHERENT = coherent
    accelerator.cacheable = cacheable
    assert calls(design, accelerator)
    assert set(board.cacheable) == {cacheable}
    assert len(board.allocated) == 4  # those of the caller are used as they lie
    assert bool(board.maintained) is not coherent


def test_a_coherent_port_needs_nothing_and_bears_everything(built):
    """Where some ports are coherent and others not, everything is maintained."""
    design = built("harris")
    board, _, accelerator = design.open(board={"coherent": True})
    assert calls(design, accelerator)
    operations = [operation for operation, _, _ in board.maintained[:4]]
    assert operations == ["flush", "flush", "flush", "invalidate"]  # input, output, then the output alone


@pytest.mark.parametrize("name", ["no flush before", "no flush of outputs before", "no invalidate"])
def test_what_is_missing_shows(built, tmp_path, name):
    """The tests' own board catches a driver that leaves one of the operations out."""
    design = built("harris")
    old, new = SEEDED[name]
    text = design.path.read_text()
    assert text.count(old) == 1
    path = tmp_path / design.path.name
    path.write_text(text.replace(old, new))
    _, _, accelerator = design.open(path=path)
    assert not calls(design, accelerator)


@pytest.mark.parametrize("seeded", [False, True])
def test_what_whole_buffer_operations_would_lose(built, tmp_path, seeded):
    """From PYNQ 3.1 on an invalidate is of the whole buffer; the seeded driver writes nothing back before it."""
    design = built("harris")
    path = design.path
    if seeded:
        old, new = SEEDED["no flush after"]
        assert path.read_text().count(old) == 1
        path = tmp_path / design.path.name
        path.write_text(design.path.read_text().replace(old, new))
    images = design.images((90, 64))

    async def meanwhile():
        board, _, accelerator = design.open("controller", path, {"whole_buffers": True})
        large = board.allocate((192, 90), np.uint8, cacheable=1)
        run = accelerator.run(*images, out=large[64:128])  # whole cache lines: not copied
        task = asyncio.get_running_loop().create_task(run)
        while accelerator._started == 0:
            await asyncio.sleep(0)
        large[128:] = 0x31
        await task
        return large, len(board.allocated)

    large, allocated = asyncio.run(meanwhile())
    assert allocated == 2  # the input was copied
    np.testing.assert_array_equal(large[64:128], design.golden(images, (90, 64)))
    assert bool(np.all(large[128:] == 0x31)) is not seeded


@pytest.mark.parametrize("whole_buffers", [False, True])
@pytest.mark.parametrize("cacheable", [0, 1])
def test_what_is_written_beside_an_output_is_kept(built, cacheable, whole_buffers):
    """What another task writes meanwhile beside the output is not lost, be it in the same cache line or buffer."""
    design = built("harris")
    images = design.images((90, 51))

    async def both():
        board, _, accelerator = design.open("controller", board={"whole_buffers": whole_buffers})
        large, number = board.allocate((53, 90), np.uint8, cacheable=cacheable), 0
        result = asyncio.get_running_loop().create_task(accelerator.run(*images, out=large[1:52]))
        while not result.done():
            number += 1
            large[0], large[52] = number % 256, number % 251
            await asyncio.sleep(0)
        await result
        return large, number

    large, number = asyncio.run(both())
    assert number > 5
    np.testing.assert_array_equal(large[1:52], design.golden(images, (90, 51)))
    assert np.all(large[0] == number % 256)
    assert np.all(large[52] == number % 251)


# --- small buffers ----------------------------------------------------------------------------------------------------


def test_small_buffers_are_parts_of_larger_ones(built):
    """Of 4 KB and less the memory manager of PYNQ 3.1 has given addresses that 32 bits do not hold."""
    design = built("harris")
    board, _, accelerator = design.open(board={"small_address": 0x8_7000_0000})
    images = design.images((20, 11))
    expected = design.golden(images, (20, 11))
    np.testing.assert_array_equal(accelerator(*images), expected)
    source, result = *accelerator.allocate_inputs(11, 20), accelerator.allocate_output(11, 20)
    assert (source.shape, result.shape) == ((17, 26), (11, 20))
    assert board.allocated == [8192] * 4
    source[...], result[...] = images[0], 0
    assert accelerator(source, out=result) is result
    np.testing.assert_array_equal(result, expected)
    assert len(board.allocated) == 4  # used as they lie
    assert not hasattr(result[1:], "has_own_lines")


def test_small_buffers_beyond_the_hardware_are_copied(built):
    """Those that a user allocates."""
    design = built("harris")
    board, _, accelerator = design.open(board={"small_address": 0x8_7000_0000})
    images = design.images((20, 11))
    source, result = board.allocate((17, 26), np.uint8, cacheable=1), board.allocate((11, 20), np.uint8)
    source[...] = images[0]
    assert accelerator(source, out=result) is result
    np.testing.assert_array_equal(result, design.golden(images, (20, 11)))
    assert board.allocated == [17 * 26, 11 * 20, 8192, 8192]


@pytest.mark.parametrize("bytes_", [4096, 4097])
def test_where_small_ends(built, bytes_):
    design = built("harris")
    board, module, _ = design.open()
    made = module.make_buffer((bytes_,), np.uint8, True)
    assert (made.nbytes, board.allocated) == (bytes_, [8192 if bytes_ == 4096 else bytes_])
