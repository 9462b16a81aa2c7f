# SPDX-License-Identifier: Apache-2.0
"""Labels of networks: every address against every line of the file, the longest prefix wins."""
import atexit
import ipaddress
import os
import tempfile

LINES = """\
# prefix, AS number, name, site
0.0.0.0/0, 64496, everything else
10.0.0.0/8,,private,inside
10.0.0.0/24, AS64500, Example Ltd, Berlin
10.0.0.1
192.168.0.0/16, 0, home, Z\u00fcrich
192.168.1.0/24, -, -, cellar
192.168.1.1/32, 4294967295, gateway
172.16.0.0/12,64501
128.0.0.0/2,64502,the third quarter,
224.0.0.0/4,,multicast,-
2000::/3,64503,global unicast,somewhere
fe80::/10,,link-local
fe80::/64,,link-local,this link
ff02::fb,,multicast DNS
"""
FIELDS = ["bgpSourceAsNumber", "bgpDestinationAsNumber", "sourceNetworkName",
          "destinationNetworkName", "sourceNetworkSite", "destinationNetworkSite"]


def write_file():
    place, path = tempfile.mkstemp(suffix=".networks")
    with open(place, "w", encoding="utf-8") as out:
        out.write(LINES)
    atexit.register(os.unlink, path)
    return path


ARGUMENTS = ("--networks", write_file())


def read_lines():
    for line in LINES.splitlines():
        words = [word.strip() for word in line.split(",")] + [""] * 3
        if not line.startswith("#"):
            said = [None if word in ("", "-") else word for word in words[1:4]]
            yield ipaddress.ip_network(words[0]), said


NETWORKS = list(read_lines())


def label(octets):
    address = ipaddress.ip_address(octets)
    around = [(network.prefixlen, said) for network, said in NETWORKS
              if network.version == address.version and address in network]
    number, name, site = max(around, default=(0, (None,) * 3), key=lambda pair: pair[0])[1]
    number = int(number.upper().removeprefix("AS")) if number else None
    return number or None, name, site


def measure(flow):
    packet = flow.packets[0]
    size = 4 if packet.family == 4 else 16
    start = 12 if packet.family == 4 else 8
    ends = [packet.ip[start:start + size], packet.ip[start + size:start + 2 * size]]
    if packet.sender == 1:
        ends.reverse()
    source, destination = map(label, ends)
    return {"bgpSourceAsNumber": source[0], "bgpDestinationAsNumber": destination[0],
            "sourceNetworkName": source[1], "destinationNetworkName": destination[1],
            "sourceNetworkSite": source[2], "destinationNetworkSite": destination[2]}
