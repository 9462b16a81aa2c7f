# SPDX-License-Identifier: Apache-2.0
"""Flows and their applications, as ndpiReader and as weir tell them, in one form to compare.

    ndpi_reader(program, capture) -> list of Flow         weir_flows(weir, capture) -> list of Flow
    compare(expected, got) -> Comparison

Weir runs as ndpiReader does: timers off, the first sender is the client, one flow for all ICMP of
two hosts, tunnels of IP in IP looked into. Both may have several flows of one key; then each answer
of one side is matched with an equal one of the other.
"""
import collections
import ipaddress
import json
import re
import subprocess
from dataclasses import dataclass, field

PROTOCOLS = {1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 47: "GRE", 58: "ICMPV6", 132: "SCTP",
             89: "OSPF", 50: "ESP", 51: "AH", 112: "VRRP", 103: "PIM"}
LINE = re.compile(r"^\t\d+\t(\S+) (\S+) (?:<->|->) (\S+) (.*)$")
CONFIDENCE = {1: "Match by port", 2: "Match by IP", 3: "DPI (cache)", 4: "DPI"}
AS_NDPI_READER = ["--idle-timeout", "off", "--active-timeout", "off", "--tcp-linger", "off",
                  "--direction", "first", "--icmp-key", "none", "--tunnels", "--identify", "ndpi"]


@dataclass(frozen=True)
class Flow:
    protocol: str
    ends: frozenset                 # "address:port"
    application: str                # "TLS.Google", "Unknown"
    confidence: str = ""
    host: str = ""

    @property
    def key(self):
        return self.protocol, self.ends


def flow_of_line(line):
    match = LINE.match(line)
    proto = match and re.search(r"\[proto: (?:[A-Za-z0-9]+:)?[\d.]+/([^\]]+)\]", line)
    if not proto:
        return None
    confidence = re.search(r"\[Confidence: ([^\]]+)\]", line)
    host = re.search(r"\[Hostname/SNI: ([^\]]*)\]", line)
    return Flow(match[1], frozenset(map(plain, match.group(2, 3))), proto[1],
                confidence[1] if confidence else "", host[1] if host else "")


def ndpi_reader(program, capture):
    run = subprocess.run([program, "-v", "2", "-i", str(capture)], capture_output=True, timeout=120,
                         check=True)
    flows = (flow_of_line(line) for line in run.stdout.decode(errors="replace").split("\n"))
    return [flow for flow in flows if flow]


def plain(text):
    """An end in the one form of RFC 5952: libraries differ in where they put the ::."""
    address, port = text.rsplit(":", 1)
    if address.startswith("["):
        address = f"[{ipaddress.ip_address(address[1:-1])}]"
    return f"{address}:{port}"


def flow_of_expected(entry):
    return Flow(entry["l4"], frozenset(map(plain, (entry["src"], entry["dst"]))), entry["proto"],
                entry["conf"] or "", entry["sni"] or "")


def end(record, side):
    port = record.get(f"{side}TransportPort", 0)
    if f"{side}IPv6Address" in record:
        return f"[{record[f'{side}IPv6Address']}]:{port}"
    return f"{record[f'{side}IPv4Address']}:{port}"


def flow_of_record(record):
    names = [record.get("applicationMasterName"), record.get("applicationName")]
    number = record["protocolIdentifier"]
    return Flow(PROTOCOLS.get(number, str(number)),
                frozenset(map(plain, (end(record, "source"),
                                      end(record, "destination")))),
                ".".join(name for name in names if name) or "Unknown",
                CONFIDENCE.get(record.get("applicationConfidence"), "Unknown"),
                record.get("applicationHostName", ""))


def weir_records(weir, capture, *arguments):
    run = weir("meter", "-q", "-r", capture, "-o", "json:-", "--measure", "applications",
               *arguments)
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def weir_flows(weir, capture, *arguments):
    return [flow_of_record(record)
            for record in weir_records(weir, capture, *AS_NDPI_READER, *arguments)]


@dataclass
class Comparison:
    equal: int = 0
    different: list = field(default_factory=list)       # (expected, got)
    missing: list = field(default_factory=list)         # flows that weir has none of
    extra: list = field(default_factory=list)

    @property
    def compared(self):
        return self.equal + len(self.different)

    def add(self, other):
        self.equal += other.equal
        self.different += other.different
        self.missing += other.missing
        self.extra += other.extra


def by_key(flows):
    lists = collections.defaultdict(list)
    for flow in flows:
        lists[flow.key].append(flow)
    return lists


def compare(expected, got):
    result = Comparison()
    ours = by_key(got)
    for key, theirs in by_key(expected).items():
        left = ours.pop(key, [])
        rest = []
        for flow in theirs:
            same = next((g for g in left if g.application == flow.application), None)
            if same:
                left.remove(same)
                result.equal += 1
            else:
                rest.append(flow)
        result.different += list(zip(rest, left))
        result.missing += rest[len(left):]
        result.extra += left[len(rest):]
    result.extra += [flow for flows in ours.values() for flow in flows]
    return result
