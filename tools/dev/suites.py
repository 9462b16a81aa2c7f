#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the test suites and counts them; ./dev test is its front.

A suite is a set of unit tests of one build (cmocka under meson), or a folder of tests/ under
pytest. Each has a time limit. A suite that crashes, overruns, or runs no test at all counts as a
failure, so that the last line, "N passed, N failed, N skipped", can be trusted.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(os.environ.get("WEIR_ROOT", Path(__file__).resolve().parents[2]))
RESULTS = ROOT / "build" / "results"
IN_CI = os.environ.get("CI") == "true"
# The one reason for which CI lets a test skip: third-party captures are not part of a clone.
ALLOWED_SKIP = "WEIR_DATA"
# Failures shown with their texts, and how much of each; all of it is in build/results.
SHOWN_FAILURES, SHOWN_LINES = 25, 30


@dataclass
class Suite:
    name: str
    build: str              # kind of build (lib.sh) whose program and tests it runs; may be none
    folder: str = ""        # under tests/, for pytest; empty: unit tests
    labels: tuple = ()      # meson suites, for unit tests
    heavy: bool = False     # only with --all
    limit: int = 300        # seconds
    marks: str = ""         # of pytest: only these tests


SUITES = [
    Suite("unit", "gcc", labels=("unit",)),
    Suite("fuzz", "gcc", labels=("fuzz",)),
    Suite("lint", "", "lint"),
    Suite("golden", "gcc", "golden"),
    Suite("measures", "gcc", "measures", limit=480),
    Suite("identify", "gcc", "identify"),
    Suite("docs", "gcc", "docs"),
    Suite("interop", "gcc", "interop", limit=480),
    Suite("net", "gcc", "net", limit=600),
    Suite("plain-unit", "plain", labels=("unit",), heavy=True),
    Suite("plain-identify", "plain", "identify", marks="not ndpi", heavy=True),
    Suite("plain", "plain", "plain", heavy=True),
    Suite("bench", "gcc", "bench", heavy=True, limit=400),
    Suite("asan-unit", "asan", labels=("unit",), heavy=True),
    Suite("asan-fuzz", "asan", labels=("fuzz",), heavy=True),
    Suite("asan-golden", "asan", "golden", heavy=True, limit=600),
    Suite("asan-identify", "asan", "identify", marks="not unsanitized", heavy=True, limit=600),
    Suite("asan-measures", "asan", "measures", marks="not unsanitized", heavy=True, limit=600),
    Suite("tsan-unit", "tsan", labels=("base", "engine", "identify", "output"), heavy=True),
]

SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


@dataclass
class Case:
    suite: str
    name: str
    state: str              # passed, failed, skipped
    seconds: float = 0.0
    text: str = ""


@dataclass
class Outcome:
    cases: list = field(default_factory=list)
    problem: str = ""       # why the suite as a whole did not run as it should


def last_lines(path, count=40):
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""


def run(command, log, limit, **variables):
    """Runs command into log; its status, or None when it overran its limit (it is ended then)."""
    environment = {**os.environ, **SANITIZERS, **variables}
    with open(log, "w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT,
                                   stdin=subprocess.DEVNULL, env=environment,
                                   start_new_session=True)
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 15)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()
            return None
        except BaseException:
            os.killpg(process.pid, 15)
            raise


# ---- unit tests -------------------------------------------------------------------------------

def cmocka_cases(suite, program, folder):
    cases = []
    for path in sorted(folder.glob(program + "-*.xml")):
        try:
            tree = ElementTree.parse(path)
        except ElementTree.ParseError:
            continue            # a crash cut it; the program's own failure is counted
        for case in tree.iter("testcase"):
            bad = case.find("failure") if case.find("failure") is not None else case.find("error")
            state = "failed" if bad is not None else "skipped" if case.find("skipped") is not None \
                else "passed"
            cases.append(Case(suite.name, f"{program}: {case.get('name')}", state,
                              float(case.get("time") or 0),
                              (bad.text or "").strip() if bad is not None else ""))
    return cases


def meson_program(test, build):
    """The program behind a test of meson's, by which cmocka-run named its files."""
    return Path(test["command"][-1] if len(test["command"]) == 1 else next(
        part for part in test["command"] if str(build) in part)).name


