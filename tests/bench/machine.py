# SPDX-License-Identifier: Apache-2.0
"""Where the bench ran and with what: the head of its report, and the page docs/benchmarks.md."""
import datetime
import os
import re
import subprocess
from pathlib import Path

import runs
import workloads

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
               f"- {datetime.date.today().isoformat()}")
    for peer in context.peers:
        report.say(f"- {peer.name} of {peer.package} {peer.version()}")


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
    report.section("Command lines", "```", *generator_lines(context), *weir_lines(context),
                   "bench_floor -p 2 FILE LOG2_SLOTS", "bench_floor -p 2 -e FILE 21    # churn",
                   *(line for peer in context.peers for line in peer_lines(context, peer)), "```")


def shown(command):
    """A command line without folders."""
    parts = (str(part) for part in command)
    return " ".join(part if "://" in part else re.sub(r"(^|=)/\S*/", r"\1", part)
                    for part in parts)


def generator_lines(context):
    for made in context.made.values():
        yield shown(workloads.generator(made.workload, context.options.build, "FILE",
                                        made.packets)) + f"    # {made.name}"


def weir_lines(context):
    chosen = {}
    for made in context.made.values():
        for name in workloads.SETTINGS:
            chosen.setdefault(workloads.settings_of(made.workload, name), []).append(
                f"{made.name} {name}")
    for settings, used in chosen.items():
        command = runs.weir_command(context.bench, "FILE", settings,
                                    "ipfix+udp://127.0.0.1:PORT?rate=0", "STATS")
        yield f"{shown(command)}    # {', '.join(used)}"


def peer_lines(context, peer):
    made = next(iter(context.made.values()))
    folder = context.bench.scratch
    yield shown(peer.command(made, "PORT", folder)).replace(made.path.name, "FILE")
    if peer.name == "pmacctd":
        text = (folder / "pmacctd.conf").read_text().replace(str(made.path), "FILE")
        yield from (f"    {line}" for line in text.splitlines())


def write_page(report, path):
    path.write_text(HEAD.rstrip() + "\n" + "\n".join(line.rstrip() for line in report.lines)
                    + "\n")
