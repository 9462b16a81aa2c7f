/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One kernel ring: see af_packet_ring.h and packet(7).
 *
 * Layout: blocks start with a tpacket_block_desc and hold packets, each a tpacket3_hdr and a
 * sockaddr_ll, then (PACKET_VNET_HDR) a virtio_net_hdr right before the frame's octets. Tags that
 * were taken off the frame stand in the header. On links without Ethernet headers the network layer
 * is delivered, since what stands before it differs by driver and direction.
 */
#include "capture/af_packet_ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/compiler.h"
#include "capture/link.h"

enum {
	LINKTYPE_ETHERNET = 1, LINKTYPE_RAW = 101,
	BLOCK_MAX_BYTES = 256 * 1024,   /* holds any offload super-frame of the usual kind */
	BLOCK_MIN_BYTES = 64 * 1024,
	BLOCK_MIN_COUNT = 4,
	SLOT_BYTES = 2048,              /* means nothing in TPACKET_V3, but must divide a block */
};
#define BUFFER_DEFAULT_BYTES (UINT64_C(32) << 20)
#define BUFFER_MAX_BYTES     (UINT64_C(64) << 30)

static int failed(const char *name, const char *what, struct error *err)
{
	int code = errno;
	if (code == EPERM || code == EACCES)
		return link_not_permitted(name, err);
	return error_set(err, -code, "%s: %s: %s", name, what, strerror(code));
}

/* Index, hardware address and kind of the interface. */
static int read_link(struct ring *ring, const char *name, struct capture_interface *ret,
                     struct error *err)
{
	struct ifreq request = { .ifr_flags = 0 };
	if (strlen(name) >= sizeof request.ifr_name)
		return link_not_found(name, err);
	strcpy(request.ifr_name, name);
	if (ioctl(ring->fd, SIOCGIFINDEX, &request))
		return errno == ENODEV ? link_not_found(name, err) :
		                         failed(name, "cannot be found", err);
	*ret = (struct capture_interface){ .index = (uint32_t)request.ifr_ifindex };
	strcpy(ret->name, name);
	if (ioctl(ring->fd, SIOCGIFHWADDR, &request))
		return failed(name, "its hardware address cannot be read", err);
	unsigned type = request.ifr_hwaddr.sa_family;
	ring->loopback = type == ARPHRD_LOOPBACK;
	ring->ethernet = type == ARPHRD_ETHER || ring->loopback;
	if (ring->ethernet)
		memcpy(ret->mac, request.ifr_hwaddr.sa_data, sizeof ret->mac);
	return 0;
}

/* Blocks as large as make sense, and as many as fill the buffer. */
static void choose_blocks(struct ring *ring, uint64_t buffer_bytes)
{
	uint64_t buffer = buffer_bytes ? buffer_bytes : BUFFER_DEFAULT_BYTES;
	if (buffer > BUFFER_MAX_BYTES)
		buffer = BUFFER_MAX_BYTES;
	size_t block = BLOCK_MAX_BYTES;
	while (block > BLOCK_MIN_BYTES && buffer / block < 16)
		block /= 2;
	uint64_t count = buffer / block;
	ring->block_bytes = block;
	ring->block_count = count < BLOCK_MIN_COUNT ? BLOCK_MIN_COUNT : (unsigned)count;
}

/* The version and the extra header have to be set before the ring is asked for: the kernel lays its
 * slots out by them. */
static int map_ring(struct ring *ring, const char *name, struct error *err)
{
	struct tpacket_req3 request = {
		.tp_block_size = (unsigned)ring->block_bytes,
		.tp_block_nr = ring->block_count,
		.tp_frame_size = SLOT_BYTES,
		.tp_frame_nr = (unsigned)(ring->block_bytes / SLOT_BYTES) * ring->block_count,
		.tp_retire_blk_tov = RING_RETIRE_MS,
	};
	int version = TPACKET_V3, on = 1;
	if (setsockopt(ring->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) ||
	    setsockopt(ring->fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on))
		return failed(name, "the kernel lacks TPACKET_V3 or PACKET_VNET_HDR", err);
	size_t bytes = ring->block_bytes * ring->block_count;
	if (setsockopt(ring->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof request))
		return error_set(err, -errno,
		                 "%s: the kernel gives no ring of %zu bytes: %s; try a smaller "
		                 "--buffer", name, bytes, strerror(errno));
	ring->map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (ring->map == MAP_FAILED) {
		ring->map = NULL;
		return failed(name, "its ring cannot be mapped", err);
	}
	ring->blocks = calloc(ring->block_count, sizeof *ring->blocks);
	if (!ring->blocks)
		return error_set(err, -ENOMEM, "%s: out of memory", name);
	for (unsigned i = 0; i < ring->block_count; i++) {
		ring->blocks[i].ring = ring;
		ring->blocks[i].index = i;
	}
	return 0;
}

