"""The excerpts of docs/architecture.md: one small pipeline on its way from Halide's bytes to wires.

.venv/bin/python docs/worked_example.py            print all blocks
.venv/bin/python docs/worked_example.py --update   write them into the document, between its markers
.venv/bin/python docs/worked_example.py --check    exit with 1, and the difference, if the document says otherwise
"""

import difflib
import inspect
import re
import sys
import textwrap
from pathlib import Path

import halide as hl
import numpy as np

import fluorite
from fluorite.frontend import halide_io
from fluorite.frontend.algorithm.decode_expr import operands as expression_operands
from fluorite.frontend.algorithm.pretty import show
from fluorite.frontend.tables import wire
from fluorite.hwgen.formula import variable
from fluorite.hwgen.lowering.lower import lower
from fluorite.hwgen.passes.link import link
from fluorite.hwgen.streams.operations import OPERATIONS
from fluorite.hwgen.streams.text import show_graph, show_ref
from fluorite.hwgen.text import show_ports, show_schedule, show_storage, table
from fluorite.report import describe
from fluorite.run.launch import launches
from fluorite.sim.run import Job

DOCUMENT = Path(__file__).with_name("architecture.md")
MARKER = re.compile(
    r"(<!-- (?P<name>[\w-]+): from worked_example.py -->\n```(?P<language>\w*)\n)(?P<text>.*?)(```\n)", re.S
)
SIZE = (640, 480)


def binomial():
    """The example: a 3x3 binomial blur of a whole image, written in two dimensions."""
    x, y = hl.vars("x y")
    photo = hl.ImageParam(hl.UInt(8), 2, "photo")
    blur = hl.Func("blur")
    weights = {-1: 1, 0: 2, 1: 1}
    taps = [a * b * hl.u16(photo[x + i, y + j]) for j, b in weights.items() for i, a in weights.items()]
    blur[x, y] = hl.u8((sum(taps[1:], taps[0]) + 8) >> 4)
    blur.set_estimate(x, 0, 1920).set_estimate(y, 0, 1080)
    blur.accelerate([photo], x, hl.Var.outermost())
    return blur


def peaks():
    """The example of a held comparison: vertical peaks of a wide response."""
    x, y = hl.vars("x y")
    a, b = hl.ImageParam(hl.UInt(16), 2, "a"), hl.ImageParam(hl.UInt(16), 2, "b")
    response, peak = hl.Func("response"), hl.Func("peak")
    response[x, y] = hl.u32(a[x, y]) * hl.u32(b[x, y])
    middle = response[x, y]
    peak[x, y] = hl.select((middle > response[x, y - 1]) & (middle >= response[x, y + 1]), hl.u8(255), hl.u8(0))
    peak.set_estimate(x, 0, 1920).set_estimate(y, 0, 1080)
    response.linebuffer()
    peak.accelerate([a, b], x, hl.Var.outermost())
    return peak


def hexdump(data, start, stop):
    """Bytes as ``hexdump -C`` prints them."""
    lines = []
    for at in range(start, stop, 16):
        row = data[at : min(at + 16, stop)]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{at:06x}  {row.hex(' '):<47}  |{text}|")
    return lines


def table_lines(node, depth=0):
    """An expression's Table and those below it, one line each, without fields that are zero or empty."""
    shown = [f"{k}={v!r}" for k, v in node.fields.items() if type(v) in (str, int) and v and k != "func_index"]
    if isinstance(node.fields.get("type"), wire.Table):
        shown.append(f"type={node.type.code}{node.type.bits}")
    lines = ["  " * depth + f"{node.kind}({', '.join(shown)})"]
    for child in expression_operands(node):
        lines += table_lines(child, depth + 1)
    return lines


def pyramid():
    """The example of rates: an image less what is left of it at half its size."""
    x, y = hl.vars("x y")
    photo = hl.ImageParam(hl.UInt(8), 2, "photo")
    half, detail = hl.Func("half"), hl.Func("detail")
    four = [hl.u16(photo[2 * x + i, 2 * y + j]) for j in (0, 1) for i in (0, 1)]
    half[x, y] = hl.u8((sum(four[1:], four[0]) + 2) >> 2)
    half.linebuffer()
    between = hl.u16(half[x / 2, y / 2]) + half[(x + 1) / 2, y / 2]
    detail[x, y] = hl.i16(photo[x, y]) - hl.i16((between + 1) >> 1)
    detail.bound(x, 0, 1920).bound(y, 0, 1080)
    detail.accelerate([photo], x, hl.Var.outermost())
    return detail


def source_block(build):
    """A pipeline's own source."""
    return [line.removeprefix("    ") for line in inspect.getsource(build).splitlines()[2:-1]]


def bytes_block(blur):
    """Some of Halide's bytes, and the table of the first tap in them."""
    data = hl.serialize_pipeline(hl.Pipeline(blur), get_params=True)[0]
    tag = data.index(b"fluorite:")
    node = next(f for f in wire.read(data).funcs if f.name == "blur").init_def.values[0]
    while node.kind != "Mul":  # down the left side
        node = expression_operands(node)[0]
    return [*hexdump(data, tag - 4, tag + 92), "...", *table_lines(node)]


