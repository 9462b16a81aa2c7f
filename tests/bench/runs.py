# SPDX-License-Identifier: Apache-2.0
"""Single runs of the bench: of weir into the sink, of the floor; what each used, and whether its
counts are those of the workload.

What a run used is what the kernel charged to the process from start to end, user and system:
nothing is left out. Before each the capture is read into the page cache, and memory is written and
freed, so that no run pays for pages that the machine has not backed yet.
"""
import json
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass, field

from workloads import numbers

TOUCHED_MIB = 1024


@dataclass
class Used:
    user: float = 0.0           # seconds
    system: float = 0.0
    wall: float = 0.0
    rss_bytes: int = 0          # most of it at once
    status: int = 0

    @property
    def cpu(self):
        return self.user + self.system


@dataclass
class Run:
    used: Used
    packets: int                            # of the workload
    wrong: list = field(default_factory=list)       # what was not exact, in words
    sums: dict = field(default_factory=dict)        # of the sink, or of the floor
    stats: dict = field(default_factory=dict)       # of weir

    @property
    def ns(self):
        """User and system time per packet."""
        return self.used.cpu / self.packets * 1e9


def read_once(path):
    with open(path, "rb", buffering=0) as file:
        piece = bytearray(1 << 20)
        while file.readinto(piece):
            pass


