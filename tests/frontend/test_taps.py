"""Taps that need no coefficient memory: what is constant, and scalar Params."""

import halide as hl

x, y, k = hl.vars("x y k")


def filtered(source, weights, taps):
    hw, output = hl.Func("hw"), hl.Func("output")
    hw[x, y] = source[x, y] * weights[0] + source[x + 1, y] * weights[1]
    hw.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64)
    hw.accelerate([source], x, hl.Var.outermost(), taps=taps)
    output[x, y] = hw[x, y]
    return output


def test_func_of_constants(image, exact):
    kernel = hl.Func("kernel")
    kernel[k] = hl.u8(3 - 2 * k)
    exact(filtered(image(), kernel, [kernel.compute_root()]), (23, 9))


def test_func_of_a_buffer(image, exact):
    kernel, numbers = hl.Func("kernel"), hl.Buffer(hl.UInt(8), [2])
    numbers[0], numbers[1] = 5, 250
    kernel[k] = numbers[k]
    exact(filtered(image(), kernel, [kernel]), (23, 9))


def test_table(image, exact):
    source, table, hw, output = image(), hl.Func("table"), hl.Func("hw"), hl.Func("output")
    table[k] = hl.u8(hl.sqrt(hl.f32(k)) * 15)
    hw[x, y] = table[hl.i32(source[x, y])]
    hw.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64)
    hw.accelerate([source], x, hl.Var.outermost(), taps=[table.compute_root()])
    output[x, y] = hw[x, y]
    exact(output, (23, 9))


def test_params_and_a_func_of_them(image, exact):
    gain, kernel = hl.Param(hl.UInt(8), "gain", 7), hl.Func("kernel")
    kernel[k] = gain + hl.u8(k)
    exact(filtered(image(), kernel, [gain, kernel]), (23, 9))
