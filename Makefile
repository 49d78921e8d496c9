# The daily vocabulary. Each target sets itself up: see ops/environment.sh.
.PHONY: help demo test chaos bench bench-long lint lock clean

PYTEST_ARGS ?=
BENCH ?=
export PYTHON

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

demo: ## caption the demonstration clip and show the captions
	@ops/environment.sh demo ffmpeg
	@ops/demo/run.sh

test: ## run all tests, on a real Kafka, registry and S3 server too where these can run
	@ops/environment.sh dev ffmpeg '?espeak-ng' '?chromium'
	@.venv/bin/python -m ops.cluster.programs || [ -z "$$CI" ]
	@.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

chaos: ## disturb one machine, then a cluster, at random, each for 15 minutes or CHAOS_SECONDS
	@ops/environment.sh dev ffmpeg
	@.venv/bin/python -m ops.cluster.programs || [ -z "$$CI" ]
	@REELAY_CHAOS_SECONDS=$(or $(CHAOS_SECONDS),900) .venv/bin/python -m pytest -s tests/chaos $(PYTEST_ARGS)

bench: ## measure speed, memory and waiting; one benchmark by BENCH=name
	@ops/environment.sh dev ffmpeg
	@.venv/bin/python -m ops.benchmarks $(BENCH)

bench-long: ## the same with longer files, and a thousand uploads
	@ops/environment.sh dev ffmpeg
	@.venv/bin/python -m ops.benchmarks --long $(BENCH)

lint: ## check format, style, types and the walls between the folders
	@ops/environment.sh dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

lock: ## choose package versions anew, for every supported Python
	@ops/environment.sh dev
	.venv/bin/python -m pip install --quiet --disable-pip-version-check uv
	@ops/lock.sh

clean: ## remove the virtual environment and what tools left behind
	rm -rf .venv build reelay-out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
