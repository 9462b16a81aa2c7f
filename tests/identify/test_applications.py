# SPDX-License-Identifier: Apache-2.0
"""The hook and what it writes, on crafted packets and on the project's captures: limits, flows that
give way, cut packets, guesses, texts that are not text, names in options data."""
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from reader import weir_records

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))
from scapy.all import (Ether, IP, IPv6, TCP, UDP, DNS, DNSQR, DNSRR, Raw,  # noqa: E402
                       wrpcap)

# Addresses of its own: else scapy asks the network for them.
LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
CLIENT, SERVER = "192.0.2.10", "198.51.100.20"


def http(port, extra=b"", host=b"www.example.org", path=b"/index.html"):
    request = (b"GET " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\nUser-Agent: probe/1.0\r\n" +
               extra + b"\r\n")
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"
    up = LINK / IP(src=CLIENT, dst=SERVER) / TCP(sport=port, dport=80, flags="PA", seq=1, ack=1)
    down = LINK / IP(src=SERVER, dst=CLIENT) / TCP(sport=80, dport=port, flags="PA", seq=1,
                                                      ack=len(request) + 1)
    return [up / Raw(request), down / Raw(answer)]


def dns(port, answers=2):
    query = LINK / IP(src=CLIENT, dst=SERVER) / UDP(sport=port, dport=53) / DNS(
        id=port, rd=1, qd=DNSQR(qname="host.example.org"))
    records = DNSRR(rrname="host.example.org", rdata="203.0.113.1")
    for number in range(2, answers + 1):
        records /= DNSRR(rrname="host.example.org", rdata=f"203.0.113.{number}")
    reply = LINK / IP(src=SERVER, dst=CLIENT) / UDP(sport=53, dport=port) / DNS(
        id=port, qr=1, qd=DNSQR(qname="host.example.org"), an=records)
    return [query, reply]


def noise(port, count, size=64):
    """Datagrams that are no protocol, between ports that stand for none."""
    return [LINK / IP(src=CLIENT, dst=SERVER) / UDP(sport=port, dport=61001) /
            Raw(bytes((port * 7 + number * 13 + k * 31) & 0xff for k in range(size)))
            for number in range(count)]


@pytest.fixture
def meter(weir, tmp_path):
    def run(packets, *arguments):
        path = tmp_path / "packets.pcap"
        for number, packet in enumerate(packets):
            packet.time = 1_700_000_000 + number / 1000
        wrpcap(str(path), packets)
        return weir_records(weir, path, *arguments)
    return run


@pytest.mark.ndpi
@pytest.mark.parametrize("host, shown", [(b"[2001:db8::1]:8080", None), (b"[2001:db8::1]", None),
                                         (b"192.0.2.1:8080", "192.0.2.1"), (b"[", None)])
def test_a_host_that_is_an_address(meter, host, shown):
    record, = meter(http(40000, host=host))
    assert record["applicationName"] == "HTTP"
    assert record.get("applicationHostName") == shown


@pytest.mark.ndpi
def test_request_and_answer(meter):
    record, = meter(http(40000))
    assert (record["applicationName"], record["applicationCategoryName"]) == ("HTTP", "Web")
    assert record["applicationConfidence"] == 4
    assert record["applicationId"] == "14" "00008b30" "0007"
    assert record["applicationHostName"] == record["httpRequestHost"] == "www.example.org"
    assert record["httpRequestMethod"] == "GET"
    assert record["httpRequestTarget"] == "/index.html"
    assert record["httpStatusCode"] == 404
    assert record["httpUserAgent"] == "probe/1.0"
    assert "DNSName" not in record and "tlsVersion" not in record


