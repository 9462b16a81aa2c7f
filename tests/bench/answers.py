# SPDX-License-Identifier: Apache-2.0
"""Whether weir, as it is measured, and ndpiReader name the flows of a workload alike: flow by flow,
since sums would hide a flow named wrongly behind another. Each difference gets its cause; one that
has none is a fault of the report. ../identify/reader.py reads what either prints."""
import json
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "identify"))
import reader  # noqa: E402

ENDS = [f"{side}{name}" for side in ("source", "destination")
        for name in ("IPv4Address", "IPv6Address", "TransportPort")]
FIELDS = [*ENDS, "protocolIdentifier", "applicationMasterName", "applicationName",
          "applicationConfidence"]
ANNOUNCED = 5                   # applicationConfidence
TUNNELS = {"4", "41", "GRE"}    # whose inner packets ndpiReader meters, weir with --tunnels
OF_ANNOUNCED, UNEXPLAINED = "announced by another flow, which libndpi does not know", "unexplained"


@dataclass
class Answers:
    same: int = 0
    other: Counter = field(default_factory=Counter)     # by cause; flows that both have
    outer: int = 0                                      # flows of weir alone that are tunnels
    lacking: int = 0                                    # ... and any others
    inner: int = 0                                      # flows of ndpiReader alone

    @property
    def compared(self):
        return self.same + sum(self.other.values())

    def wrong(self):
        """What has no cause: names, and flows of one side where the other has no tunnel."""
        lost = self.inner if not self.outer else 0
        return self.other[UNEXPLAINED] + self.lacking + lost

    def lines(self):
        yield from (f"{count:,} {cause}" for cause, count in sorted(self.other.items()))
        if self.outer:
            yield (f"{self.outer:,} tunnels that weir meters, {self.inner:,} flows inside that "
                   "ndpiReader does instead")
        if self.wrong():
            yield f"{self.wrong():,} without a known cause"


def place(flow):
    return f"{flow.protocol} {' '.join(sorted(flow.ends))}"


def lines_of(command):
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, errors="replace") as run:
        yield from run.stdout
    if run.returncode:
        raise RuntimeError(f"{command[0]} ended with {run.returncode}")


def of_reader(path):
    """{place: [application]}"""
    found = defaultdict(list)
    for line in lines_of(["ndpiReader", "-v", "2", "-i", path]):
        flow = reader.flow_of_line(line.rstrip("\n"))
        if flow:
            found[place(flow)].append(flow.application)
    return found


def of_weir(weir, options, path):
    """(place, application, whether another flow has announced it), one after another."""
    command = [weir, "meter", "-q", *options, "-r", path, "-o", "json:-", "--fields",
               ",".join(FIELDS)]
    for line in lines_of(command):
        record = json.loads(line)
        flow = reader.flow_of_record(record)
        yield place(flow), flow.application, record.get("applicationConfidence") == ANNOUNCED


def compare(ours, theirs):
    """ours as of_weir() gives it; theirs, of of_reader(), is used up."""
    answers, others = Answers(), []
    for where, name, announced in ours:
        if name in theirs.get(where, ()):
            theirs[where].remove(name)
            answers.same += 1
        else:
            others.append((where, announced))
    for where, announced in others:
        left = theirs.get(where)
        if left:
            known = announced and "Unknown" in left
            left.remove("Unknown" if known else left[0])
            answers.other[OF_ANNOUNCED if known else UNEXPLAINED] += 1
        elif where.split()[0] in TUNNELS:
            answers.outer += 1
        else:
            answers.lacking += 1
    answers.inner = sum(map(len, theirs.values()))
    return answers


def answers_of(weir, options, path):
    return compare(of_weir(weir, options, path), of_reader(path))
