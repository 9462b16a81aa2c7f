/* SPDX-License-Identifier: Apache-2.0 */
/* One frame of every kind that the parser reads, for the tests that cut, flip and compare
 * everything. */
#include <string.h>

#include "craft.h"

enum { ETHERNET = 1, OUTER_UDP = 28 };

static const struct {
	const char *name;
	uint16_t link_type;
	const char *before;             /* hex in front of the IPv4 packet of craft_inner() */
} links[] = {
	{ "vlan", ETHERNET, "020000000002 020000000001 8100 0005 0800" },
	{ "qinq", ETHERNET, "020000000002 020000000001 88a8 0064 8100 00c8 0800" },
	{ "9100", ETHERNET, "020000000002 020000000001 9100 0064 9200 00c8 8100 0001 0800" },
	{ "snap", ETHERNET, "020000000002 020000000001 0030 aaaa03 000000 0800" },
	{ "mpls", ETHERNET, "020000000002 020000000001 8847 0001003f 0002013f" },
	{ "pseudowire", ETHERNET,
	  "020000000002 020000000001 8847 0001013f 00000000 020000000002 020000000001 0800" },
	{ "pppoe", ETHERNET, "020000000002 020000000001 8864 1100 0001 002a 0021" },
	{ "sll", 113, "0000 0001 0006 020000000001 0000 0800" },
	{ "sll2", 276, "0800 0000 00000002 0001 00 06 020000000001 0000" },
	{ "raw", 101, "" }, { "raw 12", 12, "" }, { "raw 14", 14, "" }, { "ipv4", 228, "" },
	{ "null", 0, "02000000" }, { "null, other order", 0, "00000002" }, { "loop", 108, "00000002" },
	{ "ppp", 9, "ff03 0021" }, { "ppp, short", 9, "21" }, { "ppp serial", 50, "ff03 0021" },
	{ "cisco on serial", 50, "0f00 0800" }, { "ppp ether", 51, "1100 0001 002a 0021" },
	{ "cisco hdlc", 104, "0f00 0800" },
	{ "wifi", 105, "0801 0000 020000000001 020000000002 020000000003 1000 aaaa03 000000 0800" },
	{ "wifi qos", 105,
	  "8802 0000 020000000001 020000000002 020000000003 1000 0000 aaaa03 000000 0800" },
	{ "radiotap", 127, "0000 0a00 00000000 0000"
	  "0801 0000 020000000001 020000000002 020000000003 1000 aaaa03 000000 0800" },
};

static const struct {
	const char *name;
	uint8_t protocol;
	uint16_t port;                  /* of UDP; 0: straight in IP */
	const char *before;             /* hex between the outer header and craft_inner() */
} tunnels[] = {
	{ "ipip", 4, 0, "" },
	{ "gre", 47, 0, "2000 0800 00000007" },
	{ "gre, all fields", 47, 0,
	  "f000 0800 00000000 00000007 00000001 0800 0004 01020304 00000000" },
	{ "gre with ethernet", 47, 0, "0000 6558 020000000002 020000000001 8100 0005 0800" },
	{ "pptp", 47, 0, "3081 880b 0030 0009 00000001 00000001 ff03 0021" },
	{ "erspan 1", 47, 0, "0000 88be 020000000002 020000000001 0800" },
	{ "erspan 2", 47, 0, "1000 88be 00000001 1000 0005 00000000 020000000002 020000000001 0800" },
	{ "erspan 3", 47, 0, "1000 22eb 00000001 2000 0006 00000000 0000 0001 0000000000000000"
	  "020000000002 020000000001 0800" },
	{ "vxlan", 17, 4789, "08000000 00007b00 020000000002 020000000001 0800" },
	{ "vxlan-gpe", 17, 4790, "0c000001 00007b00" },
	{ "geneve", 17, 6081, "0140 6558 00007b00 00000000 020000000002 020000000001 0800" },
	{ "gtp", 17, 2152, "30ff 0028 00000011" },
	{ "gtp with extension", 17, 2152, "34ff 0030 00000011 00000085 01000000" },
	{ "mpls in ip", 137, 0, "0001013f" },
	{ "mpls in udp", 17, 6635, "0001013f" },
};

static void make_tunnel(unsigned index, struct craft *c)
{
	struct craft inside = { .bytes = 0 };

	craft_hex(&inside, tunnels[index].before);
	craft_inner(&inside);
	craft_ethernet(c, 0x0800);
	if (tunnels[index].port) {
		craft_ipv4(c, 17, (uint16_t)(inside.bytes + 8), 1, 2);
		craft_udp(c, 40000, tunnels[index].port, (uint16_t)inside.bytes);
	} else {
		craft_ipv4(c, tunnels[index].protocol, (uint16_t)inside.bytes, 1, 2);
	}
	craft_append(c, &inside);
}

static void make_tcp4(struct craft *c)
{
	craft_ethernet(c, 0x0800);
	craft_ipv4(c, 6, 24, 2, 1);
	craft_tcp(c, 443, 50000, 0x18);
	craft_fill(c, 4, 'p');
}

static void make_tcp6(struct craft *c)
{
	craft_ethernet(c, 0x86dd);
	craft_ipv6(c, 6, 24, 2, 1);
	craft_tcp(c, 443, 50000, 0x18);
	craft_fill(c, 4, 'p');
}

