# SPDX-License-Identifier: Apache-2.0
"""A strict IPFIX reader for tests, written from RFC 7011 and 5103 and sharing nothing with weir.

It refuses whatever the RFC forbids an exporter: lengths that do not add up, data without a
template, wrong sequence numbers, padding that is too long or not zero, sets of unknown kinds.
Values are decoded by what ELEMENTS says of an element; others stay octets.

    session = Session()
    for message in session.file(data): ...
    session.records     # [Record]; record["octetDeltaCount"], record["reverse octetDeltaCount"]
"""
import ipaddress
import struct
from dataclasses import dataclass, field

VERSION, TEMPLATE_SET, OPTIONS_SET, VARIABLE = 10, 2, 3, 65535
IANA, REVERSE, OWN, CERT, REVERSE_BIT = 0, 29305, 32473, 6871, 0x4000
NTP_UNIX_SECONDS = 2208988800


class Malformed(Exception):
    """What the exporter must not send."""


def number(octets):
    return int.from_bytes(octets, "big")


def signed(octets):
    return int.from_bytes(octets, "big", signed=True)


def text(octets):
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"string {octets!r}: {error}") from None


def boolean(octets):
    if octets not in (b"\1", b"\2"):
        raise Malformed(f"boolean {octets!r}")
    return octets == b"\1"


def floating(octets):
    return struct.unpack("!f" if len(octets) == 4 else "!d", octets)[0]


def ip(octets):
    return str(ipaddress.ip_address(octets))


def ntp(unit):
    def convert(octets):
        seconds, fraction = struct.unpack("!II", octets)
        if unit == 10**6 and fraction & 0x7ff:
            raise Malformed(f"fraction {fraction:#x} of microseconds")
        return (seconds - NTP_UNIX_SECONDS) * unit + (fraction * unit >> 32)
    return convert


# Number, name, decoder and the lengths that are allowed, from the registry of IANA.
ELEMENTS = {number_: (name, decode, lengths) for number_, name, decode, lengths in (
    (1, "octetDeltaCount", number, range(1, 9)),
    (2, "packetDeltaCount", number, range(1, 9)),
    (3, "deltaFlowCount", number, range(1, 9)),
    (4, "protocolIdentifier", number, (1,)),
    (6, "tcpControlBits", number, (1, 2)),
    (7, "sourceTransportPort", number, (1, 2)),
    (8, "sourceIPv4Address", ip, (4,)),
    (10, "ingressInterface", number, range(1, 5)),
    (11, "destinationTransportPort", number, (1, 2)),
    (12, "destinationIPv4Address", ip, (4,)),
    (27, "sourceIPv6Address", ip, (16,)),
    (28, "destinationIPv6Address", ip, (16,)),
    (32, "icmpTypeCodeIPv4", number, (1, 2)),
    (40, "exportedOctetTotalCount", number, range(1, 9)),
    (41, "exportedMessageTotalCount", number, range(1, 9)),
    (42, "exportedFlowRecordTotalCount", number, range(1, 9)),
    (58, "vlanId", number, (1, 2)),
    (82, "interfaceName", text, None),
    (83, "interfaceDescription", text, None),
    (96, "applicationName", text, None),
    (136, "flowEndReason", number, (1,)),
    (137, "commonPropertiesId", number, range(1, 9)),
    (138, "observationPointId", number, range(1, 9)),
    (139, "icmpTypeCodeIPv6", number, (1, 2)),
    (143, "meteringProcessId", number, range(1, 5)),
    (144, "exportingProcessId", number, range(1, 5)),
    (145, "templateId", number, (1, 2)),
    (149, "observationDomainId", number, range(1, 5)),
    (150, "flowStartSeconds", number, (4,)),
    (151, "flowEndSeconds", number, (4,)),
    (152, "flowStartMilliseconds", number, (8,)),
    (153, "flowEndMilliseconds", number, (8,)),
    (154, "flowStartMicroseconds", ntp(10**6), (8,)),
    (155, "flowEndMicroseconds", ntp(10**6), (8,)),
    (156, "flowStartNanoseconds", ntp(10**9), (8,)),
    (157, "flowEndNanoseconds", ntp(10**9), (8,)),
    (164, "ignoredPacketTotalCount", number, range(1, 9)),
    (165, "ignoredOctetTotalCount", number, range(1, 9)),
    (166, "notSentFlowTotalCount", number, range(1, 9)),
    (167, "notSentPacketTotalCount", number, range(1, 9)),
    (168, "notSentOctetTotalCount", number, range(1, 9)),
    (173, "flowKeyIndicator", number, range(1, 9)),
    (239, "biflowDirection", number, (1,)),
    (245, "dot1qCustomerVlanId", number, (1, 2)),
    (276, "dataRecordsReliability", boolean, (1,)),
    (301, "selectionSequenceId", number, range(1, 9)),
    (302, "selectorId", number, range(1, 9)),
    (303, "informationElementId", number, (1, 2)),
    (304, "selectorAlgorithm", number, (1, 2)),
    (305, "samplingPacketInterval", number, range(1, 5)),
    (306, "samplingPacketSpace", number, range(1, 5)),
    (311, "samplingProbability", floating, (4, 8)),
    (318, "selectorIdTotalPktsObserved", number, range(1, 9)),
    (319, "selectorIdTotalPktsSelected", number, range(1, 9)),
    (323, "observationTimeMilliseconds", number, (8,)),
    (339, "informationElementDataType", number, (1,)),
    (340, "informationElementDescription", text, None),
    (341, "informationElementName", text, None),
    (344, "informationElementSemantics", number, (1,)),
    (345, "informationElementUnits", number, (1, 2)),
    (346, "privateEnterpriseNumber", number, range(1, 5)),
    (434, "mibObjectValueInteger", signed, range(1, 5)),
)}
NOT_REVERSIBLE = {148, 145, 149, 137, 210, 239, 40, 41, 42, 163, 164, 165, 166, 167, 168, 173}
DIRECTIONAL = {7, 11, 8, 12, 27, 28, 44, 45, 169, 170, 10, 14, 56, 80, 180, 181, 182, 183}


