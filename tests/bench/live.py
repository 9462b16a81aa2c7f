# SPDX-License-Identifier: Apache-2.0
"""The live run of the bench: frames over a virtual cable between two network namespaces, weir at
one end, and every frame accounted for: what the sender sent is what the interface counted, and that
is what weir metered and what the kernel says it dropped.
"""
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from net.lab import Lab, wait_for, why_no_namespaces  # noqa: E402
from runs import Sink  # noqa: E402

FLOWS = 10_000


@dataclass
class Live:
    asked: int = 0              # packets per second
    seconds: float = 0.0        # of sending
    by: str = ""                # how they were sent
    sent: int = 0
    arrived: int = 0            # by the counters of weir's interface
    metered: int = 0
    dropped: int = 0            # by the kernel, as weir says
    user: float = 0.0           # seconds of weir
    system: float = 0.0
    wrong: list = field(default_factory=list)

    @property
    def user_ns(self):
        return self.user / self.metered * 1e9 if self.metered else 0.0


def why_not():
    """Why there can be no live run here, or None."""
    return why_no_namespaces()


def settle(read, seconds=5.0):
    """The value of read() once it stopped changing."""
    end, last = time.monotonic() + seconds, None
    while time.monotonic() < end:
        value = read()
        if value == last:
            return value
        last = value
        time.sleep(0.3)
    return last


def counter(host, name):
    return int(host.run("cat", f"/sys/class/net/eth0/statistics/{name}").stdout)


def make_ends(lab):
    """Two quiet namespaces; GRO lets the cable take frames straight from XDP."""
    meter, sender = lab.pair()
    for host in (meter, sender):
        host.sysctl("net/ipv6/conf/eth0/disable_ipv6", 1)
    meter.run("ethtool", "-K", "eth0", "gro", "on")
    return meter, sender


def start_weir(bench, meter, sink, stats):
    output = f"ipfix+udp://127.0.0.1:{sink.port}"
    command = [bench.weir, "meter", "-q", "-i", "eth0", "-o", output, "--stats", stats]
    bench.note("live", command, PORT=sink.port)
    process = subprocess.Popen(meter.command(*command), stdin=subprocess.DEVNULL)
    wait_for(lambda: len(meter.run("cat", "/proc/net/packet").stdout.splitlines()) > 1,
             what="weir to open the interface")
    time.sleep(0.3)
    return process


def stop_weir(process, live):
    process.send_signal(signal.SIGINT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    live.user, live.system = usage.ru_utime, usage.ru_stime
    if process.returncode:
        live.wrong.append(f"weir ended with status {process.returncode}")


def account(live, stats, sums):
    live.metered = stats["packets"]["metered"]
    live.dropped = stats["capture"]["kernel_drop"] or 0
    for what, found, expected in (
            ("at the interface", live.arrived, live.sent),
            ("metered or dropped by the kernel", live.metered + live.dropped, live.arrived),
            ("at the sink", sums["packets"], live.metered),
            ("lost on the way to the sink", sums["lost"] + sums["dropped"], 0)):
        if found != expected:
            live.wrong.append(f"{what}: {found:,} packets, expected {expected:,}")
    if stats["balanced"] is not True:
        live.wrong.append("the accounts of weir do not balance")


def run(bench, rate, seconds, way=None, blind=0):
    """A Live; `way` is bench_send's. `blind` hides so many packets from the accounts: a fault that
    must be seen."""
    live, stats = Live(asked=rate), bench.scratch / "live.json"
    with Lab() as lab:
        meter, sender = make_ends(lab)
        sink = Sink(bench, within=meter)
        process = start_weir(bench, meter, sink, stats)
        try:
            command = [bench.tools / "bench_send", "eth0", rate, seconds, FLOWS]
            bench.note("live", command)
            sent = sender.run(*command, *([way] if way else []), timeout=seconds * 10 + 30).stdout
            live.arrived = settle(lambda: counter(meter, "rx_packets"))
            stop_weir(process, live)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
        sums = sink.close()
    live.by = dict(part.split("=") for part in sent.split())["by"]
    live.sent = int(dict(part.split("=") for part in sent.split())["sent"]) + blind
    live.seconds = seconds
    if not live.wrong:
        account(live, json.loads(stats.read_text()), sums)
    return live
