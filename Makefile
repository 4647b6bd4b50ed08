# Everything runs inside $(VENV); nothing is installed outside of it, but for a browser where `make test` runs as root.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test lint format train eval browser clean

VENV ?= .venv
PORT ?= 8000
WEIGHTS ?= weights/pandora-small
PIP_ARGS ?=
ARGS ?=
BIN := $(VENV)/bin
comma := ,

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1 \2/p' Makefile | while read -r name does; do printf '  make %-8s %s\n' "$$name" "$$does"; done
	@echo
	@echo "  VENV=$(VENV)  PORT=$(PORT)  WEIGHTS=$(WEIGHTS)  PYTHON=…  PIP_ARGS=…  ARGS=… (handed to the command)"

demo: $(VENV)/.installed ## Install what is missing and serve the shipped model: the whole product in a browser
	@$(BIN)/pandora serve --weights $(WEIGHTS) --port $(PORT) $(ARGS)

test: $(VENV)/.installed-dev lint browser ## Install what is missing; lint, types and all tests
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.installed-dev ## Style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo 'Run `make format`.'; exit 1; }
	@$(BIN)/hadolint Dockerfile
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --pythonpath $(BIN)/python

format: $(VENV)/.installed-dev ## Rewrite to the project's style
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

train: $(VENV)/.installed-train ## From nothing to runs/general/weights: data of all worlds, every stage; resumes where it stopped
	@$(BIN)/pandora train recipe $(ARGS)

eval: $(VENV)/.installed ## Measure the weights against the simulator: table and plot
	@$(BIN)/pandora eval --weights $(WEIGHTS) $(ARGS)

clean: ## Remove what the targets above made, except for trained runs
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp per set of packages: a target installs once, and again only when pyproject.toml changes.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@$(call install,.)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	@$(call install,.[dev])
	@touch $(VENV)/.installed $@

$(VENV)/.installed-train: pyproject.toml | $(BIN)/python
	@$(call install,.[train$(comma)worlds])
	@touch $(VENV)/.installed $@

define install
echo "Installing pandora and its libraries into $(VENV) (1.6 GB on disk with a CPU build of torch) …"; \
$(BIN)/python -m pip install $(PIP_ARGS) --progress-bar off -e '$(1)' 2>&1 | tee $(VENV)/install.log \
  | sed -nu -e 's/^ *Downloading \([^ /]*\/\)*\([^- ]*\)-\([^- ]*\)[^ ]* (\([0-9.]* [MG]B\)).*/  \2 \3, \4/p' \
            -e 's/^Installing collected packages.*/  unpacking …/p' \
  || { grep -v '^WARNING' $(VENV)/install.log | tail -n 15; echo "The installation failed; all of it: $(VENV)/install.log"; exit 1; }
endef

$(BIN)/python:
	@python=$$(for name in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
	  if $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; \
	  then echo $$name; break; fi; done); \
	if [ -z "$$python" ]; then \
	  echo "Pandora needs Python 3.11, 3.12 or 3.13; found $$(python3 --version 2>/dev/null || echo none)."; \
	  echo "Install one (Debian, Ubuntu: apt install python3 python3-venv) or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python"; \
	  exit 1; fi; \
	if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "$$($$python --version) comes without venv. Install it (Debian, Ubuntu: apt install python3-venv)."; exit 1; fi; \
	echo "Creating $(VENV) with $$($$python --version) …"; \
	$$python -m venv $(VENV)

browser: $(VENV)/.installed-dev
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! ldconfig -p | grep -q libEGL.so.1; then \
	  echo "Installing what draws without a display …"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends libegl1 libgl1-mesa-dri >/dev/null; fi
	@if ! command -v chromium chromium-browser google-chrome >/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing chromium for the browser tests …"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null; \
	  else $(BIN)/playwright install chromium; fi; fi
