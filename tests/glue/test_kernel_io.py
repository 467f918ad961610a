"""The access layer over the kernel driver: a fake driver answers on plain files (fake_kernel.c)."""

import ctypes as ct
import errno
import mmap
import os
from pathlib import Path

import numpy as np
import pytest

INFO, ALLOC, IMPORT, RELEASE, SYNC, CLAIM, WRITE, READ, POLL = (*range(0x60, 0x66), 1, 2, 3)
MIB = 1 << 20
ARENA_OFFSET, ADDRESS, IMPORT_ADDRESS, IMPORT_BYTES = 16 * MIB, 0x1800_0000, 0x2300_0000, 3 * 4096


class Request(ct.Structure):
    _fields_ = (
        *((name, ct.c_uint32) for name in ("command", "handle", "direction", "for_cpu")),
        ("file", ct.c_int32), ("argument", ct.c_int32), ("offset", ct.c_uint64), ("size", ct.c_uint64),
    )  # fmt: skip


class FakeKernel(ct.Structure):
    _fields_ = (
        *((name, ct.c_uint32) for name in ("version", "register_bytes", "flags", "piece")),
        *((name, ct.c_uint64) for name in ("most", "address", "import_size", "import_address")),
        *((name, ct.c_int32) for name in ("claim_errno", "interrupts", "poll_errno")),
        ("handles", ct.c_uint32), ("count", ct.c_uint32), ("log", Request * 256),
    )  # fmt: skip

    def taken(self, *commands):
        """What was asked since the last time, of these kinds."""
        found = [self.log[n] for n in range(self.count) if self.log[n].command in commands]
        found = [Request.from_buffer_copy(request) for request in found]
        self.count = 0
        return found


@pytest.fixture(scope="module")
def built(load, objects, tmp_path_factory):
    """The driver over the fake, and the folder that it looks for devices in."""
    module, folder = load("driver"), tmp_path_factory.mktemp("kernel")
    flags = (f'-DFLUORITE_SYS="{folder}/sys"', f'-DFLUORITE_DEV="{folder}/dev"')
    fakes = {"fluorite_io_uio.c": ("write", "read", "poll"), "fluorite_io_kernel.c": ("ioctl",)}
    layer = []
    for name in module.BACKENDS["uio"]:
        faked = [f"-D{function}=fake_{function}" for function in fakes.get(name, ())]
        layer += module.compile_objects([module.RUNTIME / name], folder, *flags, *faked)
    fake = module.compile_objects([Path(__file__).parent / "fake_kernel.c"], folder)
    parts = [path for name, path in objects.items() if name not in module.BACKENDS["sim"]]
    return module.Driver(module.link([*parts, *layer, *fake], folder / "kernel.so")), folder


