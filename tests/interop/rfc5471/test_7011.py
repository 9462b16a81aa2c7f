# SPDX-License-Identifier: Apache-2.0
"""What RFC 7011 demands of a collecting process and RFC 5471's plan leaves out."""
import socket
import struct

import pytest

from interop.rfc5471.collectors import OverTcp
from interop.rfc5471.wire import (F, a_set, data_set, ip, message, ntp, options_set,
                                  options_template, template, template_set, u32, u64, variable)

COUNT = template_set(template(256, F("octetDeltaCount")))


def one(value):
    return [("octetDeltaCount", value)]


@pytest.mark.parametrize("transport", ["capture", "udp", "tcp"])
def test_templates_end_with_their_session(collect, transport):
    """RFC 7011, 8: a template of one session says nothing about data of the next."""
    collector = collect(transport)
    collector.send(message([COUNT, data_set(256, u64(1))]))
    if transport == "capture":
        collector.port += 1
    else:
        collector.await_messages(1)
        collector.socket.close()
        collector.socket = collector.connect()
    collector.send(message([data_set(256, u64(2))]))
    result = collector.finish()
    assert result.records == [one(1)]
    assert result.dropped == {"unknown_template": 1}
    assert result.exporter["sessions_ever"] == 2


def test_each_file_is_a_session(weir, tmp_path):
    """RFC 7011, 8 (RFC 5655): templates end with their file."""
    for i, sets in enumerate(([COUNT, data_set(256, u64(1))], [data_set(256, u64(2))])):
        (tmp_path / f"{i}.ipfix").write_bytes(message(sets))
    done = weir("collect", "-r", tmp_path / "0.ipfix", "-r", tmp_path / "1.ipfix", "-o", "json:-")
    assert done.stdout.count("octetDeltaCount") == 1


@pytest.mark.parametrize("domains", [(0, 1), (1, 2**32 - 1)])
def test_ids_are_of_their_domain(over, domains):
    """RFC 7011, 8: one id, two templates, in two observation domains."""
    first, second = domains
    result = over(message([COUNT], domain=first),
                  message([template_set(template(256, F("sourceIPv4Address")))], domain=second),
                  message([data_set(256, u64(1))], domain=first),
                  message([data_set(256, ip("192.0.2.1"))], domain=second))
    assert sorted(result.records) == [one(1), [("sourceIPv4Address", "192.0.2.1")]]
    assert result.exporter["templates"]["conflicts"] == 0


def test_ids_come_in_any_order(over):
    """RFC 7011, 3.4.1, 3.4.2.2: ids need not be in order, nor without gaps."""
    ids = [65535, 256, 300, 1024, 257]
    result = over(message([template_set(*(template(i, F("octetDeltaCount")) for i in ids))]
                          + [data_set(i, u64(i)) for i in sorted(ids)]))
    assert result.records == [one(i) for i in sorted(ids)]


def test_data_ahead_of_their_template(over):
    """RFC 7011, 8: data may come first; they are read when the template has come, with the time of
    their own message."""
    result = over(message([data_set(256, u64(1), u64(2))]), message([COUNT], 2),
                  message([data_set(256, u64(3))], 2))
    assert sorted(result.records) == [one(1), one(2), one(3)]
    assert result.exporter["early_sets"] == 1 and not result.dropped


def test_template_behind_its_data_in_a_message(over):
    """RFC 7011, 8, 8.2: the order that exporters must keep is no reason to lose anything."""
    assert over(message([data_set(256, u64(1)), COUNT])).records == [one(1)]


def test_several_sets_of_one_template(over):
    """RFC 7011, 3.3.2: the length of a set leads to the next, whatever they hold."""
    result = over(message([COUNT] + [data_set(256, u64(i), padding=i % 8) for i in range(50)]))
    assert result.records == [one(i) for i in range(50)]


