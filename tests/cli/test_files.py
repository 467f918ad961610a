"""The command and the files and streams around it: what is written, what is said, and how it ends."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import textwrap

import halide as hl
import numpy as np
import pytest
from PIL import Image

import fluorite
from fluorite import design
from fluorite.cli import commands as cli_commands
from fluorite.cli import main
from fluorite.cli.environment import settle_cache
from fluorite.hwgen.shell import hardware
from fluorite.run.images import load_image, save_image
from tests.damage.pipelines import write_pipelines

GREY = np.arange(20, dtype=np.uint8).reshape(4, 5)
RGB = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory):
    return write_pipelines(tmp_path_factory.mktemp("pipelines"))


@pytest.fixture
def run(capsys):
    """Run the command; the exit code, standard output and standard error."""

    def run(*arguments):
        code = main([str(a) for a in arguments])
        output, errors = capsys.readouterr()
        assert "Traceback" not in errors
        return code, output, errors

    return run


@pytest.fixture
def unsimulated(monkeypatch):
    """Outputs come at once, and where what they go into is refused only then, that is seen."""
    ran = []

    def realize(self, sizes, **_):
        ran.append(sizes)
        return hl.Buffer(np.full(sizes[::-1], 7, np.uint8))

    monkeypatch.setattr(fluorite.Design, "realize", realize)
    return ran


def process(*arguments, environment=None, **options):
    """The command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "fluorite.cli", *map(str, arguments)],
        env={**os.environ, **(environment or {})},
        check=False,
        **options,
    )


