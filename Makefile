# PyROS: `make run` starts the simulated observatory, `make test` proves it, `make bench` measures it.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
SPEED ?=
CONFIG ?=
DATA ?=
PORT ?=

RUN_FLAGS = $(if $(CONFIG),--config $(CONFIG)) $(if $(DATA),--data $(DATA)) $(if $(PORT),--port $(PORT)) $(if $(SPEED),--speed $(SPEED))

.PHONY: help install run simulate dev test lint types contracts unit bench soak clean

help:
	@echo "make run [SPEED=60]   the simulated observatory and its live page on http://127.0.0.1:8642"
	@echo "make simulate         a whole night in virtual time, printed as one JSON object"
	@echo "make test             lint, types, import contracts and all tests"
	@echo "make bench            one JSON line for each figure, peers in the same run"
	@echo "make soak             the long campaigns"

install:
	@$(PYTHON) install.py

run: install
	@$(BIN)/pyros run $(RUN_FLAGS)

simulate: install
	@$(BIN)/pyros simulate --night 2026-11-23 --seed 7 --json

dev:
	@$(PYTHON) install.py --tests

test: dev lint types contracts unit

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy

contracts:
	$(BIN)/lint-imports

unit:
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

bench: dev
	@for script in $(filter-out bench/soak.py,$(wildcard bench/*.py)); do echo "# $$script"; $(BIN)/python -P $$script || exit 1; done

soak: dev
	$(BIN)/python -P bench/soak.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist
