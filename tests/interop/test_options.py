# SPDX-License-Identifier: Apache-2.0
"""Options data in what weir exports: counted by this script, read by the strict reader, tshark and
nfdump."""
import subprocess

import pytest

from golden import craft
from interop import traffic
from interop.ipfix_reader import Session
from interop.peers import Nfcapd, datagrams, in_a_capture, tshark_lines, udp_collector


@pytest.fixture
def export(weir, capture, tmp_path):
    """Runs weir into a file; the session that it is."""
    def run(*arguments, address="", source=None):
        path = tmp_path / "options.ipfix"
        done = weir("meter", "-r", source or capture, *traffic.OPTIONS, *arguments,
                    "-o", f"ipfix:{path}{address}")
        assert done.returncode == 0, done.stderr
        session = Session()
        session.file(path.read_bytes())
        return session
    return run


def having(session, name):
    return [dict(record.values) for record in session.options if record.get(name) is not None]


def test_statistics_at_the_end(export, sent):
    """Messages, records and octets of the file but for the message that tells them."""
    session = export(address="?domain=9&mtu=1000")
    last = having(session, "exportedFlowRecordTotalCount")[-1]
    assert last["observationDomainId"] == 9 and last["meteringProcessId"] == 1
    assert last["exportedFlowRecordTotalCount"] == len(sent.biflows) == len(session.records)
    assert last["exportedMessageTotalCount"] == len(session.messages) - 1
    assert last["exportedOctetTotalCount"] == sum(m.octets for m in session.messages[:-1])


def test_nothing_was_lost(export):
    last = having(export(), "notSentFlowTotalCount")[-1]
    assert (last["notSentFlowTotalCount"], last["notSentPacketTotalCount"],
            last["notSentOctetTotalCount"]) == (0, 0, 0)


def test_flow_keys(export):
    """The bits name the fields of the key: addresses, ports, protocol, VLANs, ICMP."""
    session = export()
    keys = {row["templateId"]: row["flowKeyIndicator"]
            for row in having(session, "flowKeyIndicator")}
    assert set(keys) == {256, 257}
    for number, bits in keys.items():
        family = "IPv4" if number == 256 else "IPv6"
        names = [s.name for s in session.templates[1, number].specifiers]
        marked = {name for i, name in enumerate(names) if bits >> i & 1}
        assert marked == {f"source{family}Address", f"destination{family}Address", "vlanId",
                          "sourceTransportPort", "destinationTransportPort",
                          "protocolIdentifier", "dot1qCustomerVlanId", f"icmpTypeCode{family}"}


def test_types_of_our_elements(export):
    session = export("--fields", "sourceIPv4Address,sourceIPv6Address,flowDirectionBasis",
                     address="?pen=4242")
    rows = having(session, "informationElementId")
    assert {(row["privateEnterpriseNumber"], row["informationElementId"],
             row["informationElementDataType"], row["informationElementSemantics"],
             row["informationElementUnits"], row["informationElementName"])
            for row in rows} == {(4242, 1, 1, 4, 0, "flowDirectionBasis")}
    assert any(s.pen == 4242 and s.id == 1 for s in session.templates[1, 256].specifiers)
    assert not having(export(), "informationElementId")