def one_meson_test(suite, test, build, folder):
    cases = []
    if not suite.labels[0] == "fuzz":
        cases = cmocka_cases(suite, meson_program(test, build), folder)
    good = test["result"] in ("OK", "SKIP")
    if cases and (good or any(case.state == "failed" for case in cases)):
        return cases
    state = {"OK": "passed", "SKIP": "skipped"}.get(test["result"], "failed")
    text = "" if good else f"{test['result']}\n" + "\n".join(
        (test.get("stdout", "") + test.get("stderr", "")).splitlines()[-30:])
    return cases + [Case(suite.name, test["name"], state, test["duration"], text)]


def run_meson(suite, outcome):
    build = ROOT / "build" / suite.build
    cases = RESULTS / suite.name
    log = RESULTS / f"{suite.name}.log"
    command = ["meson", "test", "-C", str(build), "--no-rebuild", "--logbase", suite.name,
               "--num-processes", str(os.cpu_count() or 1)]
    for label in suite.labels:
        command += ["--suite", label]
    if suite.labels[0] != "fuzz":
        command += ["--wrapper", str(ROOT / "tools/dev/cmocka-run")]
    journal = build / "meson-logs" / f"{suite.name}.json"
    journal.unlink(missing_ok=True)
    status = run(command, log, suite.limit, WEIR_CASES=str(cases))
    if status is None:
        outcome.problem = f"overran its limit of {suite.limit} s"
    found = sorted((build / "meson-logs").glob(f"{suite.name}*.json"))
    for line in found[0].read_text().splitlines() if found else []:
        outcome.cases += one_meson_test(suite, json.loads(line), build, cases)
    for path in found:
        path.unlink()
    if status and not outcome.problem and all(case.state != "failed" for case in outcome.cases):
        outcome.problem = f"meson test ended with status {status}"


# ---- pytest -----------------------------------------------------------------------------------

def junit_state(element):
    for tag, state in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        found = element.find(tag)
        if found is not None:
            return state, (found.get("message") or "") + "\n" + (found.text or "")
    return "passed", ""


def run_pytest(suite, outcome):
    report = RESULTS / suite.name / "junit.xml"
    log = RESULTS / f"{suite.name}.log"
    build = ROOT / "build" / suite.build
    command = [sys.executable, "-m", "pytest", "-q", "--junitxml", str(report), "-o",
               "junit_family=xunit1", str(ROOT / "tests" / suite.folder)]
    marks = [suite.marks] if suite.marks else []
    if os.environ.get("WEIR_ALL") != "1":
        marks.append("not server")
    if marks:
        command += ["-m", " and ".join(marks)]
    status = run(command, log, suite.limit, WEIR_PROGRAM=str(build / "src/cli/weir"),
                 WEIR_BUILD=str(build), PYTHONDONTWRITEBYTECODE="1")
    if status is None:
        outcome.problem = f"overran its limit of {suite.limit} s"
    elif status not in (0, 1):
        outcome.problem = f"pytest ended with status {status}"
    if not report.exists():
        outcome.problem = outcome.problem or "left no report"
        return
    for element in ElementTree.parse(report).iter("testcase"):
        state, text = junit_state(element)
        name = f"{element.get('classname', '').removeprefix('tests.')}::{element.get('name')}"
        outcome.cases.append(Case(suite.name, name, state, float(element.get("time") or 0), text))


# ---- all of them ------------------------------------------------------------------------------

def available(suite):
    if suite.folder:
        return any((ROOT / "tests" / suite.folder).rglob("test_*.py"))
    if suite.labels[0] == "fuzz":
        return any((ROOT / "tests" / "fuzz").glob("fuzz_*.c"))
    return True


def judge(outcome, suite):
    """Adds the failures that no single case shows."""
    if IN_CI:
        for case in outcome.cases:
            if case.state == "skipped" and ALLOWED_SKIP not in case.text:
                case.state = "failed"
                case.text = "skipped, which CI allows only where WEIR_DATA is absent: " + case.text
    if not outcome.cases and not outcome.problem:
        outcome.problem = "ran no test"
    if outcome.problem:
        text = outcome.problem + "\n" + last_lines(RESULTS / f"{suite.name}.log")
        outcome.cases.append(Case(suite.name, "the suite as a whole", "failed", 0.0, text))


def count(cases):
    return tuple(sum(case.state == state for case in cases)
                 for state in ("passed", "failed", "skipped"))


