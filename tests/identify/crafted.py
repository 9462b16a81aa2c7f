# SPDX-License-Identifier: Apache-2.0
"""Crafted captures: connections of a few packets, and what goes over them."""
from scapy.all import DNS, DNSQR, IP, TCP, UDP, Ether, IPv6, Raw, wrpcap

CLIENT, SERVER, STRANGER = "192.0.2.9", "192.0.2.1", "198.51.100.7"
DATA = bytes((i * 73 + 11) % 251 for i in range(400))   # that no dissector knows
LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
LOGIN = ["<220 ready\r\n", ">USER a\r\n", "<331 password\r\n", ">PASS b\r\n", "<230 in\r\n"]


def tls_hello(host):
    """A ClientHello that asks for a host."""
    name = host.encode()
    entry = b"\0" + len(name).to_bytes(2, "big") + name
    names = len(entry).to_bytes(2, "big") + entry
    extensions = b"\0\0" + len(names).to_bytes(2, "big") + names
    body = (b"\x03\x03" + bytes(range(32)) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0" +
            len(extensions).to_bytes(2, "big") + extensions)
    hello = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(hello).to_bytes(2, "big") + hello


def http_request(host):
    name = host if isinstance(host, bytes) else host.encode()
    return b"GET / HTTP/1.1\r\nHost: " + name + b"\r\nUser-Agent: probe/1.0\r\n\r\n"


class Wire:
    """Packets in order, a tenth of a second apart."""
    def __init__(self, link=LINK):
        self.packets = []
        self.now = 1_700_000_000.0
        self.link = link

    def send(self, layers, payload=b"", wait=0.1):
        network = IPv6 if ":" in layers[0] else IP
        source, destination, transport = layers
        packet = self.link / network(src=source, dst=destination) / transport
        packet = packet / Raw(payload) if payload else packet
        packet.time = self.now
        self.now += wait
        self.packets.append(packet)

    def connect(self, client, server, port, local):
        self.send((client, server, TCP(sport=local, dport=port, flags="S", seq=1)))
        self.send((server, client, TCP(sport=port, dport=local, flags="SA", seq=1, ack=2)))
        self.send((client, server, TCP(sport=local, dport=port, flags="A", seq=2, ack=2)))

    def transfer(self, client, server, port, local=50123, data=DATA):
        self.connect(client, server, port, local)
        self.send((server, client, TCP(sport=port, dport=local, flags="PA", seq=2, ack=2)), data)

    def control(self, lines, client=CLIENT, server=SERVER, port=21, local=40000):
        """Lines of a control connection: '>' is the client's."""
        self.connect(client, server, port, local)
        for line in lines:
            ends = (client, server, TCP(sport=local, dport=port, flags="PA", seq=2, ack=2))
            if line[0] == "<":
                ends = (server, client, TCP(sport=port, dport=local, flags="PA", seq=2, ack=2))
            self.send(ends, line[1:].encode())

    def ask(self, client, server, port, local, request):
        """A connection with a request of the client's, left open."""
        self.connect(client, server, port, local)
        self.send((client, server, TCP(sport=local, dport=port, flags="PA", seq=2, ack=2)), request)

    def look_up(self, client, resolver, local, host):
        question = DNSQR(qname=host)
        for source, destination, ports, answer in [
                (client, resolver, (local, 53), 0), (resolver, client, (53, local), 1)]:
            self.send((source, destination, UDP(sport=ports[0], dport=ports[1])),
                      bytes(DNS(id=local, rd=1, qr=answer, qd=question)))

    def write(self, path):
        wrpcap(str(path), self.packets)
        return path
