# Every target sets up what it needs: a virtual environment in the checkout, made anew when pyproject.toml changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.current
# Named by its exact version, so that what is installed for the tests is known; any that pyproject.toml admits will do.
TORCH ?= torch==2.13.0
CORPUS ?=
DEMO ?=
SITE ?= site
export PYTHONSAFEPATH := 1

.PHONY: help setup demo test cluster-test check format docs pictures bench clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## make the virtual environment

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(STAMP)

demo: $(STAMP) ## deduplicate, plant, train two small models, score, and give the verdict on each
	PYTHONPATH=. $(BIN)/python -m examples.full_loop $(DEMO)

# Tests start the commands some hundred times: each start would compile all of the source where no bytecode is kept.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(STAMP) ## run the tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

cluster-test: $(STAMP) ## run commands on Flink, Spark, Prism and network namespaces: make cluster-test CLUSTER="prism or flink"
	$(BIN)/python -m pytest -m cluster tests/cluster $(if $(CLUSTER),-k "$(CLUSTER)")

check: $(STAMP) ## lint, formatting, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP) ## build the documentation site in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir $(SITE)

pictures: $(STAMP) ## draw the diagrams of the documentation again
	$(BIN)/python docs/pictures.py

bench: $(STAMP) ## compare with peers: make bench CORPUS="DIR DIR"
	PYTHONPATH=. $(BIN)/python -m benchmarks.dedup $(if $(CORPUS),--corpus $(CORPUS))

clean: ## remove the virtual environment, caches and the demo's output
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build demo-out site *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
