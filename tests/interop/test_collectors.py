# SPDX-License-Identifier: Apache-2.0
"""What weir exports, read by nfacctd, ipfixDump and python-ipfix: the flows that traffic.py counted
while it made the capture. tshark and nfcapd with nfdump: test_ipfix.py and test_netflow.py.
"""
import ipaddress
import socket
import struct
from collections import Counter
from datetime import datetime, timezone

import pytest

from needs import lacking
from interop import traffic
from interop.peers import Nfacctd, Nfcapd, ipfix_dump

ELEMENT = "flowDirectionBasis"      # one of weir's own
DIRECTION_FIRST = 1                 # its value for `--direction first`


@pytest.fixture(scope="module")
def messages(weir, capture, tmp_path_factory):
    """A file of messages with one of weir's own elements."""
    path = tmp_path_factory.mktemp("messages") / "flows.ipfix"
    done = weir("meter", "-r", capture, *traffic.OPTIONS, "--fields", f"+{ELEMENT}",
                "-o", f"ipfix:{path}")
    assert done.returncode == 0, done.stderr
    return path


# ---- nfacctd ----

def milliseconds(text):
    return round(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp() * 1000)


def protocol(name):
    return int(name) if name.isdigit() else socket.getprotobyname(name)


def by_nfacctd(flow):
    return (flow["ip_src"], flow["ip_dst"], protocol(flow["ip_proto"]), flow["vlan"],
            flow["port_src"], flow["port_dst"], flow["packets"], flow["bytes"],
            milliseconds(flow["timestamp_start"]), milliseconds(flow["timestamp_end"]))


def for_nfacctd(sent, ways):
    """One flow for each of `ways` that has packets."""
    found = Counter()
    for flow in sent.biflows:
        for way in ways:
            if flow.packets[way]:
                step = -1 if way else 1
                found[(*(flow.client, flow.server)[::step], flow.protocol, (*flow.vlans, 0)[0],
                       *(flow.client_port, flow.server_port)[::step], flow.packets[way],
                       flow.octets[way], flow.start_ms, flow.end_ms)] += 1
    return found


@pytest.mark.parametrize("address, more, ways", [
    ("ipfix+udp://127.0.0.1:4739", ["--uniflow"], (0, 1)),
    ("ipfix+udp://127.0.0.1:4739", [], (0,)),          # it knows no reverse elements
    ("netflow9+udp://127.0.0.1:4739?times=absolute", [], (0, 1))])
def test_nfacctd(lab, tool, weir_program, capture, sent, tmp_path, address, more, ways):
    here = lab.host()
    nfacctd = Nfacctd(here, tool, tmp_path / "nfacctd")
    here.run(weir_program, "meter", "-r", capture, *traffic.OPTIONS, *more, "-o", address)
    expected = for_nfacctd(sent, ways)
    assert Counter(map(by_nfacctd, nfacctd.stop(expected.total()))) == expected


# ---- records by name ----

def biflow(record):
    """What ipfixDump and python-ipfix show, as numbers and texts."""
    family = "IPv6" if "sourceIPv6Address" in record else "IPv4"
    ends = (str(ipaddress.ip_address(str(record[f"{end}{family}Address"])))
            for end in ("source", "destination"))
    names = ("protocolIdentifier", "sourceTransportPort", "destinationTransportPort", "vlanId",
             "dot1qCustomerVlanId", "packetDeltaCount", "reversePacketDeltaCount",
             "octetDeltaCount", "reverseOctetDeltaCount", "tcpControlBits",
             "reverseTcpControlBits", f"icmpTypeCode{family}", f"reverseIcmpTypeCode{family}")
    times = (record[name] if isinstance(record[name], datetime)
             else datetime.fromisoformat(record[name])
             for name in ("flowStartMilliseconds", "flowEndMilliseconds"))
    return (*ends, *(int(record[name]) for name in names),
            *(round(time.replace(tzinfo=timezone.utc).timestamp() * 1000) for time in times))


def expected_biflows(sent):
    return Counter((*flow.key[:5], *flow.key[5:], *flow.packets, *flow.octets, *flow.flags,
                    *flow.icmp, flow.start_ms, flow.end_ms) for flow in sent.biflows)


def of_flows(records):
    return [record for record in records if "octetDeltaCount" in record]


def element_types(records):
    """Names that options data give to elements (RFC 5610), strings of variable length."""
    return [record["informationElementName"] for record in records
            if "informationElementName" in record]


def test_ipfix_dump(tool, messages, sent):
    records = ipfix_dump(tool, messages)
    assert Counter(map(biflow, of_flows(records))) == expected_biflows(sent)
    assert f"(len: {len(ELEMENT)}) {ELEMENT}" in element_types(records)


