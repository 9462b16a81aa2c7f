# SPDX-License-Identifier: Apache-2.0
"""Biflows (RFC 5103) and structured data (RFC 6313) at the collecting process."""
import pytest

from interop.rfc5471.test_3_6_errors import check_refused
from interop.rfc5471.wire import (F, R, a_set, basic_list, data_set, ip, message, sub_template_list,
                                  sub_template_multi_list, template, template_set, u8, u16, u32,
                                  u64, variable)

ENDS = [F("sourceIPv4Address"), F("destinationIPv4Address")]
PAIR = ip("192.0.2.1") + ip("192.0.2.2")
SHOWN = [("sourceIPv4Address", "192.0.2.1"), ("destinationIPv4Address", "192.0.2.2")]


# ---- RFC 5103 ----

def test_biflow(over):
    """RFC 5103, 5, 6.1: reverse elements under enterprise 29305, reduced sizes too."""
    result = over(message([template_set(template(256, *ENDS, F("octetDeltaCount"),
                                                 R("octetDeltaCount"), R("packetDeltaCount", 4),
                                                 F("biflowDirection"))),
                           data_set(256, PAIR + u64(1000) + u64(2000) + u32(3) + u8(1))]))
    assert result.records == [SHOWN + [("octetDeltaCount", 1000), ("reverseOctetDeltaCount", 2000),
                                       ("reversePacketDeltaCount", 3), ("biflowDirection", 1)]]


@pytest.mark.parametrize("direction", [0, 1, 2, 3])
def test_directions(over, direction):
    """RFC 5103, 6.3: each value of biflowDirection."""
    result = over(message([template_set(template(256, *ENDS, F("biflowDirection"))),
                           data_set(256, PAIR + u8(direction))]))
    assert result.records == [SHOWN + [("biflowDirection", direction)]]


def test_reverse_without_an_end(over):
    """RFC 5103, 4: reverse elements without a directional key: illegal, dropped and counted."""
    result = over(message([template_set(template(256, F("octetDeltaCount"), R("octetDeltaCount"))),
                           data_set(256, u64(1) + u64(2)),
                           template_set(template(257, F("octetDeltaCount"))),
                           data_set(257, u64(3))]))
    assert result.records == [[("octetDeltaCount", 3)]]
    assert result.dropped == {"no_key": 1} and not result.discarded and not result.closed


@pytest.mark.parametrize("name", ["templateId", "observationDomainId", "biflowDirection",
                                  "flowKeyIndicator"])
def test_reverse_of_what_has_none(over, name):
    """RFC 5103, 6.1: the reverse of a non-reversible element has no meaning: it is kept as octets
    under its own numbers."""
    number = {"templateId": 145, "observationDomainId": 149, "biflowDirection": 239,
              "flowKeyIndicator": 173}[name]
    specifier = R(name)
    octets = bytes(range(1, 1 + int.from_bytes(specifier[2:4], "big")))
    result = over(message([template_set(template(256, *ENDS, specifier)),
                           data_set(256, PAIR + octets)]))
    assert result.records == [SHOWN + [(f"e29305id{number}", octets.hex())]]


def test_reverse_of_padding(over):
    """RFC 5103, 6.1: paddingOctets has no reverse; as padding it is left out."""
    result = over(message([template_set(template(256, *ENDS, R("paddingOctets", 3))),
                           data_set(256, PAIR + bytes(3))]))
    assert result.records == [SHOWN]


# ---- RFC 6313 ----

def told(over, element, octets):
    """What a list in a field of variable length becomes."""
    result = over(message([template_set(template(256, F(element), F("protocolIdentifier"))),
                           data_set(256, octets + u8(6))]))
    assert not result.discarded
    record = dict(result.records[0])
    assert record["protocolIdentifier"] == 6
    return record[element]


@pytest.mark.parametrize("semantic", [0, 1, 2, 3, 4, 255])
def test_basic_list(over, semantic):
    """RFC 6313, 4.4, 4.5.1: values of one element, in order, under every semantic."""
    octets = basic_list(semantic, F("ingressInterface"), u32(1), u32(2**32 - 1))
    assert told(over, "basicList", variable(octets)) == [1, 2**32 - 1]


