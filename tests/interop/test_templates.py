# SPDX-License-Identifier: Apache-2.0
"""Templates as data: what `weir meter --check` prints is what a run sends, and both are what the
configuration asks for. Element numbers stand here as IANA's registry has them; the octets of a run
are read by ipfix_reader.py.
"""
import pytest
import yaml

from golden import craft
from interop.ipfix_reader import REVERSE, Session

A, B, A6, B6 = "10.0.0.1", "10.0.1.2", "2001:db8::1", "2001:db8::2"
CONFIGURATION = """
meters:
- name: nets
  key: [sourceIPv4Address/24, destinationIPv6Address/48, protocolIdentifier]
  values: [octetDeltaCount, packetDeltaCount]
- name: web
  filter: tcp port 80
  key: [sourceIPv4Address, sourceIPv6Address, destinationIPv4Address, destinationIPv6Address,
        sourceTransportPort, destinationTransportPort, protocolIdentifier]
  values: [flowStartMilliseconds, octetDeltaCount, reverseOctetDeltaCount, flowDirectionBasis]
- name: protocols
  key: protocolIdentifier
  values: [packetDeltaCount]
"""
# By meter: the packets of each template, then (name, element, enterprise, octets).
PORTS = [("sourceTransportPort", 7, 0, 2), ("destinationTransportPort", 11, 0, 2),
         ("protocolIdentifier", 4, 0, 1)]
WEB = [("flowStartMilliseconds", 152, 0, 8), ("octetDeltaCount", 1, 0, 8),
       ("reverseOctetDeltaCount", 1, REVERSE, 8)]
