# SPDX-License-Identifier: Apache-2.0
"""RFC 5471, section 3.6.4 to 3.6.8: wrong templates, wrong data, unknown sets, ids used again.

Over UDP a message is discarded and the session goes on; over TCP the connection is closed, too.
Files go on with the message behind it.
"""
import struct
import time

import pytest

from interop.rfc5471.wire import (F, a_set, data_set, message, specifier, template, template_set,
                                  u8, u16, u32, u64, variable, withdrawal)

COUNT = template_set(template(256, F("octetDeltaCount")))
GOOD = message([COUNT, data_set(256, u64(1))])
RECORD = [("octetDeltaCount", 1)]


def figure_4(length=28, count=2, more=b"", scope=None):
    """The message of the plan: a template of the count of fields that has one."""
    body = struct.pack("!HH", 257, count) + (b"" if scope is None else u16(scope)) \
        + specifier(8, 4) + more
    return struct.pack("!HHIIIHH", 10, length, 1155202151, 0x12345678, 0x33334444,
                       2 if scope is None else 3, 4 + len(body)) + body


def check_refused(way, octets, reason, goes_on=True):
    """The message is discarded for the reason and the error told; what follows is read, unless it
    is a stream, which is closed."""
    collector = way()
    collector.send(octets)
    if collector.closes:
        collector.await_closed()
    elif goes_on:
        collector.send(GOOD)
    result = collector.finish()
    assert result.discarded == {reason: 1}
    assert result.exporter["octets"][reason] == len(octets)
    assert "discarded" in result.log
    assert result.closed == collector.closes
    assert result.records == ([] if collector.closes or not goes_on else [RECORD])


@pytest.mark.parametrize("transport", ["capture", "udp"])
@pytest.mark.parametrize("length, count, more", [
    (32, 2, b""),       # (a) the message's length is beyond what came
    (26, 2, b""),       # (c) and short of it
    (32, 1, b""),       # (d) a template that is right in a message that is not
])
def test_length_of_a_datagram(way, length, count, more):
    """RFC 5471, 3.6.4 (a), (c), (d): the length in the header is not that of the datagram."""
    check_refused(way, figure_4(length, count, more), "length")


def test_template_without_its_last_field(way):
    """RFC 5471, 3.6.4 (b): two fields are promised, one is there."""
    check_refused(way, figure_4(), "template")


def test_message_cut_within_its_template(collect):
    """RFC 5471, 3.6.4 (c): the same over TCP, where the rest of the stream means nothing."""
    collector = collect("tcp")
    collector.send(figure_4(length=26))
    collector.await_closed()
    result = collector.finish()
    assert result.discarded == {"set_length": 1} and result.closed


def test_template_that_is_whole(over):
    """RFC 5471, 3.6.4 (e): with the field of figure 5 it is right."""
    result = over(figure_4(32, more=specifier(12, 4)))
    assert result.exporter["templates"]["defined"] == 1
    assert not result.discarded and not result.closed


@pytest.mark.parametrize("scope", [0, 2])
def test_scope_count_that_is_wrong(way, scope):
    """RFC 5471, 3.6.4 (RFC 7011, 3.4.2.2): figure 6, no scope, and more scopes than fields."""
    check_refused(way, figure_4(30, 1, scope=scope), "template")


@pytest.mark.parametrize("template_id", [0, 1, 2, 255])
def test_template_ids_below_256(way, template_id):
    """RFC 7011, 3.4.1: a template's id is 256 or more."""
    check_refused(way, message([template_set(template(template_id, F("octetDeltaCount")))]),
                  "template")


def cut(octets, bytes_left):
    """The beginning of a message that says so itself."""
    return octets[:2] + u16(bytes_left) + octets[4:bytes_left]


@pytest.mark.parametrize("bytes_left", [17, 19, 30, 39])
def test_message_that_ends_in_a_set(way, bytes_left):
    """RFC 5471, 3.6.5 (RFC 7011, 9.1): the header is short of the sets."""
    check_refused(way, cut(GOOD, bytes_left), "set_length")


@pytest.mark.parametrize("transport", ["capture", "udp"])
@pytest.mark.parametrize("octets, reason", [
    (b"\0", "too_short"), (GOOD[:2], "too_short"), (GOOD[:15], "too_short"), (GOOD[:-1], "length"),
    (GOOD + b"\0", "length"), (b"\0\x0b" + GOOD[2:], "version"), (b"GET / HTTP/1.0", "version")])
def test_datagram_that_is_no_message(way, octets, reason):
    """RFC 5471, 3.6.5 (RFC 7011, 9.1): shorter than a header, than it says, or of no version."""
    check_refused(way, octets, reason)


