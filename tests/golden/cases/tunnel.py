# SPDX-License-Identifier: Apache-2.0
"""Row "tunnels": the outer packet by default, the innermost with --tunnels."""
from case import case
from craft import (GRE, IP6IN4, IPIP, UDP, ether, erspan, geneve, gre, gtpu, ip, ipv4, tag, udp,
                   vxlan)

A, B = "10.0.0.1", "10.0.0.2"
A6, B6 = "2001:db8::1", "2001:db8::2"
OUT, BACK = "192.0.2.1", "192.0.2.2"
INNER, REPLY = ip(A, B, udp(1000, 53, 10)), ip(B, A, udp(53, 1000, 20))


def inner_pair(c, **fields):
    c.expect(A, 1000, B, 53, UDP, (1, 38), (1, 48), when=(0, 1), **fields)


def segment_ids(*expected):
    """The element's low 24 bits are the identifier; the octet above them says of which kind."""
    def check(records, run):
        found = sorted(record["layer2SegmentId"] & 0xffffff for record in records)
        assert found == sorted(expected)
    return check


@case("tunnels", "GRE: by default the outer packets, protocol 47 and no ports")
def gre_outer(c):
    c.send(0, ip(OUT, BACK, gre(INNER)))
    c.send(1, ip(BACK, OUT, gre(REPLY, key=9)))
    c.expect(OUT, 0, BACK, 0, GRE, (1, 20 + 4 + 38), (1, 20 + 8 + 48), when=(0, 1))


@case("tunnels", "GRE: the innermost packets", "--tunnels", slow=False)
def gre_inner(c):
    c.send(0, ip(OUT, BACK, gre(INNER)))
    c.send(1, ip(BACK, OUT, gre(REPLY)))
    inner_pair(c)


@case("tunnels", "the GRE key is in the flow's key and exported: two customers stay apart",
      "--tunnels", "--fields", "+greKey", slow=False)
def gre_keys(c):
    c.send(0, ip(OUT, BACK, gre(INNER, key=9)))
    c.send(1, ip(BACK, OUT, gre(REPLY, key=9)))
    c.send(2, ip(OUT, BACK, gre(INNER, key=10)))
    inner_pair(c, greKey=9)
    c.expect(A, 1000, B, 53, UDP, (1, 38), when=(2, 2), greKey=10)


@case("tunnels", "IP in IP: by default the outer packets")
def ipip_outer(c):
    c.send(0, ip(OUT, BACK, INNER))
    c.send(1, ip(BACK, OUT, REPLY))
    c.expect(OUT, 0, BACK, 0, IPIP, (1, 58), (1, 68), when=(0, 1))


@case("tunnels", "IP in IP: the innermost packets", "--tunnels", slow=False)
def ipip_inner(c):
    c.send(0, ip(OUT, BACK, INNER))
    c.send(1, ip(BACK, OUT, REPLY))
    inner_pair(c)


@case("tunnels", "6in4: by default the outer packets")
def six_in_four_outer(c):
    c.send(0, ip(OUT, BACK, ip(A6, B6, udp(1000, 53, 10))))
    c.expect(OUT, 0, BACK, 0, IP6IN4, (1, 20 + 58))


@case("tunnels", "6in4: the innermost packets", "--tunnels", slow=False)
def six_in_four_inner(c):
    c.send(0, ip(OUT, BACK, ip(A6, B6, udp(1000, 53, 10))))
    c.send(1, ip(BACK, OUT, ip(B6, A6, udp(53, 1000, 20))))
    c.expect(A6, 1000, B6, 53, UDP, (1, 58), (1, 68), when=(0, 1))


@case("tunnels", "VXLAN: by default the outer packets")
def vxlan_outer(c):
    c.send(0, ip(OUT, BACK, vxlan(ether(INNER), 77)))
    c.expect(OUT, 50000, BACK, 4789, UDP, (1, 20 + 8 + 8 + 14 + 38))


@case("tunnels", "VXLAN: innermost, network identifiers stay apart and are exported",
      "--tunnels", "--fields", "+layer2SegmentId", slow=False)
def vxlan_inner(c):
    c.send(0, ip(OUT, BACK, vxlan(ether(INNER), 77)))
    c.send(1, ip(BACK, OUT, vxlan(ether(REPLY), 77, source=50999)))
    c.send(2, ip(OUT, BACK, vxlan(ether(INNER), 78)))
    inner_pair(c)
    c.expect(A, 1000, B, 53, UDP, (1, 38), when=(2, 2))
    c.check(segment_ids(77, 78))


