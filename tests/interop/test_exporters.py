# SPDX-License-Identifier: Apache-2.0
"""What softflowd and pmacctd export, collected by weir: the flows that traffic.py counted while it
made the capture, as many as they say they sent, and what tshark reads in the same datagrams.
"""
import contextlib
import json
import subprocess
from collections import Counter

import pytest

from interop import exporters, traffic
from interop.collector import Collector
from interop.peers import datagrams, in_a_capture, udp_collector

VERSIONS = (5, 9, 10)
NAMES = {5: "netflow5", 9: "netflow9", 10: "ipfix"}
EXPORTERS = ("softflowd", "pmacctd")


@pytest.fixture(scope="module")
def sent():
    """Without VLANs: neither exporter has them in its key here."""
    return traffic.standard(vlans=False)


def one_way(sent, version):
    """(source, destination, protocol, ports, ICMP, packets, octets, flags) of each flow."""
    return Counter((*flow[:5], flow[8], *flow[5:8])
                   for flow in traffic.one_way(sent, ipv6=version != 5))


def as_sent(record):
    """ICMP stands in its own element or, as in NetFlow v5, in the destination port."""
    family = "IPv6" if "sourceIPv6Address" in record else "IPv4"
    source, destination = record[f"source{family}Address"], record[f"destination{family}Address"]
    ports = record.get("sourceTransportPort", 0), record.get("destinationTransportPort", 0)
    icmp = 0
    if record["protocolIdentifier"] in (1, 58):
        icmp, ports = record.get(f"icmpTypeCode{family}", ports[1]), (ports[0], 0)
    return (source, destination, record["protocolIdentifier"], *ports, icmp,
            record["packetDeltaCount"], record["octetDeltaCount"], record.get("tcpControlBits", 0))


# ---- weir listens ----

def check_account(account, version, records):
    """Every message was decoded, and all were of the version."""
    messages = account["messages"]
    assert messages["received"] == messages["decoded"] == account["versions"][NAMES[version]] > 0
    assert account["records"] == records
    assert account["balanced"]
    assert not any(value for name, value in account["sets"].items()
                   if name not in ("received", "templates", "data"))


def collect(lab, program, folder, version, command, expected):
    """Runs an exporter against a collector in a namespace; what it said, records, account."""
    here = lab.host()
    collector = Collector(here, program, folder, "ipfix+udp://127.0.0.1:4739")
    done = here.run(*command)
    collector.await_records(expected)
    found, account = collector.stop()
    check_account(account, version, expected)
    return done.stdout + done.stderr, found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("times", [[], ["-A", "milli"]])
def test_softflowd(lab, tool, weir_program, capture, sent, tmp_path, version, times):
    expected = one_way(sent, version)
    command = exporters.softflowd(tool, capture, 4739, version, *times)
    text, found = collect(lab, weir_program, tmp_path / "c", version, command, expected.total())
    assert Counter(map(as_sent, found)) == expected
    packets, _, records = exporters.said_by_softflowd(text)
    assert (packets, records) == (len(sent.frames), expected.total())


def halves(record):
    """Either way of a biflow; softflowd takes the lower address for the source."""
    back = {"reverse" + name[0].upper() + name[1:]: name for name in record}
    turned = {**record, **{back[name]: value for name, value in record.items() if name in back}}
    for family in ("IPv4Address", "IPv6Address", "TransportPort"):
        source, destination = f"source{family}", f"destination{family}"
        if source in record:
            turned[source], turned[destination] = record[destination], record[source]
    return [half for half in map(as_sent, (record, turned)) if half[6]]


def test_softflowd_biflows(lab, tool, weir_program, capture, sent, tmp_path):
    """Its reverse elements are those of RFC 5103. An ICMP reply is another flow to it; there is no
    reverse element of ICMP, so that is left out."""
    command = exporters.softflowd(tool, capture, 4739, 10, "-A", "milli", "-b")
    expected = sum(2 if flow.protocol in (1, 58) else 1 for flow in sent.biflows)
    text, found = collect(lab, weir_program, tmp_path / "c", 10, command, expected)
    ways = Counter((*half[:5], *half[6:]) for record in found for half in halves(record))
    assert ways == Counter((*flow[:5], *flow[6:]) for flow in one_way(sent, 10).elements())
    assert exporters.said_by_softflowd(text)[2] == expected