@dataclass(frozen=True)
class Specifier:
    pen: int
    id: int
    length: int

    @property
    def reverse(self):
        return self.pen == REVERSE or (self.pen in (OWN, CERT) and bool(self.id & REVERSE_BIT))

    @property
    def name(self):
        if self.pen in (IANA, REVERSE) and self.id in ELEMENTS:
            name = ELEMENTS[self.id][0]
        else:
            pen = IANA if self.pen == REVERSE else self.pen
            number_ = self.id & ~REVERSE_BIT if self.pen in (OWN, CERT) else self.id
            name = f"e{pen}id{number_}"
        return "reverse " + name if self.reverse else name

    def check(self):
        if self.pen == REVERSE and self.id in NOT_REVERSIBLE:
            raise Malformed(f"the reverse of element {self.id}")
        known = ELEMENTS.get(self.id) if self.pen in (IANA, REVERSE) else None
        if known and known[2] and self.length not in known[2]:
            raise Malformed(f"{known[0]} of {self.length} octets")

    def decode(self, octets):
        known = ELEMENTS.get(self.id) if self.pen in (IANA, REVERSE) else None
        return known[1](octets) if known else octets


@dataclass
class Template:
    id: int
    scope: int
    specifiers: list

    @property
    def shortest(self):
        return sum(1 if s.length == VARIABLE else s.length for s in self.specifiers)


@dataclass
class Record:
    template: int
    scope: int
    values: list                # of (name, value) in the order of the template

    def __getitem__(self, name):
        return dict(self.values)[name]

    def get(self, name, default=None):
        return dict(self.values).get(name, default)


@dataclass
class Message:
    time: int
    sequence: int
    domain: int
    octets: int
    sets: list = field(default_factory=list)            # set ids
    templates: list = field(default_factory=list)
    records: list = field(default_factory=list)


