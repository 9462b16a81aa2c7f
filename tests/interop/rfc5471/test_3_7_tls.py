# SPDX-License-Identifier: Apache-2.0
"""RFC 5471, section 3.7: TLS and DTLS, certificates of both ends, names that do not match.

The other end is Python's ssl for TLS and the program openssl for DTLS. Hosts are named by their
addresses, so no name server is asked.
"""
import socket
import ssl
import subprocess
import time

import pytest

from interop import traffic
from interop.ipfix_reader import Session
from interop.rfc5471.collectors import Live, OverTcp, bound, inside
from interop.rfc5471.exporters import Connection, TcpServer
from interop.rfc5471.wire import F, data_set, message, template, template_set, u64
from net.lab import wait_for

MESSAGE = message([template_set(template(256, F("octetDeltaCount"))), data_set(256, u64(5))])
RECORD = [("octetDeltaCount", 5)]
PATIENCE = 30


class Certificates:
    """An authority and, for each end, a key and a certificate in one file."""

    def __init__(self, folder, openssl):
        self.folder, self.openssl = folder, openssl
        self.authority("ca")
        self.authority("stranger")
        for name, issuer, address in (
                ("collector", "ca", "IP:127.0.0.1,DNS:collector.example.net"),
                ("exporter", "ca", "IP:127.0.0.1,DNS:exporter.example.net"),
                ("other", "ca", "IP:203.0.113.9,DNS:other.example.org"),
                ("forged", "stranger", "IP:127.0.0.1,DNS:exporter.example.net")):
            self.signed(name, issuer, address)

    def run(self, *words):
        subprocess.run([self.openssl, *map(str, words)], check=True, capture_output=True,
                       cwd=self.folder)

    def authority(self, name):
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-days", 2, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj",
                 f"/CN={name}")

    def signed(self, name, issuer, names):
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-days", 2, "-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj",
                 f"/CN={names.split('DNS:')[1]}", "-addext", f"subjectAltName={names}", "-addext",
                 "basicConstraints=critical,CA:FALSE", "-CA", f"{issuer}.pem", "-CAkey",
                 f"{issuer}.key")
        parts = [(self.folder / f"{name}.{end}").read_text() for end in ("crt", "key")]
        (self.folder / f"{name}.pem").write_text("".join(parts))

    def __getitem__(self, name):
        return str(self.folder / f"{name}.pem")

    def parameters(self, name, **more):
        words = {"cert": self[name], "ca": self["ca"], **more}
        return "?" + "&".join(f"{key}={value}" for key, value in words.items())

    def context(self, purpose, name=None):
        made = ssl.SSLContext(purpose)
        made.check_hostname = False
        made.load_verify_locations(self["ca"])
        made.verify_mode = ssl.CERT_REQUIRED
        if name:
            made.load_cert_chain(self[name])
        return made


@pytest.fixture(scope="module")
def certificates(tmp_path_factory, tool):
    return Certificates(tmp_path_factory.mktemp("certificates"), tool("openssl"))


class OverTls(OverTcp):
    """The exporter is Python's ssl, with the certificate of that name."""
    name = "tls"
    context = None

    def connect(self):
        return self.context.wrap_socket(super().connect()) if self.context else None


class OverDtls(Live):
    """The exporter is `openssl s_client`, which sends what it reads as one datagram."""
    name, socket_protocol, datagrams = "dtls", "udp", True
    words = ()

    def connect(self):
        self.client = self.host.start(*self.words, "-connect", f"127.0.0.1:{self.port}",
                                      stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE)
        return None

    def send(self, octets):
        self.client.stdin.write(octets)
        self.client.stdin.flush()
        self.sent += 1


