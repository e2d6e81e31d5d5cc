// SPDX-License-Identifier: GPL-2.0
/*
 * The segments that change the tale, as the device queue and the receive path see them: SYN, FIN, RST, zero window.
 * One header read per packet; everything else is behind the test of the control bits.
 */
#include "bpf/emit.bpf.h"
#include "bpf/hook.bpf.h"

extern int probe_seen(__u64 sk, __u8 kind);
extern int request_seen(__u64 req);
extern int time_wait_fin_seen(__u64 tw, struct record *r);
extern int time_wait_look(__u64 tw, struct record *r);
extern int last_segment_seen(__u64 listener, const struct endpoints *client);
extern __u64 full_queues;
extern int icmp_leaves(const unsigned char *start, __u32 header, const void *sk, __u32 netns);
extern int icmp_arrives(const unsigned char *start, __u32 header, __u64 device, __u32 netns);
extern int fragment_leaves(const void *sk);
extern int time_wait_settle(struct scratch *scratch);
extern int listen_drop_seen(__u64 sk, const struct endpoints *client);

enum { FLAG_FIN = 1, FLAG_SYN = 2, FLAG_RST = 4, FLAG_PSH = 8, FLAG_ACK = 16 };

struct headers {
	union {
		struct iphdr ip;
		struct ipv6hdr ip6;
	};
	__u8 rest[24]; /* TCP header behind IPv4, or what is left of it behind IPv6 */
};

struct segment {
	struct endpoints ends; /* local is this host: source of what is sent, destination of what is received */
	struct tcphdr tcp;
	__u32 payload;
	__u32 netns;
	__u64 options; /* address of the TCP options */
	__u8 options_length;
	/* of a packet that is no TCP segment */
	__u8 protocol;
	__u8 header;
	bool fragment;
};

enum glance { GLANCE_other, GLANCE_plain, GLANCE_passed_by, GLANCE_telling };

/*
 * A first look, by plain loads where the kernel has them: most packets are segments that tell nothing, and those are to
 * cost next to nothing. `plain`: no SYN, FIN or RST, and a window; `other`: UDP; `passed_by`: would tell, but nobody asked about this
 * port. *ret_payload is set for plain ones.
 */
#define WORD(start, n) get(typed(in6_addr, (__u64)(start) + (n) / 4 * 16), in6_u.u6_addr32[(n) % 4])

static __always_inline enum glance segment_glance(const unsigned char *start, __u8 direction, __u32 *ret_payload)
{
	__u32 first, length, control, ports, protocol;

	*ret_payload = 1;
	if (!HAS(cast))
		return GLANCE_telling;
	first = WORD(start, 0);
	if ((first & 0xff) == 0x45) {
		protocol = WORD(start, 2) >> 8 & 0xff;
		if (WORD(start, 1) >> 16 & bpf_htons(0x3fff)) /* a fragment */
			return GLANCE_telling;
		length = bpf_ntohs(first >> 16) - 20;
		control = WORD(start, 8);
		ports = WORD(start, 5);
	} else if ((first & 0xf0) == 0x60) {
		length = WORD(start, 1);
		protocol = length >> 16 & 0xff;
		length = bpf_ntohs(length & 0xffff);
		control = WORD(start, 13);
		ports = WORD(start, 10);
	} else {
		return GLANCE_telling;
	}
	if (protocol != IPPROTO_TCP)
		return protocol == IPPROTO_UDP ? GLANCE_other : GLANCE_telling;
	if (control >> 8 & (FLAG_SYN | FLAG_FIN | FLAG_RST) || !(control >> 16))
		return port_passed_by(bpf_ntohs(direction == DIRECTION_sent ? ports : ports >> 16)) ? GLANCE_passed_by
												      : GLANCE_telling;
	*ret_payload = length - (control >> 2 & 0x3c);
	return GLANCE_plain;
}

