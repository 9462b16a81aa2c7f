# SPDX-License-Identifier: Apache-2.0
"""RFC 5471, section 3.5: many records, too many, large templates, many templates, many exporters.

Nothing is asserted on speed; what is: every record is read or counted as lost, memory is bounded,
and other sessions are served.
"""
import signal
import socket
import struct

import pytest

from interop.rfc5471.collectors import inside
from interop.rfc5471.wire import (F, a_set, basic_list, data_set, ip, message, options_set,
                                  options_template, template, template_set, u16, u32, u64,
                                  variable)

COUNT = template_set(template(256, F("octetDeltaCount")))
MEMORY_KB = 96 * 1024                   # what a collector may hold, outputs included


def counting(records, first=0, per_message=8000, domain=1):
    """Messages of so many records, each with its number; the template is sent by the caller."""
    for at in range(first, first + records, per_message):
        end = min(at + per_message, first + records)
        yield message([a_set(256, struct.pack(f"!{end - at}Q", *range(at, end)))], at,
                      domain=domain)


@pytest.mark.parametrize("transport", ["file", "tcp"])
def test_many_records_of_one_template(collect, transport):
    """RFC 5471, 3.5.1: 160,000 records; all are written, in bounded memory."""
    collector = collect(transport)
    collector.send(message([COUNT]), *counting(160000))
    result = collector.finish(settle=True)
    assert [record[0][1] for record in result.records] == list(range(160000))
    assert result.stats["balanced"] and result.exporter["sequence"]["lost"] == 0
    assert result.peak_kb < MEMORY_KB


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_other_sessions_while_one_has_no_memory(collect, transport):
    """RFC 5471, 3.5.1: an exporter beyond its memory: what finds no room is refused; its connection
    is closed when not even a domain does; other sessions, and new ones, are served."""
    collector = collect(transport, "--exporter-memory", "64K")
    other = collector.connect()
    other.send(message([COUNT]))
    for domain in range(40):
        collector.send(message([template_set(*(template(256 + i, *[F("octetDeltaCount")] * 20)
                                               for i in range(50)))], domain=domain))
    if collector.closes:
        collector.await_closed()
    else:
        collector.await_messages(41)
    third = collector.connect()
    for made in (other, third):
        made.send(message([COUNT, data_set(256, u64(7))]))
    collector.await_messages(collector.received() + 1)
    collector.await_records(2)
    result = collector.finish(wait=False)
    other.close(), third.close()
    assert result.records == [[("octetDeltaCount", 7)]] * 2
    assert result.exporter["templates"]["refused"] > 0
    assert result.closed == collector.closes and "no room for a template" in result.log


WIDE = template_set(template(256, F("octetDeltaCount"), F("paddingOctets", 1016)))


def test_stream_stalls_while_the_collector_is_busy(collect):
    """RFC 5471, 3.5.2: over TCP the exporter is held up, and nothing is lost."""
    collector = collect("tcp")
    collector.send(message([WIDE]))
    collector.await_messages(1)
    collector.process.send_signal(signal.SIGSTOP)
    messages = [message([data_set(256, *(u64(n) + bytes(1016) for n in range(at, at + 60)))], at)
                for at in range(0, 18000, 60)]
    octets, sent = b"".join(messages), 0
    collector.socket.setblocking(False)
    try:
        while sent < len(octets):
            sent += collector.socket.send(octets[sent:sent + 65536])
    except BlockingIOError:
        pass
    assert sent < len(octets), "the sockets took everything"
    collector.process.send_signal(signal.SIGCONT)
    collector.socket.settimeout(30)
    collector.socket.sendall(octets[sent:])
    collector.sent += len(messages)
    result = collector.finish()
    assert [record[0][1] for record in result.records] == list(range(18000))
    assert result.exporter["sequence"]["lost"] == 0


def test_datagrams_are_dropped_while_the_collector_is_busy(collect):
    """RFC 5471, 3.5.2 (RFC 7011, 11.6): over UDP what finds no room is counted by the kernel and,
    to the record, by the sequence numbers; it is told."""
    collector = collect("udp", "--buffer", "64K")
    collector.send(message([COUNT]))
    collector.await_messages(1)
    collector.process.send_signal(signal.SIGSTOP)
    total = 60000
    collector.send(*counting(total, per_message=100))
    collector.process.send_signal(signal.SIGCONT)
    result = collector.finish_idle(message([data_set(256, u64(total))], total))
    sequence, transport = result.exporter["sequence"], result.stats["transport"]
    assert transport["kernel_drop"] > 0
    assert sequence["lost"] == total + 1 - len(result.records)
    assert sequence["lost"] == 100 * transport["kernel_drop"]
    assert "a gap in the sequence numbers" in result.log


