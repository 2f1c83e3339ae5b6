# `make train` sets everything up and trains the default config; `make test` sets up and runs all tests.
PYTHON ?= python3
VENV ?= .venv
CONFIG ?= configs/digits.py
WORKDIR ?= runs/$(basename $(notdir $(CONFIG)))

.PHONY: train test test-oldest quick lint format benchmark clean

train: $(VENV)/installed
	$(VENV)/bin/tf-tricks train --config=$(CONFIG) --workdir=$(WORKDIR)

test: lint
	$(VENV)/bin/python -m pytest -n 2 --dist worksteal

test-oldest: $(VENV)-oldest/installed
	$(VENV)-oldest/bin/python -m pytest -n 2 --dist worksteal

quick: $(VENV)/installed
	$(VENV)/bin/python -m pytest -n 2 --dist worksteal -m "not slow"

lint: $(VENV)/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

format: $(VENV)/installed
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

benchmark: $(VENV)/installed
	$(VENV)/bin/python benchmarks/startup.py
	$(VENV)/bin/python benchmarks/trainer.py
	$(VENV)/bin/python benchmarks/optimizers.py
	$(VENV)/bin/python benchmarks/layers.py

$(VENV)/installed: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

$(VENV)-oldest/installed: setup.cfg pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv $(VENV)-oldest
	$(VENV)-oldest/bin/pip install --quiet --disable-pip-version-check -c constraints-oldest.txt -e '.[test,tpu-check]'
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-oldest runs