SUMS = [("octetDeltaCount", 1, 0, 8), ("packetDeltaCount", 2, 0, 8)]
PROTOCOL = ("protocolIdentifier", 4, 0, 1)
TEMPLATES = {
    "nets": {"IPv4": [("sourceIPv4Prefix", 44, 0, 4), ("sourceIPv4PrefixLength", 9, 0, 1),
                      PROTOCOL, *SUMS],
             "IPv6": [("destinationIPv6Prefix", 169, 0, 16),
                      ("destinationIPv6PrefixLength", 30, 0, 1), PROTOCOL, *SUMS]},
    "web": {"IPv4": [("sourceIPv4Address", 8, 0, 4), ("destinationIPv4Address", 12, 0, 4),
                     *PORTS, *WEB],
            "IPv6": [("sourceIPv6Address", 27, 0, 16), ("destinationIPv6Address", 28, 0, 16),
                     *PORTS, *WEB]},
    "protocols": {None: [PROTOCOL, ("packetDeltaCount", 2, 0, 8)]},
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    packets = [craft.ip(A, B, craft.tcp(1000, 80, 2)), craft.ip(B, A, craft.tcp(80, 1000, 18)),
               craft.ip(A6, B6, craft.tcp(1001, 80, 2)), craft.ip(A, B, craft.udp(1, 2, 3)),
               craft.ip(A6, B6, craft.icmp6(128))]
    frames = [(craft.at(i), craft.ether(packet)) for i, packet in enumerate(packets)]
    (tmp_path / "in.pcap").write_bytes(craft.pcap([(t, f, len(f)) for t, f in frames]))
    (tmp_path / "weir.yaml").write_text(CONFIGURATION)
    return tmp_path


def checked(weir, *words):
    done = weir("meter", "--check", *words)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return {one["name"]: one for one in yaml.safe_load(done.stdout)["meters"]}


def fields_of(template):
    return [tuple(f[name] for name in ("name", "id", "pen", "length")) for f in template["fields"]]


def by_id(meters):
    """(element, enterprise, octets) of each field, by the template's number."""
    return {t["id"]: [field[1:] for field in fields_of(t)]
            for one in meters.values() for t in one["templates"]}


def own(fields):
    """weir's elements have numbers of its own: told apart by their names."""
    return [f for f in fields if f[2] in (0, REVERSE)], [f[0] for f in fields
                                                        if f[2] not in (0, REVERSE)]


def test_check_prints_the_templates_of_each_meter(weir, here):
    meters = checked(weir, "-f", "weir.yaml")
    assert list(meters) == list(TEMPLATES)
    ids = []
    for name, expected in TEMPLATES.items():
        found = {t.get("packets"): t for t in meters[name]["templates"]}
        assert list(found) == list(expected)
        for family, fields in expected.items():
            known, others = own(fields_of(found[family]))
            assert known == fields, (name, family)
            assert others == (["flowDirectionBasis"] if name == "web" else [])
            ids.append(found[family]["id"])
    assert ids == [256, 257, 258, 259, 260]
    assert meters["web"]["filter"] == ["tcp port 80"] and "filter" not in meters["nets"]
    assert [meters[name]["records"] for name in meters] == ["uniflows", "biflows", "biflows"]
    assert meters["web"]["idle-timeout"] == "30s"


def test_key_columns_are_marked(weir, here):
    template, = checked(weir, "-f", "weir.yaml")["protocols"]["templates"]
    assert [f.get("key", False) for f in template["fields"]] == [True, False]


def test_what_check_prints_is_what_a_run_sends(weir, here):
    meters = checked(weir, "-f", "weir.yaml", "-r", "in.pcap", "-o", "ipfix:out.ipfix")
    assert not (here / "out.ipfix").exists()
    done = weir("meter", "-f", "weir.yaml", "-r", "in.pcap", "-o", "ipfix:out.ipfix")
    assert (done.returncode, done.stderr) == (0, "")
    session = Session()
    session.file((here / "out.ipfix").read_bytes())
    sent = {t.id: [(s.id, s.pen, s.length) for s in t.specifiers]
            for t in session.messages[0].templates if not t.scope}
    assert sent == by_id(meters) and len(sent) == 5
    # five packets by network, three of two web flows, three protocols
    by_template = {number: [r for r in session.records if r.template == number] for number in sent}
    assert [len(by_template[number]) for number in sorted(sent)] == [3, 2, 1, 1, 3]
    assert {message.domain for message in session.messages} == {1}
    assert sorted(dict(r.values)["packetDeltaCount"] for r in by_template[260]) == [1, 1, 3]
    assert sum(dict(r.values)["packetDeltaCount"]
               for number in (256, 257) for r in by_template[number]) == 5


def test_another_template_would_be_seen(weir, here):
    """The twin: a value less in one meter, or two values the other way round."""
    printed = by_id(checked(weir, "-f", "weir.yaml"))
    for change in (("[octetDeltaCount, packetDeltaCount]", "[octetDeltaCount]"),
                   ("[octetDeltaCount, packetDeltaCount]", "[packetDeltaCount, octetDeltaCount]")):
        (here / "weir.yaml").write_text(CONFIGURATION.replace(*change))
        other = by_id(checked(weir, "-f", "weir.yaml"))
        assert {number for number in printed if printed[number] != other[number]} == {256, 257}


def test_built_in_templates(weir, here):
    """Without any word: two templates of biflows."""
    meter, = checked(weir).values()
    four, six = meter["templates"]
    assert [(t["id"], t["packets"]) for t in (four, six)] == [(256, "IPv4"), (257, "IPv6")]
    assert ("octetDeltaCount", 1, 0, 8) in fields_of(four)
    assert ("reverseOctetDeltaCount", 1, REVERSE, 8) in fields_of(four)
    assert ("sourceIPv6Address", 27, 0, 16) in fields_of(six)
    assert ("ingressInterface", 10, 0, 4) in fields_of(six)         # as from a live interface
    assert meter["key"][:4] == ["vlanId", "dot1qCustomerVlanId", "sourceIPv4Address",
                                "sourceIPv6Address"]


def test_outputs_number_their_own_templates(weir, here):
    meters = checked(weir, "-f", "weir.yaml", "-o", "ipfix:a.ipfix", "-o", "json:b.json",
                     "-o", "ipfix+udp://127.0.0.1")
    found = [(t["output"], t.get("id")) for one in meters.values() for t in one["templates"]]
    assert [number for output, number in found if output == "ipfix:a.ipfix"] == [
        256, 257, 258, 259, 260]
    assert [number for output, number in found if output == "ipfix+udp://127.0.0.1"] == [
        256, 257, 258, 259, 260]
    assert [number for output, number in found if output == "json:b.json"] == [None] * 3
    text = next(t for t in meters["protocols"]["templates"] if t["output"] == "json:b.json")
    assert text["columns"] == ["protocolIdentifier", "packetDeltaCount"]
    assert sorted(path.name for path in here.iterdir()) == ["in.pcap", "weir.yaml"]


def test_ids_that_are_asked_for(weir, here):
    text = CONFIGURATION.replace("- name: nets", "- name: first\n- name: nets\n  id: 257")
    text = text.replace("- name: protocols", "- name: protocols\n  id: 300")
    (here / "weir.yaml").write_text(text)
    meters = checked(weir, "-f", "weir.yaml", "-o", "ipfix:a.ipfix")
    ids = {name: [t["id"] for t in one["templates"]] for name, one in meters.items()}
    assert ids == {"first": [256, 259], "nets": [257, 258], "web": [260, 261], "protocols": [300]}
    done = weir("meter", "-f", "weir.yaml", "-r", "in.pcap", "-o", "ipfix:a.ipfix")
    assert (done.returncode, done.stderr) == (0, "")
    session = Session()
    session.file((here / "a.ipfix").read_bytes())
    assert sorted(t.id for t in session.templates.values() if not t.scope) == [
        256, 257, 258, 259, 260, 261, 300]


def test_netflow9_has_uniflows_and_no_enterprises(weir, here):
    done = weir("meter", "--check", "-f", "weir.yaml", "-o", "netflow9+udp://127.0.0.1")
    assert done.returncode == 0 and "flowDirectionBasis" in done.stderr
    web = yaml.safe_load(done.stdout)["meters"][1]["templates"][0]
    assert web["records"] == "uniflows" and "flowDirectionBasis" in web["left-out"]
    assert [f["pen"] for f in web["fields"]] == [0] * len(web["fields"])
    assert ("sourceIPv4Address", 8, 0, 4) in fields_of(web)
    assert ("reverseOctetDeltaCount", 1, REVERSE, 8) not in fields_of(web)


def test_netflow9_names_its_times(weir, here):
    done = weir("meter", "--check", "-r", "in.pcap", "-o", "netflow9+udp://127.0.0.1")
    template = yaml.safe_load(done.stdout)["meters"][0]["templates"][0]
    assert fields_of(template)[:2] == [("flowStartSysUpTime", 22, 0, 4),
                                       ("flowEndSysUpTime", 21, 0, 4)]


def test_ids_too_near_are_refused(weir, here):
    (here / "weir.yaml").write_text("meters:\n- {name: a, id: 300}\n- {name: b, id: 301}\n")
    done = weir("meter", "--check", "-f", "weir.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "weir.yaml:3:3: meter b: id 301 is too near to that of meter a, 300" in done.stderr
    (here / "weir.yaml").write_text("meters:\n- {name: a, id: 300}\n- {name: b, id: 302}\n")
    checked(weir, "-f", "weir.yaml")


def test_what_a_template_leaves_out_is_told(weir, here):
    (here / "weir.yaml").write_text("meters:\n- name: x\n  key: [vlanId]\n"
                                    "  values: [octetDeltaCount, reverseOctetDeltaCount]\n")
    done = weir("meter", "--check", "-f", "weir.yaml")
    template, = yaml.safe_load(done.stdout)["meters"][0]["templates"]
    assert [f["name"] for f in template["fields"]] == ["vlanId", "octetDeltaCount"]
    assert "reverseOctetDeltaCount" in template["left-out"]


@pytest.mark.parametrize("text, says", [
    ("meters:\n- name: a\n  values: [octetDeltaCuont]\n", "w.yaml:3:12: "),
    ("meters:\n- name: a\n  filter: tcp prt\n", "w.yaml:3:11: "),
    ("output: jsn:-\n", "no output is called 'jsn'"),
])
def test_check_refuses(weir, here, text, says):
    (here / "w.yaml").write_text(text)
    done = weir("meter", "--check", "-f", "w.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
