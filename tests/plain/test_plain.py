# SPDX-License-Identifier: Apache-2.0
"""A build without libndpi (./dev build plain): applications are named by announcements and by
ports, and whoever asks for more is told what was left out. Expected names are those of IANA's
registry of ports, and FTP_DATA for the ports that the captures' FTP commands announce."""
import json

import pytest

from needs import lacking


@pytest.fixture(autouse=True)
def plain(has_ndpi):
    if has_ndpi:
        lacking("weir is built with libndpi (./dev build plain)")


def records(weir, capture, *options):
    done = weir("meter", "-q", "-r", capture, "-o", "json:-", "--fields", "flowId,parentFlowId,"
                "destinationTransportPort,applicationName,applicationConfidence", *options)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_version_says_no(weir):
    assert "nDPI        no" in weir("--version").stdout


def test_names_by_port(weir, captures):
    found = records(weir, captures / "dns.pcap", "udp and port 53")
    assert {(one["applicationName"], one["applicationConfidence"]) for one in found} \
        == {("domain", 1)}


def test_names_by_announcement(weir, captures):
    found = {one["flowId"]: one for one in records(weir, captures / "ftp.pcap", "tcp")}
    data = [one for one in found.values() if "parentFlowId" in one]
    assert len(data) == 2
    for one in data:
        assert (one["applicationName"], one["applicationConfidence"]) == ("FTP_DATA", 5)
        assert found[one["parentFlowId"]]["destinationTransportPort"] == 21


def test_spy(weir, captures):
    done = weir("spy", "-r", captures / "dns.pcap", "--json", "udp and port 53")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["application"] for line in done.stdout.splitlines()] == ["domain"]


@pytest.mark.parametrize("command", ["meter", "spy"])
def test_asking_for_it_is_refused(weir, captures, command):
    done = weir(command, "-r", captures / "dns.pcap", "--identify", "ndpi,port")
    assert done.returncode == 2 and not done.stdout
    assert "ndpi is not in this build" in done.stderr and "expect, port" in done.stderr


def test_help_says_so(weir):
    said = " ".join(weir("meter", "--help").stdout.split())
    assert "without it expect,port; ndpi (payload) is not in this build" in said