/* Parse the packet at `start`. 0 for anything that is not an unfragmented TCP segment. */
APART int segment_read(__u64 skb, __u64 start, __u8 direction, struct segment *ret)
{
	struct headers h;
	__u32 header, length;

	if (!ret || bpf_probe_read_kernel(&h, sizeof(h), (void *)start))
		return 0;
	if ((h.ip.version_ihl >> 4) == 4) {
		header = (h.ip.version_ihl & 15) * 4;
		ret->protocol = h.ip.protocol;
		ret->header = header;
		ret->fragment = h.ip.frag_off & bpf_htons(0x3fff);
		if (h.ip.protocol != IPPROTO_TCP || (h.ip.frag_off & bpf_htons(0x1fff)))
			return 0;
		if (header == 20)
			__builtin_memcpy(&ret->tcp, (void *)&h + 20, sizeof(ret->tcp));
		else if (bpf_probe_read_kernel(&ret->tcp, sizeof(ret->tcp), (void *)(start + header)))
			return 0;
		length = bpf_ntohs(h.ip.tot_len);
	} else if ((h.ip.version_ihl >> 4) == 6) {
		header = 40;
		ret->protocol = h.ip6.nexthdr;
		ret->header = header;
		ret->fragment = h.ip6.nexthdr == IPPROTO_FRAGMENT;
		if (h.ip6.nexthdr != IPPROTO_TCP)
			return 0;
		__builtin_memcpy(&ret->tcp, (void *)&h + 40, sizeof(ret->tcp));
		length = bpf_ntohs(h.ip6.payload_len) + 40;
	} else {
		return 0;
	}
	/* A super-segment beyond 64 KB (BIG TCP) has a length of zero in its header; skb->len may count a link header before it. */
	if (length == ((h.ip.version_ihl >> 4) == 4 ? 0 : 40)) {
		struct sk_buff *s = typed(sk_buff, (void *)skb);

		length = get(s, len) - (start - (__u64)get(s, data));
	}
	length -= header + (ret->tcp.doff >> 4) * 4;
	ret->payload = (__s32)length > 0 ? length : 0;
	ret->options = start + header + sizeof(struct tcphdr);
	ret->options_length = (ret->tcp.doff >> 4) * 4 - sizeof(struct tcphdr);

	if ((h.ip.version_ihl >> 4) == 4) {
		ret->ends.family = AF_INET;
		__builtin_memcpy(ret->ends.local.bytes, direction == DIRECTION_sent ? h.ip.saddr : h.ip.daddr, 4);
		__builtin_memcpy(ret->ends.remote.bytes, direction == DIRECTION_sent ? h.ip.daddr : h.ip.saddr, 4);
	} else {
		ret->ends.family = AF_INET6;
		__builtin_memcpy(ret->ends.local.bytes, direction == DIRECTION_sent ? h.ip6.saddr : h.ip6.daddr, 16);
		__builtin_memcpy(ret->ends.remote.bytes, direction == DIRECTION_sent ? h.ip6.daddr : h.ip6.saddr, 16);
	}
	ret->ends.local_port = bpf_ntohs(direction == DIRECTION_sent ? ret->tcp.source : ret->tcp.dest);
	ret->ends.remote_port = bpf_ntohs(direction == DIRECTION_sent ? ret->tcp.dest : ret->tcp.source);
	return 1;
}

static __always_inline __u16 segment_mss(const struct segment *seg)
{
	__u8 option[4];

	/* MSS comes first in every SYN that Linux builds, and in those of most others. */
	if (seg->options_length < 4 || bpf_probe_read_kernel(option, sizeof(option), (void *)seg->options))
		return 0;
	return option[0] == 2 ? (option[2] << 8 | option[3]) : 0;
}

/* Whether `seq` was sent before. A request socket counts its SYN-ACKs; snd_nxt moves only after a segment has left. */
static __always_inline bool segment_is_repeated(const void *sk, __u32 seq)
{
	__u8 state = sock_state(sk);

	if (state == TCP_NEW_SYN_RECV)
		return get(typed(request_sock, sk), num_retrans) > 0;
	return sock_is_full(state) && (__s32)(seq - get(as_tcp(sk), snd_nxt)) < 0;
}