def limit_files(size):
    """From here on, no file grows beyond `size` bytes, as on a disk that is full; returns what undoes it."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))

    def undo():
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)

    return undo


def test_what_is_not_the_file_s_own_pixels_is_said(run, pipelines, unsimulated, tmp_path):
    photo = tmp_path / "photo.png"
    Image.fromarray(RGB).save(photo)
    note = f"{photo}: colour made grey (Rec. 601 luma)"
    code, _, errors = run("run", pipelines["grey"], "-i", photo, "-o", tmp_path / "out.png")
    assert (code, errors) == (0, f"fluorite: note: {note}\n")
    code, output, errors = run("run", pipelines["grey"], "-i", photo, "-o", tmp_path / "out.png", "--json")
    assert json.loads(output)["notes"] == [note]
    code, _, errors = run("run", pipelines["rgb"], "-i", photo, "-o", tmp_path / "out.png")
    assert (code, errors) == (0, "")


def test_verify_says_it_once(run, pipelines, unsimulated, tmp_path):
    photo = tmp_path / "photo.png"
    Image.fromarray(RGB).save(photo)
    code, output, errors = run("verify", pipelines["grey"], "-i", photo, "--sizes", "3x2,2x3", "--json")
    assert json.loads(output)["notes"] == [f"{photo}: colour made grey (Rec. 601 luma)"]
    assert errors == f"fluorite: note: {photo}: colour made grey (Rec. 601 luma)\n"
    assert code == 1  # nothing was simulated


def test_a_full_disk_leaves_the_picture_that_was_there(run, pipelines, tmp_path, monkeypatch):
    out, photo = tmp_path / "out.png", tmp_path / "photo.npy"
    save_image(out, GREY)
    np.save(photo, np.zeros((200, 200), np.uint8))
    undo = []

    def realize(self, sizes, **_):
        undo.append(limit_files(4096))
        return hl.Buffer(np.random.default_rng(1).integers(0, 256, sizes[::-1], np.uint8))

    monkeypatch.setattr(fluorite.Design, "realize", realize)
    for name in ("out.png", "new.png"):
        try:
            code, output, errors = run("run", pipelines["grey"], "-i", photo, "-o", tmp_path / name)
        finally:
            undo.pop()()
        assert (code, output) == (2, "")
        assert errors == f"fluorite: error: {tmp_path / name}: cannot be written: File too large\n"
    np.testing.assert_array_equal(load_image(out, "uint8", 2), GREY)
    assert sorted(os.listdir(tmp_path)) == ["out.png", "photo.npy"]


def test_a_full_disk_leaves_the_folder_that_was_there(run, pipelines, tmp_path, monkeypatch):
    undo = []

    def write_testbench(name, accelerators, parameters, folder, shells):
        undo.append(limit_files(4096))
        folder.mkdir()
        (folder / "large").write_bytes(bytes(5000))

    monkeypatch.setattr(design, "write_testbench", write_testbench)
    monkeypatch.setattr(hardware, "shell_verilog", lambda *_: "")  # takes seconds
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "report.txt").write_text("before")
    for name in ("there", "new/folder"):
        try:
            code, output, errors = run("compile", pipelines["grey"], "-o", tmp_path / name)
        finally:
            undo.pop()()
        assert (code, output) == (2, "")
        assert errors == f"fluorite: error: {tmp_path / name}: cannot be written: File too large\n"
    assert os.listdir(tmp_path) == ["there"]
    assert os.listdir(tmp_path / "there") == ["report.txt"]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("out.psd", "an output file ends in .png, .tif, .tiff, .jpg, .jpeg, .bmp, .webp, .pgm, .ppm or .npy"),
        ("out.ppm", "PPM does not hold uint8 with 1 channel exactly; .png, .tif, .tiff, .jpg, .jpeg, .bmp, .pgm do"),
        ("folder.png", "is a folder"),
    ],
)
def test_outputs_are_refused_before_the_simulation(run, pipelines, unsimulated, tmp_path, output, message):
    save_image(tmp_path / "photo.png", GREY)
    (tmp_path / "folder.png").mkdir()
    code, _, errors = run("run", pipelines["grey"], "-i", tmp_path / "photo.png", "-o", tmp_path / output)
    assert (code, errors) == (2, f"fluorite: error: {tmp_path / output}: {message}\n")
    assert unsimulated == []


def test_folders_are_refused_before_anything_is_compiled(run, pipelines, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(cli_commands, "compiled", None)
    code, _, errors = run("compile", pipelines["grey"], "-o", tmp_path / "file")
    assert (code, errors) == (2, f"fluorite: error: {tmp_path / 'file'}: {tmp_path / 'file'} is not a folder\n")


def test_two_outputs_are_two_files(run, tmp_path):
    path = tmp_path / "two.py"
    path.write_text(
        textwrap.dedent("""
        import halide as hl

        import fluorite

        @hl.generator("two")
        class Two:
            input = hl.InputBuffer(hl.UInt(8), 2)
            output = hl.OutputBuffer([hl.UInt(8), hl.UInt(8)], 2)

            def generate(self):
                x, y = hl.vars("x y")
                hw = hl.Func("hw")
                hw[x, y] = hl.u8(255) - self.input[x, y]
                hw.set_estimate(x, 0, 64).set_estimate(y, 0, 64)
                self.output[x, y] = (hw[x, y], hw[x, y] + 1)
                hw.compute_root().accelerate([self.input], x, hl.Var.outermost())
        """)
    )
    save_image(tmp_path / "photo.png", GREY)
    arguments = ["run", path, "-i", tmp_path / "photo.png", "-o", tmp_path / "a.png"]
    code, _, errors = run(*arguments, "-o", f"{tmp_path}/../{tmp_path.name}/a.png")
    message = f"{tmp_path}/../{tmp_path.name}/a.png: output.0 and output.1 cannot be written to one file"
    assert (code, errors) == (2, f"fluorite: error: {message}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "99999999999x4"], "a size is WxH in pixels, such as 640x480, not '99999999999x4'"),
        (
            ["--sizes", "2147483647x2"],
            "grey's output of size 2147483647x2 takes 4294967294 bytes; an image for Halide has at most 2147483647",
        ),
        (["--seed", "-1"], "argument --seed: must be 0 to 9223372036854775807, not -1"),
        (
            ["--seed", "9223372036854775808"],
            "argument --seed: must be 0 to 9223372036854775807, not 9223372036854775808",
        ),
        (["--stalls", "nan"], "--stalls must be in 0 <= P < 1, not nan"),
    ],
)
def test_absurd_numbers(run, pipelines, arguments, message):
    code, output, errors = run("verify", pipelines["grey"], *arguments)
    assert (code, output, errors.splitlines()[-1]) == (2, "", f"fluorite: error: {message}")
    code, output, _ = run("verify", pipelines["grey"], *arguments, "--json")
    assert (code, json.loads(output)) == (2, {"error": {"kind": "UsageError", "message": message}})


def test_sizes_that_the_hardware_is_not_for_are_exit_code_2(run, pipelines, tmp_path):
    path, photo = tmp_path / "bordered.py", tmp_path / "photo.png"
    text = pipelines["grey"].read_text()
    for old, new in (
        (
            "source[tuple(variables)] = ",
            "source[tuple(variables)] = hl.BoundaryConditions.repeat_edge(self.input)[x, y] #",
        ),
        ("source = hl.Func", "x, y = variables; source = hl.Func"),
        ("hl.u8(255) - source[tuple(variables)]", "source[x - 1, y]"),
        ("source.compute_root()", ""),
        ("[source]", "[self.input]"),
    ):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    save_image(photo, np.zeros((4, 70), np.uint8))
    code, output, errors = run("run", path, "-i", photo, "-o", tmp_path / "out.png")
    assert (code, output) == (2, "")
    message = (
        "result: 70 pixels along x are asked for, more than the 64 of a launch, and a border is only where an image "
    )
    assert errors == f"fluorite: error: {message}ends; compile for larger extents\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sys.exit(0)", "{path}:5: leaves Python, by sys.exit(0)"),
        ("sys.exit('done')", "{path}:5: leaves Python, by sys.exit('done')"),
        ("raise BaseException('no')", "{path}:5: BaseException: no"),
        ("def f(): f()\n    f()", "{path}:5: RecursionError: maximum recursion depth exceeded"),
        ("1 / 0", "{path}:5: ZeroDivisionError: division by zero"),
        ("import broken", "{folder}/broken.py:2: invalid syntax"),
    ],
)
def test_pipeline_files_that_end_python(run, tmp_path, monkeypatch, line, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.py").write_text("\n(=\n")
    (tmp_path / "bad.py").write_text(f"import sys\n\n\nif True:\n    {line}\n")
    for path in ("bad.py", tmp_path / "bad.py"):
        for command in ("report", "verify"):
            code, output, errors = run(command, path)
            assert (code, output) == (2, "")
            assert errors == f"fluorite: error: {message.format(path=path, folder=tmp_path)}\n"


def test_an_exception_in_generate_has_its_line(run, pipelines, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = pipelines["grey"].read_text().splitlines()
    number = next(n for n, line in enumerate(lines) if "source = " in line)
    lines[number] = "        source = undefined"
    (tmp_path / "bad.py").write_text("\n".join(lines))
    code, _, errors = run("report", "bad.py")
    assert code == 2
    assert errors == f"fluorite: error: bad.py:{number + 1}: NameError: name 'undefined' is not defined\n"


def test_an_interrupt_in_a_pipeline_file(run, tmp_path):
    path = tmp_path / "bad.py"
    path.write_text("raise KeyboardInterrupt\n")
    assert run("report", path) == (130, "", "fluorite: interrupted\n")


def test_what_a_pipeline_file_prints_is_not_the_command_s_output(run, pipelines, tmp_path):
    path = tmp_path / "prints.py"
    path.write_text("print('hello')\n" + pipelines["grey"].read_text())
    code, output, errors = run("report", path, "--json")
    assert (code, errors) == (0, "hello\n")
    assert json.loads(output)["name"] == "grey"


def test_a_file_system_that_fails_is_no_bug(run, pipelines, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device", "/somewhere/file")

    monkeypatch.setattr(cli_commands, "compiled", fail)
    code, _, errors = run("report", pipelines["grey"])
    assert (code, errors) == (2, "fluorite: error: /somewhere/file: No space left on device\n")

    def exhaust(*_):
        raise MemoryError

    monkeypatch.setattr(cli_commands, "compiled", exhaust)
    code, _, errors = run("report", pipelines["grey"])
    assert (code, errors) == (2, "fluorite: error: there is not enough memory for images of this size\n")


def test_a_locale_without_utf_8(pipelines, tmp_path):
    """The predicted sizes have a plus-minus sign."""
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    command = ("compile", pipelines["grey"], "--board", "ulx3s-85f", "-o", tmp_path / "out")
    done = process(*command, environment=plain, capture_output=True, encoding="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert r"(\xb1" in done.stdout
    assert "(±" in (tmp_path / "out" / "report.txt").read_text(encoding="utf-8")


def test_streams_that_take_nothing():
    with open("/dev/full", "wb") as full:
        done = process("boards", stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert re.fullmatch(r"fluorite: error: (standard output: )?No space left on device\n", done.stderr)
    closed = f"{sys.executable} -m fluorite.cli boards none"
    for streams in (">&-", "2>&-", ">&- 2>&-"):
        assert subprocess.run(f"{closed} {streams}", shell=True, check=False, capture_output=True).returncode == 2


def test_a_home_that_cannot_be_written_to(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    fallback = tmp_path / f"fluorite-{os.getuid()}"
    (tmp_path / "file").touch()
    for home in ("/dev/null", str(tmp_path / "file")):
        monkeypatch.setenv("HOME", home)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        assert settle_cache() == f"{home}/.cache cannot be written to; what is compiled is kept in {fallback}"
        assert os.environ["XDG_CACHE_HOME"] == str(fallback)
        assert fallback.stat().st_mode & 0o777 == 0o700
        assert settle_cache() is None
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert settle_cache() is None
    fallback.chmod(0o777)  # anybody may have put something there
    monkeypatch.setenv("HOME", "/dev/null")
    assert settle_cache() is not None
    assert os.environ["XDG_CACHE_HOME"] != str(fallback)


@pytest.mark.slow
def test_hardware_is_written_without_a_home(pipelines, tmp_path):
    """Yosys' WebAssembly keeps what it compiles in the user's cache directory, and fails where it cannot."""
    command = ("compile", pipelines["grey"], "--no-testbench", "-o", tmp_path / "out")
    plain = {"HOME": "/dev/null", "XDG_CACHE_HOME": "", "TMPDIR": str(tmp_path)}
    done = process(*command, environment=plain, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr.startswith("fluorite: note: /dev/null/.cache cannot be written to; ")
    assert (tmp_path / "out" / "result_core.v").is_file()
