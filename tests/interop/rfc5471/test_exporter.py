# SPDX-License-Identifier: Apache-2.0
"""RFC 5471's plan at the exporting process, and what RFC 7011 and 5103 demand of one.

Everything that comes is read by interop/ipfix_reader.py, which refuses what an exporter must not
send; the flows are those that traffic.py counted.
"""
import json
import socket
import time
from collections import Counter

import pytest

from interop import traffic
from interop.ipfix_reader import Session
from interop.rfc5471.collectors import inside
from interop.rfc5471.exporters import PATIENCE, Feed, TcpServer, UdpServer
from net.lab import Lab, wait_for, why_no_namespaces

SERVERS = {"udp": UdpServer, "tcp": TcpServer}
OPTIONS_OFF = "?options=off"
LARGE = "mtu=8000"             # for the template of all fields


@pytest.fixture(scope="module")
def sent():
    return traffic.standard(60)


@pytest.fixture
def server(namespace):
    made = []

    def start(transport, *arguments, **more):
        made.append(SERVERS[transport](namespace, *arguments, **more))
        return made[-1]
    yield start
    for each in made:
        each.close()


@pytest.fixture
def meter(weir_program, namespace, capture, tmp_path):
    """Runs weir meter on the capture in the namespace; its accounts."""
    def run(*outputs, more=()):
        words = [word for output in outputs for word in ("-o", output)]
        done = namespace.run(weir_program, "meter", "-r", capture, *traffic.OPTIONS, *words,
                             "--stats", tmp_path / "stats.json", *more, check=False)
        assert done.returncode == 0, done.stderr
        stats = json.loads((tmp_path / "stats.json").read_text())
        assert stats["balanced"]
        return stats
    return run


@pytest.fixture(scope="module")
def cable():
    """Two hosts for live meters: who sends the frames, and who meters them."""
    reason = why_no_namespaces()
    if reason:
        pytest.skip(reason)
    with Lab() as lab:
        yield lab.pair("10.7.0.1/24", "10.7.0.2/24")


@pytest.fixture
def feed(weir_program, cable, tmp_path):
    """A live meter that goes on for the whole test."""
    made = []

    def start(*outputs):
        words = [word for output in outputs for word in ("-o", output)]
        log = open(tmp_path / "meter.log", "w")
        made.append(Feed(weir_program, cable[1], cable[0], *words, "--stats",
                         tmp_path / "meter.json", stderr=log))
        return made[-1]
    yield start
    for each in made:
        each.close()


def flows(session):
    """What the flow records say."""
    return Counter((r.get("sourceIPv4Address") or r.get("sourceIPv6Address"),
                    r["sourceTransportPort"], r["packetDeltaCount"], r["octetDeltaCount"],
                    r["reverse packetDeltaCount"], r["reverse octetDeltaCount"])
                   for r in session.records)


def expected(sent):
    return Counter((b.client, b.client_port, b.packets[0], b.octets[0], b.packets[1], b.octets[1])
                   for b in sent.biflows)


def read(messages):
    session = Session()
    for octets in messages:
        session.message(octets)
    return session


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_exporting_process(server, meter, sent, transport, address):
    """RFC 5471, 3.1.1, 3.2.1 (RFC 7011, 3.1, 3.3.1, 8.2, 6.1.1): both transports, both families;
    the session's ends; every template before its data, sequences without a gap, lengths that
    add up."""
    collector = server(transport, address)
    account, = meter(collector.url)["outputs"].values()
    session = read(collector.read())
    assert flows(session) == expected(sent)
    assert account["accepted"] == len(sent.biflows)
    assert {peer for peer, _ in collector.accepted} == {address} if transport == "tcp" \
        else collector.peers == {address}


