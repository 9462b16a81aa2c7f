# SPDX-License-Identifier: Apache-2.0
"""tshark as an oracle: its per-packet fields, put together by key here.

tshark is asked for the fields of each packet, with reassembly off. What of them is the outer packet
(and not a tunnel's or an ICMP error's quotation) is told by frame.protocols; the key rules (VLAN
stack, ICMP pairs, fragments of one datagram) are those of docs/semantics.md.
"""
import ipaddress
import re
import subprocess
from collections import namedtuple
from decimal import Decimal

import compare

NAMES = """frame.time_epoch frame.len frame.cap_len frame.protocols vlan.id ieee8021ad.id
ip.src ip.dst ip.len ip.proto ip.id ip.frag_offset ip.flags.mf
ipv6.src ipv6.dst ipv6.plen ipv6.nxt ipv6.hopopts.nxt ipv6.routing.nxt ipv6.fraghdr.nxt
ipv6.dstopts.nxt ipv6.fraghdr.ident ipv6.fraghdr.offset ipv6.fraghdr.more ah.next_header
tcp.srcport tcp.dstport udp.srcport udp.dstport sctp.srcport sctp.dstport dccp.srcport dccp.dstport
icmp.type icmp.code icmpv6.type icmpv6.code""".split()
OPTIONS = ["-n", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
           "-o", "tcp.desegment_tcp_streams:FALSE"]
PORTS = {6: "tcp", 17: "udp", 136: "udp", 132: "sctp", 33: "dccp"}
NEXT = {0: "ipv6.hopopts.nxt", 43: "ipv6.routing.nxt", 60: "ipv6.dstopts.nxt", 51: "ah.next_header"}
TAGS = {"vlan": "vlan.id", "ieee8021ad": "ieee8021ad.id"}

Flow = namedtuple("Flow", "totals first last source")


class Row:
    """One packet: lists of values by field name, taken from the front as headers are walked."""

    def __init__(self, line):
        self.values = {name: text.split(",") if text else []
                       for name, text in zip(NAMES, line.split("\t"))}

    def take(self, name, default=None):
        values = self.values[name]
        return values.pop(0) if values else default

    def number(self, name, default=0):
        return int(self.take(name, str(default)), 0)


def lines(capture, names, *options):
    """The values of these fields, a line a packet, with tabs between them."""
    command = ["tshark", *options, "-r", str(capture), "-T", "fields"]
    for name in names:
        command += ["-e", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          text=True)
    return done.stdout.splitlines()


def rows(capture):
    return [Row(line) for line in lines(capture, NAMES, *OPTIONS, "-E", "occurrence=a")]


def time_ns(row):
    return int(Decimal(row.take("frame.time_epoch")) * 10**9)


class Oracle:
    """Flows by undirected key, each with totals ([0] sent by the lower end), times, first
    sender."""

    def __init__(self, capture):
        self.flows, self.packets, self.metered, self.octets = {}, 0, 0, 0
        self.datagrams = {}
        for row in rows(capture):
            self.packets += 1
            self.octets += row.number("frame.len")
            packet = self.outer(row)
            if packet:
                self.metered += 1
                self.add(*packet)

    def outer(self, row):
        now = time_ns(row)
        layers = row.take("frame.protocols", "").split(":")
        first = next((number for number, name in enumerate(layers) if name in ("ip", "ipv6")), None)
        if first is None:
            return None
        tags = [row.number(TAGS[name]) for name in layers[:first] if name in TAGS]
        vlans = tuple(tag for tag in tags if tag)[:2]
        return (self.ipv4 if layers[first] == "ip" else self.ipv6)(row, now, vlans)

    def ipv4(self, row, now, vlans):
        source, destination = row.take("ip.src"), row.take("ip.dst")
        if source is None:
            return None
        octets, protocol = row.number("ip.len"), row.number("ip.proto")
        offset, more = row.number("ip.frag_offset"), row.take("ip.flags.mf") in ("1", "True")
        datagram = (vlans, source, destination, row.number("ip.id"), protocol)
        return self.packet(row, now, vlans, source, destination, octets, protocol,
                           (datagram, offset, more))

    def ipv6(self, row, now, vlans):
        source, destination = row.take("ipv6.src"), row.take("ipv6.dst")
        if source is None:
            return None
        octets, protocol = row.number("ipv6.plen") + 40, row.number("ipv6.nxt")
        fragment = (None, 0, False)
        while protocol in NEXT or protocol == 44:
            if protocol == 44:
                datagram = (vlans, source, destination, row.take("ipv6.fraghdr.ident"))
                fragment = (datagram, row.number("ipv6.fraghdr.offset"),
                            row.take("ipv6.fraghdr.more") in ("1", "True"))
                protocol = row.number("ipv6.fraghdr.nxt")
                if fragment[1]:
                    break
            elif (following := row.take(NEXT[protocol])) is not None:
                protocol = int(following)
            else:
                break
        return self.packet(row, now, vlans, source, destination, octets, protocol, fragment)

    def packet(self, row, now, vlans, source, destination, octets, protocol, fragment):
        datagram, offset, more = fragment
        ports, kind = (0, 0), None
        if offset:
            known = self.datagrams.get(datagram)
            if known and now - known[0] <= 30 * 10**9:
                _, protocol, ports, kind = known
        else:
            while protocol == 51 and row.values["ah.next_header"]:
                protocol = row.number("ah.next_header")
            ports, kind = self.transport(row, protocol)
        if more and not offset:
            self.datagrams[datagram] = now, protocol, ports, kind
        return now, vlans, source, destination, octets, protocol, ports, kind

    @staticmethod
    def transport(row, protocol):
        if protocol in PORTS:
            name = PORTS[protocol]
            return (row.number(name + ".srcport"), row.number(name + ".dstport")), None
        name = {1: "icmp", 58: "icmpv6"}.get(protocol)
        if name and row.values[name + ".type"]:
            return (0, 0), row.number(name + ".type") << 8 | row.number(name + ".code")
        return (0, 0), None

    def add(self, now, vlans, source, destination, octets, protocol, ports, kind):
        family = 6 if ":" in source else 4
        record = {"sourceIPv%dAddress" % family: source,
                  "destinationIPv%dAddress" % family: destination,
                  "sourceTransportPort": ports[0], "destinationTransportPort": ports[1],
                  "protocolIdentifier": protocol, "vlanId": vlans[0] if vlans else 0,
                  "dot1qCustomerVlanId": vlans[1] if len(vlans) > 1 else None}
        if kind is not None:
            record["icmpTypeCodeIPv%d" % family] = kind
        key, swapped = compare.end_points(record)
        counts = (0, 0, 1, octets) if swapped else (1, octets, 0, 0)
        old = self.flows.get(key)
        if old is None:
            self.flows[key] = Flow(compare.Totals(*counts), now, now,
                                   canonical_end(source, ports[0]))
        else:
            self.flows[key] = Flow(compare.Totals(*(a + b for a, b in zip(old.totals, counts))),
                                   min(old.first, now), max(old.last, now), old.source)


def canonical_end(address, port):
    return str(ipaddress.ip_address(address)), port


def version():
    text = subprocess.run(["tshark", "--version"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL,
                          text=True, check=False).stdout
    return re.search(r"\d+\.\d+\.\d+", text).group()
