# `make demo` and `make test` need nothing but Debian 12's python3 (3.11 or later) with pip, g++, make and perl:
# everything else is installed into .venv. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV   := .venv
BIN    := $(VENV)/bin
PY     := $(BIN)/python
STAMP  := $(VENV)/.installed
# One test process a core, at least two.
WORKERS := $(shell n=$$(nproc 2>/dev/null || echo 2); [ "$$n" -ge 2 ] && echo "$$n" || echo 2)

# Tools installed with the project (ruff, mypy, a command named `python` that Verilator wants) come first.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help check-tools setup demo test test-system test-sweeps tools machine-tools test-kernels fuzz damage lint format bench bench-hardware bench-rates bench-time clean distclean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## create .venv and install fluorite with everything in it

check-tools:
	@missing=; for tool in g++ perl; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	if [ -n "$$missing" ]; then \
	  echo "make: not found:$$missing (Verilator needs them to build the simulator)." >&2; \
	  echo "      On Debian or Ubuntu: sudo apt install g++ perl" >&2; exit 1; \
	fi

# The first Python that is new enough. A Python without ensurepip (Debian without python3-venv) gets an
# empty environment and its own pip puts one in.
$(STAMP): pyproject.toml | check-tools
	@if [ ! -x $(PY) ]; then \
	  python=; \
	  for candidate in python3.11 python3 python3.12 python3.13 python; do \
	    if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	  done; \
	  if [ -z "$$python" ]; then \
	    echo "make: no Python 3.11 or later found. On Debian 12: sudo apt install python3 python3-venv" >&2; exit 1; \
	  fi; \
	  if ! $$python -c 'import venv' 2>/dev/null; then \
	    echo "make: $$python has no venv module. On Debian 12: sudo apt install python3-venv" >&2; exit 1; \
	  fi; \
	  echo "Creating $(VENV) with $$($$python --version)"; \
	  if $$python -c 'import ensurepip' 2>/dev/null; then \
	    $$python -m venv $(VENV); \
	  elif $$python -c 'import pip' 2>/dev/null; then \
	    $$python -m venv --without-pip $(VENV) && $$python -m pip --python $(PY) install -q pip; \
	  else \
	    echo "make: $$python has neither ensurepip nor pip. On Debian 12: sudo apt install python3-venv" >&2; exit 1; \
	  fi; \
	fi
	@echo "Installing fluorite and what it needs into $(VENV) (a few minutes the first time)"
	@$(PY) -m pip install -q --disable-pip-version-check -e '.[all]'
	@touch $@

demo: $(STAMP) ## Harris corners of a photograph through the simulated accelerator; images in build/demo/
	@$(PY) apps/demo.py

tools: ## install with apt what `make test` needs beyond Python's packages, where it is missing (Debian, needs root)
	@fluorite/host/install-tools.sh programs boards

machine-tools: ## the same for `make test-system`: QEMU's system emulation, what Linux is built with
	@fluorite/host/install-tools.sh programs boards machines

test: $(STAMP) tools ## run all tests but the long sweeps of `make test-system`
	@$(PY) -m pytest -n $(WORKERS) -m "not system" --durations=15

test-system: $(STAMP) machine-tools ## whole machines that boot Linux, every system with every application, three bitstreams
	@$(PY) -m pytest -n $(WORKERS) -m system --durations=15 tests/systems tests/sim tests/glue/linux tests/boards/ecp5 \
	  --ignore=tests/glue/linux/test_kernels.py --ignore=tests/systems/program/test_rate_lanes.py

test-kernels: $(STAMP) tools ## build the kernel driver against headers of Linux 5.15 to 7.0, downloaded once (700 MB)
	@$(PY) -m pytest -m system -rP tests/glue/linux/test_kernels.py

test-sweeps: $(STAMP) tools ## more of the same: testbenches of every width, block designs of every application, applications in every number of lanes, PYNQ itself, nasty names, edges, ways out
	@$(PY) -m pytest -n $(WORKERS) -m system --durations=15 tests/glue/test_testbench.py tests/glue/pynq tests/boards/vivado \
	  tests/test_optimum.py tests/test_names.py tests/test_apps.py tests/test_rate_apps.py tests/test_rates.py tests/test_exact.py \
	  tests/test_rebuilt.py tests/test_edges.py tests/systems/program/test_rate_lanes.py tests/hwgen/test_paths.py \
	  tests/errors

fuzz: $(STAMP) ## compare FLUORITE_FUZZ=300 random pipelines with Halide, from FLUORITE_FUZZ_SEED=0 on
	@FLUORITE_FUZZ=$${FLUORITE_FUZZ:-300} $(PY) -m pytest tests/test_random_pipelines.py tests/test_random_pools.py tests/test_random_rates.py \
	  tests/test_random_reductions.py -k many

damage: $(STAMP) ## 5,000 damaged image files, 5,000 damaged command lines and folders: all end with a documented exit code
	@$(PY) -m pytest -n $(WORKERS) -m system tests/damage

mutations: $(STAMP) ## try every mutant of six cores on `fluorite verify`'s own runs (SHARE=0.1: a tenth of them)
	@$(PY) -m tests.mutations --workers $(WORKERS) --share $(or $(SHARE),1) --seed $(or $(SEED),0)

lint: $(STAMP) ## ruff (rules and format) and mypy --strict
	@ruff check .
	@ruff format --check .
	@mypy

format: $(STAMP) ## let ruff rewrite what it can
	@ruff check --fix .
	@ruff format .

bench: $(STAMP) ## run every benchmark
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(PY) "$$script"; done

bench-rates: $(STAMP) ## area, cycles and bits held of designs at several rates
	@$(PY) benchmarks/rates.py --parts

bench-time: $(STAMP) ## area and cycles of designs whose reductions and recursions run over time
	@$(PY) benchmarks/over_time.py

bench-hardware: $(STAMP) ## area by Yosys beside published figures and hand-written cores (ROUTE=1: clock on ECP5 too)
	@$(PY) benchmarks/hardware.py --parts $(if $(ROUTE),--route --paths)

clean: ## remove what was built and cached, keep .venv
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## remove .venv too
	rm -rf $(VENV) *.egg-info