@pytest.fixture
def kernel(built, examples, monkeypatch):
    """Driver, fake, and the devices' folder with one accelerator in it."""
    driver, folder = built
    dev = folder / "dev"
    dev.mkdir(exist_ok=True)
    for path in dev.iterdir():
        path.unlink()
    monkeypatch.delenv("FLUORITE_ARENA", raising=False)
    registers = np.zeros(1 << 14, np.uint32)
    for register in examples["sums"].map.registers:
        registers[register.offset // 4] = register.constant or 0
    with (dev / "fluorite-sums_axi").open("wb") as file:
        file.write(registers.tobytes())
        file.truncate(ARENA_OFFSET + 64 * MIB)
    fake = FakeKernel.in_dll(driver.library, "fake_kernel")
    ct.memset(ct.addressof(fake), 0, ct.sizeof(fake))
    fake.version, fake.register_bytes, fake.piece, fake.most, fake.address = 1, 1 << 16, 1, 64 * MIB, ADDRESS
    fake.import_size, fake.import_address = IMPORT_BYTES, IMPORT_ADDRESS
    return driver, fake, dev


@pytest.fixture
def arena(kernel):
    driver, fake, _ = kernel
    code, arena, text = driver.open_arena()
    assert code == 0, text
    fake.count = 0
    yield arena
    assert driver.library.fluorite_arena_close(arena) == 0


@pytest.fixture
def foreign(tmp_path):
    """A dma-buf: a file that can be mapped."""
    path = tmp_path / "buffer"
    path.write_bytes(bytes(range(256)) * (IMPORT_BYTES // 256))
    with path.open("r+b") as file:
        yield file.fileno()


def take(driver, arena, file):
    block, size, error = ct.c_void_p(), ct.c_size_t(), driver_error()
    code = driver.library.fluorite_arena_import(arena, file, ct.byref(block), ct.byref(size), ct.byref(error))
    return code, block.value, size.value, error.text.decode()


def driver_error():
    class Error(ct.Structure):
        _fields_ = (("code", ct.c_int), ("text", ct.c_char * 240))

    return Error()


# --- the arena


@pytest.mark.parametrize(
    ("source", "most", "asked", "got"),
    [
        (None, 64 * MIB, [64 * MIB], 64 * MIB),
        (None, 20 * MIB, [64 * MIB, 32 * MIB, 16 * MIB], 16 * MIB),
        ("kernel", 4 * MIB, [64 * MIB, 32 * MIB, 16 * MIB, 8 * MIB, 4 * MIB], 4 * MIB),
        ("kernel:1000000", 64 * MIB, [1000000], 1003520),
        ("kernel:0x100000", 64 * MIB, [MIB], MIB),
    ],
)
def test_arena_size(kernel, monkeypatch, source, most, asked, got):
    driver, fake, dev = kernel
    if source:
        monkeypatch.setenv("FLUORITE_ARENA", source)
    fake.most = most
    code, arena, text = driver.open_arena()
    short = f"gives {got >> 10} KiB of DMA memory, {asked[0] >> 10} KiB were asked for: a larger pool is an argument of"
    expected = f"{dev}/fluorite-sums_axi: {short} the kernel (cma=, see linux/README.md)" if len(asked) > 1 else ""
    assert (code, text) == (0, expected)
    assert [request.size for request in fake.taken(ALLOC)] == asked
    assert driver.library.fluorite_arena_size(arena) == got
    block = driver.alloc(arena, 100)
    ct.memset(block, 0x5A, 100)
    with (dev / "fluorite-sums_axi").open("rb") as file:
        file.seek(ARENA_OFFSET)
        assert file.read(101) == b"\x5a" * 100 + b"\0"
    assert driver.library.fluorite_free(arena, ct.c_void_p(block)) == 0
    assert driver.library.fluorite_arena_close(arena) == 0


@pytest.mark.parametrize(
    ("source", "change", "code", "text"),
    [
        ("kernel:0", {}, "ARGUMENT", "an arena must be kernel or kernel:BYTES, not kernel:0"),
        ("kernel:1M", {}, "ARGUMENT", "an arena must be kernel or kernel:BYTES, not kernel:1M"),
        ("kernel:-1", {}, "ARGUMENT", "an arena must be kernel or kernel:BYTES, not kernel:-1"),
        ("kernel:65536", {"most": 4096}, "NO_ARENA", "sums_axi: 65536 bytes of DMA memory: Cannot allocate memory"),
        ("kernel", {"most": 4096}, "NO_ARENA", "sums_axi: 4194304 bytes of DMA memory: Cannot allocate memory"),
        ("kernel", {"version": 7}, "WRONG_VERSION", "fluorite.ko has interface 7, this program 1: build both from one"),
    ],
)
def test_arenas_that_cannot_be_had(kernel, monkeypatch, source, change, code, text):
    driver, fake, _ = kernel
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setenv("FLUORITE_ARENA", source)
    for name, value in change.items():
        setattr(fake, name, value)
    found, _, message = driver.open_arena()
    assert (found, text in message) == (driver.codes[code], True), message
    assert len(os.listdir("/proc/self/fd")) == before


def test_without_the_driver(kernel, monkeypatch):
    driver, _, dev = kernel
    (dev / "fluorite-sums_axi").unlink()
    found, _, message = driver.open_arena()
    assert found == driver.codes["NO_ARENA"] and message.startswith("there is no u-dma-buf udmabuf0")
    monkeypatch.setenv("FLUORITE_ARENA", "kernel")
    found, _, message = driver.open_arena()
    assert found == driver.codes["NO_ARENA"]
    assert message == f"there is no {dev}/fluorite-*: are fluorite.ko and the device tree overlay loaded?"


def test_caches_are_the_kernels(kernel, arena):
    driver, fake, _ = kernel
    memory = memory_of(driver, arena)
    assert (memory.size, memory.physical) == (64 * MIB, ADDRESS)
    for for_cpu, direction in ((0, 1), (1, 2), (0, 0)):
        assert memory.sync(memory.context, 1000, 100, direction, for_cpu) == 0
    found = [(r.handle, r.offset, r.size, r.direction, r.for_cpu) for r in fake.taken(SYNC)]
    assert found == [(0, 1000, 100, 1, 0), (0, 1000, 100, 2, 1), (0, 1000, 100, 0, 0)]


def test_coherent_memory_needs_no_sync(kernel):
    driver, fake, _ = kernel
    fake.flags = 1
    _, arena, _ = driver.open_arena()
    memory = memory_of(driver, arena)
    assert memory.sync(memory.context, 1000, 100, 1, 0) == 0 and not fake.taken(SYNC)
    assert driver.library.fluorite_arena_close(arena) == 0


def memory_of(driver, arena):
    class Memory(ct.Structure):
        _fields_ = (
            ("base", ct.c_void_p), ("size", ct.c_size_t), ("physical", ct.c_uint64), ("context", ct.c_void_p),
            ("sync", ct.CFUNCTYPE(ct.c_int, ct.c_void_p, ct.c_uint64, ct.c_uint64, ct.c_int, ct.c_int)),
        )  # fmt: skip

    driver.library.fluorite_arena_memory.restype = ct.POINTER(Memory)
    return driver.library.fluorite_arena_memory(arena).contents


# --- buffers of others


def test_import(kernel, arena, foreign):
    driver, fake, _ = kernel
    library = driver.library
    base, handles = memory_of(driver, arena).base, []
    blocks = []
    for number in range(3):
        code, block, size, text = take(driver, arena, foreign)
        assert (code, size) == (0, IMPORT_BYTES), text
        assert block == base + 64 * MIB + number * IMPORT_BYTES
        assert ct.string_at(block, 4) == b"\0\1\2\3"
        assert library.fluorite_in_arena(arena, ct.c_void_p(block), ct.c_size_t(size))
        assert library.fluorite_in_arena(arena, ct.c_void_p(block + 5), ct.c_size_t(size - 5))
        assert not library.fluorite_in_arena(arena, ct.c_void_p(block + 5), ct.c_size_t(size - 4))
        blocks.append(block)
    handles = [request.handle for request in fake.taken(IMPORT)]
    assert handles == [1, 2, 3]
    assert library.fluorite_arena_used(arena) == 0
    assert library.fluorite_arena_close(arena) == driver.codes["BUSY"]
    memory = memory_of(driver, arena)
    assert memory.sync(memory.context, blocks[1] - base + 100, 50, 2, 1) == 0
    assert [(r.handle, r.direction, r.for_cpu) for r in fake.taken(SYNC)] == [(2, 2, 1)]
    # The gap that the middle one leaves is filled again, and the arena's own memory does not grow into it.
    assert library.fluorite_free(arena, ct.c_void_p(blocks[1])) == 0
    assert [request.handle for request in fake.taken(RELEASE)] == [2]
    assert not library.fluorite_in_arena(arena, ct.c_void_p(blocks[1]), ct.c_size_t(1))
    assert library.fluorite_free(arena, ct.c_void_p(blocks[1])) == driver.codes["NOT_IN_ARENA"]
    whole = driver.alloc(arena, 64 * MIB)
    assert whole == base and driver.alloc(arena, 1) is None
    code, block, _, _ = take(driver, arena, foreign)
    assert (code, block) == (0, blocks[1])
    for given in (whole, *blocks):
        assert library.fluorite_free(arena, ct.c_void_p(given)) == 0
    assert [request.handle for request in fake.taken(RELEASE)] == [1, 4, 3]


def test_imports_that_fail(kernel, arena, foreign):
    driver, fake, _ = kernel
    fake.piece = 0
    code, _, _, text = take(driver, arena, foreign)
    assert code == driver.codes["ARGUMENT"]
    assert text == f"file {foreign} cannot be imported: its memory is not in one piece: it must come from a CMA heap"
    fake.piece, fake.import_size = 1, 1 << 40
    code, _, _, text = take(driver, arena, foreign)
    assert code == driver.codes["NO_MEMORY"]
    assert text == f"no room for a dma-buf of {1 << 40} bytes beside what is imported already"
    read_only, _ = os.pipe()
    fake.import_size = IMPORT_BYTES
    code, _, _, text = take(driver, arena, read_only)
    assert code == driver.codes["SYSTEM"] and text.startswith("mmap of a dma-buf: ")
    os.close(read_only)
    os.close(_)
    assert [r.handle for r in fake.taken(RELEASE)] == [1, 2]  # nothing stays behind
    blocks = [take(driver, arena, foreign)[1] for _ in range(64)]
    assert None not in blocks and take(driver, arena, foreign)[0] == driver.codes["NO_MEMORY"]
    for block in blocks:
        assert driver.library.fluorite_free(arena, ct.c_void_p(block)) == 0


def test_only_the_kernel_driver_imports(devices, driver, foreign):
    _, arena, _ = driver.open_arena()
    code, _, _, text = take(driver, arena, foreign)
    assert code == driver.codes["ARGUMENT"]
    assert text == "only the kernel driver imports buffers of others: FLUORITE_ARENA=kernel:BYTES"
    assert driver.library.fluorite_arena_close(arena) == 0


# --- the accelerator


def test_claims_and_waits(kernel, arena, examples):
    driver, fake, dev = kernel
    code, device, text = driver.open(examples["sums"], arena)
    assert code == 0, text
    (claim,) = fake.taken(CLAIM)
    target = os.readlink(f"/proc/self/fd/{claim.argument}")
    assert target == os.readlink(f"/proc/self/fd/{claim.file}") == str(dev / "fluorite-sums_axi")
    assert claim.argument != claim.file
    assert driver.library.fluorite_close(device) == 0
    with (dev / "fluorite-sums_axi").open("r+b") as file, mmap.mmap(file.fileno(), 4096) as registers:
        offset = examples["sums"].map["control"].offset
        assert registers[offset] == 2, "closing resets"


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"claim_errno": errno.EBUSY}, "BUSY", "fluorite-sums_axi is already in use"),
        ({"claim_errno": errno.EXDEV}, "SYSTEM", "behind an IOMMU, each accelerator needs an arena of its own"),
        ({"claim_errno": errno.ERANGE}, "SYSTEM", "the arena lies beyond its addresses"),
        ({"claim_errno": errno.EIO}, "SYSTEM", "fluorite-sums_axi: Input/output error"),
        ({"version": 2}, "WRONG_VERSION", "fluorite.ko has interface 2, this program 1"),
        ({"register_bytes": 256}, "NO_DEVICE", "has 256 bytes of registers, the accelerator has 4096"),
    ],
)
def test_claims_that_fail(kernel, arena, examples, change, code, text):
    driver, fake, _ = kernel
    for name, value in change.items():
        setattr(fake, name, value)
    before = len(os.listdir("/proc/self/fd"))
    found, _, message = driver.open(examples["sums"], arena)
    assert (found, text in message) == (driver.codes[code], True), message
    assert len(os.listdir("/proc/self/fd")) == before


