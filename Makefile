# Everything is installed once, into .venv, from this folder's own files. Needed beforehand: Python 3.11 or newer, make.
#
#   make demo     the shipped messages, decided in your browser            make demo ARGS="--limit 10 --no-inbox"
#   make test     all tests                                                make test ARGS="tests/unit -k edit"
#   make lint     ruff, import-linter, deptry          make types   mypy --strict
#   make format   let ruff rewrite the files           make bench   the table of benchmarks/
#   make docs     the pages, in build/docs             make notebooks   run them and write their outputs
#   make screenshots   every page of the inbox in build/screenshots, and those that the docs show
#   make clean    forget .venv and all that was built

.PHONY: help demo test lint types format bench docs notebooks screenshots chromium clean
.DELETE_ON_ERROR:

new_enough := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p $(new_enough) 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/ready
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
ARGS ?=

help:
	@sed -n '/^#   /s/^#   //p' Makefile

demo: $(READY)
	@$(BIN)/hitl-graph demo $(ARGS)
	@echo "(hitl-graph is $(BIN)/hitl-graph here)" >&2

test: $(READY) chromium
	@$(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: run 'make format'"; exit 1; }
	@$(BIN)/lint-imports
	@$(BIN)/deptry .

types: $(READY)
	@$(BIN)/mypy

format: $(READY)
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

bench: $(READY)
	@$(BIN)/python -m benchmarks.run $(ARGS)

docs: $(READY)
	@$(BIN)/python -m docs.make_reference
	@$(BIN)/zensical build --clean --strict

notebooks: $(READY)
	@$(BIN)/python -m notebooks.build $(ARGS)

screenshots: $(READY) chromium
	@$(BIN)/python -m docs.inbox_screenshots $(ARGS)

# The pages and the notebook card are tested in a real browser. Only root on Debian can be helped here.
chromium:
ifeq ($(CHROMIUM),)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Debian's Chromium for the browser tests, once."; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			chromium fonts-dejavu-core >/dev/null; \
	elif [ -n "$$CI" ]; then \
		echo "The browser tests need Chromium, which is missing here: install the package 'chromium'."; exit 1; \
	else \
		echo "No Chromium here, so the browser tests are skipped. To run them: sudo apt-get install chromium"; \
	fi
endif

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .cache

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { \
		echo "hitl-graph needs Python 3.11 or newer, and found none. Name one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) $(new_enough) || { \
		echo "hitl-graph needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1)."; exit 1; }
	@echo "Installing into .venv, once; about a minute."
	@$(PYTHON) -m venv .venv || { \
		echo "'$(PYTHON) -m venv' failed. On Debian and Ubuntu it is a package of its own: python3-venv."; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,dev]'
	@touch $@
