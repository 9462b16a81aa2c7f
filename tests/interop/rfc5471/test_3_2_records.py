# SPDX-License-Identifier: Apache-2.0
"""RFC 5471, section 3.2: templates, data, padding and withdrawals, as the collector takes them."""
import struct

import pytest

from interop.rfc5471.wire import (DOC_PEN, EPOCH, F, VARIABLE, a_set, data_set, ip, message, ntp,
                                  options_set, options_template, template, template_set, u8, u16,
                                  u32, u64, variable, withdrawal)

# Of each abstract data type that has a fixed size: element, octets, value as docs/fields.md has it.
FIXED = [
    ("protocolIdentifier", u8(255), 255),                               # unsigned8
    ("sourceTransportPort", u16(65535), 65535),                         # unsigned16
    ("ingressInterface", u32(0xfffffffe), 0xfffffffe),                  # unsigned32
    ("octetDeltaCount", u64(2**64 - 2), 2**64 - 2),                     # unsigned64
    ("mibObjectValueInteger", struct.pack("!i", -2), -2),               # signed32
    ("samplingProbability", struct.pack("!d", 0.0009765625), 0.0009765625),     # float64
    ("dataRecordsReliability", u8(2), False),                           # boolean
    ("sourceMacAddress", bytes.fromhex("00005e005301"), "00:00:5e:00:53:01"),
    ("sourceIPv4Address", ip("203.0.113.255"), "203.0.113.255"),
    ("sourceIPv6Address", ip("2001:db8::ff"), "2001:db8::ff"),
    ("flowStartSeconds", u32(EPOCH), EPOCH),                            # dateTimeSeconds
    ("flowStartMilliseconds", u64(EPOCH * 1000 + 7), EPOCH * 1000 + 7),
    ("flowStartMicroseconds", ntp(EPOCH, 1 << 31), EPOCH * 10**6 + 500000),
    ("flowStartNanoseconds", ntp(EPOCH, 1 << 30), EPOCH * 10**9 + 250000000),
]


def test_fixed_size_elements(over):
    """RFC 5471, 3.2.1 (RFC 7011, 6.1.1, 6.1.2, 6.1.4, 6.1.5, 6.1.9): every abstract data type of
    fixed size."""
    result = over(message([template_set(template(256, *(F(name) for name, _, _ in FIXED))),
                           data_set(256, b"".join(octets for _, octets, _ in FIXED))]))
    assert result.records == [[(name, value) for name, _, value in FIXED]]
    assert result.exporter["records"] == 1 and not result.discarded


def test_fixed_size_texts_and_octets(over):
    """RFC 5471, 3.2.1 (RFC 7011, 6.1.6): string and octetArray of a fixed length; a text ends where
    zeros begin."""
    result = over(message([
        template_set(template(256, F("interfaceName", 8), F("ipHeaderPacketSection", 3))),
        data_set(256, b"eth0\0\0\0\0\xab\0\xcd", b"12345678\0\0\0")]))
    assert result.records == [
        [("interfaceName", "eth0"), ("ipHeaderPacketSection", "ab00cd")],
        [("interfaceName", "12345678"), ("ipHeaderPacketSection", "000000")]]


def test_signs_are_kept(over):
    """RFC 5471, 3.2.1 (RFC 7011, 6.1.1, 6.2): the least and largest signed values."""
    result = over(message([template_set(template(256, F("mibObjectValueInteger"))),
                           data_set(256, struct.pack("!iii", -2**31, -1, 2**31 - 1))]))
    assert result.records == [[("mibObjectValueInteger", n)] for n in (-2**31, -1, 2**31 - 1)]


TEXTS = ["", "e", "lo0", "ü" * 127, "x" * 254, "y" * 255, "z" * 256, "w" * 1000]


@pytest.mark.parametrize("layout", [
    ["interfaceName"],                                          # a single one
    ["interfaceName", "octetDeltaCount"],                       # followed by a fixed one
    ["octetDeltaCount", "interfaceName"],                       # behind a fixed one
    ["interfaceName", "interfaceDescription"],                  # several
    ["octetDeltaCount", "interfaceName", "protocolIdentifier", "interfaceDescription",
     "sourceIPv4Address"]], ids=len)
def test_variable_length_elements(over, layout):
    """RFC 5471, 3.2.2 (RFC 7011, 7): every arrangement; lengths around 255; an empty text is
    absent."""
    octets = {"octetDeltaCount": (u64(7), 7), "protocolIdentifier": (u8(6), 6),
              "sourceIPv4Address": (ip("192.0.2.1"), "192.0.2.1")}
    records, expected = [], []
    for i, text in enumerate(TEXTS):
        own = {**octets, "interfaceName": (variable(text.encode()), text),
               "interfaceDescription": (variable(TEXTS[-i].encode(), long=True), TEXTS[-i])}
        records.append(b"".join(own[name][0] for name in layout))
        expected.append([(name, own[name][1]) for name in layout if own[name][1] != ""])
    result = over(message([template_set(template(256, *map(F, layout))), data_set(256, *records)]))
    assert result.records == expected
    assert result.exporter["records"] == len(records)