static void make_options(struct craft *c)
{
	craft_ethernet(c, 0x0800);
	craft_hex(c, "46000030 00010000 40060000 0a000001 0a000002 94040000");
	craft_tcp(c, 1, 2, 2);
	craft_fill(c, 4, 'p');
}

static void make_ah4(struct craft *c)
{
	craft_ethernet(c, 0x0800);
	craft_ipv4(c, 51, 24 + 18, 1, 2);
	craft_hex(c, "11040000 00000001 00000001 000000000000000000000000");
	craft_udp(c, 5, 6, 10);
	craft_fill(c, 10, 'p');
}

/* Hop-by-hop, routing, destination options, mobility, AH, then UDP. */
static void make_chain(struct craft *c)
{
	craft_ethernet(c, 0x86dd);
	craft_ipv6(c, 0, 8 + 24 + 8 + 8 + 24 + 8 + 8 + 18, 1, 2);
	craft_hex(c, "2b00010400000000");
	craft_hex(c, "3c020000 00000000 00000000000000000000000000000000");
	craft_hex(c, "8700010400000000");
	craft_hex(c, "3300010400000000");
	craft_hex(c, "8b040000 00000001 00000001 000000000000000000000000");
	craft_hex(c, "8c00010400000000");
	craft_hex(c, "1100010400000000");
	craft_udp(c, 5, 6, 10);
	craft_fill(c, 10, 'p');
}

static void make_fragment4(struct craft *c)
{
	craft_ethernet(c, 0x0800);
	craft_ipv4_fragment(c, 17, 24, 77, 0x2000);
	craft_udp(c, 5, 6, 100);
	craft_fill(c, 16, 'p');
}

static void make_fragment6(struct craft *c)
{
	craft_ethernet(c, 0x86dd);
	craft_ipv6(c, 44, 8 + 24, 1, 2);
	craft_hex(c, "11000001 00000042");
	craft_udp(c, 5, 6, 100);
	craft_fill(c, 16, 'p');
}

static void make_jumbo(struct craft *c)
{
	craft_ethernet(c, 0x86dd);
	craft_ipv6(c, 0, 0, 1, 2);
	craft_hex(c, "0600c204 00011170");
	craft_tcp(c, 1, 2, 0x10);
	craft_fill(c, 20, 'p');
}

static void make_icmp(struct craft *c)
{
	craft_ethernet(c, 0x0800);
	craft_ipv4(c, 1, 16, 1, 2);
	craft_hex(c, "08000000 00010001 0000000000000000");
}

static void make_icmpv6(struct craft *c)
{
	craft_ethernet(c, 0x86dd);
	craft_ipv6(c, 58, 16, 1, 2);
	craft_hex(c, "80000000 00010001 0000000000000000");
}

static void make_sctp(struct craft *c)
{
	craft_ethernet(c, 0x0800);
	craft_ipv4(c, 132, 28, 1, 2);
	craft_hex(c, "0b590b5a 00000000 00000000 01000010 000000000000000000000000");
}

static void make_dccp(struct craft *c)
{
	craft_ethernet(c, 0x0800);
	craft_ipv4(c, 33, 20, 1, 2);
	craft_hex(c, "0b590b5a 04000000 00000000 00000000 00000000");
}

static void make_6in4(struct craft *c)
{
	craft_ethernet(c, 0x0800);
	craft_ipv4(c, 41, 40 + 18, 1, 2);
	craft_ipv6(c, 17, 18, 1, 2);
	craft_udp(c, 5, 6, 10);
	craft_fill(c, 10, 'p');
}

static void make_teredo(struct craft *c)
{
	craft_ethernet(c, 0x0800);
	craft_ipv4(c, 17, 8 + 13 + 8 + 48, 1, 2);
	craft_udp(c, 3544, 50000, 13 + 8 + 48);
	craft_hex(c, "00010000 0000000000000000 00");
	craft_hex(c, "0000 1234 f5fffffe");
	craft_hex(c, "60000000 0008 3a 40 20010000000000000000000000000001"
	          "20010db8000000000000000000000002");
	craft_hex(c, "80000000 00010001");
}

static const struct {
	const char *name;
	void (*make)(struct craft *c);
} others[] = {
	{ "udp over ipv4", craft_plain }, { "tcp over ipv4", make_tcp4 },
	{ "tcp over ipv6", make_tcp6 },
	{ "ipv4 options", make_options }, { "ah in ipv4", make_ah4 }, { "ipv6 chain", make_chain },
	{ "ipv4 fragment", make_fragment4 }, { "ipv6 fragment", make_fragment6 },
	{ "jumbo", make_jumbo },
	{ "icmp", make_icmp }, { "icmpv6", make_icmpv6 }, { "sctp", make_sctp }, { "dccp", make_dccp },
	{ "6in4", make_6in4 }, { "teredo", make_teredo },
};

bool craft_sample(unsigned index, struct sample *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->link_type = ETHERNET;
	if (index < array_count(others)) {
		ret->name = others[index].name;
		others[index].make(&ret->craft);
		return true;
	}
	index -= (unsigned)array_count(others);
	if (index < array_count(links)) {
		ret->name = links[index].name;
		ret->link_type = links[index].link_type;
		craft_hex(&ret->craft, links[index].before);
		craft_inner(&ret->craft);
		return true;
	}
	index -= (unsigned)array_count(links);
	if (index < array_count(tunnels)) {
		ret->name = tunnels[index].name;
		make_tunnel(index, &ret->craft);
		return true;
	}
	return false;
}
