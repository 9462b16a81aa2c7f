# SPDX-License-Identifier: Apache-2.0
"""Where the bench ran and with what: the head of its report, and the page docs/benchmarks.md."""
import datetime
import os
import re
import subprocess
from pathlib import Path


HEAD = """# Benchmarks

Written by `./dev bench --write`; what it does is in [tests/bench](../tests/bench/README.md). Speeds
depend on the machine, and on this one absolute figures vary with what its neighbours do: trust the
ratios, whose two sides were measured in turn. The *floor* is a program that reads the file, parses
and counts flows in a table sized beforehand, and does nothing else: no checks, no order of the two
ends, no timers, no records, no export.
"""


def first_match(pattern, path):
    try:
        found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    except OSError:
        return "unknown"
    return found[1].strip() if found else "unknown"


def said(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    return (done.stdout.splitlines() or ["unknown"])[0]


def describe(context):
    report = context.report
    memory = int(first_match(r"MemTotal:\s+(\d+)", "/proc/meminfo")) / 2**20
    pages = first_match(r"\[(\w+)\]", "/sys/kernel/mm/transparent_hugepage/enabled")
    report.section("Machine")
    report.say(f"- {first_match(r'model name.*: (.*)', '/proc/cpuinfo')}, {os.cpu_count()} "
               f"processors, {memory:.0f} GiB of memory, transparent huge pages: {pages}",
               f"- {os.uname().sysname} {os.uname().release}, {distribution()}",
               f"- {said('gcc', '--version')}",
               f"- {said(context.bench.weir, '--version')}, release build",
               f"- {datetime.date.today().isoformat()}; load average at the start {load()}")
    for peer in context.peers:
        report.say(f"- {peer.name} of {peer.package} {peer.version()}")


def load():
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


def distribution():
    return first_match(r'PRETTY_NAME="(.*)"', "/etc/os-release")


def appendix(context):
    """The workloads that were made, and every command line, with FILE and PORT for what changes."""
    report = context.report
    report.section("Workloads", "As the generators counted them.")
    report.table("name", "what", "packets", "octets of IP", "flows")
    for made in context.made.values():
        what = made.workload.what + (f" ({made.source})" if made.source else "")
        report.row(made.name, what, f"{made.packets:,}", f"{made.octets:,}", f"{made.flows:,}")
    report.say("", f"Load average at the end: {load()}.")
    report.section("Command lines", "In the order in which they were first run; FILE and PORT "
                   "stand for what changes.", "", "```", *context.bench.commands_with_names())
    for name, text in context.bench.files.items():
        report.say(f"{name}:", *(f"    {line}" for line in text.splitlines()))
    report.say("```")


def write_page(report, path):
    path.write_text(HEAD.rstrip() + "\n" + "\n".join(line.rstrip() for line in report.lines)
                    + "\n")