@pytest.mark.parametrize("padding", [1, 2, 3, 4, 7])
def test_set_padding(over, padding):
    """RFC 5471, 3.2.3 (RFC 7011, 3.3.1, 9): zeros behind the last record, then another set."""
    record = ip("192.0.2.1") + u32(5)
    result = over(message([template_set(template(256, F("sourceIPv4Address"),
                                                 F("ingressInterface"))),
                           data_set(256, record, record, record, padding=padding),
                           data_set(256, record)]))
    assert len(result.records) == 4 and result.exporter["sequence"]["lost"] == 0
    assert result.records[3] == [("sourceIPv4Address", "192.0.2.1"), ("ingressInterface", 5)]


def test_template_set_padding(over):
    """RFC 7011, 9: padding in template sets, shorter than a record header and of four zeros."""
    for_each = [a_set(2, template(256 + i, F("octetDeltaCount")) + bytes(i)) for i in range(5)]
    result = over(message(for_each + [data_set(256 + i, u64(i)) for i in range(5)]))
    assert result.records == [[("octetDeltaCount", i)] for i in range(5)]


def test_padding_that_is_not_zero(over):
    """RFC 7011, 9.1: set padding that is not zero does not make a message malformed."""
    result = over(message([template_set(template(256, F("octetDeltaCount"))),
                           a_set(256, u64(1) + b"\x01\x02\x03")]))
    assert result.records == [[("octetDeltaCount", 1)]] and not result.discarded


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 13, 300])
def test_record_padding(over, size):
    """RFC 5471, 3.2.4: paddingOctets of various lengths, also longer than the record itself."""
    records = [u8(i) + bytes(size) for i in range(15)]
    result = over(message([template_set(template(256, F("ipDiffServCodePoint"),
                                                 F("paddingOctets", size))),
                           data_set(256, *records)]))
    assert result.records == [[("ipDiffServCodePoint", i)] for i in range(15)]


def test_record_padding_of_variable_length(over):
    """RFC 5471, 3.2.4: a text, then as much padding as aligns what follows."""
    records, expected = [], []
    for i in range(20):
        text = b"n" * (i + 1)
        records.append(variable(text) + variable(bytes(-(2 + len(text)) % 4)) + u32(i))
        expected.append([("interfaceName", text.decode()), ("ingressInterface", i)])
    result = over(message([template_set(template(256, F("interfaceName"),
                                                 F("paddingOctets", VARIABLE),
                                                 F("ingressInterface"))),
                           data_set(256, *records)]))
    assert result.records == expected


# ---- withdrawals; files are streams here, datagrams never withdraw (RFC 7011, 8.4) ----

COUNT = template_set(template(256, F("octetDeltaCount")))


def over_streams(collect, way, *messages):
    collector = collect(way)
    collector.send(*messages)
    return collector.finish()


@pytest.fixture(params=["file", "tcp"])
def stream(collect, request):
    return lambda *messages: over_streams(collect, request.param, *messages)


def test_withdrawal(stream):
    """RFC 5471, 3.2.5.1: a template that was sent is withdrawn (RFC 7011, 8.1); data of it
    then wait in vain."""
    result = stream(message([COUNT, data_set(256, u64(1))]),
                    message([template_set(withdrawal(256))], 1),
                    message([data_set(256, u64(2))], 1))
    assert result.records == [[("octetDeltaCount", 1)]]
    assert result.exporter["templates"]["withdrawn"] == 1
    assert result.dropped == {"unknown_template": 1}


def test_withdrawal_takes_effect_in_order(stream):
    """RFC 7011, 8.1: within a message a withdrawal acts from its place on; the id is free again."""
    result = stream(message([COUNT, data_set(256, u64(1)), template_set(withdrawal(256)),
                             template_set(template(256, F("ingressInterface"))),
                             data_set(256, u32(2))]))
    assert sorted(result.records) == [[("ingressInterface", 2)], [("octetDeltaCount", 1)]]
    assert result.exporter["templates"]["conflicts"] == 0


@pytest.mark.parametrize("padding", [0, 1, 3, 4])
def test_several_withdrawals_in_a_set(stream, padding):
    """RFC 7011, 8.1: several ids in a set of withdrawals, and padding behind them."""
    ids = range(256, 260)
    result = stream(message([template_set(*(template(i, F("octetDeltaCount")) for i in ids))]),
                    message([a_set(2, b"".join(map(withdrawal, ids)) + bytes(padding))]),
                    message([data_set(i, u64(1)) for i in ids]))
    assert result.records == [] and result.exporter["templates"]["withdrawn"] == 4
    assert result.dropped == {"unknown_template": 4}


