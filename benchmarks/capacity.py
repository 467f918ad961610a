"""The capacity model against Yosys and nextpnr on all applications; fits its weights.

    python benchmarks/capacity.py [--families zynq-7000,ecp5,zynq-ultrascale+] [--fit] [--plot docs/img/capacity.svg]

Prints what is predicted beside what was measured. Every application is predicted by weights fitted to the other
applications and to the stencils only: that error is what `fluorite report` states. --fit writes the weights (fitted to
everything) and the errors to fluorite/boards/capacity/capacity.json. Synthesis is cached by the hash of the Verilog;
the first run takes an hour, at low priority.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from scipy.optimize import nnls

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from designs.capacity_samples import BOARDS, Record, record, samples  # noqa: E402
from designs.scatter import scatter  # noqa: E402

from fluorite.synth.nextpnr import nextpnr_version  # noqa: E402
from fluorite.synth.yosys import yosys_version  # noqa: E402

MODEL = HERE.parent / "fluorite" / "boards" / "capacity" / "capacity.json"
FAMILIES = ("zynq-7000", "zynq-ultrascale+", "ecp5")
#: What a bit of each part would cost if nothing were merged with anything: where the designs do not tell a weight, it
#: stays near this one. Three operands are added by two LUTs and a carry chain a bit, which six inputs merge.
CORE_LUT = {
    "adder": 1, "merged adder": 1, "adder at multiplier": 0.5, "compare": 0.7, "mux": 0.7, "logic": 0.5,
    "small multiplier": 1, "small table": 1, "counter": 1.5, "position": 0.4, "port": 0.3, "stream": 5, "bypass": 1,
    "core": 30,
}  # fmt: skip
CORE_LUT4 = {**CORE_LUT, "merged adder": 2, "compare": 1, "mux": 1, "logic": 1, "counter": 2, "position": 0.7}
CORE_FF = {"counter": 1, "port": 1, "stream": 3, "register": 1, "register at multiplier": 0.2, "bypass": 2, "core": 20}
SHELL_LUT = {"register": 1, "readable": 0.4, "setting": 0.5, "address": 1, "data": 0.5, "shifter": 0.5, "stream": 100,
             "shell": 200}  # fmt: skip
SHELL_FF = {"register": 1, "setting": 1, "address": 1, "data": 1, "stream": 100, "shell": 250}
PRIOR_WEIGHT = 0.02  # a weight twice its prior costs as much as two designs 10 % off


@dataclass(frozen=True)
class Weights:
    """Fitted costs of a bit of each part: LUTs and flip-flops, by "core" or the shell's kind."""

    lut: dict[str, dict[str, float]]
    ff: dict[str, dict[str, float]]
    control_ns: float

    def predict(self, r: Record) -> dict[str, float]:
        """All figures of a record."""
        parts = {"core": {**r.core, "core": 1.0}}
        if r.sample.what != "core":
            parts[r.sample.what] = r.shell
        found = {
            "lut": sum(_cost(self.lut[what], bits) for what, bits in parts.items()) + r.exact.memory_lut,
            "ff": sum(_cost(self.ff[what], bits) for what, bits in parts.items()),
            "bram": r.exact.bram,
            "dsp": r.exact.dsp,
        }
        if r.megahertz:
            found["clock"] = 1000 / max(r.path_ns, self.control_ns)
        return found


Pairs: TypeAlias = Sequence[tuple[Record, dict[str, float]]]


def _cost(weights: dict[str, float], parts: dict[str, float]) -> float:
    return sum(weights.get(name, 0.0) * bits for name, bits in parts.items())


def fit_weights(prior: dict[str, float], rows: Sequence[dict[str, float]], values: Sequence[float]) -> dict[str, float]:
    """Weights, none negative, of least relative error, drawn to their priors."""
    names = list(prior)
    a = np.array([[row.get(name, 0.0) for name in names] for row in rows]) / np.array(values)[:, None]
    pull = np.sqrt(PRIOR_WEIGHT) * np.diag([1 / prior[name] for name in names])
    b = np.concatenate([np.ones(len(values)), np.full(len(names), np.sqrt(PRIOR_WEIGHT))])
    return {name: round(float(w), 4) for name, w in zip(names, nnls(np.vstack([a, pull]), b)[0], strict=True)}


