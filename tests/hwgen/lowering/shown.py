"""Pipelines as the texts that golden files hold."""

import re

from fluorite.frontend import halide_io
from fluorite.frontend.constants import Constants
from fluorite.frontend.region.extract import accelerated_funcs, extract
from fluorite.hwgen.lowering.lower import lower
from fluorite.hwgen.lowering.survey.survey import survey
from fluorite.hwgen.streams.graph import topological
from fluorite.hwgen.streams.text import numbered, show_nodes, show_ref


def region_of(pipeline):
    """What of a pipeline is accelerated, in its only accelerator."""
    loaded = halide_io.load(pipeline)
    (name,) = accelerated_funcs(loaded.pipeline)
    return extract(loaded.pipeline, name, Constants(loaded.root))


def show_domain(name, domain):
    """``domain source[0, 1, None]  0: -1..1, 1: 0..2, channels 0..2``: pixels beyond the launch's own, by dimension."""
    along = [f"{d}: {lo}..{hi}" for d, (lo, hi) in enumerate(zip(domain.lo, domain.hi, strict=True))]
    channels = [f"channels {lo}..{hi}" for lo, hi in domain.channels]
    return f"domain {name}[{', '.join(map(str, domain.dimensions))}]  {', '.join(along + channels)}"


def show_read(read):
    """``hw reads source  0: -1 repeated, 1: 2, channel 0``: how far away, by dimension, and its borders."""
    along = [f"{d}: {index.offset}{_border(index)}" for d, index in enumerate(read.along)]
    channels = [f"channel {number}" for number in read.numbers]
    return f"{read.reader} reads {read.stream}  {', '.join(along + channels)}"


def _border(index):
    if index.border is None:
        return ""
    if index.repeats:
        return " repeated"
    return " folded at " + " and ".join(side for side, has in (("left", index.begins), ("right", index.ends)) if has)


def show_edges(name, edges):
    """``edges of stage1  0: -1..2``: beyond which pixels a stage is constant, along the dimensions where it is."""
    along = [f"{d}: {edge.lo}..{edge.hi}" for d, edge in enumerate(edges) if edge]
    return f"edges of {name}  {', '.join(along) or 'nowhere'}"


def show_survey(pipeline, padded=False):
    """What is known of a pipeline's only region before it is lowered."""
    found = survey(region_of(pipeline), padded=padded)
    domains = [show_domain(name, domain) for name, domain in found.domains.items()]
    edges = [show_edges(name, edges) for name, edges in found.edges.items()]
    return plain([*map(show_read, found.reads), "", *domains, *edges])


def show_bodies(lowered):
    """The nodes that all bodies share, then what each value of each stream is."""
    bodies = lowered.bodies.items()
    nodes = list(topological(ref.node for _, ref in bodies))
    names = numbered(nodes)
    values = [f"{key} lane {lane} channel {channel}: {show_ref(ref, names)}" for (key, lane, channel), ref in bodies]
    return [*show_nodes(nodes, names), *values]


def show_needs(lowered):
    """What else software must give, and what it is told."""
    settings = [f"setting {name} = {formula}  {lo}..{hi}" for name, (lo, hi, formula) in lowered.settings.items()]
    tables = [f"table {number} = {read.construct}" for number, read in enumerate(lowered.tables)]
    beyond = [f"{name} has its border {pixels} pixels beyond the image" for name, pixels in lowered.beyond.items()]
    return settings + tables + beyond + lowered.notes


def show_lowered(pipeline):
    """A pipeline's only region, lowered."""
    lowered = lower(region_of(pipeline))
    return plain([*show_bodies(lowered), "", *show_needs(lowered)])


def plain(lines):
    """Lines as a text, without the numbers that Halide gives to Funcs of one name in one process."""
    return re.sub(r"\$\d+", "", "\n".join(lines)).rstrip() + "\n"
