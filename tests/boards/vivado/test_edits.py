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


def test_wrapper_is_made_again_unless_somebody_edited_it(made, vivado):
    """Pins that are new in the block design reach the top; a top of one's own stays."""
    (wrapper,) = (made / "project").rglob("system_wrapper.v")
    made_anew = wrapper.read_text()
    (made / "build.tcl").write_text((made / "build.tcl").read_text().replace(" -import -force", " -import"))
    assert vivado(made, "build").error == (f"make_wrapper: {wrapper} is there already, and -force is not given\n")
    wrapper.write_text(made_anew + "// with pins of my own")
    assert vivado(made, "build").code == 0
    assert wrapper.read_text().endswith("my own")


def test_what_the_runs_write_is_no_edit(made, vivado):
    text = (made / "build.tcl").read_text()
    late = (
        "    set late [open [file join $here project vivado_two.srcs late.xdc] w]\n    close $late\n    export $here\n"
    )
    (made / "build.tcl").write_text(text.replace("    export $here\n", late))
    assert vivado(made).code == 0
    assert vivado(made).code == 0
    # Of a build of edits, it is: they stay edits.
    source(made, "mine.v").write_text("edited")
    assert vivado(made, "build").code == 0
    assert "has been edited since it was made (mine.v)" in vivado(made).error


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