@pytest.mark.parametrize("fraction", [0, 0x7ff, 0x80000000, 0x800007ff])
def test_low_bits_of_microseconds(over, fraction):
    """RFC 7011, 6.1.9: the bottom 11 bits of the fraction are ignored."""
    result = over(message([template_set(template(256, F("flowStartMicroseconds"))),
                           data_set(256, ntp(1700000000, fraction))]))
    assert result.records == [[("flowStartMicroseconds",
                                1700000000 * 10**6 + (500000 if fraction >> 31 else 0))]]


def test_times_after_2036(over):
    """RFC 7011, 6.1.9: seconds since 1900 wrap in 2036; what is before 1968 is after."""
    late = 2**31 + 10**6                # 2038
    result = over(message([template_set(template(256, F("flowStartMicroseconds"),
                                                 F("flowStartNanoseconds"))),
                           data_set(256, ntp(late, 0) + ntp(late, 0))]))
    assert result.records == [[("flowStartMicroseconds", late * 10**6),
                               ("flowStartNanoseconds", late * 10**9)]]


@pytest.mark.parametrize("octet, value", [(1, True), (2, False), (0, None), (255, None)])
def test_booleans(over, octet, value):
    """RFC 7011, 6.1.5: 1 is true, 2 is false, anything else says neither."""
    result = over(message([template_set(template(256, F("dataRecordsReliability"),
                                                 F("octetDeltaCount"))),
                           data_set(256, bytes([octet]) + u64(1))]))
    assert result.records == [([("dataRecordsReliability", value)] if value is not None else [])
                              + one(1)]


@pytest.mark.parametrize("octets, text", [
    (b"\xc3\xbc", "ü"), (b"\xff\xfe", "\\xff\\xfe"), (b"a\xc3", "a\\xc3"), (b"\0a", "\0a")])
def test_texts_that_are_ill_formed(over, octets, text):
    """RFC 7011, 6.1.6: exporters must not send ill-formed UTF-8; what comes is told octet by
    octet, and what is written is well-formed."""
    result = over(message([template_set(template(256, F("interfaceName"))),
                           data_set(256, variable(octets))]))
    assert result.records == [[("interfaceName", text)]]


# ---- sequence numbers ----

def test_lost_records_are_counted(over):
    """RFC 7011, 11.6, 3.1: what is missing between two messages is counted to the record and
    told."""
    result = over(message([COUNT, data_set(256, *[u64(0)] * 5)], 100),
                  message([data_set(256, u64(0))], 105), message([data_set(256, u64(0))], 126))
    sequence = result.exporter["sequence"]
    assert (sequence["gaps"], sequence["lost"]) == (1, 20)
    assert "gap in the sequence numbers" in result.log


def test_sequence_numbers_wrap(over):
    """RFC 7011, 3.1: modulo 2^32."""
    result = over(message([COUNT, data_set(256, *[u64(0)] * 6)], 2**32 - 4),
                  message([data_set(256, u64(0))], 2))
    assert result.exporter["sequence"] == {"gaps": 0, "lost": 0, "reordered": 0, "restarts": 0}


def test_sequence_numbers_by_domain(over):
    """RFC 7011, 3.1: each observation domain of a session has its own."""
    sent = [message([COUNT], 10 ** d, domain=d) for d in range(5)]
    sent += [message([data_set(256, u64(0))], 10 ** d + i, domain=d)
             for i in range(3) for d in range(5)]
    assert over(*sent).exporter["sequence"]["gaps"] == 0


def test_templates_do_not_count(over):
    """RFC 7011, 3.1: templates and options templates are no data records."""
    result = over(message([COUNT, COUNT], 7), message([COUNT], 7),
                  message([data_set(256, u64(1))], 7), message([COUNT], 8))
    assert result.exporter["sequence"]["gaps"] == 0


@pytest.mark.parametrize("transport", ["capture", "udp"])
def test_reordered_datagrams(over):
    """RFC 7011, 11.6: a datagram that comes late was not lost."""
    result = over(message([COUNT, data_set(256, u64(0))], 0), message([data_set(256, u64(2))], 2),
                  message([data_set(256, u64(1))], 1), message([data_set(256, u64(3))], 3))
    sequence = result.exporter["sequence"]
    assert (sequence["lost"], sequence["reordered"], sequence["restarts"]) == (0, 1, 0)
    assert len(result.records) == 4


