# SPDX-License-Identifier: Apache-2.0
"""The bench of `weir collect`: decoding a file, and one stream of datagrams into weir and nfcapd in
turn, what each needs for a record and whether anything was lost.
"""
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import time
from dataclasses import dataclass, field

import runs
import workloads
from report import spread

RATE = 200_000                  # records per second of the stream
QUIET_SECONDS = 1.0             # after the last datagram, until the collector is told to end
median = statistics.median


@dataclass
class Collected:
    cpu: float = 0.0            # seconds, user and system
    records: int = 0
    wrong: list = field(default_factory=list)

    @property
    def ns(self):
        return self.cpu / self.records * 1e9 if self.records else 0.0


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def weir_records(path):
    stats = json.loads(path.read_text())
    wrong = [] if stats["balanced"] else ["weir's account does not balance"]
    return stats["records"], wrong


def decode_file(context, path, output, flows):
    """The whole process, from an IPFIX file to an output."""
    bench, stats = context.bench, context.bench.scratch / "collect.json"
    runs.read_once(path)
    used, _ = bench.measure([bench.weir, "collect", "-q", "-r", path, "-o", output,
                             "--stats", stats])
    found = Collected(used.cpu, wrong=runs.ended_wrong(used, "weir collect"))
    if not found.wrong:
        found.records, found.wrong = weir_records(stats)
        if found.records != flows:
            found.wrong.append(f"{found.records:,} records decoded, expected {flows:,}")
    return found


def end(process):
    """Asks a collector to end; its (processor time in seconds, exit status)."""
    process.send_signal(signal.SIGTERM)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime, process.returncode


def wait_bound(port, seconds=10.0):
    """Until somebody has bound the port."""
    wanted, until = f":{port:04X} ", time.monotonic() + seconds
    while time.monotonic() < until:
        for name in ("/proc/net/udp", "/proc/net/udp6"):
            with open(name) as table:
                if any(wanted in line.split(":", 1)[1][:60] for line in table if ":" in line):
                    return
        time.sleep(0.05)
    raise RuntimeError(f"nobody listens at port {port}")


def stream(context, made, port):
    """The flows of a workload as datagrams at a steady rate."""
    subprocess.run([context.bench.weir, "meter", "-q", "-r", made.path, "-o",
                    f"ipfix+udp://127.0.0.1:{port}?rate={RATE}"], check=True, timeout=600)
    time.sleep(QUIET_SECONDS)


def collect_by_weir(context, made):
    port, stats = free_port(), context.bench.scratch / "collect.json"
    process = subprocess.Popen([context.bench.weir, "collect", "-q", "-l",
                                f"ipfix+udp://127.0.0.1:{port}", "-B", "256M", "-o", "null:",
                                "--stats", stats])
    wait_bound(port)
    stream(context, made, port)
    cpu, status = end(process)
    found = Collected(cpu, wrong=[f"weir collect ended with status {status}"] if status else [])
    found.records, wrong = weir_records(stats)
    found.wrong += wrong
    return found


def collect_by_nfcapd(context, made):
    port, folder = free_port(), context.bench.scratch / "nfcapd"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    process = subprocess.Popen(["nfcapd", "-w", folder, "-b", "127.0.0.1", "-p", str(port),
                                "-B", str(256 << 20), "-t", "3600"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_bound(port)
    stream(context, made, port)
    found = Collected(end(process)[0])
    summary = subprocess.run(["nfdump", "-R", folder, "-I"], capture_output=True, text=True)
    flows = [line for line in summary.stdout.splitlines() if line.startswith("Flows:")]
    found.records = int(flows[0].split()[1]) if flows else 0
    shutil.rmtree(folder, ignore_errors=True)
    return found


def decode(context, made, path):
    report = context.report
    report.section("Decoding a file", f"`weir collect -r FILE` of {made.flows:,} biflow records: "
                   "ns per record, user and system time of the whole process.")
    report.table("output", "ns per record")
    for output in ("null:", "ipfix:/dev/null", "json:/dev/null"):
        done = [decode_file(context, path, output, made.flows)
                for _ in range(context.runs(made))]
        wrong = sorted({text for one in done for text in one.wrong})
        if wrong:
            report.fail(f"decoding to {output}", wrong)
        report.row(output, "not exact" if wrong else spread([one.ns for one in done]))


def listen(context, made):
    report = context.report
    report.section("Collecting a stream", f"{made.flows:,} records as datagrams on loopback, "
                   f"{RATE:,} a second: processor time of the collector per record.")
    report.table("collector", "records", "lost", "ns per record")
    kinds = {"weir": collect_by_weir}
    if shutil.which("nfcapd") and shutil.which("nfdump"):
        kinds["nfcapd"] = collect_by_nfcapd
    done = {name: [] for name in kinds}
    for number in range(min(context.runs(made), 3)):
        for name, run in kinds.items():
            done[name].append(run(context, made))
            context.progress(f"collect {number + 1}: {name} {done[name][-1].ns:.0f} ns/record")
    for name, found in done.items():
        least = min(one.records for one in found)
        lost = made.flows - least
        if name == "weir" and (lost or any(one.wrong for one in found)):
            report.fail("collecting", [f"{lost:,} records lost"] + found[0].wrong)
        report.row(name, f"{least:,}", f"{lost:,}", spread([one.ns for one in found], 0))
    if len(done) == 2:
        ratio = median(one.ns for one in done["nfcapd"]) / median(one.ns for one in done["weir"])
        report.say("", f"Per second of processor time weir takes {ratio:.1f} times as many records "
                   "as nfcapd.")


def collector(context):
    made = context.make(workloads.WORKLOADS["u1m"])
    path = context.bench.scratch / "collect.ipfix"
    path.unlink(missing_ok=True)
    run = runs.run_weir_to(context.bench, made, ("-d", "off", "-t", "off"), f"ipfix:{path}")
    if run.wrong:
        context.report.fail("collecting", run.wrong)
        return
    decode(context, made, path)
    path.unlink(missing_ok=True)
    listen(context, made)
