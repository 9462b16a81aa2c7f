/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: what counting flows costs at the very least on this machine. No weir in it.
 *
 *   bench_floor [-p PASSES] [-e] [-H] FILE LOG2_SLOTS
 *
 * Reads a plain pcap file by read() in pieces of 256 kB, takes the addresses, ports, protocol and
 * VLAN out of each packet, and updates a table of 64-byte entries, sized beforehand, in batches of
 * 32: hash and prefetch all, then update all. Nothing is checked that need not be, nothing is
 * ordered, timed or exported. -e also deletes: at FIN, and after 2 s without packets, by a sweep
 * that takes about a second for the table. -H asks for 2 MB pages.
 *
 * Prints packets=, octets= and flows= (insertions) of the first pass, and ns per packet of the
 * last pass: with PASSES 2 that is the table in steady state.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	PIECE_BYTES = 256 << 10, BATCH = 32, FILE_HEAD_BYTES = 24, PACKET_HEAD_BYTES = 16,
	KEY_WORDS = 5, TICKS_PER_SECOND = 1 << 10, IDLE_TICKS = 2 * TICKS_PER_SECOND,
	TCP = 6, UDP = 17, FIN = 0x01,
	/* Types as they lie in memory. */
	TYPE_IPV4 = 0x0008, TYPE_IPV6 = 0xdd86, TYPE_VLAN = 0x0081, TYPE_SERVICE_VLAN = 0xa888,
};

/* One flow. Words 0 to 3 of the key are addresses (1 to 3 of IPv6 alone), 4 is all the rest. */
struct entry {
	uint64_t key[KEY_WORDS];
	uint32_t packets;       /* 0: free */
	uint32_t first, last;   /* ticks */
	uint32_t flags;
	uint64_t octets;
};
_Static_assert(sizeof(struct entry) == 64, "one line");

struct packet {
	uint64_t key[KEY_WORDS];
	uint64_t hash;
	uint32_t ticks, octets, flags;
};

struct table {
	struct entry *entries;
	uint64_t slots, mask;
	uint64_t used;          /* slots; never all of them, or a search would not end */
	uint64_t sweep;         /* slot that is looked at next */
	uint64_t insertions;
	bool expires;
};

struct reader {
	int fd;
	uint8_t *buffer;
	const uint8_t *at, *end;        /* what is not read yet of the piece */
	uint32_t offset;        /* ticks that this pass is later than the first */
};

static inline uint64_t load64(const void *at)
{
	uint64_t value;
	memcpy(&value, at, sizeof value);
	return value;
}

static inline uint32_t load32(const void *at)
{
	uint32_t value;
	memcpy(&value, at, sizeof value);
	return value;
}

static inline uint16_t load16(const void *at)
{
	uint16_t value;
	memcpy(&value, at, sizeof value);
	return value;
}

