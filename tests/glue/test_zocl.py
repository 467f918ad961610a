"""Memory of XRT's kernel driver zocl: a fake driver answers on plain files (fake_zocl.c)."""

import ctypes as ct
import errno
import os
import subprocess
from pathlib import Path

import pytest

from fluorite.glue.sources import PROGRAM

HERE = Path(__file__).parent
MIB = 1 << 20
VERSION, CREATE, MAP, SYNC, ABOUT, CLOSE = 0xC0406400, 0xC0106440, 0xC0106443, 0xC0186444, 0xC0186445, 0x40086409
HANDLE, OFFSET, PHYSICAL = 7, 3 * MIB, 0x1_7000_0000


class Request(ct.Structure):
    _fields_ = tuple((name, ct.c_uint64) for name in ("command", "handle", "direction", "offset", "size", "flags"))


class FakeZocl(ct.Structure):
    _fields_ = (
        ("name", ct.c_char * 16),
        *((name, ct.c_uint64) for name in ("most", "physical", "offset", "given")),
        *((name, ct.c_int32) for name in ("create_errno", "about_errno", "sync_errno", "reserved")),
        ("count", ct.c_uint64), ("log", Request * 64),
    )  # fmt: skip

    def taken(self, *commands):
        """What was asked since the last time; of these kinds, if any are named."""
        found = [Request.from_buffer_copy(self.log[n]) for n in range(self.count)]
        self.count = 0
        return [request for request in found if not commands or request.command in commands]


@pytest.fixture(scope="module")
def built(load, objects, tmp_path_factory):
    """The driver over the fake, and the folder that it looks for nodes in."""
    module, folder = load("driver"), tmp_path_factory.mktemp("zocl")
    flags = (f'-DFLUORITE_SYS="{folder}/sys"', f'-DFLUORITE_DEV="{folder}/dev"')
    layer = []
    for name in module.BACKENDS["uio"]:
        faked = ["-Dioctl=fake_zocl_ioctl"] if name == "fluorite_zocl.c" else []
        layer += module.compile_objects([module.RUNTIME / name], folder, *flags, *faked)
    fake = module.compile_objects([HERE / "fake_zocl.c"], folder)
    parts = [path for name, path in objects.items() if name not in module.BACKENDS["sim"]]
    return module.Driver(module.link([*parts, *layer, *fake], folder / "zocl.so")), folder


@pytest.fixture
def zocl(built, monkeypatch):
    """Driver, fake, and the folder of nodes with one in it."""
    driver, folder = built
    nodes = folder / "dev/dri"
    nodes.mkdir(parents=True, exist_ok=True)
    for path in nodes.iterdir():
        path.chmod(0o600)
        path.unlink()
    (nodes / "card0").write_bytes(b"")
    with (nodes / "renderD128").open("wb") as file:
        file.truncate(OFFSET + 8 * MIB)
    monkeypatch.setenv("FLUORITE_ARENA", f"zocl:{8 * MIB}")
    fake = FakeZocl.in_dll(driver.library, "fake_zocl")
    ct.memset(ct.addressof(fake), 0, ct.sizeof(fake))
    fake.name, fake.most, fake.physical, fake.offset = b"zocl", 8 * MIB, PHYSICAL, OFFSET
    return driver, fake, nodes


def short(kib, asked_kib):
    return (
        f"gives {kib} KiB of DMA memory, {asked_kib} KiB were asked for: a larger pool is an argument of the kernel "
        "(cma=, see linux/README.md)"
    )


def memory_of(driver, arena):
    class Memory(ct.Structure):
        _fields_ = (
            ("base", ct.c_void_p), ("size", ct.c_size_t), ("physical", ct.c_uint64), ("context", ct.c_void_p),
            ("sync", ct.CFUNCTYPE(ct.c_int, ct.c_void_p, ct.c_uint64, ct.c_uint64, ct.c_int, ct.c_int)),
        )  # fmt: skip

    driver.library.fluorite_arena_memory.restype = ct.POINTER(Memory)
    return driver.library.fluorite_arena_memory(arena).contents


