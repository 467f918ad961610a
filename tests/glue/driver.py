"""The driver from Python: builds it as a shared library, calls it through ctypes."""

import ctypes as ct
import re
import subprocess
from pathlib import Path

import halide as hl
import numpy as np

from fluorite.glue.registers.c_header import c_header
from fluorite.glue.registers.runtime import common_header
from fluorite.glue.sources import BACKENDS, DRIVER, RUNTIME, STAGES
from fluorite.sim.halide_buffer import _Buffer, _Dimension

WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wpedantic")
SOURCES = (*DRIVER, *STAGES, *BACKENDS["sim"])
HALIDE = ("-isystem", str(Path(hl.install_dir()) / "include"))
_CODE = re.compile(r"FLUORITE_(?:ERROR_)?(\w+) = (-\d+|0)\b")
CODES = {
    name: int(number)
    for name, number in _CODE.findall((RUNTIME / "fluorite_runtime.h").read_text())
    if name not in ("BOTH",)
}


def write_sources(examples, folder):
    """Generated C beside the hand-written."""
    folder.mkdir(exist_ok=True)
    for example in examples:
        (folder / f"{example.code.name}.h").write_text(example.code.header())
        (folder / f"{example.code.name}.c").write_text(example.code.source())
        (folder / f"{example.map.name}_registers.h").write_text(c_header(example.map))
    (folder / "fluorite_registers.h").write_text(common_header(examples[0].map))


def compile_objects(sources, folder, *flags, compiler=("gcc", "-std=c99")):
    made = []
    for source in sources:
        target = folder / f"{source.stem}.o"
        command = [*compiler, *WARNINGS, "-O1", "-fPIC", *HALIDE, f"-I{source.parent}", f"-I{RUNTIME}", f"-I{folder}"]
        subprocess.run([*command, *flags, "-c", "-o", target, source], check=True)
        made.append(target)
    return made


def link(objects, library):
    subprocess.run(["gcc", "-shared", "-o", library, *objects, "-lpthread"], check=True)
    return library


class View(ct.Structure):
    _fields_ = (
        ("first", ct.c_void_p), ("row_bytes", ct.c_uint32), ("counts", ct.c_uint32 * 3), ("strides", ct.c_int64 * 3),
    )  # fmt: skip


class Launch(ct.Structure):
    _fields_ = (("settings", ct.POINTER(ct.c_uint32)), ("views", ct.POINTER(View)))


class Error(ct.Structure):
    _fields_ = (("code", ct.c_int), ("text", ct.c_char * 240))


class Failure(ct.Structure):
    _fields_ = (("code", ct.c_int), ("stream", ct.c_int), ("address", ct.c_uint64))


class Counters(ct.Structure):
    _fields_ = (
        ("cycles", ct.c_uint32), ("stalls", ct.c_uint32 * 16), ("launches_started", ct.c_uint32),
        ("launches_completed", ct.c_uint32), ("interrupts_missed", ct.c_uint32), ("most_in_flight", ct.c_uint32),
    )  # fmt: skip


class Copies(ct.Structure):
    _fields_ = (("direct", ct.c_uint64), ("copied", ct.c_uint64))


