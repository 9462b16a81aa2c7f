#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verb: measure speed and memory here, against the floor and other meters
#
# usage: ./dev bench [OPTION...]
#
# Makes workloads and runs, in turn, weir, the floor (tests/bench/floor.c: what counting flows costs
# at the least) and other meters that are installed; then single figures: memory of a flow, many
# flows, two workers, export, a flood, start-up, and a live run (root). Takes about an hour with
# the other meters, a third of it without. Speeds are printed and never judged; what is lost or
# miscounted fails, and no figure is given for it.
#
#   --short             a million packets, one run of each, no peers: whether counts are exact
#   --no-peers          leave the other meters out
#   --parts LIST        some of pairs, peers, pages, memory, many, workers, export, flood, start,
#                       live, collect, applications, measures, joined by commas
#   --workloads LIST    of the pairs, some of real,mixed,u10k,u1m,u4m,v6,churn
#   --settings NAME     off (timers off, direction by the first packet), default, or all
#   --packets N         of each workload (10 M); --runs N: pairs of each (5; real 7)
#   --peer-seconds N    time for the runs of one meter on one workload (60; at least one run)
#   --rate N            packets/s of the live run (1 M); --seconds N: its length (10)
#   --keep FOLDER       keep the workloads there, and take those that are there
#   --write             write docs/benchmarks.md, too
set -euo pipefail
. "$WEIR_ROOT/tools/dev/lib.sh"
help_if_asked "$0" "$@"

install_missing build test
say "Building ..."
build_kind gcc
exec /usr/bin/python3 "$root/tests/bench/bench.py" "$root/build/gcc" "$@"
