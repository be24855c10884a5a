# make demo    the whole desk on a generated market, in a console chat      (options: ARGS="--seed 7")
# make test    the whole test suite                                         (options: ARGS="-k risk")
# make lint    style, types and import contracts
# make format  put the code into the house style
# make docs    write the generated pages: commands, configuration
# make setup   tools, Python 3.12 and the locked packages; the others call it when something changed
# make lock    write requirements/ anew from pyproject.toml                 (newer versions: ARGS=--upgrade)
# make clean   remove everything that make and Python made here

ROOMS := $(patsubst %/__init__.py,%,$(wildcard $(addsuffix /__init__.py,bot strategies handlers storage \
	research sandbox dashboard cli)))
LOCKS := requirements/runtime.txt requirements/dev.txt
JOBS ?= 2

# Stamps are named after what they were made from: a moved checkout or another lock asks for another stamp.
venv := .venv/made-$(shell (pwd; cat .python-version) | git hash-object --stdin)
packages := .venv/ready-$(shell cat $(LOCKS) pyproject.toml | git hash-object --stdin)
bytecode := .venv/compiled
kernels := .venv/kernels
uv := scripts/uv
python := .venv/bin/python

.PHONY: help setup demo test lint style types contracts format docs lock clean

help:
	@sed -n 's/^# make/make/p' Makefile

setup: $(bytecode) $(kernels)
	@:

$(venv):
	@echo "Making .venv with Python $$(cat .python-version)"
	@$(uv) venv --quiet --clear --python "$$(cat .python-version)" .venv
	@touch $@

$(packages): $(venv)
	@echo "Installing the locked packages"
	@rm -f .venv/ready-*
	@$(uv) pip sync --quiet --python .venv --require-hashes --compile-bytecode $(LOCKS)
	@$(uv) pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
	@touch $@

$(bytecode): $(packages) $(shell find $(ROOMS) -name '*.py')
	@$(python) -m compileall -q $(ROOMS)
	@touch $@

$(kernels): $(packages) bot/market/compiled.py $(wildcard bot/ml/*.py research/arrays/*.py strategies/*/*.py)
	@echo "Compiling array code"
	@$(python) -m research.arrays.warm
	@touch $@

demo: setup
	@.venv/bin/quarterdeck demo $(ARGS)

test: setup
	@$(python) -m pytest -n $(JOBS) --dist worksteal $(ARGS)

lint: style types contracts

style: setup
	$(python) -m ruff check .
	$(python) -m ruff format --check .

types: setup
	$(python) -m mypy $(ROOMS)

contracts: setup
	.venv/bin/lint-imports --no-logo

format: setup
	$(python) -m ruff check --fix .
	$(python) -m ruff format .

docs: setup
	.venv/bin/quarterdeck commands --markdown > docs/commands.md
	$(python) -m bot.config.docs

compile := $(uv) pip compile --quiet --generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
	--python-version 3.12 --python-platform linux --prerelease if-necessary-or-explicit $(ARGS)

lock:
	$(compile) pyproject.toml --group build --output-file requirements/runtime.txt
	$(compile) --group dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
	$(compile) --group uv --no-annotate --output-file requirements/uv.txt

clean:
	rm -rf .venv .uv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
