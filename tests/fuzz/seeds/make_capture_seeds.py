#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of the fuzz targets capture, pcap and pcapng: one small file for each thing that
the readers know. Run it in this folder; the files it makes are committed.
"""
import gzip
import struct
import subprocess
from pathlib import Path

FRAME = bytes.fromhex("020000000002020000000001080045000021000100004011f9c90a0000010a000002"
                      "03e80035000d0000") + b"hello"


def record(order, seconds, fraction, data, wire=None, more=b""):
    head = struct.pack(order + "IIII", seconds, fraction, len(data), wire or len(data))
    return head + more + data


def pcap(order, magic, link=1, snaplen=65535, more=b""):
    head = struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, snaplen, link)
    return head + b"".join(record(order, 1700000000 + i, 999999 + i, FRAME[:47 - i], 60, more)
                           for i in range(3))


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order):
    return block(order, 0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1))


def interface(order, link=1, snaplen=65535, options=b""):
    return block(order, 1, struct.pack(order + "HHI", link, 0, snaplen) + options)


def enhanced(order, number, ticks, data=FRAME, wire=60, options=b""):
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xffffffff, len(data), wire)
    return block(order, 6, head + data + bytes(-len(data) % 4) + options)


def pcapng(order):
    flags = option(order, 2, struct.pack(order + "I", 2 | 4 << 5)) + option(order, 0, b"")
    nanoseconds = option(order, 9, b"\x09") + option(order, 2, b"eth0") + option(order, 13, b"\x04")
    binary = option(order, 9, b"\x9e") + option(order, 14, struct.pack(order + "q", -5))
    return (section(order) + interface(order) + interface(order, 101, 0, nanoseconds) +
            interface(order, 113, 64, binary) + enhanced(order, 0, 1700000000000000) +
            enhanced(order, 1, 1700000000 * 10**9, FRAME[:33], 60, flags) +
            enhanced(order, 2, 1700000000 << 30) +
            block(order, 3, struct.pack(order + "I", 47) + FRAME) +
            block(order, 2, struct.pack(order + "HHIIII", 1, 0, 0, 5, 47, 60) + FRAME) +
            block(order, 5, struct.pack(order + "III", 0, 0, 0)) + block(order, 0xbad, b"?"))


def main():
    seeds = {
        "pcap/us-little": pcap("<", 0xa1b2c3d4),
        "pcap/us-big": pcap(">", 0xa1b2c3d4),
        "pcap/ns-little": pcap("<", 0xa1b23c4d, 113),
        "pcap/ns-big": pcap(">", 0xa1b23c4d, 101),
        "pcap/modified": pcap("<", 0xa1b2cd34, more=bytes.fromhex("0200000008000400")),
        "pcap/fcs": pcap("<", 0xa1b2c3d4, 0x24000001),
        "pcap/large-snaplen": pcap("<", 0xa1b2c3d4, snaplen=0xffffffff),
        "pcap/cut": pcap("<", 0xa1b2c3d4)[:-7],
        "pcapng/little": pcapng("<"),
        "pcapng/big": pcapng(">"),
        "pcapng/sections": pcapng("<") + pcapng(">"),
        "pcapng/cut": pcapng("<")[:-7],
    }
    plain, sections = seeds["pcap/us-little"], seeds["pcapng/sections"]
    Path("plain.tmp").write_bytes(sections)
    zstd = subprocess.run(["zstd", "-q", "-c", "plain.tmp"], capture_output=True, check=True).stdout
    Path("plain.tmp").unlink()
    seeds |= {
        "capture/pcap": plain,
        "capture/pcapng": sections,
        "capture/gzip": gzip.compress(plain, mtime=0),
        "capture/gzip-members": b"".join(gzip.compress(part, mtime=0)
                                         for part in (plain[:90], plain[90:])),
        "capture/gzip-padded": gzip.compress(plain, mtime=0) + bytes(9),
        "capture/gzip-cut": gzip.compress(sections, mtime=0)[:-20],
        "capture/zstd": zstd,
        "capture/zstd-frames": zstd + b"\x50\x2a\x4d\x18\x02\0\0\0ab" + zstd,
        "capture/zstd-cut": zstd[:-9],
        "capture/text": b"no capture at all\n",
    }
    for name, octets in seeds.items():
        Path(name).write_bytes(octets)


if __name__ == "__main__":
    main()
