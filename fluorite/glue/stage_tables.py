"""An extern stage's tables in C: what ``fluorite_stage.c`` has to know of loops, buffers and borders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fluorite.frontend.region.identifiers import shown
from fluorite.glue.c_code import c_formula, c_function
from fluorite.hwgen.formula import Formula
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.lowering.borders import Border
from fluorite.hwgen.lowering.placed import PlacedImage
from fluorite.hwgen.plan.stream_plan import StreamPlan, used_by

__all__ = ["asks_lines", "border_lines", "local_lines", "needs_lines", "stage_lines"]


def local_lines(generated: Generated, formulas: Sequence[Formula]) -> list[str]:
    """Those variables of a function with the parameter ``v`` that are in formulas, as C variables.

    Parameters
    ----------
    generated : Generated
        The hardware: its variables are in the order of the stage's table of variables.
    formulas : sequence of Formula
        What the function works out.
    """
    return _lines_of_locals(generated.variables, generated.lowered.derived, formulas)


def _lines_of_locals(
    variables: Sequence[str], derived: Mapping[str, Formula], formulas: Sequence[Formula]
) -> list[str]:
    """The same, given the variables of the table, and those that follow from them."""
    used = used_by(formulas, derived)
    lines = [f"    const int64_t {name} = v[{k}];" for k, name in enumerate(variables) if name in used]
    names = {name: name for name in (*variables, *derived)}
    for name, formula in derived.items():
        if name in used:
            lines.append(f"    const int64_t {name} = {c_formula(formula, names)};")
    return lines or ["    (void)v;"]


def needs_lines(generated: Generated) -> Iterator[Sequence[str]]:
    """Functions in C that tell what a region of the output needs of each stream (``fluorite_stage.h``)."""
    names = {name: name for name in (*generated.variables, *generated.lowered.derived)}
    for number, stream in enumerate(generated.streams):
        lines = [
            f"/* First and last coordinate of {stream.port.name}, by dimension, that a region of the output needs. */",
            f"static void needs_{number}(const int64_t *v, int64_t *first, int64_t *last)",
            "{",
            *local_lines(generated, [f for axis in stream.axes for f in (axis.first, axis.last)]),
        ]
        for d, axis in enumerate(stream.axes):
            lines.append(f"    first[{d}] = {c_formula(axis.first, names)};")
            lines.append(f"    last[{d}] = {c_formula(axis.last, names)};")
        if not stream.axes:
            lines += ["    (void)first;", "    (void)last;"]
        yield [*lines, "}"]


def asks_lines(generated: Generated) -> Iterator[Sequence[str]]:
    """Functions in C that tell what of the accelerated Func a region of an output beside it takes."""
    for number, side in enumerate(generated.sides):
        variables = [name for loop in side.loops for name in (loop.min, loop.extent)]
        names = {name: name for name in variables}
        main, title = (shown(name) for name in (generated.region.name, side.name))
        lines = [
            f"/* First and last coordinate of {main}, by dimension, whose launches give a region of {title}. */",
            f"static void asks_{number}(const int64_t *v, int64_t *first, int64_t *last)",
            "{",
            *_lines_of_locals(variables, {}, [f for axis in side.axes for f in (axis.first, axis.last)]),
        ]
        for d, axis in enumerate(side.axes):
            lines.append(f"    first[{d}] = {c_formula(axis.first, names)};")
            lines.append(f"    last[{d}] = {c_formula(axis.last, names)};")
        yield [*lines, "}"]


def border_lines(generated: Generated, scalars: Sequence[str]) -> Iterator[Sequence[str]]:
    """Border conditions as C: index functions, where positions beyond an edge land, and where images lie.

    Parameters
    ----------
    generated : Generated
        The hardware.
    scalars : sequence of str
        Names of the stage's scalars in index functions.
    """
    borders, images = generated.lowered.borders, generated.lowered.images
    for number, border in enumerate((*borders, *(image.border for image in images))):
        yield _border_functions(generated, number, border, scalars)
    for number, image in enumerate(images):
        yield _place_function(generated, number, image)
    heads = "loop, least_extent, fold_count, left_count, right_count, left, right, index, recursion"
    if borders:
        yield [
            "static const struct fluorite_border BORDERS[] = {",
            f"    /* {heads} */",
            *(f"    {_border_entry(n, border)}," for n, border in enumerate(borders)),
            "};",
        ]
    if images:
        yield [
            "static const struct fluorite_placed IMAGES[] = {",
            f"    /* stream, border ({heads}), place */",
            *(
                f'    {{"{generated.region.names[image.stream]}", {_border_entry(len(borders) + n, image.border)}, '
                f"place_{n}}},"
                for n, image in enumerate(images)
            ),
            "};",
        ]


def _what(border: Border) -> str:
    return "recursion" if border.is_recursion else "border condition"


def _border_functions(generated: Generated, number: int, border: Border, scalars: Sequence[str]) -> list[str]:
    """A border condition's index function, and where positions beyond an edge land."""
    region, loops = generated.region, generated.region.loops
    names = {border.position: "position"}
    first = 2 * len(loops)
    names |= {name: f"v[{first + k}]" for k, name in enumerate(scalars)}
    head = f"static int64_t border_{number}(int64_t position, const int64_t *v)"
    lines = c_function(head, border.expr, names)
    if not any("v[" in line for line in lines[2:]):
        lines.insert(2, "    (void)v;")
    return [
        f"/* The {_what(border)} along {region.names[loops[border.dimension].var]}, as Halide computes it. */",
        *lines,
        *_fold_lines(f"BORDER_{number}_LEFT", [fold.left for fold in border.folds]),
        *_fold_lines(f"BORDER_{number}_RIGHT", [fold.right for fold in border.folds]),
    ]