def test_exporting_to_a_file(meter, sent, tmp_path):
    """RFC 5471, 3.1.1 (RFC 7011, 3.1): a file is read like any other session."""
    meter(f"ipfix:{tmp_path}/out.ipfix")
    session = Session()
    session.file((tmp_path / "out.ipfix").read_bytes())
    assert flows(session) == expected(sent)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_exported_types(server, meter, transport):
    """RFC 5471, 3.2.1, 3.2.2, 3.3.1 (RFC 7011, 3.2, 6.1.2, 6.1.6, 6.2, 7): numbers, addresses,
    times in every unit, texts, enterprise elements: all that can be measured; the reader refuses
    lengths that a type cannot have and ill-formed texts."""
    collector = server(transport)
    meter(f"{collector.url}?{LARGE}", more=("--fields", "all"))
    session = read(collector.read())
    specifiers = {s for t in session.templates.values() if not t.scope for s in t.specifiers}
    assert len(specifiers) > 50
    assert {s.pen for s in specifiers} >= {0, 29305, 32473}
    assert any(s.length == 65535 for t in session.templates.values() for s in t.specifiers)


def test_templates_have_directional_keys(server, meter):
    """RFC 5103, 4, 6.1: reverse elements come with an end of the flow, and no reverse of what has
    none."""
    collector = server("udp")
    meter(f"{collector.url}{OPTIONS_OFF}&{LARGE}", more=("--fields", "all"))
    for template in read(collector.read()).templates.values():
        names = {s.name for s in template.specifiers}
        assert names & {"sourceIPv4Address", "sourceIPv6Address"}
        assert not names & {"reverse biflowDirection", "reverse flowEndReason",
                            "reverse observationDomainId", "reverse flowId"}


def test_no_reverse_without_an_end(weir, capture, tmp_path):
    """RFC 5103, 4: where no field names an end, reverse columns are left out and weir says so."""
    done = weir("meter", "-r", capture, "--fields", "octetDeltaCount,reverseOctetDeltaCount", "-o",
                f"ipfix:{tmp_path}/out.ipfix?options=off")
    session = Session()
    session.file((tmp_path / "out.ipfix").read_bytes())
    assert {s.name for t in session.templates.values() for s in t.specifiers} == {"octetDeltaCount"}
    assert done.returncode == 0 and "reverseOctetDeltaCount" in done.stderr


def test_uniflows(server, meter, sent):
    """RFC 5103, 3: for collectors that know no biflows, each direction is a record of its own."""
    collector = server("udp")
    meter(collector.url + OPTIONS_OFF, more=("--uniflow",))
    session = read(collector.read())
    assert not any(s.reverse for t in session.templates.values() for s in t.specifiers)
    assert len(session.records) == sum(n > 0 for b in sent.biflows for n in b.packets)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_options_templates(server, meter, transport):
    """RFC 5471, 3.4.3, 3.4.4, 3.4.5, 3.4.6 (RFC 7011, 4.1, 4.2, 4.3, 4.4): the four options
    templates, each with its scope, in sets of their own; the flow keys name templates that are
    there."""
    collector = server(transport)
    meter(collector.url)
    session = read(collector.read())
    layouts = [[s.id for s in t.specifiers if s.pen == 0] for t in session.templates.values()
               if t.scope]
    scopes = {tuple(s.id for s in t.specifiers[:t.scope]) for t in session.templates.values()
              if t.scope}
    for wanted in ({41, 42, 40}, {164, 165}, {166, 167, 168}, {173}):
        assert any(wanted <= set(layout) for layout in layouts), wanted
    assert (145,) in scopes and any(149 in scope for scope in scopes)
    assert any(130 in scope or 131 in scope or 144 in scope for scope in scopes)
    keyed = {r["templateId"] for r in session.options if r.get("flowKeyIndicator")}
    assert keyed == {t.id for t in session.templates.values() if not t.scope}


