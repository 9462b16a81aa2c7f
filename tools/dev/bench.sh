#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verb: measure the speed of weir here, against the floor and other meters
#
# usage: ./dev bench [OPTION...]
#
# Makes workloads and prints for each what weir and the floor (tests/bench/floor.c) need per packet:
# user and system time of the whole process, medians of pairs. Speeds are printed and never judged;
# a lost or miscounted packet fails, and then no ratio is printed.
set -euo pipefail
. "$WEIR_ROOT/tools/dev/lib.sh"
help_if_asked "$0" "$@"

install_missing build test
say "Building ..."
build_kind gcc all tests/bench/bench_{send,generate,repeat,run,floor,sink}
exec /usr/bin/python3 "$root/tests/bench/bench.py" "$root/build/gcc" "$@"
