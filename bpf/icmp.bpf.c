// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP as it leaves and arrives, and datagrams that are dropped. An ICMP error quotes the packet it is about: its
 * protocol and ports lead to the socket that sent it, and the socket's state to what the kernel does with the error.
 */
#include "bpf/datagram.bpf.h"
#include "bpf/emit.bpf.h"
#include "bpf/hook.bpf.h"

#define ICMP6 256 /* added to the types of ICMPv6, which mean something else */

enum { /* RFC 792; RFC 4443 */
	ICMP_ECHO_REPLY = 0, ICMP_UNREACHABLE = 3, ICMP_ECHO = 8, ICMP_TIME_EXCEEDED = 11, ICMP_PARAMETER = 12,
	ICMP6_UNREACHABLE = ICMP6 + 1, ICMP6_TOO_BIG, ICMP6_TIME_EXCEEDED, ICMP6_PARAMETER,
	ICMP6_ECHO = ICMP6 + 128, ICMP6_ECHO_REPLY
};

struct icmp {
	__u16 type;
	__u8 code;
	__u8 about;	       /* protocol of the quoted packet; ICMP itself: an echo */
	__be16 id;	       /* of an echo, or of the quoted one */
	struct endpoints ends __attribute__((aligned(8))); /* of the quoted packet: local sent it */
	struct event_address from __attribute__((aligned(8)));
};

/* Parse the ICMP message behind an IP header of `header` bytes at `start`. False: neither an error nor an echo. */
static __always_inline bool icmp_read(const unsigned char *start, __u32 header, bool six, struct icmp *ret)
{
	struct icmphdr h;
	__be16 quoted_ports[2] = {};
	__u32 quoted = header + sizeof(h), length;
	union { struct iphdr ip; struct ipv6hdr ip6; } q;

	if (bpf_probe_read_kernel(&h, sizeof(h), start + header))
		return false;
	__builtin_memset(ret, 0, sizeof(*ret));
	ret->type = six ? ICMP6 + h.type : h.type;
	ret->code = h.code;
	ret->ends.family = six ? AF_INET6 : AF_INET;
	switch (ret->type) {
	case ICMP_ECHO:
	case ICMP_ECHO_REPLY:
	case ICMP6_ECHO:
	case ICMP6_ECHO_REPLY:
		ret->about = six ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		ret->id = h.id;
		return true;
	case ICMP_UNREACHABLE:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETER:
	case ICMP6_UNREACHABLE:
	case ICMP6_TOO_BIG:
	case ICMP6_TIME_EXCEEDED:
	case ICMP6_PARAMETER:
		break;
	default:
		return false;
	}
	if (bpf_probe_read_kernel(&q, sizeof(q), start + quoted))
		return false;
	if (six) {
		ret->about = q.ip6.nexthdr;
		__builtin_memcpy(ret->ends.local.bytes, q.ip6.saddr, 16);
		__builtin_memcpy(ret->ends.remote.bytes, q.ip6.daddr, 16);
		length = sizeof(q.ip6);
	} else {
		ret->about = q.ip.protocol;
		__builtin_memcpy(ret->ends.local.bytes, q.ip.saddr, 4);
		__builtin_memcpy(ret->ends.remote.bytes, q.ip.daddr, 4);
		length = (q.ip.version_ihl & 15) * 4;
	}
	/* Only the first fragment has ports. */
	if ((ret->about == IPPROTO_UDP || ret->about == IPPROTO_TCP) &&
	    (six || !(q.ip.frag_off & bpf_htons(0x1fff))) &&
	    !bpf_probe_read_kernel(quoted_ports, sizeof(quoted_ports), start + quoted + length)) {
		ret->ends.local_port = bpf_ntohs(quoted_ports[0]);
		ret->ends.remote_port = bpf_ntohs(quoted_ports[1]);
	}
	if (ret->about == (six ? IPPROTO_ICMPV6 : IPPROTO_ICMP) && !bpf_probe_read_kernel(&h, sizeof(h), start + quoted + length) &&
	    h.type == (six ? ICMP6_ECHO - ICMP6 : ICMP_ECHO))
		ret->id = h.id;
	return true;
}