/* Binding comes last, so that no frame reaches a ring that is not ready for it. */
static int start_ring(struct ring *ring, const char *name, uint32_t index, bool promiscuous,
                      struct error *err)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)index,
	};
	struct packet_mreq member = { .mr_ifindex = (int)index, .mr_type = PACKET_MR_PROMISC };
	int on = 1;
	/* Older kernels lack this; then ring_walk() skips the second copy. */
	if (ring->loopback)
		setsockopt(ring->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
	if (promiscuous &&
	    setsockopt(ring->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &member, sizeof member))
		return failed(name, "cannot be made promiscuous", err);
	if (bind(ring->fd, (struct sockaddr *)&address, sizeof address))
		return failed(name, "cannot be bound to", err);
	return 0;
}

int ring_open(struct ring *ring, const char *name, const struct capture_settings *settings,
              struct capture_interface *ret_interface, struct error *err)
{
	*ring = (struct ring){ .snaplen_bytes = settings->snaplen_bytes };
	if (!ring->snaplen_bytes)
		ring->snaplen_bytes = UINT32_MAX;
	ring->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* receives nothing until bound */
	if (ring->fd < 0)
		return failed(name, "no packet socket", err);
	struct capture_interface interface;
	int r = read_link(ring, name, &interface, err);
	if (!r) {
		choose_blocks(ring, settings->buffer_bytes);
		r = map_ring(ring, name, err);
	}
	if (!r)
		r = start_ring(ring, name, interface.index, settings->promiscuous, err);
	if (r) {
		ring_close(ring);
		return r;
	}
	*ret_interface = interface;
	return 0;
}

void ring_close(struct ring *ring)
{
	if (ring->map)
		munmap(ring->map, ring->block_bytes * ring->block_count);
	if (ring->fd >= 0)
		close(ring->fd);
	free(ring->blocks);
	*ring = (struct ring){ .fd = -1 };
}

static struct tpacket_block_desc *block_header(const struct ring *ring, unsigned index)
{
	return (struct tpacket_block_desc *)(void *)(ring->map + (size_t)index * ring->block_bytes);
}

static const struct tpacket3_hdr *packet_header(const uint8_t *at)
{
	return (const struct tpacket3_hdr *)(const void *)at;
}

static uint64_t packet_time(const struct tpacket3_hdr *h)
{
	return (uint64_t)h->tp_sec * 1000000000 + h->tp_nsec;
}

bool ring_ready(struct ring *ring)
{
	while (!ring->current) {
		struct ring_block *block = &ring->blocks[ring->next];
		struct tpacket_block_desc *header = block_header(ring, ring->next);
		/* The order matters: who lets go of a block first gives it to the kernel, then
		 * clears held. A block that is not held and has user status was filled anew. */
		if (atomic_load_explicit(&block->held, memory_order_acquire))
			return false;
		uint32_t status = __atomic_load_n(&header->hdr.bh1.block_status, __ATOMIC_ACQUIRE);
		if (!(status & TP_STATUS_USER))
			return false;
		atomic_store_explicit(&block->references, 1, memory_order_relaxed);
		atomic_store_explicit(&block->held, true, memory_order_relaxed);
		ring->next = ring->next + 1 == ring->block_count ? 0 : ring->next + 1;
		ring->left = header->hdr.bh1.num_pkts;
		ring->at = (const uint8_t *)header + header->hdr.bh1.offset_to_first_pkt;
		if (ring->left)
			ring->current = block;
		else
			ring_block_release(block);
	}
	return true;
}

