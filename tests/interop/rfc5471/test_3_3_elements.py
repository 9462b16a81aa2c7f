# SPDX-License-Identifier: Apache-2.0
"""RFC 5471, section 3.3: enterprise elements, reduced sizes, elements that come more than once."""
import struct

import pytest

from interop.rfc5471.wire import (F, VARIABLE, data_set, ip, message, template, template_set, u8,
                                  u16, u32, u64, variable)

UNKNOWN_PEN = 31337


def test_unknown_enterprise_elements(over):
    """RFC 5471, 3.3.1 (RFC 7011, 9): what nobody knows is kept under its number, as octets."""
    result = over(message([
        template_set(template(256, F(1, 4, UNKNOWN_PEN), F("octetDeltaCount"),
                              F(32767, VARIABLE, UNKNOWN_PEN), F(9999, 2))),
        data_set(256, b"\xde\xad\xbe\xef" + u64(1) + variable(b"\0\xff") + b"\1\2")]))
    assert result.records == [[(f"e{UNKNOWN_PEN}id1", "deadbeef"), ("octetDeltaCount", 1),
                               (f"e{UNKNOWN_PEN}id32767", "00ff"), ("e0id9999", "0102")]]


def test_known_enterprise_elements(over):
    """RFC 5471, 3.3.1: elements of CERT (6871) by their published names and types."""
    result = over(message([
        template_set(template(256, F(14, 1, 6871), F(21, 4, 6871))),
        data_set(256, u8(2) + u32(1234))]))
    assert result.records == [[("initialTCPFlags", 2), ("reverseFlowDeltaMilliseconds", 1234)]]


def test_same_number_of_two_enterprises(over):
    """RFC 7011, 3.2: an element is its enterprise and its number together."""
    result = over(message([
        template_set(template(256, F("octetDeltaCount"), F(1, 8, UNKNOWN_PEN),
                              F(1, 8, UNKNOWN_PEN + 1))),
        data_set(256, u64(1) + u64(2) + u64(3))]))
    assert result.records == [[("octetDeltaCount", 1), (f"e{UNKNOWN_PEN}id1", "%016x" % 2),
                               (f"e{UNKNOWN_PEN + 1}id1", "%016x" % 3)]]


@pytest.mark.parametrize("size", range(1, 9))
def test_reduced_unsigned64(over, size):
    """RFC 5471, 3.3.2 (RFC 7011, 6.2): an unsigned64 in any number of octets is its number."""
    values = [0, 1, 2**(8 * size) - 1, 2**(8 * size - 1)]
    result = over(message([template_set(template(256, F("octetDeltaCount", size))),
                           data_set(256, *(n.to_bytes(size, "big") for n in values))]))
    assert result.records == [[("octetDeltaCount", n)] for n in values]


def test_reduced_sizes_of_other_types(over):
    """RFC 5471, 3.3.2 (RFC 7011, 6.1.3, 6.2): 16 and 32 bits, signed ones with their sign, a
    float64 as a float32."""
    result = over(message([
        template_set(template(256, F("sourceTransportPort", 1), F("ingressInterface", 3),
                              F("mibObjectValueInteger", 1), F("mibObjectValueInteger", 3),
                              F("samplingProbability", 4))),
        data_set(256, u8(53) + b"\1\0\0" + b"\xff" + b"\x80\0\0" + struct.pack("!f", 0.25))]))
    assert result.records == [[
        ("sourceTransportPort", 53), ("ingressInterface", 65536),
        ("mibObjectValueInteger", [-1, -2**23]), ("samplingProbability", 0.25)]]


def test_instances_in_a_row(over):
    """RFC 5471, 3.3.3: the same element several times, one after another; order and all values
    stay."""
    result = over(message([
        template_set(template(256, *[F("sourceIPv4Address")] * 3, *[F("interfaceName")] * 2)),
        data_set(256, ip("192.0.2.1") + ip("192.0.2.2") + ip("192.0.2.3") + variable(b"a")
                 + variable(b"b"))]))
    assert result.records == [[("sourceIPv4Address", ["192.0.2.1", "192.0.2.2", "192.0.2.3"]),
                               ("interfaceName", ["a", "b"])]]


def test_instances_with_others_between(over):
    """RFC 5471, 3.3.3 (RFC 7011, 8): the same element several times with others in between."""
    result = over(message([
        template_set(template(256, F("octetDeltaCount"), F("protocolIdentifier"),
                              F("octetDeltaCount", 4), F("sourceTransportPort"),
                              F("octetDeltaCount"))),
        data_set(256, u64(1) + u8(6) + u32(2) + u16(80) + u64(3))]))
    assert result.records == [[("octetDeltaCount", [1, 2, 3]), ("protocolIdentifier", 6),
                               ("sourceTransportPort", 80)]]
