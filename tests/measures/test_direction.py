# SPDX-License-Identifier: Apache-2.0
"""How often direction is right when captures have lost what shows it: docs/direction.md's goals.

direction_truth.py changes every capture there is and knows the truth; here its figures are held
against the goals, and it is itself tried on captures made by hand. Neighbour: cases/direction.py
of tests/golden, one case for each rule.
"""
import pytest

import direction_truth as truth
from craft import ACK, SYN, at, ether, ip, tcp, udp
from direction_truth import TCP, UDP

GOALS = {TCP: 0.99, UDP: 0.97}
EXTRA = (UDP, "first packet lost")      # measured beyond the goals: who began is lost for good
A, B = "10.0.0.1", "10.0.0.2"
CHANGES = [(change.protocol, change.name) for change in truth.CHANGES]


def short_of_goal(score, goal):
    """What is wrong with a score, or nothing; of few flows one may be wrong."""
    wrong = score.flows - score.right
    if wrong > max(1, (1 - goal) * score.flows):
        return "%d of %d wrong:\n%s" % (wrong, score.flows, "\n".join(score.wrong + score.spoiled))
    return ""


@pytest.fixture(scope="module", autouse=True)
def tshark(tool):
    tool("tshark")


@pytest.mark.unsanitized
@pytest.mark.parametrize("which", CHANGES, ids=lambda which: "%s, %s" % which)
def test_goal(which):
    score = truth.scores()[which]
    assert score.flows
    if which != EXTRA:
        assert not short_of_goal(score, GOALS[which[0]])
    assert score.right >= score.before


@pytest.mark.unsanitized
@pytest.mark.parametrize("which", [which for which in CHANGES if which != EXTRA],
                         ids=lambda which: "%s, %s" % which)
def test_none_that_was_right_is_turned(which):
    assert not truth.scores()[which].spoiled


def test_planted_wrong_sources_are_seen():
    score, key = truth.Score(), ((), (b"\x0a\0\0\1", 1), (b"\x0a\0\0\2", 2), TCP)
    for number in range(100):
        score.add("x", key, (int(number < 2), 6), 0, 0)
    assert len(score.spoiled) == 2 and not score.wrong
    assert short_of_goal(score, 0.99) and not short_of_goal(score, 0.97)


# ---- the tool ----

def conversation():
    """A handshake of A, then data both ways."""
    steps = [(A, B, SYN), (B, A, SYN | ACK), (A, B, ACK), (A, B, ACK), (B, A, ACK), (B, A, ACK)]
    return [frame(second, source, 40000 if source == A else 9000, to,
                  9000 if source == A else 40000, flags)
            for second, (source, to, flags) in enumerate(steps)]


def frame(second, source, source_port, to, to_port, flags=None):
    part = tcp(source_port, to_port, flags) if flags else udp(source_port, to_port, 5)
    octets = ether(ip(source, to, part))
    return at(second), octets, len(octets), 1


def only(frames):
    flows, others = truth.flows_of(frames)
    assert not others
    (flow,) = flows.values()
    return flow


def test_the_sender_of_the_syn_is_the_client():
    assert truth.tcp_client(only(conversation())) == 0
    assert truth.tcp_client(only(conversation()[1:])) is None
    both = [*conversation(), frame(9, B, 9000, A, 40000, SYN)]
    assert truth.tcp_client(only(both)) is None


def test_the_first_packets_are_taken_out():
    items, _ = truth.without(2)(only(conversation()), 0)
    assert [item.packet.tcp_flags for item in items] == [ACK] * 4


def test_the_server_ends_the_gap():
    flow = only(conversation())
    items, behind = truth.with_gap(flow, 0)
    assert len(items) == 6 and behind == at(4) + truth.GAP_NS
    assert [item.time_ns for item in items[:4]] == [at(second) for second in range(4)]
    assert [item.sender for item in items[4:]] == [1, 1] and items[4].time_ns == behind
    assert truth.with_gap(only(conversation()[:4]), 0)[1] is None       # no packet for it


def test_a_question_unknown_to_tshark_needs_silence_before(tmp_path):
    early, late = frame(1, A, 40000, B, 40001), frame(40, A, 40002, B, 40003)
    path = tmp_path / "x.pcap"
    path.write_bytes(truth.craft.pcap([early[:3], late[:3]]))
    flows, _ = truth.flows_of([early, late])
    assert list(truth.truth_of(flows, path, early[0]).values()) == [0]


def test_a_response_comes_from_the_server(tmp_path):
    answer = b"\0\1\x81\x80\0\1\0\0\0\0\0\0\3abc\0\0\1\0\1"
    octets = ether(ip(B, A, udp(53, 40000, payload=answer)))
    path = tmp_path / "x.pcap"
    path.write_bytes(truth.craft.pcap([(at(0), octets, len(octets))]))
    flows, _ = truth.flows_of([(at(0), octets, len(octets), 1)])
    assert list(truth.truth_of(flows, path, at(0)).values()) == [0]
