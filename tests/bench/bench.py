#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures weir against the floor: what counting flows costs at the least on this machine.

usage: bench.py BUILD [--workloads LIST] [--settings off|default|all] [--packets N] [--runs N]
                [--keep FOLDER] [--short]

Speeds are printed, never judged: they depend on the machine. What is lost or miscounted fails, and
then no ratio is printed.
"""
import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import runs  # noqa: E402
import workloads  # noqa: E402

SETTINGS = {"off": ("-d", "off", "-t", "off", "--direction", "first"), "default": ()}
SHORT_PACKETS = 1_000_000


def say(text):
    print(text, file=sys.stderr, flush=True)


def settings_of(workload, name):
    """The command line of a setting; a workload may need an idle timeout of its own."""
    settings = SETTINGS[name]
    if workload.options and settings:
        return (*workload.options, *settings[2:])
    return workload.options or settings


def spread(values):
    return f"{statistics.median(values):.1f} [{min(values):.1f}-{max(values):.1f}]"


def compare(bench, made, settings, options):
    """Pairs of weir and the floor, in turn."""
    pairs = []
    for number in range(options.runs or made.workload.runs):
        pairs.append((runs.run_weir(bench, made, settings, options.sink_options),
                      runs.run_floor(bench, made)))
        say(f"  {made.name} {number + 1}: weir {pairs[-1][0].ns:.1f}, floor "
            + " ".join(f"{ns:.1f}" for ns in floor_ns(pairs[-1][1])))
    return pairs


def floor_ns(run):
    return (runs.first_pass_ns(run), run.sums["last_pass_ns"]) if run.sums else ()


def report(made, setting, pairs):
    """One line of the table; what is wrong, in words."""
    wrong = sorted({text for pair in pairs for run in pair for text in run.wrong})
    if wrong:
        print(f"{made.name:8} {setting:8} not exact, no ratio: " + "; ".join(wrong), flush=True)
        return wrong
    weir = [pair[0].ns for pair in pairs]
    first, steady = zip(*(floor_ns(pair[1]) for pair in pairs))
    rss = max(pair[0].used.rss_bytes for pair in pairs)
    median = statistics.median
    print(f"{made.name:8} {setting:8} {spread(weir):>22} {spread(first):>22} {spread(steady):>22} "
          f"{median(weir) / median(first):6.2f} {median(weir) / median(steady):6.2f} "
          f"{made.flows:>10,} {rss / 2**20:8.1f}", flush=True)
    return []


def bench_all(options, folder):
    bench, wrong = runs.Bench(options.build, folder), []
    print(f"{'workload':8} {'setting':8} {'weir ns':>22} {'floor, first pass':>22} "
          f"{'floor, steady':>22} {'ratio':>6} {'steady':>6} {'flows':>10} {'MiB':>8}", flush=True)
    for name in options.workloads:
        made = workloads.make(workloads.WORKLOADS[name], options.build, folder, options.packets)
        for setting in options.settings:
            pairs = compare(bench, made, settings_of(made.workload, setting), options)
            wrong += report(made, setting, pairs)
    return wrong


def parse():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--workloads", default=",".join(workloads.WORKLOADS), metavar="LIST",
                        help="some of " + ",".join(workloads.WORKLOADS))
    parser.add_argument("--settings", choices=[*SETTINGS, "all"], default="all",
                        help="timers and evidence for direction off, everything default, or both")
    parser.add_argument("--packets", type=int, help="packets of each workload")
    parser.add_argument("--runs", type=int, help="pairs of runs of each")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the workloads there")
    parser.add_argument("--short", action="store_true",
                        help="1 M packets, one pair of each: only whether counts are exact")
    parser.add_argument("--lose", type=int, metavar="N", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.workloads = [name for name in options.workloads.split(",") if name]
    unknown = set(options.workloads) - set(workloads.WORKLOADS)
    if unknown:
        parser.error(f"no workload {', '.join(sorted(unknown))}; expected some of "
                     + ", ".join(workloads.WORKLOADS))
    options.settings = list(SETTINGS) if options.settings == "all" else [options.settings]
    options.sink_options = ("-d", options.lose) if options.lose else ()
    if options.short:
        options.packets, options.runs = options.packets or SHORT_PACKETS, 1
    return options


def main():
    options = parse()
    print(f"{os.cpu_count()} processors, {os.uname().sysname} {os.uname().release}")
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        wrong = bench_all(options, options.keep)
    else:
        with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
            wrong = bench_all(options, Path(folder))
    print("nothing was lost or miscounted" if not wrong else f"{len(wrong)} counts are wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
