"""Generation: a region through all passes to a core and its Verilog."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fluorite.frontend.region.identifiers import Taken
from fluorite.frontend.region.region import Region
from fluorite.frontend.region.signature import SideStage, StageScalar, StageSignature
from fluorite.hwgen.expand import Watch, expanded_in_time, periods_of_outputs
from fluorite.hwgen.family.delays import ZYNQ7000, Family
from fluorite.hwgen.formula import Formula, constant
from fluorite.hwgen.interface import CoreInterface, SettingPort
from fluorite.hwgen.lowering.values import Lowered, output_ports
from fluorite.hwgen.node_names import names_of, owners_of
from fluorite.hwgen.plan.core_plan import CorePlan
from fluorite.hwgen.plan.due import with_first_words, with_room, with_rows
from fluorite.hwgen.plan.extents import Extents
from fluorite.hwgen.plan.fifo_depths import check_fifo_depths
from fluorite.hwgen.plan.grids import Grids, RowGrid, grids_of
from fluorite.hwgen.plan.memory import Length, Memory
from fluorite.hwgen.plan.resampling import columns_of_rows, row_grids
from fluorite.hwgen.plan.room import check_room
from fluorite.hwgen.plan.schedule import Schedule, schedule
from fluorite.hwgen.plan.side_plan import SidePlan, side_plans
from fluorite.hwgen.plan.storage import Storage, allocate, cycles
from fluorite.hwgen.plan.stream_plan import LoopVariables, StreamPlan, loop_variables, stream_plans
from fluorite.hwgen.rtl.core import Core
from fluorite.hwgen.streams.graph import Delay, Graph, Node
from fluorite.hwgen.streams.operations import WRAP, value_of

__all__ = ["Generated", "Setting", "generate", "node_grids"]


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting port and the formula software computes for it."""

    port: SettingPort
    formula: Formula


@dataclass(frozen=True)
class Generated:
    """A core with everything that was decided on the way.

    Attributes
    ----------
    region : Region
        What it came from.
    family : Family
        What it is for.
    lowered : Lowered
        Domains, Params, warnings.
    graph : Graph
        The expanded stream graph.
    extents : Extents
        Sizes of a launch.
    plan : Schedule
        Lags.
    storage : Storage
        Delay lines and memories.
    owners : dict of int to str
        Stage of each node.
    names : dict of int to str
        Signal name of each node.
    settings : tuple of Setting
        What software writes before a launch.
    setting_names : dict of Formula to str
        Setting that carries a formula.
    interface : CoreInterface
        The core's ports.
    signature : StageSignature
        What the extern stage that takes its place in software gets.
    streams : tuple of StreamPlan
        Each input, then each output.
    sides : tuple of SidePlan
        The outputs beside the accelerated Func.
    coordinates : dict of int to Delay
        Per ``coord`` node, how much later than the scan's beginning its first word comes.
    wraps : dict of Length to Formula
        Last address of the memories of each length that have a counter.
    begin : Delay
        The lag of what begins with the scan.
    latency_cycles : int
        From the first input word to the first output word, at the largest extents.
    """

    region: Region
    family: Family
    lowered: Lowered
    graph: Graph
    extents: Extents
    plan: Schedule
    storage: Storage
    owners: dict[int, str]
    names: dict[int, str]
    settings: tuple[Setting, ...]
    setting_names: dict[Formula, str]
    interface: CoreInterface
    signature: StageSignature
    streams: tuple[StreamPlan, ...]
    sides: tuple[SidePlan, ...]
    coordinates: dict[int, Delay]
    wraps: dict[Length, Formula]
    begin: Delay
    latency_cycles: int

    @property
    def warnings(self) -> tuple[str, ...]:
        """Overflow that the ranges do not exclude."""
        notes = {WRAP.of(node).note for node in self.plan.nodes if node.op == "wrap"}
        return tuple(self.lowered.notes[note - 1] for note in sorted(notes - {0}))

    @property
    def loops(self) -> tuple[LoopVariables, ...]:
        """What formulas call the first pixel and the extent along each loop."""
        return loop_variables(self.region, self.extents.rates.moduli)

    @property
    def steps(self) -> tuple[int, ...]:
        """Launches must begin at multiples of these, along each loop, where words or borders count from there."""
        return tuple(
            of.modulus if in_step else 1 for of, in_step in zip(self.loops, self.extents.rates.in_step, strict=True)
        )

    @property
    def cuts(self) -> tuple[int, ...]:
        """Extents, along each loop, of the launches that a larger region is cut into, but for the last one.

        As large as a launch may be, and such that where one begins in step, the next one does.
        """
        loops = zip(self.region.loops, self.steps, strict=True)
        return tuple(
            loop.max_extent if loop.fixed else loop.max_extent - loop.max_extent % step or loop.max_extent
            for loop, step in loops
        )

    @property
    def variables(self) -> tuple[str, ...]:
        """What formulas depend on: min and extent along each loop, then the signature's scalars."""
        loops = (name for loop in self.loops for name in (loop.min, loop.extent))
        return (*loops, *(scalar.name for scalar in self.signature.scalars))

    @property
    def inputs(self) -> tuple[StreamPlan, ...]:
        """The input streams, in the order of ``accelerate()``'s inputs."""
        return tuple(stream for stream in self.streams if stream.is_input)

    @property
    def outputs(self) -> tuple[StreamPlan, ...]:
        """The output streams, one per Tuple element: the accelerated Func's, then those of the outputs beside it."""
        return tuple(stream for stream in self.streams if not stream.is_input)

    def output(self, name: str) -> StreamPlan:
        """The first stream of an output Func.

        Raises
        ------
        KeyError
            No output has this name.
        """
        return {stream.source: stream for stream in reversed(self.outputs)}[name]

    def input(self, name: str) -> StreamPlan:
        """The stream of an input, by the Func's or ImageParam's name.

        Raises
        ------
        KeyError
            No input has this name.
        """
        return {stream.source: stream for stream in self.inputs}[name]

    def core(self) -> Core:
        """The hardware, to be elaborated once."""
        plan = CorePlan(
            self.interface,
            self.graph,
            self.plan,
            self.storage,
            self.streams,
            self.coordinates,
            self.extents.scan,
            self.extents.ranges,
            self.names,
            self.setting_names,
            self.wraps,
            self.begin,
            {name: rate.periods for name, rate in self.lowered.rates.streams.items()},
        )
        return Core(plan)