/* ---- who sent the quoted packet ---- */

/* A socket with a peer has to do with that peer only (compute_score, net/ipv4/udp.c). */
static __always_inline bool sock_faces(const void *sk, const struct endpoints *ends)
{
	__u16 port = get(as_sock(sk), __sk_common.skc_dport);
	struct event_ip peer;

	if (port && bpf_ntohs(port) != ends->remote_port)
		return false;
	sock_address(sk, ends->family, true, &peer);
	return ip_is_any(&peer) || ip_is(&peer, &ends->remote);
}

static __always_inline bool sock_is_at(const void *sk, const struct endpoints *ends)
{
	struct event_ip own;

	sock_address(sk, ends->family, false, &own);
	return ip_is(&own, &ends->local);
}

/* The socket of that key alone, or NULL. *ret_shared: there are several, nobody knows which. */
static __always_inline const void *port_entry(const struct port_key *key, bool *ret_shared)
{
	struct holders *found = bpf_map_lookup_elem(&ports, key);

	*ret_shared = found && found->count > 1;
	return found && found->count == 1 && port_stands(found->sockets, key->port) ? (const void *)found->sockets : 0;
}

/*
 * A first send gets its port inside the call: its socket is in no map yet when, on the same host, the answer is there
 * already. Then the thread still in that call is the one.
 */
ONCE __u64 port_socket_find(__u32 netns, const struct endpoints *ends, __u16 port, __u8 protocol)
{
	const void *found = 0, *other = 0;
	bool shared = false, any;
	struct port_key key;
	struct thread *t;

	if (!ends)
		return 0;
	port_key_fill(&key, netns, port, ends->family, protocol);
	/* Bound to that address, or to any; then the same of IPv6 sockets that speak IPv4. */
	for (int i = 0; i < 4; i++) {
		if (i == 2) {
			if (key.kind != PORT_udp)
				break;
			key.kind = PORT_udp6;
		}
		any = i & 1;
		__builtin_memset(&key.local, 0, sizeof(key.local));
		if (!any)
			key.local = ends->local;
		if (i == 2)
			map_to_six(&key.local);
		found = port_entry(&key, &shared);
		if (shared || (found && (key.kind == PORT_echo || sock_faces(found, ends))))
			break;
		if (found)
			other = found; /* the error may be about what it sent elsewhere */
		found = 0;
	}
	if (found)
		return (__u64)found;
	t = thread_current();
	if (t && t->call >= CALL_connect && t->sk && t->protocol == protocol && t->family != AF_UNIX &&
	    get(as_sock((void *)t->sk), __sk_common.skc_num) == port &&
	    (!netns || sock_netns((void *)t->sk) == netns)) {
		sock_address((void *)t->sk, ends->family, false, &key.local);
		if (ip_is_any(&key.local) || ip_is(&key.local, &ends->local))
			return t->sk;
	}
	return shared ? 0 : (__u64)other;
}

static __always_inline const void *port_socket(__u32 netns, const struct endpoints *ends, __u16 port, __u8 protocol)
{
	return (const void *)port_socket_find(netns, ends, port, protocol);
}

static __always_inline const void *icmp_socket(__u32 netns, const struct icmp *m)
{
	struct scratch *scratch;
	__u64 *entry;

	if (m->about == IPPROTO_ICMP || m->about == IPPROTO_ICMPV6)
		return m->id ? port_socket(netns, &m->ends, bpf_ntohs(m->id), m->about) : 0;
	if (!m->ends.local_port)
		return 0;
	if (m->about == IPPROTO_UDP)
		return port_socket(netns, &m->ends, m->ends.local_port, IPPROTO_UDP);
	scratch = scratch_get();
	if (m->about != IPPROTO_TCP || !scratch)
		return 0;
	tuple_fill(&scratch->tuple, netns, &m->ends);
	entry = bpf_map_lookup_elem(&tuples, &scratch->tuple);
	return entry ? (const void *)*entry : 0;
}

/* ---- what the kernel makes of an error ---- */

#define FATAL 0x80
#define E(code, number, fatal) [code] = (number) | ((fatal) ? FATAL : 0)

