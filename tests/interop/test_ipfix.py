# SPDX-License-Identifier: Apache-2.0
"""What weir exports, read by others: our own strict reader, tshark, nfcapd and nfdump.

The expected flows are those that traffic.py counted while it made the capture.
"""
import gzip
import json
import signal
import struct
import subprocess
from collections import Counter

import pytest

from golden import craft
from interop import traffic
from interop.ipfix_reader import Session
from interop.peers import (Nfcapd, datagrams, in_a_capture, nfdump_flags, nfdump_time, tshark_lines,
                           udp_collector, udp_received)
from net.lab import wait_for


@pytest.fixture
def meter(weir, capture):
    """Runs weir on the capture into one address; what it printed, and its accounts of that
    output."""
    def run(address, *more, status=0):
        done = weir("meter", "-r", capture, *traffic.OPTIONS, "-o", address, *more,
                    text=False)
        assert done.returncode == status, done.stderr.decode()
        return done
    return run


@pytest.fixture
def collector():
    with udp_collector() as made:
        yield made


def address_of(collector, parameters=""):
    return f"ipfix+udp://127.0.0.1:{collector.getsockname()[1]}{parameters}"


def either(record, *names):
    return next(record[name] for name in names if record.get(name) is not None)


def as_sent(record):
    """A record in the terms of traffic.Biflow."""
    icmp = record["protocolIdentifier"] in (1, 58)
    family = "IPv6" if record.get("sourceIPv6Address") else "IPv4"
    return {
        "key": (either(record, "sourceIPv4Address", "sourceIPv6Address"),
                either(record, "destinationIPv4Address", "destinationIPv6Address"),
                record["protocolIdentifier"], record["sourceTransportPort"],
                record["destinationTransportPort"], record["vlanId"],
                record["dot1qCustomerVlanId"]),
        "packets": [record["packetDeltaCount"], record["reverse packetDeltaCount"]],
        "octets": [record["octetDeltaCount"], record["reverse octetDeltaCount"]],
        "flags": [record["tcpControlBits"], record["reverse tcpControlBits"]],
        "icmp": ([record[f"{way}icmpTypeCode{family}"] for way in ("", "reverse ")]
                 if icmp else [0, 0]),
        "times": (record["flowStartMilliseconds"], record["flowEndMilliseconds"]),
    }


def expected(flow):
    return {"key": flow.key, "packets": flow.packets, "octets": flow.octets, "flags": flow.flags,
            "icmp": flow.icmp, "times": (flow.start_ms, flow.end_ms)}


def check_records(records, sent):
    found = sorted((as_sent(record) for record in records), key=lambda one: one["key"])
    assert found == sorted((expected(flow) for flow in sent.biflows), key=lambda one: one["key"])


def check_templates_first(session):
    assert session.messages[0].sets[0] == 2
    assert [template.id for template in session.messages[0].templates[:2]] == [256, 257]


# ---- our own reader ----

def test_file(meter, sent, tmp_path):
    path = tmp_path / "flows.ipfix"
    meter(f"ipfix:{path}")
    session = Session()
    session.file(path.read_bytes())
    check_templates_first(session)
    check_records(session.records, sent)
    assert {message.domain for message in session.messages} == {1}


def test_standard_output(meter, sent):
    session = Session()
    session.file(meter("ipfix:-").stdout)
    check_records(session.records, sent)


def test_compressed_file(meter, sent, tmp_path):
    path = tmp_path / "flows.ipfix.gz"
    meter(f"ipfix:{path}?domain=77&mtu=500")
    session = Session()
    session.file(gzip.decompress(path.read_bytes()))
    check_records(session.records, sent)
    assert {message.domain for message in session.messages} == {77}
    assert max(message.octets for message in session.messages) <= 500


def test_files_by_size_stand_alone(meter, sent, tmp_path):
    meter(f"ipfix:{tmp_path}/part.ipfix?rotate-size=4k&mtu=1000")
    records, paths = [], sorted(tmp_path.glob("part*.ipfix"))
    assert len(paths) > 3
    for path in paths:
        session = Session()
        session.file(path.read_bytes())
        check_templates_first(session)
        assert session.messages[0].sequence == 0
        records += session.records
    check_records(records, sent)


def test_capture_without_packets(weir, tmp_path):
    capture, path = tmp_path / "empty.pcap", tmp_path / "empty.ipfix"
    capture.write_bytes(craft.pcap([]))
    assert weir("meter", "-r", capture, "-o", f"ipfix:{path}").returncode == 0
    session = Session()
    session.file(path.read_bytes())
    check_templates_first(session)
    assert session.records == []


@pytest.mark.parametrize("mtu", [400, 576, 1280, 1500, 9000])
def test_udp(meter, collector, sent, tmp_path, mtu):
    stats = tmp_path / "stats.json"
    meter(address_of(collector, f"?mtu={mtu}&domain=4294967295"), "--stats", stats)
    session, octets = Session(), 0
    for datagram in datagrams(collector):
        assert len(datagram) <= mtu - 28
        octets += len(datagram)
        session.message(datagram)
    check_templates_first(session)
    check_records(session.records, sent)
    account, = json.loads(stats.read_text())["outputs"].values()
    assert (account["accepted"], account["sent"]) == (len(sent.biflows),) * 2
    assert (account["octets"], account["messages"]) == (octets, len(session.messages))


