# SPDX-License-Identifier: Apache-2.0
"""weir collect in a namespace: how much it has so far, and what it wrote in the end."""
import json
import signal
import subprocess

from interop.round_trip import records
from net.lab import wait_for

PATIENCE = 60       # seconds: nothing is asserted on speed


class Collector:
    def __init__(self, host, program, folder, *listen, options=()):
        folder.mkdir(exist_ok=True)
        self.json, self.stats = folder / "collected.json", folder / "collect.stats"
        words = [word for address in listen for word in ("-l", address)]
        self.process = host.start(program, "collect", "-v", *words, "-o", f"json:{self.json}",
                                  "--stats", self.stats, *options, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True)

    def account(self):
        """--stats as of now."""
        before = self.stats.stat().st_mtime_ns if self.stats.exists() else 0
        self.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: self.stats.exists() and self.stats.stat().st_mtime_ns > before, PATIENCE,
                 "the collector's account")
        return json.loads(self.stats.read_text())

    def await_records(self, count):
        wait_for(lambda: self.account()["records"] >= count, PATIENCE, f"{count} records")

    def stop(self):
        """What was collected, and the last account."""
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=PATIENCE)[1]
        assert self.process.returncode == 0, said
        return records(self.json), json.loads(self.stats.read_text())
