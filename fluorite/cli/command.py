"""The ``fluorite`` command.

Exit codes: 0 done, 1 the hardware differs from Halide, 2 bad usage (arguments, files, sizes), 3 the pipeline
cannot become hardware, 4 the simulation could not be built or did not behave, or the board did not, 70 a bug in
fluorite (the only case with a traceback), 130 interrupted, 129 and 143 ended by SIGHUP and SIGTERM.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import halide as hl

from fluorite.boards.ecp5.link import LinkError
from fluorite.cli.boards import bitstream_command, boards_command
from fluorite.cli.build import add_build_options, build_command
from fluorite.cli.commands import compile_command, report_command, run_command
from fluorite.cli.device import add_device_options
from fluorite.cli.environment import flush_output, forget_output, prepare_streams, settle_cache
from fluorite.cli.signals import EndedBySignal, ended_by_signals
from fluorite.cli.system import SYSTEMS
from fluorite.cli.verify import verify_command
from fluorite.errors import CompileError, FluoriteError, SimulationError, UsageError

__all__ = [
    "EXIT_BUG", "EXIT_COMPILE_ERROR", "EXIT_INTERRUPTED", "EXIT_MISMATCH", "EXIT_OK", "EXIT_SIMULATION_ERROR",
    "EXIT_USAGE", "main",
]  # fmt: skip

EXIT_OK = 0
EXIT_MISMATCH = 1
EXIT_USAGE = 2
EXIT_COMPILE_ERROR = 3
EXIT_SIMULATION_ERROR = 4
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
EXIT_SIGNAL = 128  # and the signal's number

_EPILOG = """\
exit codes: 0 done; 1 the hardware differs from Halide; 2 bad arguments, files or sizes;
3 the pipeline cannot become hardware as it is written; 4 the simulation could not be built or failed, or the
board at --device did; 70 a bug in fluorite; 130 interrupted (129, 143: by SIGHUP, SIGTERM). Errors are one line on
standard error; with --json also an object on standard output."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    prepare_streams()
    words = sys.argv[1:] if arguments is None else arguments
    options = argparse.Namespace(json="--json" in words)  # should they not be understood
    try:
        options = _parser().parse_args(words)
        if said := settle_cache():
            print(f"fluorite: note: {said}", file=sys.stderr)
        command: Callable[[argparse.Namespace], bool] = options.command
        with ended_by_signals():
            done = command(options)
        flush_output()
        return EXIT_OK if done else EXIT_MISMATCH
    except CompileError as error:
        fields = {"func": error.func, "construct": error.construct, "rule": error.rule, "way_out": error.way_out}
        return _fail(options, EXIT_COMPILE_ERROR, error, fields)
    except (SimulationError, LinkError) as error:
        return _fail(options, EXIT_SIMULATION_ERROR, error)
    except (FluoriteError, hl.HalideError) as error:
        return _fail(options, EXIT_USAGE, error)
    except SystemExit:  # --help: a pipeline file's own ends in a UsageError
        return EXIT_OK
    except KeyboardInterrupt as error:
        with contextlib.suppress(OSError):  # nobody reads any more, if the terminal has gone
            print("fluorite: interrupted", file=sys.stderr)
        return EXIT_SIGNAL + error.number if isinstance(error, EndedBySignal) else EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough, as `head` does
        forget_output()
        return EXIT_OK
    except OSError as error:  # the disk is full, a folder is read-only: nothing that we have done wrong
        place = f"{error.filename}: " if error.filename else ""
        return _fail(options, EXIT_USAGE, UsageError(f"{place}{error.strerror or error}"))
    except MemoryError:
        return _fail(options, EXIT_USAGE, UsageError("there is not enough memory for images of this size"))
    except BaseException as error:  # Python's own exit code would be 1, which says something else
        traceback.print_exc()
        return _fail(options, EXIT_BUG, RuntimeError(f"a bug in fluorite, please report it: {error!r}"))


def _fail(options: argparse.Namespace, code: int, error: Exception, fields: dict[str, str] | None = None) -> int:
    message = " ".join(str(error).split()).removeprefix("Error: ")
    with contextlib.suppress(OSError):
        print(f"fluorite: error: {message}", file=sys.stderr)
    try:
        if options.json:
            error_fields = {"kind": type(error).__name__, "message": message, **(fields or {})}
            print(json.dumps({"error": error_fields}, indent=2))
        sys.stdout.flush()
    except OSError:
        forget_output()
    return code


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are those of the command: one line after the usage, and JSON where that is asked for."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        raise UsageError(message)