/* icmp_err_convert, net/ipv4/icmp.c: the errno of each code of "unreachable", and whether it is final. */
const volatile __u8 unreachable_errors[16] = {
	E(0, 101, 0), E(1, 113, 0), E(2, 92, 1), E(3, 111, 1), E(4, 90, 0), E(5, 95, 0), E(6, 101, 1), E(7, 112, 1),
	E(8, 64, 1), E(9, 101, 1), E(10, 113, 1), E(11, 101, 0), E(12, 113, 0), E(13, 113, 1), E(14, 113, 1),
	E(15, 113, 1),
};

/* tab_unreach, net/ipv6/icmp.c */
const volatile __u8 unreachable6_errors[8] = {
	E(0, 101, 0), E(1, 13, 1), E(2, 113, 0), E(3, 113, 0), E(4, 111, 1), E(5, 13, 1), E(6, 13, 1),
};

static __always_inline __u8 icmp_error(const struct icmp *m)
{
	switch (m->type) {
	case ICMP_UNREACHABLE:
		return unreachable_errors[m->code & 15];
	case ICMP6_UNREACHABLE:
		return unreachable6_errors[m->code & 7];
	case ICMP6_TOO_BIG:
		return 90;
	case ICMP_PARAMETER:
	case ICMP6_PARAMETER:
		return 71 | FATAL;
	case ICMP_TIME_EXCEEDED:
	case ICMP6_TIME_EXCEEDED:
		return 113;
	default:
		return 0;
	}
}

/* IP_MTU_DISCOVER: fragments are allowed; errors are not believed (IPv6: neither of the last two). */
enum { DISCOVERY_dont = 0, DISCOVERY_interface = 4 };

/* As udp_err(), ping_err() and tcp_v4_err() decide, and their IPv6 twins. */
static __always_inline __u8 icmp_fate(const void *sk, const struct icmp *m, __u8 error)
{
	bool asked = sock_wants_errors(sk, m->ends.family), too_big = (error & ~FATAL) == 90, owned;
	__u8 state = sock_state(sk), discovery;

	if (m->about == IPPROTO_TCP) {
		if (!sock_is_full(state) || state == TCP_CLOSE || too_big) /* which is heeded, and not told */
			return ICMP_FATE_silent;
		owned = get(as_sock(sk), sk_lock.owned);
		if (owned)
			return ICMP_FATE_soft;
		if (state == TCP_SYN_SENT || state == TCP_SYN_RECV)
			return asked ? ICMP_FATE_queued : ICMP_FATE_delivered;
		return asked ? ICMP_FATE_delivered : ICMP_FATE_soft;
	}
	/* The lookup does not find a connected socket for another peer. */
	if (m->about == IPPROTO_UDP && !sock_faces(sk, &m->ends))
		return ICMP_FATE_silent;
	if (too_big && (m->about == IPPROTO_UDP || m->ends.family == AF_INET)) {
		discovery = sock_mtu_discovery(sk, m->ends.family);
		if (m->ends.family == AF_INET ? discovery == DISCOVERY_dont : discovery >= DISCOVERY_interface)
			return ICMP_FATE_silent;
		if (discovery != DISCOVERY_dont)
			error |= FATAL;
	}
	if (asked)
		return ICMP_FATE_queued;
	return (error & FATAL) && state == TCP_ESTABLISHED ? ICMP_FATE_delivered : ICMP_FATE_silent;
}

/* ---- tellers ---- */

ONCE int icmp_received_tell(__u32 netns, const struct icmp *m, __u64 sk)
{
	struct record *r = sk ? record_find((void *)sk) : 0;
	struct event_icmp_received *e;
	__u8 error;

	if (!m)
		return 0;
	error = icmp_error(m);
	e = event_begin_at(icmp_received, r ? r->id : 0, r ? &r->owner : 0, r && r->in_tree, netns, &m->ends, m->about,
			   PLANE_tracepoints);
	if (!e)
		return 0;
	e->type = m->type;
	e->code = m->code;
	e->from = m->from;
	e->error = error & ~FATAL;
	if (m->type == ICMP_ECHO_REPLY || m->type == ICMP6_ECHO_REPLY)
		e->fate = r ? ICMP_FATE_delivered : ICMP_FATE_unknown;
	else if (r)
		e->fate = icmp_fate((void *)sk, m, error);
	event_end(e);
	return 0;
}

