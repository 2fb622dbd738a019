# Everything from Python 3.11 and pip: the first use of a target makes .venv and installs what that target needs.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := $(CURDIR)/.venv/bin
CAPSTONE := tutorials/12_federated_blocklists.ipynb
SANITIZE := ramp_notebook/testing/nbval_sanitize.cfg

# Browser tests need Chromium on the PATH: `make test BROWSER=1`.
BROWSER ?=
TEST_EXTRAS := test$(if $(BROWSER),-browser)
TEST_MARKS := not bench and not soak$(if $(BROWSER),, and not browser)
ALONE := process or slow or browser

.PHONY: help demo test soak attacks lab bench bench-peers refresh lint types wheel clean
.SECONDARY:

help:
	@echo "make demo         run the capstone tutorial and show its result card"
	@echo "make test         run every test (with BROWSER=1 those in a browser too)"
	@echo "make soak         run the endurance tests at full length: many minutes"
	@echo "make attacks      cheat at every message of small programs, in every way, and weaken every check: an hour or two"
	@echo "make lab          open JupyterLab on the tutorials"
	@echo "make bench        time us against this machine's floor"
	@echo "make bench-peers  the same beside other frameworks that pip can install"
	@echo "make refresh      execute the tutorials in place"
	@echo "make lint types   ruff; mypy --strict"
	@echo "make wheel        build build/dist/*.whl and check its file list"
	@echo "make clean        remove everything that make made"

# .venv/.with-test-browser: the environment holds the extras `test` and `browser`, as pyproject.toml has them now.
.venv/.with-%: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(subst -,$(comma),$*)]'
	@touch $@
comma := ,

demo: .venv/.with-demo
	@$(BIN)/python tests/tools/notebooks.py demo $(CAPSTONE) build/demo

# What stays inside one process runs on all cores at once; what starts processes, or drives kernels, has the machine to itself.
test: .venv/.with-$(TEST_EXTRAS)
	$(BIN)/python -m pytest tests --numprocesses auto --dist loadfile -m "$(TEST_MARKS) and not ($(ALONE))"
	$(BIN)/python -m pytest tests -m "$(TEST_MARKS) and ($(ALONE))"
	$(BIN)/python -m pytest tutorials --nbval --nbval-sanitize-with $(SANITIZE)

soak: .venv/.with-test
	$(BIN)/python -m pytest tests -m soak

# All tell what failed, and use all cores; the table of attacks grows in .build/attacks.txt. `python -m tests.attacks --share 0.1` runs a part.
attacks: .venv/.with-test
	$(BIN)/python -m tests.attacks
	$(BIN)/python -m tests.attacks.mutants
	$(BIN)/python -m tests.attacks.rates

lab: .venv/.with-lab
	$(BIN)/jupyter lab tutorials

bench: .venv/.with-test
	$(BIN)/python -m tests.benchmarks
	$(BIN)/python -m tests.benchmarks.models
	$(BIN)/python -m tests.benchmarks.preprocessing
	$(BIN)/python -m tests.benchmarks.circuits

# The others get an environment of their own: their pins must not decide ours.
.build/peers/.ready: Makefile
	$(PYTHON) -m venv .build/peers
	.build/peers/bin/python -m pip install --quiet --disable-pip-version-check mpyc spu
	@touch $@

bench-peers: .venv/.with-test .build/peers/.ready
	$(BIN)/python -m tests.benchmarks --peers $(CURDIR)/.build/peers/bin/python

refresh: .venv/.with-demo
	$(BIN)/python tests/tools/notebooks.py refresh tutorials/*.ipynb

lint: .venv/.with-test
	$(BIN)/ruff check .

# mypy follows folders, not the package mapping: a tree of links shows it the names as they are imported.
types: .venv/.with-test
	@rm -rf .build/types && mkdir -p .build/types/ramp_notebook
	@ln -s $(CURDIR)/ramp_notebook/* $(CURDIR)/gadgets $(CURDIR)/kernel_ext .build/types/ramp_notebook/
	cd .build/types && $(BIN)/mypy --config-file $(CURDIR)/pyproject.toml --cache-dir ../mypy --package ramp_notebook

wheel: .venv/.with-test
	@rm -rf build/dist && $(BIN)/python tests/tools/wheel.py build/dist

clean:
	rm -rf .venv .build build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
