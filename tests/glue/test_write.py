"""The software folder: complete, the same every time, clean under both compilers, and its program runs."""

import shutil
import subprocess

import halide as hl
import numpy as np
import pytest

from fluorite.errors import UsageError
from fluorite.glue.accelerator import AcceleratorCode
from fluorite.glue.write import write_software

GREY, COLOUR = "P5", "P6"


def pnm(path, array):
    kind = GREY if array.ndim == 2 else COLOUR
    text = f"{kind}\n# a comment\n{array.shape[1]} {array.shape[0]}\n{np.iinfo(array.dtype).max}\n"
    path.write_bytes(text.encode() + array.astype(array.dtype.newbyteorder(">")).tobytes())


def read_pnm(path):
    kind, size, maximum, pixels = path.read_bytes().split(b"\n", 3)
    width, height = map(int, size.split())
    dtype = np.dtype(">u2" if maximum == b"65535" else "u1")
    return np.frombuffer(pixels, dtype).reshape((height, width) if kind == b"P5" else (height, width, 3))


@pytest.fixture(scope="module")
def folder(examples, tmp_path_factory):
    found = tmp_path_factory.mktemp("software")
    write_software(examples["scaled"].design, found, ["host"])
    return found


def test_the_same_every_time_and_no_paths(examples, tmp_path):
    one = write_software(examples["fixed"].design, tmp_path / "one")
    two = write_software(examples["fixed"].design, tmp_path / "two")
    for a, b in zip(one, two, strict=True):
        assert a.read_bytes() == b.read_bytes()
        assert str(tmp_path) not in a.read_text()


@pytest.mark.parametrize("compiler", [("gcc", "-std=c99"), ("g++", "-x", "c++")])
def test_compiles_without_warnings(folder, compiler, tmp_path):
    warnings = ("-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wpedantic")
    includes = (f"-I{folder}", "-isystem", folder / "halide", "-isystem", folder / "host")
    for source in sorted(folder.glob("*.c")):
        command = [*compiler, *warnings, *includes, "-fsyntax-only", source]
        subprocess.run(command, check=True, cwd=tmp_path)


@pytest.mark.parametrize("target", ["arm-32-linux", "arm-64-linux"])
def test_compiles_for_arm(folder, target, tmp_path):
    compiler = {"arm-32-linux": "arm-linux-gnueabihf-gcc", "arm-64-linux": "aarch64-linux-gnu-gcc"}[target]
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    copy = tmp_path / "software"
    shutil.copytree(folder, copy)
    for backend in ("uio", "sim"):
        command = ["make", "-s", "driver", f"TARGET={target}", f"BACKEND={backend}", "CFLAGS=-O1 -Werror"]
        subprocess.run(command, check=True, cwd=copy)


def test_a_missing_software_part_is_said(folder):
    done = subprocess.run(
        ["make", "-s", "-n", "TARGET=riscv", "CROSS_COMPILE="], cwd=folder, capture_output=True, text=True
    )
    assert "riscv/scaled_pipeline.a is missing: write the design again" in done.stdout


