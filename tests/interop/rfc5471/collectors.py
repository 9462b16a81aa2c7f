# SPDX-License-Identifier: Apache-2.0
"""weir collect as the collecting process under test, fed by every way in that it has.

    with Collecting(way, program, folder, host) as c:
        c.send(message)
        result = c.finish()

result.records are the records that it wrote, without what it knows itself (exporter, domain, time
of collection); result.stats is its account; result.log what it said; result.closed whether it
closed the stream; result.peak_kb the most memory that a live one held. JSON tells the values of an
element that comes more than once as a list, in their order.

Live ways (udp, tcp, tls) run on the loopback interface of a network namespace.
"""
import ctypes
import json
import signal
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass

from golden import craft
from interop.rfc5471 import wire
from net.lab import wait_for

CLONE_NEWNET = 0x40000000
EXPORTER, COLLECTOR = "192.0.2.1", "192.0.2.2"
OWN = ("exporterIPv4Address", "exporterIPv6Address", "observationDomainId",
       "collectionTimeMilliseconds")
MESSAGE_REASONS = ("too_short", "version", "length", "set_length", "template", "record", "count",
                   "memory")


@dataclass
class Result:
    records: list
    stats: dict
    log: str
    status: int
    closed: bool = False
    peak_kb: int = 0

    @property
    def exporter(self):
        """The account of the only exporter."""
        only, = self.stats["exporters"]
        return only

    @property
    def discarded(self):
        """Messages by the reason why they were discarded."""
        return {reason: self.exporter["messages"][reason] for reason in MESSAGE_REASONS
                if self.exporter["messages"][reason]}

    @property
    def dropped(self):
        """Sets by the reason why they gave no records."""
        counted = self.exporter["sets"]
        return {reason: counted[reason] for reason in counted
                if counted[reason] and reason not in ("received", "templates", "data")}


@contextmanager
def inside(host):
    """Sockets made here belong to the host's namespace."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(fd):
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    with open("/proc/thread-self/ns/net", "rb") as here, \
            open(f"/run/netns/{host.name}", "rb") as there:
        enter(there.fileno())
        try:
            yield
        finally:
            enter(here.fileno())


def bound(process, port, protocol):
    """Whether the process's namespace has a socket that listens there (UDP: is bound)."""
    state = "0A" if protocol == "tcp" else "07"
    for family in ("", "6"):
        with open(f"/proc/{process.pid}/net/{protocol}{family}") as table:
            for line in table:
                part = line.split()
                if len(part) > 3 and part[1].endswith(f":{port:04X}") and part[3] == state:
                    return True
    return False


def catches_signals(process):
    """Whether the process would hear that it is to stop, rather than die of it."""
    with open(f"/proc/{process.pid}/status") as status:
        caught = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt"))
    return bool(caught >> signal.SIGTERM - 1 & 1)


def start_reading(program, folder, host, *arguments):
    """weir collect in the background; its log and account stand in the folder."""
    log = open(folder / "log", "w")
    return host.start(program, "collect", *arguments, "--options-data", "-o",
                      f"json:{folder}/records.json", "--stats", folder / "stats.json",
                      "--stats-interval", "100ms", stderr=log, stdout=subprocess.DEVNULL)


def parse(folder, status, **more):
    path = folder / "records.json"
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = [json.loads(line, object_pairs_hook=list) for line in lines]
    records = [[(name, value) for name, value in record if name not in OWN] for record in pairs]
    return Result(records, json.loads((folder / "stats.json").read_text()),
                  (folder / "log").read_text(), status, **more)


