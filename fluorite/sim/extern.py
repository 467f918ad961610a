"""Python as an extern stage of a Halide pipeline in the JIT.

Halide's JIT finds extern stages as symbols of the process. A few lines of C, compiled once per name and signature,
export that symbol and pass the arguments on to a ctypes callback.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import re
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fluorite.errors import SimulationError, UsageError
from fluorite.host.cache import cached
from fluorite.host.toolchain import Toolchain, find_toolchain, run_tool
from fluorite.sim.halide_buffer import HalideBuffer

__all__ = ["ExternStage", "Handler"]

Handler = Callable[[list[HalideBuffer], list[int | float], list[HalideBuffer]], None]

# Type of a scalar as Halide names it -> in C, in ctypes. The upper bits of a Boolean's byte are undefined: `& 1` below.
_SCALARS: dict[str, tuple[str, Any]] = {
    "bool": ("unsigned char", ctypes.c_uint8),
    **{
        f"{u}int{n}": (f"{'unsigned' if u else 'signed'} {c}", getattr(ctypes, f"c_{u}int{n}"))
        for u in ("", "u")
        for n, c in ((8, "char"), (16, "short"), (32, "int"), (64, "long long"))
    },
    "float32": ("float", ctypes.c_float),
    "float64": ("double", ctypes.c_double),
}
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_void_p))
_FLAGS = ("-x", "c++", "-O1", "-fPIC", "-shared", "-s", "-w")
_FAILED = 1  # any nonzero code makes Halide give up
_counter = itertools.count()


class ExternStage:
    """A Python function that Halide calls for a Func.

    Parameters
    ----------
    name : str
        Stem of the symbol: a C identifier.
    arguments : sequence of str
        What Halide passes before the outputs, in order: ``"buffer"`` or the type of a scalar (``"int32"``, ``"uint8"``,
        ``"bool"``, ``"float32"``...).
    outputs : int
        Number of output buffers: one per Tuple element.
    handler : callable
        Called with the input buffers, the scalars and the output buffers, by any of Halide's threads, several at a
        time. In a bounds query (``is_bounds_query`` of some buffer) it sets the regions of the inputs and does no more.
        What it raises stops the pipeline and comes out of `check` or `raising`.

    Attributes
    ----------
    symbol : str
        What to give as the Func's extern function name: the name with a number, no two stages of a process share it.

    Raises
    ------
    UsageError
        The name is not an identifier, an argument's type is unknown.
    SimulationError
        The C compiler is missing or fails.
    """

    def __init__(self, name: str, arguments: Sequence[str], outputs: int, handler: Handler) -> None:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise UsageError(f"name of an extern stage must be a C identifier, not {name!r}")
        if unknown := [a for a in arguments if a != "buffer" and a not in _SCALARS]:
            known = ", ".join(_SCALARS)
            raise UsageError(f"argument of an extern stage must be 'buffer' or one of {known}, not {unknown[0]!r}")
        if outputs < 1:
            raise UsageError(f"outputs of an extern stage must be at least 1, not {outputs}")
        self.symbol = f"{name}_{next(_counter)}"
        self._failures = _Failures()
        tools = find_toolchain()
        source = _shim_source(self.symbol, arguments, outputs)
        path = cached(
            "externs", (tools.compiler_version, *tools.compiler, *_FLAGS, source), ".so",
            lambda work: _compile(tools, source, work),
        )  # fmt: skip
        # Global, so that the JIT's search through the process finds it. Never unloaded: compiled pipelines jump there.
        library = ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        register = getattr(library, f"{self.symbol}_register")
        register.restype, register.argtypes = None, [ctypes.c_void_p]
        # The callback knows no `self`, so that the stage's end of life, which takes it away, does not wait for it.
        self._callback = _CALLBACK(_trampoline(tuple(arguments), outputs, handler, self._failures))
        register(ctypes.cast(self._callback, ctypes.c_void_p))
        self._unregister = weakref.finalize(self, register, None)

    def check(self) -> None:
        """Raise what the handler raised first since the last check, if anything."""
        if (error := self._failures.take()) is not None:
            raise error

    @contextlib.contextmanager
    def raising(self) -> Iterator[None]:
        """Around ``realize``: what the handler raised comes out, instead of Halide's report that the stage failed."""
        self._failures.take()
        try:
            yield
        except Exception as reported:  # not just HalideError: its text is no UTF-8 when many threads report at once
            if (error := self._failures.take()) is not None:
                raise error from reported
            raise
        self.check()


class _Failures:
    """The first exception of any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._first: BaseException | None = None

    @property
    def any(self) -> bool:
        return self._first is not None

    def add(self, error: BaseException) -> None:
        with self._lock:
            if self._first is None:
                self._first = error

    def take(self) -> BaseException | None:
        with self._lock:
            error, self._first = self._first, None
            return error


def _trampoline(
    arguments: tuple[str, ...], outputs: int, handler: Handler, failures: _Failures
) -> Callable[[Any], int]:
    """Return the function that C calls with an array of pointers: to each buffer, to the value of each scalar."""

    def call(pointers: Any) -> int:
        if failures.any:  # the pipeline is lost: let its other threads come to their end quickly
            return _FAILED
        try:
            inputs: list[HalideBuffer] = []
            scalars: list[int | float] = []
            for i, kind in enumerate(arguments):
                if kind == "buffer":
                    inputs.append(HalideBuffer(pointers[i]))
                else:
                    value = _SCALARS[kind][1].from_address(pointers[i]).value
                    scalars.append(value & 1 if kind == "bool" else value)
            results = [HalideBuffer(pointers[len(arguments) + i]) for i in range(outputs)]
            handler(inputs, scalars, results)
        except BaseException as error:  # also Ctrl-C: an exception must not cross Halide's frames
            failures.add(error)
            return _FAILED
        return 0

    return call


def _shim_source(symbol: str, arguments: Sequence[str], outputs: int) -> str:
    kinds = [*arguments, *["buffer"] * outputs]
    parameters = ", ".join(f"{'void *' if k == 'buffer' else _SCALARS[k][0] + ' '}a{i}" for i, k in enumerate(kinds))
    pointers = ", ".join(f"a{i}" if k == "buffer" else f"&a{i}" for i, k in enumerate(kinds))
    return (
        "static int (*volatile callback)(void **);\n"
        f'extern "C" void {symbol}_register(void *f) {{ callback = (int (*)(void **))f; }}\n'
        f'extern "C" int {symbol}({parameters}) {{\n'
        "    int (*f)(void **) = callback;\n"
        f"    void *arguments[] = {{{pointers}}};\n"
        "    return f ? f(arguments) : -1;\n"
        "}\n"
    )


def _compile(tools: Toolchain, source: str, work: Path) -> Path:
    (work / "shim.c").write_text(source, encoding="utf-8")
    made = work / "shim.so"
    run_tool([*tools.compiler, *_FLAGS, "-o", str(made), str(work / "shim.c")], cwd=work)
    if not made.is_file():
        raise SimulationError(f"{tools.compiler[0]} must write {made.name}")
    return made
