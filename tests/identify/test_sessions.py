# SPDX-License-Identifier: Apache-2.0
"""applicationSessionId: which flows are of one use of one site or service. What is expected comes
from the scripts that craft the captures; on real ones a slow twin groups the flows (sessions.py),
by a list of public suffixes that it reads itself."""
import copy
import json
from pathlib import Path

import pytest
from needs import lacking
from scapy.all import Dot1Q, TCP, UDP
from sessions import LIST, differences, read_list
from crafted import CLIENT, DATA, LINK, LOGIN, SERVER, STRANGER, Wire, http_request, tls_hello

FIELDS = ("flowId,parentFlowId,applicationSessionId,applicationHostName,applicationName,"
          "flowStartNanoseconds,flowEndNanoseconds,sourceIPv4Address,destinationIPv4Address,"
          "sourceIPv6Address,destinationIPv6Address,protocolIdentifier,sourceTransportPort,"
          "destinationTransportPort,vlanId,dot1qCustomerVlanId")
RESOLVER = "203.0.113.53"


@pytest.fixture
def meter(weir, tmp_path):
    def run(capture, *arguments, fields=FIELDS):
        if isinstance(capture, Wire):
            capture = capture.write(tmp_path / "crafted.pcap")
        done = weir("meter", "-q", "-r", capture, "-o", "json:-", "--fields", fields, *arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]
    return run


def client_port(record):
    return max(record["sourceTransportPort"], record["destinationTransportPort"])


def groups(records):
    """The ports of the clients of each session."""
    found = {}
    for record in records:
        found.setdefault(record.get("applicationSessionId"), set()).add(client_port(record))
    return sorted(sorted(ports) for ports in found.values())


def page(wire, client, local, name="example.co.uk"):
    """What a browser does: ports from `local` on; the last is of another site."""
    wire.look_up(client, RESOLVER, local, f"www.shop.{name}")
    wire.ask(client, "203.0.113.1", 443, local + 1, tls_hello(f"www.shop.{name}"))
    wire.ask(client, "203.0.113.2", 443, local + 2, tls_hello(f"cdn.{name}"))
    wire.ask(client, "203.0.113.3", 80, local + 3, http_request(f"IMG.{name}".upper()))
    wire.ask(client, "203.0.113.4", 443, local + 4, tls_hello("tracker.example.org"))
    return [list(range(local, local + 4)), [local + 4]]


@pytest.mark.ndpi
@pytest.mark.parametrize("workers", [1, 2])
def test_pages_of_two_clients(meter, workers):
    wire = Wire()
    expected = page(wire, CLIENT, 50000) + page(wire, STRANGER, 51000)
    wire.now += 60                      # longer than the gap: a page of its own
    expected += page(wire, CLIENT, 52000)
    records = meter(wire, "-j", workers)
    assert groups(records) == sorted(expected)
    ids = {record["flowId"] for record in records}
    assert all(record["applicationSessionId"] in ids for record in records)


@pytest.mark.ndpi
def test_first_that_is_known_gives_the_id(meter):
    wire = Wire()
    page(wire, CLIENT, 50000)
    records = sorted(meter(wire), key=client_port)
    assert [r["applicationSessionId"] for r in records[:4]] == [records[0]["flowId"]] * 4
    assert records[4]["applicationSessionId"] == records[4]["flowId"]


@pytest.mark.ndpi
@pytest.mark.parametrize("host, site", [
    ("www.example.com:8080", "example.com"), ("WWW.EXAMPLE.COM", "example.com"),
    ("www.example.com.", "example.com"), ("a.b.c.example.com", "example.com"),
    ("192.0.2.1", "192.0.2.1"), ("192.0.2.1:8080", "192.0.2.1"), ("localhost", "localhost"),
    ("a.somebody.github.io", "somebody.github.io"),
])
def test_same_site(meter, host, site):
    wire = Wire()
    for number, name in enumerate([host, site]):
        wire.ask(CLIENT, f"203.0.113.{number}", 80, 50000 + number, http_request(name))
    assert groups(meter(wire)) == [[50000, 50001]]


