# Batchyard's commands; `make help` lists them. Portable: GNU make 3.81 (macOS) and BSD make.

.POSIX:
.SUFFIXES:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python

# What `make test` runs, and on how many processes.
TESTS ?= tests
WORKERS ?= 2

# `make synth` leaves the templates here.
OUT ?= cdk.out

.PHONY: help setup demo up down test check format synth faults mutants bench smoke clean

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: ## install everything into .venv (instant when nothing changed)
	@sh local/setup.sh

demo: setup ## the whole platform on this machine, running real jobs
	@"$(PY)" -m local demo

up: setup ## start the platform in the background; .batchyard/local.json says where it is
	@"$(PY)" -m local up

down: setup ## stop it
	@"$(PY)" -m local down

test: setup ## every test: unit, contract, handlers, templates, local, end to end
	@"$(PY)" -m pytest -n $(WORKERS) --dist loadfile $(TESTS)

check: setup ## lint, format, types and the direction of imports
	@"$(PY)" -m ruff check .
	@"$(PY)" -m ruff format --check .
	@"$(PY)" -m mypy
	@"$(BIN)/lint-imports"

format: setup ## put the code into its format
	@"$(PY)" -m ruff check --fix .
	@"$(PY)" -m ruff format .

synth: setup ## the templates, checked by cdk-nag and cfn-lint, and what they cost when idle
	@rm -rf "$(OUT)"
	@BATCHYARD_NAG=1 CDK_OUTDIR="$(OUT)" "$(PY)" app.py
	@"$(BIN)/cfn-lint" --non-zero-exit-code error $(OUT)/*.template.json
	@echo "templates in $(OUT)"

faults: setup ## ten thousand hostile days in virtual time
	@"$(PY)" -m simulator faults --seeds $${SEEDS:-10000}

mutants: setup ## take out one safeguard at a time: the fault runs must notice each (long)
	@"$(PY)" -m simulator mutants --seeds $${SEEDS:-2000}

bench: setup ## the figures: latency, throughput, calls, write units, price
	@"$(PY)" -m benchmarks

smoke: setup ## prove it on an AWS account and remove it; says first what it may cost, and asks
	@"$(PY)" -m local smoke

clean: ## stop the platform and remove all that was made here
	@if [ -x "$(PY)" ]; then "$(PY)" -m local down || true; fi
	@rm -rf "$(VENV)" .batchyard .build cdk.out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
