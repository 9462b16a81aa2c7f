# SPDX-License-Identifier: Apache-2.0
"""The stage on which a recording plays: hosts in namespaces, servers on them, and a recorder.

A recording is a function that takes a Stage, starts programs and calls stage.record() around what
they say to each other. Addresses are those that RFC 5737 and RFC 3849 set aside for examples, and
hardware addresses are fixed: nothing of the machine that records gets into a capture.
"""
import contextlib
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from net.lab import Lab, wait_for

SERVER, CLIENT = "192.0.2.1", "192.0.2.2"
SERVER6, CLIENT6 = "2001:db8::1", "2001:db8::2"
SETTLE_S = 0.7      # dumpcap hands a quiet interface's frames on after a quarter of a second


def set_hardware_address(host, number, interface="eth0"):
    host.ip("link", "set", interface, "address", f"02:00:00:00:00:{number:02x}")


def forget_machine(path):
    """Takes out of a pcapng file what dumpcap says of the processor and the system."""
    data, kept, at = path.read_bytes(), [], 0
    fixed = {0x0A0D0D0A: 24, 1: 16}         # section and interface: where their options begin
    dropped = {0x0A0D0D0A: (2, 3), 1: (12,)}
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        block = data[at:at + length]
        at += length
        if kind in fixed:
            options, place = b"", fixed[kind]
            while place + 4 < length:
                code, size = struct.unpack_from("<HH", block, place)
                end = place + 4 + (size + 3) // 4 * 4
                options += block[place:end] if code not in dropped[kind] else b""
                place = end
            block = block[:fixed[kind]] + options
            total = struct.pack("<I", len(block) + 4)
            block = block[:4] + total + block[8:] + total
        kept.append(block)
    path.write_bytes(b"".join(kept))


class Stage:
    def __init__(self, folder):
        self.lab = Lab()
        self.folder = folder
        self.scratch = Path(tempfile.mkdtemp(prefix="weir-record-"))
        self.server = self.client = None

    def close(self):
        self.lab.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def pair(self):
        """A client and a server on one cable, with IPv4 and IPv6."""
        self.server, self.client = self.lab.host("s"), self.lab.host("c")
        self.lab.link(self.server, self.client)
        for number, (host, four, six) in enumerate(
                ((self.server, SERVER, SERVER6), (self.client, CLIENT, CLIENT6)), 1):
            set_hardware_address(host, number)
            host.address(four + "/24")
            host.address(six + "/64")
        return self.server, self.client

    def file(self, name, content):
        path = self.scratch / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)
        return path

    def daemon(self, host, *command, port=None, protocol="tcp"):
        """Starts a server; returns when it listens."""
        log = open(self.scratch / "daemons.log", "a")
        process = host.start(*command, stdout=log, stderr=log, cwd=self.scratch)
        if port:
            try:
                host.await_port(port, protocol)
            except TimeoutError as problem:
                raise RuntimeError(f"{problem}\n{(self.scratch / 'daemons.log').read_text()}")
        return process

    @contextlib.contextmanager
    def record(self, name, host=None, interfaces=("eth0",)):
        """Records what passes host's interfaces (the server's, unless told) into share/captures."""
        path = self.folder / name
        plain = path.with_suffix("") if path.suffix == ".gz" else path
        kind = [] if plain.suffix == ".pcapng" else ["-P"]
        where = [part for interface in interfaces for part in ("-i", interface)]
        dumpcap = (host or self.server).start("dumpcap", *where, "-q", *kind, "-w", plain,
                                              stderr=subprocess.PIPE, text=True)
        line = ""
        while not line.startswith("File:"):
            line = dumpcap.stderr.readline()
            if not line:
                raise RuntimeError("dumpcap ended before it captured")
        time.sleep(0.2)
        yield path
        time.sleep(SETTLE_S)
        dumpcap.send_signal(signal.SIGINT)
        dumpcap.communicate(timeout=10)
        if plain.suffix == ".pcapng":
            forget_machine(plain)
        if path != plain:
            subprocess.run(["gzip", "-9", "-n", "-f", plain], check=True)
        path.chmod(0o644)

    def certificate(self):
        key, certificate = self.scratch / "key.pem", self.scratch / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                        "/CN=www.example.net", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        return key, certificate

    def http(self, listen="80", more=""):
        """An nginx with a page, a picture's worth of noise and something to refuse."""
        self.file("www/index.html", "<html><body><h1>A low wall</h1>" + "<p>water</p>" * 200 +
                  "</body></html>\n")
        self.file("www/noise.bin", bytes((n * 7919 >> 3) & 255 for n in range(24000)))
        conf = self.file("nginx.conf", f"""
            user root; daemon off; master_process off; pid {self.scratch}/nginx.pid;
            error_log {self.scratch}/nginx.log; events {{ }}
            http {{ access_log off; default_type text/html;
                client_body_temp_path {self.scratch}; proxy_temp_path {self.scratch};
                fastcgi_temp_path {self.scratch}; uwsgi_temp_path {self.scratch};
                scgi_temp_path {self.scratch};
                server {{ listen {listen}; listen [::]:{listen}; {more}
                    root {self.scratch}/www; location /closed {{ return 403; }} }} }}""")
        self.daemon(self.server, "nginx", "-p", self.scratch, "-c", conf,
                    port=int(listen.split()[0]))

    def dns(self):
        texts = ",".join("x" * 240 for _ in range(12))
        self.daemon(self.server, "dnsmasq", "-k", "-C", "/dev/null", "--no-resolv", "--no-hosts",
                    "--user=root", f"--pid-file={self.scratch}/dnsmasq.pid",
                    "--edns-packet-max=4096", "--auth-ttl=600", "--local=/example.net/",
                    f"--host-record=www.example.net,{SERVER},{SERVER6}",
                    f"--host-record=mail.example.net,{SERVER}",
                    "--mx-host=example.net,mail.example.net,10",
                    "--txt-record=example.net,v=spf1 -all",
                    f"--txt-record=long.example.net,{texts}",
                    "--srv-host=_sip._udp.example.net,www.example.net,5060",
                    port=53, protocol="udp")

    def dig(self, *arguments, server=SERVER, check=True):
        return self.client.run("dig", "+tries=1", "+time=2", f"@{server}", *arguments, check=check)

    def curl(self, *arguments, check=True):
        return self.client.run("curl", "-sS", "-o", "/dev/null", "--resolve",
                               f"www.example.net:443:{SERVER}", "--resolve",
                               f"www.example.net:80:{SERVER}", *arguments, check=check, text=False)


__all__ = ["Stage", "SERVER", "CLIENT", "SERVER6", "CLIENT6", "set_hardware_address", "wait_for"]