def _place_function(generated: Generated, number: int, image: PlacedImage) -> list[str]:
    """Where an image with a border lies, and where it may."""
    names = {name: name for name in (*generated.variables, *generated.lowered.derived)}
    along = generated.region.names[generated.region.loops[image.dimension].var]
    return [
        f"/* Where the image of {generated.region.names[image.stream]} lies along {along}, and where it may. */",
        f"static void place_{number}(const int64_t *v, int64_t *values)",
        "{",
        *local_lines(generated, image.formulas),
        *(f"    values[{k}] = {c_formula(formula, names)};" for k, formula in enumerate(image.formulas)),
        "}",
    ]


def _border_entry(number: int, b: Border) -> str:
    """A border as a C initializer."""
    return (
        f"{{{b.dimension}, {b.least_extent}, {len(b.folds)}, {len(b.usual.left)}, {len(b.usual.right)}, "
        f"BORDER_{number}_LEFT, BORDER_{number}_RIGHT, border_{number}, {int(b.is_recursion)}}}"
    )


def _fold_lines(name: str, rows: Sequence[Sequence[int]]) -> Iterator[str]:
    """Where positions beyond an edge land, a row for each size of image."""
    yield f"static const int32_t {name}[] = {{ /* pixels inwards from the edge */"
    yield from (f"    {', '.join(str(n) for n in row) or '0'}," for row in rows)
    yield "};"


def stage_lines(generated: Generated, symbol: str, scalar_count: int) -> Iterator[str]:
    """Tables of loops, channels and streams' buffers, and the stage that refers to them (``fluorite_stage.h``)."""
    region = generated.region
    yield "static const struct fluorite_loop LOOPS[] = {"
    yield "    /* name, argument, max_extent, fixed, has_min, min, lanes, step, cut */"
    for loop, step, cut in zip(region.loops, generated.steps, generated.cuts, strict=True):
        has_min = loop.min is not None
        yield (
            f'    {{"{region.names[loop.var]}", {loop.position}, {loop.max_extent}, {int(loop.fixed)}, '
            f"{int(has_min)}, {loop.min or 0}, {loop.lanes}, {step}, {cut}}},"
        )
    yield "};"
    if region.channels:
        yield "static const struct fluorite_channel CHANNELS[] = {"
        yield "    /* name, argument, min, extent */"
        for channel in region.channels:
            yield f'    {{"{region.names[channel.var]}", {channel.position}, {channel.min}, {channel.extent}}},'
        yield "};"
    plans = []
    for number, stream in enumerate(generated.streams):
        yield from _argument_lines(number, stream)
        arguments = f"ARGUMENTS_{number}" if stream.axes else "NULL"
        plans.append(
            f"    {{{len(stream.axes)}, {arguments}, needs_{number}, {stream.port.channels}, {int(stream.in_rows)}}},"
        )
    yield "static const struct fluorite_plan PLANS[] = {"
    yield "    /* dimensions, arguments, needs, channels, in_rows */"
    yield from plans
    yield "};"
    borders, images, sides = generated.lowered.borders, generated.lowered.images, generated.sides
    if sides:
        yield "static const struct fluorite_side SIDES[] = {"
        yield "    /* stream, stream_count, asks */"
        for number, side in enumerate(sides):
            yield f"    {{{generated.streams.index(side.streams[0])}, {len(side.streams)}, asks_{number}}},"
        yield "};"
    counts = (
        len(region.loops), len(region.channels), len(region.func.args), len(generated.inputs),
        len(generated.outputs), len(region.func.types), len(sides), len(borders), len(images), scalar_count,
    )  # fmt: skip
    yield "static const struct fluorite_stage STAGE = {"
    yield f"    &{symbol}_accelerator,"
    yield "    /* numbers of loops, channels, arguments, inputs, outputs, own outputs, others, borders, images,"
    yield "       scalars */"
    yield f"    {', '.join(str(n) for n in counts)},"
    yield f"    LOOPS, {'CHANNELS' if region.channels else 'NULL'}, PLANS, {'SIDES' if sides else 'NULL'},"
    yield f"    {'BORDERS' if borders else 'NULL'}, {'IMAGES' if images else 'NULL'},"
    yield f"    {'SCALARS' if scalar_count else 'NULL'},"
    yield "    settings, transfers,"
    yield "};"


def _argument_lines(number: int, stream: StreamPlan) -> Iterator[str]:
    """The dimensions of a stream's buffer."""
    entries = []
    for axis in stream.axes:
        loop, lanes = (-1, 1) if axis.loop is None else (axis.loop, stream.lanes[axis.loop])
        entries.append(f"{{{loop}, {lanes}}}")
    if not entries:
        return
    yield f"static const struct fluorite_argument ARGUMENTS_{number}[] = {{"
    yield f"    /* of {stream.port.name}: loop or -1, lanes */"
    yield f"    {', '.join(entries)}"
    yield "};"
