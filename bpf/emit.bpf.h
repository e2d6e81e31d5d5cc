/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From a hook to the reader: filters, the ring buffer, and the count of what was produced and lost.
 * Knows records, nothing of any single event.
 *
 *   struct event_tcp_state *e = event_begin(tcp_state, sk, r, PLANE_tracepoints);
 *   if (!e) return 0;                // filtered, not wanted, or lost and counted
 *   e->oldstate = ...;
 *   event_end(e);
 */
#ifndef SOCKTALE_EMIT_BPF_H
#define SOCKTALE_EMIT_BPF_H

#include "bpf/life.bpf.h"

/* A ring for each CPU, put in by the loader: what several write moves from one CPU's cache to the other's with each event. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_RINGBUF);
		__uint(max_entries, 4096);
	});
} rings __weak SEC(".maps");

#define told(name) (config.told_by[EVENT_##name])
#define told_by(name, plane_) (config.told_by[EVENT_##name] == (plane_))

static __always_inline bool prefix_equal(const struct event_ip *a, const struct event_ip *b, __u32 bits)
{
	for (int i = 0; i < 16; i++) {
		__u32 here = bits > 8 ? 8 : bits;

		if ((a->bytes[i] ^ b->bytes[i]) & (__u8)(0xff00 >> here))
			return false;
		bits -= here;
		if (!bits)
			break;
	}
	return true;
}

/* Whether --addr means this address of a socket of that family. An IPv4 peer of an IPv6 socket is ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). */
static __always_inline bool address_wanted(const struct event_ip *ip, __u8 family, const struct event_ip *wanted)
{
	struct event_ip mapped = {};

	if (family == config.filter_address_family)
		return prefix_equal(ip, wanted, config.filter_address_bits);
	if (family != AF_INET6 || *(__u64 *)ip->bytes || *(__u32 *)(ip->bytes + 8) != bpf_htonl(0xffff))
		return false;
	*(__u32 *)mapped.bytes = *(__u32 *)(ip->bytes + 12);
	return prefix_equal(&mapped, wanted, config.filter_address_bits);
}

/* Whether the filters let an event about this owner and these addresses pass. */
ONCE int filters_pass(const struct owner *owner, bool in_tree, __u32 netns, const struct endpoints *ends, __u8 protocol)
{
	if (!ends)
		return false;
	if (config.filter_tree && !in_tree && !(config.tree_private && !owner && netns != config.home_netns))
		return false;
	if (config.filter_pid_set && (!owner || owner->pid != config.filter_pid))
		return false;
	if (config.filter_comm_set &&
	    (!owner || *(__u64 *)owner->comm.bytes != *(const volatile __u64 *)config.filter_comm.bytes ||
	     *(__u64 *)(owner->comm.bytes + 8) != *(const volatile __u64 *)(config.filter_comm.bytes + 8)))
		return false;
	if (config.filter_netns_set && netns != config.filter_netns)
		return false;
	if (config.filter_family_set &&
	    !(config.filter_families & (ends->family == AF_INET ? 1 : ends->family == AF_INET6 ? 2 : 4)))
		return false;
	if (config.filter_protocol_set &&
	    !(config.filter_protocols & (ends->family == AF_UNIX ? 4 : protocol == IPPROTO_TCP ? 1 : protocol == IPPROTO_UDP ? 2 : 0)))
		return false;
	if (config.filter_port_set && ends->local_port != config.filter_port && ends->remote_port != config.filter_port)
		return false;
	if (config.filter_address_set) {
		struct event_ip wanted;

		for (int i = 0; i < 16; i++)
			wanted.bytes[i] = config.filter_address.bytes[i];
		if (!address_wanted(&ends->local, ends->family, &wanted) && !address_wanted(&ends->remote, ends->family, &wanted))
			return false;
	}
	return true;
}

/* The same and not the loader itself. Unset filters cost nothing. */
static __always_inline bool passes(const struct owner *owner, bool in_tree, __u32 netns, const struct endpoints *ends,
				   __u8 protocol)
{
	if (config.filtered && !filters_pass(owner, in_tree, netns, ends, protocol))
		return false;
	return !owner || owner->pid != config.self_pid;
}

/* What the loader leaves out at present (enum shed). */
__u8 shed_level __weak = 0;

static __always_inline bool is_shed(__u32 id)
{
	return config.budgeted && id < EVENT_COUNT && config.shed_at[id] && shed_level >= config.shed_at[id];
}

/* Whether sends and receives of TCP are added up at present. */
static __always_inline bool folds(void)
{
	return config.folded || (config.budgeted && told(tcp_io) && shed_level >= SHED_calls);
}

__u64 rate_window __weak = 0, rate_used __weak = 0;

/*
 * Whether more came in this window than may. One count for all CPUs: two that begin a window at the same moment may let
 * one event more through, none is let through twice.
 */
static __always_inline bool rate_exceeded(__u64 now)
{
	__u64 window = now / config.rate_window_ns;

	if ((__s64)(window - rate_window) > 0) {
		rate_window = window;
		rate_used = 0;
	}
	__sync_fetch_and_add(&rate_used, 1);
	return rate_used > config.rate_events;
}

/* Whom and where an event is about. */
ONCE int event_address(struct event *e, const struct owner *owner, const struct endpoints *ends)
{
	if (!e || !ends)
		return 0;
	e->fd = -1;
	e->family = ends->family;
	e->local_port = ends->local_port;
	e->remote_port = ends->remote_port;
	e->local = ends->local;
	e->remote = ends->remote;
	if (owner) {
		e->pid = owner->pid;
		e->tid = owner->tid;
		e->uid = owner->uid;
		e->attribution = owner->attribution;
		e->comm = owner->comm;
	}
	return 0;
}