/* The packet that is answered came from `m->ends.local`; where that is this host too, its sender's tree wants to know. */
static __always_inline bool answered_in_tree(__u32 netns, const struct icmp *m)
{
	const void *sk = config.filter_tree ? icmp_socket(netns, m) : 0;
	struct record *r = sk ? record_find(sk) : 0;

	return r && r->in_tree;
}

static __always_inline void ends_turn(struct endpoints *ends)
{
	struct event_ip address = ends->local;
	__u16 port = ends->local_port;

	ends->local = ends->remote;
	ends->local_port = ends->remote_port;
	ends->remote = address;
	ends->remote_port = port;
}

static __always_inline void no_socket_tell(__u32 netns, const struct endpoints *ends, bool in_tree, __u32 length)
{
	struct event_udp_drop *e;

	e = event_begin_at(udp_drop, 0, 0, in_tree, netns, ends, IPPROTO_UDP, config.told_by[EVENT_udp_drop]);
	if (!e)
		return;
	e->reason = UDP_DROP_no_socket;
	e->length = length;
	event_end(e);
}

static __always_inline void icmp_sent_tell(__u32 netns, struct icmp *m, struct record *r)
{
	bool in_tree = r ? r->in_tree : answered_in_tree(netns, m);
	struct event_icmp_sent *e;

	if (!r)
		ends_turn(&m->ends);
	/* Without reasons the answer is the only word of a datagram nobody wanted. */
	if (!drop_reasons_exist() && told_by(udp_drop, PLANE_tracepoints) && m->about == IPPROTO_UDP &&
	    ((m->type == ICMP_UNREACHABLE && m->code == 3) || (m->type == ICMP6_UNREACHABLE && m->code == 4)))
		no_socket_tell(netns, &m->ends, in_tree, 0);
	e = event_begin_at(icmp_sent, r ? r->id : 0, r ? &r->owner : 0, in_tree, netns, &m->ends, m->about,
			   PLANE_tracepoints);
	if (!e)
		return;
	e->type = m->type;
	e->code = m->code;
	e->about = m->about;
	event_end(e);
}

/* An ICMP packet leaves, its IP header at `start`. `sk` is the kernel's own socket for an answer, a program's for a ping. */
__hidden int icmp_leaves(const unsigned char *start, __u32 header, const void *sk, __u32 netns)
{
	bool six = header == sizeof(struct ipv6hdr);
	struct record *r;
	struct icmp m;

	if (!sk || !icmp_read(start, header, six, &m))
		return 0;
	r = record_find(sk);
	if (m.type == ICMP_ECHO || m.type == ICMP6_ECHO) {
		if (!r)
			return 0;
		sock_endpoints(sk, &m.ends);
	} else if (m.about == IPPROTO_ICMP || m.about == IPPROTO_ICMPV6) {
		return 0; /* the kernel answers a ping */
	} else if (r) {
		return 0; /* a program that writes ICMP itself */
	}
	icmp_sent_tell(netns, &m, r);
	return 0;
}

#define IFF_LOOPBACK 0x8
#define ADDRESSES_LOOKED_AT 16 /* of a device */

ONCE int device_has(__u64 device, const struct event_ip *address, int six)
{
	struct net_device *d = typed(net_device, device);
	__u64 head, at;
	struct in_ifaddr *four;
	__u32 *words;

	if (!device || !address)
		return false;
	if (!six) {
		at = (__u64)get(d, ip_ptr);
		four = at ? get(typed(in_device, at), ifa_list) : 0;
		for (int i = 0; i < ADDRESSES_LOOKED_AT && four; i++) {
			four = typed(in_ifaddr, four);
			if (get(four, ifa_local) == *(const __u32 *)address->bytes)
				return true;
			four = get(four, ifa_next);
		}
		return false;
	}
	/* IPv6 as a module has its types there, and not where they are looked for. */
	if (!bpf_core_field_exists(struct inet6_ifaddr, if_list) || !bpf_core_field_exists(struct inet6_dev, addr_list))
		return true;
	at = (__u64)get(d, ip6_ptr);
	if (!at)
		return false;
	head = at + bpf_core_field_offset(struct inet6_dev, addr_list);
	at = (__u64)get(typed(list_head, head), next);
	words = (__u32 *)address->bytes;
	for (int i = 0; i < ADDRESSES_LOOKED_AT && at && at != head; i++) {
		struct inet6_ifaddr *one = typed(inet6_ifaddr, at - bpf_core_field_offset(struct inet6_ifaddr, if_list));

		__u32 differs = 0;

		for (int j = 0; j < 4; j++)
			differs |= get(one, addr.in6_u.u6_addr32[j]) ^ words[j];
		if (!differs)
			return true;
		at = (__u64)get(typed(list_head, at), next);
	}
	return false;
}

