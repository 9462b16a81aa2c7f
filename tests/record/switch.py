#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A tagging switch: access ports on one side, a trunk on the other.

usage: switch.py TRUNK PORT=TAGS...      TAGS: 100, or 200.31 (802.1ad 200 around 802.1Q 31)

What comes in at a port leaves the trunk with the port's tags; what comes in at the trunk with
exactly these tags leaves the port without. It does in the open what a switch's silicon does, and
needs no VLAN support of the kernel's. Slow and small: for recordings and tests.
"""
import select
import socket
import struct
import sys

ETH_P_ALL = 3
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_AUXDATA, PACKET_MR_PROMISC = 263, 1, 8, 1
PACKET_OUTGOING = 4
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 0x10, 0x40


def open_port(name):
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    port.bind((name, 0))
    port.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP,
                    struct.pack("iHH8s", socket.if_nametoindex(name), PACKET_MR_PROMISC, 0, b""))
    port.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    return port


def receive(port):
    """A frame with its tags where they were on the wire, or None for one that we sent."""
    data, control, _, address = port.recvmsg(65600, 256)
    if address[2] == PACKET_OUTGOING:
        return None
    for level, kind, value in control:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", value[:20])
            if status & TP_STATUS_VLAN_VALID:
                tpid = tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                data = data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
    return data


def stack(tags):
    """The octets of "100" or "200.31"."""
    numbers = [int(number) for number in tags.split(".")]
    kinds = [0x88A8] * (len(numbers) - 1) + [0x8100]
    return b"".join(struct.pack("!HH", kind, number) for kind, number in zip(kinds, numbers))


def main():
    trunk = open_port(sys.argv[1])
    by_port, by_tags = {}, {}
    for argument in sys.argv[2:]:
        name, tags = argument.split("=")
        port = open_port(name)
        by_port[port], by_tags[stack(tags)] = stack(tags), port
    print("ready", flush=True)
    while True:
        for port in select.select([trunk, *by_port], [], [])[0]:
            frame = receive(port)
            if frame is None:
                continue
            if port is not trunk:
                trunk.send(frame[:12] + by_port[port] + frame[12:])
                continue
            for tags, target in by_tags.items():
                if frame[12:12 + len(tags)] == tags:
                    target.send(frame[:12] + frame[12 + len(tags):])


if __name__ == "__main__":
    main()
