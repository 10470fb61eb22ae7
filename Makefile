# make demo    see the whole loop            make check   format, lint, types, layers
# make test    the tests                     make test-slow   the slow ones too
# make bench   the benchmarks                make lock    renew the locks (needs uv)
# Needs Python 3.11 to 3.13 and make. Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UV ?= uv
PYTEST ?= $(BIN)/python -m pytest -q -n auto
LOCK := $(UV) pip compile pyproject.toml --group build --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --quiet

.PHONY: demo test test-slow check bench bench-serving bench-console bench-monitoring lock clean
.DELETE_ON_ERROR:

demo: $(VENV)/.runtime
	@$(BIN)/quarterdeck demo $(DEMO)

test: $(VENV)/.dev $(VENV)/.clients
	@$(PYTEST) -m "not slow" $(TESTS)

test-slow: $(VENV)/.dev $(VENV)/.clients
	@$(PYTEST) $(TESTS)

check: $(VENV)/.dev .links
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_layers.py

bench-serving: $(VENV)/.dev
	$(BIN)/python benchmarks/bench_serving.py $(BENCH)

bench-console: $(VENV)/.dev
	$(BIN)/python benchmarks/bench_console.py $(BENCH)

bench-monitoring: $(VENV)/.dev
	$(BIN)/python benchmarks/bench_monitoring.py $(BENCH)

bench: $(VENV)/.dev
	@set -e; for program in benchmarks/bench_*.py; do echo "== $$program"; $(BIN)/python $$program; done

lock:
	$(LOCK) --output-file requirements.lock
	$(LOCK) --group dev --output-file requirements-dev.lock
	$(subst pyproject.toml --group build,--group clients,$(LOCK)) --output-file requirements-clients.lock

clean:
	rm -rf $(VENV) .links .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps say what is installed: the dev lock holds the runtime lock's packages too.
$(VENV)/.runtime: requirements.lock pyproject.toml
	@test -e $(VENV)/.dev || $(MAKE) --no-print-directory install LOCKFILE=requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml
	@$(MAKE) --no-print-directory install LOCKFILE=requirements-dev.lock
	@touch $@ $(VENV)/.runtime

# Other servers' clients, which the tests run as they are; their packages do not go with ours.
$(VENV)/.clients: requirements-clients.lock
	@test -x $(VENV)/clients/bin/python || $(PYTHON) -m venv $(VENV)/clients
	@echo "installing requirements-clients.lock"
	@$(VENV)/clients/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# Compiled here, without the libraries' own tests: 60 MB less. A library's file for another Python may not compile.
.PHONY: install
install:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Quarterdeck needs Python 3.11 to 3.13; try: make PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing $(LOCKFILE); this takes a minute or two"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r $(LOCKFILE)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q -j 0 -x '/(tests|pip|setuptools)/' $(VENV)/lib || true

# Type checkers do not see an editable install's mapping of folders to names.
.links:
	@mkdir -p .links/quarterdeck
	@for folder in console core sample_data scheduler store; do ln -sfn ../../$$folder .links/quarterdeck/$$folder; done
