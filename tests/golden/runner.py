# SPDX-License-Identifier: Apache-2.0
"""Runs the program under test: WEIR (or WEIR_PROGRAM) names it, build/weir is the default.

A run gives its records (the JSON lines), its accounts (--stats), its messages and exit status.
A sanitizer report or a signal is an error whatever a test expects.
"""
import json
import os
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
WEIR = pathlib.Path(os.environ.get("WEIR") or os.environ.get("WEIR_PROGRAM") or
                    ROOT / "build" / "weir").resolve()
DATA = pathlib.Path(os.environ.get("WEIR_DATA") or ROOT / ".." / "shared" / "data").resolve()
SECONDS_MAX = float(os.environ.get("WEIR_TEST_SECONDS", "120"))     # a hang, not a measure of speed
CAPTURE_SUFFIXES = (".pcap", ".pcapng", ".cap", ".pcap.gz")


class Run:
    def __init__(self, arguments, status, output, messages, stats):
        self.arguments, self.status = arguments, status
        self.output, self.messages, self.stats = output, messages, stats

    @property
    def records(self):
        return [json.loads(line) for line in self.output.splitlines()]

    def __str__(self):
        return "weir %s\nexit status %s\n%s" % (" ".join(map(str, self.arguments)), self.status,
                                                self.messages.decode(errors="replace"))


class Broken(AssertionError):
    """The program crashed, hung, or a sanitizer spoke."""


def weir(*arguments, stats=False, status=0, **popen):
    """Runs `weir ARGUMENTS`; status: the exit status that is demanded, or several, or None."""
    assert WEIR.exists(), "no program at %s: run ./dev build, or set WEIR" % WEIR
    with tempfile.TemporaryDirectory(prefix="weir-test-") as folder:
        file = pathlib.Path(folder) / "stats.json"
        words = [*map(str, arguments)]
        if stats:
            words[1:1] = ["--stats", str(file)]
        try:
            done = subprocess.run([WEIR, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  timeout=SECONDS_MAX, **popen)
        except subprocess.TimeoutExpired:
            raise Broken("weir %s: still running after %g s"
                         % (" ".join(words), SECONDS_MAX)) from None
        accounts = json.loads(file.read_text()) if stats and file.exists() else None
    run = Run(words, done.returncode, done.stdout, done.stderr, accounts)
    if done.returncode < 0 or b"Sanitizer" in done.stderr or b"runtime error:" in done.stderr:
        raise Broken(str(run))
    demanded = (status,) if isinstance(status, int) else status
    assert demanded is None or done.returncode in demanded, "%s\nexpected status %s" % (run, status)
    return run


def meter(capture, *arguments, status=0):
    """`weir meter -r CAPTURE`, JSON to standard output, with accounts."""
    return weir("meter", "-r", capture, "-o", "json:-", *arguments, stats=True, status=status)


def captures():
    """Every capture that the checkout and WEIR_DATA hold."""
    folders = [ROOT / "share" / "captures", DATA]
    return sorted(path for folder in folders if folder.is_dir() for path in folder.rglob("*")
                  if path.name.endswith(CAPTURE_SUFFIXES))


def capture_name(path):
    return "%s/%s" % (path.parent.name, path.name)
