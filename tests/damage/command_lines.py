"""Damaged command lines and folders: options missing, doubled and absurd, paths to what is no file."""

import os

import numpy as np
from PIL import Image

from tests.damage.pipelines import TYPES

__all__ = ["damaged_command", "make_folder"]

_NAMES = ("grey", "rgb", "line")  # mostly: each is compiled
_COMMANDS = ("compile", "run", "verify", "report", "build", "boards", "bitstream")
_NUMBERS = ("0", "1", "-1", "3", "64", "1e3", "99999999999", "2147483648", "-2147483649", "9" * 5000, "0x10", "", "x",
            "nan", "inf", "-inf", "None", "\u0663", "\ud800", "1_0", " 5", "4.5")  # fmt: skip
_SIZES = ("5x4", "1x1", "0x4", "-1x4", "4", "4x4x4", "4x4x3", "99999999999x4", "2147483647x2147483647", "x", "", "5x",
          "5X4", "axb", "2147483648x1", "5x4,7x3", "5x4,", "1x1x1x1x1", "65536x65536")  # fmt: skip
_PARAMS = ("lanes=1", "lanes=2", "lanes=0", "lanes=-3", "lanes=1000", "lanes=x", "width=8", "width=0", "width=-1",
           "width=99999999999999999999", "width=2147483647", "flag=true", "flag=maybe", "gain=nan", "gain=", "=", "x",
           "none=1", "lanes", "=1", "\u00e9=1", "gain=1e999")  # fmt: skip
_BOARDS = ("pynq-z2", "ulx3s-85f", "zcu104", "zx81", "", "..", "/dev/null", "/proc/self/mem", "BAD.toml", "FOLDER",
           "\u00e9", "a" * 300)  # fmt: skip


def make_folder(folder):
    """What the command lines meet: images, folders, files that are not to be written, links, what is no file."""
    rng = np.random.default_rng(2)
    grey, rgb = rng.integers(0, 256, (4, 5), np.uint8), rng.integers(0, 256, (4, 5, 3), np.uint8)
    Image.fromarray(grey).save(folder / "grey.png")
    Image.fromarray(rgb).save(folder / "rgb.png")
    Image.fromarray(rgb).save(folder / "image \u00e9.jpg")
    for name, shape, type_name in (
        ("array.npy", (4, 5), np.uint8), ("deep.npy", (2, 3, 4, 5), np.uint8), ("line.npy", (9,), np.uint8),
        ("real.npy", (4, 5), np.float32), ("signed.npy", (4, 5), np.int16), ("bit.npy", (4, 5), np.bool_),
    ):  # fmt: skip
        np.save(folder / name, rng.random(shape).astype(type_name))
    (folder / "empty.png").touch()
    (folder / "FOLDER").mkdir()
    (folder / "FOLDER.png").mkdir()
    (folder / "kept").mkdir()
    (folder / "kept" / "mine.txt").write_text("mine")
    (folder / "clash").mkdir()
    (folder / "clash" / "report.json").mkdir()
    (folder / "clash" / "README.md").write_text("mine")
    (folder / "locked").mkdir()
    (folder / "locked.png").write_text("before")
    (folder / "locked").chmod(0o500)
    (folder / "locked.png").chmod(0o400)
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "dangling.png").symlink_to("none/none.png")
    (folder / "full.png").symlink_to("/dev/full")
    os.mkfifo(folder / "pipe.png")
    (folder / "BAD.toml").write_text("name = [")
    (folder / "bad.bit").write_bytes(b"\0\x09\x0f\xf0")
    (folder / "text.py").write_text("not python at all (")
    (folder / "exits.py").write_text("import sys\nsys.exit(0)\n")
    (folder / "raises.py").write_text("raise BaseException('no')\n")
    (folder / "binary.py").write_bytes(bytes(range(256)))
    (folder / "deep.py").write_text("def f():\n    f()\nf()\n")


_PIPELINES = ("text.py", "exits.py", "raises.py", "binary.py", "deep.py", "none.py", "FOLDER", "/dev/null", "",
              "grey.png", "loop.png", "pipe.png", "x" * 300 + ".py", "a\0b.py")  # fmt: skip
_INPUTS = ("grey.png", "rgb.png", "image \u00e9.jpg", "array.npy", "deep.npy", "line.npy", "real.npy", "signed.npy",
           "bit.npy", "empty.png", "FOLDER.png", "loop.png", "pipe.png", "/dev/zero", "/dev/null", "/proc/self/mem",
           "none.png", "", "a\0b.png", "x" * 300 + ".png", "input=grey.png", "input=", "=grey.png", "other=grey.png",
           "full.png", "locked/x.png", "dangling.png", "\ud800.png")  # fmt: skip
