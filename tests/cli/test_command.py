"""The command line: what it prints and writes, its exit codes, and one line for every error."""

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

import fluorite
from fluorite.cli import main
from fluorite.errors import SimulationError
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.run.images import load_image

HARRIS = str(Path(__file__).parents[2] / "apps" / "harris.py")
SMALL = ["-p", "tile=32"]


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(data.camera()[100:147, 200:261]).save(path)
    return str(path)


@pytest.fixture
def run(capsys):
    """Run the command; the exit code, standard output and standard error."""

    def run(*arguments):
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as stop:  # argparse
            code = stop.code
        output, errors = capsys.readouterr()
        assert "Traceback" not in errors
        return code, output, errors

    return run


def one_line(errors, message):
    assert errors == f"fluorite: error: {message}\n"


def test_compile_writes_a_folder(run, tmp_path):
    code, output, _ = run("compile", HARRIS, *SMALL, "-o", tmp_path / "out")
    assert code == 0
    written = re.findall(r"^wrote (.+)$", output, re.MULTILINE)
    assert any(path.endswith(".v") for path in written)
    for path in written:
        assert Path(path).is_file()
        assert Path(path).is_relative_to(tmp_path / "out")


def test_compile_json(run, tmp_path):
    code, output, _ = run("compile", HARRIS, *SMALL, "-o", tmp_path / "out", "--json")
    result = json.loads(output)
    assert code == 0
    assert result["name"] == "harris"
    assert result["params"]["tile"] == 32
    assert all(Path(path).is_file() for path in result["files"])
    assert result["report"]["accelerators"][0]["name"] == "corners"


def test_compile_for_a_board(run, tmp_path):
    code, output, _ = run("compile", HARRIS, *SMALL, "--board", "pynq-z2", "-o", tmp_path / "out")
    assert code == 0
    assert "software/arm-32-linux/harris_pipeline.a" in output
    code, output, _ = run("compile", HARRIS, *SMALL, "--board", "ulx3s-85f", "-o", tmp_path / "stream")
    assert code == 0
    assert [path.name for path in (tmp_path / "stream").glob("*_axis.v")]
    assert not (tmp_path / "stream" / "software").exists()


def test_compile_for_a_board_writes_what_its_tools_take(run, tmp_path):
    code, output, _ = run("compile", HARRIS, *SMALL, "--board", "pynq-z2", "-o", tmp_path / "out")
    assert code == 0
    for name in ("vivado/build.tcl", "linux/harris.dtso", "linux/driver/Kbuild", "README.md"):
        assert (tmp_path / "out" / name).is_file(), name
        assert f"/{name}" in output


def test_report_for_a_board(run):
    code, text, _ = run("report", HARRIS, *SMALL, "--board", "zedboard")
    assert code == 0
    assert re.search(r"^ +block RAM +[\d.]+ of 140, +[\d.]+ % ", text, re.MULTILINE)
    assert re.search(r"^ +clock +125.0 MHz ", text, re.MULTILINE)
    code, output, _ = run("report", HARRIS, *SMALL, "--board", "zedboard", "--json")
    (capacity,) = json.loads(output)["report"]["capacities"]
    assert 0 < capacity["share"]["lut"] < 1
    assert capacity["frames_per_second"] > 0
    assert capacity["margins"]["lut"]["designs"] > 0


def test_design_that_does_not_fit(run):
    wide = ["-p", "tile=0", "-p", "max_width=65000"]
    code, _, errors = run("compile", HARRIS, *wide, "--board", "pynq-z2", "-o", "nowhere")
    assert code == 3
    assert re.fullmatch(
        r"fluorite: error: corners: \d+ line buffers of [\d.]+ Mbit and the buffers of its shell: need [\d.]+ "
        r"block RAMs, pynq-z2 has 140; make rows or tiles narrower, or take fewer lanes\n",
        errors,
    )
    assert not Path("nowhere").exists()