@pytest.mark.parametrize("octets, reason", [
    (b"\0\x0b" + GOOD[2:], "version"), (b"GET / HTTP/1.0\r\n\r\n" + bytes(20), "version"),
    (message([], length=15), "length"), (message([], length=0), "length")])
def test_stream_that_is_no_message(collect, octets, reason):
    """RFC 5471, 3.6.5 (RFC 7011, 9.1): what cannot be the beginning of a message ends the stream,
    counted and told; another may be opened (RFC 7011, 10.4.4)."""
    collector = collect("tcp")
    collector.send(octets)
    collector.await_closed()
    collector.socket.close()
    collector.socket = collector.connect()
    collector.send(GOOD)
    result = collector.finish()
    assert result.records == [RECORD] and result.exporter["sessions_ever"] == 2
    assert result.discarded == {reason: 1} and "discarded" in result.log


@pytest.mark.parametrize("bytes_left, reason", [(1, "too_short"), (15, "too_short"),
                                                (16, "length"), (39, "length")])
def test_stream_that_ends_in_a_message(collect, bytes_left, reason):
    """RFC 5471, 3.6.5 (RFC 7011, 9.1): a connection closed within a message; what was whole before
    is read."""
    collector = collect("tcp")
    collector.send(GOOD, GOOD[:bytes_left])
    collector.socket.close()
    collector.await_messages(2)
    collector.socket = collector.connect()
    result = collector.finish()
    assert result.records == [RECORD] and result.discarded == {reason: 1}


def test_illegal_reduced_size(over):
    """RFC 5471, 3.6.5 (RFC 7011, 6.2): types that may not be reduced are kept as octets, never
    read as something else (a deviation: the message is not discarded, nothing is lost)."""
    result = over(message([
        template_set(template(256, F("sourceIPv4Address", 3), F("flowStartMilliseconds", 4),
                              F("sourceMacAddress", 8), F("dataRecordsReliability", 2),
                              F("octetDeltaCount"))),
        data_set(256, b"\1\2\3" + b"\4\5\6\7" + bytes(range(8)) + b"\0\1" + u64(5))]))
    assert result.records == [[
        ("e0id8", "010203"), ("e0id152", "04050607"), ("e0id56", "0001020304050607"),
        ("e0id276", "0001"), ("octetDeltaCount", 5)]]


NAME = template_set(template(256, F("interfaceName"), F("octetDeltaCount")))


@pytest.mark.parametrize("body", [
    u8(9) + b"eight oc" + b"",                  # beyond the end of the set
    u8(255) + u16(65535) + bytes(20),
    u8(255) + b"\1" + bytes(9)[:7],             # the length itself is cut short
    u8(0) + bytes(8) + u8(200) + bytes(8),      # the second record only
], ids=range(4))
def test_variable_length_beyond_the_set(way, body):
    """RFC 5471, 3.6.5 (RFC 7011, 9.1): a length that runs over the end of its set."""
    check_refused(way, message([NAME, a_set(256, body)]), "record")


@pytest.mark.parametrize("missing", [1, 7])
def test_too_few_elements(over, missing):
    """RFC 5471, 3.6.6: a record shorter than its template is what section 3.3.1 of RFC 7011 calls
    padding: the set has no record, and is counted as empty."""
    result = over(message([COUNT, a_set(256, u64(1)[missing:])]))
    assert result.records == [] and result.dropped == {"empty": 1}


def test_too_few_elements_with_variable_length(way):
    """RFC 5471, 3.6.6: the text is there, the counter behind it is cut."""
    check_refused(way, message([NAME, a_set(256, variable(b"twelve octet") + u32(1))]), "record")


def test_too_many_elements(over):
    """RFC 5471, 3.6.6: what is behind the last whole record is padding (RFC 7011, 9)."""
    result = over(message([COUNT, a_set(256, u64(1) + u32(6))]))
    assert result.records == [RECORD] and not result.discarded


@pytest.mark.parametrize("set_id", [0, 1, 4, 5, 100, 255])
def test_unknown_set_ids(over, set_id):
    """RFC 5471, 3.6.7 (RFC 7011, 3.3.2): sets of no meaning are left out, counted and told, the
    rest of the message is read."""
    result = over(message([a_set(set_id, template(300, F("octetDeltaCount"))), COUNT,
                           a_set(set_id, b""), data_set(256, u64(1))]))
    assert result.records == [RECORD]
    assert result.dropped == {"reserved_set": 2} and not result.discarded and not result.closed
    assert "a set whose number has no meaning" in result.log


# ---- ids used again ----

