# SPDX-License-Identifier: Apache-2.0
"""The workload with payload: whole captures, one packet of each in turn, again and again, with
other addresses each time, so that every copy is new flows of the same applications.

    payload.py FILE PACKETS CAPTURE...      prints packets=N octets=N

Ethernet with IPv4 or IPv6 only; what is anything else is left out. Of addresses the last 16 bits
change, so that networks stay what they are. One packet a microsecond.
"""
import struct
import sys
from pathlib import Path

FIRST_SECOND, ETHERNET = 1_700_000_000, 1
FILE_HEAD = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, ETHERNET)
IPV4, IPV6, VLANS = 0x0800, 0x86dd, (0x8100, 0x88a8)
SCATTER = 40503                 # odd: each copy below 65,536 gets bits of its own


def blocks(data, at=0):
    """(type, body) of the blocks of a pcapng file of this machine's byte order."""
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if length < 12:
            return
        yield kind, data[at + 8:at + length - 4]
        at += length


def pcapng_frames(data):
    link = None
    for kind, body in blocks(data):
        if kind == 1:
            link = struct.unpack_from("<H", body)[0]
        elif kind == 6 and link == ETHERNET:
            captured = struct.unpack_from("<I", body, 12)[0]
            yield body[20:20 + captured]


def pcap_frames(data):
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">",
             b"\xa1\xb2\x3c\x4d": ">"}.get(data[:4])
    if not order or struct.unpack_from(order + "I", data, 20)[0] != ETHERNET:
        return
    at = 24
    while at + 16 <= len(data):
        captured, length = struct.unpack_from(order + "II", data, at + 8)
        if captured == length:
            yield data[at + 16:at + 16 + captured]
        at += 16 + captured


def frames_of(path):
    data = Path(path).read_bytes()
    return pcapng_frames(data) if data[:4] == b"\n\r\r\n" else pcap_frames(data)


def addresses_of(frame):
    """(offset, octets) of the source address and the octets that IP has; None: no IP."""
    at = 12
    while len(frame) >= at + 4 and struct.unpack_from(">H", frame, at)[0] in VLANS:
        at += 4
    kind = struct.unpack_from(">H", frame, at)[0] if len(frame) >= at + 2 else 0
    if kind == IPV4 and len(frame) >= at + 22:
        return at + 14, 4, struct.unpack_from(">H", frame, at + 4)[0]
    if kind == IPV6 and len(frame) >= at + 42:
        return at + 10, 16, struct.unpack_from(">H", frame, at + 6)[0] + 40
    return None


def load(paths):
    """Lists of (frame, source, octets of an address, octets of IP), one a capture."""
    captures = []
    for path in paths:
        found = [(frame, addresses_of(frame)) for frame in frames_of(path)]
        captures.append([(frame, *where) for frame, where in found if where])
    return [capture for capture in captures if capture]


def in_turn(captures):
    """One packet of each capture in turn, until all are through."""
    for number in range(max(map(len, captures))):
        yield from (capture[number] for capture in captures if number < len(capture))


def readdressed(frame, source, width, change):
    new = bytearray(frame)
    for tail in (source + width - 2, source + 2 * width - 2):
        value = struct.unpack_from(">H", new, tail)[0] ^ change
        struct.pack_into(">H", new, tail, value)
    return new


def write(path, packets, captures):
    """Writes the workload; (packets, octets of IP)."""
    order, octets, number = list(in_turn(captures)), 0, 0
    with open(path, "wb") as out:
        out.write(FILE_HEAD)
        while number < packets:
            change = number // len(order) * SCATTER & 0xffff
            for frame, source, width, ip in order[:packets - number]:
                second, micro = divmod(number, 1_000_000)
                out.write(struct.pack("<IIII", FIRST_SECOND + second, micro, len(frame),
                                      len(frame)))
                out.write(readdressed(frame, source, width, change))
                number += 1
                octets += ip
    return number, octets


def main(arguments):
    packets, octets = write(arguments[0], int(arguments[1]), load(arguments[2:]))
    print(f"packets={packets} octets={octets}")


if __name__ == "__main__":
    main(sys.argv[1:])
