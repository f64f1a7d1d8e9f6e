# The tools of these checks, each set in a virtual environment of its own. Sourced from the repository's top.
# shellcheck shell=bash

# virtual_environment FOLDER REQUIREMENTS: makes one with all that the file names, unless it is there already.
virtual_environment() {
    cmp --silent "$2" "$1/wanted" && return
    rm -rf "$1"
    python3 -m venv "$1"
    # Every package is named with its version, so nothing is left to resolve.
    "$1/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$2"
    cp "$2" "$1/wanted"
}

infra_venv=$PWD/target/infra-venv
virtual_environment "$infra_venv" tests/infra/requirements/infra.txt
checkov_venv=$PWD/target/checkov-venv
virtual_environment "$checkov_venv" tests/infra/requirements/checkov.txt