@pytest.fixture
def listening(weir_program, namespace, certificates, tmp_path, tool):
    """weir collect over TLS or DTLS, and an exporter with a certificate or without."""
    started = []

    def start(kind, exporter, minimum=None, maximum=None, **parameters):
        way = {"tls": OverTls, "dtls": OverDtls}[kind]
        folder = tmp_path / f"{kind}{len(started)}"
        folder.mkdir()
        way.parameters = certificates.parameters("collector", **parameters)
        if kind == "tls":
            way.context = certificates.context(ssl.PROTOCOL_TLS_CLIENT, exporter)
            if maximum:
                way.context.set_ciphers("ALL:@SECLEVEL=0")
                way.context.minimum_version = way.context.maximum_version = maximum
        else:
            way.words = (tool("openssl"), "s_client", "-dtls", "-quiet", "-CAfile",
                         certificates["ca"], "-verify_return_error",
                         *(("-cert", certificates[exporter]) if exporter else ()))
        started.append(way.__new__(way))
        try:
            started[-1].__init__(str(weir_program), folder, namespace)
        except (ssl.SSLError, ConnectionError) as error:
            started[-1].socket, started[-1].refusal = None, error
        return started[-1]
    yield start
    for made in started:
        made.close()


@pytest.mark.parametrize("kind", ["tls", "dtls"])
def test_connectivity(listening, kind):
    """RFC 5471, 3.7.1, 3.7.2, 3.7.3 (RFC 7011, 11.3): both ends show certificates that the other
    believes; a template and data arrive."""
    collector = listening(kind, "exporter")
    collector.send(MESSAGE)
    collector.await_messages(1)
    result = collector.finish()
    assert result.records == [RECORD]
    assert result.stats["transport"]["handshakes_failed"] == 0


def refused(collector, kind):
    """The handshake fails at weir, nothing is believed, and weir listens on."""
    if kind == "tls" and not hasattr(collector, "refusal"):
        # TLS 1.3: the client learns of it with the first octets that it reads.
        try:
            collector.socket.send(MESSAGE)
            collector.socket.settimeout(PATIENCE)
            assert collector.socket.recv(1) == b""
        except (ssl.SSLError, ConnectionError):
            pass
    elif kind == "dtls":
        try:
            collector.send(MESSAGE)
        except BrokenPipeError:
            pass
    wait_for(lambda: (collector.stats() or {"transport": {"handshakes_failed": 0}})[
        "transport"]["handshakes_failed"] >= 1, PATIENCE, "a failed handshake")
    result = collector.finish(wait=False)
    assert result.records == [] and result.stats["messages"]["received"] == 0
    return result


@pytest.mark.parametrize("kind", ["tls", "dtls"])
def test_exporter_without_a_certificate(listening, kind):
    """RFC 5471, 3.7.5 (RFC 7011, 11.3): authentication is mutual: without a certificate nobody
    exports."""
    result = refused(listening(kind, None), kind)
    assert "certificate" in result.log


@pytest.mark.parametrize("kind", ["tls", "dtls"])
def test_exporter_of_another_name(listening, kind):
    """RFC 5471, 3.7.6 (RFC 7011, 11.3): a certificate that is sound, of a name that is not among
    the exporters'."""
    result = refused(listening(kind, "other", peers="exporter.example.net"), kind)
    assert "other.example.org" in result.log


@pytest.mark.parametrize("kind", ["tls", "dtls"])
def test_exporter_that_is_listed(listening, kind):
    """RFC 7011, 11.3: names on an explicit list are let in."""
    collector = listening(kind, "exporter", peers="a.example.net,exporter.example.net")
    collector.send(MESSAGE)
    collector.await_messages(1)
    assert collector.finish().records == [RECORD]


@pytest.mark.parametrize("kind", ["tls", "dtls"])
def test_exporter_of_another_authority(listening, kind):
    """RFC 7011, 11.3: the right name, vouched for by somebody else."""
    refused(listening(kind, "forged"), kind)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions(listening, version):
    """RFC 7011, 11.1, as RFC 8996 has it since: nothing below TLS 1.2."""
    refused(listening("tls", "exporter", maximum=version), "tls")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions(listening, version):
    """RFC 7011, 11.1: TLS 1.2 and what came after it, with ciphers that encrypt."""
    collector = listening("tls", "exporter", maximum=version)
    name, _, bits = collector.socket.cipher()
    assert bits >= 128 and "NULL" not in name
    collector.send(MESSAGE)
    assert collector.finish().records == [RECORD]


