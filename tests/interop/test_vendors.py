# SPDX-License-Identifier: Apache-2.0
"""Datagrams of many vendors' exporters (third-party, see WEIR_DATA): weir decodes what tshark does.

Templates and data often lie in separate files of one name; these go into one capture, templates
first, as datagrams of one exporter. Record by record the values that both know are the same, and
every record and every discarded message is accounted for.
"""
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from interop.test_collect import Collected, in_capture

# tshark's name: ours
KNOWN = {
    "cflow.srcaddr": "sourceIPv4Address", "cflow.dstaddr": "destinationIPv4Address",
    "cflow.srcaddrv6": "sourceIPv6Address", "cflow.dstaddrv6": "destinationIPv6Address",
    "cflow.nexthop": "ipNextHopIPv4Address", "cflow.srcport": "sourceTransportPort",
    "cflow.dstport": "destinationTransportPort", "cflow.protocol": "protocolIdentifier",
    "cflow.octets": "octetDeltaCount", "cflow.packets": "packetDeltaCount",
    "cflow.inputint": "ingressInterface", "cflow.outputint": "egressInterface",
    "cflow.tcpflags": "tcpControlBits", "cflow.tos": "ipClassOfService",
    "cflow.srcas": "bgpSourceAsNumber", "cflow.dstas": "bgpDestinationAsNumber",
    "cflow.srcmask": "sourceIPv4PrefixLength", "cflow.dstmask": "destinationIPv4PrefixLength",
    "cflow.direction": "flowDirection", "cflow.vlanid": "vlanId",
    "cflow.flow_end_reason": "flowEndReason", "cflow.icmp_type_code_ipv4": "icmpTypeCodeIPv4",
    "cflow.srcmac": "sourceMacAddress", "cflow.if_name": "interfaceName",
}
# Only groups with their templates can be decoded; they hold so many records at least, or the
# comparison would be empty.
RECORDS_LEAST = 140


def group_of(path):
    name = re.sub(r"^(ipfix|netflow9|netflow5)_(test_)?", r"\1_", path.stem)
    parts = name.split("_")
    return "_".join(parts[:3] if parts[1:2] == ["cisco"] else parts[:2])


def groups(folder):
    found = {}
    for path in sorted(folder.glob("*.dat")):
        found.setdefault(group_of(path), []).append(path)
    return {name: sorted(paths, key=lambda path: ("tpl" not in path.name, path.name))
            for name, paths in found.items()}


def messages_of(path):
    """A file holds one datagram, or several IPFIX messages."""
    octets = path.read_bytes()
    while octets[:2] == b"\0\x0a" and len(octets) > int.from_bytes(octets[2:4], "big") >= 16:
        length = int.from_bytes(octets[2:4], "big")
        yield octets[:length]
        octets = octets[length:]
    yield octets


def value_of(node):
    """A field's own octets, in the terms of weir's JSON."""
    octets, name = bytes.fromhex(node.get("value", "")), node.get("name")
    if name.endswith(("addr", "addrv6", "nexthop")):
        return node.get("show")
    if name == "cflow.srcmac":
        return ":".join(f"{octet:02x}" for octet in octets)
    if name == "cflow.if_name":
        return octets.rstrip(b"\0").decode()
    return int.from_bytes(octets, "big")


def tshark_flows(tool, path):
    """The flows that tshark finds: a list of {our name: values}."""
    command = [tool("tshark"), "-r", str(path), "-T", "pdml"]
    for port in (2055, 4739):
        command += ["-d", f"udp.port=={port},cflow"]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    flows = []
    for node in ElementTree.fromstring(done.stdout).iter("field"):
        if not re.match(r"(Flow|pdu) \d+", node.get("show") or ""):
            continue
        flow = {}
        for part in node.iter("field"):
            name = KNOWN.get(part.get("name"))
            if "Reverse" in (part.get("showname") or ""):
                continue                # tshark's names for enterprises' own reverse elements
            if name and part.get("value") is not None:
                flow.setdefault(name, []).append(value_of(part))
        flows.append(flow)
    return flows


def as_said(record, flow):
    """The record's values for the names that tshark knows of this flow."""
    values = {}
    for name in flow:
        value = record.get(name)
        values[name] = value if isinstance(value, list) else [] if value is None else [value]
    return values


@pytest.fixture(scope="module")
def vendors(data_dir):
    return groups(data_dir / "vendor")


@pytest.fixture
def collected(weir, tmp_path):
    def run(paths, port):
        capture, stats = tmp_path / "vendor.pcap", tmp_path / "stats.json"
        capture.write_bytes(in_capture(*[m for path in paths for m in messages_of(path)],
                                       port=port))
        done = weir("collect", "-r", capture, "-o", "json:-", "--stats", stats,
                    "--options-data", text=False)
        assert done.returncode == 0, done.stderr.decode()
        got = Collected(done, stats)
        assert got.stats["balanced"] is True
        return capture, got
    return run


# tshark reads as many sets of a NetFlow message as its header has counted, whatever else is there,
# and as many records of v5 as the header says, whatever is not there.
OTHERWISE = {"netflow9_invalid01", "netflow5_invalid01"}


def test_vendors(vendors, collected, tool):
    compared = 0
    for name, paths in vendors.items():
        if name in OTHERWISE:
            continue
        capture, got = collected(paths, 4739 if name.startswith("ipfix") else 2055)
        records = list(got.records)
        for flow in sorted(tshark_flows(tool, capture), key=len, reverse=True):
            match = next((r for r in records if as_said(r, flow) == flow), None)
            assert match is not None, (name, flow)
            records.remove(match)
            compared += 1
        assert not records, name
    assert compared >= RECORDS_LEAST


def test_nothing_of_them_is_malformed_but_what_is(vendors, collected):
    """The two files called invalid: v5 that says more records than it has; v9 that is whole."""
    for name, paths in vendors.items():
        _, got = collected(paths, 4739 if name.startswith("ipfix") else 2055)
        wrong = {k: v for k, v in got.stats["messages"].items()
                 if v and k not in ("received", "decoded")}
        assert wrong == ({"count": 1} if name == "netflow5_invalid01" else {}), name
