# SPDX-License-Identifier: Apache-2.0
"""What weir exports, read by nfacctd, ipfixDump and python-ipfix: the flows that traffic.py counted
while it made the capture. tshark and nfcapd with nfdump: test_ipfix.py and test_netflow.py.
"""
import ipaddress
import socket
from collections import Counter
from datetime import datetime, timezone

import pytest

from conftest import lacking
from interop import traffic
from interop.peers import Nfacctd, ipfix_dump

ELEMENT = "flowDirectionBasis"      # one of weir's own
DIRECTION_FIRST = 1                 # its value for `--direction first`


@pytest.fixture(scope="module")
def sent():
    return traffic.standard()


@pytest.fixture(scope="module")
def capture(sent, tmp_path_factory):
    return sent.write(tmp_path_factory.mktemp("collectors") / "standard.pcap")


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


def test_python_ipfix(messages, sent):
    """Elements that it has no name for are octets."""
    try:
        import ipfix.ie
        import ipfix.reader
    except ImportError:
        lacking("python3-ipfix is not installed (./dev deps test)")
    ipfix.ie.use_iana_default()
    ipfix.ie.use_5103_default()
    with messages.open("rb") as stream:
        records = list(ipfix.reader.from_stream(stream).namedict_iterator())
    assert Counter(map(biflow, of_flows(records))) == expected_biflows(sent)
    assert {record["_ipfix_32473_1"] for record in of_flows(records)} == {bytes([DIRECTION_FIRST])}
    assert ELEMENT in element_types(records)