@pytest.mark.ndpi
@pytest.mark.parametrize("one, other", [
    ("somebody.github.io", "another.github.io"), ("example.co.uk", "example.org.uk"),
    ("www.example.com", "www.example.net"), ("192.0.2.1", "198.51.2.1"), ("co.uk", "a.co.uk"),
])
def test_other_sites(meter, one, other):
    wire = Wire()
    for number, name in enumerate([one, other]):
        wire.ask(CLIENT, "203.0.113.1", 80, 50000 + number, http_request(name))
    assert groups(meter(wire)) == [[50000], [50001]]


HOSTILE = [b"", b".", b"..", b"a..b", b"\xff\xfe.example.com", b"a\x01b.example.com", b"[", b"[::1",
           b"[::1]:80", b"x" * 4000, b"a." * 2000, b"\xc3\xbc.example.com", b"%00.com", b"*.com",
           b":80", b"::::", b"a:b:c", b"-.-", b"\x00.com", b"1.2.3", b"999.1.1.1", b"com" * 90]


@pytest.mark.ndpi
def test_any_host(meter):
    """Each has a session, with the ends of one client, and nothing else happens."""
    wire = Wire()
    for number, host in enumerate(HOSTILE):
        wire.ask(CLIENT, f"203.0.113.{number}", 80, 50000 + number, http_request(host))
    records = meter(wire)
    assert len(records) == len(HOSTILE)
    assert all("applicationSessionId" in record for record in records)


# ---- gaps ----

def asked_at(wire, seconds, local):
    wire.now = 1_700_000_000.0 + seconds
    wire.ask(CLIENT, SERVER, 443, local, tls_hello("www.example.com"))


@pytest.mark.ndpi
@pytest.mark.parametrize("gap, starts, expected", [
    ("30s", [0, 25, 50, 75, 110], [[0, 1, 2, 3], [4]]), ("1m", [0, 59, 125], [[0, 1], [2]]),
    ("off", [0, 5000, 50000], [[0, 1, 2]]), ("1s", [0, 3, 6], [[0], [1], [2]]),
])
def test_gap(meter, gap, starts, expected):
    wire = Wire()
    for local, start in enumerate(starts):
        asked_at(wire, start, 50000 + local)
    found = groups(meter(wire, "--session-gap", gap))
    assert [[port - 50000 for port in ports] for ports in found] == expected


def long_connection(wire, seconds):
    """With a packet every ten seconds."""
    asked_at(wire, 0, 50000)
    for second in range(10, seconds, 10):
        wire.now = 1_700_000_000.0 + second
        wire.send((CLIENT, SERVER, TCP(sport=50000, dport=443, flags="PA", seq=2, ack=2)), DATA)


@pytest.mark.ndpi
@pytest.mark.parametrize("start, expected", [
    (190, [[50000, 50001]]), (215, [[50000, 50001]]), (225, [[50000], [50001]])])
def test_a_connection_that_lasts_keeps_its_session(meter, start, expected):
    """Its last packet is at 190 s."""
    wire = Wire()
    long_connection(wire, 200)
    asked_at(wire, start, 50001)
    wire.packets.sort(key=lambda packet: packet.time)
    assert groups(meter(wire, "-t", "off")) == expected


@pytest.mark.ndpi
def test_records_of_a_flow_agree(meter):
    wire = Wire()
    asked_at(wire, -5, 49999)
    long_connection(wire, 300)
    records = meter(wire, "-t", "60s")
    known = [r for r in records if "applicationSessionId" in r]
    assert len(records) >= 6 and groups(known) == [[49999, 50000]]
    assert all("applicationHostName" not in r for r in records if r not in known)


