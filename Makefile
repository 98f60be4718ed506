# `make help` lists the commands. Nothing is installed outside this directory, and nothing needs root.
# PYTHON names the interpreter the virtual environment is made with: make test PYTHON=python3.12

PYTHON ?= python3
VENV_PYTHON := .venv/bin/python
INSTALL := $(VENV_PYTHON) -m pip install -q --disable-pip-version-check
UNREACHABLE := make: the packages could not be installed (see above). Is the package index within reach? \
	pip takes another one from PIP_INDEX_URL.

# Many containers set it; then each process that starts would compile the whole service anew.
unexport PYTHONDONTWRITEBYTECODE

PYTEST := $(VENV_PYTHON) -m pytest
# Some of the tests wait, so more run at a time than there are cores; a file stays in one process, which shares fixtures.
AT_ONCE := -n 4 --dist loadfile --no-loadscope-reorder

.PHONY: help venv demo serve check test test-unit test-landing test-slow coverage bench bench-stores s3-server neo4j wheel torture

help:  ## list the commands
	@sed -n 's/^\([a-z0-9-]*\):.*  ## /make \1\t/p' Makefile

venv: .venv/.installed-dev  ## make the virtual environment, with all that tests and benchmarks need

demo: .venv/.installed  ## back up, damage and restore a small database of its own, over HTTP
	@$(VENV_PYTHON) -m examples.demo

serve: .venv/.installed  ## serve on http://127.0.0.1:8084 (HOST, PORT)
	@$(VENV_PYTHON) unified_api.py

check: .venv/.installed-dev  ## check style and types
	@$(VENV_PYTHON) -m ruff check -q
	@$(VENV_PYTHON) -m ruff format -q --check
	@$(VENV_PYTHON) -m mypy

test: check  ## check style and types, then run the everyday tests
	@$(PYTEST) $(AT_ONCE)

test-unit: .venv/.installed-dev  ## run the tests that need no database, in seconds
	@$(PYTEST) -n 2 tests/unit tests/test_architecture.py tests/test_reference.py

test-landing: .venv/.installed-dev  ## run the tests that the everyday ones leave to the last check before landing
	@$(PYTEST) $(AT_ONCE) --which landing

test-slow: .venv/.installed-dev  ## run the long proofs that the other tests try a share of
	@HYPOTHESIS_PROFILE=thorough $(PYTEST) $(AT_ONCE) --which all -m "slow or hypothesis"

coverage: .venv/.installed-dev  ## run the tests, and print which lines none of them reaches
	@$(PYTEST) $(AT_ONCE) --which all --cov --cov-report=term-missing:skip-covered

bench: .venv/.installed-dev  ## measure, side by side with PostgreSQL's own tools
	@$(VENV_PYTHON) -m benchmarks.run; status=$$?; $(VENV_PYTHON) -m benchmarks.jobs && exit $$status

bench-stores: .venv/.installed-dev  ## measure whole databases, Redis and Milvus beside their own tools
	@status=0; for store in whole_databases redis milvus; do $(VENV_PYTHON) -m benchmarks.$$store || status=1; done; exit $$status

s3-server: .venv/.installed-dev  ## build the S3 server that benchmarks and tests use beside moto (needs Go)
	@$(VENV_PYTHON) -m tools.s3_server

neo4j: .venv/.installed-dev  ## have Maven fetch a Neo4j, 128 MB, for the tests and examples that need one (Java 17)
	@$(VENV_PYTHON) -m tools.neo4j_server fetch

wheel: .venv/.installed-dev  ## build the package into dist/
	@$(VENV_PYTHON) -m pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .

torture: .venv/.installed-dev  ## damage, kill, fill and attack it for an hour (TORTURE_MINUTES, TORTURE_SEED)
	@$(VENV_PYTHON) -m torture.run

.venv/.installed: requirements.txt | .venv/.made
	@echo "installing requirements.txt into .venv"
	@$(INSTALL) -r requirements.txt || { echo "$(UNREACHABLE)" >&2; exit 1; }
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	@echo "installing requirements-dev.txt into .venv"
	@$(INSTALL) -r requirements-dev.txt || { echo "$(UNREACHABLE)" >&2; exit 1; }
	@touch $@

# Debian and Ubuntu leave ensurepip out of python3, and venv can't bring pip along without it. Their pip can, if it is
# there. Its --target is used because --python came only with pip 22.3.
.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "make: Python 3.10 or newer is needed; name one, as in: make test PYTHON=python3.12" >&2; exit 1; }
	@if $(PYTHON) -c 'import ensurepip; ensurepip.version()' 2>/dev/null; then \
		$(PYTHON) -m venv .venv; \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then \
		$(PYTHON) -m venv --without-pip .venv && \
		site=$$($(VENV_PYTHON) -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
		PIP_ROOT_USER_ACTION=ignore $(PYTHON) -m pip install -q --disable-pip-version-check --target "$$site" pip \
			|| { echo "$(UNREACHABLE)" >&2; exit 1; }; \
	else \
		echo "make: $(PYTHON) comes without venv and without pip; on Debian and Ubuntu: apt install python3-venv" >&2; \
		exit 1; \
	fi
	@touch $@