def test_withdrawal_of_what_is_withdrawn(stream):
    """RFC 5471, 3.2.5.2, as RFC 7011, 8.1 has it since: ignored, counted, told; the session goes
    on."""
    result = stream(message([COUNT]), message([template_set(withdrawal(256))]),
                    message([template_set(withdrawal(256))]),
                    message([COUNT, data_set(256, u64(3))]))
    assert result.records == [[("octetDeltaCount", 3)]] and not result.closed
    assert (result.exporter["templates"]["withdrawn"],
            result.exporter["templates"]["withdrawals_ignored"]) == (1, 1)


def test_withdrawal_of_what_was_never_sent(stream):
    """RFC 5471, 3.2.5.3, as RFC 7011, 8.1 has it since: ignored, counted; the session goes on."""
    result = stream(message([template_set(withdrawal(999))]),
                    message([COUNT, data_set(256, u64(3))]))
    assert result.records == [[("octetDeltaCount", 3)]] and not result.closed
    assert result.exporter["templates"]["withdrawals_ignored"] == 1


OPTIONS = options_template(400, [F("ingressInterface")], [F("interfaceName", 4)])


def test_withdrawal_of_all_templates(stream):
    """RFC 5471, 3.2.5.4: template id 2 in set 2; options templates stay."""
    result = stream(message([template_set(*(template(256 + i, F("octetDeltaCount"))
                                            for i in range(20))), options_set(OPTIONS)]),
                    message([template_set(withdrawal(2))]),
                    message([data_set(256 + i, u64(1)) for i in range(20)]
                            + [data_set(400, u32(1) + b"eth0")]))
    assert result.exporter["templates"]["withdrawn"] == 20
    assert result.records == [[("ingressInterface", 1), ("interfaceName", "eth0")]]
    assert result.dropped == {"unknown_template": 20}


def test_withdrawal_of_all_options_templates(stream):
    """RFC 5471, 3.2.5.5: template id 3 in set 3; flow templates stay."""
    more = [options_template(400 + i, [F("ingressInterface")], [F("octetDeltaCount")])
            for i in range(10)]
    result = stream(message([COUNT, options_set(*more)]),
                    message([options_set(withdrawal(3))]),
                    message([data_set(256, u64(1))]
                            + [data_set(400 + i, u32(1) + u64(1)) for i in range(10)]))
    assert result.records == [[("octetDeltaCount", 1)]]
    assert result.exporter["templates"]["withdrawn"] == 10
    assert result.dropped == {"unknown_template": 10}


def test_withdrawal_by_the_wrong_set(stream):
    """RFC 7011, 8.1: set 2 withdraws templates only, set 3 options templates only."""
    result = stream(message([COUNT, options_set(OPTIONS)]),
                    message([options_set(withdrawal(256)), template_set(withdrawal(400))]),
                    message([data_set(256, u64(1)), data_set(400, u32(1) + b"eth0")]))
    assert len(result.records) == 2
    assert result.exporter["templates"]["withdrawals_ignored"] == 2


def test_withdrawal_in_one_domain(stream):
    """RFC 7011, 8.1: a withdrawal, also of all, is of its own observation domain."""
    result = stream(message([COUNT], domain=1), message([COUNT], domain=2),
                    message([template_set(withdrawal(2))], domain=2),
                    message([data_set(256, u64(1))], domain=1),
                    message([data_set(256, u64(2))], domain=2))
    assert result.records == [[("octetDeltaCount", 1)]]


@pytest.mark.parametrize("transport", ["capture", "udp"])
@pytest.mark.parametrize("octets", [template_set(withdrawal(256)), template_set(withdrawal(2))])
def test_withdrawal_over_udp(collect, transport, octets):
    """RFC 7011, 8.4: withdrawals over UDP are ignored."""
    result = over_streams(collect, transport, message([COUNT]), message([octets]),
                          message([data_set(256, u64(1))]))
    assert result.records == [[("octetDeltaCount", 1)]]
    assert result.exporter["templates"]["withdrawals_ignored"] == 1
    assert result.exporter["templates"]["withdrawn"] == 0


def test_element_of_the_documentation(over):
    """RFC 7011, 3.2: the enterprise number stands behind the length of its element only."""
    result = over(message([template_set(template(256, F("octetDeltaCount"), F(77, 4, DOC_PEN + 1),
                                                 F("protocolIdentifier"))),
                           data_set(256, u64(1) + b"\1\2\3\4" + u8(6))]))
    assert result.records == [[("octetDeltaCount", 1), (f"e{DOC_PEN + 1}id77", "01020304"),
                               ("protocolIdentifier", 6)]]