def fit(records: Sequence[Record]) -> Weights:
    """Weights of the cores, then of what the shells add to them."""
    cores = [r for r in records if r.sample.what == "core"]
    rows = [{**r.core, "core": 1.0} for r in cores]
    prior = CORE_LUT4 if cores[0].sample.family == "ecp5" else CORE_LUT
    lut = {"core": fit_weights(prior, rows, [r.measured.lut for r in cores])}
    ff = {"core": fit_weights(CORE_FF, rows, [r.measured.ff for r in cores])}
    core_of = {(r.sample.design, r.sample.options): r for r in cores}
    for kind in sorted({r.sample.what for r in records} - {"core"}):
        shells = [(r, core_of[r.sample.design, r.sample.options]) for r in records if r.sample.what == kind]
        rows = [r.shell for r, _ in shells]
        shells_lut = [
            r.measured.all_lut - core.measured.all_lut - (r.exact.memory_lut - core.exact.memory_lut)
            for r, core in shells
        ]
        lut[kind] = fit_weights(SHELL_LUT, rows, shells_lut)
        ff[kind] = fit_weights(SHELL_FF, rows, [r.measured.ff - core.measured.ff for r, core in shells])
    timed = [r for r in records if r.megahertz]

    def wrong(control_ns: float) -> float:
        return sum(abs(1000 / max(r.path_ns, control_ns) / r.megahertz - 1) for r in timed)

    control_ns = min((1000 / r.megahertz for r in timed), key=wrong, default=0.0)
    return Weights(lut, ff, round(control_ns, 2))


def measured(r: Record) -> dict[str, float]:
    """What tools made of a record, by the names of :meth:`Weights.predict`."""
    m = r.measured
    found = {"lut": m.all_lut, "ff": m.ff, "bram": m.bram, "dsp": m.dsp}
    return {**found, "clock": r.megahertz} if r.megahertz else found


def cross_validated(records: Sequence[Record]) -> Pairs:
    """Every application's records, predicted by weights that no record of it had part in."""
    found = []
    for app in dict.fromkeys(r.sample.design for r in records if r.sample.is_application):
        weights = fit([r for r in records if r.sample.design != app])
        found += [(r, weights.predict(r)) for r in records if r.sample.design == app]
    return found


def errors(pairs: Pairs) -> dict[str, list[float]]:
    """Relative errors by figure; of what is not there at all, in units."""
    found: dict[str, list[float]] = {}
    for r, predicted in pairs:
        for name, value in measured(r).items():
            found.setdefault(name, []).append((predicted[name] - value) / max(value, 1.0))
    return found


def show(title: str, pairs: Pairs) -> None:
    """A table of predicted and measured, as Markdown, and the errors under it."""
    names = [name for name in ("lut", "ff", "bram", "dsp", "clock") if name in measured(pairs[0][0])]
    print(f"\n{title}\n")
    print("| design | options |" + "".join(f" {name} | measured | error |" for name in names))
    print("| --- | --- |" + " ---: | ---: | ---: |" * len(names))
    for r, predicted in pairs:
        options = " ".join(f"{key}={value}" for key, value in r.sample.options)
        cells = [r.sample.design, options]
        for name in names:
            value = measured(r)[name]
            error = 100 * (predicted[name] - value) / max(value, 1.0)
            cells += [f"{round(predicted[name], 1):g}", f"{round(value, 1):g}", f"{error:+.0f} %"]
        print(f"| {' | '.join(cells)} |")
    print()
    for name, found in errors(pairs).items():
        size = 100 * np.abs(found)
        print(f"{name}: {size.mean():.1f} % on average, {size.max():.1f} % at worst, {len(found)} designs")


def margins(pairs: Pairs, source: str) -> dict[str, Any]:
    """The errors, as the model file has them."""
    found: dict[str, Any] = {}
    for name, values in errors(pairs).items():
        mean, worst = (round(float(figure), 4) for figure in (np.abs(values).mean(), np.abs(values).max()))
        found[name] = {"mean": mean, "worst": worst, "designs": len(values), "source": source}
    found.setdefault("clock", {"mean": 0.0, "worst": 0.0, "designs": 0, "source": "by the delay model"})
    return found


