"""The tables of a plan: constant Buffers, and Funcs without inputs."""

import halide as hl
import numpy as np

from tests.random_expressions import limits


def build_table(table, number, halide_type, keep):
    """A Buffer or Func that holds a table's values wherever the plan reads it."""
    type_ = halide_type(table.type)
    if table.form == "buffer":
        random = np.random.default_rng(table.seed)
        low, high = limits(table.type)
        values = random.integers(low, high, table.extents[::-1], np.int64, endpoint=True).astype(np.dtype(table.type))
        buffer = hl.Buffer(values, f"table{number}")
        buffer.set_min(list(table.mins))
        keep.append((values, buffer))
        return buffer
    func, (i, j) = hl.Func(f"table{number}"), hl.vars("i j")
    variables = (i, j)[: len(table.extents)]
    second = j if len(variables) > 1 else hl.i32(2)
    if table.form == "integers":
        value = i * 37 + second * 11 + ((i * i) ^ table.seed)
    else:  # what rounds the same with or without a fused multiply-add
        value = hl.i32(hl.sqrt(hl.f32(i * i + second * second * 3 + table.seed)) * 1.75)
    func[variables] = (
        (hl.cast(type_, value), hl.cast(type_, value * 5)) if table.form == "tuple" else hl.cast(type_, value)
    )
    if table.form == "update":
        r = hl.RDom([(1, 3)], f"t{number}")
        func[variables] += hl.cast(type_, i * r.x)
        if table.seed % 2:  # and one element, or row, by itself
            func[(hl.i32(table.mins[0]), *variables[1:])] = hl.cast(type_, 77)
    elif table.form == "scatter":  # over all of the table, whatever part of it is read
        r = hl.RDom([(table.mins[0] + 1, table.extents[0])], f"t{number}")
        func[r.x] = hl.cast(type_, hl.u32(func[r.x - 1]) * 3 + hl.u32(r.x))
    if table.stored:
        func.compute_root()
    return func
