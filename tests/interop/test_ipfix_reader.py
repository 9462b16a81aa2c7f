# SPDX-License-Identifier: Apache-2.0
"""The reader that judges weir's messages is judged first, on octets made here and wrong ones among
them."""
import struct

import pytest

from interop.ipfix_reader import Malformed, Session


def message(*sets, sequence=0, time=1700000000, domain=1):
    body = b"".join(struct.pack("!HH", number, 4 + len(octets)) + octets for number, octets in sets)
    return struct.pack("!HHIII", 10, 16 + len(body), time, sequence, domain) + body


def template(number, *fields, scope=None):
    head = struct.pack("!HH", number, len(fields))
    head += b"" if scope is None else struct.pack("!H", scope)
    return head + b"".join(
        struct.pack("!HH", f[0] | (0x8000 if len(f) > 2 else 0), f[1]) +
        (struct.pack("!I", f[2]) if len(f) > 2 else b"") for f in fields)


PORTS = (2, template(256, (7, 2), (11, 2)))


def read(*messages):
    session = Session()
    for octets in messages:
        session.message(octets)
    return session


def test_values_by_name():
    session = read(message(
        (2, template(300, (8, 4), (1, 8), (1, 8, 29305), (96, 65535), (5, 2, 32473),
                     (0x4005, 2, 32473), (152, 8), (154, 8))),
        (300, bytes([192, 0, 2, 1]) + struct.pack("!QQ", 10, 20) + b"\3dns" + b"\0\1\0\2" +
         struct.pack("!Q", 1700000000123) + struct.pack("!II", 1700000000 + 2208988800, 1 << 31))))
    record, = session.records
    assert record.values == [
        ("sourceIPv4Address", "192.0.2.1"), ("octetDeltaCount", 10),
        ("reverse octetDeltaCount", 20), ("applicationName", "dns"),
        ("e32473id5", b"\0\1"), ("reverse e32473id5", b"\0\2"),
        ("flowStartMilliseconds", 1700000000123), ("flowStartMicroseconds", 1700000000500000)]


def test_long_strings_and_padding():
    session = read(message((2, template(256, (7, 2), (82, 65535)) + bytes(2)),
                           (256, b"\0\1\xff\1\0" + b"x" * 256 + bytes(1))))
    assert session.records[0]["interfaceName"] == "x" * 256


def test_options():
    session = read(message((3, template(257, (10, 4), (82, 65535), scope=1)),
                           (257, b"\0\0\0\2\4eth0")))
    assert session.options[0].scope == 1 and not session.records
    assert session.expected[1] == 1


def test_sequence_wraps():
    record = (256, bytes(4))
    read(message(PORTS, (256, bytes(8)), sequence=0xffffffff), message(record, sequence=1))
    with pytest.raises(Malformed, match="sequence 2, expected 1"):
        read(message(PORTS, record), message(record, sequence=2))


@pytest.mark.parametrize("octets, what", [
    (message(PORTS)[:-1], "length"),
    (b"\0\x09" + message(PORTS)[2:], "version 9"),
    (message((256, bytes(4))), "without a template"),
    (message((7, bytes(4))), "set id 7"),
    (message(PORTS, (256, b"")), "set 256 of 4 octets"),
    (message(PORTS, (256, bytes(4) + b"\1")), "padding"),
    (message((2, template(255, (7, 2)))), "template 255"),
    (message((2, template(256))), "template 256 of 0 fields"),
    (message((3, template(256, (7, 2), scope=0))), "0 of them scope"),
    (message((2, template(256, (8, 3)))), "sourceIPv4Address of 3 octets"),
    (message((2, template(256, (7, 2), (239, 1, 29305)))), "reverse of element 239"),
    (message((2, template(256, (58, 2), (1, 8, 29305)))), "directional key"),
    (message((2, template(256, (154, 8))), (256, bytes(4) + b"\0\0\0\1")), "microseconds"),
    (message((2, template(256, (276, 1))), (256, b"\0")), "boolean"),
    (message((2, template(256, (96, 65535))), (256, b"\2\xc3\x28")), "string"),
    (message((2, template(256, (96, 65535))), (256, b"\5abc")), "octets wanted"),
])
def test_what_is_refused(octets, what):
    with pytest.raises(Malformed, match=what):
        read(octets)