uint64_t ring_oldest_ns(struct ring *ring)
{
	return ring_ready(ring) ? packet_time(packet_header(ring->at)) : 0;
}

/* Segment size of an offload super-frame, from the header right before the frame. */
static inline uint16_t segment_bytes(const uint8_t *data)
{
	struct virtio_net_hdr header;
	memcpy(&header, data - sizeof header, sizeof header);
	return header.gso_type == VIRTIO_NET_HDR_GSO_NONE ? 0 : header.gso_size;
}

static inline void take_tag(struct frame *f, const struct tpacket3_hdr *h)
{
	if (!(h->tp_status & TP_STATUS_VLAN_VALID))
		return;
	f->vlan_tci = (uint16_t)h->hv1.tp_vlan_tci;
	f->vlan_tpid = h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->hv1.tp_vlan_tpid : ETH_P_8021Q;
}

/* The frame of one packet. False: the second sight of a frame on the loopback interface. */
static inline bool take_packet(const struct ring *ring, const uint8_t *at, struct frame *f)
{
	const struct tpacket3_hdr *h = packet_header(at);
	const struct sockaddr_ll *address =
		(const void *)(at + TPACKET_ALIGN(sizeof(struct tpacket3_hdr)));
	bool outgoing = address->sll_pkttype == PACKET_OUTGOING;
	if (unlikely(ring->loopback && outgoing))
		return false;
	uint32_t skip = likely(ring->ethernet) ? 0 : (uint32_t)(h->tp_net - h->tp_mac);
	skip = skip > h->tp_snaplen ? h->tp_snaplen : skip;
	uint32_t captured = h->tp_snaplen - skip;
	*f = (struct frame){
		.data = at + h->tp_mac + skip,
		.time_ns = packet_time(h),
		.captured_bytes = captured > ring->snaplen_bytes ? ring->snaplen_bytes : captured,
		.wire_bytes = h->tp_len - skip,
		.link_type = ring->ethernet ? LINKTYPE_ETHERNET : LINKTYPE_RAW,
		.interface = ring->interface,
		.gso_bytes = segment_bytes(at + h->tp_mac),
		.bits = outgoing ? FRAME_OUTGOING : 0,
	};
	take_tag(f, h);
	return true;
}

/* The batch gets a reference of its own before the reader gives up its: the block cannot go back to
 * the kernel in between. */
uint32_t ring_walk(struct ring *ring, struct frame_batch *ret, uint64_t *ret_octets)
{
	const uint8_t *at = ring->at;
	unsigned left = ring->left;
	uint64_t octets = 0;
	uint32_t count = 0;
	while (left && count < BATCH_MAX) {
		uint32_t step = packet_header(at)->tp_next_offset;
		prefetch_read(at + 4 * (size_t)step);   /* a guess: the next few are as long */
		if (likely(take_packet(ring, at, &ret->frame[count])))
			octets += frame_octets(&ret->frame[count++]);
		at += step;
		left--;
	}
	struct ring_block *block = ring->current;
	ring->at = at;
	ring->left = left;
	ret->count = count;
	ret->hold = count ? block : NULL;
	if (count)
		atomic_fetch_add_explicit(&block->references, 1, memory_order_relaxed);
	if (!left) {
		ring->current = NULL;
		ring_block_release(block);
	}
	*ret_octets += octets;
	return count;
}

void ring_block_release(struct ring_block *block)
{
	if (!block || atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) != 1)
		return;
	struct tpacket_block_desc *header = block_header(block->ring, block->index);
	__atomic_store_n(&header->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	atomic_store_explicit(&block->held, false, memory_order_release);
}

uint64_t ring_drops(struct ring *ring)
{
	struct tpacket_stats_v3 stats;
	socklen_t size = sizeof stats;
	if (getsockopt(ring->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size))
		return atomic_load(&ring->drops);
	return atomic_fetch_add(&ring->drops, stats.tp_drops) + stats.tp_drops;
}

bool ring_interface_exists(const struct ring *ring)
{
	struct sockaddr_ll address;
	socklen_t size = sizeof address;
	return getsockname(ring->fd, (struct sockaddr *)&address, &size) || address.sll_ifindex > 0;
}
