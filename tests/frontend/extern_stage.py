"""An extern stage for the JIT whose body is Python: it runs the golden model, so one test covers both cuts."""

from __future__ import annotations

import ctypes
import itertools
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import halide as hl
import numpy as np

from fluorite.frontend.algorithm import ir
from fluorite.frontend.constants import strict_target
from fluorite.frontend.cut import golden, software
from fluorite.frontend.halide_io import Loaded, image_params, to_halide
from fluorite.frontend.region.signature import StageScalar, StageSignature

_numbers = itertools.count()

C_TYPES = {
    "int32": ("int32_t", ctypes.c_int32),
    "uint8": ("uint8_t", ctypes.c_uint8),
    "float32": ("float", ctypes.c_float),
}


def stage(func_name: str, inputs: Sequence[str], scalars: Sequence[str | ir.Variable], symbol: str) -> StageSignature:
    """What a C function gets that computes one value."""
    int32 = ir.Type(ir.TypeCode.INT, 32)
    found = [
        StageScalar(s.param, s.type, "fact", s) if isinstance(s, ir.Variable) else StageScalar(s, int32, s)
        for s in scalars
    ]
    return StageSignature(symbol, func_name, tuple(inputs), tuple(found), 1)


class Dimension(ctypes.Structure):
    _fields_ = [
        ("min", ctypes.c_int32),
        ("extent", ctypes.c_int32),
        ("stride", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
    ]


class Buffer(ctypes.Structure):
    """``halide_buffer_t``."""

    _fields_ = [
        ("device", ctypes.c_uint64),
        ("device_interface", ctypes.c_void_p),
        ("host", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("dimensions", ctypes.c_int32),
        ("dim", ctypes.POINTER(Dimension)),
        ("padding", ctypes.c_void_p),
    ]

    @property
    def is_query(self) -> bool:
        return not self.host and not self.device

    @property
    def dims(self) -> list[Dimension]:
        return [self.dim[i] for i in range(self.dimensions)]

    def view(self) -> np.ndarray:
        """The buffer as a numpy array with axes in Halide's order."""
        dtype = np.dtype(f"{'iuf'[self.code]}{max(self.bits, 8) // 8}")
        span = 1 + sum((d.extent - 1) * d.stride for d in self.dims)
        flat = np.frombuffer((ctypes.c_char * (span * dtype.itemsize)).from_address(self.host), dtype)
        strides = [d.stride * dtype.itemsize for d in self.dims]
        return np.lib.stride_tricks.as_strided(flat, [d.extent for d in self.dims], strides)


class ExternStage:
    """Cut ``func_name`` out, and stand in for it with the golden model.

    ``region(out_dims)`` gives, per input, the (min, extent) of each dimension that outputs of those dimensions need.
    """

    def __init__(
        self,
        loaded: Loaded,
        func_name: str,
        inputs: Sequence[str],
        scalars: Sequence[str] = (),
        computed: Sequence[str] = (),
        *,
        region: Callable[[list[Dimension]], list[list[tuple[int, int]]]],
        folder: Path,
        root: Any = None,
    ) -> None:
        self.symbol = f"fluorite_test_stage_{next(_numbers)}"
        self.root = software(root or loaded.root, stage(func_name, inputs, scalars, self.symbol))
        model = golden(loaded.root, func_name, inputs, computed)
        self.images = image_params(model, inputs)
        scalar_types = {p.name: C_TYPES[str(p.type)] for p in loaded.pipeline.parameters.values() if p.name in scalars}
        parameters = dict(loaded.parameters)
        self.scalars = {}
        for name in scalars:
            parameter = loaded.pipeline.parameters[name]
            halide_type = {"i": hl.Int, "u": hl.UInt, "f": hl.Float}[str(parameter.type)[0]](parameter.type.bits)
            # Not linked to the user's Param: the value must arrive as an argument.
            self.scalars[name] = hl.Param(halide_type, name, 0)
            parameters[name] = self.scalars[name].parameter()
        parameters |= {name: image.parameter() for name, image in self.images.items()}
        self.model = to_halide(model, parameters)
        self.inputs, self.scalar_names = list(inputs), list(scalars)
        self.scalar_types = [scalar_types[name] for name in scalars]
        self.outputs = len(loaded.pipeline.funcs[func_name].types)
        self.region, self.target = region, strict_target()
        self.launches: list[tuple[tuple[int, int], ...]] = []
        self.queries = 0
        self.errors: list[BaseException] = []
        self.lock = threading.Lock()
        self._load(folder)

    def _load(self, folder: Path) -> None:
        """Compile a C function that hands pointers to all its arguments to Python."""
        kinds = ["void *"] * len(self.inputs) + [c for c, _ in self.scalar_types] + ["void *"] * self.outputs
        arguments = ", ".join(f"{kind} a{i}" for i, kind in enumerate(kinds))
        pointers = ", ".join(f"a{i}" if kind == "void *" else f"&a{i}" for i, kind in enumerate(kinds))
        source = folder / f"{self.symbol}.cpp"
        source.write_text(
            f'#include <stdint.h>\nextern "C" {{ int (*{self.symbol}_hook)(void **);\n'
            f"int {self.symbol}({arguments}) {{ void *all[] = {{{pointers}}}; return {self.symbol}_hook(all); }} }}\n"
        )
        library = source.with_suffix(".so")
        subprocess.run(["g++", "-shared", "-fPIC", "-o", library, source], check=True)
        self.library = ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
        self.hook = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_void_p))(self._called)
        ctypes.c_void_p.in_dll(self.library, f"{self.symbol}_hook").value = ctypes.cast(
            self.hook, ctypes.c_void_p
        ).value

    def _called(self, arguments: Any) -> int:
        try:
            with self.lock:
                self._run(arguments)
        except BaseException as error:  # would otherwise be lost in C
            self.errors.append(error)
            return 1
        return 0

    def _run(self, arguments: Any) -> None:
        count, scalars = len(self.inputs), len(self.scalar_types)

        def buffer(i: int) -> Buffer:
            return ctypes.cast(arguments[i], ctypes.POINTER(Buffer)).contents

        sources = [buffer(i) for i in range(count)]
        results = [buffer(i) for i in range(count + scalars, count + scalars + self.outputs)]
        if any(b.is_query for b in (*sources, *results)):
            self.queries += 1
            for source, wanted in zip(sources, self.region(results[0].dims), strict=True):
                if source.is_query:
                    for dim, (least, extent) in zip(source.dims, wanted, strict=True):
                        dim.min, dim.extent = least, extent
            return
        arrays = [np.ascontiguousarray(source.view().T) for source in sources]  # hl.Buffer does not keep them alive
        for name, source, array in zip(self.inputs, sources, arrays, strict=True):
            data = hl.Buffer(array)
            data.set_min([d.min for d in source.dims])
            self.images[name].set(data)
        for i, (name, (_, kind)) in enumerate(zip(self.scalar_names, self.scalar_types, strict=True)):
            self.scalars[name].set(ctypes.cast(arguments[count + i], ctypes.POINTER(kind)).contents.value)
        made = [hl.Buffer(hl.Type(hl.TypeCode(r.code), r.bits, 1), [d.extent for d in r.dims]) for r in results]
        for target, result in zip(made, results, strict=True):
            target.set_min([d.min for d in result.dims])
        self.model.realize(made if len(made) > 1 else made[0], self.target)
        for target, result in zip(made, results, strict=True):
            result.view()[...] = np.array(target).T
        self.launches.append(tuple((d.min, d.extent) for d in results[0].dims))


def halo(*margins: int) -> Callable[[list[Dimension]], list[list[tuple[int, int]]]]:
    """Inputs that reach so many pixels further on every side, one number per input."""
    return lambda dims: [[(d.min - m, d.extent + 2 * m) for d in dims] for m in margins]
