# SPDX-License-Identifier: Apache-2.0
"""What is recorded: one function for each capture of share/captures/.

Each plays on a fresh Stage. Its first comment line becomes the table of share/captures/README.md.
"""
import sys
from pathlib import Path
from subprocess import DEVNULL

from record.stage import CLIENT, CLIENT6, SERVER, SERVER6, set_hardware_address, wait_for

SWITCH = Path(__file__).with_name("switch.py")
ABORT = """
import socket, struct, sys
s = socket.create_connection((sys.argv[1], 6379))
s.sendall(b"PING\\r\\n"); s.recv(64)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()
"""
HALF_CLOSE = """
import socket, sys
s = socket.create_connection((sys.argv[1], 6379))
s.sendall(b"PING\\r\\n"); s.shutdown(socket.SHUT_WR)
while s.recv(64): pass
"""


def web_http(stage):
    """Web pages over HTTP/1.1: two on one connection, one missing, one refused, a form"""
    stage.pair()
    stage.http()
    with stage.record("web-http.pcap.gz"):
        stage.curl("http://www.example.net/", "-o", "/dev/null", "http://www.example.net/noise.bin")
        stage.curl("http://www.example.net/missing")
        stage.curl("http://www.example.net/closed", "-d", "name=value&" * 300)


def web_tls(stage):
    """Web pages over TLS: 1.3 with HTTP/2, 1.2 with HTTP/1.1"""
    stage.pair()
    key, certificate = stage.certificate()
    stage.http("443 ssl http2", f"ssl_certificate {certificate}; ssl_certificate_key {key};")
    with stage.record("web-tls.pcap"):
        stage.curl("-k", "https://www.example.net/", "-o", "/dev/null",
                   "https://www.example.net/noise.bin")
        stage.curl("-k", "--tls-max", "1.2", "--http1.1", "https://www.example.net/")


def dns(stage):
    """Questions for A, AAAA, MX, TXT and SRV, a name that is not there, one over TCP"""
    stage.pair()
    stage.dns()
    with stage.record("dns.pcap"):
        for kind, name in (("A", "www"), ("AAAA", "www"), ("SRV", "_sip._udp"), ("A", "nobody")):
            stage.dig(f"{name}.example.net", kind)
        stage.dig("example.net", "MX")
        stage.dig("example.net", "TXT")
        stage.dig("-x", SERVER)
        stage.dig("+tcp", "www.example.net", "A")
        stage.dig("www.example.net", "AAAA", server=SERVER6)


