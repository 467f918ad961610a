"""What is refused of the arguments of compile() and Design.write()."""

import halide as hl
import pytest

import fluorite
from fluorite.errors import UsageError
from tests.errors.refusals import accelerated, copied, image, plain, x, y


def test_board_that_is_not_known():
    with pytest.raises(UsageError, match=r"^no board is named 'zx81'; there are .*pynq-z2.*, or give the path of a "):
        fluorite.compile(copied(plain(image())), board="zx81")


def test_axi_shell_on_a_board_without_a_processor():
    message = "shell must be 'axis' on ulx3s-85f, which has no memory that an accelerator could reach"
    with pytest.raises(UsageError, match=f"^{message}$"):
        fluorite.compile(copied(plain(image())), board="ulx3s-85f", shell="axi")


def test_shell_that_is_not_known():
    with pytest.raises(UsageError, match=r"^kind of a shell must be 'axi' or 'axis', not 'pci'$"):
        fluorite.compile(copied(plain(image())), shell="pci")


def test_software_of_a_stream_shell(tmp_path):
    source = image()
    design = fluorite.compile(accelerated(source[x, y], [source]), name="plain", shell="axis")
    message = "plain: targets: a stream shell has no software: leave them out, or take shell axi"
    with pytest.raises(UsageError, match=f"^{message}$"):
        design.write(tmp_path / "out", ["host"])
    assert not list(tmp_path.iterdir())


def test_target_that_is_not_known_leaves_nothing(tmp_path):
    source = image()
    design = fluorite.compile(accelerated(source[x, y], [source]))
    with pytest.raises(UsageError, match=r"^Halide has no target 'z80': "):
        design.write(tmp_path / "out", ["z80"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", [None, 3, "blur", hl.Var("x")])
def test_what_is_not_a_pipeline(wrong):
    with pytest.raises(UsageError, match=r"^a pipeline must be a halide\.Func or a halide\.Pipeline, not "):
        fluorite.compile(wrong)


def test_func_that_is_not_defined():
    with pytest.raises(UsageError, match=r"^the Func nothing(\$\d+)? is not defined$"):
        fluorite.compile(hl.Func("nothing"))
