"""Writes registers.md: the register map of a small accelerator, as `design.write()` gives it with every design.

`docs/registers.py --update` writes the page, `--check` fails where it is not what would be written.
"""

import re
import sys
from pathlib import Path

import halide as hl

import fluorite
from fluorite.glue.registers.markdown import markdown
from fluorite.hwgen.shell.registers import register_map

PAGE = Path(__file__).with_suffix(".md")


def page() -> str:
    """The page."""
    x, y = hl.vars("x y")
    source, blur, output = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("blur"), hl.Func("output")
    blur[x, y] = hl.u8((hl.u16(source[x, y]) + source[x + 1, y] + source[x, y + 1] + source[x + 1, y + 1]) / 4)
    output[x, y] = blur[x, y]
    blur.compute_root().set_estimate(x, 0, 1920).set_estimate(y, 0, 1080)
    blur.accelerate([source], x, hl.Var.outermost())
    text = markdown(register_map(fluorite.compile(output).accelerators[0].generated))
    # The hash is of everything, and would make this page out of date with every change of the hardware.
    return re.sub(r"(`design_hash`.*?) Always `\w+`\.", r"\1", text)


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        PAGE.write_text(page())
    elif PAGE.read_text() != page():
        sys.exit("docs/registers.md is out of date: run docs/registers.py --update")
