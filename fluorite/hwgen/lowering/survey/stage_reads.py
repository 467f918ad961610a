"""The reads of a stage: each call of a stream at indices as a `Read`, or refused where no stream comes like that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fluorite.errors import UnsupportedError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.evaluate.diagnostics import Diagnostics, Origin
from fluorite.hwgen.lowering.evaluate.helpers import is_border_helper
from fluorite.hwgen.lowering.evaluate.indices import Tree, Value, index_functions
from fluorite.hwgen.lowering.evaluate.refusals import as_input
from fluorite.hwgen.lowering.survey.border_search import BorderSearch
from fluorite.hwgen.lowering.survey.dependence import STREAM, Dependence
from fluorite.hwgen.lowering.survey.domains import united, wanted
from fluorite.hwgen.lowering.survey.find_index import position
from fluorite.hwgen.lowering.survey.rated_borders import bordered, plainly
from fluorite.hwgen.lowering.survey.reads import Read, ReadIndex
from fluorite.hwgen.lowering.survey.refusals import in_order_of_scan, is_scaled, rule_of_index, rule_of_rates
from fluorite.hwgen.quasiaffine import STILL, shift

__all__ = ["Found", "StageReads"]


class Found:
    """What stages read, as far as they have been run.

    Attributes
    ----------
    outputs : mapping of str to Domain
        What a launch gives, by port.
    padded : bool
        Whether borders are left out.
    only_rates : bool
        Whether nothing is asked but how streams move with one another: nothing is refused, and domains are less than
        all that is read.
    search : BorderSearch
        Finds borders.
    domains : dict of str to Domain
        Per stage or input that is read so far, what is needed of it; not yet clamped to edges.
    reads : dict of Read to None
        The reads, each once and in order.
    """

    def __init__(
        self, region: Region, outputs: Mapping[str, Domain], *, padded: bool = False, only_rates: bool = False
    ) -> None:
        self.outputs = outputs
        self.padded = padded
        self.only_rates = only_rates
        self.search = BorderSearch(region)
        self.domains = dict(outputs)
        self.reads: dict[Read, None] = {}

    def add(self, read: Read) -> None:
        """Add a read of a stream that comes, as far as is known, as it asks for it."""
        domain = wanted(read, self.domains[read.reader])
        known = self.domains.get(read.stream)
        self.domains[read.stream] = united(known, domain) if known else domain
        self.reads[read] = None


class StageReads:
    """Finds the reads of one stage.

    Parameters
    ----------
    region : Region
        The region.
    stage : str
        The stage.
    diagnostics : Diagnostics
        Says what is refused.
    found : Found
        Where the reads are added; all that reads the stage is there.
    """

    def __init__(self, region: Region, stage: str, diagnostics: Diagnostics, found: Found) -> None:
        self._region = region
        self._stage = stage
        self._diagnostics = diagnostics
        self._found = found
        self._own = found.domains[stage]

    def read(
        self, call: ir.Call, name: str, args: Sequence[Value[Dependence]], origins: Sequence[Origin | None]
    ) -> Dependence:
        """Note a read of a stream.

        Raises
        ------
        UnsupportedError
            It is none of a stream that comes with the scan.
        """
        along: dict[int, ReadIndex] = {}
        numbers: list[int] = []
        dimensions: list[int | None] = []
        for arg, written, origin in zip(args, call.args, origins, strict=True):
            if isinstance(arg, Dependence) and arg.number is not None:
                numbers.append(arg.number)
                dimensions.append(None)
                continue
            dimension, index = self._place(arg, name)
            if index is None or dimension in along:
                raise self._not_read_at(arg, written, call, origin)
            along[dimension] = index
            dimensions.append(dimension)
        sorted_along = tuple(along.get(d, ReadIndex(STILL)) for d in range(len(self._region.loops)))
        self._note(Read(self._stage, name, tuple(dimensions), sorted_along, tuple(numbers)), call)
        return STREAM

    def _place(self, index: Value[Dependence], name: str) -> tuple[int, ReadIndex | None]:
        """The dimension of the scan along which an index of a stream moves, and how; None if it is something else."""
        found = position(index)
        if found:
            return found[0], ReadIndex(found[1])
        if not isinstance(index, Tree):
            return 0, None
        if not index.indices:
            raise self._diagnostics.unsupported(
                f"index {self._diagnostics.show(index.expr)} of {name}",
                "which channel is read must be known before there is an image",
                "give it, or the bounds of its border condition, as numbers",
            )
        index = plainly(index)
        if self._found.only_rates:
            return _moving(index)
        if self._found.search.is_at_rate(index, self._own):
            rated = self._found.search.rated(index, self._own, self._diagnostics)
            if rated is None:
                return 0, None
            dimension, moved = rated
            return dimension, ReadIndex(moved.index) if self._found.padded else moved
        bordered = self._found.search.border(index, self._own, self._diagnostics)
        if bordered is None:
            return 0, None
        place, border = bordered
        return place.dimension, ReadIndex(shift(place.offset), None if self._found.padded else border)

    def _note(self, read: Read, call: ir.Call) -> None:
        """Add a read to what is known of its stream."""
        domain = wanted(read, self._own)
        known = self._found.domains.setdefault(read.stream, domain)
        if self._found.only_rates:
            return
        if known.dimensions != domain.dimensions:
            shown = self._diagnostics.show(call)
            raise self._diagnostics.unsupported(
                f"{shown} scans {read.stream} in another way than elsewhere",
                "a stream has one raster order, and an argument is a number in all reads or in none",
                as_input(shown),
            )
        self._check_rates(read, known, domain)
        self._found.add(read)

    def _check_rates(self, read: Read, known: Domain, domain: Domain) -> None:
        """Refuse a read that asks for a stream at another rate than those before it."""
        for d, loop in enumerate(self._region.loops):
            rates = known.first[d].rate, domain.first[d].rate
            if rates[0] != rates[1]:
                paths = self._path(next(r for r in self._found.reads if r.stream == read.stream)), self._path(read)
                raise self._diagnostics.unsupported(
                    f"{read.stream} at two rates along {loop.var}",
                    rule_of_rates(paths, rates, self._region.name),
                    f"name a second Func that copies {read.stream} in the inputs of accelerate(), and read one of the "
                    "two at each rate",
                )

    def _path(self, read: Read) -> tuple[str, ...]:
        """The stages through which a read asks for its stream, an output first."""
        stages = [read.stream, read.reader]
        while stages[-1] not in self._region.outputs and stages[-1] not in self._found.outputs:
            stages.append(next(r for r in self._found.reads if r.stream == stages[-1]).reader)
        return tuple(stage for stage in reversed(stages) if stage in self._region.stages or stage == read.stream)

    def _not_read_at(
        self, index: Value[Dependence], written: ir.Expr, call: ir.Call, origin: Origin | None
    ) -> UnsupportedError:
        """The refusal of an index, where the user wrote it."""
        if isinstance(index, Dependence) and (index.on_streams or index.on_params):
            rule = in_order_of_scan("data" if index.on_streams else "a Param")
        else:
            rule = rule_of_index(index, self._region.name, len(self._region.loops))
            inlined = self._diagnostics.inlined_at_expression()
            if inlined and origin and isinstance(index, Tree) and not is_scaled(index):
                rule = (
                    f"{inlined} is inlined where it is read at a border condition, which makes this a border condition "
                    "of one, and hardware has one between two streams"
                )
                way_out = f"call {inlined}.linebuffer(), or {as_input(origin.call)}"
                return UnsupportedError(inlined, f"index {origin.index} in {origin.call}", rule, way_out)
        helper = self._diagnostics.func
        if origin is None and is_border_helper(helper):
            return self._diagnostics.unsupported(f"{helper.name} around {call.name}", rule, as_input(helper.name))
        origin = origin or Origin(
            self._diagnostics.user_func(), self._diagnostics.show(written), self._diagnostics.show(call)
        )
        return UnsupportedError(origin.func, f"index {origin.index} in {origin.call}", rule, as_input(origin.call))


def _moving(index: Tree) -> tuple[int, ReadIndex | None]:
    """The dimension along which an index under a border moves inside the image, and how."""
    for parts in bordered(index):
        return parts.dimension, ReadIndex(parts.index)
    for function in index_functions(index):
        return function.place.dimension, ReadIndex(shift(function.place.offset))
    return 0, None