class Bench:
    """Where the programs are, where files go, and whether memory is touched before a run."""

    def __init__(self, build, scratch, touches=True):
        self.tools, self.weir = build / "tests/bench", build / "src/cli/weir"
        self.scratch, self.touches = scratch, touches
        self.files = {}         # texts of files that commands name
        self.commands = {}      # command lines that were run, without folders: names of workloads

    def note(self, name, command, **changing):
        """Remembers a command line; `changing` are its parts that are not worth showing, by what
        stands for them."""
        shown = " ".join(re.sub(r"(^|[=:])/[^/\s]\S*/", r"\1", str(part)) for part in command)
        for word, part in changing.items():
            shown = shown.replace(str(part), word)
        names = self.commands.setdefault(shown, [])
        if name not in names:
            names.append(name)

    def commands_with_names(self):
        return [f"{command}    # {', '.join(names)}" for command, names in self.commands.items()]

    def touch_mib(self, made):
        if not self.touches:
            return 0
        return TOUCHED_MIB * (3 if made.flows > 6_000_000 else 1)

    def measure(self, command, touch_mib=0, limit=None, **options):
        """Runs a command to its end: (Used, what it printed). Past `limit` seconds it is ended, and
        TimeoutExpired raised."""
        result = self.scratch / "used"
        result.unlink(missing_ok=True)
        launcher = [self.tools / "bench_run", result, touch_mib, *command]
        options = {"stdout": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
        process = subprocess.Popen([str(part) for part in launcher], text=True,
                                   start_new_session=True, **options)
        try:
            printed, _ = process.communicate(timeout=limit)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        if process.returncode:
            raise RuntimeError(f"bench_run ended with status {process.returncode}")
        used = numbers(result.read_text())
        return Used(used["user_us"] / 1e6, used["system_us"] / 1e6, used["wall_us"] / 1e6,
                    used["rss_kib"] * 1024, used["status"]), printed or ""


class Sink:
    """The collector on loopback; its processor time is its own."""

    def __init__(self, bench, *options, within=None):
        """`within` is the host of a lab whose loopback it is to be."""
        command = [bench.tools / "bench_sink", *map(str, options)]
        self.process = subprocess.Popen(within.command(*command) if within else command,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = numbers(self.process.stdout.readline())["port"]

    def close(self):
        """What it received."""
        printed, _ = self.process.communicate(timeout=120)
        return numbers(printed)


def sums_wrong(made, sums, records=None):
    """How the sink's sums differ from the workload: a record a flow, or so many as are told."""
    wanted = {"packets": made.packets, "octets": made.octets,
              "records": made.flows if records is None else records,
              "lost": 0, "dropped": 0, "bad": 0, "unknown": 0}
    return [f"{name} at the sink: {sums[name]:,}, expected {value:,}"
            for name, value in wanted.items() if sums[name] != value]


def stats_wrong(made, stats):
    """How weir's own counts differ from the workload."""
    wanted = {"metered packets": (stats["packets"]["metered"], made.packets),
              "metered octets": (stats["metered_ip_octets"], made.octets),
              "flows": (stats["flows"]["created"], made.flows),
              "balanced": (stats["balanced"], True)}
    return [f"{name} of weir: {found}, expected {value}"
            for name, (found, value) in wanted.items() if found != value]


def ended_wrong(used, who):
    return [f"{who} ended with status {used.status}"] if used.status else []


def weir_command(bench, path, settings, output, stats):
    return [bench.weir, "meter", "-q", "-r", path, *settings, "-o", output,
            "--stats", stats]


def run_weir(bench, made, settings, sink_options=(), sliced=False, address=""):
    """From the file to IPFIX over UDP, unpaced. `sliced`: the settings make other records than one
    a flow, so the sink must have received as many as weir says that it made. `address`: what else
    the output's address says."""
    sink = Sink(bench, *sink_options)
    run = run_weir_to(bench, made, settings, f"ipfix+udp://127.0.0.1:{sink.port}?rate=0{address}",
                      sink.port)
    run.sums = sink.close()
    if run.stats:
        run.wrong += sums_wrong(made, run.sums, run.stats["records"] if sliced else None)
    return run


def run_weir_to(bench, made, settings, output, port=0):
    """From the file to any output, which may name a port; only weir's own counts are compared."""
    read_once(made.path)
    stats = bench.scratch / "stats.json"
    stats.unlink(missing_ok=True)
    command = weir_command(bench, made.path, settings, output, stats)
    bench.note(made.name, command, FILE=made.path.name, **({"PORT": port} if port else {}))
    used, _ = bench.measure(command, bench.touch_mib(made))
    run = Run(used, made.packets, ended_wrong(used, "weir"))
    if not run.wrong:
        run.stats = json.loads(stats.read_text())
        run.wrong = stats_wrong(made, run.stats)
    return run


def run_floor(bench, made, huge=False):
    """One process, two passes: the first as a whole process, the second for the steady state."""
    read_once(made.path)
    options = (["-e"] if made.workload.ends else []) + (["-H"] if huge else [])
    command = [bench.tools / "bench_floor", "-p", 2, *options, made.path, made.workload.slots_log2]
    bench.note(made.name, command, FILE=made.path.name)
    used, printed = bench.measure(command, bench.touch_mib(made))
    run = Run(used, made.packets, ended_wrong(used, "the floor"))
    if run.wrong:
        return run
    run.sums = numbers(printed)
    expected = {"packets": made.packets, "octets": made.octets}
    if made.workload.one_way:
        expected["flows"] = made.flows
    run.wrong = [f"{name} of the floor: {run.sums[name]:,}, expected {value:,}"
                 for name, value in expected.items() if run.sums[name] != value]
    return run


def first_pass_ns(run):
    """The floor's whole process without its second pass."""
    return run.ns - run.sums["last_pass_ns"]


def run_peer(bench, peer, made, limit, within=None):
    """A peer from the file to where it writes; (Run, its Count). `within` is as for the sink."""
    read_once(made.path)
    folder = bench.scratch / "peer"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    sink = Sink(bench, within=within) if peer.udp else None
    command = peer.command(made, sink.port if sink else 0, folder)
    bench.note(made.name, command, FILE=made.path.name, **({"PORT": sink.port} if sink else {}))
    for path in folder.glob("*.conf"):
        text = path.read_text().replace(str(made.path), "FILE")
        bench.files.setdefault(path.name, text.replace(f":{sink.port}", ":PORT") if sink else text)
    try:
        used, printed = bench.measure(within.command(*command) if within else command,
                                      bench.touch_mib(made), limit, stderr=subprocess.DEVNULL)
    finally:
        sums = sink.close() if sink else {}
    run = Run(used, made.packets, ended_wrong(used, peer.name), sums)
    return run, None if run.wrong else peer.count(sums, folder, printed)
