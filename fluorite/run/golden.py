"""The golden model of an accelerator: Halide's own answer, from the accelerator's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import halide as hl
import numpy as np

from fluorite.frontend import cut
from fluorite.frontend.constants import strict_target
from fluorite.frontend.halide_errors import run_refused
from fluorite.frontend.halide_io import Loaded, halide_type, image_params, to_buffer, to_halide
from fluorite.hwgen.generate import Generated
from fluorite.sim.run import AnyArray

__all__ = ["Golden"]


class Golden:
    """The accelerated Func alone, cut at the accelerator's inputs, in Halide's JIT. Not for several threads at once.

    Parameters
    ----------
    loaded : Loaded
        The pipeline.
    generated : Generated
        The accelerator.
    given : mapping of str to halide.Parameter
        Params and images to use instead of what the user's own hold.
    """

    def __init__(self, loaded: Loaded, generated: Generated, given: Mapping[str, Any]) -> None:
        self._loaded = loaded
        self._generated = generated
        region = generated.region
        names = [i.name for i in region.inputs]
        # Constant Funcs are computed on their own, as they are for the hardware: inlined, Halide may round their
        # floats differently.
        computed = [*region.stages[:-1], *sorted(region.constant_funcs)]
        root = cut.golden(loaded.root, region.name, names, computed)
        self._params = image_params(root, names)
        own = {name: param.parameter() for name, param in self._params.items()}
        self._pipeline = to_halide(root, {**loaded.parameters, **given, **own})

    def __call__(self, inputs: Mapping[str, AnyArray], mins: Sequence[int], extents: Sequence[int]) -> list[AnyArray]:
        """Compute a region of the output; see :meth:`fluorite.run.accelerator.Accelerator.golden`."""
        region = self._generated.region
        named = {self._loaded.plain_name(name): array for name, array in inputs.items()}
        arrays = [np.ascontiguousarray(named[name]) for name in self._params]  # an hl.Buffer does not keep it alive
        for (name, param), array in zip(self._params.items(), arrays, strict=True):
            buffer = to_buffer(array)
            buffer.set_min(list(self._generated.input(name).region(mins, extents)[0]))
            param.set(buffer)
        results = [hl.Buffer(halide_type(t), list(extents)) for t in region.func.types]
        for result in results:
            result.set_min(list(mins))
        with run_refused(region.name, self._loaded.pipeline.funcs):
            self._pipeline.realize(results, strict_target())
        return [np.array(result) for result in results]