def generate(region: Region, family: Family = ZYNQ7000, watch: Watch | None = None) -> Generated:
    """Run all passes.

    Parameters
    ----------
    region : Region
        What becomes hardware.
    family : Family
        What it is for.
    watch : callable, optional
        Told of every graph on the way, see :mod:`fluorite.hwgen.expand`.

    Raises
    ------
    CompileError
        The region cannot become hardware.
    """
    lowered, graph, extents = expanded_in_time(region, family, watch)
    grids = node_grids(region, lowered, graph)
    behind_memory: frozenset[int] = frozenset()
    while True:
        plan = schedule(graph, extents.strides, extents.least_strides, family, behind_memory, grids=grids)
        owners = owners_of(plan, region.names)
        lags = _port_lags(plan)
        counters = {node.id: plan.lags[node.id] for node in plan.nodes if node.op == "coord"}
        starts = [_begun(plan, node) for node in plan.nodes if node.op == "choose"]
        first = min([*lags.values(), *counters.values(), *starts], key=lambda lag: cycles(lag, extents.strides))
        storage = allocate(graph, plan, extents, owners, family, first)
        slow = behind_memory | storage.read_directly(plan)
        longer = extents.with_least(storage.least)
        behind = [[_behind(lag, first, longer) for lag in group.values()] for group in (lags, counters)]
        longer = with_room(longer, *behind)
        outputs = {key: port.stream for key, port in output_ports(region).items()}
        ports = [(key, outputs.get(key, key)) for key in lags]
        longer = with_first_words(longer, [(_behind(lags[key], first, longer), source) for key, source in ports])
        rows = row_grids(plan, storage, first)
        longer = with_rows(longer, rows, columns_of_rows(plan, storage), set(outputs.values()))
        if longer.strides == extents.strides and slow == behind_memory:
            break
        behind_memory = slow
        extents = longer  # even the largest launch has rows too short for this schedule: they are padded
    extents = longer
    check_room(region, storage)
    check_fifo_depths(region, plan, extents, math.prod(loop.lanes for loop in region.loops))
    names = names_of(plan, owners)

    def behind_scan(key: str) -> Delay:
        return _behind(lags.get(key, first), first, extents)  # what nothing depends on is still streamed in

    streams = stream_plans(region, lowered.domains, extents, behind_scan, lowered.derived)
    coordinates = {id_: _behind(lag, first, extents) for id_, lag in counters.items()}
    wraps = {memory.length: _last_address(memory, plan, extents) for memory in storage.memories if memory.counters}
    settings, setting_names = _settings(region, lowered, extents, streams, wraps, rows)
    interface = CoreInterface(
        f"{region.names[region.name]}_core",
        tuple(stream.port for stream in streams),
        tuple(s.port for s in settings),
    )
    fed, given = (
        min(cycles(extents.merge(s.lag), extents.strides) for s in streams if s.is_input == is_input)
        for is_input in (True, False)
    )
    latency = given - fed + 1  # the output register
    return Generated(
        region,
        family,
        lowered,
        graph,
        extents,
        plan,
        storage,
        owners,
        names,
        settings,
        setting_names,
        interface,
        _signature(region, lowered),
        streams,
        side_plans(region, lowered.domains, streams),
        coordinates,
        wraps,
        first,
        latency,
    )