class Driver:
    """A built driver."""

    def __init__(self, path):
        self.blocks = set()
        self.library = library = ct.CDLL(str(path))
        for name in ("halide_malloc", "fluorite_alloc", "fluorite_process_arena"):
            getattr(library, name).restype = ct.c_void_p
        for name in ("fluorite_arena_size", "fluorite_arena_used"):
            getattr(library, name).restype = ct.c_size_t
        library.fluorite_error_text.restype = ct.c_char_p
        library.fluorite_process_copies.restype = Copies
        library.fluorite_test_arithmetic.restype = ct.c_int64
        library.fluorite_test_arithmetic.argtypes = (ct.c_int, ct.c_int64, ct.c_int64)

    codes = CODES

    @property
    def error(self):
        """The text that an extern stage gave to halide_error last."""
        return ct.string_at(ct.addressof(ct.c_char.in_dll(self.library, "fluorite_test_error"))).decode()

    # --- memory

    def array(self, shape, dtype, arena=True):
        """An array in the arena, or on the heap where numpy puts it."""
        dtype = np.dtype(dtype)
        if not arena:
            return np.zeros(shape, dtype)
        size = int(np.prod(shape)) * dtype.itemsize
        address = self.library.halide_malloc(None, ct.c_size_t(max(size, 256)))
        self.blocks.add(address)
        return np.ndarray(shape, dtype, (ct.c_uint8 * size).from_address(address))

    def free(self, array):
        self.blocks.remove(array.ctypes.data)
        self.library.halide_free(None, ct.c_void_p(array.ctypes.data))

    def clean_up(self):
        """Free what tests left; then there must be nothing that the driver itself has kept."""
        while self.blocks:
            self.library.halide_free(None, ct.c_void_p(self.blocks.pop()))
        return self.library.fluorite_process_close()

    # --- the runtime

    def open_arena(self):
        arena, error = ct.c_void_p(), Error()
        code = self.library.fluorite_arena_open(ct.byref(arena), None, ct.byref(error))
        return code, arena, error.text.decode()

    def open(self, example, arena):
        device, error = ct.c_void_p(), Error()
        about = ct.byref(ct.c_char.in_dll(self.library, f"fluorite_{example.name}_accelerator"))
        code = self.library.fluorite_open(ct.byref(device), about, arena, ct.byref(error))
        return code, device, error.text.decode()

    def alloc(self, arena, size, alignment=64):
        return self.library.fluorite_alloc(arena, ct.c_size_t(size), ct.c_size_t(alignment))

    def prepare(self, example, variables):
        """Settings and views of a launch, by the generated function."""
        code, settings, views = self.prepare_code(example, variables)
        assert code == 0
        return settings, views

    def prepare_code(self, example, variables):
        """What the generated function returns, settings and views."""
        values = (ct.c_int64 * len(variables))(*variables)
        settings = (ct.c_uint32 * sum(r.launch for r in example.map.registers))()
        views = (View * len(example.map.streams))()
        code = getattr(self.library, f"fluorite_{example.name}_prepare")(values, settings, views)
        return code, settings, views

    def submit(self, device, settings, views, timeout=1000):
        launch = Launch(ct.cast(settings, ct.POINTER(ct.c_uint32)), ct.cast(views, ct.POINTER(View)))
        ticket = ct.c_uint64()
        code = self.library.fluorite_submit(device, ct.byref(launch), timeout, ct.byref(ticket))
        return code, ticket

    def run(self, device, settings, views, timeout=1000):
        launch = Launch(ct.cast(settings, ct.POINTER(ct.c_uint32)), ct.cast(views, ct.POINTER(View)))
        return self.library.fluorite_run(device, ct.byref(launch), timeout)

    def wait(self, device, ticket, timeout=1000):
        """The result, and why the launch failed."""
        failure = Failure()
        return self.library.fluorite_wait_failure(device, ticket, timeout, ct.byref(failure)), failure

    def counters(self, device):
        counters = Counters()
        assert self.library.fluorite_counters(device, ct.byref(counters)) == 0
        return counters

    def process_counters(self, example):
        device = ct.c_void_p()
        about = ct.byref(ct.c_char.in_dll(self.library, f"fluorite_{example.name}_accelerator"))
        assert self.library.fluorite_process_device(about, ct.byref(device), None) == 0
        return self.counters(device)

    # --- extern stages

    def call(self, example, inputs, scalars, outputs):
        """Call an extern stage with `halide_buffer_t`s, as :func:`buffer` makes them."""
        arguments = [*(ct.byref(b) for b in inputs), *scalars, *(ct.byref(b) for b in outputs)]
        return getattr(self.library, f"fluorite_{example.name}")(*arguments)


def buffer(array, mins, query=False):
    """A ``halide_buffer_t`` of a numpy array, axes reversed."""
    made = _Buffer()
    rank = array.ndim
    dims = (_Dimension * rank)()
    for d in range(rank):
        axis = rank - 1 - d
        dims[d].min, dims[d].extent = mins[d], array.shape[axis]
        dims[d].stride = array.strides[axis] // array.itemsize
    made.dim, made.dimensions = dims, rank
    made.type.code = {"i": 0, "u": 1, "f": 2}[array.dtype.kind]
    made.type.bits, made.type.lanes = array.itemsize * 8, 1
    made.host = None if query else array.ctypes.data
    made.keep = (dims, array)
    return made
