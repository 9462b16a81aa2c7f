# SPDX-License-Identifier: Apache-2.0
"""A flood of single packets into a full table, and established flows that must live through it.

A siege is a capture of which everything is known: which flows are established, when each of their
packets comes, and how many flows of one packet fall upon them. siege_check() holds what weir made
of it against that. test_siege.py runs a small one, `./dev soak flood` a large one:

    siege.py FLOOD_PACKETS BOUND PER_SECOND
"""
import json
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import runner

SECOND = 10**6                      # times are in microseconds, as in the capture
BASE = 1_700_000_000 * SECOND
INTERVAL = 5 * SECOND               # between the packets of an established flow
FLOOD_START = 2 * INTERVAL          # by then each has sent two
IP_BYTES, FRAME_BYTES = 46, 60
ODD = 0x9E3779B1                    # spreads the sources of the flood, each once
SLOTS = 64                          # of docs/semantics.md, "Records of many flows"


@dataclass(frozen=True)
class Siege:
    flood: int                      # packets, each a flow of its own
    per_second: int
    bound: int                      # --max-flows
    own: int                        # --flood-records
    established: int = 1000

    def flood_time(self, number):
        return FLOOD_START + number * SECOND // self.per_second

    @property
    def last(self):
        return self.flood_time(self.flood - 1)

    def established_first(self, flow):
        return flow * INTERVAL // self.established

    def established_packets(self, flow):
        return (self.last - self.established_first(flow)) // INTERVAL + 1

    @property
    def packets(self):
        return self.flood + sum(map(self.established_packets, range(self.established)))

    @property
    def arguments(self):
        return ("--max-flows", str(self.bound), "--flood-records", str(self.own),
                "--idle-timeout", "30s", "--active-timeout", "off")


def frame(source, destination, source_port, destination_port):
    """Ethernet, IPv4, UDP and 18 octets."""
    header = struct.pack("!BBHHHBBHII", 0x45, 0, IP_BYTES, 0, 0, 64, 17, 0, source, destination)
    return b"".join((b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0", header,
                     struct.pack("!HHHH", source_port, destination_port, IP_BYTES - 20, 0),
                     bytes(18)))


def packets(siege):
    """(time, frame) in order of time."""
    peers = [frame(0x0A000000 + flow, 0xC0A80001, 5000, 443) for flow in range(siege.established)]
    turn, flow = 0, 0
    due = siege.established_first(0)
    for number in range(siege.flood):
        now = siege.flood_time(number)
        while due <= now:
            yield due, peers[flow]
            flow += 1
            if flow == siege.established:
                turn, flow = turn + 1, 0
            due = turn * INTERVAL + siege.established_first(flow)
        spread = number * ODD & 0xFFFFFF
        yield now, frame(0x0B000000 + spread, 0xC0A80100 + number % 3, 1024 + spread % 60000, 53)


def write(siege, path):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for time, octets in packets(siege):
            seconds, rest = divmod(BASE + time, SECOND)
            file.write(struct.pack("<IIII", seconds, rest, FRAME_BYTES, FRAME_BYTES) + octets)


# A process is charged with the memory that its parent had when it was started: so a small one.
MEASURE = """import os, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))"""


@dataclass
class Outcome:
    records: list
    stats: dict
    memory_kb: int                  # most that was resident


def meter(siege, capture, *more):
    """One run, with its records in a file so that they do not weigh on its memory."""
    with tempfile.TemporaryDirectory(prefix="weir-siege-") as folder:
        records, stats = Path(folder) / "records.json", Path(folder) / "stats.json"
        words = [runner.WEIR, "meter", "-r", capture, "-o", f"json:{records}", "--stats", stats,
                 "--fields", "+deltaFlowCount", *siege.arguments, *more]
        measured = subprocess.run([sys.executable, "-c", MEASURE, *words], check=True,
                                  stdout=subprocess.PIPE)
        with open(records, encoding="utf-8") as lines:
            return Outcome([json.loads(line) for line in lines], json.loads(stats.read_text()),
                           int(measured.stdout))


