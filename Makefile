# make demo    release the shipped table of patients; the report lies in salus-demo/
# make test    the quick tests; with SLOW=1 or CI=true the slow ones too
# make check   style, types, direction of imports, licences
# make bench   the benchmarks
# make format  put the code into the house style
# Each makes the environment it needs; nothing but Python 3.11 or newer must be there.

PYTHON ?= $(shell python3.11 -c 'import venv' 2>/dev/null && echo python3.11 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
DEMO := .venv-demo
SALUS_DATA ?= ../shared/data
# Tests run beside each other: one thread each keeps them from fighting for the cores.
RUN_TESTS := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 SALUS_DATA=$(SALUS_DATA) $(BIN)/python -m pytest
WORKERS ?= 2

.PHONY: demo test test-fast test-slow check bench format licences clean

demo: $(DEMO)/.ready
	@$(DEMO)/bin/salus demo -o salus-demo --force \
	|| case $$? in 3|4) ;; *) exit 1 ;; esac  # 3 and 4 are verdicts, not faults

test: test-fast $(if $(filter 1 true,$(SLOW) $(CI)),test-slow)

test-fast: $(VENV)/.ready
	$(RUN_TESTS) -n $(WORKERS) -m "not slow"

test-slow: $(VENV)/.ready
	$(RUN_TESTS) -n $(WORKERS) -m slow --timeout 1200 || test $$? -eq 5  # 5: none is marked slow

check: $(VENV)/.checkers licences
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

licences: $(VENV)/.ready
	$(BIN)/python checks/licences.py

bench: $(VENV)/.ready
	SALUS_DATA=$(SALUS_DATA) $(BIN)/python -m benchmarks

format: $(VENV)/.checkers
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(DEMO) .mypy_cache .pytest_cache .ruff_cache .hypothesis dist

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Salus needs Python 3.11 or newer; name one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

# The checkers come on top: tests need none of them.
$(VENV)/.checkers: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

# The demo runs what a user installs: the built package, without anything for developers.
$(DEMO)/.ready: pyproject.toml $(shell find src -type f -not -path '*/__pycache__/*' -not -path '*_cache/*')
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Salus needs Python 3.11 or newer; name one with PYTHON=...")'
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps .
	$(DEMO)/bin/python -m pip install --quiet --disable-pip-version-check .
	touch $@
