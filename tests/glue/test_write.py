"""The software folder: complete, the same every time, clean under both compilers, and its program runs."""

import re
import shutil
import subprocess

import halide as hl
import numpy as np
import pytest

from fluorite.errors import UsageError
from fluorite.glue.write import write_software
from fluorite.systems.program.targets import find_target

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
    design = examples["scaled"].design
    write_software(design.hardware, design.software, found, ["host", "arm-32-linux", "arm-64-linux"])
    return found


def test_the_same_every_time_and_no_paths(examples, tmp_path):
    one = write_software(examples["fixed"].design.hardware, examples["fixed"].design.software, tmp_path / "one")
    two = write_software(examples["fixed"].design.hardware, examples["fixed"].design.software, tmp_path / "two")
    for a, b in zip(one, two, strict=True):
        assert a.read_bytes() == b.read_bytes()
        assert str(tmp_path) not in a.read_text()


@pytest.mark.parametrize("compiler", [("gcc", "-std=c99"), ("g++", "-x", "c++")])
def test_compiles_without_warnings(folder, compiler, tmp_path):
    warnings = ("-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wpedantic")
    includes = (f"-I{folder}", f"-I{folder}/runtime", "-isystem", folder / "halide", "-isystem", folder / "host")
    for source in sorted(folder.rglob("*.c")):
        command = [*compiler, *warnings, *includes, "-fsyntax-only", source]
        subprocess.run(command, check=True, cwd=tmp_path)


def test_no_function_that_older_c_libraries_do_not_have(folder):
    """With _GNU_SOURCE, headers of glibc 2.38 and later turn strtoull into one that is not on boards with 2.35."""
    for source in sorted(folder.rglob("*.[ch]")):
        if source.name != "HalideRuntime.h":
            assert "#define _GNU_SOURCE" not in source.read_text(errors="replace"), source


@pytest.mark.parametrize(("system", "machine"), [("arm32", 40), ("arm64", 183)])
def test_compiles_for_arm(folder, system, machine, tmp_path):
    target = find_target(system).halide  # or says what is to be installed
    copy = tmp_path / "software"
    shutil.copytree(folder, copy)
    for goal, backend in (("all", "uio"), ("driver", "sim")):
        command = ["make", "-s", goal, f"TARGET={target}", f"BACKEND={backend}", "CFLAGS=-O1 -Werror"]
        subprocess.run(command, check=True, cwd=copy)
    program = (copy / f"build-{target}-uio" / "scaled").read_bytes()
    assert program[:4] == b"\x7fELF" and int.from_bytes(program[18:20], "little") == machine
    wanted = {tuple(map(int, found.split(b"."))) for found in re.findall(rb"\0GLIBC_([\d.]+)(?=\0)", program)}
    assert (2, 4) <= max(wanted) <= (2, 34)  # Ubuntu 22.04, which PYNQ's and Kria's images are made of, has 2.35
    assert re.search(rb"\0/lib/ld-linux[\w.-]+\0", program[:4096])
    command = ["make", "-s", f"TARGET={target}", "STATIC=1", f"OUT={tmp_path}/static"]
    subprocess.run(command, check=True, cwd=copy, stderr=subprocess.DEVNULL)  # Halide's dlopen is warned of
    static = (tmp_path / "static" / "scaled").read_bytes()
    assert not re.search(rb"\0/lib/ld-linux[\w.-]+\0", static[:4096])


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
    planar = np.ascontiguousarray(np.moveaxis(source, 2, 0))
    for array in (planar, (planar >> 8).astype(np.uint8)):  # a narrower type without a sign is widened
        np.save(tmp_path / "in.npy", array)
        done = run("--size", "90x50", "--set", "gain=1000", "in.npy", "out.npy")
        assert done.returncode == 0, done.stderr
        np.testing.assert_array_equal(
            np.load(tmp_path / "out.npy"), array[:, :, 1:].astype(np.uint16) + np.uint16(1000)
        )
    np.save(tmp_path / "signed.npy", planar.astype(np.int16))
    np.save(tmp_path / "line.npy", planar[0, 0])
    for arguments, text in (
        (usual, "the pipeline reads 1..91 along dimension 0, the image has 0..90; see --size"),
        (("in.ppm", "out.ppm"), "gain is missing"),
        (
            ("--size", "90x50", "--set", "gain=1", "signed.npy", "out.ppm"),
            "signed.npy holds values of type i2, the input source takes u2",
        ),
        (
            ("--size", "90x50", "--set", "gain=1", "line.npy", "out.ppm"),
            "line.npy: the pipeline reads 0..49 along dimension 1, the image has 0..0; see --size",
        ),
        (("--set", "gain=1", "none.ppm", "out.ppm"), "none.ppm cannot be opened"),
        (("--size", "90x50", "--set", "gain=1", "in.ppm", "/nonexistent/out.ppm"), "cannot be written"),
        *(
            (("--size", size, *usual), "--size is WxH, each from 1 to 65536")
            for size in ("2147483647x1", "65537x1", "9x0", "-9x4", "9x4x3", "9", "x4", "9x 4", "99999999999999999999x4")
        ),
        (("--size", "65536x65536", *usual), " has more than 2147483647 values"),
        *(
            (("--set", f"gain={value}", "in.ppm", "out.ppm"), f"gain={value} is not a value of the Param's type")
            for value in ("65536", "-1", "", "7a", "1e3", "99999999999999999999")
        ),
        *((("--repeat", number, *usual), "--repeat must be a positive number") for number in ("0", "-1", "2x", "")),
    ):
        done = run(*arguments)
        assert done.returncode == 1 and text in done.stderr, done.stderr
        assert "Sanitizer" not in done.stderr
    devices["scaled"].fail = {len(devices["scaled"].launches) + 1: 4}
    done = run("--size", "90x50", *usual)
    assert done.returncode == 1 and "scaled: no memory at the address of a write (DECERR)" in done.stderr
    assert "Sanitizer" not in done.stderr