def test_boards(run):
    code, output, _ = run("boards")
    assert code == 0
    assert re.search(r"^pynq-z2 +xc7z020clg400-1 ", output, re.MULTILINE)
    code, output, _ = run("boards", "zcu104", "--json")
    assert code == 0
    assert [board["part"] for board in json.loads(output)["boards"]] == ["xczu7ev-ffvc1156-2-e"]
    code, _, errors = run("boards", "zx81")
    assert code == 2
    assert errors.startswith("fluorite: error: no board is named 'zx81'; there are ")


def test_bitstream_that_is_not_there(run, tmp_path):
    code, _, errors = run("bitstream", tmp_path / "x.bit", "--board", "pynq-z2", "-o", tmp_path / "x.bin")
    assert code == 2
    one_line(errors, f"{tmp_path / 'x.bit'}: no such file")
    assert not list(tmp_path.iterdir())


def test_build_without_a_board(run, tmp_path):
    code, _, errors = run("build", HARRIS, "-o", tmp_path / "out")
    assert code == 2
    one_line(errors, "build needs a board: --board ulx3s-85f")


def test_compile_for_several_targets(run, tmp_path):
    targets = ["--target", "host", "--target", "arm-64-linux"]
    code, _, _ = run("compile", HARRIS, *SMALL, *targets, "-o", tmp_path / "out")
    assert code == 0
    for target in ("host", "arm-64-linux"):
        assert (tmp_path / "out" / "software" / target / "harris_pipeline.a").is_file()


def test_reader_of_the_output_that_stops():
    command = [sys.executable, "-m", "fluorite.cli", "report", HARRIS, *SMALL]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_report(run):
    code, text, _ = run("report", HARRIS, *SMALL)
    assert code == 0
    assert text
    code, output, _ = run("report", HARRIS, *SMALL, "--json")
    (accelerator,) = json.loads(output)["report"]["accelerators"]
    assert code == 0
    assert accelerator["line_buffer_bits"] > 0
    assert accelerator["line_buffer_bits_lower_bound"] > 0


def test_run_writes_what_halide_computes(run, photo, tmp_path):
    out = tmp_path / "corners.png"
    code, output, errors = run("run", HARRIS, *SMALL, "-p", "threshold=20000", "-i", photo, "-o", out)
    assert (code, errors) == (0, "")
    assert f"wrote {out}" in output
    assert "cycles a pixel" in output
    loaded = load_pipeline(HARRIS, {"tile": "32", "threshold": "20000"})
    loaded.set_image("input", load_image(photo, "uint8", 2))
    expected = np.array(loaded.pipeline.realize([61, 47]))
    assert expected.any()
    np.testing.assert_array_equal(np.asarray(Image.open(out)), expected)


def test_run_json(run, photo, tmp_path):
    out = tmp_path / "corners.png"
    code, output, errors = run(
        "run", HARRIS, *SMALL, "-i", f"input={photo}", "-o", f"output={out}", "--size", "40x30", "--json"
    )
    result = json.loads(output)
    assert (code, errors) == (0, "")
    assert result["sizes"] == [40, 30]
    assert result["outputs"] == [str(out)]
    (accelerator,) = result["accelerators"]
    assert accelerator["output_pixels"] == 40 * 30
    assert accelerator["cycles_per_pixel"] == accelerator["cycles"] / (40 * 30)
    assert np.asarray(Image.open(out)).shape == (30, 40)