static inline uint64_t fold(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline bool is_ipv6(const uint64_t *key)
{
	return key[4] >> 56 == 6;
}

static inline uint64_t key_hash(const uint64_t *key)
{
	uint64_t hash = fold(key[0] ^ 0xa0761d6478bd642fULL, key[4] ^ 0xe7037ed1a0b428dbULL);

	if (__builtin_expect(is_ipv6(key), 0)) {
		hash ^= fold(key[1] ^ 0x8ebc6af09c88c6e3ULL, key[2] ^ 0x589965cc75374cc3ULL);
		hash = fold(hash ^ key[3], 0x1d8e4e27c47d124fULL);
	}
	return fold(hash, 0x9e3779b97f4a7c15ULL);
}

static inline bool key_equal(const uint64_t *a, const uint64_t *b)
{
	return a[0] == b[0] && a[4] == b[4] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

static inline void read_ports(struct packet *packet, const uint8_t *transport, const uint8_t *end,
                              unsigned protocol)
{
	packet->flags = 0;
	if (protocol == TCP && transport + 14 <= end) {
		packet->key[4] |= load32(transport);
		packet->flags = transport[13];
	} else if (protocol == UDP && transport + 4 <= end) {
		packet->key[4] |= load32(transport);
	}
}

/* Reads one record of the file, which lies in the buffer as a whole; false: no IP. */
static inline bool parse(const uint8_t *record, struct packet *packet)
{
	uint32_t captured = load32(record + 8);
	const uint8_t *at = record + PACKET_HEAD_BYTES, *end = at + captured, *transport;
	uint64_t rest = 0;
	unsigned protocol;

	if (captured < 34)
		return false;
	unsigned type = load16(at + 12);
	for (at += 14; type == TYPE_VLAN || type == TYPE_SERVICE_VLAN; at += 4) {
		if (at + 4 > end)
			return false;
		rest = (uint64_t)(__builtin_bswap16(load16(at)) & 0xfff) << 40;
		type = load16(at + 2);
	}
	if (__builtin_expect(type == TYPE_IPV4 && at + 20 <= end, 1)) {
		packet->key[0] = load64(at + 12);
		packet->key[1] = packet->key[2] = packet->key[3] = 0;
		protocol = at[9];
		packet->octets = __builtin_bswap16(load16(at + 2));
		transport = load16(at + 6) & 0xff1f ? end : at + (at[0] & 15) * 4;
		rest |= 4ULL << 56;
	} else if (type == TYPE_IPV6 && at + 40 <= end) {
		memcpy(packet->key, at + 8, 32);
		protocol = at[6];
		packet->octets = 40u + __builtin_bswap16(load16(at + 4));
		transport = at + 40;
		rest |= 6ULL << 56;
	} else {
		return false;
	}
	packet->key[4] = rest | (uint64_t)protocol << 32;
	read_ports(packet, transport, end, protocol);
	packet->ticks = load32(record) << 10 | load32(record + 4) >> 10;
	return true;
}

static void die(const char *what, int error)
{
	fprintf(stderr, "bench_floor: %s: %s\n", what, strerror(error));
	exit(1);
}

/* Frees a slot; entries behind it that probing put there move up, so that no gap hides them. */
static void delete_slot(struct table *table, uint64_t gap)
{
	struct entry *entries = table->entries;

	for (uint64_t i = (gap + 1) & table->mask; entries[i].packets; i = (i + 1) & table->mask) {
		uint64_t home = key_hash(entries[i].key) & table->mask;
		if (((i - home) & table->mask) >= ((i - gap) & table->mask)) {
			entries[gap] = entries[i];
			gap = i;
		}
	}
	entries[gap].packets = 0;
	table->used--;
}

static inline __attribute__((always_inline)) void update(struct table *table,
                                                         const struct packet *packet, bool expires)
{
	struct entry *entries = table->entries;
	uint64_t mask = table->mask, slot = packet->hash & mask;
	struct entry *entry = &entries[slot];

	while (entry->packets && !key_equal(entry->key, packet->key)) {
		slot = (slot + 1) & mask;
		entry = &entries[slot];
	}
	if (!entry->packets) {
		memcpy(entry->key, packet->key, sizeof entry->key);
		entry->first = packet->ticks;
		entry->octets = entry->flags = 0;
		table->insertions++;
		if (++table->used == table->slots)
			die("more flows than slots", ENOSPC);
	}
	entry->packets++;
	entry->octets += packet->octets;
	entry->last = packet->ticks;
	entry->flags |= packet->flags;
	if (expires && packet->flags & FIN)
		delete_slot(table, slot);
}

static void sweep(struct table *table, unsigned slots, uint32_t now)
{
	while (slots > 0) {
		const struct entry *entry = &table->entries[table->sweep];
		if (entry->packets && (int32_t)(now - entry->last) >= IDLE_TICKS) {
			delete_slot(table, table->sweep);   /* and look at what moved here */
		} else {
			table->sweep = (table->sweep + 1) & table->mask;
			slots--;
		}
	}
}

/* The next piece behind what is left of the last; false at the end of the file. */
static bool refill(struct reader *reader)
{
	size_t left = (size_t)(reader->end - reader->at);

	memmove(reader->buffer, reader->at, left);
	ssize_t got = read(reader->fd, reader->buffer + left, PIECE_BYTES - left);
	if (got <= 0)
		return false;
	reader->at = reader->buffer;
	reader->end = reader->buffer + left + (size_t)got;
	return true;
}

static inline unsigned read_batch(struct reader *reader, const struct table *table,
                                  struct packet *batch)
{
	const struct entry *entries = table->entries;
	uint64_t mask = table->mask;
	unsigned count = 0;

	do {
		const uint8_t *at = reader->at, *end = reader->end;
		while (count < BATCH && at + PACKET_HEAD_BYTES <= end) {
			const uint8_t *next = at + PACKET_HEAD_BYTES + load32(at + 8);
			if (next > end)
				break;
			if (parse(at, &batch[count])) {
				batch[count].ticks += reader->offset;
				batch[count].hash = key_hash(batch[count].key);
				__builtin_prefetch(&entries[batch[count].hash & mask], 1);
				count++;
			}
			at = next;
		}
		reader->at = at;
	} while (count < BATCH && refill(reader));
	return count;
}

struct sums {
	uint64_t packets, octets;
	uint32_t first, last;   /* ticks */
};

/* `expires` is known where this is called, so that who does not delete does not ask. */
static inline __attribute__((always_inline)) void run_pass(struct reader *reader,
                                                           struct table *table,
                                                           struct sums *ret_sums, bool expires)
{
	struct packet batch[BATCH];
	struct sums sums = { 0 };
	unsigned count;

	while ((count = read_batch(reader, table, batch)) > 0) {
		for (unsigned i = 0; i < count; i++) {
			update(table, &batch[i], expires);
			sums.octets += batch[i].octets;
		}
		if (sums.packets == 0)
			sums.first = batch[0].ticks;
		sums.packets += count;
		sums.last = batch[count - 1].ticks;
		if (expires)
			sweep(table, count, sums.last);
	}
	*ret_sums = sums;
}

static void open_reader(struct reader *reader, const char *path, uint32_t offset)
{
	if (reader->fd < 0 && (reader->fd = open(path, O_RDONLY)) < 0)
		die(path, errno);
	if (lseek(reader->fd, FILE_HEAD_BYTES, SEEK_SET) < 0)
		die(path, errno);
	reader->at = reader->end = reader->buffer;
	reader->offset = offset;
}

static void make_table(struct table *table, unsigned log2_slots, bool huge)
{
	table->slots = 1ULL << log2_slots;
	table->mask = table->slots - 1;
	table->entries = mmap(NULL, table->slots * sizeof *table->entries, PROT_READ | PROT_WRITE,
	                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (table->entries == MAP_FAILED)
		die("memory", errno);
	madvise(table->entries, table->slots * sizeof *table->entries,
	        huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void run(const char *path, struct table *table, unsigned passes)
{
	static uint8_t buffer[PIECE_BYTES];
	struct reader reader = { .fd = -1, .buffer = buffer };
	struct sums first = { 0 };

	for (unsigned pass = 0; pass < passes; pass++) {
		struct sums sums;
		double start = cpu_ns();
		open_reader(&reader, path, pass * (first.last - first.first + TICKS_PER_SECOND / 10));
		if (table->expires)
			run_pass(&reader, table, &sums, true);
		else
			run_pass(&reader, table, &sums, false);
		double took = cpu_ns() - start;
		if (pass == 0) {
			first = sums;
			printf("packets=%" PRIu64 " octets=%" PRIu64 " flows=%" PRIu64, sums.packets,
			       sums.octets, table->insertions);
		}
		if (pass == passes - 1)
			printf(" last_pass_ns=%.3f\n", took / (double)(sums.packets ? sums.packets : 1));
	}
	close(reader.fd);
}

int main(int argc, char **argv)
{
	struct table table = { 0 };
	unsigned passes = 1;
	bool huge = false;
	int option;

	while ((option = getopt(argc, argv, "p:eH")) != -1) {
		if (option == 'p')
			passes = (unsigned)strtoul(optarg, NULL, 10);
		table.expires |= option == 'e';
		huge |= option == 'H';
	}
	if (argc - optind != 2 || passes == 0 || atoi(argv[optind + 1]) < 5) {
		fprintf(stderr, "usage: bench_floor [-p PASSES] [-e] [-H] FILE LOG2_SLOTS\n");
		return 2;
	}
	make_table(&table, (unsigned)atoi(argv[optind + 1]), huge);
	run(argv[optind], &table, passes);
	return 0;
}