def test_several_collecting_processes(server, meter, sent, tmp_path):
    """RFC 5471, 3.5.6: one exporting process, four collecting ones, simple and complex templates;
    each gets everything."""
    collectors = [server("udp"), server("tcp"), server("tcp", "::1")]
    meter(*(c.url for c in collectors), f"ipfix:{tmp_path}/out.ipfix",
          more=("--fields", "+flowStartMicroseconds,+flowEndNanoseconds"))
    for collector in collectors:
        assert flows(read(collector.read())) == expected(sent)
    session = Session()
    session.file((tmp_path / "out.ipfix").read_bytes())
    assert flows(session) == expected(sent)


# ---- templates and sequences over time ----

def test_templates_again_over_udp(server, meter):
    """RFC 7011, 8.4: over UDP every template is sent again after so many messages as are set; no
    template is ever withdrawn."""
    collector = server("udp")
    meter(collector.url + "?options=off&mtu=400&template-packets=4")
    session = read(collector.read())
    with_templates = [i for i, m in enumerate(session.messages) if m.templates]
    assert len(with_templates) > 3
    assert all(b - a <= 5 for a, b in zip(with_templates, with_templates[1:]))
    ids = [{t.id for t in session.messages[i].templates} for i in with_templates]
    assert set.union(*ids) == {256, 257}


def test_templates_again_after_a_time(cable, feed):
    """RFC 7011, 8.4: the interval of retransmission can be set, here to a second."""
    collector = UdpServer(cable[1])
    frames = feed(collector.url + "?options=off&template-refresh=1s")
    for _ in range(4):
        frames.flows(3)
        time.sleep(0.9)
    assert frames.end() == 0
    session = read(collector.read())
    collector.close()
    assert len([m for m in session.messages if m.templates]) >= 3
    assert sorted(r["sourceTransportPort"] for r in session.records) == list(range(1, 13))


def test_templates_once_over_tcp(server, meter):
    """RFC 7011, 8.1: over TCP a template is sent once, and not withdrawn while it is used."""
    collector = server("tcp")
    meter(collector.url + "?options=off&mtu=512")
    session = read(collector.read())
    assert len(session.messages) > 5
    assert Counter(t.id for m in session.messages for t in m.templates) == {256: 1, 257: 1}


def test_export_times_do_not_go_back(server, meter):
    """RFC 7011, 8.2, 3.1: messages leave in the order of their export times, which are of now."""
    collector = server("tcp")
    before = int(time.time())
    meter(collector.url + "?mtu=512")
    times = [m.time for m in read(collector.read()).messages]
    assert times == sorted(times) and before <= times[0] and times[-1] <= time.time()


@pytest.mark.parametrize("mtu", [300, 512, 1280])
@pytest.mark.parametrize("address, headers", [("127.0.0.1", 28), ("::1", 48)])
def test_datagrams_fit_the_path(server, meter, sent, mtu, address, headers):
    """RFC 7011, 10.3.3: a datagram with its headers is no longer than what was set."""
    collector = server("udp", address)
    meter(f"{collector.url}?mtu={mtu}")
    messages = collector.read()
    assert max(map(len, messages)) + headers <= mtu and len(messages) > 3
    assert flows(read(messages)) == expected(sent)


def test_datagrams_have_checksums(namespace, server, meter):
    """RFC 7011, 10.3.2: checksums are not switched off."""
    collector = server("udp")
    with inside(namespace):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    raw.settimeout(0.2)
    meter(collector.url)
    checksums = []
    try:
        while True:
            packet = raw.recv(65536)
            if int.from_bytes(packet[22:24], "big") == collector.port:
                checksums.append(packet[26:28])
    except TimeoutError:
        raw.close()
    assert checksums and b"\0\0" not in checksums


@pytest.mark.parametrize("port", [4739, 2055])
def test_ports(namespace, meter, port, sent):
    """RFC 7011, 10.1: 4739 without a word, any other when told."""
    collector = UdpServer(namespace, port=port)
    meter("ipfix+udp://127.0.0.1" + (f":{port}" if port != 4739 else ""))
    messages = collector.read()
    collector.close()
    assert flows(read(messages)) == expected(sent)


# ---- errors ----

def ports_of(connection):
    return {r["sourceTransportPort"] for r in read(connection.messages).records}


