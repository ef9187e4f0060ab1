VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3

.PHONY: demo docs test test-full bench bench-peers clean
BENCH_IMAGES ?= 5000
BENCH_ROUNDS ?= 3

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

test-full: $(VENV)/.ready
	$(BIN)/python -m pytest -n auto

bench: $(VENV)/.ready bench-peers
	$(BIN)/python tests/bench/run.py --images $(BENCH_IMAGES) --rounds $(BENCH_ROUNDS)

bench-peers: .bench/peers/.ready

.bench/peers/.ready:
	$(PYTHON) -m venv .bench/peers
	.bench/peers/bin/python -m pip install --quiet labelformat
	touch $@

clean:
	rm -rf $(VENV) .demo .bench
