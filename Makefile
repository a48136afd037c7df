# `make help` lists the targets. They need a Python of 3.10 to 3.13 with pip, and make .venv themselves.

# A Python of your own choice: `make test PYTHON=python3.12`.
PYTHON ?=
CANDIDATES := $(or $(PYTHON),python3.11 python3.12 python3.13 python3.10 python3)
# A file's tests stay together: they share what they have set up. In their order: the few that take long come last
# otherwise, and one worker waits for the other.
# One worker more than cores: a test waits for files and processes for a tenth of its time.
WORKERS := -n $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )) --dist loadfile --no-loadscope-reorder
VENV := .venv
NOTEBOOK_PORT ?= 2718
VENV_ELT := .venv-embedded-elt
VENV_LATEST := .venv-latest
VENV_DESTINATIONS := .venv-destinations
VENV_SCALE := .venv-scale
VENV_DBT := .venv-dbt
VENV_UV := .venv-uv
VENV_AUDIT := .venv-audit

# Run, not just looked up: a pyenv shim exists for versions that are switched off.
define find_python
py=; for candidate in $(CANDIDATES); do \
	if $$candidate -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1; \
	then py=$$candidate; break; fi; \
done; \
if [ -z "$$py" ]; then \
	echo "No Python of 3.10 to 3.13 among: $(CANDIDATES). Install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; \
fi
endef

# $(call make_venv,directory,what pip installs). A Python without ensurepip (Debian's, without python3-venv) lends its
# own pip instead.
define make_venv
@$(find_python); \
echo "Making $(1) with $$($$py --version), installing: $(2)"; \
rm -rf $(1); \
$$py -m venv $(1) >/dev/null 2>&1 || { \
	$$py -m venv --clear --without-pip $(1) && $$py -m pip --python $(1)/bin/python install -qq pip; }; \
$(1)/bin/python -m pip install -qq --disable-pip-version-check $(2)
@touch $@
endef

.PHONY: help demo dev notebook test test-fast test-long check audit chaos move full-read budget bench bench-quick readme test-embedded-elt test-latest test-destinations test-scale test-dbt databricks-sql constraints clean
.DEFAULT_GOAL := help

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## Load a made-up workspace with the main job; needs no Segment account
	$(VENV)/bin/python -m segment_dagster.demo

dev: $(VENV)/.installed ## The same workspace in Dagster's UI
	$(VENV)/bin/python -m segment_dagster.demo --ui

# What the demo loaded, where nothing else was.
notebook: $(VENV)/.installed ## The loaded workspace in charts, in the browser
	@if [ -z "$$SEGMENT_DESTINATION$$DESTINATION__DUCKDB__CREDENTIALS" ] && [ ! -e segment.duckdb ] && [ -e .demo/segment.duckdb ]; \
	then echo "There is no segment.duckdb: this is what make demo loaded"; \
	export DESTINATION__DUCKDB__CREDENTIALS=.demo/segment.duckdb; fi; \
	$(VENV)/bin/marimo run notebooks/segment_overview.py --host 127.0.0.1 --port $(NOTEBOOK_PORT)

test: check ## Check, then the tests: some fifteen minutes on two cores
	$(VENV)/bin/python -m pytest $(WORKERS)

test-fast: $(VENV)/.installed ## The tests that take no time, for while you work: two minutes on two cores
	$(VENV)/bin/python -m pytest $(WORKERS) -m "not slow and not server and not chaos and not long and not scale and not dbt"

test-long: $(VENV)/.installed ## The tests that `make test` leaves out because they take long
	$(VENV)/bin/python -m pytest $(WORKERS) -m "long and not scale and not dbt"

check: $(VENV)/.installed ## Lint, format, types and the direction of imports
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo

audit: $(VENV)/.installed $(VENV_AUDIT)/.installed ## What is imported against what is declared; known flaws of the pins
	$(VENV)/bin/deptry segment_dagster
	$(VENV)/bin/deptry . --ignore DEP004 # the tests may import what is for tests
	$(VENV_AUDIT)/bin/python tools/audit.py constraints.txt constraints-embedded-elt.txt

chaos: $(VENV)/.installed ## Kills, full disks, faults by chance, in the long form, with figures: half an hour
	CHAOS=long CHAOS_EXAMPLES=300 $(VENV)/bin/python -m pytest -m "not scale" segment_dagster_tests/chaos \
		segment_dagster_tests/client/test_client_fuzz.py

move: $(VENV)/.installed ## Materialize what one destination holds in another, and compare: make move FROM=duckdb TO=postgres
	$(VENV)/bin/python -m segment_dagster.migrate $(FROM) $(TO)

full-read: $(VENV)/.installed ## Read every endpoint of a made-up workspace, twice; compare what it holds with what landed
	$(VENV)/bin/python -m segment_dagster.demo.full_read

budget: $(VENV)/.installed ## Read what Segment limits most with the limits enforced: refusals, and how much of the allowed is used
	$(VENV)/bin/python -m segment_dagster.demo.budget

bench: $(VENV)/.installed ## Import time, overhead, and the workload at three sizes against dltHub's example pattern
	$(VENV)/bin/python bench/import_time.py --max-ratio 1.25
	$(VENV)/bin/python -m bench

bench-quick: $(VENV)/.installed ## The same in under two minutes: 1x, and 5x in place of 20x
	$(VENV)/bin/python -m bench --sizes 1 5 --rounds 1 --overhead-rounds 2