@pytest.mark.ndpi
def test_content_type(weir, data_dir):
    """It comes with the answer; libndpi takes it only where it sees the segment between, too."""
    records = weir_records(weir, data_dir / "ndpi/weibo.pcap")
    found = [r["httpContentType"] for r in records if "httpContentType" in r]
    assert sorted(found) == sorted(["application/x-font-woff", "text/html"] + 2 * ["image/png"] +
                                   3 * ["text/css"])       # as ndpiReader tells


@pytest.mark.ndpi
def test_question_and_answers(meter):
    record, = meter(dns(40001, answers=3))
    assert record["applicationName"] == "DNS"
    assert record["DNSName"] == record["applicationHostName"] == "host.example.org"
    assert (record["DNSQType"], record["DNSRCode"], record["DNSAnswers"]) == (1, 0, 3)
    assert (record["DNSAType"], record["DNSRData"]) == (1, "203.0.113.1")


@pytest.mark.ndpi
def test_question_without_answer(meter):
    record, = meter(dns(40001)[:1])
    assert record["DNSName"] == "host.example.org"
    assert "DNSRCode" not in record and "DNSAnswers" not in record


@pytest.mark.ndpi
def test_flow_without_payload_is_guessed(meter):
    syn = LINK / IP(src=CLIENT, dst=SERVER) / TCP(sport=40002, dport=22, flags="S")
    syn6 = LINK / IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(sport=40002, dport=22,
                                                                      flags="S")
    records = meter([syn, syn6])
    assert [(r["applicationName"], r["applicationConfidence"]) for r in records] == [("SSH", 1)] * 2


def test_nothing_is_known(meter):
    record, = meter(noise(61000, 3))
    assert record.pop("applicationSessionId")
    assert not [name for name in record if name.startswith("application")]


@pytest.mark.ndpi
def test_port_comes_behind_payload(meter):
    packets = http(40000) + noise(61000, 2)
    syn = LINK / IP(src=CLIENT, dst=SERVER) / TCP(sport=40003, dport=9100, flags="S")
    records = meter(packets + [syn], "--identify", "ndpi,port")
    assert sorted(r.get("applicationName", "") for r in records) == ["", "HTTP", "pdl-datastream"]
    printer, = [r for r in records if r.get("applicationName") == "pdl-datastream"]
    assert printer["applicationId"] == "03" "238c" and printer["applicationConfidence"] == 1


@pytest.mark.ndpi
@pytest.mark.parametrize("limit, known", [(2, False), (24, True)])
def test_packets_are_limited(meter, limit, known):
    """An answer that comes late is seen only while the flow is looked at: `limit` and one more."""
    question, reply = dns(40004)
    record, = meter([question] * 5 + [reply], "--identify-udp", limit)
    assert record["applicationName"] == "DNS" and ("DNSRCode" in record) == known


@pytest.mark.ndpi
@pytest.mark.parametrize("limit", [80, 2])
def test_limit_is_of_packets_with_payload(meter, limit):
    acks = [LINK / IP(src=CLIENT, dst=SERVER) / TCP(sport=40000, dport=80, flags="A", seq=1)
            for _ in range(90)]
    record, = meter(acks + http(40000), "--identify-tcp", limit, "--tcp-linger", "off")
    assert record["httpStatusCode"] == 404


@pytest.mark.ndpi
def test_flows_give_way(meter):
    """With room for one, the flow that was looked at before is concluded; the new one is found."""
    question, reply = dns(40005)
    request, answer = http(40000)
    records = meter([question, request, answer, reply], "--identify-flows", 1)
    names = {r["sourceTransportPort"]: r["applicationName"] for r in records}
    assert names == {40005: "DNS", 40000: "HTTP"}
    assert sum("DNSRCode" in record for record in records) == 0     # its answer was not looked at
    assert sum("httpStatusCode" in record for record in records) == 1


@pytest.mark.ndpi
def test_texts_are_bounded(meter):
    flows = [packet for port in range(40000, 40100) for packet in http(port)]
    few = meter(flows, "--identify-texts", 64 * 10)
    kept = sum("applicationHostName" in record for record in few)
    assert {record["applicationName"] for record in few} == {"HTTP"}
    assert 0 < kept <= 10


