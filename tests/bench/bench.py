#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures weir against the floor, which is what counting flows costs at the least on this machine,
and against other meters that are installed.

usage: bench.py BUILD [OPTION...]       (./dev bench --help)

Speeds are printed, never judged: they depend on the machine. What is lost or miscounted is said, no
figure is given for it, and the status is 1.
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import applications  # noqa: E402
import collector  # noqa: E402
import figures  # noqa: E402
import machine  # noqa: E402
import measures  # noqa: E402
import peers  # noqa: E402
import runs  # noqa: E402
import workloads  # noqa: E402
from report import Report, spread  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SHORT_PACKETS = 1_000_000
PEER_LIMIT = 300                # seconds of one run


class Context:
    """What every part of the bench needs."""

    def __init__(self, options, folder, scratch):
        self.options, self.folder = options, folder
        self.bench = runs.Bench(options.build, scratch, touches=not options.short)
        self.report = Report()
        self.made = {}          # workloads by name
        self.peers = peers.installed() if "peers" in options.parts else []

    def make(self, workload):
        packets = self.options.packets
        if packets and workload.packets > 10_000_000:
            packets = packets * workload.packets // 10_000_000
        made = workloads.make(workload, self.options.build, self.folder, packets)
        self.made[made.name] = made
        self.bench.note(made.name, workloads.generator(workload, self.options.build, made.path,
                                                       made.packets), FILE=made.path.name)
        return made

    def runs(self, made):
        return self.options.runs or made.workload.runs

    def progress(self, text):
        print(f"  {text}", file=sys.stderr, flush=True)


class Pairs:
    """All runs of one workload: weir in each setting, a floor behind each of them, and peers."""

    def __init__(self, context, made):
        self.context, self.made = context, made
        self.weir = {name: [] for name in context.options.settings}
        self.floor = {name: [] for name in context.options.settings}
        self.peer = {peer.name: [] for peer in context.peers}
        self.lacks = {}         # of a peer: why it is not complete
        self.spent = {peer.name: 0.0 for peer in context.peers}

    def run(self):
        for number in range(self.context.runs(self.made)):
            for name in self.weir:
                self.run_pair(number, name)
            for peer in self.context.peers:
                self.run_peer(peer)

    def run_pair(self, number, name):
        bench, made, options = self.context.bench, self.made, self.context.options
        weir = runs.run_weir(bench, made, workloads.settings_of(made.workload, name),
                             options.sink_options)
        floor = runs.run_floor(bench, made)
        self.weir[name].append(weir)
        self.floor[name].append(floor)
        shown = "" if floor.wrong else (f", floor {runs.first_pass_ns(floor):.1f} and "
                                        f"{floor.sums['last_pass_ns']:.1f}")
        self.context.progress(f"{made.name} {number + 1} {name}: weir {weir.ns:.1f}{shown}")

    def run_peer(self, peer):
        """Another run, unless the time that a peer has for a workload would be up."""
        done = self.peer[peer.name]
        last = done[-1].used.wall if done else 0
        if peer.name in self.lacks or self.spent[peer.name] + last > self.limit(done):
            return
        if self.made.flows > peer.flows_max:
            self.lacks[peer.name] = f"not run: memory for {self.made.flows:,} flows"
            return
        try:
            run, count = runs.run_peer(self.context.bench, peer, self.made, PEER_LIMIT)
        except subprocess.TimeoutExpired:
            self.lacks[peer.name] = f"not done after {PEER_LIMIT} s"
            return
        done.append(run)
        self.spent[peer.name] += run.used.wall
        lacking = run.wrong[0] if run.wrong else peers.lacks(self.made, count)
        if lacking:
            self.lacks[peer.name] = lacking
        self.context.progress(f"{self.made.name} {peer.name}: {run.ns:.1f} {lacking}")

    def limit(self, done):
        return self.context.options.peer_seconds if done else float("inf")

    def best_peer(self):
        """(ns, name) of the fastest peer that is complete, or None."""
        complete = [(median(run.ns for run in done), name) for name, done in self.peer.items()
                    if done and name not in self.lacks]
        return min(complete, default=None)

    def wrong(self, name):
        return sorted({text for run in self.weir[name] + self.floor[name] for text in run.wrong})


def pair_row(report, pairs, name):
    made, wrong = pairs.made, pairs.wrong(name)
    if wrong:
        report.row(made.name, name, "not exact: no ratio")
        report.fail(f"{made.name} {name}", wrong)
        return
    weir = [run.ns for run in pairs.weir[name]]
    first = [runs.first_pass_ns(run) for run in pairs.floor[name]]
    steady = [run.sums["last_pass_ns"] for run in pairs.floor[name]]
    best = pairs.best_peer()
    rss = max(run.used.rss_bytes for run in pairs.weir[name])
    report.row(made.name, name, spread(weir), spread(first), spread(steady),
               f"{median(weir) / median(first):.2f}", f"{median(weir) / median(steady):.2f}",
               f"{best[0] / median(weir):.1f} ({best[1]})" if best else "-",
               f"{rss / 2**20:.1f}", len(weir))


