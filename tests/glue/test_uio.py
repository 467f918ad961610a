"""The board's access layer, on folders that look like sysfs and files that look like devices."""

import ctypes as ct
import fcntl
import re

import numpy as np
import pytest

ARENA_BYTES, BASE = 1 << 16, 0x1F00_0000


@pytest.fixture
def board(load, examples, objects, tmp_path):
    """A driver for a board that is a folder, and the folder."""
    module = load("driver")
    sources = [module.RUNTIME / name for name in module.BACKENDS["uio"]]
    sys, dev = tmp_path / "sys", tmp_path / "dev"
    flags = (f'-DFLUORITE_SYS="{sys}"', f'-DFLUORITE_DEV="{dev}"')
    built = module.compile_objects(sources, tmp_path, *flags)
    parts = [path for name, path in objects.items() if name != "fluorite_io_sim.c"]
    driver = module.Driver(module.link([*parts, *built], tmp_path / "uio.so"))
    example = examples["sums"]
    for number, name in ((0, "other"), (3, example.map.name)):
        maps = sys / "class/uio" / f"uio{number}" / "maps/map0"
        maps.mkdir(parents=True)
        (maps / "size").write_text(f"{example.map.size_bytes:#010x}\n")
        (maps.parent.parent / "name").write_text(f"{name}\n")
    memory = sys / "class/u-dma-buf/udmabuf0"
    memory.mkdir(parents=True)
    for name, text in (("size", str(ARENA_BYTES)), ("phys_addr", f"{BASE:#x}"), ("sync_for_cpu", ""),
                       ("sync_for_device", "")):  # fmt: skip
        (memory / name).write_text(f"{text}\n")
    dev.mkdir()
    (dev / "udmabuf0").write_bytes(bytes(ARENA_BYTES))
    registers = np.zeros(example.map.size_bytes // 4, np.uint32)
    for register in example.map.registers:
        registers[register.offset // 4] = register.constant or 0
    registers[example.map["status"].offset // 4] = 4 << 8
    (dev / "uio3").write_bytes(registers.tobytes())
    return driver, example, tmp_path


def test_opens_by_name(board):
    driver, example, _folder = board
    code, arena, text = driver.open_arena()
    assert code == 0, text
    # Writing 1 to unmask the interrupt goes to the file itself here: it hits the id, which the check then finds.
    code, _device, text = driver.open(example, arena)
    assert code == driver.codes["WRONG_ID"] and "not 0x00000001" in text
    assert driver.library.fluorite_arena_close(arena) == 0


def test_missing_things(board):
    driver, example, folder = board
    name = folder / "sys/class/uio/uio3/name"
    _, arena, _ = driver.open_arena()
    name.write_text("another\n")
    code, _, text = driver.open(example, arena)
    assert code == driver.codes["NO_DEVICE"] and "no UIO device is named sums_axi" in text
    (folder / "sys/bus/platform/devices/43c00000.sums_axi").mkdir(parents=True)
    code, _, text = driver.open(example, arena)
    assert code == driver.codes["NO_DEVICE"] and text == (
        "sums: the device tree overlay is loaded, but no driver took sums_axi: dmesg says why (an interrupt that is "
        "taken, a module that is not there)"
    )
    name.write_text("sums_axi\n")
    size = folder / "sys/class/uio/uio3/maps/map0/size"
    size.write_text("0x100\n")
    code, _, text = driver.open(example, arena)
    assert code == driver.codes["NO_DEVICE"] and "maps 256 bytes of registers, the accelerator has 4096" in text
    size.write_text("0x1000\n")
    with (folder / "dev/uio3").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        code, _, text = driver.open(example, arena)
        assert code == driver.codes["BUSY"] and "already in use" in text
    (folder / "dev/uio3").unlink()
    code, _, text = driver.open(example, arena)
    assert code == driver.codes["SYSTEM"] and "No such file" in text
    assert driver.library.fluorite_arena_close(arena) == 0


@pytest.mark.parametrize(
    ("source", "code", "text"),
    [
        ("u-dma-buf:none", "NO_ARENA", "there is no u-dma-buf none"),
        ("dma-heap:cma:4096", "NO_ARENA", "No such file"),
        ("dma-heap:cma", "ARGUMENT", "must be dma-heap:NAME:BYTES"),
        ("hugepage:100000", "ARGUMENT", "must be hugepage:BYTES, the size of a huge page, not hugepage:100000"),
        ("hugepage:2097152", "NO_ARENA", "only 64-bit ARM lets programs maintain the caches"),
        ("zocl:4096", "NO_ARENA", "/dri/renderD* is zocl's: the image has no XRT, or its device tree no node for zocl"),
        (
            "something", "ARGUMENT",
            "an arena must be kernel:BYTES, u-dma-buf:NAME, dma-heap:NAME:BYTES, hugepage:BYTES or zocl:BYTES, not "
            "something",
        ),
    ],
)  # fmt: skip
def test_arenas_that_are_not_there(board, monkeypatch, source, code, text):
    driver, _, _ = board
    monkeypatch.setenv("FLUORITE_ARENA", source)
    found, _, message = driver.open_arena()
    assert found == driver.codes[code] and text in message


def test_an_arena_is_one_programs(board):
    driver, _, folder = board
    with (folder / "dev/udmabuf0").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        code, arena, text = driver.open_arena()
        assert code == driver.codes["BUSY"] and not arena and text == f"{folder}/dev/udmabuf0 is already in use"
    code, arena, _ = driver.open_arena()
    assert code == 0 and driver.library.fluorite_arena_close(arena) == 0


def test_cache_maintenance_is_one_write(board, load):
    """Of whole cache lines: offset in the upper half, bytes, direction << 2 and the command in the lower."""
    driver, _, folder = board

    class Memory(ct.Structure):
        _fields_ = (
            ("base", ct.c_void_p), ("size", ct.c_size_t), ("physical", ct.c_uint64), ("context", ct.c_void_p),
            ("sync", ct.CFUNCTYPE(ct.c_int, ct.c_void_p, ct.c_uint64, ct.c_uint64, ct.c_int, ct.c_int)),
            ("close", ct.c_void_p),
        )  # fmt: skip

    _, arena, _ = driver.open_arena()
    driver.library.fluorite_arena_memory.restype = ct.POINTER(Memory)
    memory = driver.library.fluorite_arena_memory(arena).contents
    assert (memory.size, memory.physical) == (ARENA_BYTES, BASE)
    for for_cpu, file, direction in ((0, "sync_for_device", 1), (1, "sync_for_cpu", 2)):
        assert memory.sync(memory.context, 1000, 100, direction, for_cpu) == 0
        text = (folder / "sys/class/u-dma-buf/udmabuf0" / file).read_text()
        assert re.match(r"0x[0-9A-F]{16}\n", text)
        value = int(text.splitlines()[0], 16)
        assert (value >> 32, value & 0xFFFFFFF0) == (960, 192) and value & 15 == direction << 2 | 1
    assert driver.library.fluorite_arena_close(arena) == 0
