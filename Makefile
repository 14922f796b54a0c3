# make setup   the environment in .venv/, so that .venv/bin/packshot runs
# make demo    from a fresh clone to a brand's contact sheet in out/demo/
# make test    every test that needs no GPU, on a real ComfyUI
# make lint    style and types
# make docs    the pages and pictures that are made from data and code
# make bench   the benchmarks; see docs/benchmarks.md

PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test lint lint-web docs bench clean
.DEFAULT_GOAL := setup

setup: .venv/.installed

.venv/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Packshot needs Python 3.10 or newer; say which: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/packshot demo --out out/demo

test: setup
	$(BIN)/packshot host install
	$(BIN)/python -m pytest --numprocesses auto tests/unit
	$(BIN)/python -m pytest tests/browser tests/host tests/gpu

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory lint-web; \
	else echo "npm is not here: the types of the canvas extension in web/ were not checked"; fi

lint-web: node_modules/.package-lock.json
	node_modules/.bin/tsc --project web

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --no-audit --no-fund --ignore-scripts --silent
	touch $@

docs: setup
	$(BIN)/python docs/make_models.py docs/models.md
	$(BIN)/python docs/make_quality.py docs
	$(BIN)/python docs/make_api.py docs
	$(BIN)/python docs/make_architecture.py docs

bench: setup
	$(BIN)/packshot host install
	$(BIN)/python bench/client.py
	$(BIN)/python bench/headers.py

clean:
	rm -rf .venv out build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