readme: $(VENV)/.installed ## Build the tables of assets and settings in docs/ anew from the code
	$(VENV)/bin/python -m segment_dagster.endpoints.readme docs/assets.md
	$(VENV)/bin/python -m tools.settings_table docs/settings.md

test-embedded-elt: $(VENV_ELT)/.installed ## The tests with dagster-embedded-elt and the oldest Dagster supported
	$(VENV_ELT)/bin/python -m pytest $(WORKERS)

test-latest: ## The tests with the newest versions that pyproject.toml allows: what will break is seen coming
	rm -f $(VENV_LATEST)/.installed
	$(MAKE) $(VENV_LATEST)/.installed
	$(VENV_LATEST)/bin/python -m pip freeze --exclude-editable --disable-pip-version-check
	$(VENV_LATEST)/bin/python -m pytest $(WORKERS) -m "not scale and not dbt"

# An engine that cannot start here is a line of the table, with its reason.
test-destinations: $(VENV_DESTINATIONS)/.installed ## The same tests on more destinations' engines; installs what it can of them
	$(VENV_DESTINATIONS)/bin/python -m segment_dagster_tests.destinations.install $(VENV_DESTINATIONS)/engines
	FURTHER_ENGINES=$(VENV_DESTINATIONS)/engines $(VENV_DESTINATIONS)/bin/python -m pytest -m "not scale" \
		segment_dagster_tests/destinations/test_conformance.py segment_dagster_tests/destinations/test_databricks.py \
		segment_dagster_tests/destinations/test_said_further.py segment_dagster_tests/marts/test_marts_further.py

# As root, or by sudo where there is one. The files with the most tests come first: the rounds and the executors, which
# take the longest, each have a worker.
test-scale: $(VENV_SCALE)/.installed ## Executors times destinations, several machines at once, budgets in Redis: 17 to 20 minutes of processor time; installs redis-server
	@command -v redis-server >/dev/null || { sudo=$$(command -v sudo || true); \
		$$sudo apt-get update -qq && $$sudo apt-get install -qq -y redis-server >/dev/null; } || { \
		echo "There is no redis-server, and apt-get cannot install it: install Redis 6 or later" >&2; exit 1; }
	$(VENV_SCALE)/bin/python -m pytest -n 2 --dist loadfile -m scale

test-dbt: $(VENV_DBT)/.installed ## The dbt example: models that run after syncs of Segment's; installs dbt
	$(VENV_DBT)/bin/python -m pytest -m dbt

databricks-sql: $(VENV_DESTINATIONS)/.installed ## Write the SQL for Databricks anew, for a person to review
	$(VENV_DESTINATIONS)/bin/python -m segment_dagster_tests.destinations.databricks_sql

constraints: $(VENV_UV)/.installed ## Raise the pinned versions to the newest that pyproject.toml allows
	$(call compile,constraints.txt,--extra dev --extra test-destinations --extra test-scale)
	$(call compile,constraints-embedded-elt.txt,--extra test --extra embedded-elt)
	$(call compile,constraints-dbt.txt,--extra test-dbt)

# One resolution for every Python and system, from 3.10 up. No index, host or path is written.
define compile
$(VENV_UV)/bin/uv pip compile pyproject.toml $(2) --universal --python-version 3.10 --no-python-downloads \
	--upgrade --no-annotate --custom-compile-command "make constraints" -q -o $(1)
endef

clean: ## Remove the environments and what tools left behind
	rm -rf $(VENV) $(VENV_ELT) $(VENV_LATEST) $(VENV_DESTINATIONS) $(VENV_SCALE) $(VENV_DBT) $(VENV_UV) $(VENV_AUDIT) *.egg-info build dist bench/import_time.json
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: pyproject.toml constraints.txt
	$(call make_venv,$(VENV),-c constraints.txt -e '.[dev]')

$(VENV_ELT)/.installed: pyproject.toml constraints-embedded-elt.txt
	$(call make_venv,$(VENV_ELT),-c constraints-embedded-elt.txt -e '.[test$(comma)embedded-elt]')

# By uv: without pins pip tries versions for more than ten minutes.
$(VENV_LATEST)/.installed:
	$(call make_venv,$(VENV_LATEST),uv)
	$(VENV_LATEST)/bin/uv pip install --system-certs -q --python $(VENV_LATEST)/bin/python -e '.[test]'
	@touch $@

# The engines' own environments go with it: make_venv removes what was there.
$(VENV_DESTINATIONS)/.installed: pyproject.toml constraints.txt
	$(call make_venv,$(VENV_DESTINATIONS),-c constraints.txt -e '.[test-destinations]')

$(VENV_SCALE)/.installed: pyproject.toml constraints.txt
	$(call make_venv,$(VENV_SCALE),-c constraints.txt -e '.[test-scale]')

$(VENV_DBT)/.installed: pyproject.toml constraints-dbt.txt
	$(call make_venv,$(VENV_DBT),-c constraints-dbt.txt -e '.[test-dbt]')

# Apart from .venv: a set of constraints that does not install can still be replaced.
$(VENV_UV)/.installed:
	$(call make_venv,$(VENV_UV),uv)

# Apart from .venv: what pip-audit needs is bound to none of our versions.
$(VENV_AUDIT)/.installed:
	$(call make_venv,$(VENV_AUDIT),'pip-audit>=2.10')

comma := ,