def test_unknown_target(examples, tmp_path):
    with pytest.raises(UsageError, match="Halide has no target 'zynq'"):
        write_software(examples["sums"].design.hardware, examples["sums"].design.software, tmp_path, ["zynq"])


COPY = """
#include "fluorite_image.h"

int main(int argc, char **argv)
{
    struct fluorite_image image;
    const char *wrong = fluorite_image_load(argv[1], &image);
    if (wrong == NULL) {
        printf("%dx%dx%d %d ", image.width, image.height, image.channels, image.dimensions);
        printf("%c%d\\n", image.kind, image.bytes);
        wrong = fluorite_image_save(argv[2], &image);
        fluorite_image_free(&image);
    }
    if (wrong != NULL) {
        puts(wrong);
    }
    return argc != 3 || wrong != NULL;
}
"""


@pytest.fixture(scope="module")
def copy(folder, tmp_path_factory):
    """The image files alone, through a small program."""
    work = tmp_path_factory.mktemp("copy")
    (work / "copy.c").write_text(COPY)
    runtime = folder / "runtime"
    command = ["gcc", "-std=c99", "-fsanitize=address,undefined", f"-I{runtime}", "-o", work / "copy", work / "copy.c"]
    subprocess.run([*command, runtime / "fluorite_image.c", runtime / "fluorite_npy.c"], check=True)

    def run(source, target):
        done = subprocess.run([work / "copy", source, target], capture_output=True, text=True, check=False)
        assert "Sanitizer" not in done.stderr, done.stderr
        return done.returncode, done.stdout

    run.program = work / "copy"
    return run


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8", "?"])
@pytest.mark.parametrize("shape", [(7,), (5, 4), (2, 5, 4), (4, 3, 40)])
def test_numpy_files_of_any_type_and_shape(copy, tmp_path, dtype, shape):
    array = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    np.save(tmp_path / "a.npy", array)
    code, text = copy(tmp_path / "a.npy", tmp_path / "b.npy")
    assert code == 0, text
    width, height, channels = (*shape[::-1], 1, 1)[:3]
    assert text == f"{width}x{height}x{channels} {len(shape)} {array.dtype.kind}{array.itemsize}\n"
    copied = np.load(tmp_path / "b.npy")
    assert copied.dtype == array.dtype
    np.testing.assert_array_equal(copied, array)
    assert (tmp_path / "b.npy").stat().st_size % 64 == array.nbytes % 64  # the values are aligned


def test_numpy_files_of_later_versions(copy, tmp_path):
    array = np.arange(20, dtype=np.int16).reshape(4, 5)
    for version in ((2, 0), (3, 0)):
        with (tmp_path / "a.npy").open("wb") as file:
            np.lib.format.write_array(file, array, version)
        assert copy(tmp_path / "a.npy", tmp_path / "b.npy")[0] == 0
        np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), array)


