# SPDX-License-Identifier: Apache-2.0
"""Export messages by hand: IPFIX, NetFlow v9 and v5, each octet from the RFCs, none from weir.

    ipfix(template(256, (8, 4), (1, 8)), data(256, ip("192.0.2.1"), u64(5)))

A field is (id, length), or (id, length, enterprise); VARIABLE is the length of variable ones. Sets
are octets, so a test can damage what it likes.
"""
import ipaddress
import struct

VARIABLE = 65535
REVERSE = 29305                         # RFC 5103
EXPORT_TIME = 1_700_000_000


def u8(value):
    return struct.pack("!B", value)


def u16(value):
    return struct.pack("!H", value)


def u32(value):
    return struct.pack("!I", value)


def u64(value):
    return struct.pack("!Q", value)


def ip(text):
    return ipaddress.ip_address(text).packed


def variable(octets, long=False):
    """RFC 7011, section 7; with `long` the form of three octets even where one would do."""
    if len(octets) < 255 and not long:
        return u8(len(octets)) + octets
    return b"\xff" + u16(len(octets)) + octets


def fixed(text, length):
    return text.encode().ljust(length, b"\0")


def a_set(set_id, *records, padding=0):
    body = b"".join(records) + bytes(padding)
    return struct.pack("!HH", set_id, 4 + len(body)) + body


def field(spec):
    element, length, *enterprise = spec
    if enterprise:
        return struct.pack("!HHI", element | 0x8000, length, enterprise[0])
    return struct.pack("!HH", element, length)


def template_record(template_id, *fields):
    return struct.pack("!HH", template_id, len(fields)) + b"".join(map(field, fields))


def options_record(template_id, scopes, fields):
    every = list(scopes) + list(fields)
    return (struct.pack("!HHH", template_id, len(every), len(scopes))
            + b"".join(map(field, every)))


def template(template_id, *fields):
    return a_set(2, template_record(template_id, *fields))


def options(template_id, scopes, fields):
    return a_set(3, options_record(template_id, scopes, fields))


def withdrawal(template_id, set_id=2):
    return a_set(set_id, struct.pack("!HH", template_id, 0))


def data(template_id, *values, padding=0):
    return a_set(template_id, *values, padding=padding)


def ipfix(*sets, sequence=0, domain=1, time=EXPORT_TIME, length=None, version=10):
    body = b"".join(sets)
    return struct.pack("!HHIII", version, 16 + len(body) if length is None else length, time,
                       sequence, domain) + body


# NetFlow v9, RFC 3954.

def template9(template_id, *fields):
    return a_set(0, template_record(template_id, *fields))


def options9(template_id, scopes, fields):
    head = struct.pack("!HHH", template_id, 4 * len(scopes), 4 * len(fields))
    return a_set(1, head + b"".join(map(field, list(scopes) + list(fields))))


def netflow9(*sets, sequence=0, domain=1, time=EXPORT_TIME, uptime=3_600_000, count=None):
    return struct.pack("!HHIIII", 9, len(sets) if count is None else count, uptime, time, sequence,
                       domain) + b"".join(sets)


# NetFlow v5.

def record5(**given):
    values = {"src": "192.0.2.1", "dst": "198.51.100.2", "hop": "0.0.0.0", "input": 1, "output": 2,
              "packets": 3, "octets": 180, "first": 3_590_000, "last": 3_599_000, "sport": 1024,
              "dport": 80, "flags": 0x1b, "protocol": 6, "tos": 0, "src_as": 0, "dst_as": 0,
              "src_mask": 24, "dst_mask": 16, **given}
    return (ip(values["src"]) + ip(values["dst"]) + ip(values["hop"])
            + struct.pack("!HHIIIIHHBBBBHHBBH", values["input"], values["output"],
                          values["packets"], values["octets"], values["first"], values["last"],
                          values["sport"], values["dport"], 0, values["flags"],
                          values["protocol"], values["tos"], values["src_as"], values["dst_as"],
                          values["src_mask"], values["dst_mask"], 0))


def netflow5(*records, sequence=0, time=EXPORT_TIME, nanoseconds=0, uptime=3_600_000, count=None,
             engine=(0, 0), sampling=0):
    return struct.pack("!HHIIIIBBH", 5, len(records) if count is None else count, uptime, time,
                       nanoseconds, sequence, *engine, sampling) + b"".join(records)
