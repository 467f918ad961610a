"""Damaged image files end in the documented exit codes: in what can still be read, or one line that says why not."""

import random
import shutil

import numpy as np
import pytest

from tests.damage.images import BOMBS, damaged_image, sound_files
from tests.damage.pipelines import TYPES

NAMES = tuple(TYPES)


@pytest.fixture(scope="module")
def files():
    return sound_files()


@pytest.fixture
def reads(command, pipelines, tmp_path, tally):
    """Runs a pipeline on a file; the output is there and whole, or not there."""

    def reads(name, ending, data, *, as_json=False, verify=False):
        path, out = tmp_path / f"image.{ending}", tmp_path / "out.npy"
        path.write_bytes(data)
        arguments = ["verify", pipelines[name], "-i", path, "--sizes", "4x3", "--stalls", "0"]
        if not verify:
            arguments = ["run", pipelines[name], "-i", path, "-o", out]
        try:
            ran = command([*arguments, *(["--json"] if as_json else [])])
        except AssertionError:
            shutil.copy(path, f"/tmp/damaged-{name}.{ending}")  # to look at
            raise
        assert ran.code in (0, 2), ran.errors
        assert out.exists() == (ran.code == 0 and not verify)
        if out.exists():
            np.load(out)
            out.unlink()
        assert [p.name for p in tmp_path.iterdir()] == [path.name]
        path.unlink()
        tally[ran.code] = tally.get(ran.code, 0) + 1
        return ran

    return reads


def sweep(reads, files, count, seed):
    rng = random.Random(seed)
    for number in range(count):
        ending, data = damaged_image(rng, files)
        name, as_json, verify = rng.choice(NAMES), rng.random() < 0.2, rng.random() < 0.1
        try:
            reads(name, ending, data, as_json=as_json, verify=verify)
        except AssertionError as error:
            raise AssertionError(f"number {number} of seed {seed}, {ending} for {name}: {error}") from error


def test_sound_files(reads, files):
    codes = [reads(name, ending, data).code for ending, data in files for name in NAMES]
    assert codes.count(0) > len(files)


def test_bombs(reads):
    for ending, data in BOMBS:
        for name in ("grey", "rgb", "wide"):
            ran = reads(name, ending, data)
            assert ran.code == 2, (ending, data[:60])


def test_some_damaged_images(reads, files):
    sweep(reads, files, 300, seed=0)


@pytest.mark.system
def test_5000_damaged_images(reads, files):
    sweep(reads, files, 5000, seed=1)
