VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3

.PHONY: demo docs test test-trust test-full bench bench-growth bench-media bench-peers clean
BENCH_IMAGES ?= 5000
BENCH_ROUNDS ?= 3
BENCH_OPTIONS ?=
GROWTH_IMAGES ?= 11829 118287
GROWTH_OPTIONS ?=
TRUST := tests/trust tests/hostile tests/fuzz tests/archive
PEERS := labelformat==0.1.17 globox==2.9.0

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[all-formats,dev,cloud,dataframe,http,video]'
	touch $@

demo: $(VENV)/.ready
	PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/demo.sh

docs: $(VENV)/.ready
	$(BIN)/python docs/make_cli.py
	$(BIN)/python docs/make_library.py

test: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto -m "not full"

test-trust: $(VENV)/.ready
	$(BIN)/python -m pytest -n auto -m "not full" $(TRUST)

test-full: $(VENV)/.ready
	$(BIN)/python -m pytest -n auto

# Compiled before, as the peers are by their installation, whatever PYTHONDONTWRITEBYTECODE says.
bench: $(VENV)/.ready
	-$(MAKE) bench-peers
	$(BIN)/python -m compileall -q localcvat formats
	$(BIN)/python tests/bench/run.py --images $(BENCH_IMAGES) --rounds $(BENCH_ROUNDS) $(BENCH_OPTIONS)

bench-growth: $(VENV)/.ready
	$(BIN)/python tests/bench/growth.py $(GROWTH_IMAGES) $(GROWTH_OPTIONS)

bench-media: $(VENV)/.ready
	$(BIN)/python tests/bench/media_jobs.py --images $(BENCH_IMAGES) --rounds $(BENCH_ROUNDS)

bench-peers: .bench/peers/.ready

.bench/peers/.ready: Makefile
	$(PYTHON) -m venv .bench/peers
	.bench/peers/bin/python -m pip install --quiet $(PEERS)
	touch $@

clean:
	rm -rf $(VENV) .demo .bench