/*
 * Whether a packet to that address ends here: nobody has asked the routes yet. A bridge shows it at its port, and again as its own;
 * addresses may stand at the loopback device, whatever way leads to them.
 */
APART int arrives_here(__u64 device, const struct event_ip *address, int six)
{
	struct net_device *d = typed(net_device, device);
	struct net *net;

	if (!device || !address)
		return 0;
	if (get(d, flags) & IFF_LOOPBACK || device_has(device, address, six))
		return 1;
	net = get(d, nd_net.net);
	return net && device_has(address_of(get(typed(net, net), loopback_dev)), address, six);
}

/* One arrives. Echoes are told where a program waits for their answer. */
__hidden int icmp_arrives(const unsigned char *start, __u32 header, __u64 device, __u32 netns)
{
	bool six = header == sizeof(struct ipv6hdr);
	const void *sk;
	struct icmp m;
	union { struct iphdr ip; struct ipv6hdr ip6; } h;
	bool here;

	if (!icmp_read(start, header, six, &m) || m.type == ICMP_ECHO || m.type == ICMP6_ECHO)
		return 0;
	if (bpf_probe_read_kernel(&h, sizeof(h), start))
		return 0;
	m.from.family = m.ends.family;
	if (six)
		__builtin_memcpy(m.from.ip.bytes, h.ip6.daddr, 16);
	else
		__builtin_memcpy(m.from.ip.bytes, h.ip.daddr, 4);
	if (m.type == ICMP_ECHO_REPLY || m.type == ICMP6_ECHO_REPLY)
		m.ends.local = m.from.ip;
	here = arrives_here(device, &m.from.ip, six);
	sk = icmp_socket(netns, &m);
	/* One that is only passed on is none of this host's: whoever has that port here has not sent what it is about. */
	if (!here && !(sk && (m.about == IPPROTO_TCP || (sock_is_at(sk, &m.ends) && ip_is(&m.from.ip, &m.ends.local)))))
		return 0;
	if (six)
		__builtin_memcpy(m.from.ip.bytes, h.ip6.saddr, 16);
	else
		__builtin_memcpy(m.from.ip.bytes, h.ip.saddr, 4);
	if (m.type == ICMP_ECHO_REPLY || m.type == ICMP6_ECHO_REPLY) {
		if (!sk)
			return 0;
		m.ends.remote = m.from.ip;
	}
	if (m.id)
		m.ends.local_port = bpf_ntohs(m.id);
	icmp_received_tell(netns, &m, address_of(sk));
	return 0;
}

/* A fragment leaves: count it for the call that caused it. */
__hidden int fragment_leaves(const void *sk)
{
	struct thread *t = thread_current();

	if (t && sk && t->call && t->sk == (__u64)sk)
		t->fragments++;
	return 0;
}

/* ---- drops ---- */

