# SPDX-License-Identifier: Apache-2.0
"""IPFIX messages octet by octet, from RFC 7011, 5103 and 6313: what the tests of this folder send.

It shares nothing with weir, and nothing is checked or filled in but lengths, so that every rule can
be broken. Values are those of export_writer.py; fields have names here. Builders return bytes, the
innermost first:

    message([template_set(template(256, F("octetDeltaCount"))), data_set(256, u64(7))])
"""
import struct

from interop.export_writer import EXPORT_TIME as EPOCH
from interop.export_writer import REVERSE as REVERSE_PEN
from interop.export_writer import (VARIABLE, field, ip, ipfix, u8, u16, u32,    # noqa: F401
                                   u64, variable)

DOC_PEN = 32473
NTP_UNIX_SECONDS = 2208988800

# Number and length in octets by default, from the registry of IANA; None: variable.
REGISTRY = {
    "octetDeltaCount": (1, 8), "packetDeltaCount": (2, 8), "protocolIdentifier": (4, 1),
    "ipClassOfService": (5, 1), "tcpControlBits": (6, 2), "sourceTransportPort": (7, 2),
    "sourceIPv4Address": (8, 4), "ingressInterface": (10, 4), "destinationTransportPort": (11, 2),
    "destinationIPv4Address": (12, 4), "bgpSourceAsNumber": (16, 4), "sourceIPv6Address": (27, 16),
    "destinationIPv6Address": (28, 16), "exportedOctetTotalCount": (40, 8),
    "exportedMessageTotalCount": (41, 8), "exportedFlowRecordTotalCount": (42, 8),
    "sourceMacAddress": (56, 6), "interfaceName": (82, VARIABLE),
    "interfaceDescription": (83, VARIABLE), "exporterIPv4Address": (130, 4),
    "meteringProcessId": (143, 4), "exportingProcessId": (144, 4), "templateId": (145, 2),
    "observationDomainId": (149, 4), "flowStartSeconds": (150, 4),
    "flowStartMilliseconds": (152, 8), "flowStartMicroseconds": (154, 8),
    "flowStartNanoseconds": (156, 8), "ignoredPacketTotalCount": (164, 8),
    "ignoredOctetTotalCount": (165, 8), "notSentFlowTotalCount": (166, 8),
    "notSentPacketTotalCount": (167, 8), "notSentOctetTotalCount": (168, 8),
    "flowKeyIndicator": (173, 8), "ipDiffServCodePoint": (195, 1), "paddingOctets": (210, 1),
    "biflowDirection": (239, 1), "dataRecordsReliability": (276, 1), "basicList": (291, VARIABLE),
    "subTemplateList": (292, VARIABLE), "subTemplateMultiList": (293, VARIABLE),
    "samplingProbability": (311, 8), "ipHeaderPacketSection": (313, VARIABLE),
    "observationTimeSeconds": (322, 4), "mibObjectValueInteger": (434, 4),
    "observationTimeMilliseconds": (323, 8),
}


# ---- values ----

def ntp(seconds, fraction):
    """dateTimeMicroseconds and -Nanoseconds: seconds since 1900 and a binary fraction."""
    return struct.pack("!II", seconds + NTP_UNIX_SECONDS & 0xffffffff, fraction)


# ---- templates ----

def F(name, length=None, pen=0):
    """A field specifier by the registered name, or by number."""
    number, usual = REGISTRY[name] if isinstance(name, str) else (name, 4)
    return specifier(number, usual if length is None else length, pen)


def R(name, length=None):
    """Its reverse (RFC 5103, section 6.1)."""
    return F(name, length, REVERSE_PEN)


def specifier(number, length, pen=0):
    return field((number, length, pen) if pen else (number, length))


def template(template_id, *fields, count=None):
    return struct.pack("!HH", template_id, len(fields) if count is None else count) \
        + b"".join(fields)


def options_template(template_id, scope, fields, scope_count=None):
    scope_count = len(scope) if scope_count is None else scope_count
    return struct.pack("!HHH", template_id, len(scope) + len(fields), scope_count) \
        + b"".join(scope) + b"".join(fields)


def withdrawal(template_id):
    return struct.pack("!HH", template_id, 0)


# ---- sets and messages ----

def a_set(set_id, body, length=None):
    return struct.pack("!HH", set_id, 4 + len(body) if length is None else length) + body


def template_set(*templates):
    return a_set(2, b"".join(templates))


def options_set(*templates):
    return a_set(3, b"".join(templates))


def data_set(template_id, *records, padding=0):
    return a_set(template_id, b"".join(records) + bytes(padding))


def message(sets, sequence=0, domain=1, **more):
    """See export_writer.ipfix()."""
    return ipfix(*sets, sequence=sequence, domain=domain, **more)


# ---- lists (RFC 6313, section 4.5) ----

def basic_list(semantic, specifier_of_all, *elements):
    return u8(semantic) + specifier_of_all + b"".join(elements)


def sub_template_list(semantic, template_id, *records):
    return u8(semantic) + u16(template_id) + b"".join(records)


def sub_template_multi_list(semantic, *groups):
    """groups: (template id, record, ...)."""
    return u8(semantic) + b"".join(
        u16(group[0]) + u16(4 + sum(map(len, group[1:]))) + b"".join(group[1:])
        for group in groups)