# ---- the exporting process ----

@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    made = traffic.standard(10)
    return made, made.write(tmp_path_factory.mktemp("tls") / "standard.pcap")


@pytest.fixture
def meter(weir_program, namespace, capture, tmp_path):
    def run(url):
        return namespace.run(weir_program, "meter", "-r", capture[1], *traffic.OPTIONS, "-o", url,
                             "--stats", tmp_path / "meter.json", check=False)
    return run


def test_exporting_over_tls(certificates, namespace, meter, capture):
    """RFC 5471, 3.7.2 (RFC 7011, 11.3): weir meter shows its certificate and sends all records."""
    server = TcpServer(namespace, context=certificates.context(ssl.PROTOCOL_TLS_SERVER,
                                                               "collector"))
    done = meter(server.url + certificates.parameters("exporter"))
    assert done.returncode == 0, done.stderr
    session = Session()
    for octets in server.read():
        session.message(octets)
    assert len(session.records) == len(capture[0].biflows)
    server.close()


@pytest.mark.parametrize("name", ["other", "forged"])
def test_collector_of_another_name(certificates, namespace, meter, name, tmp_path):
    """RFC 5471, 3.7.7 (RFC 7011, 11.3): nothing is exported to a collector whose certificate is not
    of the host that was asked for, or of nobody we believe; weir says why."""
    server = TcpServer(namespace, context=certificates.context(ssl.PROTOCOL_TLS_SERVER, name))
    done = meter(server.url + certificates.parameters("exporter"))
    assert done.returncode != 0 and "certificate" in done.stderr
    assert server.messages == []
    server.close()


class DtlsServer:
    """`openssl s_server`; what it receives stands in its standard output."""

    def __init__(self, host, openssl, certificates, name, folder):
        with inside(host):
            free = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        free.bind(("127.0.0.1", 0))
        self.port = free.getsockname()[1]
        free.close()
        self.out = folder / "received"
        self.process = host.start(
            openssl, "s_server", "-dtls", "-quiet", "-accept", f"127.0.0.1:{self.port}", "-cert",
            certificates[name], "-CAfile", certificates["ca"], "-Verify", "1",
            "-verify_return_error", stdout=open(self.out, "wb"), stderr=subprocess.DEVNULL,
            stdin=subprocess.PIPE)
        wait_for(lambda: bound(self.process, self.port, "udp"), what="s_server")

    def messages(self):
        connection = Connection()
        connection.take(self.out.read_bytes())
        return connection.messages

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.mark.parametrize("name", ["collector", "other", "forged"])
def test_exporting_over_dtls(certificates, namespace, meter, capture, tool, tmp_path, name):
    """RFC 5471, 3.7.3, 3.7.7 (RFC 7011, 11.3): weir meter to a DTLS server; nothing goes to one of
    another name."""
    server = DtlsServer(namespace, tool("openssl"), certificates, name, tmp_path)
    done = meter(f"ipfix+dtls://127.0.0.1:{server.port}" + certificates.parameters("exporter"))
    if name != "collector":
        assert done.returncode != 0 and "certificate" in done.stderr
        assert server.messages() == []
    else:
        assert done.returncode == 0, done.stderr
        wait_for(lambda: len(server.messages()) > 0, PATIENCE, "a message")
        time.sleep(0.3)
        session = Session()
        for octets in server.messages():
            session.message(octets)
        assert len(session.records) == len(capture[0].biflows)
    server.close()


def test_dtls_over_sctp_is_refused(weir, certificates, capture, tmp_path):
    """RFC 5471, 3.7.4: a deliberate deviation: there is no DTLS over SCTP (RFC 6083 is not in
    OpenSSL's usual builds). Whoever asks for it is told, and nothing is sent in clear."""
    done = weir("meter", "-r", capture[1], "-o",
                "ipfix+sctp://127.0.0.1" + certificates.parameters("exporter"))
    assert done.returncode == 2 and "cert" in done.stderr
    done = weir("collect", "-l", "ipfix+sctp+dtls://127.0.0.1:4740", "-o", "null:")
    assert done.returncode == 2