def model(weights: Weights, margin: dict[str, Any]) -> dict[str, Any]:
    """One family's entry in the model file."""
    kinds = {kind: {"lut": weights.lut[kind], "ff": weights.ff[kind]} for kind in weights.lut}
    core = kinds.pop("core")
    return {"core": core, "shells": kinds, "control_ns": weights.control_ns, "margins": margin}


def study(records: Sequence[Record]) -> tuple[dict[str, Any], Pairs]:
    """Print tables of all that was measured; give the model file's entries, and the pairs for the picture."""
    families: dict[str, Any] = {}
    everything: list[tuple[Record, dict[str, float]]] = []
    yosys = f"Yosys {yosys_version()}"
    routed = f"{yosys} and nextpnr {nextpnr_version()}, placed and routed"
    weights: Weights | None = None
    for family in FAMILIES:
        own = [r for r in records if r.sample.family == family]
        if not own:
            continue
        if family == "zynq-ultrascale+":  # too few for weights of its own
            if weights is None:
                raise SystemExit("zynq-ultrascale+ needs the weights of zynq-7000: name both families")
            pairs: Pairs = [(r, weights.predict(r)) for r in own]
        else:
            pairs, weights = cross_validated(own), fit(own)
        titles = {"core": "cores", "axi": "cores in AXI shells", "axis": "cores in stream shells"}
        for what, title in titles.items():
            some = [(r, p) for r, p in pairs if r.sample.what == what]
            if some:
                tools = routed if some[0][0].megahertz else f"{yosys}, not placed"
                show(f"{family} ({BOARDS[family]}), {title}: {tools}", some)
        shells = [(r, p) for r, p in pairs if r.sample.what != "core"]
        tools = routed if shells[0][0].megahertz else f"{yosys}, not placed"
        # (Of UltraScale+ there are few, and none had part in the fit: cores count too.)
        families[family] = model(weights, margins(pairs if family == "zynq-ultrascale+" else shells, tools))
        everything += shells
    return families, everything


def summarize(families: dict[str, Any]) -> None:
    """The errors of whole designs, as Markdown."""
    print("\n| family | figure | mean error | worst | designs | compared with |")
    print("| --- | --- | ---: | ---: | ---: | --- |")
    for family, values in families.items():
        for figure, margin in values["margins"].items():
            if margin["designs"]:
                mean, worst = (f"{100 * margin[key]:.1f} %" for key in ("mean", "worst"))
                print(f"| {family} | {figure} | {mean} | {worst} | {margin['designs']} | {margin['source']} |")


def gather(families: list[str], workers: int) -> list[Record]:
    """Measure all samples, each in a process of its own: Halide's names count up within one."""
    tasks = samples(families)
    found = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool:
        for number, r in enumerate(pool.map(record, tasks), 1):
            found.append(r)
            print(f"[{number}/{len(tasks)}] {r.sample}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--families", default=",".join(FAMILIES), help="which to measure (default: all)")
    parser.add_argument("--workers", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--fit", action="store_true", help=f"write {MODEL.name}")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw predicted over measured as SVG")
    options = parser.parse_args()
    families, pairs = study(gather(options.families.split(","), options.workers))
    summarize(families)
    if options.fit:
        if set(families) != set(FAMILIES):
            raise SystemExit("--fit needs all families")
        about = "Written by python benchmarks/capacity.py --fit; see docs/capacity.md."
        MODEL.write_text(json.dumps({"about": about, "families": families}, indent=1) + "\n")
        print(f"\nwrote {MODEL}", file=sys.stderr)
    if options.plot:
        figures = {"LUT": "lut", "FF": "ff", "block RAM": "bram"}
        points = {
            title: [(r.sample.family, measured(r)[name], predicted[name]) for r, predicted in pairs]
            for title, name in figures.items()
        }
        options.plot.write_text(scatter(points))


if __name__ == "__main__":
    main()
