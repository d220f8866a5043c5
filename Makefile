# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2

# make demo    the simulated town on this machine: installs, starts everything, prints the URL
# make test    installs what the tests need and runs them all
# make setup   a virtual environment with what the gateway needs
# make check   format, lint, types, import layers, licence headers
# make peers   third-party programs for tests and benchmarks (Debian packages when root)
# make fuzz    every parser, for FUZZ_SECONDS in all
# make nightly every parser, a million inputs each, and every endpoint, attacked for longer: an hour
# make bench   every benchmark, quick
# make soak-alarms  100,000 alarms, 1,000 kills, 1,000 power cuts: nothing may be lost; an hour
# make yolo    an environment for ultralytics (7 GB), tried with a net that is trained for it
# make train-plates  both nets that find and read plates, TRAIN_MINUTES each; a GPU is used if there is one
# make soak-plates  10,000 cars at a gate: nothing is kept of those nobody seeks; 15 minutes
# make docs    the generated parts of docs/

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
YOLO ?= .yolo
TRAIN := .venv-train/bin/python
TRAIN_MINUTES ?= 60
FUZZ_SECONDS ?= 40
FUZZ_RUNS ?= 1000000
# more than cores: many tests wait for real peers
PYTEST_WORKERS ?= 3

# the gateway is started hundreds of times: it is compiled once, whatever the machine prefers
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup dev demo check test peers fuzz nightly bench soak-alarms soak-plates yolo train-plates docs lock clean

setup: $(STAMPS)/run
dev: $(STAMPS)/dev

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(STAMPS)/run: requirements.txt requirements-models.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements-models.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: requirements-dev.txt requirements-models.txt requirements-peers.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements-models.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements-peers.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	mkdir -p $(STAMPS) && touch $@ $(STAMPS)/run

demo: setup
	$(BIN)/varco demo $(DEMO_ARGS)

check: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/reuse lint --quiet

peers:
	.ci/peers

test: dev peers check fuzz
	$(BIN)/python -m tests.again -n $(PYTEST_WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

fuzz: dev
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS)

nightly: dev
	$(BIN)/python -m tests.fuzz --runs $(FUZZ_RUNS)
	VARCO_ATTACKS=100 $(BIN)/python -m pytest tests/e2e/test_api_attack.py --timeout 3600
	VARCO_CYCLES=500 $(BIN)/python -m pytest tests/unit/relay/video/test_network_attacks.py

bench: dev peers
	for name in $$(cd benchmarks && ls [a-z]*.py | sed 's/\.py$$//'); do \
	  $(BIN)/python -m benchmarks.$$name --quick --json /tmp/varco-$$name.json; done

soak-alarms: dev peers
	$(BIN)/python -m benchmarks.alarms --long --json /tmp/varco-soak-alarms.json

soak-plates: dev peers
	$(BIN)/python -m tests.e2e.plates_kept 10000 $$(mktemp -d)/box

yolo: dev
	$(PYTHON) -m venv $(YOLO)
	$(YOLO)/bin/python -m pip install -q --disable-pip-version-check -r requirements-yolo.txt
	$(BIN)/python -m tests.yolo.real --python $(YOLO)/bin/python

train-plates:
	$(PYTHON) -m venv .venv-train
	$(TRAIN) -m pip install -q --disable-pip-version-check -e '.[train,build]'
	$(TRAIN) -m training.fonts
	$(TRAIN) -m training.reader_train --minutes $(TRAIN_MINUTES) --seed 9 --out build/reader
	$(TRAIN) -m training.reader_export build/reader
	device=$$($(TRAIN) -c 'import torch; print("cuda" if torch.cuda.is_available() else "cpu")'); \
	$(TRAIN) -m training.finder_train build/finder.pt --minutes $(TRAIN_MINUTES) --seed 9 --device $$device
	$(TRAIN) -m training.finder_export build/finder.pt gateway/analytics/plates/weights

docs: dev
	$(BIN)/python -m docs.generate

# Versions are chosen here and nowhere else; no registry host is written into the lock files.
lock: | $(BIN)/python
	$(BIN)/python -m pip install -q pip-tools
	$(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --strip-extras --allow-unsafe --no-annotate --extra demo --extra build --extra postgresql -o requirements.txt pyproject.toml
	$(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --strip-extras --allow-unsafe --no-annotate --extra demo --extra build --extra postgresql --extra dev \
	  -c requirements.txt -o requirements-dev.txt pyproject.toml

clean:
	rm -rf $(VENV) build dist demo-state