/*
 * Reserve an event of `size` bytes and fill its head. `now` is the time where it is known, else a constant 0. NULL when
 * it is left out, held back, or the ring is full; then it is counted so.
 * Reserved memory holds old bytes: what is behind the head is zeroed here, so that padding leaks nothing.
 */
static __always_inline void *event_reserve(__u32 id, __u64 size, __u64 socket, const struct owner *owner, __u32 netns,
					   const struct endpoints *ends, __u8 protocol, __u8 plane, __u64 now)
{
	struct tally *tally = bpf_map_lookup_elem(&tallies, &id);
	__u32 cpu = bpf_get_smp_processor_id();
	struct event *e;
	void *ring;

	if (!tally)
		return 0;
	tally->produced++;
	if (is_shed(id)) {
		tally->lost[LOSS_shed]++;
		return 0;
	}
	if (__builtin_constant_p(now) && !now)
		now = bpf_ktime_get_ns();
	if (config.rate_window_ns && rate_exceeded(now)) {
		tally->lost[LOSS_held_back]++;
		return 0;
	}
	ring = bpf_map_lookup_elem(&rings, &cpu);
	e = ring ? bpf_ringbuf_reserve(ring, size, 0) : 0;
	if (!e) {
		tally->lost[LOSS_ring_full]++;
		return 0;
	}
	__builtin_memset(e, 0, size);
	e->time_ns = now;
	e->socket = socket;
	e->netns = netns;
	e->id = id;
	e->size = size;
	e->protocol = protocol;
	e->plane = plane;
	event_address(e, owner, ends);
	return e;
}

/* The same about a socket with a record (or without: the owner is unknown then). Reads the addresses from `sk`. */
static __always_inline void *event_about(__u32 id, __u64 size, const void *sk, struct record *r, __u8 plane, __u64 now)
{
	struct endpoints ends;
	__u32 netns;
	__u8 protocol;

	if (!config.told_by[id])
		return 0;
	if (config.filter_tree && (!r || !r->in_tree))
		return 0;
	if (config.filter_pid_set && (!r || r->owner.pid != config.filter_pid))
		return 0;
	sock_endpoints(sk, &ends);
	netns = r ? r->netns : sock_netns(sk);
	protocol = r ? r->protocol : sock_protocol(sk);
	if (!passes(r ? &r->owner : 0, r && r->in_tree, netns, &ends, protocol))
		return 0;
	return event_reserve(id, size, r ? r->id : 0, r ? &r->owner : 0, netns, &ends, protocol, plane, now);
}

#define event_begin(name, sk, r, plane) \
	((struct event_##name *)event_about(EVENT_##name, sizeof(struct event_##name), sk, r, plane, 0))

/* The same at a time that is known already: the clock is read once, not twice. */
#define event_begin_now(name, sk, r, plane, now) \
	((struct event_##name *)event_about(EVENT_##name, sizeof(struct event_##name), sk, r, plane, now))

/* The same with addresses already at hand. */
#define event_begin_at(name, id, owner, in_tree, netns, ends, protocol, plane) \
	event_begin_at_now(name, id, owner, in_tree, netns, ends, protocol, plane, 0)

/* The same with both. */
#define event_begin_at_now(name, id_, owner_, in_tree_, netns_, ends_, protocol_, plane_, now_)                  \
	((struct event_##name *)(told(name) && passes(owner_, in_tree_, netns_, ends_, protocol_)             \
					 ? event_reserve(EVENT_##name, sizeof(struct event_##name), id_, owner_, \
							 netns_, ends_, protocol_, plane_, now_)                 \
					 : 0))

enum { RECORD_HEADER_BYTES = 8 }; /* before each in the ring (BPF_RINGBUF_HDR_SZ) */

/*
 * Hand the event over. The reader looks every few milliseconds; it is woken (some 5 us) only by the one event that crosses a mark in
 * the ring. How much has gathered is not asked: the answer lies in a line that every CPU writes.
 */
static __always_inline void event_end(void *e)
{
	__u64 begin = address_of(e), next = begin + ((struct event *)e)->size + RECORD_HEADER_BYTES;

	bpf_ringbuf_submit(e, (begin ^ next) & config.wake_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/*
 * Tell the sends and receives added up in a record, and take off just what was told: another CPU may be adding at this
 * moment, and nothing may be lost, neither then nor when the ring is full. `now` 0: the time is not known yet.
 */
ONCE int fold_tell(__u64 sk, struct record *r, __u64 now)
{
	struct event_tcp_io *e;
	struct record told;

	if (!r)
		return 0;
	if (!now)
		now = bpf_ktime_get_ns();
	e = event_begin_now(tcp_io, (void *)sk, r, PLANE_tracepoints, now);
	if (!e)
		return 0;
	told.sends = e->sends = r->sends;
	told.sent_bytes = e->sent_bytes = r->sent_bytes;
	told.recvs = e->recvs = r->recvs;
	told.recv_bytes = e->recv_bytes = r->recv_bytes;
	told.errors = e->errors = r->errors;
	e->span_ns = e->head.time_ns - r->fold_ns;
	r->fold_ns = e->head.time_ns;
	event_end(e);
	__sync_fetch_and_add(&r->sends, -told.sends);
	__sync_fetch_and_add(&r->sent_bytes, -told.sent_bytes);
	__sync_fetch_and_add(&r->recvs, -told.recvs);
	__sync_fetch_and_add(&r->recv_bytes, -told.recv_bytes);
	__sync_fetch_and_add(&r->errors, -told.errors);
	return 0;
}

#endif
