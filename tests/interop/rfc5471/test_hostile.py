# SPDX-License-Identifier: Apache-2.0
"""Hostile streams: lengths that lie, floods, nesting, odd withdrawals (RFC 7011, 9.1 and 11).

Whatever comes: memory stays within its bounds, every message and set is accounted for by reason
and exporter, over UDP the session goes on, over TCP it is closed and others are served.
"""
import random
import struct

import pytest

from interop.rfc5471.collectors import MESSAGE_REASONS
from interop.rfc5471.test_3_6_errors import COUNT, GOOD, RECORD, check_refused
from interop.rfc5471.wire import (F, VARIABLE, a_set, basic_list, data_set, message, options_set,
                                  options_template, specifier, template, template_set, u8, u16, u32,
                                  u64, variable, withdrawal)

MEMORY_KB = 48 * 1024
SMALL = ("--exporter-memory", "1M", "--memory", "4M")
SET_REASONS = ("unknown_template", "no_room", "reserved_set", "unusable_template", "no_key",
               "layouts", "malformed", "empty")


def check_account(result):
    """Sums of section 3.3 of the account: nothing is lost between the lines."""
    assert result.stats["balanced"]
    for account in result.stats["exporters"]:
        messages, sets = account["messages"], account["sets"]
        assert messages["received"] == messages["decoded"] + sum(
            messages[reason] for reason in MESSAGE_REASONS)
        assert sets["received"] == sets["templates"] + sets["data"] + sets["waiting"] + sum(
            sets[reason] for reason in SET_REASONS)


def check_bounded(result):
    check_account(result)
    assert result.peak_kb < MEMORY_KB


@pytest.mark.parametrize("length", range(4))
@pytest.mark.parametrize("set_id", [2, 256])
def test_set_lengths_below_a_header(way, set_id, length):
    """RFC 7011, 3.3.2, 9.1: a set's length includes its header of four octets."""
    check_refused(way, message([a_set(set_id, bytes(12), length=length), COUNT]), "set_length")


@pytest.mark.parametrize("length", [13, 14, 4096, 65535])
def test_set_lengths_beyond_the_message(way, length):
    """RFC 7011, 3.3.2, 9.1: a set longer than its message; nothing before it is believed."""
    check_refused(way, message([COUNT, data_set(256, u64(1)), a_set(256, u64(2), length=length)]),
                  "set_length")


@pytest.mark.parametrize("count", [2, 3, 1000, 65535])
def test_field_counts_that_overrun(way, count):
    """RFC 7011, 3.4.1, 9.1: more fields are promised than the set holds."""
    check_refused(way, message([template_set(template(256, F("octetDeltaCount"), count=count))]),
                  "template")


@pytest.mark.parametrize("body", [
    struct.pack("!HHHH", 256, 1, 0x8001, 8),            # no enterprise number behind the bit
    struct.pack("!HHHHH", 256, 2, 1, 8, 2),             # half a field
    struct.pack("!HHH", 256, 1, 1)], ids=["pen", "half", "length"])
def test_template_records_that_are_cut(way, body):
    """RFC 7011, 3.2, 9.1: a field specifier that ends with its set."""
    check_refused(way, message([a_set(2, body)]), "template")


@pytest.mark.parametrize("transport", ["file", "tcp"])
def test_longest_message(over):
    """RFC 7011, 10: 65,535 octets, as a message of one template and data."""
    body = COUNT
    count = (65535 - 16 - len(body) - 4) // 8
    padding = 65535 - 16 - len(body) - 4 - 8 * count
    result = over(message([body, data_set(256, *(u64(i) for i in range(count)), padding=padding)]))
    assert [record[0][1] for record in result.records] == list(range(count))
    assert result.exporter["octets"]["decoded"] == 65535


@pytest.mark.parametrize("transport", ["capture", "udp"])
def test_longest_datagram(over):
    """RFC 7011, 10: as long as a datagram can be."""
    count = (65507 - 16 - len(COUNT) - 4) // 8
    result = over(message([COUNT, data_set(256, *(u64(i) for i in range(count)))]))
    assert result.exporter["records"] == count


def test_longest_message_of_empty_sets(over):
    """RFC 7011, 9.1: 16,000 sets without anything in them."""
    result = over(message([a_set(256, b"")] * 16000), GOOD)
    assert result.records == [RECORD]
    check_account(result)


@pytest.mark.parametrize("fields", [[specifier(1, 0)], [specifier(1, 0), specifier(2, 0)],
                                    [F("paddingOctets", 4)], [F("paddingOctets", 0)]],
                         ids=["zero", "zeros", "padding", "none"])
def test_templates_that_say_nothing(over, fields):
    """RFC 7011, 3.4.1: fields without octets, or nothing but padding: the data cannot be records,
    and are counted as of a template that is of no use."""
    result = over(message([template_set(template(300, *fields)), a_set(300, bytes(4000)), COUNT,
                           data_set(256, u64(1))]))
    assert result.records == [RECORD]
    assert result.dropped == {"unusable_template": 1} and not result.closed


