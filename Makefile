# One environment, one lock file: `make demo` and `make test` use the same. See CONTRIBUTING.md.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Most end-to-end tests wait for time to pass: three processes wait at once. `pytest` alone runs one after the other.
SIDE_BY_SIDE := -n 3 --dist loadgroup

# Without bytecode each worker of pytest would rewrite every assert anew, and each started interpreter compile the package.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo run test integration services check quick wheel image licences sbom mutation format bench bench-peers bench-growth bench-backends lock audit clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

# Some packages have no wheels. What builds them is pinned too: with isolation pip would fetch the newest of it.
$(STAMP): requirements/build.lock requirements/dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: -r requirements/build.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --no-build-isolation -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP) ## send every message type through the real service, kill one of two providers, judge by the simulators' ledgers
	$(BIN)/wework-message demo

run: $(STAMP) ## serve on port 8082 until stopped
	$(BIN)/wework-message serve

test: $(STAMP) ## run the tests
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

integration: $(STAMP) ## run only the tests on real servers (MariaDB, Redis, RocketMQ; scripts/install-services)
	WM_REQUIRE_SERVERS=1 WM_ALL_BACKENDS=1 $(BIN)/python -m pytest -m services $(SIDE_BY_SIDE)

services: $(STAMP) ## start MariaDB, Redis and RocketMQ for a developer, print the settings, stop all on Ctrl-C
	@$(BIN)/python -m tests.support.servers

quick: $(STAMP) ## format check, lint, types, import contracts, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src

# mypy computes on one core while the wheel and the image mostly wait for their packages: they run beside each other.
check: $(STAMP) ## what CI runs: quick, the wheel as others use it, the steps of the image, audit, licences, SBOM; then the tests with their coverage gates
	$(MAKE) --no-print-directory --jobs 4 quick wheel image audit licences sbom
	WM_REQUIRE_SERVERS=1 $(BIN)/python -m pytest $(SIDE_BY_SIDE) --cov --cov-report=
	$(BIN)/python -m scripts.coverage_gate

wheel: $(STAMP) ## build the wheel and use it as others do
	$(BIN)/python -m scripts.check_wheel

image: $(STAMP) ## the steps of the image, without Docker
	$(BIN)/python -m scripts.check_image

mutation: $(STAMP) ## put 150 small faults into the code and see which of them no test notices (about an hour; MUTATION="--mutants 30 --seed 2")
	$(BIN)/python -m scripts.mutation $(MUTATION)

format: $(STAMP) ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## speed and memory, as ratios in one run
	$(BIN)/python -m bench

bench-peers: $(STAMP) ## against FastAPI with Celery or taskiq, on MariaDB (installs .venv-peers)
	$(BIN)/python -m bench --only peers --json bench/results/peers.json

bench-growth: $(STAMP) ## the statements at 10,000 and 1,000,000 messages, on SQLite and MariaDB
	$(BIN)/python -m bench --only growth --json bench/results/growth.json

bench-backends: $(STAMP) ## RocketMQ, Redis and several consumers against one process, on MariaDB
	$(BIN)/python -m bench --only queue,cache,consumers --json bench/results/backends.json

lock: ## rewrite requirements/*.lock (needs uv)
	uv pip compile pyproject.toml --extra all --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header -q -o requirements/dev.lock
	uv pip compile pyproject.toml --extra server --extra mysql --extra redis --extra rocketmq --extra media --extra s3 --extra otel --extra nacos --universal \
	  --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header -q -o requirements/server.lock
	printf 'hatchling>=1.27\nsetuptools>=80\n' | uv pip compile - --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header -q -o requirements/build.lock
	uv pip compile --group peers --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header -q -o requirements/peers.lock

audit: $(STAMP) ## known vulnerabilities of what the lock pins
	$(BIN)/python -m scripts.audit

licences: $(STAMP) ## check the licences of what the locks pin (python -m scripts.licences --list prints all)
	$(BIN)/python -m scripts.licences

sbom: $(STAMP) ## write the software bill of materials of the image to dist/ (CycloneDX)
	$(BIN)/python -m scripts.sbom

clean: ## remove the environment and caches
	rm -rf $(VENV) .venv-peers .mypy_cache .pytest_cache .ruff_cache .hypothesis .schemathesis .import_linter_cache build dist