ONCE int segment_tell(const struct segment *seg, __u8 direction, __u64 address, struct record *r)
{
	const void *sk = (void *)address;
	struct event_tcp_segment *e;
	__u32 scale = 0;

	if (!seg || !told(tcp_segment))
		return 0;
	e = event_begin_at(tcp_segment, r ? r->id : 0, r ? &r->owner : 0, r && r->in_tree, seg->netns, &seg->ends,
			   IPPROTO_TCP, PLANE_tracepoints);
	if (!e)
		return 0;
	e->direction = direction;
	e->flags = seg->tcp.flags;
	e->seq = bpf_ntohl(seg->tcp.seq);
	e->ack = bpf_ntohl(seg->tcp.ack_seq);
	e->length = seg->payload;
	if (direction == DIRECTION_sent && sk && !(seg->tcp.flags & FLAG_RST))
		e->repeated = segment_is_repeated(sk, e->seq);
	if (seg->tcp.flags & FLAG_SYN) {
		e->mss = segment_mss(seg);
	} else if (sk && sock_is_full(sock_state(sk))) {
		struct tcp_sock *tp = as_tcp(sk);

		scale = direction == DIRECTION_sent ? BPF_CORE_READ_BITFIELD_PROBED(tp, rx_opt.rcv_wscale)
						    : BPF_CORE_READ_BITFIELD_PROBED(tp, rx_opt.snd_wscale);
	}
	e->window = bpf_ntohs(seg->tcp.window) << (scale & 15);
	event_end(e);
	return 0;
}

/* Before 6.10 no tracepoint gives a reason, and none fires for an answer without a socket: the wire tells resets. */
ONCE int reset_tell(const struct segment *seg, __u64 sk, struct record *r)
{
	struct event_tcp_reset_sent *e;

	if (!seg || !told_by(tcp_reset_sent, PLANE_tracepoints) || config.reset_has_reason)
		return 0;
	e = event_begin_at(tcp_reset_sent, r ? r->id : 0, r ? &r->owner : 0, r && r->in_tree, seg->netns, &seg->ends,
			   IPPROTO_TCP, PLANE_tracepoints);
	if (!e)
		return 0;
	if (r) {
		e->state = r->state;
		e->unread_bytes = r->unread_bytes;
		e->cause = cause_of((void *)sk, r);
	}
	event_end(e);
	return 0;
}

/* Bytes held back by Nagle's algorithm or a cork leave. */
ONCE int hold_ends(__u64 sk, struct record *r)
{
	struct event_tcp_nagle_hold *e;
	__u64 began;
	__u8 hold;

	if (!r)
		return 0;
	began = r->held_ns;
	hold = r->hold;
	r->hold = 0;
	r->held_ns = 0;
	e = event_begin(tcp_nagle_hold, (void *)sk, r, PLANE_tracepoints);
	if (!e)
		return 0;
	e->phase = PHASE_ends;
	e->reason = hold == HELD_cork ? HOLD_cork : HOLD_nagle;
	e->held_bytes = r->held_bytes;
	e->held_ns = e->head.time_ns - began;
	e->unacked_packets = get(as_tcp((void *)sk), packets_out);
	event_end(e);
	return 0;
}

__u64 holds = 0; /* how many holds were begun so far; while none was, data segments are not looked up */

static __always_inline bool is_ip(struct sk_buff *s)
{
	__u16 protocol = get(s, protocol);

	return protocol == bpf_htons(0x0800) || protocol == bpf_htons(0x86dd);
}

/*
 * An acknowledgement leaves. Is it of a FIN whose four-tuple led to a socket when it arrived, and leads to a TIME_WAIT
 * entry now? Then another processor was making the entry, and the FIN may have been the entry's.
 */
