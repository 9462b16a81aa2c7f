# SPDX-License-Identifier: Apache-2.0
"""Labels of networks beyond what slow_networks.py sees: other keys, faults, the file read again.

What a file may say is tested in tests/unit/measure/test_networks.c.
"""
import json
import os
import signal
import subprocess
import time

import pytest

from packets import craft
from runner import WEIR, meter, weir

A, B, A6, B6 = "10.1.2.3", "10.1.200.1", "2001:db8::1", "2001:db8:1::1"
LINES = """\
10.1.0.0/16,64500,sixteen,here
10.1.2.0/24,64501,twenty-four
10.1.2.3,,one address
2001:db8::/32,64502,documentation
2001:db8::/48,64503,forty-eight
"""
NAMES = "sourceNetworkName", "destinationNetworkName"


@pytest.fixture
def networks(tmp_path):
    path = tmp_path / "networks"
    path.write_text(LINES)
    return path


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "sent.pcap"
    frames = [craft.ether(craft.ip(*ends, craft.udp(1000, 53, 10))) for ends in ((A, B), (A6, B6))]
    path.write_bytes(craft.pcap([(craft.at(n), frame, len(frame))
                                 for n, frame in enumerate(frames)]))
    return path


def names(capture, networks, *arguments):
    records = meter(capture, "--networks", networks, *arguments).records
    return sorted((tuple(r.get(name) for name in NAMES) for r in records), key=str)


def test_fields_come_with_the_option(capture, networks):
    records = meter(capture, "--networks", networks).records
    assert names(capture, networks) == [("forty-eight", "documentation"),
                                        ("one address", "sixteen")]
    assert [r.get("bgpSourceAsNumber") for r in records] == [None, 64503]
    assert [r.get("destinationNetworkSite") for r in records] == ["here", None]
    plain = meter(capture, "--networks", networks, "--fields", "octetDeltaCount").records
    assert [set(r) for r in plain] == [{"octetDeltaCount"}] * 2
    without = meter(capture, "--measure", "networks").records
    assert not any(name in r for r in without for name in NAMES)


@pytest.mark.parametrize("bits, found", ((32, "one address"), (31, "twenty-four"),
                                         (24, "twenty-four"), (16, "sixteen")))
def test_a_cut_address_gets_no_longer_prefix(capture, networks, bits, found):
    """What lies behind the cut is 0, so 10.1.2.3/31 becomes 10.1.2.2."""
    key = "sourceIPv4Address/%d,destinationIPv4Address/16" % bits
    fields = ",".join(NAMES)
    assert (found, "sixteen") in names(capture, networks, "--key", key, "--fields", fields)


def test_a_cut_address_in_a_longer_network_has_no_label(tmp_path, capture):
    path = tmp_path / "other"
    path.write_text("10.1.0.0/24,,shorter than it seems\n")
    key = "sourceIPv4Address/16,destinationIPv4Address/24"
    found = names(capture, path, "--key", key, "--fields", ",".join(NAMES))
    assert found == [(None, None)] * 2


def test_a_key_without_addresses_has_no_labels(capture, networks):
    for key in ("protocolIdentifier", "destinationIPv4Address"):
        found = names(capture, networks, "--key", key, "--fields", ",".join(NAMES))
        assert all(source is None for source, _ in found)


def test_the_reverse_record_has_the_ends_changed(tmp_path, networks):
    path = tmp_path / "both.pcap"
    frames = [craft.ether(craft.ip(*ends, craft.udp(*ports, 10)))
              for ends, ports in (((B, A), (1000, 53)), ((A, B), (53, 1000)))]
    path.write_bytes(craft.pcap([(craft.at(n), f, len(f)) for n, f in enumerate(frames)]))
    assert names(path, networks) == [("sixteen", "one address")]
    assert names(path, networks, "--uniflow") == [("one address", "sixteen"),
                                                  ("sixteen", "one address")]


def test_faults_are_told(tmp_path, capture):
    path = tmp_path / "faulty"
    path.write_text("10.0.0.0/8\n10.0.0.0/33,1\n")
    run = weir("meter", "-r", capture, "--networks", path, status=2)
    assert (f"--networks: {path}:2: \"10.0.0.0/33\" found, expected a prefix"
            in run.messages.decode())
    run = weir("meter", "-r", capture, "--networks", tmp_path / "none", status=2)
    assert (f"--networks: {tmp_path}/none: cannot open: No such file or directory; expected a file "
            "of networks") in run.messages.decode()


def settle():
    time.sleep(0.5)                     # what was sent is metered


def test_the_file_is_read_again(tmp_path, networks):
    run = subprocess.Popen([WEIR, "meter", "-r", "-", "--networks", networks, "-d", "1s", "-o",
                            "json:-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)

    def send(seconds):
        frame = craft.ether(craft.ip(A, B, craft.udp(1000, 53, 10)))
        octets = craft.pcap([(craft.at(seconds), frame, len(frame))])
        run.stdin.write(octets if seconds == 0 else octets[24:])
        run.stdin.flush()
        settle()

    def again(text):
        networks.write_text(text)
        os.kill(run.pid, signal.SIGHUP)
        return run.stderr.readline().decode()

    try:
        for seconds in (0, 10):         # the first record has ended
            send(seconds)
        assert "read again" in again("10.1.0.0/16,,renamed\n")
        for seconds in (20, 30):
            send(seconds)
        assert "networks:1" in again("10.1.0.0/99\n")
        send(40)
        out, messages = run.communicate(timeout=30)
    finally:
        run.kill()
    assert run.returncode == 0, messages
    found = [json.loads(line).get("sourceNetworkName") for line in out.splitlines()]
    assert found == ["one address", "renamed", "renamed", "renamed", "renamed"]
