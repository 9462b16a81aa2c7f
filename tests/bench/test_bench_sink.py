# SPDX-License-Identifier: Apache-2.0
"""The sink adds up what messages say, and sees what is lost, missing or malformed. Messages are
made here, octet by octet.
"""
import struct
import subprocess

import pytest

from bench_modules import runs, workloads

REVERSE = 29305


def message(sequence, *sets, version=10):
    body = b"".join(sets)
    if version == 9:
        return struct.pack("!HHIIII", 9, 1, 0, 0, sequence, 1) + body
    return struct.pack("!HHIII", 10, 16 + len(body), 0, sequence, 1) + body


def a_set(number, content):
    return struct.pack("!HH", number, 4 + len(content)) + content


def template(number, *fields, version=10):
    """fields: (element, length) or (element, length, enterprise)"""
    content = struct.pack("!HH", number, len(fields))
    for element, length, *enterprise in fields:
        content += struct.pack("!HH", element | (0x8000 if enterprise else 0), length)
        content += struct.pack("!I", *enterprise) if enterprise else b""
    return a_set(2 if version == 10 else 0, content)


COUNTERS = template(256, (2, 8), (1, 8), (2, 4, REVERSE), (1, 4, REVERSE), (4, 1))


def record(packets, octets, back=0, back_octets=0):
    return struct.pack("!QQIIB", packets, octets, back, back_octets, 6)


@pytest.fixture
def add_up(bench_build, tmp_path):
    def run(*messages):
        path = tmp_path / "messages.ipfix"
        path.write_bytes(b"".join(messages))
        done = subprocess.run([bench_build / "tests/bench/bench_sink", "-f", path], check=True,
                              capture_output=True, text=True)
        return workloads.numbers(done.stdout)
    return run


def test_both_directions_are_added(add_up):
    sums = add_up(message(0, COUNTERS, a_set(256, record(3, 300, 2, 200) + record(1, 60))),
                  message(2, a_set(256, record(10, 1 << 40))))
    assert sums == {"datagrams": 0, "messages": 2, "records": 3, "options": 0, "packets": 16,
                    "octets": 560 + (1 << 40), "bad": 0, "unknown": 0, "lost": 0, "dropped": 0}


def test_padding_is_no_record(add_up):
    sums = add_up(message(0, COUNTERS, a_set(256, record(1, 46) + bytes(3))))
    assert (sums["records"], sums["bad"]) == (1, 0)


def test_fields_of_variable_length_are_passed_over(add_up):
    shape = template(300, (96, 65535), (2, 4), (1, 4))
    rows = b"\x03abc" + struct.pack("!II", 1, 46)
    rows += b"\xff\x01\x00" + bytes(256) + struct.pack("!II", 2, 92)
    sums = add_up(message(0, shape, a_set(300, rows)))
    assert (sums["records"], sums["packets"], sums["octets"], sums["bad"]) == (2, 3, 138, 0)


def test_options_are_no_flows(add_up):
    shape = a_set(3, struct.pack("!HHH", 400, 2, 1) + struct.pack("!HHHH", 149, 4, 2, 8))
    sums = add_up(message(0, shape, a_set(400, struct.pack("!IQ", 1, 99))),
                  message(1, COUNTERS, a_set(256, record(1, 46))))
    assert (sums["records"], sums["options"], sums["packets"]) == (1, 1, 1)
    assert sums["lost"] == 0, "records of options count in the sequence, too"


def test_elements_of_others_are_not_counters(add_up):
    shape = template(256, (2, 4, 9999), (1, 4))
    sums = add_up(message(0, shape, a_set(256, struct.pack("!II", 7, 46))))
    assert (sums["packets"], sums["octets"]) == (0, 46)


def test_a_gap_in_the_sequence_is_a_loss(add_up):
    sums = add_up(message(0, COUNTERS, a_set(256, record(1, 46))),
                  message(6, a_set(256, record(1, 46))))
    assert sums["lost"] == 5


def test_data_without_a_template_is_unknown(add_up):
    sums = add_up(message(0, a_set(256, record(1, 46))))
    assert (sums["unknown"], sums["records"]) == (1, 0)


@pytest.mark.parametrize("bad", [
    message(0, COUNTERS, struct.pack("!HH", 256, 99)),              # longer than the message
    message(0, COUNTERS, struct.pack("!HH", 256, 3)),               # shorter than its own head
    message(0, a_set(2, struct.pack("!HHHH", 256, 9, 2, 8))),       # fewer fields than announced
    message(0, a_set(2, struct.pack("!HH", 256, 60000))),           # more than there can be
    struct.pack("!HHIII", 11, 16, 0, 0, 1),                         # no version that there is
], ids=["set too long", "set too short", "template cut", "too many fields", "version"])
def test_what_is_malformed_is_said(add_up, bad):
    assert add_up(bad)["bad"] == 1


def test_an_unfinished_file_is_said(add_up):
    assert add_up(message(0, COUNTERS)[:-3])["bad"] == 1


class Inside:
    """The sink in a namespace, and a socket there to send to it."""

    def __init__(self, bench_build, host, *options):
        self.host = host
        self.sink = runs.Sink(runs.Bench(bench_build, None), *options, within=host)

    def send(self, *datagrams):
        text = ";".join(datagram.hex() for datagram in datagrams)
        self.host.run("/usr/bin/python3", "-c", f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for text in "{text}".split(";"):
    s.sendto(bytes.fromhex(text), ("127.0.0.1", {self.sink.port}))
""")
        return self.sink.close()


DATAGRAMS = [message(0, COUNTERS), *(message(number, a_set(256, record(1, 46)))
                                     for number in range(5))]


def test_datagrams_are_added(bench_build, lab):
    sums = Inside(bench_build, lab.host()).send(*DATAGRAMS)
    assert (sums["datagrams"], sums["records"], sums["octets"], sums["lost"]) == (6, 5, 230, 0)


def test_netflow_9_is_added(bench_build, lab):
    shape = template(256, (2, 4), (1, 4), version=9)
    data = a_set(256, struct.pack("!II", 3, 138))
    sums = Inside(bench_build, lab.host()).send(message(7, shape, version=9),
                                                message(8, data, version=9),
                                                message(10, data, version=9))
    assert (sums["records"], sums["packets"], sums["octets"]) == (2, 6, 276)
    assert sums["lost"] == 1, "NetFlow v9 counts messages"


def test_a_datagram_that_is_lost_is_missed(bench_build, lab):
    """The planted fault of the bench itself: the sink throws one away."""
    sums = Inside(bench_build, lab.host(), "-d", 3).send(*DATAGRAMS)
    assert (sums["datagrams"], sums["records"], sums["lost"]) == (6, 4, 1)