def test_ignored_packets(export, sent, tmp_path):
    """Two IP packets whose headers contradict themselves, a second apart, and an ARP frame."""
    broken = bytearray(craft.ether(craft.ipv4("192.0.2.1", "192.0.2.2", craft.udp(1, 2))))
    broken[14] = 0x41                           # an IPv4 header of 4 octets
    arp = craft.ether(bytes(28), 0x0806)
    last = sent.frames[-1][0]
    frames = [*sent.frames, *((last + i * 10**9, bytes(frame), len(frame))
                              for i, frame in ((1, broken), (2, broken), (3, arp)))]
    path = tmp_path / "broken.pcap"
    path.write_bytes(craft.pcap(frames))
    record = [record for record in export(source=path).options
              if record.get("ignoredPacketTotalCount") is not None][-1]
    row = dict(record.values)
    assert (row["ignoredPacketTotalCount"], row["ignoredOctetTotalCount"]) == (2, 2 * len(broken))
    times = [value for name, value in record.values if name == "observationTimeMilliseconds"]
    assert times == [(last + i * 10**9) // 10**6 for i in (1, 2)]
    assert row["observationDomainId"] == 1 and row["meteringProcessId"] == 1


@pytest.mark.parametrize("mode, selector", [
    (("--sample", "1:3"), {"selectorAlgorithm": 1, "samplingPacketInterval": 1,
                           "samplingPacketSpace": 2}),
    (("--sample", "1:4", "--sample-mode", "random"), {"selectorAlgorithm": 4,
                                                      "samplingProbability": 0.25})])
def test_selectors(export, sent, mode, selector):
    session = export(*mode)
    row = having(session, "selectorAlgorithm")[-1]
    assert row == {"selectorId": 1, **selector}
    sequence = having(session, "observationPointId")[-1]
    assert sequence == {"selectionSequenceId": 1, "observationPointId": 1, "selectorId": 1}
    counts = having(session, "selectorIdTotalPktsObserved")[-1]
    assert counts["selectorIdTotalPktsObserved"] == len(sent.frames)
    metered = sum(record[name] for record in session.records
                  for name in ("packetDeltaCount", "reverse packetDeltaCount"))
    assert counts["selectorIdTotalPktsSelected"] == metered < len(sent.frames)


def test_every_packet_needs_no_selector(export):
    assert not having(export(), "selectorId")


def test_off(export):
    session = export(address="?options=off")
    assert session.options == [] and session.messages[0].sets == [2]


@pytest.mark.parametrize("value", ["0", "often", "2d"])
def test_wrong_interval(weir, capture, tmp_path, value):
    done = weir("meter", "-r", capture, "-o", f"ipfix:{tmp_path}/x?options={value}")
    assert done.returncode == 2 and "options is" in done.stderr


# ---- read by others ----

def test_tshark(weir, capture, tool, tmp_path):
    """No complaint, and the statistics under tshark's names for them."""
    with udp_collector() as collector:
        done = weir("meter", "-r", capture, *traffic.OPTIONS, "--sample", "1:2", "-o",
                    f"ipfix+udp://127.0.0.1:{collector.getsockname()[1]}?mtu=400")
        assert done.returncode == 0
        path = tmp_path / "datagrams.pcap"
        path.write_bytes(in_a_capture(datagrams(collector)))
    bad = subprocess.run([tool("tshark"), "-r", str(path), "-Y",
                          "_ws.malformed || _ws.expert || !cflow"],
                         capture_output=True, text=True, timeout=60, check=True)
    assert bad.stdout == ""
    lines = tshark_lines(tool, path, "cflow.selector_id", "cflow.sampling_interval")
    selectors, intervals = ({value for line in lines for value in line.split("\t")[i].split()}
                            for i in range(2))
    assert (selectors, intervals) == ({"1"}, {"2"})


def test_nfcapd_knows_the_sampling(lab, tool, weir_program, capture, tmp_path):
    """nfdump multiplies by what the header of v5 says: 1:4 makes four packets of each. (Of v9 and
    IPFIX nfcapd 1.7.1 reads no sampling at all, whoever sends it.)"""
    here = lab.host()
    nfcapd = Nfcapd(here, tool, tmp_path / "flows")
    here.run(weir_program, "meter", "-r", capture, *traffic.OPTIONS, "--sample", "1:4", "-o",
             "netflow5+udp://127.0.0.1:4739")
    flows = nfcapd.stop()
    assert flows
    assert all(flow["in_packets"] % 4 == 0 for flow in flows)


def test_interfaces(lab, tool, weir_program, tmp_path):
    """Names and what the administrator said, from a live run."""
    there, here = lab.pair("192.0.2.1/24", "192.0.2.2/24")
    here.ip("link", "set", "eth0", "alias", "to the lab")
    path = tmp_path / "live.ipfix"
    live = here.start(weir_program, "meter", "-i", "eth0", "--duration", "1s",
                      "-o", f"ipfix:{path}", "icmp")
    there.run("ping", "-c", "2", "-i", "0.1", "192.0.2.2", check=False)
    assert live.wait(20) == 0
    session = Session()
    session.file(path.read_bytes())
    index = int(here.run("cat", "/sys/class/net/eth0/ifindex").stdout)
    assert having(session, "interfaceName")[-1] == {
        "ingressInterface": index, "interfaceName": "eth0", "interfaceDescription": "to the lab"}
