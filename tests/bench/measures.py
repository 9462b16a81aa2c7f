# SPDX-License-Identifier: Apache-2.0
"""What measures cost: the meter without any, with the default ones, with all, and with each alone,
from file to IPFIX over UDP. One of the parts of bench.py.
"""
import subprocess

import runs
from figures import in_turn, made_of, median
from report import spread

WORKLOADS = ("real", "mixed")
LARGE = "&mtu=8000"             # the template of all has more than 1,472 octets
UNKNOWN = "unknown measure"


def names(bench):
    """Those that there are, as the program says when it is asked for another one."""
    done = subprocess.run([bench.weir, "meter", "--measure", "?"], capture_output=True, text=True,
                          check=False)
    assert UNKNOWN in done.stderr, done.stderr
    return done.stderr.strip().split("expected a list of ")[1].split(", ")


def kinds(context, made, each):
    def run(*settings):
        return lambda: runs.run_weir(context.bench, made, settings, address=LARGE)
    return {"none": run(), **{name: run("--measure", name) for name in each}}


def row(report, name, done):
    base = median(run.ns for run in done["none"])
    for kind, each in done.items():
        ns = [run.ns for run in each]
        report.row(name, kind, spread(ns), f"{100 * (median(ns) / base - 1):+.0f} %",
                   f"{max(run.used.rss_bytes for run in each) / 2**20:.1f}")


def measures(context):
    report = context.report
    report.section("Measures", "ns per packet, user and system, from file to IPFIX over UDP with "
                   "everything else at its defaults, and what is added to the meter without "
                   "measures. All fields of a measure are exported, both ways.")
    report.table("workload", "measures", "weir" + 15 * " ", "more", "MiB")
    for name in WORKLOADS:
        made = made_of(context, name)
        done = in_turn(context, f"measures {name}", context.runs(made),
                       **kinds(context, made, names(context.bench)))
        if done:
            row(report, name, done)
        else:
            report.row(name, "not exact")