def test_a_buffer_is_made_mapped_and_given_back(zocl):
    driver, fake, nodes = zocl
    before = len(os.listdir("/proc/self/fd"))
    code, arena, text = driver.open_arena()
    assert (code, text) == (0, "")
    asked = fake.taken()
    assert [request.command for request in asked] == [VERSION, CREATE, ABOUT, MAP]
    assert (asked[1].size, asked[1].flags) == (8 * MIB, 1 << 24)  # cached, of the first bank
    assert {request.handle for request in asked[2:]} == {HANDLE}
    memory = memory_of(driver, arena)
    assert (memory.size, memory.physical) == (8 * MIB, PHYSICAL)
    block = driver.alloc(arena, 100)
    ct.memset(block, 0x5A, 100)
    with (nodes / "renderD128").open("rb") as file:
        file.seek(OFFSET)
        assert file.read(101) == b"\x5a" * 100 + b"\0"
    assert driver.library.fluorite_free(arena, ct.c_void_p(block)) == 0
    assert driver.library.fluorite_arena_close(arena) == 0
    assert [(request.command, request.handle) for request in fake.taken()] == [(CLOSE, HANDLE)]
    assert len(os.listdir("/proc/self/fd")) == before


def test_ranges_are_synced_as_whole_cache_lines(zocl):
    driver, fake, _ = zocl
    _, arena, _ = driver.open_arena()
    memory = memory_of(driver, arena)
    fake.count = 0
    ranges = ((1000, 100, 1, 0), (1000, 100, 0, 0), (8 * MIB - 1, 1, 2, 1))
    for offset, size, direction, for_cpu in ranges:
        assert memory.sync(memory.context, offset, size, direction, for_cpu) == 0
    found = [(r.handle, r.direction, r.offset, r.size) for r in fake.taken(SYNC)]
    assert found == [(HANDLE, 0, 960, 192), (HANDLE, 0, 960, 192), (HANDLE, 1, 8 * MIB - 64, 64)]
    fake.sync_errno = errno.EINVAL
    assert memory.sync(memory.context, 0, 64, 1, 0) == driver.codes["SYSTEM"]
    assert driver.library.fluorite_arena_close(arena) == 0


def test_other_drivers_have_nodes_too(zocl):
    driver, fake, nodes = zocl
    for name in (b"lima", b"zo", b"zoclsvm"):
        fake.name = name
        code, _, text = driver.open_arena()
        assert code == driver.codes["NO_ARENA"]
        assert text == (
            f"none of {nodes.parent}/dri/renderD* is zocl's: the image has no XRT, or its device tree no node for zocl"
        )
    for path in nodes.iterdir():
        path.unlink()
    nodes.rmdir()
    assert driver.open_arena()[2] == text


def test_sizes_are_whole_pages(zocl, monkeypatch):
    driver, fake, _ = zocl
    monkeypatch.setenv("FLUORITE_ARENA", "zocl:0x1001")
    code, arena, text = driver.open_arena()
    assert (code, text) == (0, "") and fake.taken(CREATE)[0].size == 8192
    assert driver.library.fluorite_arena_size(arena) == 8192
    assert driver.library.fluorite_arena_close(arena) == 0


def test_less_memory_than_asked_for_is_told(zocl):
    driver, fake, nodes = zocl
    fake.given = 2 * MIB
    code, arena, text = driver.open_arena()
    assert code == 0 and driver.library.fluorite_arena_size(arena) == 2 * MIB
    assert text == f"{nodes}/renderD128: {short(2048, 8192)}"
    assert driver.library.fluorite_arena_close(arena) == 0


