# SPDX-License-Identifier: Apache-2.0
"""weir meter as the exporting process under test: servers that keep what it sends, and a live meter
that is given flow after flow.

Servers live in the host's namespace, at its loopback interface; they cut messages by their length
alone and leave all judgement to interop/ipfix_reader.py.
"""
import signal
import socket
import ssl
import struct
import threading
import time

from golden import craft
from interop.rfc5471.collectors import inside
from net.lab import wait_for

PATIENCE = 30


def shown(address):
    return f"[{address}]" if ":" in address else address


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class UdpServer:
    """Datagrams, and from where."""

    def __init__(self, host, address="127.0.0.1", port=0):
        with inside(host):
            self.socket = socket.socket(family(address), socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((address, port))
        self.port = self.socket.getsockname()[1]
        self.url = f"ipfix+udp://{shown(address)}:{self.port}"
        self.messages, self.peers = [], set()

    def read(self, seconds=0.2):
        """All that has come, once nothing has for a while."""
        self.socket.settimeout(seconds)
        try:
            while True:
                octets, peer = self.socket.recvfrom(65536)
                self.messages.append(octets)
                self.peers.add(peer[0])
        except TimeoutError:
            return self.messages

    def close(self):
        self.socket.close()


class Connection:
    """What one connection brought, cut into messages."""

    def __init__(self):
        self.messages, self.rest, self.ended = [], b"", False

    def take(self, octets):
        self.rest += octets
        while len(self.rest) >= 4:
            length = struct.unpack_from("!H", self.rest, 2)[0]
            if length < 16 or length > len(self.rest):
                break
            self.messages.append(self.rest[:length])
            self.rest = self.rest[length:]


class TcpServer:
    """Accepts connections, TLS with `context`, and keeps what each brought."""

    def __init__(self, host, address="127.0.0.1", port=0, context=None):
        with inside(host):
            self.socket = socket.socket(family(address), socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.socket.listen()
        self.port, self.context = self.socket.getsockname()[1], context
        self.url = f"ipfix+{'tls' if context else 'tcp'}://{shown(address)}:{self.port}"
        self.connections, self.accepted, self.errors, self.open = [], [], [], []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                made, peer = self.socket.accept()
            except OSError:
                return
            self.accepted.append((peer[0], time.monotonic()))
            threading.Thread(target=self.read_one, args=(made,), daemon=True).start()

    def read_one(self, made):
        connection = Connection()
        try:
            if self.context:
                made = self.context.wrap_socket(made, server_side=True)
            self.open.append(made)
            self.connections.append(connection)
            while octets := made.recv(65536):
                connection.take(octets)
        except (OSError, ssl.SSLError) as error:
            self.errors.append(error)
        connection.ended = True
        made.close()

    @property
    def messages(self):
        return [message for connection in self.connections for message in connection.messages]

    def read(self):
        """All messages, once every connection has ended."""
        wait_for(lambda: self.connections and all(c.ended for c in self.connections), PATIENCE,
                 "the end of a connection")
        assert all(not c.rest for c in self.connections), "octets behind the last message"
        return self.messages

    def close(self):
        """As if the process had died: connections are reset."""
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(PATIENCE)
        for made in self.open:
            try:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                made.shutdown(socket.SHUT_RD)
                made.close()
            except OSError:
                pass


class Feed:
    """A live meter and the cable that it listens at: each flow is one datagram with a number of its
    own as source port, and a record within a second or two."""

    def __init__(self, program, host, sender, *arguments, **options):
        self.process = host.start(program, "meter", "-i", "eth0", "-d", "200ms", *arguments,
                                  "udp port 53", **options)
        with inside(sender):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind(("eth0", 0))
        self.next = 1
        self.await_ready()

    def await_ready(self):
        """Once the meter has its packet socket."""
        wait_for(lambda: self.process.poll() is not None or any(
            line.split()[2:4] == ["3", "0003"] for line in
            open(f"/proc/{self.process.pid}/net/packet")), what="the meter's socket")
        assert self.process.poll() is None
        time.sleep(0.2)

    def flows(self, count):
        """So many flows end; their numbers."""
        numbers = list(range(self.next, self.next + count))
        self.next += count
        for number in numbers:
            self.socket.send(craft.ether(craft.ipv4("192.0.2.1", "192.0.2.2",
                                                    craft.udp(number, 53, 20))))
        return numbers

    def end(self):
        """Stops the meter; its status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def close(self):
        self.socket.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
