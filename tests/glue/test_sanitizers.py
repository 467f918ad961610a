"""The driver under gcc's sanitizers, with 64 threads."""

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SANITIZERS = {"memory": ("address", "undefined"), "threads": ("thread",)}


@pytest.fixture(scope="module")
def sources(load, examples, tmp_path_factory):
    """The driver's sources, with those of `sums`."""
    module = load("driver")
    folder = tmp_path_factory.mktemp("sanitized")
    module.write_sources([examples["sums"]], folder)
    return [*(module.RUNTIME / name for name in module.SOURCES), folder / "sums.c", HERE / "stub.c"]


@pytest.fixture(scope="module", params=SANITIZERS)
def sanitized(request, load, sources):
    """Builds and runs a program with the driver under some sanitizers."""
    module = load("driver")
    folder = sources[-2].parent
    flags = [f"-fsanitize={','.join(SANITIZERS[request.param])}", "-fno-sanitize-recover=all", "-g"]
    target = folder / request.param
    target.mkdir()
    objects = module.compile_objects(sources, target, f"-I{folder}", *flags)

    def run(source):
        program = target / source.stem
        made = module.compile_objects([source], target, f"-I{folder}", *flags)
        subprocess.run(["gcc", *flags, "-o", program, *made, *objects, "-lpthread"], check=True)
        # ASan itself stumbles over the stack of a cancelled thread when it takes its signal stack away.
        environment = {**os.environ, "ASAN_OPTIONS": "use_sigaltstack=0"}
        return subprocess.run([program], capture_output=True, text=True, check=False, timeout=100, env=environment)

    return run


def test_many_threads(sanitized, devices):
    done = sanitized(HERE / "stress.c")
    assert not done.returncode and not done.stdout + done.stderr, done.stdout + done.stderr
