#!/bin/sh
# Writes requirements/*.lock: one version of every package for all supported Pythons and systems, with the
# hashes of its files and no address of a package index. dev.lock comes first and holds demo.lock's versions.
set -eu
cd "$(dirname "$0")/.."

compile() {
    lock=requirements/$1.lock
    shift
    .venv/bin/uv pip compile pyproject.toml requirements/build.in --output-file "$lock" \
        --universal --python-version 3.11 --generate-hashes --quiet --no-config \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links "$@"
}

compile dev --extra dev --upgrade
compile demo --extra converter --extra transcriber --extra enricher --extra aggregator --extra catalog --extra gateway --extra cli --extra demo \
    --constraint requirements/dev.lock --upgrade