def test_udp_templates_again(meter, collector):
    meter(address_of(collector, "?mtu=400&template-packets=3&options=off"))
    session = Session()
    for datagram in datagrams(collector):
        session.message(datagram)
    kinds = [2 in message.sets for message in session.messages]
    assert kinds[:9] == [True, False, False, False] * 2 + [True]


def test_udp_to_nobody(meter, collector, sent, tmp_path):
    """Every record is in the account, and one line says what happened."""
    address, stats = address_of(collector), tmp_path / "stats.json"
    collector.close()
    done = meter(address, "--stats", stats)
    account, = json.loads(stats.read_text())["outputs"].values()
    assert account["accepted"] == len(sent.biflows)
    assert account["sent"] + sum(account["dropped"].values()) == account["accepted"]
    assert account["dropped"]["send_failed"] > 0
    assert done.stderr.decode().count("refused") == 1


def test_all_fields(weir, capture, tmp_path):
    """Whatever can be switched on keeps the message well-formed."""
    path = tmp_path / "all.ipfix"
    done = weir("meter", "-r", capture, *traffic.OPTIONS, "--fields", "all", "-o", f"ipfix:{path}")
    assert done.returncode == 0, done.stderr
    session = Session()
    session.file(path.read_bytes())
    assert session.records


def test_times_in_other_units(weir, capture, sent, tmp_path):
    path = tmp_path / "times.ipfix"
    fields = ("sourceTransportPort", "flowStartSeconds", "flowStartMilliseconds",
              "flowStartMicroseconds", "flowStartNanoseconds", "flowEndNanoseconds")
    done = weir("meter", "-r", capture, *traffic.OPTIONS, "--fields", ",".join(fields),
                "-o", f"ipfix:{path}")
    assert done.returncode == 0, done.stderr
    session = Session()
    session.file(path.read_bytes())
    found = sorted(tuple(value for _, value in record.values) for record in session.records)
    assert found == sorted(
        (flow.client_port, start // 10**9, start // 10**6, start // 1000, start, max(flow.times))
        for flow in sent.biflows for start in [min(flow.times)])


def test_reduced_sizes(weir, capture, sent, tmp_path):
    """A number of octets behind a field: so many on the wire, the same values (RFC 7011, 6.2)."""
    path = tmp_path / "reduced.ipfix"
    done = weir("meter", "-r", capture, *traffic.OPTIONS, "--fields", "sourceIPv4Address,"
                "sourceIPv6Address,octetDeltaCount=3,reverseOctetDeltaCount=4,packetDeltaCount=1",
                "-o", f"ipfix:{path}")
    assert done.returncode == 0, done.stderr
    session = Session()
    session.file(path.read_bytes())
    lengths = [(s.name, s.length) for s in session.templates[1, 256].specifiers]
    assert lengths == [("sourceIPv4Address", 4), ("octetDeltaCount", 3),
                       ("reverse octetDeltaCount", 4), ("packetDeltaCount", 1)]
    found = Counter((record["octetDeltaCount"], record["reverse octetDeltaCount"],
                     record["packetDeltaCount"]) for record in session.records)
    assert found == Counter((*flow.octets, flow.packets[0]) for flow in sent.biflows)


@pytest.mark.parametrize("word, says", [
    ("octetDeltaCount=9", "a fixed length of 8 octets and cannot have 9"),
    ("sourceIPv4Address=3", "a fixed length of 4"), ("flowStartMilliseconds=4", "fixed length")])
def test_sizes_that_cannot_be(weir, capture, tmp_path, word, says):
    done = weir("meter", "-r", capture, "--fields", word, "-o", f"ipfix:{tmp_path}/x")
    assert done.returncode == 2 and says in done.stderr


def test_padding(meter, sent, tmp_path):
    """Sets begin at multiples of four octets; the strict reader checks what padding may be."""
    path = tmp_path / "padded.ipfix"
    meter(f"ipfix:{path}?pad=on&mtu=1000")
    session = Session()
    session.file(path.read_bytes())
    check_records(session.records, sent)
    assert all(message.octets % 4 == 0 for message in session.messages)


def test_reverse_that_does_not_exist_is_told(weir, capture, tmp_path):
    done = weir("meter", "-r", capture, "--fields", "vlanId,octetDeltaCount,reverseOctetDeltaCount",
                "-o", f"ipfix:{tmp_path / 'x.ipfix'}")
    assert done.returncode == 0
    assert "reverseOctetDeltaCount" in done.stderr


# ---- tshark ----

def check_by_tshark(tool, path, sent):
    """No complaint of any kind, and the counters of every record."""
    done = subprocess.run([tool("tshark"), "-r", str(path), "-Y",
                           "_ws.malformed || _ws.expert || cflow.unexpected_sequence_number"
                           " || !cflow"],
                          capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    # tshark gives forward and reverse values under one name, in the order of the template.
    lines = tshark_lines(tool, path, "cflow.octets", "cflow.packets", "cflow.srcport")
    octets, packets, ports = ([int(value) for line in lines
                               for value in line.split("\t")[i].split()]
                              for i in range(3))
    assert Counter(octets) == Counter(value for flow in sent.biflows for value in flow.octets)
    assert Counter(packets) == Counter(value for flow in sent.biflows for value in flow.packets)
    assert Counter(ports) == Counter(flow.client_port for flow in sent.biflows)


def test_file_by_tshark(meter, sent, tool, tmp_path):
    path = tmp_path / "flows.ipfix"
    meter(f"ipfix:{path}")
    check_by_tshark(tool, path, sent)


@pytest.mark.parametrize("parameters", ["", "?mtu=576&template-packets=2"])
def test_udp_by_tshark(meter, collector, sent, tool, tmp_path, parameters):
    meter(address_of(collector, parameters))
    path = tmp_path / "datagrams.pcap"
    path.write_bytes(in_a_capture(datagrams(collector)))
    check_by_tshark(tool, path, sent)


def test_tshark_would_see_a_gap(meter, collector, tool, tmp_path):
    """The twin of the tests above: a datagram is taken away and tshark must complain."""
    meter(address_of(collector, "?mtu=576"))
    received = datagrams(collector)
    path = tmp_path / "gap.pcap"
    path.write_bytes(in_a_capture(received[:3] + received[4:]))
    assert any(tshark_lines(tool, path, "cflow.sequence_analysis.expected_sn"))


# ---- nfcapd and nfdump ----

def by_nfdump(flow):
    v6 = "src6_addr" in flow
    icmp = flow["proto"] in (1, 58)
    return {
        "key": (flow["src6_addr" if v6 else "src4_addr"], flow["dst6_addr" if v6 else "dst4_addr"],
                flow["proto"], flow.get("src_port", 0), flow.get("dst_port", 0), flow["src_vlan"]),
        "packets": [flow["in_packets"], flow["out_packets"]],
        "octets": [flow["in_bytes"], flow["out_bytes"]],
        "flags": nfdump_flags(flow["tcp_flags"]) if flow["proto"] == 6 else 0,
        "icmp": flow["icmp_type"] * 256 + flow["icmp_code"] if icmp else 0,
        "times": (nfdump_time(flow["first"]), nfdump_time(flow["last"])),
    }


def for_nfdump(flow):
    return {"key": flow.key[:6], "packets": flow.packets, "octets": flow.octets,
            "flags": flow.flags[0], "icmp": flow.icmp[0], "times": (flow.start_ms, flow.end_ms)}


@pytest.mark.parametrize("host, family", [("127.0.0.1", "-4"), ("[::1]", "-6")])
def test_nfcapd(lab, tool, weir_program, capture, sent, tmp_path, host, family):
    here = lab.host()
    nfcapd = Nfcapd(here, tool, tmp_path / "flows", family)
    here.run(weir_program, "meter", "-r", capture, *traffic.OPTIONS, "-o", f"ipfix+udp://{host}")
    found = sorted(map(by_nfdump, nfcapd.stop()), key=lambda one: one["key"])
    assert found == sorted(map(for_nfdump, sent.biflows), key=lambda one: one["key"])


def test_nfcapd_live(lab, tool, weir_program, tmp_path):
    """A flow that ends while the meter runs on is at the collector soon after, not at the end."""
    there, here = lab.pair("192.0.2.1/24", "192.0.2.2/24")
    nfcapd = Nfcapd(here, tool, tmp_path / "flows")
    meter = here.start(weir_program, "meter", "-i", "eth0", "-d", "1s",
                       "-o", "ipfix+udp://127.0.0.1", "icmp", stderr=subprocess.PIPE)
    wait_for(lambda: udp_received(here) >= 1, what="the templates")
    there.run("ping", "-c", "3", "-i", "0.2", "192.0.2.2")
    wait_for(lambda: udp_received(here) >= 2, what="the flow")
    assert meter.poll() is None
    meter.send_signal(signal.SIGINT)
    assert meter.wait(10) == 0, meter.stderr.read()
    flow, = map(by_nfdump, nfcapd.stop())
    assert (flow["key"][:3], flow["packets"], flow["octets"], flow["icmp"]) == (
        ("192.0.2.1", "192.0.2.2", 1), [3, 3], [252, 252], 8 << 8)


def test_messages_are_what_they_say():
    """The capture that is made for tshark holds a message unchanged."""
    link, frames, _ = craft.read_pcap(in_a_capture([b"\0\x0a\0\x10" + bytes(12)]))
    assert link == craft.LINK_ETHERNET
    assert struct.unpack_from("!HH", frames[0][1], 14 + 20 + 8) == (10, 16)
