# SPDX-License-Identifier: Apache-2.0
"""Network namespaces for tests and recordings: hosts joined by links or a switch.

Names carry the process id, so that several runs can work side by side; everything a Lab made is
gone when it closes, whatever happened in between. Offloads are off, so that frames are as they
would be on a wire, and IPv6 sends nothing of its own (no router solicitations, no duplicate
address detection) unless asked to.

    with Lab() as lab:
        a, b = lab.pair("10.0.0.1/24", "10.0.0.2/24")
        server = b.start("tcpdump", "-i", "eth0")
        a.run("ping", "-c1", "10.0.0.2")
"""
import itertools
import os
import shutil
import subprocess
import time

OFFLOADS = ("rx", "tx", "sg", "tso", "gso", "gro", "lro", "rxvlan", "txvlan")
_numbers = itertools.count(1)
_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def why_no_namespaces():
    """The reason why this process cannot make network namespaces, or None."""
    for name in ("ip", "ethtool"):
        if not shutil.which(name, path=_PATH):
            return f"{name} is not installed (./dev deps test)"
    if os.geteuid() != 0:
        return "network namespaces need root"
    probe = f"weirprobe{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True,
                          env={**os.environ, "PATH": _PATH})
    if made.returncode:
        return "no network namespaces here: " + made.stderr.strip()
    _call("ip", "netns", "delete", probe)
    return None


def _call(*command, check=True, **options):
    options.setdefault("capture_output", True)
    options.setdefault("text", True)
    done = subprocess.run([str(part) for part in command],
                          env={**os.environ, "PATH": _PATH}, **options)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: status {done.returncode}\n"
                           f"{done.stdout or ''}{done.stderr or ''}")
    return done


def wait_for(condition, seconds=10.0, what="a condition"):
    """Waits until condition() is true; its value, or a TimeoutError that says what was awaited."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.02)


class Host:
    """One namespace. Interfaces are eth0, eth1, ... in the order in which they were linked."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.interfaces = []
        _call("ip", "netns", "add", name)
        self.ip("link", "set", "lo", "up")
        for family in ("default", "all"):
            self.sysctl(f"net/ipv6/conf/{family}/accept_dad", 0)
            self.sysctl(f"net/ipv6/conf/{family}/router_solicitations", 0)
            self.sysctl(f"net/ipv6/conf/{family}/addr_gen_mode", 1)

    def command(self, *command):
        return ["ip", "netns", "exec", self.name, *map(str, command)]

    def run(self, *command, check=True, timeout=60, **options):
        """Runs a command inside to its end; a CompletedProcess."""
        return _call(*self.command(*command), check=check, timeout=timeout, **options)

    def start(self, *command, **options):
        """Starts a command inside; it is ended with the lab at the latest."""
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(self.command(*command), env={**os.environ, "PATH": _PATH},
                                   **options)
        self.lab.processes.append(process)
        return process

    def ip(self, *arguments):
        return _call("ip", "-n", self.name, *arguments)

    def sysctl(self, path, value):
        _call("ip", "netns", "exec", self.name, "sh", "-c",
              f"echo {value} > /proc/sys/{path} 2>/dev/null || true")

    def address(self, address, interface="eth0"):
        more = ["nodad"] if ":" in address else []
        self.ip("address", "add", address, "dev", interface, *more)

    def adopt(self, interface):
        """Takes an interface from the default namespace in, as the next ethN."""
        name = f"eth{len(self.interfaces)}"
        _call("ip", "link", "set", interface, "netns", self.name, "name", name)
        for offload in OFFLOADS:    # one by one: not every interface knows all of them
            self.run("ethtool", "-K", name, offload, "off", check=False)
        self.ip("link", "set", name, "up")
        self.interfaces.append(name)
        return name

    def listening(self, port, protocol="tcp"):
        """Whether a socket listens (TCP) or is bound (UDP) to the port."""
        files = [f"/proc/net/{protocol}", f"/proc/net/{protocol}6"]
        wanted = "0A" if protocol == "tcp" else "07"
        text = self.run("cat", *files, check=False).stdout
        for line in text.splitlines():
            part = line.split()
            if len(part) > 3 and part[1].endswith(f":{port:04X}") and part[3] == wanted:
                return True
        return False

    def await_port(self, port, protocol="tcp", seconds=10.0):
        wait_for(lambda: self.listening(port, protocol), seconds, f"{protocol} port {port}")


class Lab:
    """Owns the hosts, links and processes of one test."""

    def __init__(self):
        self.hosts = []
        self.processes = []
        self.bridges = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def host(self, label="h"):
        made = Host(self, f"weir{os.getpid()}{label}{next(_numbers)}")
        self.hosts.append(made)
        return made

    def link(self, left, right):
        """Joins two hosts by a cable; the names of the interface at either end."""
        number = next(_numbers)
        ends = [f"w{os.getpid() % 100000}x{number}{side}" for side in "ab"]
        _call("ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        return left.adopt(ends[0]), right.adopt(ends[1])

    def pair(self, left_address=None, right_address=None):
        """Two hosts and a cable."""
        left, right = self.host("a"), self.host("b")
        self.link(left, right)
        for made, address in ((left, left_address), (right, right_address)):
            if address:
                made.address(address)
        return left, right

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for made in self.hosts:
            # What a daemon left behind inside goes too; only processes of our own namespace.
            for number in _call("ip", "netns", "pids", made.name, check=False).stdout.split():
                try:
                    os.kill(int(number), 9)
                except (OSError, ValueError):
                    pass
            _call("ip", "netns", "delete", made.name, check=False)
        self.processes, self.hosts = [], []
