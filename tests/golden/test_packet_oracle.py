# SPDX-License-Identifier: Apache-2.0
"""The packet parser against tshark, packet by packet, on every capture there is.

A small program (tests/unit/packet/dump_packets.c, compiled here) prints what the parser makes of
each frame; tshark prints the fields of all headers. Which of them are the metered packet's, and
what the rules of docs/semantics.md make of them (ICMP pairs, fragments, length 0), is worked out
here. Captures are those of share/captures and WEIR_DATA.
"""
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("WEIR_DATA") or ROOT / ".." / "shared" / "data").resolve()
FOLDERS = [ROOT / "share" / "captures", DATA]
CAPTURES = sorted(path for folder in FOLDERS if folder.is_dir() for path in folder.rglob("*")
                  if path.suffix in (".pcap", ".pcapng", ".cap"))

FIELDS = """frame.protocols frame.len vlan.id ieee8021ad.id
ip.src ip.dst ip.len ip.proto ip.id ip.frag_offset ip.flags.mf
ipv6.src ipv6.dst ipv6.plen ipv6.nxt ipv6.hopopts.nxt ipv6.routing.nxt ipv6.fraghdr.nxt
ipv6.dstopts.nxt ipv6.fraghdr.ident ipv6.fraghdr.offset ipv6.fraghdr.more ah.next_header
tcp.srcport tcp.dstport tcp.flags tcp.hdr_len udp.srcport udp.dstport sctp.srcport sctp.dstport
icmp.type icmp.code icmpv6.type icmpv6.code""".split()
OPTIONS = ["-n", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
           "-o", "tcp.desegment_tcp_streams:FALSE"]
CHAIN = {0: "ipv6.hopopts.nxt", 43: "ipv6.routing.nxt", 60: "ipv6.dstopts.nxt",
         51: "ah.next_header"}
PORTS = {6: "tcp", 17: "udp", 132: "sctp"}
PAIRS = {1: {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17, 10: 9, 9: 10},
         58: {128: 129, 129: 128, 130: 131, 131: 130, 133: 134, 134: 133, 135: 136, 136: 135,
              139: 140, 140: 139, 144: 145, 145: 144}}
LINK_OCTETS = {"eth": 14, "sll": 16, "vlan": 4, "ieee8021ad": 4}
# What ICMP errors quote are no headers of the packet.
QUOTED = ("icmp", "icmpv6")


class Walk:
    """The headers of one frame: values are taken from the front of each field's list."""

    def __init__(self, line):
        self.lists = {name: text.split(",") if text else []
                      for name, text in zip(FIELDS, line.rstrip("\n").split("\t"))}
        self.layers = ":".join(self.lists["frame.protocols"]).split(":")
        self.octets = int(self.lists["frame.len"][0])

    def take(self, name, default="0"):
        values = self.lists[name]
        return values.pop(0) if values else default

    def number(self, name):
        text = self.take(name)
        return {"True": 1, "False": 0}.get(text) if text in ("True", "False") else int(text, 0)


def tshark(capture):
    command = ["tshark", *OPTIONS, "-r", str(capture), "-T", "fields", "-E", "occurrence=a"]
    for name in FIELDS:
        command += ["-e", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=False)
    return [Walk(line) for line in done.stdout.splitlines()]


def ip_layers(walk):
    """Positions of the IP headers that were sent, in order: those that ICMP quotes are not."""
    end = next((i for i, name in enumerate(walk.layers) if name in QUOTED), len(walk.layers))
    return [i for i, name in enumerate(walk.layers[:end]) if name in ("ip", "ipv6")]


def expect(walk, datagrams, tunnels):
    """(source, destination, protocol, ports, octets, flags, VLAN ids), or None without IP."""
    places = ip_layers(walk)
    if not places:
        return None
    found = None
    for place in places if tunnels else places[:1]:
        found = read_ip(walk, place, datagrams)
    first = walk.layers[:places[-1 if tunnels and "eth" in walk.layers[2:] else 0]]
    tags = [walk.number("vlan.id" if name == "vlan" else "ieee8021ad.id") for name in first
            if name in ("vlan", "ieee8021ad")]
    tags = [tag for tag in tags if tag] + [0, 0]
    return (*found, *tags[:2])