def test_collecting_process_restarts(cable, feed, tmp_path):
    """RFC 5471, 3.6.1, 3.6.3 (RFC 7011, 8, 10.4.1, 10.4.4): the collector dies and comes back: a
    new connection begins with the templates and sequences of its own, and gets all that is written
    from then on; twice, the second time after longer. All records are in the account."""
    collector = TcpServer(cable[1])
    port = collector.port
    frames = feed(collector.url + "?reconnect=1s")
    first = set(frames.flows(20))
    wait_for(lambda: collector.connections and first <= ports_of(collector.connections[0]),
             PATIENCE, "the first flows")
    for gone in (0, 1.5):
        collector.close()
        frames.flows(5)
        time.sleep(gone)
        collector = TcpServer(cable[1], port=port)
        wait_for(lambda: collector.connections, PATIENCE, "a new connection")
        later = set(frames.flows(20))
        wait_for(lambda: later <= ports_of(collector.connections[-1]), PATIENCE, "later flows")
        opening = read(collector.connections[-1].messages).messages[0]
        assert opening.templates and opening.sequence == 0
    assert frames.end() == 0
    collector.close()
    account, = json.loads((tmp_path / "meter.json").read_text())["outputs"].values()
    assert account["accepted"] == 70 == account["acknowledged"] + account["sent"] + sum(
        account["dropped"].values())


def test_not_more_than_one_attempt_a_minute(cable, feed):
    """RFC 7011, 10.4.4: unless told otherwise a collector that is not there is tried once a
    minute."""
    with inside(cable[1]):
        placeholder = socket.socket()
    placeholder.bind(("127.0.0.1", 0))
    port = placeholder.getsockname()[1]
    frames = feed(f"ipfix+tcp://127.0.0.1:{port}")
    frames.flows(3)
    time.sleep(0.5)
    placeholder.close()
    collector = TcpServer(cable[1], port=port)
    frames.flows(3)
    time.sleep(2)
    assert collector.accepted == []
    collector.close()


@pytest.mark.parametrize("transport", ["tcp"])
def test_exporting_process_restarts(cable, collect, feed, transport):
    """RFC 5471, 3.6.2 (RFC 7011, 8): the exporter is killed; its session and templates end, and
    the next one of the same host is understood."""
    collector = collect(transport, host=cable[1])
    numbers = []
    for turn in range(2):
        frames = feed(f"ipfix+tcp://127.0.0.1:{collector.port}?options=off")
        frames.next = 100 * turn + 1
        numbers += frames.flows(10)
        collector.await_records(len(numbers))
        frames.process.kill()
        frames.process.wait()
    collector.sent = collector.received()
    result = collector.finish()
    assert sorted(dict(r)["sourceTransportPort"] for r in result.records) == numbers
    assert result.exporter["sessions_ever"] == 3        # the harness has one, too
    assert result.exporter["sequence"]["restarts"] == 0


def test_network_is_interrupted(cable, collect, feed):
    """RFC 5471, 3.6.1 (RFC 7011, 11.6): over UDP the cable is pulled for a while: export goes on
    behind it, and what is missing is counted to the record."""
    left, right = cable
    collector = collect("udp", host=left, address="10.7.0.1")
    frames = feed(f"ipfix+udp://10.7.0.1:{collector.port}?options=off")
    frames.flows(10)
    collector.await_records(10)
    right.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "8bit", "burst", "1",
              "limit", "1")             # takes nothing: as good as a cable that is pulled
    frames.flows(7)
    time.sleep(2)
    right.run("tc", "qdisc", "del", "dev", "eth0", "root")
    frames.flows(10)
    collector.await_records(20)
    assert frames.end() == 0
    collector.sent = collector.received()
    result = collector.finish()
    assert (len(result.records), result.exporter["sequence"]["lost"]) == (20, 7)
    assert result.exporter["sequence"]["gaps"] == 1
    assert "a gap in the sequence numbers" in result.log
