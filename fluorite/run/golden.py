"""The golden model of an accelerator: Halide's own answer, from the accelerator's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import halide as hl
import numpy as np

from fluorite.frontend import cut
from fluorite.frontend.constants import strict_target
from fluorite.frontend.halide_errors import run_refused
from fluorite.frontend.halide_io import Loaded, halide_type, image_params, to_buffer, to_halide
from fluorite.frontend.region.signature import ImageFact
from fluorite.hwgen.generate import Generated
from fluorite.sim.run import AnyArray

__all__ = ["Golden"]

_Images: TypeAlias = dict[str, tuple[AnyArray, Sequence[int]]]  # with the first coordinate along each dimension


class Golden:
    """An accelerator's outputs alone, cut at its inputs, in Halide's JIT. Not for several threads at once.

    Each output Func is a pipeline of its own: as outputs of one, one that reads another would have to stay inside what
    is asked of that.

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
        self._outputs = [_Output(loaded, generated, name, given) for name in generated.region.outputs]

    def __call__(
        self,
        inputs: Mapping[str, AnyArray],
        mins: Sequence[int],
        extents: Sequence[int],
        scalars: Mapping[str, int] | None = None,
    ) -> list[AnyArray]:
        """Compute a region of the output; see :meth:`fluorite.run.accelerator.Accelerator.golden`."""
        return [array for output in self._outputs for array in output(inputs, mins, extents, scalars)]


class _Output:
    """One output Func."""

    def __init__(self, loaded: Loaded, generated: Generated, name: str, given: Mapping[str, Any]) -> None:
        self._loaded = loaded
        self._generated = generated
        self._name = name
        region = generated.region
        names = [i.name for i in region.inputs]
        # Constant Funcs are computed on their own, as they are for the hardware: inlined, Halide may round their
        # floats differently.
        computed = [*(stage for stage in region.stages if stage != name), *sorted(region.constant_funcs)]
        root = cut.golden(loaded.root, name, names, computed)
        self._params = image_params(root, names)
        own = {name: param.parameter() for name, param in self._params.items()}
        self._pipeline = to_halide(root, {**loaded.parameters, **given, **own})

    def __call__(
        self,
        inputs: Mapping[str, AnyArray],
        mins: Sequence[int],
        extents: Sequence[int],
        scalars: Mapping[str, int] | None,
    ) -> list[AnyArray]:
        """Compute what a region of the accelerated Func gives of it."""
        region = self._generated.region
        named = {self._loaded.plain_name(name): array for name, array in inputs.items()}
        own_mins, own_extents = self._generated.output(self._name).region(mins, extents)
        results = [hl.Buffer(halide_type(t), list(own_extents)) for t in region.pipeline.funcs[self._name].types]
        for result in results:
            result.set_min(list(own_mins))
        images: _Images = {
            name: (named[name], self._generated.input(name).region(mins, extents, scalars or {})[0])
            for name in self._params
        }
        with run_refused(region.name, self._loaded.pipeline.funcs):
            rates = self._generated.extents.rates
            mixed = any(rates.is_mixed(d) for d in range(len(rates.moduli)))  # in words of more lanes, one word each
            if mixed or not rates.is_one or any(modulus != 1 for modulus in rates.moduli):
                images = self._grown(images, results)
            images = {name: self._as_a_whole(name, *image, scalars or {}) for name, image in images.items()}
        kept = []  # an hl.Buffer does not keep its array alive
        for param, (array, first) in zip(self._params.values(), images.values(), strict=True):
            kept.append(np.asarray(array, order="C"))
            buffer = to_buffer(kept[-1])
            buffer.set_min(list(first))
            param.set(buffer)
        with run_refused(region.name, self._loaded.pipeline.funcs):
            self._pipeline.realize(results, strict_target())
        return [np.array(result) for result in results]

    def _as_a_whole(
        self, name: str, array: AnyArray, first: Sequence[int], scalars: Mapping[str, int]
    ) -> tuple[AnyArray, Sequence[int]]:
        """An image as large and where it is as a whole, where that is known: a launch may need a part of it only."""
        facts = {s.image_fact: scalars[s.name] for s in self._generated.signature.metadata if s.name in scalars}
        pads, begins = [], []
        for d, (low, extent) in enumerate(zip(first, array.shape[::-1], strict=True)):
            whole = facts.get(ImageFact(name, "extent", d), extent)
            begin = facts.get(ImageFact(name, "min", d), min(low, max(0, low + extent - whole)))
            begins.append(min(begin, low))
            pads.append((low - begins[-1], max(0, begin + whole - low - extent)))
        return np.pad(array, pads[::-1]) if pads else array, begins

    def _grown(self, images: _Images, results: Sequence[hl.Buffer]) -> _Images:
        """Images with their edges repeated, as large as Halide asks for: of ``4*(x/2) + x % 2`` it knows less than we.

        Nothing depends on pixels that hardware does not read.
        """
        queries = {}
        for name, (array, first) in images.items():
            queries[name] = hl.Buffer.make_bounds_query(self._params[name].parameter().type(), list(array.shape[::-1]))
            queries[name].set_min(list(first))
            self._params[name].set(queries[name])
        self._pipeline.realize(list(results), strict_target())  # with such images, it only writes down what it reads
        grown: _Images = {}
        for name, (array, first) in images.items():
            pads = []
            for d, (least, extent) in enumerate(zip(first, array.shape[::-1], strict=True)):
                asked = queries[name].dim(d)
                pads.append((max(0, least - asked.min()), max(0, asked.min() + asked.extent() - least - extent)))
            grown[name] = (
                np.pad(array, pads[::-1], mode="edge") if pads else array,
                [least - before for least, (before, _) in zip(first, pads, strict=True)],
            )
        return grown