FIELDS = {"udp": (65507 - 24) // 4, "capture": (65507 - 24) // 4, "tcp": (65535 - 24) // 4,
          "file": (65535 - 24) // 4}


def test_largest_template(over, transport):
    """RFC 5471, 3.5.3: as many fields as a message holds (16,370 over UDP), with data of the same
    number of octets. A row of weir has room for fewer columns: the elements beyond are counted,
    those before are right, and so is the next record."""
    count = FIELDS[transport]
    record = bytes(i % 251 for i in range(count))
    result = over(message([template_set(template(256, *[F("protocolIdentifier")] * count))]),
                  message([data_set(256, record, record)]), message([data_set(256, record)], 2))
    left_out = result.exporter["templates"]["elements_left_out"]
    assert result.exporter["records"] == 3 and not result.discarded
    assert left_out < count
    assert result.records == [[("protocolIdentifier", list(record[:count - left_out]))]] * 3


@pytest.mark.parametrize("count", [64, 200])
def test_large_templates_within_a_row(over, count):
    """RFC 5471, 3.5.3: templates of hundreds of fields are told whole."""
    record = bytes(range(count))
    result = over(message([template_set(template(256, *[F("protocolIdentifier")] * count)),
                           data_set(256, record)]))
    assert result.records == [[("protocolIdentifier", list(record))]]
    assert result.exporter["templates"]["elements_left_out"] == 0


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_many_templates(collect, transport):
    """RFC 5471, 3.5.4 (RFC 7011, 8): 64,000 templates within their lifetime: memory has a bound,
    what is beyond is refused, counted and told, and the first ones still serve."""
    collector = collect(transport, "--exporter-memory", "1M", "--memory", "2M")
    collector.send(message([COUNT]))
    for first in range(257, 64257, 1000):
        collector.send(message([template_set(*(
            template(i, F("sourceIPv4Address"), F("octetDeltaCount", 1 + i % 8),
                     F("ingressInterface")) for i in range(first, first + 1000)))]))
    collector.send(message([data_set(256, u64(9))]))
    result = collector.finish(settle=True)
    templates = result.exporter["templates"]
    assert templates["defined"] + templates["refused"] == 64001
    assert templates["defined"] > 1000 and templates["refused"] > 1000
    assert result.records == [[("octetDeltaCount", 9)]]
    assert "no room for a template" in result.log
    assert result.peak_kb < MEMORY_KB


def exporter(collector, transport, source):
    with inside(collector.host):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if transport == "udp"
                             else socket.SOCK_STREAM)
        made.bind((source, 0))
    made.connect(("127.0.0.1", collector.port))
    return made


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_many_exporters(collect, transport):
    """RFC 5471, 3.5.5 (RFC 7011, 8): twenty at a time, one template id, each with a layout of its
    own; sessions are told apart by address and port."""
    collector = collect(transport)
    exporters = [exporter(collector, transport, f"127.0.0.{2 + i // 2}") for i in range(20)]
    layouts = [[F("octetDeltaCount", 1 + i % 8), F("packetDeltaCount", 1 + i // 8)]
               for i in range(20)]
    for made, layout in zip(exporters, layouts):
        made.send(message([template_set(template(256, *layout))]))
    for turn in range(10):
        for i, made in enumerate(exporters):
            made.send(message([data_set(256, turn.to_bytes(1 + i % 8, "big")
                                        + i.to_bytes(1 + i // 8, "big"))], turn))
    collector.sent = 20 * 11
    result = collector.finish()
    for made in exporters:
        made.close()
    assert sorted(dict(r)["packetDeltaCount"] * 10 + dict(r)["octetDeltaCount"]
                  for r in result.records) == list(range(200))
    accounts = {x["exporter"]: x for x in result.stats["exporters"] if x["records"]}
    assert sorted(accounts) == sorted(f"127.0.0.{n}" for n in range(2, 12))
    assert all((x["records"], x["sessions_ever"], x["sequence"]["lost"]) == (20, 2, 0)
               for x in accounts.values())


def test_addresses_that_come_and_go(collect):
    """RFC 5471, 3.5.5: more exporters than are kept: the oldest give way, sums stay."""
    collector = collect("capture", "--exporters", "10")
    for i in range(200):
        collector.send(message([COUNT, data_set(256, u64(i))]), source=f"198.51.100.{i}")
    result = collector.finish()
    assert len(result.records) == 200 and result.stats["records"] == 200
    assert len(result.stats["exporters"]) <= 201


@pytest.mark.parametrize("kind", ["simple", "options", "lists"])
def test_templates_simple_and_complex(over, kind):
    """RFC 5471, 3.5.6: the collector's half: simple and complex templates side by side."""
    simple = [template_set(template(256, F("octetDeltaCount"))), data_set(256, u64(1))]
    values = variable(basic_list(3, F("octetDeltaCount", 4), u32(9), u32(8)))
    more = {"simple": [], "options": [
        options_set(options_template(300, [F("templateId")], [F("flowKeyIndicator")])),
        data_set(300, u16(256) + u64(1))], "lists": [
        template_set(template(301, F("sourceIPv4Address"), F("basicList"), F("interfaceName"))),
        data_set(301, ip("192.0.2.1") + values + variable(b"lo"))]}[kind]
    expected = {"simple": [], "options": [
        [("templateId", 256), ("flowKeyIndicator", 1)]], "lists": [
        [("sourceIPv4Address", "192.0.2.1"), ("basicList", [9, 8]),
         ("interfaceName", "lo")]]}[kind]
    result = over(message(simple + more))
    assert sorted(result.records, key=len) == [[("octetDeltaCount", 1)]] + expected
