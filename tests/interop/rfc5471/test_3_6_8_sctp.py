# SPDX-License-Identifier: Apache-2.0
"""RFC 5471 over SCTP: sections 3.1.1, 3.2.5, 3.6.4 and 3.6.8.1, by an association that this folder
makes itself (sctp.py), within UDP; the machine needs no SCTP of its own."""
import socket

import pytest

from interop.rfc5471.collectors import Live, inside
from interop.rfc5471.sctp import Association
from interop.rfc5471.test_3_6_errors import COUNT, GOOD, RECORD, figure_4
from interop.rfc5471.wire import (F, data_set, message, options_set, options_template, template,
                                  template_set, u32, u64, withdrawal)


class OverSctp(Live):
    name, socket_protocol = "sctp", "udp"

    def __init__(self, program, folder, host, *arguments):
        self.tunnel = Live.next_port + 10001
        type(self).parameters = f"?encapsulation={self.tunnel}"
        super().__init__(program, folder, host, *arguments)

    def listens(self):
        return super().listens(self.tunnel)

    def connect(self):
        with inside(self.host):
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.connect(("127.0.0.1", self.tunnel))
        return Association(udp, self.port)

    def send(self, *messages, **more):
        for octets in messages:
            self.socket.send(octets, **more)
            self.sent += 1

    def is_closed(self):
        return self.socket.is_closed()


@pytest.fixture
def sctp(weir_program, namespace, tmp_path):
    made = OverSctp(str(weir_program), tmp_path, namespace)
    yield made
    made.close()


def test_connectivity_over_sctp(sctp):
    """RFC 5471, 3.1.1 (RFC 7011, 10.1): an association is made, a template and data arrive."""
    sctp.send(GOOD)
    result = sctp.finish()
    assert result.records == [RECORD] and not result.closed
    assert (result.exporter["exporter"], result.exporter["sessions_ever"]) == ("127.0.0.1", 1)


def test_streams(sctp):
    """RFC 7011, 9.2, 8.3, 3.1: templates on one stream, data on others, each with a sequence of
    its own."""
    assert sctp.socket.streams >= 3
    sctp.send(message([COUNT]), stream=0)
    for i in range(3):
        for stream in (1, 2):
            sctp.send(message([data_set(256, u64(10 * stream + i))], i), stream=stream)
    result = sctp.finish()
    assert sorted(r[0][1] for r in result.records) == [10, 11, 12, 20, 21, 22]
    assert result.exporter["sequence"]["gaps"] == 0


def test_loss_on_a_stream(sctp):
    """RFC 7011, 11.6, 10.2.2: partial reliability leaves gaps; they are counted by stream."""
    sctp.send(message([COUNT]), stream=0)
    sctp.send(message([data_set(256, u64(1))], 0), stream=1)
    sctp.send(message([data_set(256, u64(1))], 5), stream=1)
    sctp.send(message([data_set(256, u64(1))], 0), stream=2)
    assert sctp.finish().exporter["sequence"]["lost"] == 4


def test_unordered_delivery(sctp):
    """RFC 7011, 10.2: data may come unordered."""
    sctp.send(message([COUNT]))
    sctp.send(message([data_set(256, u64(1))]), stream=1, ordered=False)
    assert sctp.finish().records == [RECORD]


@pytest.mark.parametrize("octets, reason", [
    (figure_4(32), "length"), (figure_4(), "template"), (figure_4(26), "length"),
    (figure_4(32, 1), "length"), (figure_4(30, 1, scope=0), "template"),
    (figure_4(30, 1, scope=2), "template")])
def test_incorrect_templates_over_sctp(sctp, octets, reason):
    """RFC 5471, 3.6.4, as RFC 7011, 9.1 has it since: the message is discarded and told; SCTP keeps
    messages apart, so the association goes on."""
    sctp.send(octets, GOOD)
    result = sctp.finish()
    assert result.discarded == {reason: 1} and result.records == [RECORD]
    assert "discarded" in result.log and not result.closed


def test_withdrawals_over_sctp(sctp):
    """RFC 5471, 3.2.5.1, 3.2.5.4, 3.2.5.5 (RFC 7011, 8.3): withdrawals on a stream of their own."""
    options = options_template(400, [F("ingressInterface")], [F("octetDeltaCount")])
    sctp.send(message([COUNT, options_set(options)]), stream=0)
    sctp.send(message([template_set(withdrawal(2)), options_set(withdrawal(3))]), stream=1)
    sctp.send(message([data_set(256, u64(1)), data_set(400, u32(1) + u64(1))]), stream=2)
    result = sctp.finish()
    assert result.records == [] and result.exporter["templates"]["withdrawn"] == 2
    assert result.dropped == {"unknown_template": 2}


def test_same_template_again_over_sctp(sctp):
    """RFC 5471, 3.6.8.1, as RFC 7011, 8.1 has it since: the same again is no error."""
    sctp.send(message([COUNT]), message([COUNT]), message([data_set(256, u64(1))]))
    result = sctp.finish()
    assert result.records == [RECORD] and not result.closed
    assert result.exporter["templates"]["conflicts"] == 0


def test_other_template_over_sctp(sctp):
    """RFC 5471, 3.6.8.1, as RFC 7011, 8.1, 8.3 have it since: another template under an id in use
    is counted and told, and used."""
    sctp.send(GOOD, message([template_set(template(256, F("ingressInterface")))], 1),
              message([data_set(256, u32(2))], 1))
    result = sctp.finish()
    assert sorted(result.records) == [[("ingressInterface", 2)], RECORD]
    assert result.exporter["templates"]["conflicts"] == 1 and not result.closed
    assert "template" in result.log


def test_withdrawn_template_over_sctp(sctp):
    """RFC 5471, 3.6.8.1: withdrawn; data of it are not decoded; sent again it is as new."""
    sctp.send(GOOD, message([template_set(withdrawal(256))], 1),
              message([data_set(256, u64(7))], 1))
    sctp.await_messages(3)
    assert sctp.stats()["records"] == 1
    sctp.send(message([COUNT, data_set(256, u64(2))], 2))
    result = sctp.finish()
    assert result.exporter["templates"]["defined"] == 2
    assert [("octetDeltaCount", 2)] in result.records


def test_association_is_aborted(sctp):
    """RFC 7011, 10.2.4, 8: the exporter is gone without a word; the next association is served, and
    knows nothing of its templates."""
    sctp.send(GOOD)
    sctp.socket.udp.close()
    sctp.socket = sctp.connect()
    other = template_set(template(257, F("ingressInterface")))
    sctp.send(message([data_set(256, u64(2)), other, data_set(257, u32(3))]))
    result = sctp.finish()
    assert sorted(result.records) == [[("ingressInterface", 3)], RECORD]
    assert result.exporter["sessions_ever"] == 2
    assert result.dropped == {"unknown_template": 1}
