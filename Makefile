# `make train` sets everything up and trains the default config; `make test` sets up and runs all tests.
PYTHON ?= python3
VENV ?= .venv
CONFIG ?= configs/digits.py
WORKDIR ?= runs/$(basename $(notdir $(CONFIG)))

# The environment of Colab's runtimes, and the CPythons that the wheel is tried on.
COLAB_PYTHON ?= python3.12
WHEEL_PYTHONS ?= python3.11 python3.12 python3.13

# What to mutate: MUTANTS="--only=tf_tricks/optimizers --sample=50 --seed=1".
MUTANTS ?=

# What is run on JAX, too, where it is marked.
ENGINES = tests/engines/jax tests/tricks tests/training/test_checkpoint_folder.py tests/training/test_keras_contract.py \
	tests/training/test_kill.py

.PHONY: train test test-postgresql test-oldest test-colab test-wheel test-wheels quick lint format docs benchmark mutants clean

train: $(VENV)/installed
	$(VENV)/bin/tf-tricks train --config=$(CONFIG) --workdir=$(WORKDIR)

test: lint
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile -m "not postgresql"
	KERAS_BACKEND=jax JAX_PLATFORMS=cpu $(VENV)/bin/python -m pytest -n 2 --dist loadfile -m engines $(ENGINES)

test-postgresql: $(VENV)/installed
	tests/postgresql/install
	$(VENV)/bin/python -m pytest -m postgresql tests/postgresql

test-oldest: $(VENV)-oldest/installed
	$(VENV)-oldest/bin/python -m pytest -n 2 --dist loadfile -m "not postgresql"

test-colab: $(VENV)-colab/installed
	$(VENV)-colab/bin/python -m pytest -n 2 --dist loadfile -m "not tpu_compiler" tests/colab tests/tricks tests/augment \
		tests/callbacks tests/initializers tests/layers tests/losses tests/models tests/optimizers tests/schedules

test-wheel:
	tests/wheel/try_wheel $(PYTHON)

test-wheels:
	tests/wheel/try_wheel $(WHEEL_PYTHONS)

quick: $(VENV)/installed
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile -m "not slow and not postgresql"

lint: $(VENV)/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

docs: $(VENV)/installed
	$(VENV)/bin/mkdocs build

format: $(VENV)/installed
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

benchmark: $(VENV)/installed
	$(VENV)/bin/python benchmarks/startup.py
	$(VENV)/bin/python benchmarks/trainer.py
	$(VENV)/bin/python benchmarks/optimizers.py
	$(VENV)/bin/python benchmarks/layers.py

mutants: $(VENV)/installed
	$(VENV)/bin/python benchmarks/mutants.py --log=mutants.jsonl $(MUTANTS)

$(VENV)/installed: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,lint,docs,tpu-check,onnx,postgresql]'
	touch $@

$(VENV)-oldest/installed: setup.cfg pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv $(VENV)-oldest
	$(VENV)-oldest/bin/pip install --quiet --disable-pip-version-check -c constraints-oldest.txt -e '.[test,tpu-check,onnx]'
	touch $@

$(VENV)-colab/installed: setup.cfg pyproject.toml constraints-colab.txt
	$$(tests/wheel/find_python $(COLAB_PYTHON)) -m venv $(VENV)-colab
	$(VENV)-colab/bin/pip install --quiet --disable-pip-version-check -c constraints-colab.txt -e '.[test]'
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-oldest $(VENV)-colab runs mutants.jsonl