/* Addresses of a received UDP packet, as its receiver sees them, and its payload. False: another protocol. */
static __always_inline bool datagram_read(struct sk_buff *s, struct endpoints *ret, __u32 *ret_length)
{
	const unsigned char *start = get(s, head) + get(s, network_header);
	union { struct iphdr ip; struct ipv6hdr ip6; } h;
	struct udphdr udp;
	__u32 header;

	if (bpf_probe_read_kernel(&h, sizeof(h), start))
		return false;
	__builtin_memset(ret, 0, sizeof(*ret));
	if ((h.ip.version_ihl >> 4) == 4 && h.ip.protocol == IPPROTO_UDP) {
		ret->family = AF_INET;
		__builtin_memcpy(ret->local.bytes, h.ip.daddr, 4);
		__builtin_memcpy(ret->remote.bytes, h.ip.saddr, 4);
		header = (h.ip.version_ihl & 15) * 4;
	} else if ((h.ip.version_ihl >> 4) == 6 && h.ip6.nexthdr == IPPROTO_UDP) {
		ret->family = AF_INET6;
		__builtin_memcpy(ret->local.bytes, h.ip6.daddr, 16);
		__builtin_memcpy(ret->remote.bytes, h.ip6.saddr, 16);
		header = sizeof(h.ip6);
	} else {
		return false;
	}
	if (bpf_probe_read_kernel(&udp, sizeof(udp), start + header))
		return false;
	ret->local_port = bpf_ntohs(udp.dest);
	ret->remote_port = bpf_ntohs(udp.source);
	*ret_length = bpf_ntohs(udp.len) - sizeof(udp);
	return true;
}

/* The receive queue refused a datagram: rc is ENOMEM for the socket's own limit, ENOBUFS for the host's. */
HOOK_TRACEPOINT(udp_fail_queue_rcv_skb, int rc, struct sock *sk)
{
	struct record *r = record_find(sk);
	struct event_udp_drop *e;
	struct endpoints ends;
	__u32 length = 0;
	bool read = false;

	if (config.udp_fail_has_packet)
		read = datagram_read(typed(sk_buff, context_return(ctx, 2)), &ends, &length);
	if (!read)
		sock_endpoints(sk, &ends);
	e = event_begin_at(udp_drop, r ? r->id : 0, r ? &r->owner : 0, r && r->in_tree, sock_netns(sk), &ends,
			   IPPROTO_UDP, config.told_by[EVENT_udp_drop]);
	if (!e)
		return 0;
	e->reason = rc == -12 ? UDP_DROP_receive_buffer : UDP_DROP_memory;
	e->length = length;
	e->queued_bytes = get(as_sock(sk), sk_backlog.rmem_alloc.counter);
	e->rcvbuf_bytes = get(as_sock(sk), sk_rcvbuf);
	event_end(e);
	return 0;
}

/* A datagram for the socket at its port is thrown away. */
static __always_inline void drop_tell(struct sk_buff *s, __u8 why, const struct endpoints *ends, __u32 length)
{
	__u32 netns = packet_netns(s);
	const void *sk = port_socket(netns, ends, ends->local_port, IPPROTO_UDP);
	struct record *r = sk ? record_find(sk) : 0;
	struct event_udp_drop *e;

	if (r)
		netns = r->netns; /* a queued packet has forgotten its device */
	e = event_begin_at(udp_drop, r ? r->id : 0, r ? &r->owner : 0, r && r->in_tree, netns, ends, IPPROTO_UDP,
			   config.told_by[EVENT_udp_drop]);
	if (!e)
		return;
	e->reason = why;
	e->length = length;
	if (r) {
		e->queued_bytes = get(as_sock(sk), sk_backlog.rmem_alloc.counter);
		e->rcvbuf_bytes = get(as_sock(sk), sk_rcvbuf);
	}
	event_end(e);
}

static __always_inline void unwanted_tell(struct sk_buff *s, const struct endpoints *ends, __u32 length)
{
	struct endpoints theirs = *ends;
	__u32 netns = packet_netns(s);
	const void *sk = 0;
	struct record *r;

	if (config.filter_tree) {
		ends_turn(&theirs);
		sk = port_socket(netns, &theirs, theirs.local_port, IPPROTO_UDP);
	}
	r = sk ? record_find(sk) : 0;
	no_socket_tell(netns, ends, r && r->in_tree, length);
}

/* A reader finds the checksum of a datagram wrong while it copies; before 6.14 that is no reason of its own. */
static __always_inline const void *reader_of(const struct endpoints *ends)
{
	struct thread *t = thread_current();

	if (!t || !call_receives(t->call) || !t->sk || t->protocol != IPPROTO_UDP ||
	    get(as_sock((void *)t->sk), __sk_common.skc_num) != ends->local_port)
		return 0;
	return (void *)t->sk;
}