def test_memory_must_be_the_drivers_own(kernel, examples, monkeypatch):
    driver, _, dev = kernel
    memory = dev.parent / "sys/class/u-dma-buf/udmabuf0"
    memory.mkdir(parents=True, exist_ok=True)
    for name, text in (("size", "4096"), ("phys_addr", "0x1000"), ("dma_coherent", "1")):
        (memory / name).write_text(text)
    (dev / "udmabuf0").write_bytes(bytes(4096))
    monkeypatch.setenv("FLUORITE_ARENA", "u-dma-buf:udmabuf0")
    code, arena, text = driver.open_arena()
    assert code == 0, text
    code, _, text = driver.open(examples["sums"], arena)
    assert code == driver.codes["NO_ARENA"]
    assert text.endswith("fluorite-sums_axi takes memory of the kernel driver only: FLUORITE_ARENA=kernel:BYTES")
    assert driver.library.fluorite_arena_close(arena) == 0


# --- launches on imported memory


class Io(ct.Structure):
    _fields_ = (
        ("context", ct.c_void_p), ("has_interrupt", ct.c_int),
        ("read", ct.CFUNCTYPE(ct.c_int, ct.c_void_p, ct.c_uint32, ct.POINTER(ct.c_uint32))),
        ("write", ct.CFUNCTYPE(ct.c_int, ct.c_void_p, ct.c_uint32, ct.c_uint32)),
        ("wait", ct.CFUNCTYPE(ct.c_int, ct.c_void_p, ct.c_int)),
        ("sync_for_device", ct.CFUNCTYPE(ct.c_int, ct.c_void_p, ct.c_uint64, ct.c_uint64, ct.c_int)),
        ("sync_for_cpu", ct.CFUNCTYPE(ct.c_int, ct.c_void_p, ct.c_uint64, ct.c_uint64, ct.c_int)),
        ("close", ct.CFUNCTYPE(None, ct.c_void_p)),
    )  # fmt: skip