def wrapped(text, width=110, indent="    "):
    """One long line as several."""
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + len(word) + 1 > width:
            lines.append(line)
            line = indent + word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def ir_block(pipeline):
    """The algorithm IR."""
    lines = []
    for func in pipeline.funcs.values():
        (value,) = func.init.values
        lines += wrapped(f"{func.name}({', '.join(func.args)}) = {show(value, 99)}    : {value.type}")
    for dim in pipeline.funcs["blur"].init.schedule.dims:
        lines.append(f"blur's loop {dim.var}: {dim.for_type}, {dim.dim_type}")
    return lines


def region_block(region):
    """The region, without the pipeline it lies in."""
    lines = [f"name      {region.name}"]
    lines += [f"input     {i.name}: {i.type}, {i.dimensions} dimensions" for i in region.inputs]
    lines += [f"stages    {', '.join(region.stages)}"]
    lines += [
        f"loop      {p.var}: argument {p.position}, {p.lanes} lane, at most {p.max_extent}, "
        f"{'always that' if p.fixed else 'set per launch'}"
        for p in region.loops
    ]
    return lines


def linked_block(region):
    """Domains, and the graph before sums are expanded."""
    lowered = lower(region)
    lines = [f"domain of {name}: from min + {d.lo} to max + {d.hi}" for name, d in lowered.domains.items()]
    linked = link(region, lowered)
    return [*lines, "", *show_graph(linked).splitlines()]


def operations_block():
    """Every operation of the stream graph, as its record has it."""
    rows = [("operation", "operands", "attributes", "carries")]
    for record in OPERATIONS.values():
        count = "any" if record.operands is None else str(record.operands)
        value = textwrap.wrap(record.value + (" (notation)" if record.is_notation else ""), 62)
        rows.append((record.name, count, ", ".join(record.attributes._fields), value[0]))
        rows += [("", "", "", more) for more in value[1:]]
    return table(rows)


def graph_block(g):
    """Every node of the expanded graph with its lag."""
    return show_schedule(g)


def storage_block(g):
    """Chains and memories, and the bits they hold."""
    report = describe(g)
    held = (
        f"held {report.line_buffer_bits} bits; lower bound {report.line_buffer_bits_lower_bound}; rows of at least "
        f"{g.storage.least[0] if g.storage.least else 1} cycles"
    )
    return [*show_storage(g), held]


def settings_block(g):
    """Settings and ports, with the values of one launch."""
    launch = next(launches(g, (0, 0), SIZE, {}))
    rows = [("setting", "bits", "formula", "value at {} x {}".format(*SIZE))]
    for s in g.settings:
        rows.append((s.port.name, str(s.port.width_bits), str(s.formula), str(launch.settings[s.port.name])))
    lines = [*table(rows), *show_ports(g)]
    mins, extents = g.input("photo").region(launch.mins, launch.extents)
    lines.append(f"a launch of {SIZE} from (0, 0) reads photo from {mins}, {extents} pixels")
    lines.append(f"cycles a launch: {g.extents.cycles_per_launch}; latency {g.latency_cycles} at the largest extents")
    return lines


def module_body(verilog, module):
    """A Verilog module without its declarations and without assignments that only give a second name."""
    (text,) = re.findall(rf"^module {module} ?\(.*?^endmodule$", verilog, re.M | re.S)
    header, *lines = text.splitlines()
    name = r"[\w$]+(?:\[[\d:]+\])?"
    boring = re.compile(rf"  (?:wire|input|output|reg(?! \[\d+:0\] memory))\b.*|  assign {name} = {name};")
    return [header, *(line for line in lines if not boring.fullmatch(line))]


def run_block(accelerator):
    """Three launches back to back in Verilator."""
    g = accelerator.generated
    size, jobs, wanted = (64, 48), [], []
    random = np.random.default_rng(1)
    launch = next(launches(g, (0, 0), size, {}))
    _, extents = g.input("photo").region((0, 0), size)
    for _ in range(3):
        image = random.integers(0, 256, extents[::-1]).astype(np.uint8)
        jobs.append(Job([image], [np.empty(size[::-1], np.uint8)], launch.settings))
        wanted.append(accelerator.golden({"photo": image}, (0, 0), size)[0])
    with accelerator.simulator.instance() as instance:
        result = instance.run_many(jobs)
    formula = g.extents.cycles_per_launch
    count = formula.evaluate({"extent_x": size[0], "extent_y": size[1]})
    lines = [f"three launches of {size[0]} x {size[1]}: {formula} = {count} cycles each"]
    for number, (ran, job, want) in enumerate(zip(result.launches, jobs, wanted, strict=True)):
        exact = "equal to Halide" if np.array_equal(job.outputs[0], want) else "WRONG"
        lines.append(
            f"launch {number}: accepted in cycle {ran.accepted_cycle}, first output word {ran.first_output_cycle}, "
            f"last {ran.finished_cycle}; {exact}"
        )
    return lines


