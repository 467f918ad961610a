"""Linking: the stages' separate expressions become one stream graph.

Producers first, every tap is replaced by the stream it reads. Since the constructors run again on the real operands, a
stage that turns out narrower than its Halide type (a 9-bit gradient in an int16) narrows all that reads it.
"""

from __future__ import annotations

from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.held import held
from fluorite.hwgen.lowering.positions import Positions
from fluorite.hwgen.lowering.tables import rom
from fluorite.hwgen.lowering.values import Lowered, output_ports, stage_key
from fluorite.hwgen.streams.builder import Builder
from fluorite.hwgen.streams.graph import Graph, Node, Output, Ref, topological
from fluorite.hwgen.streams.operations import TABLE, value_of

__all__ = ["link"]


def link(region: Region, lowered: Lowered) -> Graph:
    """One graph whose taps are stages and inputs, with the accelerated Func's streams as outputs."""
    graph = Graph(lowered.graph.dimensions)
    build = Builder(graph)
    positions = Positions(region, lowered, build)
    types = {i.name: i.type for i in region.inputs}
    streams: dict[tuple[str, int, int], Ref] = {}
    done: dict[int, Ref] = {}

    def source(node: Node) -> Ref:
        key, lane, channel = value_of(node)
        if key in types:
            word = build.input(key, lane, channel, types[key].min, types[key].max)
            return held(build, lowered, positions, key, word) if lowered.rates.streams[key].lacking else word
        return streams[key, lane, channel]

    def moved(ref: Ref) -> Ref:
        return done[ref.node.id].shifted(ref.delay)

    def linked(body: Ref) -> Ref:
        states: list[Node] = []
        for node in topological([body.node]):
            if node.id in done:
                continue
            if node.op == "tap":
                done[node.id] = source(node)
                continue
            if node.op == "state":
                states.append(node)
                done[node.id] = build.rebuild(node, ())
                continue
            operands = [moved(operand) for operand in node.operands]
            if node.op == "table":
                done[node.id] = rom(build, region, lowered.tables[TABLE.of(node).number], operands)
            else:
                done[node.id] = build.rebuild(node, operands)
        for node in states:
            graph.tie(done[node.id].node, moved(node.operands[0]))
        return moved(body)

    for name in region.stages:
        for key, lane, channel in sorted(k for k in lowered.bodies if k[0] in _keys(region, name)):
            value = linked(lowered.bodies[key, lane, channel])
            # What depends on Params alone needs no stream, and must not have one: held for a row before the scan
            # begins, it would have to be there before the launch.
            stays = value.node.static and name not in region.outputs
            streams[key, lane, channel] = value if stays else build.stage(value, key, lane, channel)
    for key, port in output_ports(region).items():
        if port.stream not in region.stages:  # it only reads one
            for k in sorted(k for k in lowered.bodies if k[0] == key):
                streams[k] = linked(lowered.bodies[k])
        channels = lowered.domains[port.stream].channel_count
        graph.outputs.extend(
            Output(key, lane * channels + channel, value)
            for (k, lane, channel), value in sorted(streams.items(), key=lambda item: item[0])
            if k == key
        )
    return graph


def _keys(region: Region, name: str) -> list[str]:
    return [stage_key(name, index) for index in range(len(region.pipeline.funcs[name].types))]