@pytest.mark.parametrize(
    ("source", "change", "code", "text"),
    [
        ("zocl:0", {}, "ARGUMENT", "an arena must be zocl:BYTES, not zocl:0"),
        ("zocl:", {}, "ARGUMENT", "an arena must be zocl:BYTES, not zocl:"),
        ("zocl:64M", {}, "ARGUMENT", "an arena must be zocl:BYTES, not zocl:64M"),
        ("zocl:-1", {}, "ARGUMENT", "an arena must be zocl:BYTES, not zocl:-1"),
        ("zocl:16777216", {}, "NO_ARENA", "{node}: 16777216 bytes of DMA memory: Cannot allocate memory"),
        ("zocl:4096", {"create_errno": errno.ENODEV}, "NO_ARENA", "{node}: 4096 bytes of DMA memory: No such device"),
        ("zocl:4096", {"about_errno": errno.EINVAL}, "SYSTEM", "{node}: Invalid argument"),
        (
            "zocl:4096", {"physical": 0}, "NO_ARENA",
            "{node}: its memory has no physical address (it is behind an IOMMU)",
        ),
        ("zocl:4096", {"offset": 1}, "SYSTEM", "mmap of {node}: Invalid argument"),
    ],
)  # fmt: skip
def test_buffers_that_cannot_be_had(zocl, monkeypatch, source, change, code, text):
    driver, fake, nodes = zocl
    monkeypatch.setenv("FLUORITE_ARENA", source)
    for name, value in change.items():
        setattr(fake, name, value)
    before = len(os.listdir("/proc/self/fd"))
    found, arena, message = driver.open_arena()
    assert (found, message) == (driver.codes[code], text.format(node=nodes / "renderD128")) and not arena
    assert len(os.listdir("/proc/self/fd")) == before
    made = [request for request in fake.taken() if request.command in (ABOUT, CLOSE)]
    assert not made or (made[-1].command, made[-1].handle) == (CLOSE, HANDLE), "the buffer stays behind"


def test_a_node_that_may_not_be_opened(zocl):
    driver, _, nodes = zocl
    node = nodes / "renderD128"
    node.unlink()
    node.mkdir()  # cannot be opened for writing, whoever asks
    code, _, text = driver.open_arena()
    node.rmdir()
    assert code == driver.codes["NO_ARENA"] and text == f"{node}: Is a directory"


REFUSAL = """
#include <errno.h>
#include <fcntl.h>
int __wrap_open64(const char *path, int flags);
int __wrap_open64(const char *path, int flags) { (void)path; (void)flags; errno = EACCES; return -1; }
"""
SANITIZED = """
#include "fluorite_runtime.h"
#include <stdio.h>
int main(void)
{
    struct fluorite_error error;
    struct fluorite_arena *arena;
    const int code = fluorite_arena_open(&arena, NULL, &error);
    if (code == FLUORITE_OK) {
        struct fluorite_memory *memory = fluorite_arena_memory(arena);
        unsigned char *block = fluorite_alloc(arena, 5000, 64);
        block[4999] = 1;
        if (memory->sync(memory->context, 64, 5000, FLUORITE_BOTH, 0) != FLUORITE_OK ||
            fluorite_free(arena, block) != FLUORITE_OK || fluorite_arena_close(arena) != FLUORITE_OK) {
            return 1;
        }
    }
    (void)printf("%d %s", code, error.text);
    return 0;
}
"""


def program(module, folder, *faked, link=()):
    """A program of this one arena, with gcc's sanitizers."""
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", f'-DFLUORITE_DEV="{folder}/dev"']
    (folder / "main.c").write_text(SANITIZED)
    (folder / "refuse.c").write_text(REFUSAL)
    names = ("fluorite_arena.c", "fluorite_error.c", *module.BACKENDS["uio"])
    made = []
    for name in names:
        extra = faked if name == "fluorite_zocl.c" else ()
        made += module.compile_objects([module.RUNTIME / name], folder, *flags, *extra)
    own = [folder / "main.c", folder / "refuse.c", HERE / "fake_zocl.c"]
    made += module.compile_objects(own, folder, *flags, f"-I{module.RUNTIME}")
    subprocess.run(["gcc", *flags, "-o", folder / "program", *made, *link, "-lpthread"], check=True)
    return folder / "program"