# ---- what must hold ----

def established_check(siege, records):
    """Each established flow is one record, from its first packet to its last."""
    found = {}
    for record in records:
        first = record["flowStartMicroseconds"] - BASE
        if first < FLOOD_START:
            assert first not in found, "an established flow came in pieces"
            found[first] = record
    assert len(found) == siege.established, "established flows were lost"
    for flow in range(siege.established):
        first, count = siege.established_first(flow), siege.established_packets(flow)
        record = found[first]
        assert record["sourceIPv4Address"] == "10.0.%d.%d" % divmod(flow, 256)
        assert record["packetDeltaCount"] == count, (flow, record)
        assert record["octetDeltaCount"] == count * IP_BYTES, (flow, record)
        assert record["flowEndMicroseconds"] - BASE == first + (count - 1) * INTERVAL
        assert record["flowEndReason"] == 4, (flow, record)


def sums_check(siege, outcome):
    total = sum(record["packetDeltaCount"] for record in outcome.records)
    octets = sum(record["octetDeltaCount"] for record in outcome.records)
    flows = sum(record["deltaFlowCount"] for record in outcome.records)
    assert (total, octets) == (siege.packets, siege.packets * IP_BYTES), "packets were lost"
    assert flows == siege.flood + siege.established, "flows were lost"
    assert outcome.stats["balanced"] is True


def eviction_check(siege, outcome):
    """Who gave way is said and counted, and the records of those are no more than was asked for."""
    flows, flood = outcome.stats["flows"], outcome.stats["flood"]
    assert flows["active_max"] <= siege.bound, "the table grew"
    evicted = flows["ended"]["lack_of_resources"]
    assert evicted == flows["created"] - flows["ended"]["idle"] - flows["ended"]["forced_end"]
    gone = [record for record in outcome.records if record["flowEndReason"] == 5]
    many = [record for record in gone if record["deltaFlowCount"] > 1]
    assert sum(record["deltaFlowCount"] for record in gone) == evicted
    assert len(gone) == outcome.stats["records_ended"]["lack_of_resources"]
    assert flood["merged_flows"] >= sum(record["deltaFlowCount"] for record in many)
    seconds = (siege.last - FLOOD_START) // SECOND + 2
    assert len(gone) <= seconds * (siege.own + SLOTS), "the export of the flood is not bounded"
    assert {record.get("destinationTransportPort") for record in many} == {53}
    assert not any("sourceIPv4Address" in record for record in many)


def siege_check(siege, outcome):
    established_check(siege, outcome.records)
    sums_check(siege, outcome)
    eviction_check(siege, outcome)


def memory_check(early_kb, late_kb, slack_kb=8192):
    assert late_kb <= early_kb + slack_kb, f"memory grew from {early_kb} to {late_kb} kB"


def main(flood, bound, per_second):
    siege = Siege(flood, per_second, bound, 10_000)
    with tempfile.TemporaryDirectory(prefix="weir-siege-") as folder:
        capture = Path(folder) / "siege.pcap"
        write(siege, capture)
        early = meter(siege, capture, "--count", str(siege.packets // 5)).memory_kb
        print(f"{siege.flood // 5} packets of the flood: {early} kB resident", flush=True)
        outcome = meter(siege, capture)
    flows = outcome.stats["flows"]
    print(f"{siege.flood} packets of the flood: {outcome.memory_kb} kB resident,"
          f" {flows['ended']['lack_of_resources']} flows gave way,"
          f" {outcome.stats['flood']['merged_flows']} of them in"
          f" {outcome.stats['flood']['merged_records']} records, {outcome.stats['records']} records"
          " in all")
    siege_check(siege, outcome)
    memory_check(early, outcome.memory_kb)
    print(f"{siege.established} established flows lived through it, every packet is in a record")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
