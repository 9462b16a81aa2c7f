# SPDX-License-Identifier: Apache-2.0
"""Records of many flows (docs/semantics.md) over IPFIX: what is absent is zero, nothing is left
out."""
from golden import craft
from interop.ipfix_reader import Session


def merged_records(weir, tmp_path, frames, *more):
    """A hundred flows into a table of sixteen: 83 are in records of many. Returns all records."""
    capture, path = tmp_path / "flood.pcap", tmp_path / "flood.ipfix"
    capture.write_bytes(craft.pcap([(craft.at(n / 1000), octets, len(octets))
                                    for n, octets in enumerate(frames)]))
    done = weir("meter", "-r", capture, "--max-flows", "16", "--flood-records", "1",
                "--fields", "+deltaFlowCount", "-o", f"ipfix:{path}", *more)
    assert done.returncode == 0, done.stderr
    session = Session()
    session.file(path.read_bytes())
    return [dict(record.values) for record in session.records]


def test_merged_flows(weir, tmp_path):
    records = merged_records(weir, tmp_path, [
        craft.ether(craft.ip("10.0.%d.1" % n, "10.9.0.1", craft.udp(1 + n, 53, n)))
        for n in range(100)])
    merged, = [r for r in records if r["deltaFlowCount"] > 1]
    assert len(records) == 18
    assert merged["sourceIPv4Address"] == "0.0.0.0" and merged["sourceTransportPort"] == 0
    assert merged["destinationIPv4Address"] == "10.9.0.1"
    assert merged["destinationTransportPort"] == 53 and merged["protocolIdentifier"] == 17
    assert merged["packetDeltaCount"] == merged["deltaFlowCount"] == 83
    assert merged["octetDeltaCount"] == sum(28 + n for n in range(1, 84))
    assert sum(r["octetDeltaCount"] for r in records) == sum(28 + n for n in range(100))
    assert sum(r["deltaFlowCount"] for r in records) == 100


def test_a_merged_record_of_one_family_leaves_by_its_template(weir, tmp_path):
    def frame(n):
        if n % 2:
            return craft.ether(craft.ip("10.0.%d.1" % n, "10.9.0.1", craft.udp(1, 53)))
        return craft.ether(craft.ip("2001:db8::%d" % n, "2001:db8:1::1", craft.udp(1, 53)))
    records = merged_records(weir, tmp_path, map(frame, range(100)))
    four, six = ([r for r in records if name in r]
                 for name in ("sourceIPv4Address", "sourceIPv6Address"))
    assert [sum(r["packetDeltaCount"] for r in part) for part in (four, six)] == [50, 50]
    assert {r["sourceIPv4Address"] for r in four if r["deltaFlowCount"] > 1} == {"0.0.0.0"}
    assert {r["sourceIPv6Address"] for r in six if r["deltaFlowCount"] > 1} == {"::"}
    assert {r["destinationIPv6Address"] for r in six} == {"2001:db8:1::1"}
