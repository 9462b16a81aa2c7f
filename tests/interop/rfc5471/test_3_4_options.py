# SPDX-License-Identifier: Apache-2.0
"""RFC 5471, section 3.4: options templates, their scopes, and the four that RFC 7011 names."""
import struct

import pytest

from interop.rfc5471.test_3_2_records import FIXED
from interop.rfc5471.wire import (EPOCH, F, data_set, ip, message, options_set, options_template,
                                  template, template_set, u8, u16, u32, u64, variable)


def options(over, scope, fields, *records):
    """Sends one options template with its data; the records that came of them."""
    specifiers = [F(*name) if isinstance(name, tuple) else F(name) for name in scope + fields]
    result = over(message([options_set(options_template(500, specifiers[:len(scope)],
                                                        specifiers[len(scope):])),
                           data_set(500, *records)]))
    assert (result.exporter["options_records"], result.exporter["records"]) == (len(records), 0)
    assert not result.discarded and not result.closed
    return result.records


@pytest.mark.parametrize("name, octets, value", FIXED, ids=[name for name, _, _ in FIXED])
def test_any_element_as_scope(collect, name, octets, value):
    """RFC 5471, 3.4.1 (RFC 7011, 4): an element of each abstract type as scope."""
    collector = collect("file")
    collector.send(message([options_set(options_template(500, [F(name)], [F("interfaceName")])),
                            data_set(500, octets + variable(b"it"))]))
    assert collector.finish().records == [[(name, value), ("interfaceName", "it")]]


def test_scopes_that_iana_does_not_know(over):
    """RFC 5471, 3.4.1: an enterprise's element as scope, a number that nobody has, a text."""
    assert options(over, [(5, 2, 31337), (9999, 1), ("interfaceName",)], ["octetDeltaCount"],
                   b"\1\2" + u8(3) + variable(b"lo") + u64(4)) == [[
                       ("e31337id5", "0102"), ("e0id9999", "03"), ("interfaceName", "lo"),
                       ("octetDeltaCount", 4)]]


def test_scope_count_of_zero(over):
    """RFC 5471, 3.4.1 (RFC 7011, 3.4.2.2): without a scope the message is discarded, the stream
    closed, the error told."""
    result = over(message([options_set(options_template(500, [], [F("octetDeltaCount")])),
                           template_set(template(256, F("octetDeltaCount")))]))
    assert result.discarded == {"template": 1} and result.records == []
    assert result.exporter["templates"]["defined"] == 0
    assert "discarded" in result.log


def test_several_scopes(over):
    """RFC 5471, 3.4.2 (RFC 7011, 3.4.2.1): scopes stay in the order of the template."""
    assert options(over, ["observationDomainId", "ingressInterface", "meteringProcessId"],
                   ["ignoredPacketTotalCount"], u32(7) + u32(2) + u32(9) + u64(1)) == [
                       [("ingressInterface", 2), ("meteringProcessId", 9),
                        ("ignoredPacketTotalCount", 1)]]


def test_scopes_in_the_order_of_the_template(over):
    """RFC 5471, 3.4.2: the same scopes the other way round are told the other way round."""
    assert options(over, ["meteringProcessId", "ingressInterface"], ["octetDeltaCount"],
                   u32(9) + u32(2) + u64(1)) == [[("meteringProcessId", 9), ("ingressInterface", 2),
                                                  ("octetDeltaCount", 1)]]


EXPORTED = ["exportedMessageTotalCount", "exportedFlowRecordTotalCount", "exportedOctetTotalCount"]


@pytest.mark.parametrize("process", [[], ["meteringProcessId"]])
def test_metering_process_statistics(over, process):
    """RFC 5471, 3.4.3 (RFC 7011, 4.1): with and without the metering process as a scope; several
    processes."""
    records, expected = [], []
    for i in range(3 if process else 1):
        records.append(u32(77) + b"".join(u32(i) for _ in process) + u64(10 + i) + u64(100)
                       + u64(2**40))
        expected.append([("meteringProcessId", i) for _ in process]
                        + list(zip(EXPORTED, (10 + i, 100, 2**40))))
    assert options(over, ["observationDomainId"] + process, EXPORTED, *records) == expected


@pytest.mark.parametrize("process", [[], ["meteringProcessId"]])
def test_metering_process_reliability(over, process):
    """RFC 5471, 3.4.4 (RFC 7011, 4.2): two times of one element among the values."""
    fields = ["ignoredPacketTotalCount", "ignoredOctetTotalCount"] \
        + ["observationTimeMilliseconds"] * 2
    first, last = EPOCH * 1000, EPOCH * 1000 + 60000
    assert options(over, ["observationDomainId"] + process, fields,
                   u32(77) + b"".join(u32(5) for _ in process) + u64(3) + u64(300) + u64(first)
                   + u64(last)) == [[("meteringProcessId", 5) for _ in process]
                                    + list(zip(fields, (3, 300, [first, last])))]


@pytest.mark.parametrize("scope, octets, value", [
    ("exporterIPv4Address", ip("198.51.100.1"), None), ("exportingProcessId", u32(4), 4)])
def test_exporting_process_reliability(over, scope, octets, value):
    """RFC 5471, 3.4.5 (RFC 7011, 4.3): the exporter or its process as scope."""
    fields = ["notSentFlowTotalCount", "notSentPacketTotalCount", "notSentOctetTotalCount",
              "observationTimeSeconds", "observationTimeSeconds"]
    expected = list(zip(fields, (1, 2, 3, [EPOCH, EPOCH + 9])))
    assert options(over, [scope], fields, octets + struct.pack("!QQQII", 1, 2, 3, EPOCH, EPOCH + 9)
                   ) == [[(scope, value)] + expected if value else expected]


def test_flow_keys(over):
    """RFC 5471, 3.4.6 (RFC 7011, 4.4): of a template that is known; its data are read as before."""
    result = over(message([
        template_set(template(256, F("sourceIPv4Address"), F("destinationIPv4Address"),
                              F("octetDeltaCount"))),
        options_set(options_template(500, [F("templateId")], [F("flowKeyIndicator")])),
        data_set(500, u16(256) + u64(0b011)),
        data_set(256, ip("192.0.2.1") + ip("192.0.2.2") + u64(5))]))
    assert sorted(result.records, key=len) == [
        [("templateId", 256), ("flowKeyIndicator", 3)],
        [("sourceIPv4Address", "192.0.2.1"), ("destinationIPv4Address", "192.0.2.2"),
         ("octetDeltaCount", 5)]]


@pytest.mark.parametrize("template_id, keys", [(256, 0xff00), (999, 1)])
def test_flow_keys_that_fit_nothing(over, template_id, keys):
    """RFC 5471, 3.4.6: keys beyond the template's fields, or of no template, are told as they came:
    nothing is decoded by them, so the message is none the worse (a deviation)."""
    result = over(message([
        template_set(template(256, F("octetDeltaCount"))),
        options_set(options_template(500, [F("templateId")], [F("flowKeyIndicator")])),
        data_set(500, u16(template_id) + u64(keys)), data_set(256, u64(5))]))
    assert sorted(result.records, key=len) == [
        [("octetDeltaCount", 5)], [("templateId", template_id), ("flowKeyIndicator", keys)]]