@pytest.mark.ndpi
def test_long_text_is_cut(meter):
    record, = meter(http(40000, path=b"/" + b"a" * 900))
    assert record["httpRequestTarget"] == "/" + "a" * 119


@pytest.mark.ndpi
def test_texts_are_made_safe(meter):
    record, = meter(http(40000, path=b"/\xff\xfe\x1b[2J\xc3\xa4"))
    text = record.get("httpRequestTarget", "")
    assert text.isprintable() and "\x1b" not in text
    assert text.encode().decode() == text


@pytest.mark.ndpi
def test_cut_packets_are_looked_into(weir, captures, tmp_path):
    """Of packets cut by the snapshot length that libndpi refuses as they are."""
    whole = weir_records(weir, captures / "dns.pcap", "udp and port 53")
    path = tmp_path / "cut.pcap"
    subprocess.run(["editcap", "-s", "70", str(captures / "dns.pcap"), str(path)], check=True)
    cut = weir_records(weir, path, "udp and port 53")
    assert len(cut) == len(whole)
    assert {record["applicationName"] for record in cut} == {"DNS"}


@pytest.mark.ndpi
@pytest.mark.parametrize("snap", [54, 55, 66, 100, 150])
def test_any_cut_is_survived(weir, captures, tmp_path, snap):
    path = tmp_path / "cut.pcap"
    for name in ("web-tls.pcap", "dns.pcap", "ipv6.pcap"):
        subprocess.run(["editcap", "-s", str(snap), str(captures / name), str(path)], check=True)
        assert weir_records(weir, path)


@pytest.mark.ndpi
def test_workers_and_uniflows(weir, captures):
    one = weir_records(weir, captures / "demo.pcap", "--sort")
    two = weir_records(weir, captures / "demo.pcap", "--sort", "-j", "2")
    assert [r.get("applicationName") for r in one] == [r.get("applicationName") for r in two]
    both = weir_records(weir, captures / "web-tls.pcap", "--uniflow")
    assert {r["applicationName"] for r in both} == {"TLS"} and len(both) == 4


def test_other_keys(weir, captures):
    """Flows of many connections have whatever was found first, and nothing breaks."""
    for key in ("sourceIPv4Address/24", "protocolIdentifier", "destinationTransportPort"):
        assert weir_records(weir, captures / "demo.pcap", "--key", key)


@pytest.mark.ndpi
def test_names_in_options_data(weir, captures, tmp_path):
    path = tmp_path / "flows.ipfix"
    done = weir("meter", "-q", "-r", captures / "web-tls.pcap", "-o", f"ipfix:{path}", "--fields",
                "+applicationId")
    assert done.returncode == 0, done.stderr
    got = weir("collect", "-q", "-r", path, "-o", "json:-")
    names = [json.loads(line).get("applicationName") for line in got.stdout.splitlines()]
    assert names.count("TLS") == 2


def test_a_field_opens_the_hook_and_all_does_not(weir, captures):
    def columns(*arguments):
        done = weir("meter", "-q", "-r", captures / "dns.pcap", "-o", "csv:-", *arguments)
        return done.stdout.splitlines()[0].split(",")
    assert "applicationName" in columns("--fields", "all,applicationName")
    assert "applicationName" not in columns("--fields", "all")
    assert "tlsJa3Fingerprint" in columns("--measure", "applications")
    assert not [name for name in columns("--measure", "applications")
                if re.match("reverse(Application|Http|Tls)", name)]


@pytest.mark.parametrize("names, says", [("port,nothing", "nothing"), ("port,port", "twice")])
def test_wrong_backends(weir, captures, names, says):
    done = weir("meter", "-r", captures / "dns.pcap", "--identify", names)
    assert done.returncode == 2 and says in done.stderr