def test_empty_variable_fields(over):
    """RFC 7011, 7: a template of variable lengths, each of no octets: one record an octet each."""
    names = [F("interfaceName")] * 10
    result = over(message([template_set(template(256, *names)), data_set(256, bytes(10000))]))
    assert result.exporter["records"] == 1000
    check_account(result)


def nested(depth):
    octets = basic_list(3, F("octetDeltaCount", 8), u64(1))
    for _ in range(depth):
        octets = basic_list(3, F("basicList"), variable(octets, long=True))
    return octets


@pytest.mark.parametrize("depth", [1, 4, 5, 100, 3000])
def test_lists_in_lists(over, depth):
    """RFC 6313, 5.2: recursion is bounded by the message alone; deep lists are told as octets."""
    octets = nested(depth)
    result = over(message([template_set(template(256, F("basicList"))),
                           data_set(256, variable(octets))]), GOOD)
    assert result.exporter["records"] == 2 and not result.discarded
    found = next(dict(r)["basicList"] for r in result.records if "basicList" in dict(r))
    for _ in range(min(depth, 4)):
        found, = found
    expected = [1] if depth < 4 else nested(depth - 4).hex()
    assert found == expected


@pytest.mark.parametrize("octets", [
    b"\x03", b"\x03\0\x01", b"\x03\0\x01\0\x08\1", b"\x03\0\x01\0\0\1", b"\x03\x80\x01\0\x04\0",
    b"\x03\0\x52\xff\xff\xff", b"\x03\0\x52\xff\xff\xff\xff\xff", b"\x03\0\x52\xff\xff\x05abc"],
    ids=range(8))
def test_lists_that_are_none(over, octets):
    """RFC 6313, 4.5.1: lists whose lengths lie are told as octets; the record is whole."""
    result = over(message([template_set(template(256, F("basicList"), F("octetDeltaCount"))),
                           data_set(256, variable(octets) + u64(1))]))
    assert result.records == [[("basicList", octets.hex()), ("octetDeltaCount", 1)]]


# ---- floods ----