def hardware(driver, example, arena):
    """An access layer of our own whose launches are done at once, over the arena's caches."""
    values = {r.offset: r.constant or 0 for r in example.map.registers}
    at = {r.name: r.offset for r in example.map.registers}
    values[at["status"]] = 4 << 8 | 2
    memory = memory_of(driver, arena)

    def read(_, offset, value):
        value[0] = values[offset]
        return 0

    def write(_, offset, value):
        values[offset] = value
        if offset == at["control"] and value & 2:
            values[at["launches_started"]] = values[at["launches_completed"]] = 0
        elif offset == at["control"] and value & 1:
            values[at["launches_started"]] += 1
            values[at["launches_completed"]] += 1
        return 0

    def sync(for_cpu):
        return lambda _, offset, size, direction: memory.sync(memory.context, offset, size, direction, for_cpu)

    functions = (read, write, lambda *_: 1, sync(0), sync(1), lambda _: None)
    types = [kind for _, kind in Io._fields_[2:]]
    return Io(None, 1, *(kind(function) for kind, function in zip(types, functions, strict=True))), values


def test_a_launch_from_an_imported_buffer_to_the_arena(kernel, arena, foreign, examples):
    driver, fake, _ = kernel
    example = examples["sums"]
    io, values = hardware(driver, example, arena)
    device = ct.c_void_p()
    about = ct.byref(ct.c_char.in_dll(driver.library, "fluorite_sums_accelerator"))
    assert driver.library.fluorite_open_io(ct.byref(device), about, arena, ct.byref(io), None) == 0
    _, source, size, _ = take(driver, arena, foreign)
    _spare, output = driver.alloc(arena, 4096), driver.alloc(arena, 4096)
    settings, views = driver.prepare(example, [0, 20, 0, 10])  # min and extent of x and y
    for view, first in zip(views, (source + 64, output), strict=True):
        view.first, view.strides[0] = first, 64
    fake.count = 0
    code, ticket = driver.submit(device, settings, views)
    assert code == 0
    assert driver.library.fluorite_wait(device, ticket, 1000) == 0
    bases = [values[stream.base_low.offset] for stream in example.map.streams]
    assert bases == [IMPORT_ADDRESS + 64, ADDRESS + 4096]
    found = {(r.handle, r.direction, r.for_cpu) for r in fake.taken(SYNC)}
    assert found == {(1, 1, 0), (0, 0, 0), (0, 2, 1)}
    # Beyond its end, and after it was given back.
    views[0].first = source + size - 64
    assert driver.submit(device, settings, views)[0] == driver.codes["TOO_SMALL"]
    views[0].first = source
    assert driver.library.fluorite_free(arena, ct.c_void_p(source)) == 0
    assert driver.submit(device, settings, views)[0] == driver.codes["NOT_IN_ARENA"]
    assert driver.library.fluorite_close(device) == 0
    for block in (_spare, output):
        assert driver.library.fluorite_free(arena, ct.c_void_p(block)) == 0
