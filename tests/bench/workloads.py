# SPDX-License-Identifier: Apache-2.0
"""The workloads of the bench: what each is, and making them with the generators beside this file.

A workload is a capture file and what is true of it (packets, octets of IP, flows), as its generator
counted. Files are kept in a folder and made anew when a generator changed.
"""
import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SOURCES = ("generate.c", "repeat.c", "frames.c", "capture.c", "truth.c", "workloads.py")
PER_SECOND, SEED = 1_000_000, 1


@dataclass(frozen=True)
class Workload:
    name: str
    what: str
    kind: str                   # of bench_generate, or "repeat"
    flows: int = 1              # of uniform: drawn from so many; of repeat: copies side by side
    packets: int = 10_000_000
    slots_log2: int = 16        # of the floor's table
    runs: int = 5
    options: tuple = ()         # of weir: its idle timeout
    ends: bool = False          # flows end on the way: the floor deletes, too
    one_way: bool = True        # so the floor's flows are those of weir


WORKLOADS = {workload.name: workload for workload in (
    Workload("real", "real packets cut to 128 octets, repeated", "repeat", 1, runs=7,
             one_way=False),
    Workload("mixed", "64 interleaved copies of the same with changing addresses", "repeat", 64,
             slots_log2=20, one_way=False),
    Workload("u10k", "60-octet frames, 10 k flows drawn evenly", "uniform4", 10_000),
    Workload("u1m", "60-octet frames, 1 M flows drawn evenly", "uniform4", 1_000_000,
             slots_log2=21),
    Workload("u4m", "60-octet frames, 4 M flows drawn evenly", "uniform4", 4_000_000,
             slots_log2=23),
    Workload("v6", "like u1m over IPv6, 74-octet frames", "uniform6", 1_000_000, slots_log2=21),
    Workload("churn", "flows of two packets 100 ms apart, half TCP that ends in FIN", "churn",
             slots_log2=21, options=("-d", "2s"), ends=True),
)}
# For single figures: memory at more flows, cost at many more, a flood of single packets.
EXTRA = {workload.name: workload for workload in (
    Workload("v6-4m", "like u4m over IPv6", "uniform6", 4_000_000, slots_log2=23),
    Workload("u16m", "60-octet frames, 16 M flows drawn evenly", "uniform4", 16_000_000,
             packets=40_000_000, slots_log2=25, runs=3),
    Workload("flood", "60-octet frames, every packet a flow of its own", "flood", slots_log2=24),
)}


# What weir is told beside the workload's own options.
SETTINGS = {"off": ("-d", "off", "-t", "off", "--direction", "first"), "default": ()}


def settings_of(workload, name):
    """The command line of a setting; a workload may need an idle timeout of its own."""
    if workload.options and name == "off":
        return (*workload.options, *SETTINGS["off"][2:])
    return workload.options or SETTINGS[name]


@dataclass(frozen=True)
class Made:
    """A workload on disk."""
    workload: Workload
    path: Path
    packets: int
    octets: int
    flows: int
    source: str = ""            # the capture that was repeated

    @property
    def name(self):
        return self.workload.name


def numbers(line):
    """"a=1 b=2.5" as a dictionary."""
    pairs = (part.split("=") for part in line.split())
    return {key: float(value) if "." in value else int(value) for key, value in pairs}


def real_capture():
    """(file, how the report calls it): the third-party one where it is, else one of ours."""
    data = Path(os.environ.get("WEIR_DATA", ROOT / "../shared/data"))
    foreign = data / "snabb/sanitized4k.pcap"
    if foreign.exists():
        return foreign, "snabb/sanitized4k.pcap of WEIR_DATA"
    return ROOT / "share/captures/demo.pcap", "share/captures/demo.pcap"


def generator(workload, build, path, packets):
    tools = build / "tests/bench"
    if workload.kind == "repeat":
        return [tools / "bench_repeat", real_capture()[0], path, packets, workload.flows]
    return [tools / "bench_generate", workload.kind, path, packets, workload.flows, PER_SECOND,
            SEED]


def make(workload, build, folder, packets=None):
    """Makes a workload, or takes the one that lies there already; a Made."""
    packets = packets or workload.packets
    source = real_capture()[1] if workload.kind == "repeat" else ""
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in SOURCES)).hexdigest()
    path = folder / f"{workload.name}-{packets}.pcap"
    note = path.with_suffix(".json")
    if path.exists() and note.exists():
        known = json.loads(note.read_text())
        if known["digest"] == digest and known["source"] == source:
            return Made(workload, path, **known["truth"], source=source)
    note.unlink(missing_ok=True)
    done = subprocess.run([str(part) for part in generator(workload, build, path, packets)],
                          check=True, stdout=subprocess.PIPE, text=True)
    truth = numbers(done.stdout)
    note.write_text(json.dumps({"digest": digest, "source": source, "truth": truth}))
    return Made(workload, path, **truth, source=source)
