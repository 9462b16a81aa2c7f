# SPDX-License-Identifier: Apache-2.0
"""While ./dev installs packages no service starts; the guard that sees to it is gone afterwards.

apt is played by a shell function; the guard is a file of the test's own instead of policy-rc.d.
"""
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = "#!/bin/sh\nexit 101\n"
SCRIPT = """
set -euo pipefail
. "$WEIR_ROOT/tools/dev/lib.sh"
guard=$1
privileged() { "$@"; }
missing_packages() { echo no-such-package; }
apt_install() { cat "$guard" >"$seen"; %s; }
seen=$2
install_missing build
"""


def default_signals():
    """Who runs the tests in the background of a shell ignores SIGINT, and so would the script."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(guard, seen, apt):
    return subprocess.Popen(["bash", "-c", SCRIPT % apt, "dev", str(guard), str(seen)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "WEIR_ROOT": str(ROOT)}, start_new_session=True,
                            preexec_fn=default_signals)


@pytest.fixture
def paths(tmp_path):
    return tmp_path / "policy-rc.d", tmp_path / "seen"


@pytest.mark.parametrize("apt,status", [("true", 0), ("return 100", 1)])
def test_guard_is_up_meanwhile_and_gone_afterwards(paths, apt, status):
    guard, seen = paths
    process = start(guard, seen, apt)
    process.communicate(timeout=20)
    assert process.returncode == status
    assert seen.read_text().endswith("exit 101\n")
    assert not guard.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_guard_is_gone_after_an_interrupt(paths, number):
    guard, seen = paths
    process = start(guard, seen, "sleep 30")
    while not seen.exists():
        time.sleep(0.02)
    os.killpg(process.pid, number)
    process.communicate(timeout=20)
    assert process.returncode != 0
    assert not guard.exists()


def test_guard_of_somebody_else_stays(paths):
    guard, seen = paths
    guard.write_text(FOREIGN)
    process = start(guard, seen, "true")
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert guard.read_text() == FOREIGN


def test_guard_left_by_a_killed_run_is_removed(paths):
    guard, seen = paths
    process = start(guard, seen, "sleep 30")
    while not seen.exists():
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=20)
    assert guard.exists()
    seen.unlink()
    start(guard, seen, "true").communicate(timeout=20)
    assert not guard.exists()