def run_suite(suite, broken):
    outcome = Outcome()
    shutil.rmtree(RESULTS / suite.name, ignore_errors=True)
    (RESULTS / suite.name).mkdir(parents=True)
    if sys.stdout.isatty():
        print(f"{suite.name:14} ...\r", end="", flush=True)
    start = time.monotonic()
    if suite.build in broken:
        outcome.problem = f"did not run: the {suite.build} build failed"
        (RESULTS / f"{suite.name}.log").write_text("")     # shown when it was built
    elif suite.folder:
        run_pytest(suite, outcome)
    else:
        run_meson(suite, outcome)
    judge(outcome, suite)
    passed, failed, skipped = count(outcome.cases)
    print(f"{suite.name:14} {passed} passed, {failed} failed, {skipped} skipped"
          f" ({time.monotonic() - start:.0f} s)", flush=True)
    return outcome.cases


def build_all(suites):
    broken = {}
    for kind in dict.fromkeys(suite.build for suite in suites if suite.build):
        print(f"building {kind} ...", end="", flush=True)
        start = time.monotonic()
        done = subprocess.run([str(ROOT / "tools/dev/build-kind"), kind], capture_output=True,
                              text=True, env={**os.environ, "WEIR_ROOT": str(ROOT)})
        if done.returncode:
            broken[kind] = done.stdout + done.stderr
            print(f" failed\n{broken[kind]}", flush=True)
        else:
            print(f" {time.monotonic() - start:.0f} s", flush=True)
    return broken


def foreign_cases(paths):
    """Cases that another command counted (./dev lint --results)."""
    cases = []
    for path in paths:
        try:
            cases += [Case(**entry) for entry in json.loads(Path(path).read_text())]
        except (OSError, ValueError, TypeError) as problem:
            cases.append(Case("lint", path, "failed", 0.0, f"left no results: {problem}"))
    return cases


def report_failures(cases):
    for number, case in enumerate(case for case in cases if case.state == "failed"):
        print(f"\nFAILED {case.suite}: {case.name}")
        if number < SHOWN_FAILURES:
            lines = case.text.strip().splitlines()
            print("\n".join(line[:300] for line in lines[-SHOWN_LINES:]))


def report(cases):
    report_failures(cases)
    reasons = {}
    for case in cases:
        if case.state == "skipped":
            reason = (case.text.strip().splitlines() or ["no reason given"])[0]
            reasons[reason] = reasons.get(reason, 0) + 1
    for reason, number in sorted(reasons.items()):
        print(f"skipped {number}: {reason}")
    print("\nThe ten slowest tests:")
    for case in sorted(cases, key=lambda case: -case.seconds)[:10]:
        print(f"  {case.seconds:7.2f} s  {case.suite}: {case.name}")
    passed, failed, skipped = count(cases)
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed or not passed else 0


def chosen(arguments):
    known = {suite.name: suite for suite in SUITES}
    for name in arguments.suites:
        if name not in known:
            sys.exit(f"dev: no suite \"{name}\"; expected one of: {' '.join(known)}")
    if arguments.suites:
        return [known[name] for name in arguments.suites]
    return [suite for suite in SUITES if (arguments.all or not suite.heavy)]


def main():
    parser = argparse.ArgumentParser(prog="./dev test", description=__doc__)
    parser.add_argument("--all", action="store_true", help="also sanitizer builds and servers")
    parser.add_argument("--list", action="store_true", help="name the suites")
    parser.add_argument("--with", dest="foreign", action="append", default=[], metavar="FILE",
                        help="add the results of ./dev lint --results FILE")
    parser.add_argument("suites", nargs="*", metavar="SUITE")
    arguments = parser.parse_args()
    if arguments.list:
        for suite in SUITES:
            print(f"{suite.name:14} {'--all  ' if suite.heavy else '       '}"
                  f"{suite.build or 'no'} build, "
                  f"{'tests/' + suite.folder if suite.folder else ' '.join(suite.labels)}")
        return 0
    os.environ["WEIR_ALL"] = "1" if arguments.all else "0"
    RESULTS.mkdir(parents=True, exist_ok=True)
    suites = chosen(arguments)
    broken = build_all(suites)
    cases = foreign_cases(arguments.foreign)
    for suite in suites:
        cases += run_suite(suite, broken)
    return report(cases)


if __name__ == "__main__":
    sys.exit(main())