def test_the_program_runs(folder, devices, tmp_path):
    """Images in, images out, bit for bit; nothing leaks and nothing is out of bounds, also where it fails."""
    flags = ("CFLAGS=-O1 -g -fsanitize=address,undefined -fno-sanitize-recover", "LDFLAGS=-fsanitize=address,undefined")
    subprocess.run(["make", "-s", "TARGET=host", *flags], check=True, cwd=folder)
    program = folder / "build-host-sim" / "scaled"
    random = np.random.default_rng(0)
    source = random.integers(0, 1 << 16, (50, 91, 3)).astype(np.uint16)
    pnm(tmp_path / "in.ppm", source)

    def run(*arguments):
        return subprocess.run([program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)

    usual = ("--set", "gain=1000", "in.ppm", "out.ppm")
    done = run("--size", "90x50", *usual, "--repeat", "2")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(read_pnm(tmp_path / "out.ppm"), source[:, 1:] + np.uint16(1000))
    assert "scaled: 12 launches" in done.stdout and "0 interrupts missed" in done.stdout
    assert "input" in run("--help").stdout
    for arguments, text in (
        (usual, "the pipeline reads 1..91 along dimension 0, the image has 0..90; see --size"),
        (("in.ppm", "out.ppm"), "gain is missing"),
        (("--set", "gain=1", "none.ppm", "out.ppm"), "none.ppm cannot be opened"),
        (("--size", "90x50", "--set", "gain=1", "in.ppm", "/nonexistent/out.ppm"), "cannot be written"),
    ):
        done = run(*arguments)
        assert done.returncode == 1 and text in done.stderr, done.stderr
        assert "Sanitizer" not in done.stderr
    devices["scaled"].fail = {len(devices["scaled"].launches) + 1: 4}
    done = run("--size", "90x50", *usual)
    assert done.returncode == 1 and "scaled: no memory at the address of a write (DECERR)" in done.stderr
    assert "Sanitizer" not in done.stderr


def test_names_that_the_driver_uses(examples):
    class Renamed(AcceleratorCode):
        def _check(self):
            self.symbol = "fluorite_open"
            super()._check()

    with pytest.raises(UsageError, match="the driver has a function fluorite_open: give the Func another name"):
        Renamed(examples["sums"].generated, examples["sums"].map)


def test_unknown_target(examples, tmp_path):
    with pytest.raises(UsageError, match="Halide has no target 'zynq'"):
        write_software(examples["sums"].design, tmp_path, ["zynq"])


def test_raw_images_of_any_type(tmp_path, folder):
    """The image files alone, through a small program."""
    (tmp_path / "copy.c").write_text(
        '#include "fluorite_image.h"\n#include <stdio.h>\n#include <stdlib.h>\n'
        "int main(int argc, char **argv)\n{\n"
        "    struct fluorite_image image;\n"
        "    const int width = argc > 3 ? atoi(argv[3]) : 0, height = argc > 4 ? atoi(argv[4]) : 0;\n"
        "    const char *wrong = fluorite_image_load(argv[1], width, height, 4, &image);\n"
        "    if (wrong == NULL) { wrong = fluorite_image_save(argv[2], &image); }\n"
        "    if (wrong != NULL) { puts(wrong); return 1; }\n    fluorite_image_free(&image);\n    return 0;\n}\n"
    )
    command = ["gcc", "-std=c99", "-fsanitize=address", f"-I{folder}", "-o", tmp_path / "copy"]
    subprocess.run([*command, tmp_path / "copy.c", folder / "fluorite_image.c"], check=True)

    def copy(*arguments):
        return subprocess.run(
            [tmp_path / "copy", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    pixels = np.arange(5 * 4 * 2, dtype=np.int32)
    pixels.tofile(tmp_path / "a.raw")
    assert copy("a.raw", "b.raw", "5", "4").returncode == 0
    np.testing.assert_array_equal(np.fromfile(tmp_path / "b.raw", np.int32), pixels)
    assert "must end in .raw" in copy("a.raw", "b.pgm", "5", "4").stdout
    assert "--size" in copy("a.raw", "b.raw").stdout
    assert "the size that --size says" in copy("a.raw", "b.raw", "7", "4").stdout
    for array in (np.arange(12, dtype=np.uint8).reshape(3, 4), np.arange(36, dtype=np.uint16).reshape(3, 4, 3)):
        pnm(tmp_path / "c.pnm", array)
        assert copy("c.pnm", "d.pnm").returncode == 0
        np.testing.assert_array_equal(read_pnm(tmp_path / "d.pnm"), array)
    for text, wrong in ((b"P2\n1 1\n255\n0", "is not a binary"), (b"P5\n4 4\n255\n0", "too early"),
                        (b"P5\n4 4\n100\n0", "maxval"), (b"P5\n0 4\n255\n0", "no valid size")):  # fmt: skip
        (tmp_path / "bad.pgm").write_bytes(text)
        assert wrong in copy("bad.pgm", "d.pgm").stdout


def test_halide_header_is_halides(folder):
    from pathlib import Path

    theirs = Path(hl.install_dir()) / "include" / "HalideRuntime.h"
    assert (folder / "halide" / "HalideRuntime.h").read_bytes() == theirs.read_bytes()
