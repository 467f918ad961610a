"""Designs at several rates that others have published figures of, as they describe them."""

import halide as hl

__all__ = ["gaussian_pyramid", "max_pool_layer", "midpoints"]

GUARD = hl.TailStrategy.GuardWithIf


def gaussian_pyramid(width, height, lanes, levels=4):
    """Clockwork's: per level a 3x3 blur and every other pixel of it, 16 bits; the coarsest level is the output.

    Parameters
    ----------
    width, height : int
        Of the frame that is read.
    lanes : int
        Pixels read a cycle: a multiple of ``2 << levels``, or 1.
    """
    x, y = hl.vars("x y")
    image = hl.ImageParam(hl.UInt(16), 2, "image")
    level = image
    for number in range(1, levels + 1):
        blurs = [hl.Func(f"{name}{number}") for name in ("rows", "blur")]
        blurs[0][x, y] = hl.u32(level[x, y]) + 2 * hl.u32(level[x, y + 1]) + level[x, y + 2]
        blurs[1][x, y] = hl.u16((blurs[0][x, y] + 2 * blurs[0][x + 1, y] + blurs[0][x + 2, y] + 8) >> 4)
        halved = hl.Func(f"level{number}")
        halved[x, y] = blurs[1][2 * x, 2 * y]
        for stage in (blurs[1], halved):
            stage.compute_root().linebuffer()
        level = halved
    lost = sum(2 << n for n in range(levels))  # pixels that the blurs need beyond what they give
    level.compute_root().bound(x, 0, (width - lost) >> levels).bound(y, 0, (height - lost) >> levels)
    level.unroll(x, max(lanes >> levels, 1), GUARD)
    level.accelerate([image], x, hl.Var.outermost())
    return level


def max_pool_layer(width, height, channels, lanes):
    """Clockwork's: the greatest of 2x2 values of 16 bits, two apart, in as many planes as there are channels."""
    x, y, c = hl.vars("x y c")
    image = hl.ImageParam(hl.UInt(16), 3, "image")
    rows, pooled = hl.Func("rows"), hl.Func("pooled")
    rows[x, y, c] = hl.max(image[2 * x, y, c], image[2 * x + 1, y, c])
    pooled[x, y, c] = hl.max(rows[x, 2 * y, c], rows[x, 2 * y + 1, c])
    rows.compute_root().linebuffer()
    pooled.compute_root().bound(x, 0, width // 2).bound(y, 0, height // 2).bound(c, 0, channels)
    pooled.unroll(x, max(lanes // 2, 1), GUARD).accelerate([image], x, hl.Var.outermost())
    return pooled


def midpoints(width, height):
    """Twice the size, with pixels of the photograph at even positions and means of their neighbours at odd ones."""
    x, y = hl.vars("x y")
    image = hl.ImageParam(hl.UInt(8), 2, "image")
    columns, doubled = hl.Func("columns"), hl.Func("doubled")
    columns[x, y] = hl.u16(image[x, y / 2]) + image[x, (y + 1) / 2]
    doubled[x, y] = hl.u8((columns[x / 2, y] + columns[(x + 1) / 2, y] + 2) >> 2)
    columns.compute_root().linebuffer()
    doubled.compute_root().bound(x, 0, width).bound(y, 0, height).accelerate([image], x, hl.Var.outermost())
    return doubled