class Cursor:
    def __init__(self, octets):
        self.octets, self.at = octets, 0

    @property
    def left(self):
        return len(self.octets) - self.at

    def take(self, count):
        if count > self.left:
            raise Malformed(f"{count} octets wanted at {self.at}, {self.left} left")
        self.at += count
        return self.octets[self.at - count:self.at]

    def unpack(self, layout):
        return struct.unpack("!" + layout, self.take(struct.calcsize("!" + layout)))


class Session:
    """One transport session: templates and sequence numbers by observation domain."""

    def __init__(self, check_sequence=True):
        self.templates, self.expected = {}, {}
        self.messages = []
        self.records, self.options = [], []             # without and with scope
        self.check_sequence = check_sequence

    def file(self, octets):
        """All messages of a file (RFC 5655)."""
        cursor = Cursor(octets)
        while cursor.left:
            if cursor.left < 4:
                raise Malformed(f"{cursor.left} octets behind the last message")
            length = struct.unpack_from("!H", octets, cursor.at + 2)[0]
            self.message(cursor.take(max(length, 16)))
        return self.messages

    def message(self, octets):
        cursor = Cursor(octets)
        version, length, time, sequence, domain = cursor.unpack("HHIII")
        if version != VERSION or length != len(octets):
            raise Malformed(f"version {version}, length {length} of {len(octets)} octets")
        message = Message(time, sequence, domain, length)
        expected = self.expected.get(domain, sequence)
        if self.check_sequence and sequence != expected:
            raise Malformed(f"sequence {sequence}, expected {expected}")
        while cursor.left:
            set_id, set_length = cursor.unpack("HH")
            if set_length <= 4:
                raise Malformed(f"set {set_id} of {set_length} octets")
            message.sets.append(set_id)
            self.read_set(message, set_id, Cursor(cursor.take(set_length - 4)))
        self.expected[domain] = sequence + len(message.records) & 0xffffffff
        self.messages.append(message)
        self.records += [record for record in message.records if not record.scope]
        self.options += [record for record in message.records if record.scope]
        return message

    def read_set(self, message, set_id, cursor):
        if set_id in (TEMPLATE_SET, OPTIONS_SET):
            while cursor.left >= 4:
                template = read_template(cursor, set_id == OPTIONS_SET)
                self.templates[message.domain, template.id] = template
                message.templates.append(template)
            check_padding(cursor, 4)
        elif set_id >= 256:
            template = self.templates.get((message.domain, set_id))
            if template is None:
                raise Malformed(f"data set {set_id} without a template")
            while cursor.left >= template.shortest:
                message.records.append(read_record(cursor, template))
            check_padding(cursor, template.shortest)
        else:
            raise Malformed(f"set id {set_id}")


def check_padding(cursor, below):
    if cursor.left >= below or any(cursor.octets[cursor.at:]):
        raise Malformed(f"padding {cursor.octets[cursor.at:]!r}")


def read_template(cursor, options):
    template_id, count = cursor.unpack("HH")
    scope = cursor.unpack("H")[0] if options else 0
    if template_id < 256 or count == 0 or scope > count or (options and scope == 0):
        raise Malformed(f"template {template_id} of {count} fields, {scope} of them scope")
    specifiers = []
    for _ in range(count):
        number_, length = cursor.unpack("HH")
        pen = cursor.unpack("I")[0] if number_ & 0x8000 else IANA
        specifiers.append(Specifier(pen, number_ & 0x7fff, length))
        specifiers[-1].check()
    if any(s.reverse for s in specifiers) and not any(
            s.pen == IANA and s.id in DIRECTIONAL for s in specifiers):
        raise Malformed("reverse elements without a directional key field")
    return Template(template_id, scope, specifiers)


def read_record(cursor, template):
    values = []
    for specifier in template.specifiers:
        length = specifier.length
        if length == VARIABLE:
            length = cursor.unpack("B")[0]
            length = cursor.unpack("H")[0] if length == 255 else length
        values.append((specifier.name, specifier.decode(cursor.take(length))))
    return Record(template.id, template.scope, values)
