#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verb: measure the speed of weir here, and that a fast live run loses nothing
#
# usage: ./dev bench [--rate N] [--seconds N] [--runs N] [files|live]
#
# files: generated captures of 60-octet frames; processor time a packet, median of the runs.
# live:  300,000 packets/s for 10 s over a virtual cable (needs root); every frame that was sent
#        must be metered. Speeds are printed and never judged; a lost or miscounted packet fails.
set -euo pipefail
. "$WEIR_ROOT/tools/dev/lib.sh"
help_if_asked "$0" "$@"

install_missing build test
say "Building ..."
build_kind gcc all tests/bench/bench_send tests/bench/bench_capture
exec /usr/bin/python3 "$root/tests/bench/bench.py" "$root/build/gcc" "$@"
