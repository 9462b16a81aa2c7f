# SPDX-License-Identifier: Apache-2.0
"""Export over TCP, TLS, DTLS and SCTP from a live meter: collectors that are not weir's, that die
and come back, that are slow, and that nobody should talk to.

What was sent into the cable is known flow by flow, what the collectors wrote down is read by
ipfix_reader (which shares nothing with weir), and --stats must say what became of the difference.
"""
import json
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from interop import ipfix_reader
from net.lab import wait_for
from net.test_live import Cable

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from craft import ether, ip, udp  # noqa: E402

HERE = Path(__file__).resolve().parent
PATIENCE = 60
METER, COLLECTOR = "10.1.0.1", "10.1.0.2"


# ---- who may be believed ----

def openssl(*arguments, **options):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True,
                          **options)
    assert done.returncode == 0, done.stderr


class Authority:
    """An authority and certificates from it: PEM files with certificate and key in one."""

    def __init__(self, folder, name):
        folder.mkdir()
        self.folder, self.ca, self.key = folder, folder / "ca.pem", folder / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.key, "-out", self.ca, "-subj", f"/CN={name}", "-days", "2")

    def issue(self, name, alternatives, *days):
        """days: of validity, from now; ("-not_after", DATE) for one that has expired."""
        key, request, issued = (self.folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
        both, extensions = self.folder / f"{name}.pem", self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternatives}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.key,
                "-CAcreateserial", "-out", issued, "-extfile", extensions, *(days or ("-days", 2)))
        both.write_text(issued.read_text() + key.read_text())
        return both


class Identities:
    def __init__(self, folder):
        ours, theirs = Authority(folder / "a", "Ours"), Authority(folder / "b", "Theirs")
        self.ca, self.other_ca = ours.ca, theirs.ca
        self.collector = ours.issue("collector", f"IP:{COLLECTOR},IP:127.0.0.1")
        self.exporter = ours.issue("exporter", "DNS:exporter.example")
        self.elsewhere = ours.issue("elsewhere", "DNS:elsewhere.example")
        self.expired = ours.issue("expired", f"IP:{COLLECTOR},IP:127.0.0.1", "-days", -1)
        self.foreign = theirs.issue("foreign", f"IP:{COLLECTOR},IP:127.0.0.1")

    @property
    def parameters(self):
        return f"cert={self.exporter}&ca={self.ca}"


@pytest.fixture(scope="module")
def identities(tmp_path_factory):
    return Identities(tmp_path_factory.mktemp("identities"))


# ---- collectors ----

def whole_messages(octets):
    """IPFIX messages one after another; what a collector had read of the last one is no message."""
    at = 0
    while at + 4 <= len(octets):
        length = struct.unpack_from("!H", octets, at + 2)[0]
        assert octets[at:at + 2] == b"\0\x0a" and length >= 16
        if at + length > len(octets):
            return
        yield octets[at:at + length]
        at += length


class Sink:
    """A collector of its own process: its records by transport session."""

    program = "sink.py"

    def __init__(self, stage, port, identity=()):
        stage.number += 1
        self.folder = stage.folder / f"sink{stage.number}"
        self.folder.mkdir()
        self.process = stage.collector.start(sys.executable, HERE / self.program, port, self.folder,
                                             *identity, stderr=subprocess.PIPE, text=True)
        stage.collector.await_port(port)

    def sessions(self):
        for file in sorted(self.folder.glob("[0-9]*"), key=lambda path: int(path.name)):
            yield [(0, message) for message in whole_messages(file.read_bytes())]

    def flows(self, check_sequence=True):
        return [flow for session in self.sessions() for flow in flows_of(session, check_sequence)]

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)


