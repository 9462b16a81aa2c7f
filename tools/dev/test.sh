#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verb: run the tests (--all: also those that need sanitizer builds or servers)
#
# usage: ./dev test [--all] [SUITE...]
#
# Installs what the tests need, builds, runs each suite within its time limit and ends with the
# line "N passed, N failed, N skipped". With SUITEs only these run (./dev test --list names them).
# With CI=true a missing tool is a failure; only tests for the folder WEIR_DATA may skip.
set -euo pipefail
. "$WEIR_ROOT/tools/dev/lib.sh"
help_if_asked "$0" "$@"

purposes=(build test lint)
for argument in "$@"; do
	case $argument in
	--all) purposes+=(server) ;;
	--list) exec python3 "$root/tools/dev/suites.py" --list ;;
	esac
done
install_missing "${purposes[@]}"
mkdir -p "$root/build"
# Not the python3 of PATH: pytest and scapy are packages of the system's.
exec /usr/bin/python3 "$root/tools/dev/suites.py" "$@"