@case("tunnels", "VLAN ids are those around the metered packet", "--tunnels", slow=False)
def vxlan_vlan(c):
    c.send(0, ip(OUT, BACK, vxlan(ether(tag(12, INNER), 0x8100), 77)))
    c.send(1, ip(BACK, OUT, vxlan(ether(tag(12, REPLY), 0x8100), 77)))
    inner_pair(c, vlanId=12)


@case("tunnels", "Geneve with options: innermost", "--tunnels", "--fields", "+layer2SegmentId",
      slow=False)
def geneve_inner(c):
    c.send(0, ip(OUT, BACK, geneve(ether(INNER), 77, options=bytes(8))))
    c.send(1, ip(BACK, OUT, geneve(ether(REPLY), 77)))
    c.send(2, ip(BACK, OUT, geneve(ether(REPLY), 79)))
    inner_pair(c)
    c.expect(B, 53, A, 1000, UDP, (1, 48), when=(2, 2))
    c.check(segment_ids(77, 79))


@case("tunnels", "GTP-U: its ids differ by direction, so they are no part of the key",
      "--tunnels", slow=False)
def gtp_inner(c):
    c.send(0, ip(OUT, BACK, gtpu(INNER, 0x1001)))
    c.send(1, ip(BACK, OUT, gtpu(REPLY, 0x2002, sequence=5)))
    inner_pair(c)


@case("tunnels", "GTP-U: its ids are exported for each direction", "--tunnels", "--fields",
      "+gtpuTEid,+reverseGtpuTEid", slow=False)
def gtp_ids(c):
    c.send(0, ip(OUT, BACK, gtpu(INNER, 0x1001)))
    c.send(1, ip(BACK, OUT, gtpu(REPLY, 0x2002)))
    inner_pair(c, gtpuTEid=0x1001, reverseGtpuTEid=0x2002)


@case("tunnels", "ERSPAN: the frame that was mirrored", "--tunnels", slow=False)
def erspan_inner(c):
    c.send(0, ip(OUT, BACK, erspan(ether(INNER), 5)))
    c.send(1, ip(OUT, BACK, erspan(ether(REPLY), 5)))
    inner_pair(c)


TEREDO = "2001:0:c000:201::9"


@case("tunnels", "Teredo: IPv6 in UDP port 3544", "--tunnels",
      slow=False)
def teredo_inner(c):
    c.send(0, ip(OUT, BACK, udp(50000, 3544, payload=ip(TEREDO, B6, udp(1000, 53, 10)))))
    c.send(1, ip(BACK, OUT, udp(3544, 50000, payload=ip(B6, TEREDO, udp(53, 1000, 20)))))
    c.expect(TEREDO, 1000, B6, 53, UDP, (1, 58), (1, 68), when=(0, 1))


@case("tunnels",
      "other programs use Teredo's port too: what does not fit to the octet is plain UDP",
      "--tunnels", slow=False)
def teredo_port_only(c):
    c.send(0, ip(OUT, BACK, udp(50000, 3544, payload=ip(A6, B6, udp(1000, 53, 10)) + b"more")))
    c.expect(OUT, 50000, BACK, 3544, UDP, (1, 28 + 58 + 4))


@case("tunnels", "a tunnel in a tunnel: the innermost packet", "--tunnels", slow=False)
def nested(c):
    c.send(0, ip(OUT, BACK, gre(ipv4("198.51.100.1", "198.51.100.2", vxlan(ether(INNER), 3)))))
    c.send(1, ip(BACK, OUT, gre(ipv4("198.51.100.2", "198.51.100.1", vxlan(ether(REPLY), 3)))))
    inner_pair(c)


@case("tunnels", "a tunnel that carries no IP is metered as it stands", "--tunnels", slow=False)
def no_ip_inside(c):
    c.send(0, ip(OUT, BACK, gre(bytes(28), protocol=0x0806)))
    c.expect(OUT, 0, BACK, 0, GRE, (1, 52))


@case("tunnels", "padding and outer headers are not the inner packet's octets", "--tunnels",
      slow=False)
def inner_octets(c):
    c.send(0, ip(OUT, BACK, gre(INNER + bytes(30))))
    c.expect(A, 1000, B, 53, UDP, (1, 38))