def test_verify_random_images(run):
    code, output, _ = run("verify", HARRIS, *SMALL, "--sizes", "33x35,5x4", "--seed", "7", "--stalls", "0.4")
    assert code == 0
    cores = re.findall(
        r"^  stalling (.+): exact, (\d+) cycles, the handshakes of (?:all|20000 of them) as scheduled$", output, re.M
    )
    assert [re.sub(r"\b\d{3,}\b", "N", pattern) for pattern, _ in cores] == [
        "nothing",
        "nothing, a reset in the middle of another before each",
        "0.4 of the cycles on every port",
        "0.4 of the cycles in bursts of 7 on every port",
        *(f"0.5 of the cycles in bursts of 7 on {port} alone" for port in ("padded", "corners")),
        "0.8 of the cycles on every output, and every launch for N on average",
        "0.8 of the cycles in bursts of N on every output, and 0.75 of the launches as long",
        *["0.75 of the launches for N cycles on average"] * 3,
    ]
    lines = [line for line in output.splitlines() if not line.startswith(" ")]
    assert lines == [
        "harris 33x35, random (seed 7), no stalls: exact",
        "harris 33x35, random (seed 7), stalls 0.4 (seed 7): exact",
        "harris 5x4, random (seed 7), no stalls: exact",
        "harris 5x4, random (seed 7), stalls 0.4 (seed 7): exact",
        "harris, corners alone: 38 launches back to back of 1x3, 5x4, 32x3, 1x32, 32x32",
        "harris: the same as Halide, bit for bit (4 runs; 11 runs of corners alone)",
    ]


def test_verify_photograph_json(run, photo):
    code, output, _ = run("verify", HARRIS, *SMALL, "-i", photo, "--stalls", "0", "--json")
    result = json.loads(output)
    assert code == 0
    assert result["exact"] is True
    (case,) = result["cases"]
    assert case["sizes"] == [61, 47]
    assert case["inputs"] == [photo]
    assert case["mismatches"] == []
    (core,) = result["cores"]
    assert (core["name"], core["exact"]) == ("corners", True)
    assert [(ran["stalling"], ran["different_launches"]) for ran in core["runs"]] == [
        ("nothing", []),
        ("nothing, a reset in the middle of another before each", []),
    ]
    assert all(ran["cycles"] == ran["cycles_with_handshakes_checked"] > 0 for ran in core["runs"])


def test_verify_tells_a_mismatch(run, monkeypatch):
    realize = fluorite.Design.realize

    def wrong(self, sizes, **keywords):
        output = realize(self, sizes, **keywords)
        array = np.array(output, copy=False)
        array[3, 2] = 7
        return output

    monkeypatch.setattr(fluorite.Design, "realize", wrong)
    code, output, _ = run("verify", HARRIS, *SMALL, "--sizes", "33x35", "--stalls", "0")
    assert code == 1
    assert "harris 33x35, random (seed 0), no stalls: DIFFERENT\n" in output
    assert re.search(
        r"^  output: 1 of 1155 values differ, the first at \(2, 3\): Halide (0|255), hardware 7$", output, re.M
    )
    code, output, _ = run("verify", HARRIS, *SMALL, "--sizes", "33x35", "--stalls", "0", "--json")
    result = json.loads(output)
    assert (code, result["exact"]) == (1, False)
    assert result["cases"][0]["mismatches"][0]["position"] == [2, 3]


def test_compile_error_is_exit_code_3(run, tmp_path):
    path = tmp_path / "unsupported.py"
    path.write_text(
        textwrap.dedent("""
        import halide as hl

        @hl.generator("unsupported")
        class Unsupported:
            input = hl.InputBuffer(hl.UInt(8), 2)
            output = hl.OutputBuffer(hl.UInt(8), 2)

            def generate(self):
                x, y = hl.vars("x y")
                self.output[x, y] = self.input[x, y]
        """)
    )
    code, output, errors = run("report", path)
    assert (code, output) == (3, "")
    assert re.fullmatch(r"fluorite: error: [^\n]+\n", errors)
    code, output, _ = run("report", path, "--json")
    error = json.loads(output)["error"]
    assert code == 3
    assert error["message"] == f"{error['func']}: {error['construct']}: {error['rule']}; {error['way_out']}"


