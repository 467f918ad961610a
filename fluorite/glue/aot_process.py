"""The process that :mod:`fluorite.glue.aot` compiles in. It imports nothing of fluorite, to start soon."""

from __future__ import annotations

import json
import sys
from base64 import b64decode
from typing import Any

import halide as hl

__all__ = ["unpack"]


def unpack(packed: bytes) -> Any:
    """Return the ``hl.Pipeline`` that :func:`fluorite.frontend.parcel.pack` packed."""
    job = json.loads(packed)
    parameters = {
        name: hl.Parameter(hl.Type(getattr(hl.TypeCode, code), bits, lanes), is_buffer, dimensions, name)
        for (code, bits, lanes), is_buffer, dimensions, name in job["parameters"]
    }
    for name, alignment in job["alignments"].items():
        parameters[name].set_host_alignment(alignment)
        parameters[name].store_in(getattr(hl.MemoryType, job["memory_types"][name]))
    if job["limits"]:
        limits = hl.deserialize_pipeline(b64decode(job["limits"]), parameters).get_func(0).values()
        for i, (name, method, arguments) in enumerate(job["limit_calls"]):
            getattr(parameters[name], method)(*arguments, limits[i])
    return hl.deserialize_pipeline(b64decode(job["pipeline"]), parameters)


def main(path: str, function: str, target: str) -> None:
    """Compile the pipeline packed in standard input to a static library and its header."""
    pipeline = unpack(sys.stdin.buffer.read())
    pipeline.compile_to_static_library(path, pipeline.infer_arguments(), function, hl.Target(target))


if __name__ == "__main__":
    main(*sys.argv[1:])