def test_ids_used_again_and_again(over):
    """RFC 7011, 8.1: 2,000 times another template under one id, each with its data."""
    other = template_set(template(256, F("packetDeltaCount", 4)))
    sent = []
    for i in range(1000):
        sent += [message([COUNT, data_set(256, u64(i))], 2 * i),
                 message([other, data_set(256, u32(i))], 2 * i + 1)]
    result = over(*sent, arguments=SMALL)
    assert sorted(dict(r).get("octetDeltaCount", -1) for r in result.records) \
        == [-1] * 1000 + list(range(1000))
    assert result.exporter["templates"]["defined"] == 2000
    check_bounded(result)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_flood_of_layouts(collect, transport):
    """RFC 7011, 8: 6,000 templates that all differ, each with data: what is kept apart has a bound,
    what is beyond is counted."""
    collector = collect(transport, *SMALL)
    for at in range(0, 6000, 20):
        sets = []
        for i in range(at, at + 20):
            bits = [F("octetDeltaCount" if i >> b & 1 else "packetDeltaCount") for b in range(13)]
            sets += [template_set(template(256 + i, *bits)), data_set(256 + i, bytes(104))]
        collector.send(message(sets))
    collector.send(GOOD)
    result = collector.finish(settle=True)
    sets = result.exporter["sets"]
    assert RECORD in result.records
    assert sets["data"] + sets["layouts"] + sets["unknown_template"] + sets["no_room"] == 6001
    check_bounded(result)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_flood_of_unknown_elements(collect, transport):
    """RFC 7011, 9: 60,000 elements that nobody knows; names have a bound, octets are kept."""
    collector = collect(transport, *SMALL)
    collector.send(GOOD)
    for at in range(0, 60000, 400):
        fields = [F(i % 32768, 1, 40000 + i // 32768) for i in range(at, at + 400)]
        collector.send(message([template_set(template(300, *fields)), data_set(300, bytes(400))]))
    result = collector.finish(settle=True)
    assert result.exporter["records"] == 151 and result.exporter["sets"]["layouts"] == 0
    check_bounded(result)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_flood_of_early_data(collect, transport):
    """RFC 7011, 8: 12 MB ahead of templates that never come, by ids and by domains: a bounded part
    waits, the rest is dropped and counted, and so is what has waited at the end."""
    collector = collect(transport, *SMALL)
    collector.send(GOOD)
    for i in range(400):
        collector.send(message([a_set(300 + i, bytes(29000)), a_set(300, b"x")], 1, domain=i % 7))
    collector.send(message([data_set(256, u64(2))], 1))
    result = collector.finish(settle=True)
    sets = result.exporter["sets"]
    assert len(result.records) == 2 and sets["no_room"] > 300
    assert sets["unknown_template"] + sets["no_room"] == 800 and sets["waiting"] == 0
    assert "no room for data ahead of their template" in result.log
    check_bounded(result)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_flood_of_domains(collect, transport):
    """RFC 7011, 8: templates in 20,000 observation domains of one session."""
    collector = collect(transport, *SMALL)
    collector.send(GOOD)
    for domain in range(2, 20002):
        collector.send(message([COUNT], domain=domain))
        if collector.closes and domain % 500 == 0 and collector.is_closed():
            break
    result = collector.finish(settle=True)
    assert result.records == [RECORD] and result.discarded["memory"] > 0
    assert result.closed == collector.closes
    check_bounded(result)


def test_early_data_that_turn_out_malformed(over):
    """RFC 7011, 8, 9.1: data that waited are checked like any others when their template comes."""
    result = over(message([a_set(256, u8(200) + bytes(9))]), message([a_set(256, variable(b"a"))]),
                  message([template_set(template(256, F("interfaceName")))]), GOOD)
    assert sorted(result.records) == [[("interfaceName", "a")], RECORD]
    assert result.dropped == {"malformed": 1} and result.exporter["early_sets"] == 2
    check_account(result)


@pytest.mark.parametrize("transport", ["file", "tcp"])
@pytest.mark.parametrize("octets", [
    [template_set(withdrawal(256), template(256, F("octetDeltaCount")))],
    [COUNT, template_set(withdrawal(256)), template_set(withdrawal(256)), COUNT],
    [template_set(withdrawal(2)), options_set(withdrawal(3)), COUNT],
    [options_set(withdrawal(2)), template_set(withdrawal(3)), COUNT],
    [a_set(2, template(256, F("octetDeltaCount")) + withdrawal(300) + bytes(3))],
], ids=range(5))
def test_withdrawals_in_odd_places(over, octets):
    """RFC 7011, 8.1: before, between and behind definitions; what was defined last counts."""
    result = over(message(octets + [data_set(256, u64(1))]))
    assert result.records == [RECORD] and not result.discarded and not result.closed
    check_account(result)


@pytest.mark.parametrize("template_id", [0, 1, 4, 255])
def test_withdrawals_of_no_id(way, template_id):
    """RFC 7011, 8.1: a field count of 0 under an id that no template can have is none."""
    octets = message([template_set(withdrawal(template_id) + b"\0\0\0\1")])
    check_refused(way, octets, "template")


def test_stream_that_stands_still(collect):
    """RFC 7011, 9.1: a peer that sends half a header holds nobody else up."""
    collector = collect("tcp")
    collector.socket.send(GOOD[:3])
    others = [collector.connect() for _ in range(20)]
    for other in others:
        other.sendall(GOOD)
    collector.sent = 20
    result = collector.finish()
    for other in others:
        other.close()
    assert result.records == [RECORD] * 20
    assert result.discarded in ({}, {"too_short": 1})


def mutated(rng):
    """A sound message with some octets changed, cut out or put in; lengths mostly mended."""
    octets = bytearray(rng.choice(SOUND))
    for _ in range(rng.randint(1, 4)):
        at, what = rng.randrange(len(octets)), rng.random()
        if what < 0.6:
            octets[at] = rng.choice((0, 1, 2, 3, 4, 255, rng.randrange(256)))
        elif what < 0.8:
            del octets[at:at + rng.randint(1, 5)]
        else:
            octets[at:at] = rng.randbytes(rng.randint(1, 5))
        if not octets:
            return b"\0"
    if rng.random() < 0.8 and len(octets) > 4:
        octets[2:4] = u16(len(octets))
    return bytes(octets)


SOUND = [
    GOOD,
    message([template_set(template(257, F("interfaceName"), F("octetDeltaCount", 3),
                                   F(7, VARIABLE, 31337))),
             data_set(257, variable(b"name") + b"\1\2\3" + variable(b"\0" * 300))]),
    message([options_set(options_template(258, [F("ingressInterface")], [F("interfaceName")])),
             data_set(258, u32(1) + variable(b"eth0"))]),
    message([template_set(template(259, F("basicList"), F("subTemplateMultiList"))),
             data_set(259, variable(nested(3)) + variable(b"\x03\1\0\0\x0c" + u64(1)))]),
    message([template_set(withdrawal(256)), COUNT, a_set(300, bytes(9))]),
]


@pytest.mark.parametrize("seed", range(3))
def test_damaged_messages(collect, seed):
    """RFC 7011, 9.1: 4,000 messages damaged at random in one session: all accounted for, and it
    still understands what is sound."""
    rng = random.Random(seed)
    collector = collect("capture", *SMALL)
    collector.send(*(mutated(rng) for _ in range(4000)))
    collector.send(message([COUNT, data_set(256, u64(1), u64(2))], domain=99))
    result = collector.finish()
    assert result.status == 0 and result.exporter["messages"]["received"] == 4001
    assert result.records.count([("octetDeltaCount", 2)]) >= 1
    assert sum(result.discarded.values()) > 500
    check_account(result)