def read_ip(walk, place, datagrams):
    offset = sum(LINK_OCTETS.get(name, 0) for name in walk.layers[:place])
    if walk.layers[place] == "ip":
        source, destination = walk.take("ip.src"), walk.take("ip.dst")
        octets, protocol = walk.number("ip.len"), walk.number("ip.proto")
        fragment = (walk.number("ip.frag_offset"), walk.number("ip.flags.mf"))
        datagram = (source, destination, walk.number("ip.id"), protocol)
        if octets == 0:         # segmentation offload: what the wire length says remains
            octets = walk.octets - offset
    else:
        source, destination = walk.take("ipv6.src"), walk.take("ipv6.dst")
        octets, protocol = walk.number("ipv6.plen") + 40, walk.number("ipv6.nxt")
        fragment, datagram = (0, 0), None
        while protocol in CHAIN or protocol == 44:
            if protocol != 44:
                protocol = walk.number(CHAIN[protocol])
                continue
            datagram = (source, destination, walk.take("ipv6.fraghdr.ident"), 44)
            fragment = (walk.number("ipv6.fraghdr.offset"), walk.number("ipv6.fraghdr.more"))
            protocol = walk.number("ipv6.fraghdr.nxt")
            if fragment[0]:
                break
    later, more = fragment
    if later:
        protocol, ports = datagrams.get(datagram, (protocol, (0, 0)))
        return source, destination, protocol, ports, octets, 0
    ports, flags = read_transport(walk, protocol)
    if more:
        datagrams[datagram] = protocol, ports
    return source, destination, protocol, ports, octets, flags


def read_transport(walk, protocol):
    if protocol in PORTS:
        name = PORTS[protocol]
        flags = 0
        if protocol == 6:       # tshark stops before the flags of a header that is under 20 octets
            flags = walk.number("tcp.flags") & 0xfff if walk.number("tcp.hdr_len") >= 20 else None
        return (walk.number(name + ".srcport"), walk.number(name + ".dstport")), flags
    if protocol in PAIRS:
        name = "icmp" if protocol == 1 else "icmpv6"
        kind, code = walk.number(name + ".type"), walk.number(name + ".code")
        if kind in PAIRS[protocol]:
            return (kind, PAIRS[protocol][kind]), 0
        return (kind << 8 | code, 0xffff), 0
    return (0, 0), 0


@pytest.fixture(scope="session")
def dump(tmp_path_factory):
    if not shutil.which("tshark"):
        pytest.skip("no tshark")
    program = tmp_path_factory.mktemp("dump") / "dump_packets"
    sources = [ROOT / "tests/unit/packet/dump_packets.c", ROOT / "src/base/error.c",
               *sorted((ROOT / "src/packet").glob("*.c"))]
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu17", "-D_GNU_SOURCE", "-O1",
                    "-I", ROOT / "src", *sources, "-lpcap", "-o", program], check=True)

    def run(capture, *arguments):
        done = subprocess.run([program, *arguments, capture], stdout=subprocess.PIPE, text=True,
                              check=False)
        assert done.returncode in (0, 1), "the fast path differs from the reference"
        return [line.split("\t") for line in done.stdout.splitlines()]
    return run


def found(line):
    if line[0] != "metered":
        return None
    protocol, source_port, destination_port, octets, outer, inner = map(int, line[3:9])
    return (line[1], line[2], protocol, (source_port, destination_port), octets, int(line[11]),
            outer, inner)


def same(packet, expected):
    """None in what is expected: tshark does not say."""
    if packet is None or expected is None:
        return packet is expected
    return all(theirs is None or ours == theirs for ours, theirs in zip(packet, expected))


def test_a_planted_difference_is_seen():
    packet = ("10.0.0.1", "10.0.0.2", 6, (1, 2), 40, 2, 0, 0)
    assert same(packet, packet) and same(packet, (*packet[:5], None, 0, 0)) and same(None, None)
    assert not same(packet, None) and not same(None, packet)
    for place in range(len(packet)):
        assert not same(packet, (*packet[:place], "other", *packet[place + 1:]))


@pytest.mark.parametrize("tunnels", [False, True], ids=["outer", "tunnels"])
@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.parent.name + "-" + path.name)
def test_every_packet(dump, capture, tunnels):
    arguments = ["--tunnels"] if tunnels else []
    lines = dump(capture, *arguments)
    walks, datagrams = tshark(capture), {}
    assert len(lines) == len(walks)
    wrong = []
    for number, (line, walk) in enumerate(zip(lines, walks), 1):
        protocols = ":".join(walk.layers)
        expected = expect(walk, datagrams, tunnels)
        if not same(found(line), expected):
            wrong.append("frame %d (%s): found %s, tshark %s"
                         % (number, protocols, line, expected))
    assert not wrong, "%d of %d packets differ:\n%s" % (len(wrong), len(lines),
                                                        "\n".join(wrong[:10]))