@pytest.mark.parametrize("transport", ["tcp"])
def test_same_template_again_over_tcp(over):
    """RFC 5471, 3.6.8.2, as RFC 7011, 8.1 has it since: the same again is no error."""
    result = over(message([COUNT, data_set(256, u64(1))]), message([COUNT], 1),
                  message([data_set(256, u64(1))], 1))
    assert result.records == [RECORD, RECORD] and not result.closed
    assert (result.exporter["templates"]["defined"],
            result.exporter["templates"]["conflicts"]) == (1, 0)


@pytest.mark.parametrize("transport", ["tcp"])
def test_other_template_over_tcp(over):
    """RFC 5471, 3.6.8.2, as RFC 7011, 8.1 has it since: another template under an id in use is
    counted and told; from then on it is the one used."""
    result = over(message([COUNT, data_set(256, u64(1))]),
                  message([template_set(template(256, F("ingressInterface")))], 1),
                  message([data_set(256, u32(2))], 1))
    assert sorted(result.records) == [[("ingressInterface", 2)], RECORD]
    assert result.exporter["templates"]["conflicts"] == 1
    assert "template" in result.log


@pytest.mark.parametrize("transport", ["tcp"])
def test_withdrawn_template_over_tcp(over):
    """RFC 5471, 3.6.8.2: withdrawn; data of it are not decoded; sent again it is as new."""
    result = over(message([COUNT, data_set(256, u64(1))]),
                  message([template_set(withdrawal(256))], 1),
                  message([COUNT, data_set(256, u64(1))], 1))
    assert result.records == [RECORD, RECORD]
    assert (result.exporter["templates"]["defined"],
            result.exporter["templates"]["withdrawn"]) == (2, 1)


@pytest.mark.parametrize("transport", ["capture", "udp"])
def test_template_again_within_its_lifetime(over):
    """RFC 5471, 3.6.8.3.1 (RFC 7011, 8.4): the same again is taken, another replaces it."""
    other = template_set(template(256, F("ingressInterface")))
    result = over(message([COUNT, data_set(256, u64(1))]), message([COUNT], 1),
                  message([data_set(256, u64(1))], 1), message([other, data_set(256, u32(5))], 2),
                  message([data_set(256, u32(5))], 3))
    assert sorted(result.records) == [[("ingressInterface", 5)]] * 2 + [RECORD] * 2
    assert (result.exporter["templates"]["defined"],
            result.exporter["templates"]["conflicts"]) == (2, 0)
    assert result.log == ""


def test_template_after_its_lifetime(collect):
    """RFC 5471, 3.6.8.3.2: forgotten after its lifetime; its data are dropped unless it comes
    again; then it is as new."""
    collector = collect("capture", "--template-lifetime", "60s")
    collector.send(message([COUNT, data_set(256, u64(1))]))
    collector.at(59)
    collector.send(message([data_set(256, u64(2))], 1))
    collector.at(61)
    collector.send(message([data_set(256, u64(3))], 2))
    result = collector.finish()
    assert result.records == [[("octetDeltaCount", 1)], [("octetDeltaCount", 2)]]
    assert result.exporter["templates"]["expired"] == 1
    assert result.dropped == {"unknown_template": 1}


def test_template_sent_anew_after_its_lifetime(collect):
    """RFC 5471, 3.6.8.3.2: refreshing counts from the last time that it came."""
    collector = collect("capture", "--template-lifetime", "60s")
    for seconds in range(0, 200, 40):
        collector.at(seconds)
        collector.send(message([COUNT], seconds // 40))
        collector.at(seconds + 39)
        collector.send(message([data_set(256, u64(seconds))], seconds // 40))
    collector.at(400)
    collector.send(message([COUNT], 5), message([data_set(256, u64(400))], 5))
    result = collector.finish()
    assert result.records == [[("octetDeltaCount", n)] for n in (0, 40, 80, 120, 160, 400)]
    assert result.exporter["templates"]["expired"] == 0


def test_lifetime_is_measured_live(collect):
    """RFC 5471, 3.6.8.3.2: the same over a socket, by the collector's own clock."""
    collector = collect("udp", "--template-lifetime", "1s")
    collector.send(message([COUNT, data_set(256, u64(1))]))
    collector.await_messages(1)
    time.sleep(1.3)
    collector.send(message([data_set(256, u64(2))], 1))
    collector.await_messages(2)
    collector.send(message([COUNT, data_set(256, u64(3))], 2))
    result = collector.finish()
    assert sorted(result.records)[-1] == [("octetDeltaCount", 3)]
    assert result.exporter["templates"]["expired"] == 1


def test_streams_have_no_lifetime(collect):
    """RFC 7011, 8: over TCP a template lives as long as its session."""
    collector = collect("tcp", "--template-lifetime", "1s")
    collector.send(message([COUNT, data_set(256, u64(1))]))
    time.sleep(1.3)
    collector.send(message([data_set(256, u64(2))], 1))
    assert len(collector.finish().records) == 2