def start_sshd(stage, command):
    """An sshd that runs one command whatever is asked; the options for its clients."""
    stage.pair()
    Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host", "user"):
        stage.client.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "example", "-f",
                         stage.scratch / name)
    conf = stage.file("sshd.conf", f"""
        ForceCommand {command}
        HostKey {stage.scratch}/host
        AuthorizedKeysFile {stage.scratch}/user.pub
        PidFile {stage.scratch}/sshd.pid
        Subsystem sftp internal-sftp
        StrictModes no
        UsePAM no
        PermitRootLogin yes
        PrintMotd no
        PrintLastLog no
        """)
    stage.daemon(stage.server, "/usr/sbin/sshd", "-D", "-e", "-f", conf, port=22)
    return ["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "LogLevel=ERROR", "-i", stage.scratch / "user"]


def ssh(stage):
    """A login by key, and a command"""
    options = start_sshd(stage, "seq 1 400")
    with stage.record("ssh.pcap"):
        stage.client.run("ssh", *options, f"root@{SERVER}", "list")


def sftp(stage):
    """A file put and fetched through SSH"""
    options = start_sshd(stage, "internal-sftp")
    source = stage.file("report.bin", bytes((n * n >> 5) & 255 for n in range(40000)))
    orders = stage.file("orders", f"put {source} {stage.scratch}/copy.bin\n"
                                  f"get {stage.scratch}/copy.bin {stage.scratch}/back.bin\n")
    with stage.record("sftp.pcap"):
        stage.client.run("sftp", *options, "-b", orders, f"root@{SERVER}")


def ntp(stage):
    """A client sets out to learn the time, over IPv4 and IPv6"""
    stage.pair()
    conf = stage.file("chrony.conf", "local stratum 8\nallow all\nport 123\ncmdport 0\n"
                      f"pidfile {stage.scratch}/chrony.pid\n")
    stage.daemon(stage.server, "chronyd", "-x", "-d", "-u", "root", "-f", conf, port=123,
                 protocol="udp")
    with stage.record("ntp.pcap"):
        for number, address in enumerate((SERVER, SERVER6)):
            stage.client.run("chronyd", "-Q", "-u", "root", "-t", "15", f"server {address} iburst",
                             f"pidfile {stage.scratch}/client{number}.pid", "cmdport 0",
                             "bindcmdaddress /", check=False)


def mail(stage):
    """A letter in the clear, one after STARTTLS"""
    stage.pair()
    key, certificate = stage.certificate()
    stage.daemon(stage.server, "/usr/bin/python3", "-m", "aiosmtpd", "-n", "-l", f"{SERVER}:25",
                 "-c", "aiosmtpd.handlers.Sink", "--no-requiretls", "--tlscert", certificate,
                 "--tlskey", key, port=25)
    letter = ["swaks", "--server", SERVER, "--helo", "client.example.net", "--from",
              "ann@example.net", "--to", "bob@example.net", "--header", "Subject: The river",
              "--header", "Message-Id: <1@client.example.net>", "--body",
              "The water is high.\n" * 60]
    with stage.record("mail.pcap"):
        stage.client.run(*letter)
        stage.client.run(*letter, "-tls")


def database(stage):
    """A key-value database: single questions, then four clients at once"""
    stage.pair()
    start_redis(stage)
    with stage.record("redis.pcap"):
        for question in (("SET", "river", "weir"), ("GET", "river"), ("LPUSH", "levels", "1", "2"),
                         ("LRANGE", "levels", "0", "-1")):
            stage.client.run("redis-cli", "-h", SERVER, *question)
        stage.client.run("redis-benchmark", "-h", SERVER, "-c", "4", "-n", "40", "-t", "set,get",
                         "-q")


def start_redis(stage):
    stage.daemon(stage.server, "redis-server", "--port", "6379", "--save", "", "--bind", SERVER,
                 "--protected-mode", "no", "--dir", stage.scratch, port=6379)


def ftp(stage):
    """A file fetched by FTP: passive, then active"""
    stage.pair()
    (stage.scratch / "ftp").mkdir()
    (stage.scratch / "empty").mkdir()
    stage.scratch.chmod(0o755)
    stage.file("ftp/levels.txt", "".join(f"{n} {n * 37 % 101}\n" for n in range(3000)))
    conf = stage.file("vsftpd.conf", f"""listen=YES
listen_address={SERVER}
background=NO
anonymous_enable=YES
no_anon_password=YES
anon_root={stage.scratch}/ftp
secure_chroot_dir={stage.scratch}/empty
seccomp_sandbox=NO
nopriv_user=nobody
ftpd_banner=ready
xferlog_enable=NO
connect_from_port_20=YES
pasv_min_port=40000
pasv_max_port=40100
""")
    stage.daemon(stage.server, "vsftpd", conf, port=21)
    with stage.record("ftp.pcap"):
        for passive in ("yes", "no"):
            stage.client.run("lftp", "-e", f"set ftp:passive-mode {passive}; "
                             "set net:max-retries 1; set net:timeout 5; set ftp:ssl-allow no; "
                             f"get levels.txt -o {stage.scratch}/{passive}.txt; quit", SERVER)


def voip(stage):
    """A call: SIP over UDP, eight seconds of G.711 in RTP each way"""
    stage.pair()
    (stage.scratch / "pcap").symlink_to("/usr/share/sip-tester")
    stage.daemon(stage.server, "sipp", "-sn", "uas", "-i", SERVER, "-p", "5060", "-mi", SERVER,
                 "-mp", "6000", "-rtp_echo", "-nostdin", port=5060, protocol="udp")
    with stage.record("voip.pcap"):
        stage.client.run("sipp", "-sn", "uac_pcap", SERVER, "-i", CLIENT, "-p", "5060", "-mi",
                         CLIENT, "-mp", "7000", "-m", "1", "-nostdin", cwd=stage.scratch)


def fragments(stage):
    """Datagrams and echoes larger than a frame, over IPv4 and IPv6"""
    server, client = stage.pair()
    stage.dns()
    with stage.record("fragments.pcap"):
        stage.dig("+bufsize=4096", "+ignore", "long.example.net", "TXT")
        stage.dig("+bufsize=4096", "+ignore", "long.example.net", "TXT", server=SERVER6)
        client.run("ping", "-c", "2", "-i", "0.2", "-s", "4000", SERVER)
        client.run("ping", "-c", "2", "-i", "0.2", "-s", "4000", SERVER6)


def ipv6(stage):
    """IPv6 alone: neighbours, a web page, a group joined (hop-by-hop header), a port unreachable"""
    server, client = stage.pair()
    stage.http()
    client.ip("neighbour", "flush", "dev", "eth0")
    with stage.record("ipv6.pcap"):
        client.ip("maddress", "add", "33:33:00:00:01:01", "dev", "eth0")
        client.run("ping", "-c", "3", "-i", "0.2", SERVER6)
        stage.curl(f"http://[{SERVER6}]/")
        stage.dig("+tries=1", "www.example.net", server=SERVER6, check=False)
        client.run(sys.executable, "-c", JOIN)


JOIN = """
import socket, struct, time
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
group = socket.inet_pton(socket.AF_INET6, "ff15::1234")
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + struct.pack("i",
             socket.if_nametoindex("eth0")))
time.sleep(1)
"""


def router(stage):
    """ICMP through a router, at both of its interfaces: echoes, time exceeded, port unreachable"""
    lab = stage.lab
    left, middle, right = lab.host("l"), lab.host("r"), lab.host("s")
    lab.link(left, middle)
    lab.link(middle, right)
    for number, (host, interface, address) in enumerate((
            (left, "eth0", "192.0.2.2/24"), (middle, "eth0", "192.0.2.254/24"),
            (middle, "eth1", "198.51.100.254/24"), (right, "eth0", "198.51.100.1/24")), 1):
        set_hardware_address(host, number, interface)
        host.address(address, interface)
    left.ip("route", "add", "default", "via", "192.0.2.254")
    right.ip("route", "add", "default", "via", "198.51.100.254")
    middle.sysctl("net/ipv4/ip_forward", 1)
    with stage.record("router.pcapng", middle, ("eth0", "eth1")):
        left.run("ping", "-c", "3", "-i", "0.2", "198.51.100.1")
        left.run("ping", "-c", "2", "-i", "0.2", "-t", "1", "198.51.100.1", check=False)
        left.run("dig", "+tries=1", "+time=1", "@198.51.100.1", "www.example.net", check=False)
        right.run("ping", "-c", "2", "-i", "0.2", "192.0.2.2")


def reset(stage):
    """Ends of TCP: a closed port, a connection aborted by RST, one half-closed, one plain"""
    server, client = stage.pair()
    start_redis(stage)
    with stage.record("tcp-ends.pcap"):
        client.run("curl", "-s", f"http://{SERVER}:81/", check=False)
        client.run(sys.executable, "-c", ABORT, SERVER)
        client.run(sys.executable, "-c", HALF_CLOSE, SERVER)
        client.run("redis-cli", "-h", SERVER, "PING")


def vlan(stage):
    """Three customers on one trunk: VLAN 100, and 31 and 32 within service VLAN 200 (802.1ad), with
    the same addresses in all of them"""
    lab = stage.lab
    left, right = lab.host("x"), lab.host("y")
    lab.link(left, right)
    tags = ("100", "200.31", "200.32")
    clients = []
    for number, _ in enumerate(tags):
        server, client = lab.host("s"), lab.host("c")
        lab.link(left, client)
        lab.link(right, server)
        for host, address, six, low in ((server, SERVER, SERVER6, 1), (client, CLIENT, CLIENT6, 2)):
            set_hardware_address(host, 16 * (number + 1) + low)
            host.address(address + "/24")
            host.address(six + "/64")
            # Room for two tags on the trunk.
            host.ip("link", "set", "eth0", "mtu", "1400")
        clients.append(client)
        stage.server, stage.client = server, client
        folder = stage.scratch
        stage.scratch = folder / str(number)
        stage.scratch.mkdir()
        stage.http()
        stage.dns()
        stage.scratch = folder
    ports = [f"eth{number}={name}" for number, name in enumerate(tags, 1)]
    for host in (left, right):
        stage.daemon(host, sys.executable, "-u", SWITCH, "eth0", *ports)
    wait_for(lambda: (stage.scratch / "daemons.log").read_text().count("ready") == 2,
             what="the switches")
    with stage.record("vlan.pcap", left):
        for stage.client in clients:
            stage.client.run("ping", "-c", "2", "-i", "0.2", SERVER)
            stage.client.run("ping", "-c", "1", SERVER6)
            stage.dig("www.example.net", "A")
            stage.curl("http://www.example.net/")


def demo(stage):
    """A minute in a small office: names, web, shell, mail, database, a call, echoes"""
    options = start_sshd(stage, "seq 1 400")
    stage.dns()
    stage.http()
    start_redis(stage)
    stage.daemon(stage.server, "/usr/bin/python3", "-m", "aiosmtpd", "-n", "-l", f"{SERVER}:25",
                 "-c", "aiosmtpd.handlers.Sink", port=25)
    stage.daemon(stage.server, "sipp", "-sn", "uas", "-i", SERVER, "-p", "5060", "-nostdin",
                 port=5060, protocol="udp")
    with stage.record("demo.pcap"):
        for name in ("www", "mail", "nobody"):
            stage.dig(f"{name}.example.net", "A")
            stage.dig(f"{name}.example.net", "AAAA", server=SERVER6)
        at_once = [stage.client.start(*command, stdout=DEVNULL, stderr=DEVNULL) for command in (
            ("ping", "-c", "5", "-i", "0.4", SERVER), ("ping", "-c", "3", "-i", "0.5", SERVER6),
            ("sipp", "-sn", "uac", SERVER, "-i", CLIENT, "-p", "5060", "-m", "1", "-d", "1500",
             "-nostdin"))]
        stage.curl("http://www.example.net/", "-o", "/dev/null", "http://www.example.net/noise.bin")
        stage.curl(f"http://[{SERVER6}]/")
        stage.client.run("ssh", *options, f"root@{SERVER}", "list")
        stage.client.run("redis-benchmark", "-h", SERVER, "-c", "2", "-n", "20", "-t", "set,get",
                         "-q")
        stage.client.run("swaks", "--server", SERVER, "--helo", "client.example.net", "--from",
                         "ann@example.net", "--to", "bob@example.net", "--header",
                         "Message-Id: <1@client.example.net>", "--body", "The water is high.")
        stage.client.run("curl", "-s", f"http://{SERVER}:81/", check=False)
        for process in at_once:
            process.wait(20)


RECORDINGS = {          # file: (function, programs that speak)
    "demo.pcap": (demo, "nginx curl dnsmasq dig sshd redis-server swaks sipp ping"),
    "web-http.pcap.gz": (web_http, "nginx curl"),
    "web-tls.pcap": (web_tls, "nginx curl openssl"),
    "dns.pcap": (dns, "dnsmasq dig"),
    "ssh.pcap": (ssh, "sshd ssh"),
    "sftp.pcap": (sftp, "sshd sftp"),
    "ntp.pcap": (ntp, "chronyd"),
    "mail.pcap": (mail, "aiosmtpd swaks"),
    "redis.pcap": (database, "redis-server redis-cli redis-benchmark"),
    "ftp.pcap": (ftp, "vsftpd lftp"),
    "voip.pcap": (voip, "sipp"),
    "vlan.pcap": (vlan, "nginx curl dnsmasq dig ping"),
    "ipv6.pcap": (ipv6, "nginx curl dig ping"),
    "fragments.pcap": (fragments, "dnsmasq dig ping"),
    "router.pcapng": (router, "ping dig"),
    "tcp-ends.pcap": (reset, "redis-server redis-cli curl"),
}
