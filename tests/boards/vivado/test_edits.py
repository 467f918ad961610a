"""A project that somebody has edited: `make` does not destroy it, and builds it where asked to."""

import pytest


@pytest.fixture
def made(copy, vivado):
    folder = copy("pynq-z2")
    assert vivado(folder, "project").code == 0
    return folder


def source(folder, name="system.bd"):
    return folder / "project" / "vivado_two.srcs" / "sources_1" / "bd" / "system" / name


def test_project_as_it_was_made_is_made_again(made, vivado):
    (source(made).parent / "ui").mkdir()
    source(made, "ui/bd_system.ui").write_text("where the boxes are")
    assert vivado(made).code == 0
    assert vivado(made).code == 0


@pytest.mark.parametrize("name", ["system.bd", "mine.v", "pins.xdc"])
def test_edited_project_is_kept(made, vivado, name):
    with source(made, name).open("a") as file:
        file.write("edited")
    for arguments in ((), ("project",)):
        result = vivado(made, *arguments)
        assert (result.code, result.error) == (
            1,
            f"fluorite: {made}/project has been edited since it was made ({name}): `make build` builds it as it is, "
            "`make clean` throws it away\n",
        )
        assert source(made, name).read_text().endswith("edited")


def test_removed_source_is_an_edit(made, vivado):
    source(made).unlink()
    assert "has been edited since it was made (system.bd)" in vivado(made).error


def test_build_of_an_edited_project(made, vivado):
    with source(made).open("a") as file:
        file.write("edited")
    for _ in range(2):  # a run that has ended is reset
        result = vivado(made, "build")
        assert result.code == 0, result.error
        assert source(made).read_text().endswith("edited")
        assert (made / "output" / "vivado_two.bit").exists()


def test_build_without_a_project(copy, vivado):
    folder = copy("pynq-z2")
    path = folder / "project" / "vivado_two.xpr"
    assert vivado(folder, "build").error == f"open_project: there is no file {path}\n"


def test_reset_left_out(made, vivado):
    text = (made / "build.tcl").read_text()
    (made / "build.tcl").write_text(text.replace("    reset_runs synth_1\n", ""))
    assert vivado(made, "build").code == 0
    assert vivado(made, "build").error == (
        "launch_runs: synth_1 has ended, and has to be reset before it is launched\n"
    )
