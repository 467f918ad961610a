"""Extents that Halide knows, written down where :mod:`fluorite.frontend.region.scan` looks for them.

A ``bound`` says to Halide what it would have inferred, or refused in a run, and an estimate says nothing to it: the
pipeline's values stay the same. Whether a launch's region is that of a ``bound`` is checked in every run, by Halide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.decode import decode
from fluorite.frontend.algorithm.intervals import ANYWHERE, Interval, interval
from fluorite.frontend.annotations import Accelerate, annotations_of
from fluorite.frontend.halide_io import Loaded
from fluorite.frontend.known_sizes import estimated, limited, promised
from fluorite.frontend.region.asked import Asked, asked
from fluorite.frontend.region.held import Held, held
from fluorite.frontend.region.scan import unrolled, unsized
from fluorite.frontend.region.sizes import Sizes
from fluorite.frontend.region.still import still_dimensions
from fluorite.frontend.tables.rewrite import find_func, transform
from fluorite.frontend.tables.table import Table, table

__all__ = ["with_known_extents"]

_INT32 = table("Type", code="Int", bits=32, lanes=1)
_UNDEFINED = table("UndefinedExpr")


@dataclass(frozen=True, slots=True)
class _Known:
    """A size of one dimension of an accelerated Func: ``bounds`` or ``estimates``, and where it is from."""

    kind: str
    min: int | None
    extent: int
    source: str


def with_known_extents(loaded: Loaded) -> tuple[Loaded, dict[str, tuple[str, ...]]]:
    """Give the accelerated Funcs the extents that their schedules do not say, and that are known all the same.

    - of a dimension unrolled whole: what the Func's readers, or the pipeline's output buffers, ask for; or else what
      the images have that it reads;
    - of a dimension that a launch scans: what every run computes, if that is always the same, by its output buffer, its
      own ``bound`` or its readers; or else, as the greatest extent, that of its own ``bound`` in Params with a maximum,
      of what is asked for, and of the images that it reads, by what is promised of them first and by estimates then.

    Sizes of images that do not change, along dimensions that are not scanned, become numbers.

    Parameters
    ----------
    loaded : Loaded
        The pipeline.

    Returns
    -------
    Loaded
        The pipeline with them.
    dict
        By accelerated Func, what was found, in sentences for its report.
    """
    found = {name: annotations_of(func).accelerate for name, func in loaded.pipeline.funcs.items()}
    accelerated = {name: accelerate for name, accelerate in found.items() if accelerate is not None}
    loaded = _with_image_sizes(loaded, accelerated)
    notes: dict[str, tuple[str, ...]] = {}
    for name in reversed(accelerated):  # readers first: what they are given, they ask for
        known = dict(_known(loaded, name, accelerated[name]))
        if known:
            loaded = _written(loaded, name, known)
            notes[name] = tuple(_note(var, size) for var, size in known.items())
    return loaded, notes


@dataclass(frozen=True)
class _View:
    """An accelerated Func, and what follows for its dimensions from what is known of sizes."""

    pipeline: ir.Pipeline
    func: ir.Func
    sizes: Sizes

    @cached_property
    def asked(self) -> Sequence[Asked]:
        """What readers and outputs ask for."""
        nothing = (Asked(ANYWHERE, None),) * len(self.func.args)
        return asked(self.pipeline, self.sizes).get(self.func.name, nothing)

    @cached_property
    def held(self) -> Sequence[Held]:
        """What the images have."""
        return held(self.pipeline, self.func.name, self.sizes)

    def channel(self, var: str) -> _Known | None:
        """The coordinates of a dimension unrolled whole."""
        position = self.func.args.index(var)
        own = [bound for bound in self.func.schedule.bounds if bound.var == var]
        if any(bound.extent is None for bound in own):  # align_bounds() and the like, which make it more
            return None
        regions = [(self.asked[position].most, self._readers), (self.held[position].region, self._images)]
        if own:
            regions = [(self._exactly(own[-1]) or self.asked[position].most, "its own bound")]
        for region, source in regions:
            if region.lo is not None and region.extent is not None and region.extent > 0:
                return _Known("bounds", region.lo, region.extent, source)
        return None

    def fixed(self, var: str) -> _Known | None:
        """What every run computes of a dimension that a launch scans, if that is always the same."""
        if (known := self.buffer(var)) is not None:
            return known
        regions = [(self._exactly(bound), "its own bound") for bound in self.func.schedule.bounds if bound.var == var]
        if (
            self.func.schedule.compute_level.var in ("", "__root") and not self._has_sides
        ):  # in a loop, a run may ask for it piece by piece
            regions.append((self.asked[self.func.args.index(var)].always, self._readers))
        for region, source in regions:
            if region is not None and region.extent is not None and region.extent > 0:
                return _Known("bounds", region.lo, region.extent, source)
        return None

    def buffer(self, var: str) -> _Known | None:
        """The same, if the Func is an output with a buffer of promised size."""
        sizes = self.sizes.outputs.get(self.func.name)
        if not sizes:
            return None
        least, extent = (one.number for one in sizes[self.func.args.index(var)])
        return _Known("bounds", least, extent, self._readers) if extent is not None and extent > 0 else None

    def greatest(self, var: str) -> _Known | None:
        """The greatest extent of a dimension that a launch scans."""
        position = self.func.args.index(var)
        schedule = self.func.schedule
        own = [bound.extent for bound in (*schedule.bounds, *schedule.estimates) if bound.var == var and bound.extent]
        for extent, source in (
            *((interval(extent, self.sizes.of).hi, "its own bound") for extent in own),
            (None if self._has_sides else self.asked[position].most.extent, self._readers),
            (self.held[position].extent, self._images),
        ):
            if extent is not None and extent > 0:
                return _Known("estimates", None, extent, source)
        return None

    @property
    def _has_sides(self) -> bool:
        """Whether its accelerator gives other Funcs, too: what is asked of those, at whatever rate, is asked of it."""
        accelerate = annotations_of(self.func).accelerate
        return accelerate is not None and bool(accelerate.outputs)

    @property
    def _readers(self) -> str:
        if self.func.name in self.pipeline.outputs:
            return f"the output buffer of {self.func.name}"
        return f"what is read of {self.func.name}"

    @property
    def _images(self) -> str:
        return f"the images that {self.func.name} reads"

    def _exactly(self, bound: ir.Bound) -> Interval | None:
        """The region of a bound that is a number and was not written as one."""
        least, extent = (interval(e, self.sizes.of).number if e else None for e in (bound.min, bound.extent))
        return None if least is None or extent is None else Interval(least, least + extent - 1)


def _known(loaded: Loaded, name: str, accelerate: Accelerate) -> Iterator[tuple[str, _Known]]:
    """By variable, the size of each dimension that has none and needs one."""
    func = loaded.pipeline.funcs[name]
    missing = unsized(func, accelerate)
    if not missing.channels and not missing.loops:
        return
    views = [_View(loaded.pipeline, func, sizes(loaded)) for sizes in (promised, limited, estimated)]
    for var in missing.channels:
        if (channel := views[0].channel(var)) is not None:
            yield var, channel
    for var in missing.loops:
        estimated_already = any(b.var == var and isinstance(b.extent, ir.Imm) for b in func.schedule.estimates)
        loop = views[0].buffer(var) if estimated_already else views[0].fixed(var)
        if loop is None and not estimated_already:
            loop = next(filter(None, (view.greatest(var) for view in views)), None)
        if loop is not None:
            yield var, loop


def _note(var: str, known: _Known) -> str:
    """A sentence for the report."""
    if known.kind == "estimates":
        return f"extent of {var}: {known.extent} at most, from {known.source}"
    begins = "" if known.min is None else f" from {known.min}"
    return f"extent of {var}: {known.extent}{begins}, from {known.source}"


def _written(loaded: Loaded, name: str, known: Mapping[str, _Known]) -> Loaded:
    """The pipeline with these sizes in the schedule of a Func."""
    old = find_func(loaded.root, name)
    schedule = old.func_schedule
    for var, size in known.items():
        least = size.min if size.kind == "bounds" else 0
        bound = table(
            "Bound",
            var=var,
            min=_UNDEFINED if least is None else _number(least),
            extent=_number(size.extent),
            modulus=_UNDEFINED,
            remainder=_UNDEFINED,
        )
        schedule = schedule.replace(**{size.kind: (*schedule[size.kind], bound)})
    new = old.replace(func_schedule=schedule)
    return _decoded(loaded, loaded.root.replace(funcs=tuple(new if f is old else f for f in loaded.root.funcs)))


def _with_image_sizes(loaded: Loaded, accelerated: Mapping[str, Accelerate]) -> Loaded:
    """The pipeline with numbers for what ``set_bounds`` promises of dimensions that an accelerator does not scan."""
    pipeline, numbers = loaded.pipeline, {}
    for name, accelerate in accelerated.items():
        func = pipeline.funcs[name]
        scanned = set(func.args) - set(unrolled(func, accelerate))
        for dimension in still_dimensions(pipeline, name, accelerate.inputs, scanned):
            image, _, number = dimension.rpartition(".")
            bounds = loaded.bounds[image][int(number)]
            for what, value in (("min", bounds.min), ("extent", bounds.extent)):
                if value is not None:
                    numbers[f"{image}.{what}.{number}"] = value
    if not numbers:
        return loaded

    def edit(node: Table) -> Table:
        known = node.kind == "Variable" and node.param_name and node.name in numbers
        return _number(numbers[node.name]) if known else node

    funcs = tuple(transform(func, edit) for func in loaded.root.funcs)
    same = all(new is old for new, old in zip(funcs, loaded.root.funcs, strict=True))
    return loaded if same else _decoded(loaded, loaded.root.replace(funcs=funcs))


def _number(value: int) -> Table:
    return table("IntImm", value=value, type=_INT32)


def _decoded(loaded: Loaded, root: Table) -> Loaded:
    return replace(loaded, root=root, pipeline=decode(root))