class SctpSink(Sink):
    def __init__(self, stage, port, encapsulation):
        stage.number += 1
        self.file = stage.folder / f"sink{stage.number}"
        program = stage.build / "tests/net/sctp_sink"
        self.process = stage.collector.start(program, port, encapsulation, self.file,
                                             stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def sessions(self):
        octets, at, found = self.file.read_bytes(), 0, {}
        while at + 8 <= len(octets):
            association, stream, length = struct.unpack_from("!HHI", octets, at)
            message = octets[at + 8:at + 8 + length]
            at += 8 + length
            if len(message) == length:
                found.setdefault(association, []).append((stream, message))
        return [found[association] for association in sorted(found)]


class DtlsSink(Sink):
    """openssl s_server: one session, and the data of one record behind another's."""

    def __init__(self, stage, port, identities):
        stage.number += 1
        self.file = stage.folder / f"sink{stage.number}"
        with open(self.file, "wb") as out:
            self.process = stage.collector.start(
                "openssl", "s_server", "-dtls1_2", "-4", "-port", port, "-cert",
                identities.collector, "-key", identities.collector, "-CAfile", identities.ca,
                "-Verify", 2, "-verify_return_error", "-quiet", "-listen",
                stdin=subprocess.PIPE, stdout=out, stderr=subprocess.DEVNULL)
        stage.collector.await_port(port, "udp")

    def sessions(self):
        octets = self.file.read_bytes()
        start = octets.find(b"\0\x0a")
        return [[(0, message) for message in whole_messages(octets[start:])]] if start >= 0 else []


def flows_of(session, check_sequence=True):
    """Numbers of the flows in the messages of one transport session. Each stream has sequence
    numbers of its own, and templates hold for all (RFC 7011, section 10.2)."""
    templates, streams = {}, {}
    for stream, message in session:
        reader = streams.setdefault(stream, ipfix_reader.Session(check_sequence))
        reader.templates = templates
        reader.message(message)
    return [flow_number(record) for reader in streams.values() for record in reader.records]


def flow_number(record):
    high, low = map(int, record["destinationIPv4Address"].split(".")[2:])
    return high << 8 | low


# ---- the meter ----

class Stage(Cable):
    def __init__(self, lab, folder, weir_program):
        super().__init__(lab, folder)
        self.build = weir_program.resolve().parents[2]
        self.collector = lab.host("c")
        lab.link(self.host, self.collector)
        self.host.address(f"{METER}/24", "eth1")
        self.collector.address(f"{COLLECTOR}/24")
        self.sent = 0

    def send_flows(self, count, pps=2000):
        """UDP flows of one packet, numbered by the last octets of the destination."""
        frames = [ether(ip("10.0.0.1", f"172.16.{number >> 8}.{number & 255}", udp(4000, 53)))
                  for number in range(self.sent, self.sent + count)]
        self.send(frames, pace=("--pps", str(pps)))
        self.sent += count
        return range(self.sent - count, self.sent)

    def meter_to(self, address, *arguments):
        return self.meter("-d", "1", "--direction", "first", "-o", address, *arguments)


@pytest.fixture
def stage(lab, tmp_path, weir_program):
    return Stage(lab, tmp_path, weir_program)


def output_of(stats, scheme="ipfix+"):
    (account,) = [o for name, o in stats["outputs"].items() if name.startswith(scheme)]
    return account


def asked(live):
    """--stats as of now."""
    before = live.stats_file.stat().st_mtime_ns if live.stats_file.exists() else 0
    live.tell(signal.SIGUSR1)
    wait_for(lambda: live.stats_file.exists() and live.stats_file.stat().st_mtime_ns > before,
             PATIENCE, "the meter's account")
    return wait_for(live.stats, PATIENCE, "a whole account")


def wrong_account(sent, delivered, account):
    """What does not add up: each record that was sent is at a collector, once, or in one count."""
    lost = sum(account["dropped"].values())
    if len(set(delivered)) != len(delivered):
        return f"{len(delivered) - len(set(delivered))} records came twice"
    if account["accepted"] != sent:
        return f"{sent} flows were sent, {account['accepted']} records were accepted"
    if account["acknowledged"] != len(delivered):
        return f"{len(delivered)} arrived, {account['acknowledged']} count as acknowledged"
    if len(delivered) + lost != sent:
        return f"{sent} were sent, {len(delivered)} arrived, {lost} count as lost"
    return None


def doctored(account, **changes):
    """An account with a fault planted: lost=1 is one lost record too many, and so on."""
    copy = json.loads(json.dumps(account))
    copy["dropped"]["send_failed"] += changes.get("lost", 0)
    copy["acknowledged"] += changes.get("acknowledged", 0)
    copy["accepted"] += changes.get("accepted", 0)
    return copy


def check_account_and_its_twins(sent, delivered, account):
    assert wrong_account(sent, delivered, account) is None, account
    assert wrong_account(sent, delivered[1:], account)
    assert wrong_account(sent, delivered + delivered[:1], account)
    assert wrong_account(sent, delivered[1:] + delivered[-1:], account)
    for fault in ({"lost": 1}, {"acknowledged": -1}, {"accepted": 1}):
        assert wrong_account(sent, delivered, doctored(account, **fault)), fault


# ---- transports and collectors ----

class Transport:
    """How to export over it, and a collector at the other end."""

    def __init__(self, name, identities):
        self.name, self.identities = name, identities

    def sink(self, stage):
        if self.name == "tcp":
            return Sink(stage, 4739)
        if self.name == "tls":
            return Sink(stage, 4740, (self.identities.collector, self.identities.ca))
        if self.name == "dtls":
            return DtlsSink(stage, 4740, self.identities)
        return SctpSink(stage, 4739, 9899 if self.name == "sctp-in-udp" else 0)

    def address(self, **parameters):
        scheme = self.name.split("-")[0]
        words = [f"{name.replace('_', '-')}={value}" for name, value in parameters.items()]
        if scheme in ("tls", "dtls"):
            words.append(self.identities.parameters)
        if self.name == "sctp-in-udp":
            words.append("encapsulation=9899")
        return f"ipfix+{scheme}://{COLLECTOR}?" + "&".join(words or ["domain=1"])


ALL = ("tcp", "tls", "dtls", "sctp", "sctp-in-udp")
RELIABLE = ("tcp", "tls", "sctp", "sctp-in-udp")


@pytest.fixture
def transport(request, identities):
    return Transport(request.param, identities)


def over(*names):
    return pytest.mark.parametrize("transport", names, indirect=True)


@over(*ALL)
def test_arrives(stage, transport):
    """Every record once, in messages and sequences that a strict reader takes."""
    sink = transport.sink(stage)
    live = stage.meter_to(transport.address())
    stage.send_flows(500)
    wait_for(lambda: len(sink.flows()) >= 500, PATIENCE, "500 flows")
    _, stats = live.finish()
    assert sorted(sink.flows()) == list(range(500))
    account = output_of(stats)
    assert account["sent" if transport.name == "dtls" else "acknowledged"] == 500
    assert sum(account["dropped"].values()) == 0


@over("sctp")
def test_sctp_keeps_templates_and_records_apart(stage, transport):
    """RFC 7011, section 10.2: templates and options data by stream 0, flow records by another."""
    sink = transport.sink(stage)
    live = stage.meter_to(transport.address(reliability="500ms"))
    stage.send_flows(300)
    wait_for(lambda: len(sink.flows()) >= 300, PATIENCE, "300 flows")
    live.finish()
    (session,) = sink.sessions()
    assert {stream for stream, _ in session} == {0, 1}
    templates = {}
    for wanted in (0, 1):
        reader = ipfix_reader.Session()
        reader.templates = templates
        for stream, message in session:
            if stream == wanted:
                reader.message(message)
        assert bool(reader.records) is (wanted == 1)
        assert all(bool(m.templates) is False for m in reader.messages) is (wanted == 1)


# ---- collectors that die and come back ----

def outage(stage, up):
    stage.collector.ip("link", "set", "eth0", "up" if up else "down")


def metering(stage, transport, **parameters):
    """A collector, a meter that exports to it, and a hundred flows that have arrived there."""
    sink = transport.sink(stage)
    live = stage.meter_to(transport.address(**parameters))
    stage.send_flows(100)
    wait_for(lambda: len(sink.flows()) >= 100, PATIENCE, "the first flows")
    return sink, live


def connected_again(stage, transport, live):
    sink = transport.sink(stage)
    wait_for(lambda: "connected again" in live.messages(), PATIENCE, "a new session")
    return sink


def account_after_more(stage, live, sink, count):
    """So many flows more arrive at this collector; the account at the end."""
    flows = stage.send_flows(count)
    wait_for(lambda: set(flows) <= set(sink.flows()), PATIENCE, "the flows after its return")
    return output_of(live.finish()[1])


@over(*RELIABLE)
def test_killed_and_restarted(stage, transport):
    """A collector is cut off, killed and started again. What was on its way is lost and counted, to
    the record; all that is written after its return arrives."""
    first = transport.sink(stage)
    live = stage.meter_to(transport.address(reconnect="1s"))
    before = stage.send_flows(200)
    wait_for(lambda: output_of(asked(live))["acknowledged"] >= 200, PATIENCE, "the first flows")

    outage(stage, up=False)
    between = stage.send_flows(100)
    wait_for(lambda: output_of(asked(live))["sent"] >= 100, PATIENCE, "flows on their way")
    first.kill()
    outage(stage, up=True)
    second = connected_again(stage, transport, live)

    account = account_after_more(stage, live, second, 200)
    assert set(first.flows()) == set(before)
    lost = set(between) - set(second.flows())
    assert account["dropped"]["send_failed"] == len(lost) > 0
    check_account_and_its_twins(500, first.flows() + second.flows(), account)
    assert live.messages().count("connection lost") == 1, live.messages()
    assert live.messages().count("connected again") == 1, live.messages()


@over("tcp", "tls", "sctp-in-udp")
def test_killed_when_it_has_read_all(stage, transport):
    """Nothing was on its way when it died: nothing is lost, what comes meanwhile waits for it."""
    first, live = metering(stage, transport, reconnect="1s")
    first.kill()
    quiet = transport.name == "sctp-in-udp"     # nothing tells it before it has sent something
    wait_for(lambda: "connection lost" in live.messages() or quiet, PATIENCE, "the loss")
    meanwhile = stage.send_flows(100)
    time.sleep(2)
    second = connected_again(stage, transport, live)
    account = account_after_more(stage, live, second, 100)
    if not quiet:
        assert set(meanwhile) <= set(second.flows())
    check_account_and_its_twins(300, first.flows() + second.flows(), account)


@over("dtls")
def test_dtls_collector_killed_and_restarted(stage, transport):
    """openssl s_server gives no hint that it does not know us: a new handshake finds out."""
    first, live = metering(stage, transport, reconnect="1s", renew="8s")
    first.kill()
    second = transport.sink(stage)

    def arrived():
        flows = stage.send_flows(20)
        time.sleep(3)
        return set(flows) <= set(second.flows(check_sequence=False))
    wait_for(arrived, PATIENCE, "flows at the new collector")
    live.finish()


# ---- slow, full, absent ----

def test_full_collector_slows_nobody(stage):
    """A collector that reads nothing: the meter loses no packet, the queue drops what is oldest and
    counts it, and the sequence numbers have the gap (RFC 7011, section 10.2.2)."""
    sink = Sink(stage, 4739)
    live = stage.meter_to(f"ipfix+tcp://{COLLECTOR}?queue=1M&options=off")
    stage.send_flows(100)
    wait_for(lambda: len(sink.flows()) >= 100, PATIENCE, "the first flows")
    (sink.folder / "stop").touch()
    sent = 100
    while not output_of(asked(live))["dropped"]["queue_full"]:
        stage.send_flows(5000, pps=10000)
        sent += 5000
        assert sent < 60000, "the queue never filled up"
    wait_for(lambda: len(live.records()) >= sent, PATIENCE, "all flows as JSON")
    newest = stage.send_flows(100)
    wait_for(lambda: len(live.records()) >= sent + 100, PATIENCE, "all flows as JSON")
    (sink.folder / "stop").unlink()
    wait_for(lambda: set(newest) <= set(sink.flows(check_sequence=False)), PATIENCE, "the newest")
    records, stats = live.finish()
    account = output_of(stats)
    assert len(records) == sent + 100 == stats["packets"]["metered"]
    dropped = account["dropped"]["queue_full"]
    assert dropped > 0
    check_account_and_its_twins(sent + 100, sink.flows(check_sequence=False), account)
    (session,) = sink.sessions()
    assert gap_of(session) == dropped
    assert live.messages().count("queue is full") == live.messages().count("takes records again")


def gap_of(session):
    """Data records that the sequence numbers of a session speak of, and that are not in it."""
    reader = ipfix_reader.Session(check_sequence=False)
    seen = gap = 0
    for _, octets in session:
        message = reader.message(octets)
        assert message.sequence - seen >= gap
        gap = message.sequence - seen
        seen += len(message.records)
    return gap


def test_meter_begins_without_its_collector(stage):
    live = stage.meter_to(f"ipfix+tcp://{COLLECTOR}?reconnect=1s")
    assert "no connection: 10.1.0.2:4739: Connection refused" in live.messages()
    stage.send_flows(100)
    time.sleep(3)
    sink = Sink(stage, 4739)
    wait_for(lambda: len(sink.flows()) >= 100, PATIENCE, "the flows that waited")
    _, stats = live.finish()
    check_account_and_its_twins(100, sink.flows(), output_of(stats))
    assert live.messages().count("no connection") == 1


def test_attempts_are_apart(stage):
    """A collector that closes each connection is tried once in the time, no more often."""
    sink = Sink(stage, 4739)
    (sink.folder / "refuse").touch()
    live = stage.meter_to(f"ipfix+tcp://{COLLECTOR}?reconnect=2s")
    stage.send_flows(10)
    wait_for(lambda: len(list(sink.folder.glob("[0-9]*"))) >= 4, PATIENCE, "four attempts")
    times = sorted(float(file.read_text()) for file in sink.folder.glob("[0-9]*"))
    assert all(later - earlier > 1.8 for earlier, later in zip(times, times[1:])), times
    live.process.kill()


# ---- several collectors ----

def test_flows_are_shared_out(stage, identities):
    """Each flow at one collector, the same one each time; a dead collector keeps its share."""
    sinks = [Sink(stage, port) for port in (4801, 4802, 4803)]
    hosts = ",".join(f"{COLLECTOR}:{port}" for port in (4801, 4802, 4803))
    live = stage.meter_to(f"ipfix+tcp://{hosts}?distribute=flow&reconnect=1s")
    stage.send_flows(300)
    wait_for(lambda: sum(len(sink.flows()) for sink in sinks) >= 300, PATIENCE, "300 flows")
    first = [set(sink.flows()) for sink in sinks]
    assert sorted(flow for share in first for flow in share) == list(range(300))
    assert all(len(share) > 50 for share in first)

    sinks[1].kill()
    stage.sent = 0              # the same flows again
    stage.send_flows(300)
    wait_for(lambda: all(len(sinks[i].flows()) >= 2 * len(first[i]) for i in (0, 2)), PATIENCE,
             "the shares of those that live")
    for i in (0, 2):
        assert sorted(sinks[i].flows()) == sorted(2 * list(first[i]))
    again = Sink(stage, 4802)
    wait_for(lambda: len(again.flows()) >= len(first[1]), PATIENCE, "the share that waited")
    _, stats = live.finish()
    assert set(again.flows()) == first[1]
    account = output_of(stats)
    assert account["accepted"] == account["acknowledged"] == 600


# ---- certificates ----

@pytest.mark.parametrize("fault, says", (
    ("name", 'the peer\'s certificate is for "elsewhere.example", which is not whom we expect'),
    ("expired", "has expired, at "),
    ("authority", "is from an authority that we do not believe: /CN=Theirs"),
    ("none", "the peer demands a certificate of us; see cert=FILE"),
    ("ours", "the peer does not believe the authority of our certificate"),
), ids=lambda value: value if " " not in value else "")
def test_certificate_faults(stage, weir_program, identities, fault, says):
    """Python's ssl at the other end. A file's export does not begin."""
    i = identities
    cert = {"name": i.elsewhere, "expired": i.expired, "authority": i.foreign}.get(fault,
                                                                                i.collector)
    sink = Sink(stage, 4740, (cert, i.other_ca if fault == "ours" else i.ca))
    ours = f"ca={i.ca}" if fault == "none" else i.parameters
    done = stage.host.run(weir_program, "meter", "-r", HERE.parents[1] / "share/captures/demo.pcap",
                          "-o", f"ipfix+tls://{COLLECTOR}?{ours}", check=False)
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert not sink.flows()


@pytest.mark.parametrize("version, says", (("-tls1_1", "version of TLS"), ("-tls1_2", None)))
def test_versions_of_tls(stage, weir_program, identities, version, says):
    """RFC 8996: nothing below 1.2."""
    i = identities
    server = stage.collector.start(
        "openssl", "s_server", version, "-cipher", "ALL@SECLEVEL=0", "-port", 4740, "-quiet",
        "-cert", i.collector, "-key", i.collector, "-CAfile", i.ca, "-Verify", 2,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stage.collector.await_port(4740)
    done = stage.host.run(weir_program, "meter", "-r", HERE.parents[1] / "share/captures/demo.pcap",
                          "-o", f"ipfix+tls://{COLLECTOR}?{i.parameters}", check=False)
    assert (done.returncode == 0) is (says is None), done.stderr
    assert says is None or says in done.stderr, done.stderr
    server.kill()


def test_own_export_is_not_metered(stage, identities):
    """Both ways: what is sent, and what the collector's system acknowledges."""
    sink = Sink(stage, 4739)
    live = stage.meter("-d", "1", "-o", f"ipfix+tcp://{COLLECTOR}", interfaces=("eth1",))
    stage.host.run("ping", "-c", 3, "-i", "0.2", COLLECTOR)
    wait_for(lambda: any(r.get("protocolIdentifier") == 1 for r in live.records()), PATIENCE,
             "a record of the ping")
    wait_for(lambda: any(sink.sessions()), PATIENCE, "the export")
    time.sleep(2)
    records, stats = live.finish()
    assert stats["packets"]["own_export"] > 0
    assert not [r for r in records if r.get("protocolIdentifier") == 6]
