# SPDX-License-Identifier: Apache-2.0
"""RFC 5471, section 3.1: the two processes reach each other over every transport and family."""
import pytest

from interop.rfc5471.wire import F, data_set, ip, message, template, template_set, u64

MESSAGE = message([template_set(template(256, F("sourceIPv4Address"), F("octetDeltaCount"))),
                   data_set(256, ip("192.0.2.7") + u64(1234))])
RECORD = [("sourceIPv4Address", "192.0.2.7"), ("octetDeltaCount", 1234)]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_collecting_process(collect, transport, address):
    """RFC 5471, 3.1.1: connectivity, both families; the session's parameters are in the account."""
    collector = collect(transport, address=address)
    collector.send(MESSAGE)
    result = collector.finish()
    assert result.records == [RECORD] and not result.closed
    assert (result.exporter["exporter"], result.exporter["sessions_ever"]) == (address, 1)


def test_every_way_in(over):
    """RFC 5471, 3.1.1: files and captures are transports, too."""
    assert over(MESSAGE).records == [RECORD]
