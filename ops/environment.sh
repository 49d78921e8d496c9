#!/bin/sh
# Sets up what a make target needs, and does nothing when it is all there.
#
#   ops/environment.sh demo|dev [PROGRAM…]
#
# Makes .venv with the packages of requirements/<demo|dev>.lock, each checked by its hash, and Reelay
# itself from this folder. PROGRAMs are the system's, named like their packages; one that is written with
# a question mark (?espeak-ng) may be missing.
set -eu
cd "$(dirname "$0")/.."
lock=requirements/$1.lock
shift

fail() {
    echo "reelay: $1" >&2
    exit 1
}

# Install a system package, or say in one line that somebody has to.
install_package() {
    package=$1
    if ! command -v apt-get >/dev/null; then
        fail "$package is missing: please install it with your system's package manager"
    elif [ "$(id -u)" = 0 ]; then
        as_root=env
    elif sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    else
        fail "$package is missing: please install it (sudo apt-get install $package)"
    fi
    echo "Installing $package with apt-get" >&2
    $as_root apt-get update -qq >/dev/null || true # an old list may still do
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends "$package" >/dev/null ||
        fail "$package could not be installed with apt-get"
}

supported() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
    for python in ${PYTHON:-python3 python3.13 python3.12 python3.11 /usr/bin/python3}; do
        if supported "$python"; then
            return
        fi
    done
    fail "Python 3.11, 3.12 or 3.13 is needed: install one, or name it (make PYTHON=/path/to/python3.12 …)"
}

for program in "$@"; do
    name=${program#\?}
    if command -v "$name" >/dev/null; then
        continue
    elif [ "$name" = "$program" ]; then
        install_package "$name"
    else
        (install_package "$name") || echo "reelay: going on without $name" >&2
    fi
done

if ! supported .venv/bin/python || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    find_python
    # Debian ships Python without the module that puts pip into a virtual environment.
    "$python" -c 'import ensurepip' 2>/dev/null || install_package python3-venv
    "$python" -m venv --clear .venv
fi

stamp=.venv/$(basename "$lock").installed
wanted=$(cksum "$lock" pyproject.toml)
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing the packages of $lock into .venv" >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --no-deps --no-build-isolation --no-index --editable .
    echo "$wanted" >"$stamp"
fi
