# Everything a person runs. `make` lists it. Works with GNU make 3.81 and bash 3.2.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PY := .venv/bin/python
export PYTHONPATH := .
# Whole files in as many processes as there are cores, four at the most: each has servers of its own. PARALLEL= turns it off.
# The longest first (tests/order.py): the files at the end are short.
PARALLEL := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: help
help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: .venv/.ready ## install everything Carillon needs into .venv (the other targets do it for you)

.venv/.ready: pyproject.toml uv.lock deploy/local/setup.sh
	@deploy/local/setup.sh
	@touch $@

.PHONY: demo
demo: setup ## the samples' way from a request to measured posts, in this terminal; BUS=amqp: over a real RabbitMQ
	@$(PY) -m deploy.local.demo --bus $(or $(BUS),memory)

.PHONY: docs
docs: setup ## write again what is generated: settings, AsyncAPI, the life of a delivery
	$(PY) -m deploy.docs settings
	$(PY) -m deploy.docs asyncapi
	$(PY) -m deploy.docs delivery

.PHONY: new-platform
new-platform: setup ## the files of another platform: adapter, sandbox, tests; name=myspace
	@$(PY) -m deploy.new_platform $(name)

.PHONY: bench
bench: setup ## every figure beside its baseline, in one run (an hour); PARTS="relay latency": only these
	$(PY) -m bench $(PARTS)

.PHONY: bench-short
bench-short: setup ## the same with a fifth of the work: to see that it runs, not to judge
	$(PY) -m bench --short $(PARTS)

.PHONY: chaos
chaos: setup ## the faults of docs/reliability.md, judged by the sandbox's ledger (an hour); FAULTS="2 7", CHAOS="--resume --seed 7"
	$(PY) -m chaos $(FAULTS) $(CHAOS)

.PHONY: chaos-short
chaos-short: setup ## one round of each fault that is quick (three minutes)
	$(PY) -m chaos --short $(FAULTS) $(CHAOS)

.PHONY: lint
lint: setup ## ruff, mypy (strict), import contracts
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy --num-workers auto
	.venv/bin/lint-imports

.PHONY: format
format: setup ## let ruff put the code in order
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

.PHONY: test
test: setup ## unit, conformance, migrations and the journey, on a real RabbitMQ and PostgreSQL
	$(PY) -m pytest -m "not contract and not long" $(PARALLEL)

.PHONY: test-long
test-long: setup ## what takes long and is asked in a shorter form by `make test`: answers that never come, a worker that is broken
	$(PY) -m pytest -m long $(PARALLEL)

.PHONY: test-contract
test-contract: setup ## Bluesky's adapter against a real server of its kind (npm, a compiler; minutes the first time)
	$(PY) -m pytest -m contract

.PHONY: test-rabbit4
test-rabbit4: setup ## the bus on the newest RabbitMQ 4 that can be unpacked here
	RABBITMQ_SUITE=newest $(PY) -m pytest tests/bus tests/local/test_rabbit.py

.PHONY: check
check: lint test ## what CI runs: lint, then test

.PHONY: up
up: ## build and start everything with Docker: RabbitMQ, PostgreSQL, every process, Prometheus, Grafana
	@deploy/compose.sh up

.PHONY: down
down: ## stop what `make up` started; VOLUMES=1 also removes what it knew
	@VOLUMES=$(VOLUMES) deploy/compose.sh down

.PHONY: logs
logs: ## follow the logs of what `make up` started; SERVICES="ingest-api …" only these
	@SERVICES="$(SERVICES)" deploy/compose.sh logs

.PHONY: token
token: ## print a token for what `make up` started; TOOL=name TRUST=team|guest SCOPE="posts:write …" DAYS=30
	@TOOL="$(TOOL)" TRUST="$(TRUST)" SCOPE="$(SCOPE)" DAYS="$(DAYS)" deploy/compose.sh token

.PHONY: accounts
accounts: ## give the real platforms' credentials to what `make up` started; FILE=accounts.yaml OF=publisher|metrics|apps
	@FILE="$(abspath $(FILE))" OF="$(OF)" deploy/compose.sh accounts

.PHONY: test-compose
test-compose: setup ## the compose stack for real, under a name of its own: samples, ledger, replicas, metrics (needs Docker)
	$(PY) -m pytest tests/compose
