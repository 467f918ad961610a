"""Pipelines as the texts that golden files hold."""

import re

from fluorite.frontend import halide_io
from fluorite.frontend.constants import Constants
from fluorite.frontend.region.extract import accelerated_funcs, extract
from fluorite.hwgen.lowering.lower import lower
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
    domains = [show_domain(name, domain) for name, domain in lowered.domains.items()]
    text = "\n".join([*domains, "", *show_bodies(lowered), "", *show_needs(lowered)]).rstrip() + "\n"
    return re.sub(r"\$\d+", "", text)  # Halide numbers Funcs of one name over the whole process