/* What is dropped for another reason (given since 5.17). Full queues are told above. */
HOOK_TRACEPOINT(kfree_skb, struct sk_buff *skb, void *location, int reason)
{
	__u8 why = udp_drop_of(reason);
	struct endpoints ends;
	struct sk_buff *s;
	__u32 length;

	if (!why && !drop_is(reason, SKB_DROP_REASON_NOT_SPECIFIED))
		return 0;
	s = typed(sk_buff, skb);
	if (!datagram_read(s, &ends, &length))
		return 0;
	if (!why) {
		if (!reader_of(&ends))
			return 0;
		why = UDP_DROP_checksum;
	}
	if (why == UDP_DROP_no_socket)
		unwanted_tell(s, &ends, length);
	else
		drop_tell(s, why, &ends, length);
	return 0;
}

/* ---- drops on the function plane: by those who decide ---- */

static __always_inline void blame(__u64 skb, __u8 why)
{
	struct sk_buff *s = typed(sk_buff, skb);
	struct endpoints ends;
	__u32 length;

	if (datagram_read(s, &ends, &length))
		drop_tell(s, why, &ends, length);
}

/* Between a function's beginning and its end no other packet is looked at on this CPU. */
static __always_inline void doubt_begins(struct sk_buff *skb)
{
	struct scratch *scratch = scratch_get();

	if (scratch)
		scratch->doubted = (__u64)skb;
}

static __always_inline void doubt_ends(bool bad, __u8 why)
{
	struct scratch *scratch = scratch_get();
	__u64 skb = scratch ? scratch->doubted : 0;

	if (!skb)
		return;
	scratch->doubted = 0;
	if (bad)
		blame(skb, why);
}

HOOK(sk_filter_trim_cap, struct sock *sk, struct sk_buff *skb)
{
	__u16 family = sock_family(sk);

	if ((family == AF_INET || family == AF_INET6) && sock_state(sk) != TCP_NEW_SYN_RECV &&
	    get(as_sock(sk), sk_protocol) == IPPROTO_UDP)
		doubt_begins(skb);
	return 0;
}

HOOK_RETURN(sk_filter_trim_cap, config.filter_args, int)
{
	doubt_ends(ret, UDP_DROP_filter);
	return 0;
}

/* A firewall that follows connections has a look too, before UDP has: from the head of the IP packet on. */
HOOK(__skb_checksum_complete, struct sk_buff *skb)
{
	struct sk_buff *s = typed(sk_buff, skb);

	if (get(s, data) == get(s, head) + get(s, transport_header))
		doubt_begins(skb);
	return 0;
}

HOOK_RETURN(__skb_checksum_complete, 1, int)
{
	doubt_ends((__u16)ret, UDP_DROP_checksum);
	return 0;
}

/* The checksum of a longer datagram is looked at while its reader copies it: then EINVAL sends it away. */
HOOK(skb_copy_and_csum_datagram_msg, struct sk_buff *skb)
{
	struct thread *t = thread_current();

	if (t)
		t->doubted = (__u64)skb;
	return 0;
}

HOOK_RETURN(skb_copy_and_csum_datagram_msg, 3, int)
{
	struct thread *t = thread_current();
	__u64 skb = t ? t->doubted : 0;

	if (!skb)
		return 0;
	t->doubted = 0;
	if (ret == -22)
		blame(skb, UDP_DROP_checksum);
	return 0;
}

/* The kernel answers a packet, or refrains from it: either way nobody took it. */
static __always_inline void answered(struct sk_buff *skb, bool no_port)
{
	struct sk_buff *s = typed(sk_buff, skb);
	struct endpoints ends;
	__u32 length;

	if (no_port && datagram_read(s, &ends, &length))
		unwanted_tell(s, &ends, length);
}

HOOK(__icmp_send, struct sk_buff *skb, int type, int code)
{
	answered(skb, type == 3 && code == 3);
	return 0;
}

HOOK(icmp6_send, struct sk_buff *skb, __u8 type, __u8 code)
{
	answered(skb, type == 1 && code == 4);
	return 0;
}