def test_basic_list_without_elements(over):
    """RFC 6313, 4.5.1: a list of no elements has its element's length all the same."""
    assert told(over, "basicList", variable(basic_list(3, F("ingressInterface")))) == []


def test_basic_list_of_an_enterprise(over):
    """RFC 6313, 4.5.1: the enterprise number stands behind the element's length."""
    octets = basic_list(3, F(7, 2, 31337), b"\1\2", b"\3\4")
    assert told(over, "basicList", variable(octets)) == ["0102", "0304"]


def test_basic_list_of_variable_length(over):
    """RFC 6313, 4.5.1: elements of variable length have their own lengths."""
    octets = basic_list(4, F("interfaceName"), variable(b"lo"), variable(b"x" * 300), variable(b""))
    assert told(over, "basicList", variable(octets)) == ["lo", "x" * 300, ""]


@pytest.mark.parametrize("count", [60, 62, 63, 64, 1000, 10000])
def test_list_of_255_octets_and_more(over, count):
    """RFC 6313, 4.5.1 (RFC 7011, 7): from 255 octets on the length takes three."""
    octets = basic_list(3, F("ingressInterface"), *map(u32, range(count)))
    assert told(over, "basicList", variable(octets)) == list(range(count))
    assert (len(octets) >= 255) == (count >= 63)


def test_list_in_the_long_form(over):
    """RFC 6313, 4.5.1: the form of three octets is recommended for short lists, too."""
    octets = basic_list(3, F("ingressInterface"), u32(7))
    assert told(over, "basicList", variable(octets, long=True)) == [7]


def test_list_of_fixed_length(over):
    """RFC 6313, 4.5.1: a list in a field of fixed length."""
    octets = basic_list(3, F("ingressInterface"), u32(7), u32(8))
    result = over(message([template_set(template(256, F("basicList", len(octets)))),
                           data_set(256, octets, octets)]))
    assert result.records == [[("basicList", [7, 8])]] * 2


INNER = template_set(template(300, F("sourceIPv4Address"), F("octetDeltaCount", 4)))


def test_sub_template_lists(over):
    """RFC 6313, 4.5.2, 4.5.3, 7: lists of records are kept octet by octet: nothing of them is lost,
    and the record around them is whole (a deviation: their records are not told apart)."""
    records = [ip("192.0.2.1") + u32(1), ip("192.0.2.2") + u32(2)]
    single = sub_template_list(3, 300, *records)
    multi = sub_template_multi_list(3, (300, records[0]), (300, *records))
    result = over(message([INNER, template_set(template(256, F("subTemplateList"),
                                                        F("subTemplateMultiList"),
                                                        F("ingressInterface"))),
                           data_set(256, variable(single) + variable(multi) + u32(9))]))
    assert result.records == [[("subTemplateList", single.hex()),
                               ("subTemplateMultiList", multi.hex()), ("ingressInterface", 9)]]


def test_sub_template_list_of_an_unknown_template(over):
    """RFC 6313, 4.5.2, 6, 7: a list by a template that is not there does no harm to its record."""
    octets = sub_template_list(0, 999, b"any")
    assert told(over, "subTemplateList", variable(octets)) == octets.hex()


@pytest.mark.parametrize("element", ["basicList", "subTemplateList", "subTemplateMultiList"])
def test_lists_longer_than_their_set(way, element):
    """RFC 6313, 5.1 (RFC 7011, 9.1): a list that runs over the end of its set: the message is
    discarded."""
    body = b"\xff" + u16(400) + u8(3) + u16(300) + bytes(200)
    check_refused(way, message([template_set(template(256, F(element))), a_set(256, body)]),
                  "record")


@pytest.mark.parametrize("transport", ["file", "tcp"])
def test_list_as_long_as_a_message(over):
    """RFC 6313, 5.1: a list that fills a message of 65,535 octets."""
    count = (65535 - 16 - 12 - 4 - 3 - 5) // 4
    octets = basic_list(3, F("ingressInterface"), *map(u32, range(count)))
    result = over(message([template_set(template(256, F("basicList"))),
                           data_set(256, variable(octets))]))
    assert result.records == [[("basicList", list(range(count)))]]