def _seed(text: str) -> int:
    seed = int(text, 0)
    if not 0 <= seed < 1 << 63:
        raise argparse.ArgumentTypeError(f"must be 0 to {(1 << 63) - 1}, not {text}")
    return seed


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="fluorite",
        description="Halide image pipelines as FPGA accelerators, checked bit for bit against Halide.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = _command(commands, "compile", compile_command, "write the Verilog, and what belongs to it, into a folder")
    command.add_argument("-o", "--output", metavar="DIR", type=Path, help="the folder (default: build/NAME)")
    command.add_argument(
        "--target",
        metavar="TARGET",
        action="append",
        help="Halide target to compile the software part for, such as arm-32-linux, arm-64-linux or host; may be given "
        "several times (default: the board's)",
    )
    command.add_argument("--no-testbench", action="store_true", help="leave the cocotb testbench out")

    command = _command(
        commands, "run", run_command, "run a photograph through the accelerator, simulated or on a board"
    )
    _add_inputs(command, required=True)
    command.add_argument(
        "-o", "--output", metavar="[NAME=]FILE", action="append", required=True, help="where an output image goes"
    )
    command.add_argument("--size", metavar="WxH", help="size of the output (default: that of the first photograph)")
    command.add_argument(
        "--system",
        choices=SYSTEMS,
        help="run the whole system: driver and software part as a program, natively or for ARM under QEMU, against the "
        "accelerators in their AXI shells and a model of the memory; with -board as it is built for a board, registers "
        "and interrupt simulated too; zynq, zcu102 and kria boot Linux on a whole machine in QEMU: UIO or, with "
        "-driver, fluorite's kernel driver (default: the software part in Halide's JIT, the cores alone simulated)",
    )
    add_device_options(command)

    command = _command(commands, "verify", verify_command, "compare the simulated accelerator with Halide, bit for bit")
    _add_inputs(command, required=False)
    command.add_argument(
        "--sizes",
        metavar="WxH,...",
        help="sizes of the output (default: three that the design takes, or the photograph's)",
    )
    command.add_argument("--seed", metavar="N", type=_seed, default=0, help="of random images and stalls (default: 0)")
    command.add_argument(
        "--stalls",
        metavar="P",
        type=float,
        default=0.25,
        help="every size runs without stalls, and again with every port stalled in this fraction of the cycles; then "
        "each core alone, launches back to back, ports stalled together and alone (default: 0.25; 0: nothing stalls)",
    )

    _command(commands, "report", report_command, "print cycles, latency, memories and operators of the accelerators")

    text = "build a bitstream with open tools, the accelerator behind a serial port (boards with an ECP5)"
    command = _command(commands, "build", build_command, text)
    add_build_options(command)

    command = _plain_command(commands, "boards", boards_command, "list the boards there are")
    command.add_argument("board", metavar="BOARD", nargs="*", help="only these: names, or a board's .toml file")

    text = "convert Vivado's .bit into the .bin that Linux' FPGA manager loads"
    command = _plain_command(commands, "bitstream", bitstream_command, text)
    command.add_argument("file", metavar="FILE.bit", type=Path, help="the bitstream")
    command.add_argument("--board", metavar="BOARD", required=True, help="the board it is for")
    command.add_argument("-o", "--output", metavar="FILE.bin", type=Path, required=True, help="what to write")
    return parser


def _command(
    commands: argparse._SubParsersAction[_Parser],
    name: str,
    function: Callable[[argparse.Namespace], bool],
    text: str,
) -> argparse.ArgumentParser:
    """A command on a pipeline file."""
    command = _plain_command(commands, name, function, text)
    command.add_argument("file", metavar="FILE", type=Path, help="Python file with one @hl.generator class")
    command.add_argument(
        "-p", "--param", metavar="NAME=VALUE", action="append", default=[], help="value of a GeneratorParam"
    )
    command.add_argument(
        "--board",
        metavar="BOARD",
        help="the board to compile for: a name that `fluorite boards` lists, or a .toml file",
    )
    command.add_argument(
        "--shell",
        choices=("axi", "axis"),
        help="what is around the accelerators: axi, masters that read and write memory; axis, AXI4-Stream video in and "
        "out (default: what the board can use)",
    )
    command.add_argument(
        "--debug", action="store_true", help="check what every pass over the hardware's graph leaves behind"
    )
    return command


def _plain_command(
    commands: argparse._SubParsersAction[_Parser],
    name: str,
    function: Callable[[argparse.Namespace], bool],
    text: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(command=function)
    command.add_argument("--json", action="store_true", help="print JSON")
    return command


def _add_inputs(command: argparse.ArgumentParser, required: bool) -> None:
    command.add_argument(
        "-i",
        "--input",
        metavar="[NAME=]FILE",
        action="append",
        required=required,
        default=None if required else [],
        help="photograph (or .npy) for an input image; several in the order of the inputs, or by name",
    )
    command.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], help="value of a scalar input of the pipeline"
    )
