# SPDX-License-Identifier: Apache-2.0
"""The test runner counts what happened: failures, crashes, overruns, empty suites, skips in CI."""
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "dev"))
import suites  # noqa: E402

MIXED = """
import pytest
def test_good(): pass
def test_bad(): assert 1 == 2, "one is not two"
def test_left_out(): pytest.skip("WEIR_DATA: absent")
def test_no_tool(): pytest.skip("tshark is not installed")
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(suites, "ROOT", tmp_path)
    monkeypatch.setattr(suites, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(suites, "IN_CI", False)
    (tmp_path / "tests" / "some").mkdir(parents=True)

    def run(text, limit=60):
        (tmp_path / "tests" / "some" / "test_some.py").write_text(text)
        return suites.run_suite(suites.Suite("some", "gcc", "some", limit=limit), {})
    return run


def test_states_are_counted(place):
    cases = place(MIXED)
    assert suites.count(cases) == (1, 1, 2)
    assert any("one is not two" in case.text for case in cases if case.state == "failed")


def test_ci_lets_only_data_tests_skip(place, monkeypatch):
    monkeypatch.setattr(suites, "IN_CI", True)
    assert suites.count(place(MIXED)) == (1, 2, 1)


def test_suite_without_tests_fails(place):
    assert suites.count(place("x = 1\n")) == (0, 1, 0)


def test_suite_that_cannot_be_read_fails(place):
    assert suites.count(place("import no_such_module\n"))[1] >= 1


def test_suite_that_crashes_fails(place):
    cases = place("import os\ndef test_good(): pass\ndef test_end(): os._exit(3)\n")
    assert suites.count(cases)[1] == 1


def test_suite_that_overruns_fails(place):
    cases = place("import time\ndef test_slow(): time.sleep(60)\n", limit=2)
    assert suites.count(cases)[1] == 1
    assert "overran" in cases[-1].text


def test_broken_build_is_a_failure(tmp_path, place):
    (tmp_path / "results").mkdir(exist_ok=True)
    cases = suites.run_suite(suites.Suite("unit", "gcc", labels=("unit",)), {"gcc": "no compiler"})
    assert suites.count(cases) == (0, 1, 0)


def journal(tmp_path, result, text=""):
    return {"name": "weir:base / base/x", "command": [f"{tmp_path}/build/test_x"], "result": result,
            "duration": 0.1, "stdout": text}


CMOCKA = """<?xml version="1.0"?><testsuites><testsuite name="t" tests="2">
<testcase name="good" time="0.1"/>
<testcase name="bad" time="0.2"><failure><![CDATA[x.c:1: 1 != 2]]></failure></testcase>
</testsuite></testsuites>"""


def test_cmocka_cases_are_counted(tmp_path):
    suite = suites.Suite("unit", "gcc", labels=("unit",))
    (tmp_path / "test_x-t.xml").write_text(CMOCKA)
    cases = suites.one_meson_test(suite, journal(tmp_path, "FAIL"), tmp_path / "build", tmp_path)
    assert suites.count(cases) == (1, 1, 0)


def test_unit_test_that_crashes_after_good_cases_fails(tmp_path):
    suite = suites.Suite("unit", "gcc", labels=("unit",))
    (tmp_path / "test_x-t.xml").write_text(CMOCKA.split('<testcase name="bad"')[0] +
                                           "</testsuite></testsuites>")
    cases = suites.one_meson_test(suite, journal(tmp_path, "FAIL", "leak"), tmp_path / "build",
                                  tmp_path)
    assert suites.count(cases) == (1, 1, 0)


def test_last_line_and_status(capsys):
    good = suites.Case("a", "b", "passed")
    assert suites.report([good]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 0 failed, 0 skipped"
    assert suites.report([good, suites.Case("a", "c", "failed")]) == 1
    assert suites.report([suites.Case("a", "b", "skipped")]) == 1
    assert suites.report([]) == 1