ONCE int fin_answered(const struct segment *seg)
{
	struct scratch *scratch = scratch_get();
	__u64 *entry;

	if (!seg || !scratch || !scratch->fin_unanswered)
		return 0;
	scratch->fin_unanswered = 0;
	tuple_fill(&scratch->tuple, seg->netns, &seg->ends);
	entry = bpf_map_lookup_elem(&tuples, &scratch->tuple);
	if (entry && sock_state((void *)*entry) == TCP_TIME_WAIT)
		time_wait_look(*entry, record_find_mapped((void *)*entry));
	return 0;
}

/*
 * skb->sk is the sender: a full socket, a request socket (SYN-ACK), a TIME_WAIT entry (late ACK) or, for answers
 * without a socket, the per-CPU control socket, which has no record.
 */
HOOK_TRACEPOINT(net_dev_queue, struct sk_buff *skb)
{
	struct sk_buff *s = typed(sk_buff, skb);
	const unsigned char *start;
	struct scratch *scratch;
	struct segment seg;
	struct record *r;
	__u32 payload;
	void *sk;
	__u8 state;

	if (!is_ip(s))
		return 0;
	start = get(s, head) + get(s, network_header);
	switch (segment_glance(start, DIRECTION_sent, &payload)) {
	case GLANCE_other:
		return 0;
	case GLANCE_passed_by: /* a first SYN is how its port gets known */
		sk = get(s, sk);
		if (!sk || sock_state(sk) != TCP_SYN_SENT || !record_find(sk))
			return 0;
		break;
	case GLANCE_plain:
		if (payload) {
			if (!holds)
				return 0;
		} else {
			scratch = scratch_get();
			if (!scratch || !(scratch->probe_sk | scratch->fin_unanswered))
				return 0;
		}
	default:
		break;
	}
	__builtin_memset(&seg, 0, sizeof(seg));
	if (!segment_read(address_of(skb), address_of(start), DIRECTION_sent, &seg)) {
		if (seg.protocol == IPPROTO_ICMP || seg.protocol == IPPROTO_ICMPV6) {
			if (told(icmp_sent) || told(udp_drop))
				icmp_leaves(start, seg.header, get(s, sk), packet_netns(s));
		} else if (seg.protocol && seg.fragment && told(udp_send)) {
			fragment_leaves(get(s, sk));
		}
		return 0;
	}
	sk = get(s, sk);
	if (!(seg.tcp.flags & (FLAG_SYN | FLAG_FIN | FLAG_RST)) && seg.tcp.window) {
		if (!seg.payload) {
			seg.netns = packet_netns(s);
			fin_answered(&seg);
		}
		if (!sk)
			return 0;
		if (holds && seg.payload) {
			r = record_find(sk);
			if (r && r->hold)
				hold_ends(address_of(sk), r);
		} else if (!seg.payload) {
			scratch = scratch_get();
			if (scratch && scratch->probe_sk == (__u64)sk) {
				__u32 una = get(as_tcp(sk), snd_una), next = get(as_tcp(sk), snd_nxt);
				__u32 seq = bpf_ntohl(seg.tcp.seq);

				scratch->probe_sk = 0;
				if (seq + 1 == una || seq + 1 == next)
					probe_seen(address_of(sk), scratch->probe);
			}
		}
		return 0;
	}
	if (told_by(tcp_time_wait, PLANE_tracepoints) || told_by(tcp_time_wait_end, PLANE_tracepoints)) {
		/* A SYN or SYN-ACK follows at once when a connection takes the place of a TIME_WAIT entry. */
		scratch = scratch_get();
		if (scratch && scratch->cancelled)
			time_wait_settle(scratch);
	}
	seg.netns = packet_netns(s);
	state = sk && (seg.tcp.flags & FLAG_SYN) ? sock_state(sk) : 0;
	if (state == TCP_NEW_SYN_RECV && request_seen(address_of(sk))) {
		scratch = scratch_get();
		if (!scratch)
			return 0;
		r = &scratch->record;
	} else {
		r = sk ? record_find(sk) : 0;
	}
	if (state == TCP_SYN_SENT && r) {
		/* The first moment the client's port is known. */
		tuple_begin(r->netns, &seg.ends, sk);
		r->ends = seg.ends;
	}
	if (r && r->hold)
		hold_ends(address_of(sk), r);
	if (seg.tcp.flags & FLAG_RST)
		reset_tell(&seg, address_of(sk), r);
	segment_tell(&seg, DIRECTION_sent, r ? address_of(sk) : 0, r);
	return 0;
}