@pytest.mark.parametrize("transport", ["capture", "udp"])
def test_restart_of_an_exporter(over):
    """RFC 7011, 11.6: from one port again at zero, later: a restart, not a loss of 2^32."""
    result = over(message([COUNT, data_set(256, *[u64(0)] * 9)], 5000),
                  message([COUNT, data_set(256, u64(0))], 0, time=1700000060))
    sequence = result.exporter["sequence"]
    assert (sequence["lost"], sequence["restarts"]) == (0, 1)


# ---- connections ----

@pytest.mark.parametrize("pieces", [1, 7, 15, 16, 17])
def test_stream_in_pieces(collect, pieces):
    """RFC 7011, 10.4: TCP keeps no boundaries of messages."""
    collector = collect("tcp")
    octets = b"".join(message([COUNT, data_set(256, u64(i))], i) for i in range(6))
    for at in range(0, len(octets), pieces):
        collector.socket.send(octets[at:at + pieces])
    collector.sent = 6
    assert collector.finish().records == [one(i) for i in range(6)]


def test_listens_on_after_a_connection_breaks(collect):
    """RFC 7011, 9, 10.4.4: a reset in the midst of a message; the next connection is served."""
    collector = collect("tcp")
    for i in range(3):
        collector.send(message([COUNT, data_set(256, u64(i))]))
        collector.socket.send(b"\0\x0a\0")
        collector.await_messages(collector.sent)
        collector.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        collector.socket.close()
        collector.socket = collector.connect()
    collector.send(message([COUNT, data_set(256, u64(3))]))
    result = collector.finish()
    assert result.records == [one(i) for i in range(4)]
    assert result.exporter["sessions_ever"] == 4


def test_transports_are_sessions_of_their_own(collect, tmp_path):
    """RFC 7011, 10: nothing of a UDP session serves a TCP session of the same two hosts."""
    collector = collect("udp", "-l", "ipfix+tcp://127.0.0.1:4739")
    collector.send(message([COUNT]))
    collector.await_messages(1)
    port, collector.port = collector.port, 4739
    stream = OverTcp.connect(collector)
    collector.port = port
    stream.sendall(message([data_set(256, u64(1))]))
    collector.sent += 1
    result = collector.finish()
    stream.close()
    assert result.records == [] and result.dropped == {"unknown_template": 1}


def test_unknown_sets_keep_sequences(over):
    """RFC 7011, 11.6: records that could not be decoded are not taken for lost ones."""
    result = over(message([COUNT, data_set(256, u64(1)), a_set(300, bytes(20))], 0),
                  message([data_set(256, u64(1))], 6))
    assert result.exporter["sequence"]["lost"] == 0


def test_export_times_at_the_ends(over):
    """RFC 7011, 3.1: export times of 0 and of 2106 are as good as any."""
    result = over(message([COUNT, data_set(256, u64(1))], time=0),
                  message([data_set(256, u64(2))], 1, time=2**32 - 1))
    assert result.records == [one(1), one(2)]


def test_padding_shorter_than_a_record(over):
    """RFC 7011, 9: padding is what is left of the set modulo the shortest record."""
    result = over(message([template_set(template(256, F("sourceIPv4Address"), F("interfaceName"))),
                           a_set(256, ip("192.0.2.1") + variable(b"a") + bytes(4))]))
    assert result.records == [[("sourceIPv4Address", "192.0.2.1"), ("interfaceName", "a")]]


def test_reduced_size_of_options(over):
    """RFC 7011, 6.2: counters of options data may be short, too; u32 for unsigned64."""
    result = over(message([options_set(options_template(
        500, [F("ingressInterface", 2)], [F("exportedOctetTotalCount", 4)])),
                           data_set(500, b"\0\x07" + u32(9))]))
    assert result.records == [[("ingressInterface", 7), ("exportedOctetTotalCount", 9)]]
