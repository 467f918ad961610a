"""What the driver must do with any accelerator: run on the built driver, and on drivers with seeded bugs."""

import contextlib
import ctypes as ct

import numpy as np

from fluorite.run.launch import launches


def golden(name, source, mins, source_mins, extents, gain):
    """What the accelerators of designs.py compute; arrays ``[y, x]`` or ``[c, y, x]``, mins as (x, y...)."""

    def at(dx, dy, width=extents[0], height=extents[1]):
        left, top = mins[0] + dx - source_mins[0], mins[1] + dy - source_mins[1]
        return source[..., top : top + height, left : left + width]

    if name == "sums":
        return at(-1, 0) + at(1, 1)
    if name == "scaled":
        return at(1, 0) + np.uint16(gain)
    if name == "blocks":
        return at(0, 0) ^ np.uint8(85)
    if name == "halved":
        left, top = source_mins
        columns = np.arange(mins[0], mins[0] + extents[0])
        rows = source[mins[1] - top : mins[1] - top + extents[1]]
        return rows[:, (columns - 1) // 2 - left] + rows[:, (columns + 1) // 2 - left]
    if name == "thirds":
        rows = source[mins[1] - source_mins[1] :][: extents[1]]
        return rows[:, np.arange(mins[0], mins[0] + extents[0]) * 2 // 3 - source_mins[0]] + np.uint8(1)
    if name == "stepped":
        rows, columns = at(0, 0), np.arange(extents[0])
        return rows[:, np.minimum(columns + 1, columns[-1])] + rows[:, columns - columns % 2]
    if name == "running":
        return np.cumsum(at(0, 0), axis=1, dtype=np.uint8)
    if name == "doubled":
        left, top = 2 * mins[0] - source_mins[0], mins[1] - source_mins[1]
        return source[top : top + extents[1], left : left + 2 * extents[0] - 1 : 2] * np.int32(3)
    if name == "bordered":
        padded = np.pad(at(0, 0), ((0, 0), (2, 2)), "reflect")
        return padded[:, :-4] + padded[:, 4:]
    return at(0, 0) * np.int32(3)


def image(driver, random, dtype, extents, arena, layout):
    """An array of these extents (x, y...) filled at random: alone, or part of a larger one, or channels interleaved."""
    shape = extents[::-1]
    if layout == "interleaved" and len(extents) == 3:
        whole = driver.array((shape[1], shape[2], shape[0]), dtype, arena)
        array = whole.transpose(2, 0, 1)
    elif layout == "part":
        larger = tuple(n + 2 * int(random.integers(0, 70)) for n in shape)
        whole = driver.array(larger, dtype, arena)
        array = whole[tuple(slice((m - n) // 2, (m - n) // 2 + n) for n, m in zip(shape, larger, strict=True))]
    elif layout == "padded":
        whole = driver.array(
            (*shape[:-1], shape[-1] + int(random.integers(1, 64 // np.dtype(dtype).itemsize))), dtype, arena
        )
        array = whole[..., : shape[-1]]
    elif layout == "lines":  # rows that begin and end at cache lines
        step = 64 // np.dtype(dtype).itemsize
        whole = driver.array((*shape[:-1], -(-shape[-1] // step) * step + 4 * step), dtype, arena)
        array = whole[..., : shape[-1]]
    else:
        whole = array = driver.array(shape, dtype, arena)
    whole[...] = random.integers(0, 256, whole.shape).astype(whole.dtype)
    return whole, array


def region(example, random, forced=None):
    """A region of the output that the accelerator takes, as (mins, extents)."""
    mins = [int(v) for v in random.integers(-20, 20, 2)]
    sizes = (41, 31) if random.integers(0, 2) else (100, 70)  # one launch or several
    extents = [int(random.integers(1, n)) for n in sizes]
    if example.name == "bordered":
        extents = [int(random.integers(3, 41)), int(random.integers(3, 31))]
    if example.name == "thirds":
        mins[0] -= mins[0] % 3
    if example.name in ("stepped", "running"):
        mins[0] -= mins[0] % 2
        extents[0] = int(random.integers(1, 41))
    if example.name in ("fixed", "doubled"):
        extents = [extents[0] + 16, extents[1] + 8]
    extents = list(forced or extents)
    return (mins, extents) if example.name != "scaled" else ([*mins, 0], [*extents, 3])


def stage_once(driver, buffer, example, device, seed, layout=None, extents=None):
    """One call of an extern stage on a random region, compared with numpy and with Python's launches.

    With a layout, both images lie so, in the arena.
    """
    random = np.random.default_rng(seed)
    generated = example.generated
    mins, extents = region(example, random, extents)
    (input_,) = generated.region.inputs
    source_mins, source_extents = generated.input(input_.name).region(mins, extents)
    halo = random.integers(0, 5, len(mins))
    if example.name in ("bordered", "scaled", "stepped", "running"):
        halo[:] = 0  # the border is that image's; all channels
    source_mins = [a - int(h) for a, h in zip(source_mins, halo, strict=True)]
    source_extents = [e + 2 * int(h) for e, h in zip(source_extents, halo, strict=True)]
    dtype = np.dtype(str(input_.type))
    layouts = ["alone", "part", "interleaved", "lines", "padded"]
    pick = [bool(random.integers(0, 4)) for _ in range(2)]
    chosen = [layouts[int(random.integers(0, len(layouts)))] for _ in range(2)]
    if layout:
        pick, chosen = [True, True], [layout, layout]
    whole_in, source = image(driver, random, dtype, source_extents, pick[0], chosen[0])
    whole_out, result = image(driver, random, dtype, extents, pick[1], chosen[1])
    keep_in, keep_out = whole_in.copy(), whole_out.copy()
    gain = int(random.integers(0, 1 << 16))
    values, scalars = {}, []
    for scalar in example.code.signature.scalars:
        value = gain if scalar.raw.startswith("param_") else None
        if value is None:
            _, kind, d = scalar.raw.rsplit(".", 2)
            value = (mins if kind == "min" else extents)[int(d)]
        values |= {scalar.raw: value, scalar.name: value}
        scalars.append((ct.c_uint16 if scalar.type.bits == 16 else ct.c_int32)(value))
    device.launches.clear()
    code = driver.call(example, [buffer(source, source_mins)], scalars, [buffer(result, mins)])
    assert code == 0, driver.error
    np.testing.assert_array_equal(result, golden(example.name, source, mins, source_mins, extents, gain))
    np.testing.assert_array_equal(whole_in, keep_in)  # the input is as it was
    mask = np.zeros(whole_out.shape, bool)
    offset = (result.ctypes.data - whole_out.ctypes.data, result.strides)
    np.ndarray(result.shape, bool, mask, offset[0] // dtype.itemsize, [s // dtype.itemsize for s in offset[1]])[:] = (
        True
    )
    np.testing.assert_array_equal(whole_out[~mask], keep_out[~mask])  # and nothing beside the output was touched
    expected = list(launches(generated, mins, extents, values))
    assert len(device.launches) == len(expected)
    for ran, launch in zip(device.launches, expected, strict=True):
        variables = dict(values)
        for loop in generated.region.loops:
            variables[f"min_{loop.var}"] = launch.mins[loop.position]
            variables[f"extent_{loop.var}"] = launch.extents[loop.position]
        for entry in example.map.settings:
            value = entry.setting.formula.evaluate(variables)
            assert value == launch.settings.get(entry.setting.port.name, value)
            mask_bits = (1 << entry.low.width_bits) - 1
            assert ran[entry.low.name] & mask_bits == value & mask_bits
    for whole, arena in ((whole_in, pick[0]), (whole_out, pick[1])):
        if arena:
            driver.free(whole)
    return pick, chosen


def bounds_query(driver, buffer, example, seed):
    """Both kinds of bounds queries, compared with Python's."""
    from fluorite.run.launch import rounded_up

    random = np.random.default_rng(seed)
    mins, extents = region(example, random)
    extents = [max(1, e - 20) for e in extents] if example.name in ("fixed", "doubled") else extents
    (input_,) = example.generated.region.inputs
    dtype = np.dtype(str(input_.type))
    asked = buffer(np.empty(extents[::-1], dtype), mins, query=True)
    source = buffer(np.empty([1] * len(mins), dtype), [0] * len(mins), query=True)
    scalars = [ct.c_int32(0) for _ in example.code.signature.scalars]
    assert driver.call(example, [source], scalars, [asked]) == 0
    rounded = rounded_up(example.generated, extents)
    assert tuple(asked.dim[d].extent for d in range(len(mins))) == tuple(rounded)
    needed = example.generated.input(input_.name).region(mins, rounded)
    assert tuple(source.dim[d].min for d in range(len(mins))) == needed[0]
    assert tuple(source.dim[d].extent for d in range(len(mins))) == needed[1]


@contextlib.contextmanager
def opened(driver, example):
    """An arena and a device, closed afterwards."""
    code, arena, text = driver.open_arena()
    assert code == 0, text
    code, device, text = driver.open(example, arena)
    assert code == 0, text
    try:
        yield arena, device
    finally:
        driver.library.fluorite_close(device)
        assert driver.library.fluorite_arena_close(arena) == 0


def plain_launch(driver, example, arena, width=20, height=10):
    """Settings, views and arrays of one launch of ``sums`` in fresh memory."""
    settings, views = driver.prepare(example, [0, width, 0, height])
    arrays = []
    for number, (w, h) in enumerate(((width + 2, height + 1), (width, height))):
        address = driver.alloc(arena, w * h)
        assert address
        array = np.ndarray((h, w), np.uint8, (ct.c_uint8 * (w * h)).from_address(address))
        array[:] = np.random.default_rng(number).integers(0, 256, array.shape)
        views[number].first, views[number].strides[0] = address, w
        arrays.append(array)
    return settings, views, arrays


def release(driver, arena, arrays):
    for array in arrays:
        assert driver.library.fluorite_free(arena, ct.c_void_p(array.ctypes.data)) == 0


def queue(driver, example, device_model, launch_count=12):
    """Several launches in flight, waited for in another order."""
    device_model.delay = 1
    with opened(driver, example) as (arena, device):
        jobs = []
        for _ in range(launch_count):
            settings, views, arrays = plain_launch(driver, example, arena)
            expected = arrays[0][:-1, :-2] + arrays[0][1:, 2:]
            code, ticket = driver.submit(device, settings, views)
            assert code == 0
            jobs.append((ticket, arrays, expected))
        for ticket, arrays, expected in reversed(jobs):
            assert driver.library.fluorite_wait(device, ticket, 2000) == 0
            np.testing.assert_array_equal(arrays[1], expected)
            release(driver, arena, arrays)
        assert driver.counters(device).interrupts_missed == 0


def errors(driver, example, device_model, codes):
    """An error is reported for its launch, and the next one is right."""
    device_model.fail = {1: 3, 3: 2}
    with opened(driver, example) as (arena, device):
        settings, views, arrays = plain_launch(driver, example, arena)
        assert driver.run(device, settings, views) == 0
        code, ticket = driver.submit(device, settings, views)
        assert code == 0
        code, failure = driver.wait(device, ticket)
        assert code == failure.code == codes["WRITE_SLVERR"] and (failure.stream, failure.address) == (0, 0x1234)
        arrays[1][:] = 0
        assert driver.run(device, settings, views) == 0
        np.testing.assert_array_equal(arrays[1], arrays[0][:-1, :-2] + arrays[0][1:, 2:])
        assert driver.run(device, settings, views) == codes["READ_DECERR"]
        release(driver, arena, arrays)


def refused(driver, examples, codes):
    """Regions beyond the hardware's, values beyond their types', memory that is written twice."""
    assert driver.prepare_code(examples["sums"], [0, 41, 0, 30])[0] == codes["EXTENT"]
    assert driver.prepare_code(examples["scaled"], [0, 40, 0, 30, 1 << 16])[0] == codes["ARGUMENT"]
    with opened(driver, examples["sums"]) as (arena, device):
        settings, views, arrays = plain_launch(driver, examples["sums"], arena)
        views[1].strides[0] -= 1
        assert driver.run(device, settings, views) == codes["ARGUMENT"]
        whole = driver.alloc(arena, 64 * 64)  # an image that holds both, 22 and 20 columns wide
        views[0].first, views[1].first = whole, whole + 21
        views[0].strides[0] = views[1].strides[0] = 64
        assert driver.run(device, settings, views) == codes["ARGUMENT"]
        views[1].first = whole + 22
        assert driver.run(device, settings, views) == 0
        assert driver.library.fluorite_free(arena, ct.c_void_p(whole)) == 0
        release(driver, arena, arrays)


def unclaimed(driver, example, device_model, codes, launch_count=150):
    """However many launches come before the first is waited for, each has its own result; the arena is not used up."""
    device_model.eager = True
    device_model.fail = {5: 3, 40: 2, 70: 4, 120: 1}  # in a look at the registers each
    with opened(driver, example) as (arena, device):
        settings, views, arrays = plain_launch(driver, example, arena)
        tickets = []
        for _ in range(launch_count):
            code, ticket = driver.submit(device, settings, views)
            assert code == 0
            tickets.append(ticket)
        for number in [*range(1, launch_count, 2), *range(0, launch_count, 2)]:
            assert driver.library.fluorite_wait(device, tickets[number], 0) == -device_model.failed.get(number, 0)
            assert driver.library.fluorite_wait(device, tickets[number], 0) == codes["TICKET"]
        np.testing.assert_array_equal(arrays[1], arrays[0][:-1, :-2] + arrays[0][1:, 2:])
        release(driver, arena, arrays)


def timeout(driver, example, device_model, codes):
    """A launch that does not end: reported in time, taken back by a reset, and the accelerator works on."""
    with opened(driver, example) as (arena, device):
        settings, views, arrays = plain_launch(driver, example, arena)
        device_model.hang = True
        assert driver.run(device, settings, views, 30) == codes["TIMEOUT"]
        assert not device_model.queue  # the hardware has let go of the memory,
        assert device_model.syncs[-1][0] == 6  # and the CPU sees what it left
        device_model.hang = False
        assert driver.run(device, settings, views) == 0
        np.testing.assert_array_equal(arrays[1], arrays[0][:-1, :-2] + arrays[0][1:, 2:])
        assert driver.counters(device).interrupts_missed == 0
        release(driver, arena, arrays)