def pairs_part(context):
    report, options = context.report, context.options
    report.section("From file to IPFIX over UDP", "ns per packet, user and system time of the "
                   "whole process; one worker; median (least-most). Ratio: to the first pass of "
                   "the floor; steady: to the floor whose table is warm.")
    report.table("workload", "setting", "weir" + 15 * " ", "floor, first pass" + 3 * " ",
                 "floor, steady" + 7 * " ", "ratio", "steady", "times best peer", "MiB", "pairs")
    everything = []
    for name in options.workloads:
        pairs = Pairs(context, context.make(workloads.WORKLOADS[name]))
        pairs.run()
        for setting in options.settings:
            pair_row(report, pairs, setting)
        everything.append(pairs)
    report.say("", "Every run above was exact: packets, octets and flows in the records at the "
               "sink are those that the generator wrote, and nothing was lost."
               if not report.wrong else "Some runs were not exact; what was wrong is at the end.")
    if context.peers:
        peers_table(context, everything)


def peers_table(context, everything):
    report = context.report
    report.section("Other meters", "Median ns per packet of the same workloads, (runs), and the "
                   "most memory resident in MiB. A meter that does not account for all packets "
                   "and flows is not complete, and is not compared with.")
    report.table("meter     ", *(pairs.made.name.ljust(22) for pairs in everything))
    for peer in context.peers:
        cells = []
        for pairs in everything:
            done = pairs.peer[peer.name]
            cell = f"{median(run.ns for run in done):.0f} ({len(done)}), " \
                f"{max(run.used.rss_bytes for run in done) / 2**20:.0f} MiB" if done else ""
            lacking = pairs.lacks.get(peer.name)
            cells.append(f"{cell}; {lacking}".lstrip("; ") if lacking else cell)
        report.row(peer.name, *cells)


PARTS = {"pairs": pairs_part, "pages": figures.large_pages, "memory": figures.memory,
         "many": figures.many_flows, "workers": figures.workers, "export": figures.export,
         "flood": figures.flood, "start": figures.start_up, "live": figures.live_run,
         "collect": collector.collector, "applications": applications.applications,
         "measures": measures.measures}
SHORT_PARTS = ("pairs", "workers", "export", "flood")


def names(text, known, parser):
    found = [name for name in text.split(",") if name]
    for name in found:
        if name not in known:
            parser.error(f"no \"{name}\"; expected some of {','.join(known)}")
    return found


def parse():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("build", type=Path, help=argparse.SUPPRESS)
    add("--parts", metavar="LIST", help=f"some of {','.join(PARTS)},peers (default: all)")
    add("--no-peers", action="store_true", help="leave the other meters out")
    add("--workloads", default=",".join(workloads.WORKLOADS), metavar="LIST",
        help="of pairs; some of " + ",".join(workloads.WORKLOADS))
    add("--settings", choices=[*workloads.SETTINGS, "all"], default="all",
        help="timers off and direction by the first packet, all defaults, or both")
    add("--packets", type=int, metavar="N", help="of each workload (default: 10 M)")
    add("--runs", type=int, metavar="N", help="pairs of each workload (default: 5, real 7)")
    add("--peer-seconds", type=int, default=60, metavar="N",
        help="time for the runs of one peer on one workload (default: 60, one run at least)")
    add("--rate", type=int, default=1_000_000, metavar="N", help="packets/s of the live run")
    add("--seconds", type=int, default=10, metavar="N", help="length of the live run")
    add("--keep", type=Path, metavar="FOLDER", help="keep the workloads there, and take them")
    add("--short", action="store_true",
        help="1 M packets, one run of each, no peers: only whether the counts are exact")
    add("--write", action="store_true", help="write docs/benchmarks.md, too")
    add("--lose", type=int, metavar="N", help=argparse.SUPPRESS)    # a fault that must be seen
    options = parser.parse_args()
    default = SHORT_PARTS if options.short else (*PARTS, "peers")
    options.parts = names(options.parts or ",".join(default), (*PARTS, "peers"), parser)
    if "peers" in options.parts:            # they run in turn with the pairs
        options.parts += ["pairs"]
    if options.no_peers:
        options.parts = [name for name in options.parts if name != "peers"]
    options.workloads = names(options.workloads, workloads.WORKLOADS, parser)
    options.settings = list(workloads.SETTINGS) if options.settings == "all" else [options.settings]
    options.sink_options = ("-d", options.lose) if options.lose else ()
    if options.short:
        options.packets, options.runs = options.packets or SHORT_PACKETS, options.runs or 1
    return options


def bench(options, folder, scratch):
    context = Context(options, folder, scratch)
    machine.describe(context)
    if options.short:
        context.report.say("", "One short run of each: only whether the counts are exact matters.")
    for name, part in PARTS.items():
        if name in options.parts:
            part(context)
    report = context.report
    if report.wrong:
        report.section("Not exact", *(f"- {text}" for text in report.wrong))
    if context.made:
        machine.appendix(context)
    if options.write:
        machine.write_page(report, ROOT / "docs/benchmarks.md")
    print("\nnothing was lost or miscounted" if not report.wrong
          else f"\n{len(report.wrong)} counts are wrong")
    return 1 if report.wrong else 0


def main():
    options = parse()
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        return bench(options, folder, Path(scratch))


if __name__ == "__main__":
    sys.exit(main())