def test_ipfix_dump_shows_elements_of_enterprises(tool, messages, sent):
    found = Counter(record["32473/1"] for record in of_flows(ipfix_dump(tool, messages)))
    assert found == {str(DIRECTION_FIRST): len(sent.biflows)}


def by_python_ipfix(path):
    try:
        import ipfix.ie
        import ipfix.reader
    except ImportError:
        lacking("python3-ipfix is not installed (./dev deps test)")
    ipfix.ie.use_iana_default()
    ipfix.ie.use_5103_default()
    with path.open("rb") as stream:
        return list(ipfix.reader.from_stream(stream).namedict_iterator())


def test_python_ipfix(messages, sent):
    """Elements that it has no name for are octets."""
    records = by_python_ipfix(messages)
    assert Counter(map(biflow, of_flows(records))) == expected_biflows(sent)
    assert {record["_ipfix_32473_1"] for record in of_flows(records)} == {bytes([DIRECTION_FIRST])}
    assert ELEMENT in element_types(records)


# ---- strings of variable length in flow records, relayed by weir ----

NAMES = ["", "a", "b" * 254, "c" * 255, "d" * 300, "e" * 1200]     # lengths of one and three octets
VARIABLE = 65535
SPECIFIERS = ((152, 8), (153, 8), (8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (58, 2), (1, 8),
              (82, VARIABLE), (2, 8))        # interfaceName between octets and packets
TIME_MS = 1_700_000_000_123


def length_octets(size):
    return bytes([size]) if size < 255 else b"\xff" + struct.pack("!H", size)


def named_flow(number, name):
    """(octets of the record, what nfacctd says of it)."""
    source, octets, packets = f"192.0.2.{number + 1}", 1000 + number, 10 + number
    ends = socket.inet_aton(source), socket.inet_aton("198.51.100.1")
    record = struct.pack("!QQ4s4sHHBHQ", TIME_MS, TIME_MS, *ends, 40000, 53, 17, 0, octets)
    return (record + length_octets(len(name)) + name.encode() + struct.pack("!Q", packets),
            (source, "198.51.100.1", 17, 0, 40000, 53, packets, octets, TIME_MS, TIME_MS))


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A file of messages whose flow records have a string each, worked out here."""
    template = struct.pack("!HH", 256, len(SPECIFIERS))
    template += b"".join(struct.pack("!HH", *one) for one in SPECIFIERS)
    data = b"".join(named_flow(*one)[0] for one in enumerate(NAMES))
    sets = b"".join(struct.pack("!HH", number, 4 + len(octets)) + octets
                    for number, octets in ((2, template), (256, data)))
    path = tmp_path_factory.mktemp("named") / "named.ipfix"
    path.write_bytes(struct.pack("!HHIII", 10, 16 + len(sets), 1_700_000_001, 0, 1) + sets)
    return path


@pytest.fixture(scope="module")
def relayed(weir, named, tmp_path_factory):
    path = tmp_path_factory.mktemp("relayed") / "relayed.ipfix"
    done = weir("collect", "-r", named, "-o", f"ipfix:{path}")
    assert done.returncode == 0, done.stderr
    return path


def test_names_by_python_ipfix(relayed):
    assert [record["interfaceName"] for record in of_flows(by_python_ipfix(relayed))] == NAMES


def test_names_by_ipfix_dump(tool, relayed):
    found = [record["interfaceName"] for record in of_flows(ipfix_dump(tool, relayed))]
    assert found == [f"(len: {len(name)}) {name}" for name in NAMES]


def test_names_do_not_disturb_nfacctd(lab, tool, weir_program, named, tmp_path):
    here = lab.host()
    nfacctd = Nfacctd(here, tool, tmp_path / "nfacctd")
    here.run(weir_program, "collect", "-r", named, "-o", "ipfix+udp://127.0.0.1:4739")
    expected = Counter(named_flow(*one)[1] for one in enumerate(NAMES))
    assert Counter(map(by_nfacctd, nfacctd.stop(len(NAMES)))) == expected


def test_names_do_not_disturb_nfcapd(lab, tool, weir_program, named, tmp_path):
    here = lab.host()
    nfcapd = Nfcapd(here, tool, tmp_path / "nfcapd")
    here.run(weir_program, "collect", "-r", named, "-o", "ipfix+udp://127.0.0.1:4739")
    found = Counter((flow["src4_addr"], flow["in_packets"], flow["in_bytes"])
                    for flow in nfcapd.stop())
    assert found == Counter((flow[0], flow[6], flow[7]) for flow in (
        named_flow(*one)[1] for one in enumerate(NAMES)))
