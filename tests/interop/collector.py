# SPDX-License-Identifier: Apache-2.0
"""weir collect in a namespace, its addresses by transport, how much it has so far, and what it
wrote in the end.
"""
import json
import signal
import subprocess

from interop.round_trip import records
from net.lab import wait_for

PATIENCE = 60       # seconds: nothing is asserted on speed


ELSEWHERE = "198.51.100.2"      # a collector on a host of its own
TRANSPORTS = ("udp", "tcp", "tls", "dtls", "sctp")


def certificate(tool, folder):
    """One for both ends, which believe it: the parameters of an address."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    done = subprocess.run([tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
                           "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert,
                           "-days", "2", "-subj", "/CN=collector.example",
                           "-addext", f"subjectAltName=IP:127.0.0.1,IP:{ELSEWHERE}"],
                          capture_output=True)
    assert done.returncode == 0, done.stderr
    return f"cert={cert}&key={key}&ca={cert}"


def address(transport, identity, host="127.0.0.1"):
    """For both ends, with room for more parameters; identity: certificate()."""
    port = 4740 if transport in ("tls", "dtls") else 4739
    return (f"ipfix+{transport}://{host}:{port}?" +
            (identity + "&" if port == 4740 else ""))


class Collector:
    def __init__(self, host, program, folder, *listen, options=()):
        folder.mkdir(exist_ok=True)
        self.json, self.stats = folder / "collected.json", folder / "collect.stats"
        words = [word for one in listen for word in ("-l", one.rstrip("?&"))]
        self.process = host.start(program, "collect", "-v", *words, "-o", f"json:{self.json}",
                                  "--stats", self.stats, *options, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True)
        wait_for(self.is_ready, PATIENCE, "the collector to listen")

    def is_ready(self):
        """It handles signals, and does so once all sockets are open. SCTP has none to look for."""
        assert self.process.poll() is None, self.process.communicate()[1]
        with open(f"/proc/{self.process.pid}/status") as status:
            caught, = (line.split()[1] for line in status if line.startswith("SigCgt"))
        return int(caught, 16) >> (signal.SIGUSR1 - 1) & 1

    def account(self):
        """--stats as of now."""
        before = self.stats.stat().st_mtime_ns if self.stats.exists() else 0
        self.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: self.stats.exists() and self.stats.stat().st_mtime_ns > before, PATIENCE,
                 "the collector's account")
        return json.loads(self.stats.read_text())

    def await_records(self, count):
        wait_for(lambda: self.account()["records"] >= count, PATIENCE, f"{count} records")

    def stop(self):
        """What was collected, and the last account."""
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=PATIENCE)[1]
        assert self.process.returncode == 0, said
        return records(self.json), json.loads(self.stats.read_text())
