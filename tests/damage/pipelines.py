"""The pipelines that damaged files and command lines are tried on: one accelerator each, small and quick."""

import textwrap

__all__ = ["TYPES", "write_pipelines"]

TYPES = {"grey": ("UInt(8)", 2), "rgb": ("UInt(8)", 3), "wide": ("UInt(16)", 2), "signed": ("Int(16)", 2),
         "real": ("Float(32)", 2), "bit": ("Bool()", 2), "line": ("UInt(8)", 1), "deep": ("UInt(8)", 4)}  # fmt: skip

_TEXT = """
    import halide as hl

    import fluorite


    @hl.generator(name="{name}")
    class Pipeline:
        lanes = hl.GeneratorParam(1)
        width = hl.GeneratorParam(64)
        flag = hl.GeneratorParam(False)
        gain = hl.GeneratorParam(1.0)
        input = hl.InputBuffer(hl.{type}, {dimensions})
        output = hl.OutputBuffer(hl.UInt(8), {dimensions})

        def generate(self):
            variables = hl.vars("x y c t")[:{dimensions}]
            source = hl.Func("source")
            source[tuple(variables)] = hl.u8({value})
            result = hl.Func("result")
            result[tuple(variables)] = hl.u8(255) - source[tuple(variables)]
            self.output[tuple(variables)] = result[tuple(variables)]
            x = variables[0]
            for number, variable in enumerate(variables):
                result.set_estimate(variable, 0, self.width if number == 0 else 64 if number == 1 else 3)
            source.compute_root()
            result.compute_root().accelerate([source], x, hl.Var.outermost())
"""


def write_pipelines(folder):
    """Write them; returns their paths by name."""
    paths = {}
    for name, (type_name, dimensions) in TYPES.items():
        value = "self.input[tuple(variables)]"
        if type_name == "Float(32)":
            value = f"hl.clamp({value}, 0, 1) * 255"
        paths[name] = folder / f"{name}.py"
        text = _TEXT.format(name=name, type=type_name, dimensions=dimensions, value=value)
        paths[name].write_text(textwrap.dedent(text), encoding="utf-8")
    return paths
