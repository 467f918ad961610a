"""Constant buffers of the serialized pipeline, made planar.

Halide 21 writes a constant ``hl.Buffer`` as the bytes of a compact copy, beside the strides of the
original. The copy keeps the original's order of dimensions in memory (more or less: see
:func:`_stored_order`), but the reader lays the bytes out as if they were planar. An interleaved or
transposed Buffer thus comes back scrambled, without an error. Here every Buffer is rewritten as planar, so
that what fluorite compiles and what Halide gets back are both what the user wrote.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fluorite.frontend.tables.table import Table

__all__ = ["planar"]


def planar(root: Table) -> Table:
    """Rewrite the constant buffers of a pipeline with dimension 0 innermost and no gaps.

    Parameters
    ----------
    root : Table
        The ``Pipeline`` as Halide serialized it.
    """
    return root.replace(buffers=tuple(_planar(buffer) if buffer.defined else buffer for buffer in root.buffers))


def _planar(buffer: Table) -> Table:
    extents = [dim.extent for dim in buffer.dims]
    order = _stored_order([dim.stride for dim in buffer.dims])
    item_bytes = (buffer.type.bits + 7) // 8 * buffer.type.lanes
    # numpy's last axis is the innermost one, so both orders are turned around.
    stored = np.frombuffer(buffer.data, dtype=np.dtype((np.void, item_bytes)))
    array = stored.reshape([extents[d] for d in reversed(order)])
    axis_of = {d: len(order) - 1 - position for position, d in enumerate(order)}
    dense = np.ascontiguousarray(array.transpose([axis_of[d] for d in reversed(range(len(extents)))]))
    dims, stride = [], 1
    for dim in buffer.dims:
        dims.append(dim.replace(stride=stride))
        stride *= dim.extent
    return buffer.replace(dims=tuple(dims), data=dense.tobytes())


def _stored_order(strides: Sequence[int]) -> list[int]:
    """Dimensions of the compact copy that Halide stores, innermost first.

    Meant to be by stride. What ``Buffer::make_with_shape_of`` does is one bubble pass per dimension over an
    ever shorter prefix, which does not always sort; it is repeated here exchange by exchange.
    """
    order = list(range(len(strides)))
    for last in range(len(order) - 1, 0, -1):
        for j in range(last, 0, -1):
            if strides[order[j - 1]] > strides[order[j]]:
                order[j - 1], order[j] = order[j], order[j - 1]
    return order
