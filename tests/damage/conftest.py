"""The command, run within this process many times a second: pipelines are compiled once, its long steps are short."""

import io
import json
import resource
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from fluorite.cli import build as cli_build
from fluorite.cli import command as cli
from fluorite.cli import commands as cli_commands
from fluorite.cli import verify as cli_verify
from tests.damage.pipelines import write_pipelines

_SECONDS = 60  # for one command
_GROWTH_BYTES = 3 << 30  # of memory, by one command


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    output: str
    errors: str


def _remembered(function):
    """The function with a memory: also for what it raises."""
    memory = {}

    def remembered(*arguments):
        key = repr(arguments)
        if key not in memory:
            try:
                memory[key] = function(*arguments), None
            except Exception as error:
                memory[key] = None, error
        result, error = memory[key]
        if error is not None:
            raise error
        return result

    return remembered


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory):
    return write_pipelines(tmp_path_factory.mktemp("pipelines"))


@pytest.fixture(scope="module")
def command(pipelines):
    """Runs the command; fails where it does not end as documented."""
    patch = pytest.MonkeyPatch()
    load = _remembered(lambda path, params: cli_commands_load(path, dict(params)))
    cli_commands_load = cli_commands.load_pipeline
    patch.setattr(cli_commands, "load_pipeline", lambda path, params: load(str(path), tuple(sorted(params.items()))))
    designs = {}

    def compiled(loaded, options):
        key = (id(loaded), options.board, options.shell)
        if key not in designs:
            designs[key] = _remembered(lambda: original(loaded, options))
        return designs[key]()

    original = cli_commands.compiled
    patch.setattr(cli_commands, "compiled", compiled)
    patch.setattr(cli_build, "compiled", compiled)
    patch.setattr(cli_verify, "compiled", compiled)
    patch.setattr(cli_verify, "_DEFAULT_SIZES", ((5, 4, 3, 2), (9, 3, 3, 2)))

    def run(arguments):
        output, errors = io.StringIO(), io.StringIO()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        signal.signal(signal.SIGALRM, _too_long)
        signal.alarm(_SECONDS)
        try:
            with redirect_stdout(output), redirect_stderr(errors):
                code = cli.main([str(a) for a in arguments])
        finally:
            signal.alarm(0)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown << 10 < _GROWTH_BYTES, f"{grown >> 10} MiB of memory"
        _check(code, output.getvalue(), errors.getvalue(), "--json" in arguments)
        return Ran(code, output.getvalue(), errors.getvalue())

    yield run
    patch.undo()


def _too_long(*_):
    raise AssertionError(f"more than {_SECONDS} s")


def _check(code, output, errors, as_json):
    assert code in (0, 1, 2, 3, 4), f"exit code {code}: {errors}"
    assert "Traceback" not in errors, errors
    lines = errors.splitlines()
    if code in (0, 1):
        assert all(line.startswith("fluorite: note: ") for line in lines), errors
    else:
        assert lines[-1].startswith("fluorite: error: "), errors
        usage = lines[0].startswith("usage: ")
        assert usage or all(line.startswith("fluorite: note: ") for line in lines[:-1]), errors
    if as_json:
        if not output.startswith("usage: "):  # --help
            assert ("error" in json.loads(output)) == (code > 1), output
    elif code > 1:
        assert output == "", output


@pytest.fixture
def tally(request):
    """Says at the end how often each exit code came."""
    codes: dict[int, int] = {}
    yield codes
    if codes:
        said = ", ".join(f"{count} x exit {code}" for code, count in sorted(codes.items()))
        text = f"{request.node.name}: {sum(codes.values())} commands: {said}"
        capture = request.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            print(f"\n{text}", file=sys.stderr)