def peak_kb(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


class FromFile:
    """Messages one after another in a file (RFC 5655)."""
    name, live, closes, datagrams = "file", False, False, False

    def __init__(self, program, folder, host, *arguments):
        self.program, self.folder, self.arguments, self.messages = program, folder, arguments, []

    def send(self, *messages):
        self.messages += messages

    def write(self):
        path = self.folder / "messages.ipfix"
        path.write_bytes(b"".join(self.messages))
        return path

    def finish(self, **_):
        with open(self.folder / "log", "w") as log:
            done = subprocess.run(
                [self.program, "collect", "-r", self.write(), "--options-data", *self.arguments,
                 "-o", f"json:{self.folder}/records.json", "--stats", self.folder / "stats.json"],
                stderr=log, stdout=subprocess.DEVNULL, timeout=60)
        return parse(self.folder, done.returncode)

    def close(self):
        pass


class FromCapture(FromFile):
    """A capture of datagrams, whose clock the test sets: at(seconds)."""
    name, datagrams = "capture", True
    clock, port = 0, 50000

    def at(self, seconds):
        self.clock = seconds

    def send(self, *messages, source=EXPORTER):
        for octets in messages:
            frame = craft.ether(craft.ipv4(source, COLLECTOR,
                                           craft.udp(self.port, 4739, payload=octets)))
            time = wire.EPOCH * 10**9 + int(self.clock * 10**9) + len(self.messages) * 1000
            self.messages.append((time, frame, len(frame)))

    def write(self):
        path = self.folder / "messages.pcap"
        path.write_bytes(craft.pcap(self.messages, snaplen=262144))
        return path


class Live:
    """A running collector; subclasses say how to reach it."""
    live, closes, datagrams, parameters = True, False, False, ""
    next_port = 20000

    def __init__(self, program, folder, host, *arguments, address="127.0.0.1"):
        self.host, self.folder, self.address, self.sent = host, folder, address, 0
        Live.next_port += 1
        self.port = Live.next_port
        shown = f"[{address}]" if ":" in address else address
        self.process = start_reading(
            program, folder, host, "-l",
            f"ipfix+{self.name}://{shown}:{self.port}{self.parameters}", *arguments)
        wait_for(lambda: self.process.poll() is not None or
                 (self.listens() and catches_signals(self.process)), what="the listener")
        assert self.process.poll() is None, (folder / "log").read_text()
        self.socket = self.connect() if self.process.poll() is None else None

    def listens(self, port=None):
        return bound(self.process, port or self.port, self.socket_protocol)

    @property
    def family(self):
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET

    def stats(self):
        try:
            return json.loads((self.folder / "stats.json").read_text())
        except (OSError, ValueError):
            return None

    def received(self):
        stats = self.stats()
        return stats["messages"]["received"] if stats else 0

    def await_messages(self, count, seconds=20):
        wait_for(lambda: self.received() >= count, seconds, f"{count} messages")

    def await_records(self, count, seconds=20):
        wait_for(lambda: self.stats()["records"] >= count, seconds, f"{count} records")

    def end(self):
        if self.socket:
            self.socket.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def finish(self, wait=True, settle=False):
        """Stops the collector, which reads what has come before it ends; what is in this machine's
        sockets has come. With `wait` all that was sent must have been read, unless the session was
        closed. With `settle` it is given the time to do so before, and its memory is known."""
        if settle:
            wait_for(lambda: self.received() >= self.sent or self.is_closed(), 20,
                     f"{self.sent} messages")
        closed, memory = self.is_closed(), peak_kb(self.process.pid)
        result = parse(self.folder, self.end(), closed=closed, peak_kb=memory)
        if wait and not closed:
            assert result.stats["messages"]["received"] >= self.sent
        return result

    def finish_idle(self, last):
        """For messages that may be lost: waits until no more come, and until `last` has."""
        count = -1
        while count != self.received():
            count = self.received()
            time.sleep(0.3)
        self.send(last)
        self.await_messages(count + 1)
        return self.finish(wait=False)

    def is_closed(self):
        return False

    def close(self):
        if self.socket:
            self.socket.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class OverUdp(Live):
    name, socket_protocol, datagrams = "udp", "udp", True

    def connect(self):
        with inside(self.host):
            made = socket.socket(self.family, socket.SOCK_DGRAM)
        made.connect((self.address, self.port))
        return made

    def send(self, *messages):
        for octets in messages:
            self.socket.send(octets)
            self.sent += 1


class OverTcp(Live):
    name, socket_protocol, closes = "tcp", "tcp", True

    def connect(self):
        with inside(self.host):
            made = socket.socket(self.family, socket.SOCK_STREAM)
        made.settimeout(10)
        made.connect((self.address, self.port))
        return made

    def send(self, *messages):
        for octets in messages:
            try:
                self.socket.sendall(octets)
            except (ConnectionError, ssl.SSLError):
                return
            self.sent += 1

    def is_closed(self):
        if not self.socket:
            return True
        self.socket.settimeout(0.02)
        try:
            return self.socket.recv(1) == b""
        except (TimeoutError, ssl.SSLWantReadError):
            return False
        except (ConnectionError, ssl.SSLError):
            return True

    def await_closed(self):
        wait_for(self.is_closed, 20, "the connection to be closed")


WAYS = {way.name: way for way in (FromFile, FromCapture, OverUdp, OverTcp)}
