# SPDX-License-Identifier: Apache-2.0
"""JSON of weir meter, and of weir meter -> each transport -> weir collect: the same records.

Every capture is metered once with every field switched on, at the same time into JSON, a file of
messages and a collector behind each transport. The observation domain says which capture and which
transport a record came by.
"""
import json
from collections import defaultdict

import pytest

from interop.collector import TRANSPORTS, Collector, address, certificate
from interop.round_trip import ADDED, differences, records
from net.lab import Lab, why_no_namespaces

# A larger capture says no more and costs time.
CAPTURE_BYTES_MAX = 16 << 20
WAYS = ["file", *TRANSPORTS]
DOMAINS = 1000      # of each transport, more than there are captures


def captures_in(folder):
    return sorted(path for path in folder.rglob("*")
                  if path.name.endswith((".pcap", ".pcapng", ".cap", ".pcap.gz"))
                  and path.stat().st_size <= CAPTURE_BYTES_MAX)


# The template of all fields is longer than a message of the usual size.
LARGE = "&mtu=8000"


class Trips:
    """Every capture through everything: `metered` by capture, `collected` by transport and
    capture."""

    def __init__(self, paths, weir, program, host, folder, identity):
        self.paths, self.weir, self.program, self.host = paths, weir, program, host
        self.folder, self.messages = folder, folder / "messages"
        self.messages.mkdir()
        self.addresses = [address(name, identity) for name in TRANSPORTS]
        collector = Collector(host, program, folder, *self.addresses)
        self.metered = {path: self.meter(number, path) for number, path in enumerate(paths)}
        total = sum(map(len, self.metered.values()))
        collector.await_records(total * len(TRANSPORTS))
        found = self.read_messages() + collector.stop()[0]
        self.collected = defaultdict(list)
        for record in found:
            transport, number = divmod(record["observationDomainId"], DOMAINS)
            self.collected[WAYS[transport], paths[number]].append(record)

    def meter(self, number, path):
        """A damaged capture ends with status 1, after all that could be read."""
        to = self.folder / "metered.json"
        addresses = [f"ipfix:{self.messages}/{number}.ipfix?domain={number}",
                     *(f"{one}domain={i * DOMAINS + number}{LARGE}"
                       for i, one in enumerate(self.addresses, 1))]
        words = [word for address in [f"json:{to}", *addresses] for word in ("-o", address)]
        done = self.host.run(self.program, "meter", "-r", path, "--fields", "all", "--tunnels",
                             *words, check=False)
        assert done.returncode in (0, 1), done.stderr
        return records(to)

    def read_messages(self):
        to = self.folder / "read.json"
        done = self.weir("collect", "-r", self.messages, "-o", f"json:{to}")
        assert done.returncode == 0, done.stderr
        return records(to)

    def check(self, way):
        wrong = [f"{path}: {line}" for path in self.paths for line in
                 differences(self.metered[path], self.collected[way, path])[:3]]
        assert not wrong, "\n".join(wrong[:20])
        assert sum(map(len, self.metered.values())) > 0


def trips(paths, weir, program, tool, folder):
    reason = why_no_namespaces()
    assert not reason, reason
    with Lab() as lab:
        return Trips(paths, weir, program, lab.host(), folder, certificate(tool, folder))


@pytest.fixture(scope="module")
def ours(captures, weir, weir_program, tool, tmp_path_factory):
    return trips(captures_in(captures), weir, weir_program, tool,
                 tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def third_party(data_dir, weir, weir_program, tool, tmp_path_factory):
    return trips(captures_in(data_dir), weir, weir_program, tool,
                 tmp_path_factory.mktemp("data"))


@pytest.mark.parametrize("way", WAYS)
def test_our_captures(ours, way):
    ours.check(way)


@pytest.mark.parametrize("way", WAYS)
def test_third_party_captures(third_party, way):
    third_party.check(way)


def test_the_same_fields(weir, captures, tmp_path):
    """Named on both sides: the same values in the same order."""
    messages, metered = tmp_path / "flows.ipfix", tmp_path / "metered.json"
    fields = ("flowEndNanoseconds,sourceIPv4Address,destinationIPv6Address,flowDirectionBasis,"
              "reverseOctetDeltaCount,vlanId,reverseTcpControlBits,octetDeltaCount,biflowDirection")
    done = weir("meter", "-r", captures / "demo.pcap", "--fields", fields, "-o", f"json:{metered}",
                "-o", f"ipfix:{messages}")
    assert done.returncode == 0, done.stderr
    done = weir("collect", "-r", messages, "--fields", fields)
    collected = [json.loads(line) for line in done.stdout.splitlines()]
    assert differences(records(metered), collected) == []
    names = fields.split(",")
    for record in collected:
        assert list(record) == [name for name in names if name in record]


# ---- the twin: faults that the comparison must see ----

ONE = {"octetDeltaCount": 3, "vlanId": 0, "flowStartNanoseconds": 7}
OTHER = {"octetDeltaCount": 4, "vlanId": 0, "flowStartNanoseconds": 7}


@pytest.mark.parametrize("collected, says", [
    ([ONE], "2 records metered, 1 collected"),
    ([ONE, {**OTHER, "vlanId": 1}], "vlanId: 0 became 1"),
    ([ONE, {**OTHER, "tcpControlBits": 2}], "tcpControlBits: 2 came from nowhere"),
    ([ONE, {"octetDeltaCount": 4, "flowStartNanoseconds": 7}], "vlanId: 0 is missing"),
    ([{**ONE, "flowStartNanoseconds": 8}, OTHER], "flowStartNanoseconds: 7 became 8"),
    ([ONE, {**OTHER, "flowStartNanoseconds": 0}], "flowStartNanoseconds: 7 became 0")])
def test_planted_differences_are_seen(collected, says):
    assert says in differences([ONE, OTHER], collected)


def test_what_is_no_difference():
    added = {name: 1 for name in ADDED}
    assert differences([ONE, OTHER], [{**OTHER, "dot1qCustomerVlanId": 0, **added}, ONE]) == []