@pytest.fixture
def headers(load, examples, tmp_path):
    module = load("driver")
    module.write_sources([examples["sums"]], tmp_path)
    (tmp_path / "dev/dri").mkdir(parents=True)
    (tmp_path / "dev/dri/renderD129").write_bytes(b"")
    return module, tmp_path


def run(built, source):
    environment = {**os.environ, "FLUORITE_ARENA": source}
    done = subprocess.run([built], capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert not done.returncode and not done.stderr, done.stderr
    return done.stdout


def test_sanitizers_find_nothing(headers):
    module, folder = headers
    (folder / "dev/dri/renderD129").write_bytes(bytes(MIB))
    built = program(module, folder, "-Dioctl=fake_zocl_ioctl")
    assert run(built, "zocl:65536") == "0 "
    code = module.CODES["NO_ARENA"]
    assert run(built, "zocl:2097152") == (
        f"{code} {folder}/dev/dri/renderD129: 2097152 bytes of DMA memory: Cannot allocate memory"
    )


def test_the_group_is_named_where_rights_are_missing(headers):
    module, folder = headers
    built = program(module, folder, link=["-Wl,--wrap=open64"])
    assert run(built, "zocl:65536") == (
        f"{module.CODES['NO_ARENA']} {folder}/dev/dri/renderD129: Permission denied: add the user to the group render, "
        "or be root"
    )


DESIGN = """
#include "sums.h"
#include <HalideRuntime.h>
int pipeline(void **arguments);
const struct halide_filter_metadata_t *metadata(void);
#define FLUORITE_PIPELINE_ARGV pipeline
#define FLUORITE_PIPELINE_METADATA metadata
static const struct fluorite_accelerator *const FLUORITE_ACCELERATORS[] = {&fluorite_sums_accelerator};
static inline void fluorite_output_sizes(int output, const int64_t *size, int64_t *sizes)
{
    (void)output, sizes[0] = size[0], sizes[1] = size[1];
}
"""
PIPELINE = """
#include "design.h"
int pipeline(void **arguments) { (void)arguments; return 0; }
const struct halide_filter_metadata_t *metadata(void)
{
    static const struct halide_filter_metadata_t about = {1, 0, NULL, "", "pipeline"};
    return &about;
}
halide_error_handler_t halide_set_error_handler(halide_error_handler_t handler) { return handler; }
void halide_shutdown_thread_pool(void) {}
"""


def test_the_program_prints_that_memory_is_short(objects, headers):
    module, folder = headers
    node = folder / "dev/dri/renderD129"
    node.write_bytes(bytes(MIB))
    (folder / "design.h").write_text(DESIGN)
    (folder / "pipeline.c").write_text(PIPELINE)
    flags = [f'-DFLUORITE_DEV="{folder}/dev"', f'-DFLUORITE_SYS="{folder}/sys"', f"-I{folder}"]
    made = []
    for name in module.BACKENDS["uio"]:
        faked = ["-Dioctl=fake_zocl_ioctl"] if name == "fluorite_zocl.c" else []
        made += module.compile_objects([module.RUNTIME / name], folder, *flags, *faked)
    own = [folder / "pipeline.c", *(module.RUNTIME / name for name in ("main.c", *PROGRAM))]
    made += module.compile_objects(own, folder, *flags)
    made += module.compile_objects([HERE / "fake_zocl.c"], folder, "-DFAKE_GIVEN=65536")
    parts = [path for name, path in objects.items() if name not in module.BACKENDS["sim"]]
    subprocess.run(["gcc", "-o", folder / "program", *parts, *made, "-lpthread", "-ldl", "-lm"], check=True)
    for bytes_, said in ((65536, ""), (131072, f"{node}: {short(64, 128)}\n")):
        environment = {**os.environ, "FLUORITE_ARENA": f"zocl:{bytes_}"}
        done = subprocess.run(
            [folder / "program", "--size", "4x4"], capture_output=True, text=True, check=False, timeout=60,
            env=environment,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, said)