@pytest.mark.parametrize(
    ("array", "wrong"),
    [
        (np.zeros((3, 4), order="F"), "is stored column by column: save it with numpy.ascontiguousarray"),
        (np.zeros((3, 4), ">i2"), "must be little endian"),
        (np.zeros((3, 4), np.complex64), "must hold plain numbers"),
        (np.zeros((3, 4), "f2,i4"), "must hold plain numbers"),
        (np.zeros((1, 1, 3, 4)), "must have at most three dimensions"),
        (np.zeros((3, 0)), "has no valid size"),
        (np.zeros((70000, 2), np.int8), "has no valid size"),
    ],
)  # fmt: skip
def test_numpy_files_that_are_no_images(copy, tmp_path, array, wrong):
    np.save(tmp_path / "a.npy", array)
    assert copy(tmp_path / "a.npy", tmp_path / "b.npy") == (1, f"{wrong}\n")


def test_broken_numpy_files(copy, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 4)))
    whole = (tmp_path / "a.npy").read_bytes()
    text = whole.replace(b"shape", b"shave"), whole.replace(b"'descr'", b"'desks'")
    huge = whole[:8] + b"\xff\xff" + whole[10:]
    for content, wrong in (
        (b"", "is not a .npy file of NumPy"), (b"P5\n4 4\n255\n0", "is not a .npy file of NumPy"),
        (whole[:9], "ends too early"), (whole[:40], "ends too early"), (whole[:-1], "ends too early"),
        (text[0], "has a header that is no image's"), (text[1], "must hold plain numbers"),
        (huge, "has a header that is no image's"),
    ):  # fmt: skip
        (tmp_path / "a.npy").write_bytes(content)
        assert copy(tmp_path / "a.npy", tmp_path / "b.npy") == (1, f"{wrong}\n")


def test_pnm_files(copy, tmp_path):
    for array in (np.arange(12, dtype=np.uint8).reshape(3, 4), np.arange(36, dtype=np.uint16).reshape(3, 4, 3)):
        pnm(tmp_path / "c.pnm", array)
        assert copy(tmp_path / "c.pnm", tmp_path / "d.pnm")[0] == 0
        np.testing.assert_array_equal(read_pnm(tmp_path / "d.pnm"), array)
        assert copy(tmp_path / "c.pnm", tmp_path / "d.npy")[0] == 0
        planar = array if array.ndim == 2 else np.moveaxis(array, 2, 0)
        np.testing.assert_array_equal(np.load(tmp_path / "d.npy"), planar)
    for text, wrong in ((b"P2\n1 1\n255\n0", "is not a binary"), (b"P5\n4 4\n255\n0", "too early"),
                        (b"P5\n4 4\n100\n0", "maxval"), (b"P5\n0 4\n255\n0", "no valid size")):  # fmt: skip
        (tmp_path / "bad.pgm").write_bytes(text)
        assert wrong in copy(tmp_path / "bad.pgm", tmp_path / "d.pgm")[1]
    np.save(tmp_path / "a.npy", np.zeros((3, 4), np.int8))
    text = "must end in .npy: PGM and PPM hold 1 or 3 channels of 8 or 16 bits without a sign"
    assert text in copy(tmp_path / "a.npy", tmp_path / "d.pgm")[1]


def test_an_image_appears_whole_or_not_at_all(copy, tmp_path):
    source, target = tmp_path / "a.npy", tmp_path / "b.npy"
    np.save(source, np.arange(5000))
    target.write_text("as it was")
    command = ["sh", "-c", 'trap "" XFSZ; ulimit -f 20; exec "$@"', "sh", copy.program, source, target]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout.endswith("cannot be written whole\n")
    assert target.read_text() == "as it was" and sorted(tmp_path.iterdir()) == [source, target]
    target.unlink()
    target.symlink_to("/dev/full")  # what is no plain file stays what it is
    code, text = copy(source, target)
    assert code == 1 and text.endswith("cannot be written whole\n") and target.is_symlink()
    target.unlink()
    assert copy(source, target)[0] == 0 and sorted(tmp_path.iterdir()) == [source, target]


def test_halide_header_is_halides(folder):
    from pathlib import Path

    theirs = Path(hl.install_dir()) / "include" / "HalideRuntime.h"
    assert (folder / "halide" / "HalideRuntime.h").read_bytes() == theirs.read_bytes()