@pytest.mark.ndpi
def test_all_records_of_a_flow_that_is_known(meter):
    wire = Wire()
    for second in range(0, 300, 10):
        wire.now = 1_700_000_000.0 + second
        wire.send((CLIENT, SERVER, UDP(sport=50000, dport=9000)), DATA)
    records = meter(wire, "-t", "60s", "--identify-udp", "2")
    assert len(records) == 5
    assert {r["applicationSessionId"] for r in records} == {records[0]["flowId"]}


@pytest.mark.ndpi
def test_a_flow_that_gives_way_keeps_its_session(meter):
    """The first gives way to the second, and goes on until 15 s before the third."""
    wire = Wire()
    starts = [(0, 50000), (1, 50001), *((second, 50000) for second in range(10, 101, 10)),
              *((115 + number, 50002) for number in range(3))]
    for second, local in starts:
        wire.now = 1_700_000_000.0 + second
        for _ in range(3 if local == 50001 else 1):
            wire.send((CLIENT, SERVER, UDP(sport=local, dport=9000)), DATA, wait=0.01)
    records = meter(wire, "-t", "off", "--identify-flows", "1", "--identify-udp", "2")
    assert groups(records) == [[50000, 50001, 50002]]


# ---- without a host ----

def test_one_service(meter):
    wire = Wire()
    for local, server, port in [(50000, SERVER, 9000), (50001, SERVER, 9000), (50002, SERVER, 9001),
                                (50003, STRANGER, 9000)]:
        wire.ask(CLIENT, server, port, local, DATA)
    wire.send((CLIENT, SERVER, UDP(sport=50004, dport=9000)), DATA)
    assert groups(meter(wire)) == [[50000, 50001], [50002], [50003], [50004]]


def test_nothing_was_said(meter):
    wire = Wire()
    wire.connect(CLIENT, SERVER, 443, 50000)
    assert "applicationSessionId" not in meter(wire)[0]


def test_data_of_ftp_are_of_the_control_connection(meter):
    """Also of a second one, which is of the first one's session itself; and what it does keeps the
    session."""
    wire = Wire()
    for local, port in [(50000, 40090), (50001, 40091)]:
        wire.control([*LOGIN, f"<229 Extended (|||{port}|)\r\n"], local=local)
        wire.transfer(CLIENT, SERVER, port, local + 10)
    wire.now += 25
    wire.send((SERVER, CLIENT, TCP(sport=40090, dport=50010, flags="PA", seq=2, ack=2)), DATA)
    wire.now += 25
    wire.control(LOGIN, local=50002)
    records = meter(wire)
    assert sum("parentFlowId" in record for record in records) == 2
    assert groups(records) == [[50000, 50001, 50002, 50010, 50011]]


# ---- who is a client ----

@pytest.mark.parametrize("key, there", [
    ("sourceIPv4Address,destinationIPv4Address,protocolIdentifier,sourceTransportPort,"
     "destinationTransportPort", False),
    ("sourceIPv4Address/24,destinationIPv4Address,sourceTransportPort,destinationTransportPort",
     False),
    ("destinationIPv4Address,destinationTransportPort", False),
    ("sourceIPv4Address,destinationIPv4Address,sourceIPv6Address,destinationIPv6Address,"
     "protocolIdentifier,sourceTransportPort,destinationTransportPort", True),
])
def test_keys(meter, key, there):
    """Where the key leaves out addresses of a family, or cuts them, no client is known."""
    wire = Wire()
    wire.ask(CLIENT, SERVER, 443, 50000, tls_hello("www.example.com"))
    records = meter(wire, "--key", key, fields="applicationSessionId,applicationHostName")
    assert [("applicationSessionId" in record) for record in records] == [there] * len(records)


ADDRESSES = "sourceIPv4Address,destinationIPv4Address,sourceIPv6Address,destinationIPv6Address"