def lanes_block():
    """What more lanes cost."""
    rows = [("lanes", "adders", "bits held", "lower bound", "cycles a launch, 1920 x 1080")]
    for lanes in (1, 2, 4, 8):
        blur = binomial().unroll(hl.Var("x"), lanes, hl.TailStrategy.GuardWithIf)
        report = describe(fluorite.compile(blur).accelerators[0].generated)
        adders = sum(count for kind, count in report.operators.items() if kind.split()[0] in ("add", "sub"))
        cells = (
            lanes,
            adders,
            report.line_buffer_bits,
            report.line_buffer_bits_lower_bound,
            report.cycles_per_largest_launch,
        )
        rows.append(tuple(map(str, cells)))
    return table(rows)


def peaks_block():
    """What the second example holds, and what two whole rows would be."""
    g = fluorite.compile(peaks()).accelerators[0].generated
    nodes = {n.id: n for n in g.plan.nodes}
    lines = []
    for line in g.storage.lines:
        if line.kind == "memory":
            node = nodes[line.node]
            reads = f"({', '.join(show_ref(o, g.names) for o in node.operands)})" if node.operands else ""
            lines.append(
                f"{g.names[line.node]} = {node.op}{reads}: {node.width_bits} bits held for {line.length_cycles} cycles"
            )
    row = g.extents.scan[0].evaluate(g.extents.maxima)
    (wide,) = (n.width_bits for n in g.plan.nodes if n.op == "stage" and n.attr.stream == "response")
    held = describe(g).line_buffer_bits
    return [*lines, f"held in all: {held} bits; two rows of response alone: {2 * row * wide}"]


def quotient(function, argument):
    """A quasi-affine function as a text."""
    return str(function.formula(variable(argument)))


def pyramid_rates_block(g):
    """What is read and needed of each stream, and how its words come."""
    rows = [("stream", "first column", "last column", "rate", "lanes", "period x, y", "turn x, y")]
    rates = g.lowered.rates
    for name, stream in rates.streams.items():
        domain = g.lowered.domains[name]
        rows.append(
            (
                name,
                quotient(domain.first[0], "first"),
                quotient(domain.last[0], "last"),
                str(domain.first[0].rate),
                str(stream.lanes[0]),
                ", ".join(map(str, stream.periods)),
                ", ".join(map(str, rates.common)),
            )
        )
    return table(rows)


def pyramid_grids_block(g):
    """Where each node is needed."""
    rows = [("node", "columns", "rows", "lag")]
    for node in g.plan.nodes:
        if not node.static:
            columns, lines = (f"{grid.phase} mod {grid.period}" for grid in g.plan.grids.of[node.id])
            rows.append((g.names[node.id], columns, lines, str(g.plan.lags[node.id])))
    return table(rows)


def blocks():
    """All blocks by name."""
    blur = binomial()
    loaded = halide_io.load(blur)
    design = fluorite.compile(blur)
    (accelerator,) = design.accelerators
    g = accelerator.generated
    two = fluorite.compile(pyramid()).accelerators[0].generated
    made = {
        "source": source_block(binomial),
        "bytes": bytes_block(blur),
        "ir": ir_block(loaded.pipeline),
        "region": region_block(g.region),
        "operations": operations_block(),
        "linked": linked_block(g.region),
        "graph": graph_block(g),
        "storage": storage_block(g),
        "settings": settings_block(g),
        "datapath": module_body(accelerator.verilog, "blur_core__datapath"),
        "memory": module_body(accelerator.verilog, "blur_core__datapath__linebuffer_photo"),
        "scan": module_body(accelerator.verilog, "blur_core__control_blur"),
        "run": run_block(accelerator),
        "lanes": lanes_block(),
        "peaks": peaks_block(),
        "pyramid-source": source_block(pyramid),
        "pyramid-rates": pyramid_rates_block(two),
        "pyramid-graph": show_schedule(two),
        "pyramid-grids": pyramid_grids_block(two),
        "pyramid-storage": show_storage(two),
    }
    return {name: "\n".join(line.rstrip() for line in lines) + "\n" for name, lines in made.items()}


def rendered(document, made):
    """The document with the blocks as they are now."""
    names = [match["name"] for match in MARKER.finditer(document)]
    if sorted(names) != sorted(made):
        raise SystemExit(f"the document's blocks are {sorted(names)}, not {sorted(made)}")
    return MARKER.sub(lambda match: match[1] + made[match["name"]] + match[5], document)


def main():
    """Print, update or check."""
    made = blocks()
    if "--update" in sys.argv:
        DOCUMENT.write_text(rendered(DOCUMENT.read_text(), made))
    elif "--check" in sys.argv:
        said = DOCUMENT.read_text()
        now = rendered(said, made)
        sys.stdout.writelines(
            difflib.unified_diff(said.splitlines(True), now.splitlines(True), DOCUMENT.name, "worked_example.py")
        )
        sys.exit(said != now)
    else:
        for name, text in made.items():
            print(f"--- {name}\n{text}")


if __name__ == "__main__":
    main()
