# SPDX-License-Identifier: Apache-2.0
"""What naming applications costs: weir with and without it, libndpi by itself on the same packets,
and ndpiReader; on captures with payload, and on many flows of hardly any. What each flow takes when
nobody looks at it any more. Answers are compared with ndpiReader's; speed is not judged."""
import csv
import os
import subprocess
from pathlib import Path
from statistics import median

import answers
import payload
import peers
import runs
import workloads
from report import spread

ROOT = Path(__file__).resolve().parents[2]
PACKETS = 1_000_000
# Captures whose every flow is found by its payload: nothing is left to be looked at.
FOUND = ("dns", "ntp", "ssh", "mail", "web-tls")
OFF = (*workloads.SETTINGS["off"], "--tcp-linger", "off", "--icmp-key", "none")
NAMES = ("--fields", "flowId,applicationId,applicationMasterName,applicationName")


def captures():
    """Ours, and third-party ones where they are. In VLANs flows are told apart by weir alone."""
    data = Path(os.environ.get("WEIR_DATA", ROOT / "../shared/data"))
    own = ROOT / "share/captures"
    found = [*own.glob("*.pcap"), *own.glob("*.pcapng"), *data.glob("ndpi/*.pcap*")]
    return sorted(path for path in found if path.name != "vlan.pcap")


class Workload:
    """A capture file with payload."""

    def __init__(self, context, name, paths, packets):
        self.name, self.path = name, context.folder / f"{name}-{packets}.pcap"
        self.packets, self.octets = payload.write(self.path, packets, payload.load(paths))


def measure(context, made, command):
    runs.read_once(made.path)
    context.bench.note(made.name, command, FILE=made.path.name)
    used, printed = context.bench.measure([str(part) for part in command], 0,
                                          stderr=subprocess.DEVNULL)
    return runs.Run(used, made.packets, runs.ended_wrong(used, str(command[0]))), printed


def weir_run(context, made, *options, output="null:"):
    command = [context.bench.weir, "meter", "-q", *OFF, "-r", made.path, "-o", output, *options]
    return measure(context, made, command)[0]


def own_time(context, made):
    """ns per packet that libndpi by itself takes."""
    run, printed = measure(context, made, [context.bench.tools / "bench_libndpi", made.path])
    sums = workloads.numbers(printed)
    return run, sums["libndpi_ns"] / made.packets


def reader_run(context, made):
    return measure(context, made, ["ndpiReader", "-i", made.path])[0]


def flows_of(context, made):
    path = context.bench.scratch / "names.csv"
    command = [context.bench.weir, "meter", "-q", *OFF, "-r", made.path, "-o", f"csv:{path}",
               *NAMES]
    subprocess.run([str(part) for part in command], check=True)
    with open(path, newline="") as file:
        return sum(1 for _ in csv.DictReader(file))


def speed_row(context, made, reader, with_payload):
    kinds = {"base": lambda: weir_run(context, made, "--fields", "flowId"),
             "apps": lambda: weir_run(context, made, *NAMES)}
    done = {"base": [], "apps": [], "own": [], "reader": []}
    wrong = []
    for number in range(context.options.runs or 5):
        for name, run in kinds.items():
            done[name].append(run())
        if with_payload:
            run, ns = own_time(context, made)
            wrong += run.wrong
            done["own"].append(ns)
        if reader:
            done["reader"].append(reader_run(context, made))
        context.progress(f"applications {made.name} {number + 1}")
    wrong += [text for name in ("base", "apps", "reader") for run in done[name]
              for text in run.wrong]
    if wrong:
        context.report.fail(f"applications {made.name}", sorted(set(wrong)))
        return []
    cells = {name: [run.ns for run in done[name]] for name in ("base", "apps", "reader")}
    found = answers.answers_of(context.bench.weir, OFF, made.path) if reader else None
    print_row(context, made, cells, done["own"], found)
    if not found:
        return []
    if found.wrong():
        context.report.fail(f"applications {made.name}", list(found.lines()))
    return [f"- Other answers on {made.name}: {line}." for line in found.lines()]


def print_row(context, made, cells, own, found):
    apps = median(cells["apps"])
    reader = median(cells["reader"]) if cells["reader"] else None
    context.report.row(
        made.name, spread(cells["base"]), spread(cells["apps"]),
        spread(own) if own else "-", spread(cells["reader"]) if reader else "-",
        f"{apps / median(own):.2f}" if own else "-",
        f"{(apps - median(cells['base'])) / median(own):.2f}" if own else "-",
        f"{apps / reader:.2f}" if reader else "-",
        f"{sum(found.other.values()):,} of {found.compared:,}" if found else "-")


def memory_row(context):
    paths = [ROOT / f"share/captures/{name}.pcap" for name in FOUND]
    few, many = (Workload(context, "found", paths, packets) for packets in (PACKETS // 4, PACKETS))
    flows, rss = [], {"base": [], "apps": []}
    for made in (few, many):
        flows.append(flows_of(context, made))
        rss["base"].append(weir_run(context, made, "--fields", "flowId").used.rss_bytes)
        rss["apps"].append(weir_run(context, made, *NAMES).used.rss_bytes)
    slope = {name: (most - least) / (flows[1] - flows[0]) for name, (least, most) in rss.items()}
    context.report.say("", "Memory of a flow when nobody looks at it any more, everything included "
                       f"(slope between {flows[0]:,} and {flows[1]:,} flows that were all found by "
                       f"payload): {slope['apps']:.0f} octets, without applications "
                       f"{slope['base']:.0f}.")


def applications(context):
    report = context.report
    report.section("Applications", "ns per packet, user and system time of the whole process, one "
                   "worker, timers off; median (least-most). libndpi: its functions by themselves "
                   "on the packets that weir shows it. Ratios: of weir with applications, and of "
                   "what they add. Other answers: flows that weir and ndpiReader both have and "
                   "name differently; causes below.")
    report.table("workload", "weir without" + 8 * " ", "weir, applications" + 2 * " ",
                 "libndpi" + 13 * " ", "ndpiReader" + 10 * " ", "to libndpi",
                 "added to libndpi", "to ndpiReader", "other answers")
    reader = peers.find("ndpiReader") and not context.options.no_peers
    packets = min(context.options.packets or PACKETS, PACKETS)
    lines = speed_row(context, Workload(context, "payload", captures(), packets), reader, True)
    lines += speed_row(context, context.make(workloads.WORKLOADS["u1m"]), reader, False)
    report.say("", *lines)
    memory_row(context)
