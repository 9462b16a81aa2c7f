# SPDX-License-Identifier: Apache-2.0
"""The live run of the bench, slowly: what was sent is what arrived, and what arrived was metered or
counted as dropped; and a frame that is missing in the accounts is seen.
"""
import subprocess

import pytest

from bench_modules import live, runs
from net.lab import wait_for

RATE, SECONDS = 20_000, 1


@pytest.fixture
def bench(bench_build, tmp_path, lab):
    return runs.Bench(bench_build, tmp_path)


@pytest.mark.parametrize("way", [None, "mmsg"])
def test_every_frame_is_accounted_for(bench, way):
    found = live.run(bench, RATE, SECONDS, way)
    assert found.wrong == []
    assert found.sent == found.arrived >= RATE * SECONDS
    assert found.metered + found.dropped == found.sent


def test_a_frame_that_is_missing_is_seen(bench):
    found = live.run(bench, RATE, SECONDS, blind=1)
    assert any("at the interface" in text for text in found.wrong)


def test_a_loss_that_the_kernel_did_not_report_is_seen():
    stats = {"packets": {"metered": 98}, "capture": {"kernel_drop": 1}, "balanced": True}
    found = live.Live(sent=100, arrived=100)
    live.account(found, stats, {"packets": 98, "lost": 0, "dropped": 0})
    assert len(found.wrong) == 1 and "99 packets, expected 100" in found.wrong[0]


def test_frames_from_the_kernel_are_well_formed(bench_build, lab, tool, tmp_path):
    """UDP of many flows with checksums that hold, whichever way they are sent."""
    meter, sender = live.make_ends(lab)
    path = tmp_path / "sent.pcap"
    sniffer = meter.start(tool("tshark"), "-i", "eth0", "-c", 1000, "-w", path,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: len(meter.run("cat", "/proc/net/packet").stdout.splitlines()) > 1)
    sender.run(bench_build / "tests/bench/bench_send", "eth0", 2000, 1, 500)
    sniffer.wait(30)
    read = subprocess.run([tool("tshark"), "-r", path, "-o", "ip.check_checksum:TRUE", "-Y",
                           "ip.checksum.status == 1 and ip.len == 46", "-T", "fields", "-e",
                           "ip.src"], capture_output=True, text=True, check=True)
    sources = read.stdout.split()
    assert len(sources) == 1000
    assert 300 < len(set(sources)) <= 500