def test_pmacctd(lab, tool, weir_program, capture, sent, tmp_path):
    """All versions at once, each to a collector of its own."""
    here, ports = lab.host(), {version: 4730 + version for version in VERSIONS}
    collectors = {}
    for version, port in ports.items():
        collectors[version] = Collector(here, weir_program, tmp_path / NAMES[version],
                                        f"ipfix+udp://127.0.0.1:{port}")
    here.run(*exporters.pmacctd(tool, capture, tmp_path, ports))
    for version, collector in collectors.items():
        expected = one_way(sent, version)
        collector.await_records(expected.total())
        found, account = collector.stop()
        check_account(account, version, expected.total())
        assert Counter(map(as_sent, found)) == expected


# ---- weir and tshark read the same datagrams ----

def run_softflowd(tool, capture, folder, ports):
    for version, port in ports.items():
        exporters.run(exporters.softflowd(tool, capture, port, version))


def run_pmacctd(tool, capture, folder, ports):
    exporters.run(exporters.pmacctd(tool, capture, folder, ports))


@pytest.fixture(scope="module")
def exported(tool, capture, tmp_path_factory):
    """(exporter, version) -> a capture of what it sends."""
    found = {}
    for name, run in zip(EXPORTERS, (run_softflowd, run_pmacctd)):
        folder = tmp_path_factory.mktemp(name)
        with contextlib.ExitStack() as stack:
            sockets = {version: stack.enter_context(udp_collector()) for version in VERSIONS}
            run(tool, capture, folder, {version: collector.getsockname()[1]
                                        for version, collector in sockets.items()})
            for version, collector in sockets.items():
                found[name, version] = folder / f"{version}.pcap"
                found[name, version].write_bytes(in_a_capture(datagrams(collector)))
    return found


def flows_in(tree):
    """Flows in what tshark writes as JSON, wherever they stand."""
    if isinstance(tree, dict):
        if "cflow.octets" in tree:
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            yield from flows_in(branch)


def by_tshark(tool, path):
    done = subprocess.run([tool("tshark"), "-r", str(path), "-T", "json", "--no-duplicate-keys"],
                          capture_output=True, text=True, timeout=60, check=True)
    for flow in flows_in(json.loads(done.stdout)):
        ends = (flow.get(f"cflow.{end}addr", flow.get(f"cflow.{end}addrv6"))
                for end in ("src", "dst"))
        numbers = ("cflow.protocol", "cflow.srcport", "cflow.dstport", "cflow.packets",
                   "cflow.octets", "cflow.tcpflags")
        yield (*ends, *(int(flow.get(name, "0"), 0) for name in numbers),
               round(float(flow["cflow.timedelta"]) * 1000))


def by_weir(record):
    family = "IPv6" if "sourceIPv6Address" in record else "IPv4"
    first, last = (next(record[name] for name in (f"flow{end}Milliseconds", f"flow{end}SysUpTime")
                        if name in record) for end in ("Start", "End"))
    return (record[f"source{family}Address"], record[f"destination{family}Address"],
            record["protocolIdentifier"], record.get("sourceTransportPort", 0),
            record.get("destinationTransportPort", 0), record["packetDeltaCount"],
            record["octetDeltaCount"], record.get("tcpControlBits", 0), last - first)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("exporter", EXPORTERS)
def test_as_tshark_reads_it(exported, tool, weir, exporter, version):
    path = exported[exporter, version]
    done = weir("collect", "-r", path)
    assert done.returncode == 0, done.stderr
    found = Counter(by_weir(json.loads(line)) for line in done.stdout.splitlines())
    assert found == Counter(by_tshark(tool, path))
    assert found.total() > 400