def test_simulation_error_is_exit_code_4(run, photo, tmp_path, monkeypatch):
    def fail(self, sizes, **keywords):
        raise SimulationError("no transfer for 10000 cycles")

    monkeypatch.setattr(fluorite.Design, "realize", fail)
    code, output, errors = run("run", HARRIS, *SMALL, "-i", photo, "-o", tmp_path / "out.png", "--json")
    assert code == 4
    one_line(errors, "no transfer for 10000 cycles")
    assert json.loads(output) == {"error": {"kind": "SimulationError", "message": "no transfer for 10000 cycles"}}


def test_a_bug_is_not_taken_for_a_mismatch(photo, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fluorite.Design, "realize", lambda self, sizes, **keywords: 1 / 0)
    assert main(["run", HARRIS, *SMALL, "-i", photo, "-o", str(tmp_path / "out.png")]) == 70
    errors = capsys.readouterr().err
    assert errors.startswith("Traceback")
    assert errors.endswith("error: a bug in fluorite, please report it: ZeroDivisionError('division by zero')\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "none.py"], "none.py: no such file"),
        (["report", HARRIS, "-p", "tile"], "-p takes NAME=VALUE, not 'tile'"),
        (["report", HARRIS, "-p", "tile=1", "-p", "tile=2"], "-p gives tile twice"),
        (["report", HARRIS, "-p", "tile=x"], f"{HARRIS}: harris's GeneratorParam tile must be an integer, not 'x'"),
        (
            ["report", HARRIS, "-p", "size=1"],
            f"{HARRIS}: harris has no GeneratorParam 'size'; it has: threshold, tile, lanes, max_width, max_height",
        ),
        (["verify", HARRIS, "--sizes", "3by4"], "a size is WxH in pixels, such as 640x480, not '3by4'"),
        (["verify", HARRIS, "--sizes", "0x4"], "a size is WxH in pixels, such as 640x480, not '0x4'"),
        (["verify", HARRIS, "--sizes", "3"], "harris's output has 2 dimensions, the size 3 has 1"),
        (["verify", HARRIS, "--stalls", "1"], "--stalls must be in 0 <= P < 1, not 1.0"),
        (["verify", HARRIS, "--set", "gain=1"], "harris has no input 'gain'; its inputs are: input"),
        (["verify", HARRIS, "-i", "PHOTO", "--sizes", "62x47"], "the photograph is 61x47, too small for 62x47"),
        (["run", HARRIS, "-i", "none.png", "-o", "out.png"], "none.png: no such file"),
        (["run", HARRIS, "-i", "PHOTO", "-i", "PHOTO", "-o", "x.png"], "PHOTO: harris takes 1 images and not 2"),
        (
            ["run", HARRIS, "-i", "PHOTO", "-o", "x.png", "-o", "y.png"],
            "y.png: harris has 1 outputs (output) and not 2",
        ),
        (
            ["run", HARRIS, "-i", "PHOTO", "-o", "missing/out.png"],
            "missing/out.png: there is no folder missing",
        ),
    ],
)
def test_usage_errors_are_exit_code_2(run, photo, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    arguments = [photo if a == "PHOTO" else a for a in arguments]
    if "-p" not in arguments:
        arguments += SMALL
    code, output, errors = run(*arguments)
    assert (code, output) == (2, "")
    one_line(errors, message.replace("PHOTO", photo))


@pytest.mark.parametrize(
    "arguments", [[], ["compil", HARRIS], ["run", HARRIS], ["compile"], ["verify", HARRIS, "--seed", "x"]]
)
def test_bad_command_lines_are_exit_code_2(run, arguments):
    code, output, errors = run(*arguments)
    assert (code, output) == (2, "")
    assert errors.startswith("usage: fluorite")


def test_help_tells_the_exit_codes():
    result = subprocess.run(
        [sys.executable, "-m", "fluorite.cli", "verify", "--help"], capture_output=True, text=True, check=True
    )
    assert "exit codes: 0 done; 1 the hardware differs from Halide;" in result.stdout