@pytest.mark.parametrize("key, sessions", [
    (ADDRESSES, 1), (ADDRESSES + ",sourceTransportPort,destinationTransportPort", 2),
    (ADDRESSES + ",protocolIdentifier,sourceTransportPort,destinationTransportPort", 2),
])
def test_the_server_is_as_the_key_says(meter, key, sessions):
    """Flows that are known by a packet, and one that ends before: all go by their key."""
    wire = Wire()
    for port in (9000, 9001):
        for packets in (4, 4, 1):
            for _ in range(packets):
                wire.send((CLIENT, SERVER, UDP(sport=50000, dport=port)), DATA)
            wire.now += 20
    records = meter(wire, "--key", key, "--identify-udp", "2", "-d", "10s",
                    fields="applicationSessionId,flowId")
    assert len(records) == 6
    assert len({record["applicationSessionId"] for record in records}) == sessions


@pytest.mark.parametrize("arguments, expected", [
    ([], [[50000, 50001], [50002]]), (["--no-vlan-key"], [[50000, 50001, 50002]])])
def test_equal_addresses_in_other_vlans(meter, arguments, expected):
    wire = Wire(LINK / Dot1Q(vlan=10))
    wire.ask(CLIENT, SERVER, 443, 50000, tls_hello("www.example.com"))
    wire.ask(CLIENT, SERVER, 443, 50001, tls_hello("www.example.com"))
    wire.link = LINK / Dot1Q(vlan=20)
    wire.ask(CLIENT, SERVER, 443, 50002, tls_hello("www.example.com"))
    assert groups(meter(wire, *arguments)) == expected


@pytest.mark.ndpi
def test_meters_have_sessions_of_their_own(meter, tmp_path):
    wire = Wire()
    page(wire, CLIENT, 50000)
    config = tmp_path / "meters.yaml"
    config.write_text("meters:\n- { name: a }\n- { name: b }\n")
    records = meter(wire, "-f", config)
    assert len({record["flowId"] for record in records}) == 10
    assert len({record["applicationSessionId"] for record in records}) == 4


# ---- against the twin ----

@pytest.fixture(scope="module")
def suffixes():
    if not Path(LIST).exists():
        lacking("publicsuffix is not installed (./dev deps test)")
    return read_list()


def check(meter, suffixes, captures, *arguments):
    """A flow that is silent for the gap is over, so that none goes on behind it."""
    flows = hosts = 0
    for path in captures:
        for gap in (30, 10):
            records = meter(path, "-t", "off", "-d", f"{gap}s", "--session-gap", f"{gap}s",
                            *arguments)
            assert differences(records, suffixes, gap * 10**9) == [], path
            flows += len(records)
            hosts += sum("applicationHostName" in record for record in records)
    assert hosts > 0
    return flows


@pytest.mark.ndpi
@pytest.mark.parametrize("workers", [1, 2])
def test_own_captures(meter, suffixes, captures, workers):
    assert check(meter, suffixes, sorted(captures.glob("*.pcap*")), "-j", workers) > 100


@pytest.mark.ndpi
def test_third_party_captures(meter, suffixes, data_dir):
    names = sorted(path for path in data_dir.rglob("*.pcap*") if path.suffix != ".expect")
    assert check(meter, suffixes, names) > 3000


@pytest.mark.ndpi
@pytest.mark.parametrize("fault", [
    lambda flows: flows[1].update(applicationSessionId=flows[1]["flowId"]),
    lambda flows: flows[4].update(applicationSessionId=flows[0]["flowId"]),
    lambda flows: flows[0].pop("applicationSessionId"),
    lambda flows: [flow.update(applicationSessionId=77) for flow in flows[:4]],
])
def test_the_twin_sees_a_fault(meter, suffixes, fault):
    wire = Wire()
    page(wire, CLIENT, 50000)
    flows = sorted(meter(wire), key=client_port)
    assert differences(flows, suffixes, 30 * 10**9) == []
    wrong = copy.deepcopy(flows)
    fault(wrong)
    assert differences(wrong, suffixes, 30 * 10**9)