_OUTPUTS = ("out.png", "out.npy", "out.jpg", "out.psd", "out.xyz", "out", "", "none/out.png", "FOLDER.png",
            "locked.png", "locked/out.png", "full.png", "/dev/full.png", "/proc/out.png", "/dev/null",
            "output=out.png", "output=", "other=out.png", "loop.png", "dangling.png", "a\0b.png",
            "x" * 300 + ".png", "grey.png/out.png",
            "out.\u00e9", "\ud800.png", "out.tiff", "out.webp", "out.bmp", "out.ppm", "out.pgm")  # fmt: skip
_FOLDERS = ("new", "new/a/b", "kept", "clash", "FOLDER", "locked", "locked/new", "grey.png", "grey.png/new",
            "/proc/new", "/dev/null", "/dev/full", "", ".", "a\0b", "x" * 300, "loop.png",
            "dangling.png", "\ud800", "\u00e9")  # fmt: skip


def damaged_command(rng, pipelines):
    """A command line, with a chance that it is right; `rng` is a random.Random."""
    command = rng.choice(_COMMANDS) if rng.random() < 0.97 else rng.choice(("", "runn", "--help", "-p", "\u00e9"))
    name = rng.choice(_NAMES) if rng.random() < 0.9 else rng.choice(tuple(TYPES))
    groups = []
    if command == "boards":
        groups += [[rng.choice(_BOARDS)] for _ in range(rng.randrange(3))]
    elif command == "bitstream":
        groups.append([rng.choice(("bad.bit", "none.bit", "grey.png", "FOLDER", "/dev/zero", "pipe.png", ""))])
        groups += [["-o", rng.choice(_OUTPUTS)], ["--board", rng.choice(_BOARDS)]]
    else:
        groups.append([str(pipelines[name]) if rng.random() < 0.85 else rng.choice(_PIPELINES)])
        groups += _options_of(rng, command)
    if rng.random() < 0.1 and groups:
        del groups[rng.randrange(len(groups))]
    if rng.random() < 0.1 and groups:
        groups.append(rng.choice(groups))
    if rng.random() < 0.05 and groups:
        del rng.choice(groups)[-1:]
    if rng.random() < 0.03:
        groups.append(
            [rng.choice(("--nonsense", "--", "-", "-z", "--json=1", "--size", "-o", "\ud800", "-h", "--shell"))]
        )
    if rng.random() < 0.3:
        groups.append(["--json"])
    rng.shuffle(groups)
    return [command, *(word for group in groups for word in group)]


def _options_of(rng, command):
    groups = []
    for option, values, likely in (
        ("-p", _PARAMS, 0.15),
        ("--board", _BOARDS, 0.8 if command == "build" else 0.1),
        ("--shell", ("axi", "axis", "none", ""), 0.1),
    ):
        if rng.random() < likely:
            groups.append([option, rng.choice(values)])
    if command in ("run", "verify"):
        if command == "run" or rng.random() < 0.5:
            groups.append(["-i", rng.choice(_INPUTS[:9]) if rng.random() < 0.6 else rng.choice(_INPUTS)])
        if rng.random() < 0.15:
            groups.append(["--set", rng.choice(("gain=1", "input=3", "x", "", "=", "gain=" + "9" * 5000))])
    if command == "run":
        groups.append(["-o", rng.choice(_OUTPUTS[:3]) if rng.random() < 0.4 else rng.choice(_OUTPUTS)])
        if rng.random() < 0.4:
            groups.append(["--size", rng.choice(_SIZES)])
        if rng.random() < 0.08:
            groups.append(["--device", rng.choice(("/dev/null", "none", "", "grey.png", "FOLDER", "a\0b", "pipe.png"))])
        if rng.random() < 0.08:
            groups.append(["--baud", rng.choice(_NUMBERS)])
        if rng.random() < 0.05:
            groups.append(["--system", rng.choice(("", "riscv", "host-board", "zynq-", "\u00e9"))])
    if command == "verify":
        if rng.random() < 0.5:
            groups.append(["--sizes", rng.choice(_SIZES)])
        if rng.random() < 0.3:
            groups.append(["--seed", rng.choice(_NUMBERS)])
        if rng.random() < 0.3:
            groups.append(["--stalls", rng.choice((*_NUMBERS, "0.5", "0.99", "1.0"))])
    if command in ("compile", "build") and rng.random() < 0.9:
        groups.append(["-o", rng.choice(_FOLDERS)])
    if command == "compile":
        if rng.random() < 0.1:
            groups.append(["--target", rng.choice(("none", "", "arm-32-linux-none", "\u00e9", "x" * 5000))])
        if rng.random() < 0.7:
            groups.append(["--no-testbench"])
    return groups