def node_grids(region: Region, lowered: Lowered, graph: Graph) -> Grids:
    """Where each node of a region's graph is needed; at one rate the graph's dimensions are merged ones."""
    return grids_of(graph, periods_of_outputs(region, lowered, graph))


def _signature(region: Region, lowered: Lowered) -> StageSignature:
    names = region.names
    return StageSignature(
        f"fluorite_{names[region.name]}",
        region.name,
        tuple(source.name for source in region.inputs),
        (
            *(StageScalar(name, type_, names.param(name)) for name, type_ in lowered.parameters.items()),
            *(StageScalar(v.param, v.type, names.metadata(name), v) for name, v in lowered.metadata.items()),
        ),
        len(region.func.types),
        tuple(
            SideStage(
                f"fluorite_{names[region.name]}__{names[side.name]}",
                side.name,
                len(region.pipeline.funcs[side.name].types),
            )
            for side in region.sides
        ),
    )


def _behind(lag: Delay, first: Delay, extents: Extents) -> Delay:
    """How much later than the scan's beginning, along the scan's own dimensions."""
    return extents.split(tuple(a - b for a, b in zip(lag, first, strict=True)))


def _begun(plan: Schedule, node: Node) -> Delay:
    """How long after the scan's beginning a node that looks at the column of the scan is needed first."""
    least, lag = plan.grids.of[node.id][0].least, plan.lags[node.id]
    return (lag[0] + min(least, 0), *lag[1:])


def _port_lags(plan: Schedule) -> dict[str, Delay]:
    lags = {value_of(node).stream: plan.lags[node.id] for node in plan.nodes if node.op == "input"}
    return lags | dict(plan.output_lags)


def _last_address(memory: Memory, plan: Schedule, extents: Extents) -> Formula:
    """The last address of a memory: a row has all its words, and one that is walked round two less than its length."""
    grids = plan.grids.of[memory.fields[0][0].node]
    if memory.rows is not None:
        return extents.own_steps(0, grids[0].period) - 1
    total = constant(0)
    if extents.rates.is_one:
        for steps, stride in zip(reversed(memory.gap), reversed(extents.stride_formulas), strict=True):
            total = total + stride * steps
        return total - 2
    stride = constant(1)
    for d, (steps, grid) in enumerate(zip(memory.gap, grids, strict=True)):
        total = total + stride * steps
        stride = stride * extents.own_steps(d, grid.period)
    return total - 2


def _settings(
    region: Region,
    lowered: Lowered,
    extents: Extents,
    streams: Sequence[StreamPlan],
    wraps: dict[Length, Formula],
    rows: Sequence[RowGrid],
) -> tuple[tuple[Setting, ...], dict[Formula, str]]:
    """Setting ports: one per distinct formula that is not a number, then origins and Params."""
    settings: list[Setting] = []
    names: dict[Formula, str] = {}
    taken = Taken(lowered.settings)
    of_launch = extents.of_launch

    def need(formula: Formula, name: str) -> None:
        if not formula.is_constant and formula not in names:
            names[formula] = name = taken.take(name)
            width = max(formula.greatest(extents.ranges).bit_length(), 1)
            settings.append(Setting(SettingPort(name, width, False), formula.substituted(of_launch)))

    for loop, formula in zip(region.loops, extents.scan, strict=True):
        need(formula - 1, f"scan_last_{region.names[loop.var]}")
    for stream in streams:
        for d, axis in enumerate(stream.scanned):
            need(stream.due.starts[d], f"{stream.port.name}_start_{axis.name}")
            if stream.skips(d):
                need(stream.first_words[d], f"{stream.port.name}_skipped_{axis.name}")
            elif stream.moves_in(d):
                need(stream.due.firsts[d], f"{stream.port.name}_first_{axis.name}")
            if stream.ends(d, extents.scan):
                need(stream.due.ends[d], f"{stream.port.name}_end_{axis.name}")
                if d > 0 and stream.with_scan:
                    need(stream.end_words[d] - 1, f"{stream.port.name}_last_{axis.name}")
    for number, formula in enumerate(wraps.values()):
        need(formula, f"linebuffer_last_{number}")
    for grid in rows:
        need(grid.last_before(extents.scan[0]), f"row_last_{max(-grid.start, 0)}")
    for name, (lo, hi, formula) in lowered.settings.items():
        width = max((-lo - 1).bit_length(), hi.bit_length()) + (lo < 0)
        settings.append(Setting(SettingPort(name, width, lo < 0), formula))
    return tuple(settings), names
