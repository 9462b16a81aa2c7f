#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of the fuzz targets ipfix, netflow9, netflow5 and templates: one small file for
each thing that the decoder knows. Run it in this folder; the files it makes are committed.
"""
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from golden import craft  # noqa: E402
from interop.export_writer import (REVERSE, VARIABLE, a_set, data, ip, ipfix, netflow5,  # noqa: E402
                                   netflow9, options, options9, record5, template, template9, u8,
                                   u16, u32, u64, variable, withdrawal)

FILE, STREAM, SCTP, DATAGRAMS, OPTIONS = 3, 1, 2, 0, 4
LATER, AS_IT_IS = 1, 2


def session(head, *messages):
    out = bytes([head])
    for message in messages:
        octets, how = message if isinstance(message, tuple) else (message, 0)
        out += struct.pack("!HB", len(octets), how) + octets
    return out


FLOW = template(256, (8, 4), (12, 4), (1, 4), (1, 4, REVERSE), (82, VARIABLE), (4, 1))
ROW = ip("192.0.2.1") + ip("192.0.2.2") + u32(5) + u32(6) + variable(b"eth0") + u8(6)
TYPES = template(257, *[(n, length) for n, length in (
    (276, 1), (150, 4), (152, 8), (154, 8), (156, 8), (56, 6), (27, 16), (311, 8), (311, 4),
    (434, 3), (95, 4), (1, 3), (210, 2), (8, 5))], (7, 2, 424242), (8, 4))

IPFIX = {
    "flow": session(DATAGRAMS, ipfix(FLOW, data(256, ROW, ROW, padding=2))),
    "types": session(FILE, ipfix(TYPES, data(257, bytes(range(83))))),
    "early": session(STREAM, ipfix(data(256, ROW)), ipfix(FLOW), ipfix(data(256, ROW), sequence=9)),
    "withdrawn": session(SCTP, ipfix(FLOW), ipfix(withdrawal(256)), (ipfix(data(256, ROW)), 4),
                         ipfix(withdrawal(2), withdrawal(3, set_id=3), FLOW)),
    "expired": session(DATAGRAMS, ipfix(FLOW), *[(ipfix(data(256, ROW)), LATER)] * 12),
    "options": session(DATAGRAMS | OPTIONS, ipfix(
        options(300, [(95, 4)], [(96, VARIABLE)]), data(300, u32(1) + variable(b"http")),
        template(256, (8, 4), (95, 4), (10, 4)), data(256, ip("192.0.2.1") + u32(1) + u32(2)),
        options(301, [(10, 4)], [(82, 8)]), data(301, u32(2) + b"eth2\0\0\0\0"),
        options(302, [(149, 4)], [(305, 4), (306, 4)]), data(302, u32(1) + u32(1) + u32(9)),
        data(256, ip("192.0.2.1") + u32(1) + u32(2)))),
    "properties": session(FILE, ipfix(
        options(300, [(137, 8)], [(10, 4), (82, VARIABLE)]),
        data(300, u64(1) + u32(11) + variable(b"one")), template(256, (8, 4), (137, 8)),
        data(256, ip("192.0.2.1") + u64(1), ip("192.0.2.2") + u64(2)))),
    "element_types": session(FILE, ipfix(
        options(310, [(346, 4), (303, 2)], [(339, 1), (344, 1), (341, VARIABLE)]),
        data(310, u32(424242) + u16(1) + u8(3) + u8(3) + variable(b"boxesSeen")),
        template(256, (8, 4), (1, 4, 424242)), data(256, ip("192.0.2.1") + u32(7)))),
    "list": session(FILE, ipfix(template(256, (8, 4), (291, VARIABLE)), data(
        256, ip("192.0.2.1") + variable(u8(3) + u16(6) + u16(2) + u16(2) + u16(18))))),
    "wrong_length": session(DATAGRAMS, (ipfix(FLOW, length=40), AS_IT_IS)),
    "cut_set": session(DATAGRAMS, ipfix(FLOW, data(256, ROW), b"\1\0\0\x40")),
    "cut_record": session(DATAGRAMS, ipfix(FLOW, data(256, ROW[:-6]))),
}
FLOW9 = template9(256, (8, 4), (12, 4), (22, 4), (21, 4), (10, 2), (33002, 2))
ROW9 = ip("192.0.2.1") + ip("192.0.2.2") + u32(1000) + u32(2000) + u16(3) + u16(4)
NETFLOW9 = {
    "flow": session(DATAGRAMS, netflow9(FLOW9, a_set(256, ROW9, ROW9, padding=2))),
    "options": session(DATAGRAMS | OPTIONS, netflow9(
        options9(300, [(2, 2)], [(82, 8)]), a_set(300, u16(3) + b"Gi0/3\0\0\0"), FLOW9,
        a_set(256, ROW9), options9(301, [(1, 4)], [(48, 1), (50, 2)]),
        a_set(301, u32(0) + u8(1) + u16(100)))),
    "restart": session(DATAGRAMS, netflow9(FLOW9, sequence=9), netflow9(a_set(256, ROW9), uptime=5)),
    "zeros": session(DATAGRAMS, netflow9(FLOW9, bytes(40))),
}
NETFLOW5 = {
    "flow": session(DATAGRAMS, netflow5(record5(), record5(), engine=(1, 2), sampling=1 << 14 | 9),
                    netflow5(record5(), sequence=2)),
    "none": session(DATAGRAMS, netflow5()),
    "short": session(DATAGRAMS, (netflow5(record5(), count=9), AS_IT_IS)),
}
DEFINE, WITHDRAW, ALL, DATA, TIME = 0, 1, 2, 3, 5
TEMPLATES = {
    name: bytes([head]) + b"".join(bytes([what + 8 * which, amount])
                                   for what, which, amount in steps)
    for name, head, steps in (
        ("early", STREAM, [(DATA, 0, 9), (DATA, 0, 3), (DEFINE, 0, 1), (DATA, 0, 7)]),
        ("withdrawn", SCTP, [(DEFINE, 1, 2), (DATA, 1, 8), (WITHDRAW, 1, 0), (DATA, 1, 8),
                             (DEFINE, 1, 3), (ALL, 0, 0), (DATA, 1, 5)]),
        ("expired", DATAGRAMS, [(DEFINE, 2, 1), (TIME, 0, 6), (DATA, 2, 4), (TIME, 0, 6),
                                (DATA, 2, 4), (DEFINE, 2, 1), (WITHDRAW, 2, 0), (DATA, 2, 4)]),
        ("replaced", FILE, [(DEFINE, 3, 1), (DATA, 3, 30), (DEFINE, 3, 4), (DATA, 3, 30)]))}

for folder, seeds in (("ipfix", IPFIX), ("netflow9", NETFLOW9), ("netflow5", NETFLOW5),
                      ("templates", TEMPLATES)):
    Path(folder).mkdir(exist_ok=True)
    for name, octets in seeds.items():
        (Path(folder) / name).write_bytes(octets)
# Captures of export traffic, for the whole collector.
def captured(*packets):
    frames = [craft.ether(packet) for packet in packets]
    return craft.pcap([(craft.BASE_NS + n * 10**6, frame, len(frame))
                       for n, frame in enumerate(frames)])


def pieces(octets):
    datagram = craft.udp(40000, 4739, payload=octets)
    return [craft.ipv4("203.0.113.1", "203.0.113.2", datagram[at:at + 40], craft.UDP,
                       identification=7, offset=at, more=at + 40 < len(datagram))
            for at in range(0, len(datagram), 40)]


def segments(octets, flags=craft.ACK, first=100):
    return [craft.ipv4("203.0.113.1", "203.0.113.2", craft.Part(
        bytes(craft.tcp(40000, 4739, flags, sequence=first + at)) + octets[at:at + 50], craft.TCP))
            for at in range(0, max(1, len(octets)), 50)]


WHOLE = ipfix(FLOW, data(256, ROW, ROW, ROW))
COLLECT = {
    "datagram": captured(craft.ipv4("203.0.113.1", "203.0.113.2",
                                    craft.udp(40000, 2055, payload=netflow5(record5())))),
    "fragments": captured(*reversed(pieces(WHOLE))),
    "stream": captured(*segments(b"", craft.SYN, 99), *segments(WHOLE),
                       *segments(b"", craft.FIN, 100 + len(WHOLE))),
    "out_of_order": captured(*segments(b"", craft.SYN, 99), *reversed(segments(WHOLE))),
    "lost": captured(*segments(WHOLE)[:2], *segments(WHOLE, first=1000)),
    "messages": WHOLE + netflow5(record5()) + netflow9(FLOW9, a_set(256, ROW9)),
}
for name, octets in COLLECT.items():
    Path("collect").mkdir(exist_ok=True)
    (Path("collect") / name).write_bytes(octets)

# Files of messages, as the capture room cuts them.
for name, octets in (("export-ipfix", ipfix(FLOW) + ipfix(data(256, ROW))),
                     ("export-netflow9", netflow9(FLOW9) + netflow9(a_set(256, ROW9), bytes(8))),
                     ("export-netflow5", netflow5(record5()) + netflow5(record5(), record5())),
                     ("export-cut", ipfix(FLOW)[:-3])):
    (Path("capture") / name).write_bytes(octets)