/* No socket is known yet: the four-tuple leads to it. skb->data is at the IP header here, network_header may not be set. */
HOOK_TRACEPOINT(netif_receive_skb, struct sk_buff *skb)
{
	struct sk_buff *s = typed(sk_buff, skb);
	struct scratch *scratch;
	struct segment seg;
	struct record *r = 0;
	void *sk = 0;
	__u64 *entry;
	enum glance glance;
	__u32 payload;
	bool matters, waits = false;

	if (!is_ip(s))
		return 0;
	glance = segment_glance(get(s, data), DIRECTION_received, &payload);
	if (glance == GLANCE_other || glance == GLANCE_passed_by ||
	    (glance == GLANCE_plain && !(full_queues && told_by(tcp_listen_drop, PLANE_tracepoints))))
		return 0;
	__builtin_memset(&seg, 0, sizeof(seg));
	if (!segment_read(address_of(skb), address_of(get(s, data)), DIRECTION_received, &seg)) {
		if ((seg.protocol == IPPROTO_ICMP || seg.protocol == IPPROTO_ICMPV6) && told(icmp_received))
			icmp_arrives(get(s, data), seg.header, address_of(get(s, dev)), packet_netns(s));
		return 0;
	}
	matters = (seg.tcp.flags & (FLAG_SYN | FLAG_FIN | FLAG_RST)) || !seg.tcp.window;
	if (!matters && !(full_queues && told_by(tcp_listen_drop, PLANE_tracepoints)))
		return 0;
	seg.netns = packet_netns(s);
	scratch = scratch_get();
	if (!scratch)
		return 0;
	tuple_fill(&scratch->tuple, seg.netns, &seg.ends);
	entry = bpf_map_lookup_elem(&tuples, &scratch->tuple);
	if (entry) {
		sk = (void *)*entry;
		r = record_find(sk);
		if (r && r->state == TCP_NEW_SYN_RECV && (seg.tcp.flags & (FLAG_SYN | FLAG_RST | FLAG_ACK)) == FLAG_ACK &&
		    told_by(tcp_listen_drop, PLANE_tracepoints))
			last_segment_seen(r->listener_sk, &seg.ends);
		if (!matters)
			return 0;
		scratch->touched = (__u64)sk;
		scratch->touched_flags = seg.tcp.flags;
		if (r && (seg.tcp.flags & FLAG_RST))
			r->reset_arrived = 1;
		waits = r && (r->state == TCP_TIME_WAIT || r->state == TCP_FIN_WAIT2) && sock_state(sk) == TCP_TIME_WAIT;
		if (r && (seg.tcp.flags & (FLAG_SYN | FLAG_RST | FLAG_FIN)) == FLAG_FIN &&
		    told_by(tcp_time_wait, PLANE_tracepoints)) {
			if (waits)
				time_wait_fin_seen(address_of(sk), r);
			else
				scratch->fin_unanswered = r->state != TCP_ESTABLISHED;
		}
	} else if (!matters) {
		return 0;
	}
	/* A SYN for a listener; one that finds a TIME_WAIT entry may take its place. */
	if ((!entry || waits) && (seg.tcp.flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN) {
		struct listener_key key = { .netns = seg.netns, .port = seg.ends.local_port };
		struct listener_value *listener = bpf_map_lookup_elem(&listeners, &key);

		if (listener && !listener->shared) {
			if (!entry) {
				sk = (void *)listener->sk;
				r = record_find(sk);
			}
			if (told_by(tcp_listen_drop, PLANE_tracepoints))
				listen_drop_seen(listener->sk, &seg.ends);
		}
	}
	segment_tell(&seg, DIRECTION_received, r ? address_of(sk) : 0, r);
	return 0;
}
