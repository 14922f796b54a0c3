# make setup   the environment in .venv/, so that .venv/bin/packshot runs
# make demo    from a fresh clone to a brand's contact sheet in out/demo/
# make unit    the fast tests; make unit ARGS="-k palette" for some of them
# make test    the fast tests, and those on a real ComfyUI and in a real browser
# make campaign  the long tests: hosts and runs that are killed, Ray, training that goes on, judged pictures, real corpora
# make one T=tests/unit/test_paths.py   the tests of one file or folder, or one test
# make lint    style and types
# make docs    the pages and pictures that are made from data and code
# make bench   the benchmarks; see docs/benchmarks.md

PYTHON ?= python3
BIN := .venv/bin
# One thread for each worker: more of them than cores only wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest
# Tests that share a host go to one worker. Two workers: each has hosts of its own, of about 1 GB of memory.
ON_HOSTS := $(PYTEST) --numprocesses 2 --dist loadgroup

.PHONY: setup demo unit test campaign one lint lint-web docs bench clean
.DEFAULT_GOAL := setup

setup: .venv/.installed

.venv/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Packshot needs Python 3.10 or newer; say which: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[dev]'
	mkdir -p .venv/checkout
	ln -sfn ../../client .venv/checkout/packshot
	ln -sfn ../.. .venv/checkout/pack
	touch $@

demo: setup
	$(BIN)/packshot demo --out out/demo

unit: setup
	$(PYTEST) --numprocesses auto tests/unit $(ARGS)

test: unit
	$(BIN)/packshot host install
	$(ON_HOSTS) tests/browser tests/host tests/gpu

campaign: setup
	$(BIN)/packshot host install
	$(ON_HOSTS) tests/campaigns $(ARGS)

one: setup
	$(PYTEST) $(T) $(ARGS)

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
	missed=0; for name in client headers matte; do $(BIN)/python bench/$$name.py || missed=1; done; exit $$missed

clean:
	rm -rf .venv out build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
