// SPDX-License-Identifier: GPL-2.0
/*
 * UDP: sends and receives of datagrams, connect() and its undoing, and how long a datagram lay in the queue and who sent it.
 * Knows no unix socket and no ICMP; drops are told in icmp.bpf.c.
 */
#include "bpf/datagram.bpf.h"
#include "bpf/emit.bpf.h"
#include "bpf/hook.bpf.h"
#include "bpf/user.bpf.h"

#define ARRIVALS 64 /* of a socket's waiting datagrams so many are timed: the newest */

enum { WAIT_none, WAIT_empty, WAIT_came };

/*
 * The receive queue of a socket, as its readers and its arrivals tell it on the tracepoint plane. A reader that is alone
 * gets the oldest datagram; who that is with others beside it, nobody can tell from outside.
 */
struct queue {
	__u32 came, taken;	/* datagrams so far */
	__u32 readers;		/* calls that read now */
	__u32 first_bytes;	/* the first one that came to a waiting reader */
	__u16 first_merged;
	struct event_address first;
	__u8 wait;		/* WAIT_: whether a reader alone waits at an empty queue */
	__u8 mixed;		/* the present reader has or had company */
	__u64 at[ARRIVALS];	/* when they came */
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH); /* what ended unseen makes room */
	__uint(max_entries, 2048);
	__type(key, __u64);
	__type(value, struct queue);
} queues __weak SEC(".maps");

static const struct queue no_queue;

/* On the function plane each packet says it itself: when it entered a queue, by its address. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH); /* what is thrown away unread makes room */
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u64);
} arrivals __weak SEC(".maps");

/* ---- who sent a datagram that lies in a queue ---- */

/* Its headers are still in front of it. The address is given as a socket of `family` would be told it. */
static __always_inline void sender_read(const void *skb, __u16 family, struct event_address *ret)
{
	struct sk_buff *s = typed(sk_buff, skb);
	unsigned char *head = get(s, head);
	union { struct iphdr ip; struct ipv6hdr ip6; } h;
	struct udphdr udp;

	__builtin_memset(ret, 0, sizeof(*ret));
	if (bpf_probe_read_kernel(&h, sizeof(h), head + get(s, network_header)) ||
	    bpf_probe_read_kernel(&udp, sizeof(udp), head + get(s, transport_header)))
		return;
	if ((h.ip.version_ihl >> 4) == 4) {
		__builtin_memcpy(ret->ip.bytes, h.ip.saddr, 4);
		if (family == AF_INET6)
			map_to_six(&ret->ip);
	} else {
		__builtin_memcpy(ret->ip.bytes, h.ip6.saddr, 16);
	}
	ret->family = family;
	ret->port = bpf_ntohs(udp.source);
}

/* Length of the datagrams that came merged into this one (UDP_GRO, udp_gro_receive()); 0: it is one. */
static __always_inline __u16 merged_bytes(const void *skb)
{
	struct sk_buff *s = typed(sk_buff, skb);

	return get(typed(skb_shared_info, get(s, head) + get(s, end)), gso_size);
}

/* The oldest datagram in the queue, or NULL. The reader's half of it comes first (udp_sock.reader_queue, since 4.13). */
static __always_inline const void *queue_first(const void *sk, __u32 *ret_length)
{
	__u64 half[2];

	half[0] = (__u64)sk + bpf_core_field_offset(struct udp_sock, reader_queue);
	half[1] = (__u64)sk + bpf_core_field_offset(struct sock, sk_receive_queue);
	*ret_length = get(typed(sk_buff_head, half[0]), qlen) + get(typed(sk_buff_head, half[1]), qlen);
	for (int i = 0; i < 2; i++) {
		__u64 first = (__u64)get(typed(sk_buff_head, half[i]), next);

		if (first && first != half[i])
			return (void *)first;
	}
	return 0;
}

static __always_inline struct queue *queue_get(const void *sk)
{
	__u64 key = (__u64)sk;
	struct queue *q = bpf_map_lookup_elem(&queues, &key);

	if (q)
		return q;
	bpf_map_update_elem(&queues, &key, &no_queue, BPF_NOEXIST);
	return bpf_map_lookup_elem(&queues, &key);
}

APART int udp_forget(__u64 sk)
{
	__u64 key = sk;

	bpf_map_delete_elem(&queues, &key);
	return 0;
}

/* ---- a reader, on the tracepoint plane ---- */

static __always_inline void reader_begins(struct thread *t)
{
	const void *sk = (void *)t->sk, *first;
	struct queue *q;
	__u32 length;

	if (t->flags & MSG_ERRQUEUE) /* takes no datagram */
		return;
	q = queue_get(sk);
	if (!q)
		return;
	t->reads = 1;
	__sync_fetch_and_add(&q->readers, 1);
	if (*(volatile __u32 *)&q->readers > 1) {
		q->mixed = 1;
		return;
	}
	q->mixed = 0;
	q->wait = WAIT_empty; /* armed before the queue is looked at: what comes in between is seen in one of the two */
	first = queue_first(sk, &length);
	if (first) {
		q->wait = WAIT_none;
		sender_read(first, t->family, &t->from);
		t->from_bytes = get(typed(sk_buff, first), len);
		t->from_merged = merged_bytes(first);
	}
	/* Some may have been thrown away unread; what is not in the queue any more was taken. */
	if ((__s32)(q->came - length - q->taken) > 0)
		q->taken = q->came - length;
}

/* Whether a datagram of `length` can have given `ret` bytes to who had room for `room`. */
static __always_inline bool gives(__u32 length, __s64 ret, __u64 room)
{
	return ret == length || (length > room && ret == (__s64)room);
}

/* What is kept back of the socket's next datagram (udp_sendmsg(); the first part adds the header). */
static __always_inline __u32 kept_bytes(const void *sk)
{
	struct udp_sock *up = typed(udp_sock, sk);
	__u16 length = get(up, len);

	return get(up, pending) && length > sizeof(struct udphdr) ? length - sizeof(struct udphdr) : 0;
}

/* The reader has got its datagram, or a part of it: what is known of how that came. */
static __always_inline void reader_got(struct thread *t, __u64 asked, __s64 ret, __u64 now)
{
	__u64 key = t->sk, *at;
	struct queue *q = bpf_map_lookup_elem(&queues, &key);
	bool alone;
	__u32 i;

	t->waited_ns = 0;
	if (!q)
		return;
	alone = !q->mixed;
	if (!t->from.port && q->wait == WAIT_came) {
		__builtin_memcpy(&t->from, &q->first, sizeof(t->from));
		t->from_bytes = q->first_bytes;
		t->from_merged = q->first_merged;
		q->wait = WAIT_none;
	}
	if (!alone || !gives(t->from_bytes, ret, asked))
		t->from.port = 0;
	i = q->taken;
	if (q->came - i - 1 < ARRIVALS) {
		at = &q->at[i & (ARRIVALS - 1)];
		/* Of many in one call, only what lay there before it is known to have been taken at a known time: at once. */
		if (alone && *at && t->call != CALL_recvmmsg)
			t->waited_ns = now - *at;
		else if (alone && *at && *at < t->start_ns)
			t->waited_ns = t->start_ns - *at;
		if (!(t->flags & MSG_PEEK))
			*at = 0;
	}
	if (!(t->flags & MSG_PEEK) && q->came != i)
		__sync_fetch_and_add(&q->taken, 1);
}

static __always_inline void reader_ends(struct thread *t)
{
	__u64 key = t->sk;
	struct queue *q = bpf_map_lookup_elem(&queues, &key);

	t->reads = 0;
	if (!q)
		return;
	q->wait = WAIT_none;
	if (q->readers)
		__sync_fetch_and_add(&q->readers, -1);
}

/* Something lies in the queue of a socket, and its readers are about to be woken (since 6.3). */
HOOK_TRACEPOINT(sk_data_ready, struct sock *sk)
{
	const void *first;
	struct queue *q;
	__u64 key = (__u64)sk;
	__u32 length;

	if (sock_family(sk) == AF_UNIX) {
		unix_reached(address_of(sk)); /* a number, not a pointer that a cast would keep typed */
		return 0;
	}
	if (get(as_sock(sk), sk_protocol) != IPPROTO_UDP)
		return 0;
	q = bpf_map_lookup_elem(&queues, &key);
	if (!q)
		return 0;
	q->at[q->came & (ARRIVALS - 1)] = bpf_ktime_get_ns();
	__sync_fetch_and_add(&q->came, 1);
	if (q->wait != WAIT_empty)
		return 0;
	first = queue_first(sk, &length);
	if (!first)
		return 0;
	sender_read(first, sock_family(sk), &q->first);
	q->first_bytes = get(typed(sk_buff, first), len);
	q->first_merged = merged_bytes(first);
	q->wait = WAIT_came;
	return 0;
}

/* ---- what the calls tell ---- */

/* The other end of an unconnected socket is the one this datagram goes to or comes from. */
static __always_inline void remote_fill(struct endpoints *ends, const struct event_address *peer)
{
	if (ends->remote_port || !peer->port)
		return;
	ends->remote = peer->ip;
	if (ends->family == AF_INET6 && peer->family == AF_INET)
		map_to_six(&ends->remote);
	else if (peer->family != ends->family)
		return;
	ends->remote_port = peer->port;
}

static __always_inline void peer_fill(struct event_address *ret, const struct endpoints *ends)
{
	ret->family = ends->family;
	ret->port = ends->remote_port;
	ret->scope_id = 0;
	ret->ip = ends->remote;
}

/* Where the call, the packet or the socket names the other end: in this order. */
static __always_inline void other_fill(struct event_address *ret, const struct event_address *named,
				       const struct endpoints *ends)
{
	if (named->port)
		__builtin_memcpy(ret, named, sizeof(*ret));
	else if (ends->remote_port)
		peer_fill(ret, ends);
}

static __always_inline const void *call_socket(const struct thread *t, __u8 plane)
{
	return (void *)(plane == PLANE_functions ? t->function_sk : t->sk);
}

static __always_inline __u64 call_start(const struct thread *t, __u8 plane)
{
	return plane == PLANE_functions ? t->function_ns : t->start_ns;
}

ONCE int udp_sent(struct thread *t, struct record *r, __u64 asked, __s64 ret, __u8 plane)
{
	struct event_udp_send *e;
	struct endpoints *ends;
	const void *sk;
	bool in_call;

	if (!t || !r)
		return 0;
	sk = call_socket(t, plane);
	in_call = t->sk == (__u64)sk && t->call;
	ends = &t->ends;
	sock_endpoints(sk, ends);
	remote_fill(ends, &t->asked);
	e = event_begin_at(udp_send, r->id, &r->owner, r->in_tree, r->netns, ends, IPPROTO_UDP, plane);
	if (!e)
		return 0;
	other_fill(&e->to, &t->asked, ends);
	e->asked_bytes = asked;
	e->done_bytes = ret < 0 ? 0 : ret;
	e->error = ret < 0 ? -ret : 0;
	e->duration_ns = e->head.time_ns - call_start(t, plane);
	e->gso_bytes = get(typed(udp_sock, sk), gso_size);
	e->corked = get(typed(udp_sock, sk), pending) != 0;
	e->kept_bytes = t->kept_bytes;
	if (in_call) {
		e->head.fd = t->fd;
		e->call = t->call;
		e->flags = t->flags;
		if (t->segment_bytes)
			e->gso_bytes = t->segment_bytes;
		e->fragments = t->fragments;
	}
	event_end(e);
	return 0;
}

ONCE int udp_received(struct thread *t, struct record *r, __u64 asked, __s64 ret, __u8 plane)
{
	struct event_udp_recv *e;
	struct endpoints *ends;
	struct share share;
	const void *sk;
	__u32 flags;
	bool in_call;

	if (!t || !r)
		return 0;
	sk = call_socket(t, plane);
	in_call = t->sk == (__u64)sk && t->call;
	ends = &t->ends;
	if (plane == PLANE_tracepoints && t->reads && ret >= 0)
		reader_got(t, asked, ret, bpf_ktime_get_ns());
	if (ret < 0) {
		t->waited_ns = 0;
		t->from.port = 0;
	}
	flags = in_call ? t->flags : 0;
	share_of(&share, plane == PLANE_functions || call_tells_cut(t->call), t->truncated, flags, asked, ret,
		 t->from.port ? t->from_bytes : 0);
	if (!t->asked.port && t->from.port)
		__builtin_memcpy(&t->asked, &t->from, sizeof(t->asked));
	sock_endpoints(sk, ends);
	remote_fill(ends, &t->asked);
	e = event_begin_at(udp_recv, r->id, &r->owner, r->in_tree, r->netns, ends, IPPROTO_UDP, plane);
	if (!e)
		return 0;
	if (!(flags & MSG_ERRQUEUE)) /* which names whom it was sent to */
		other_fill(&e->from, &t->asked, ends);
	e->asked_bytes = asked;
	e->done_bytes = share.done;
	e->error = ret < 0 ? -ret : 0;
	e->duration_ns = e->head.time_ns - call_start(t, plane);
	e->waited_ns = t->waited_ns;
	e->queued_bytes = get(as_sock(sk), sk_backlog.rmem_alloc.counter);
	e->truncated = share.truncated;
	e->datagram_bytes = flags & MSG_ERRQUEUE ? 0 : share.length;
	e->gro_bytes = t->from.port ? t->from_merged : 0;
	if (in_call) {
		e->head.fd = t->fd;
		e->call = t->call;
		e->flags = t->flags;
	}
	event_end(e);
	return 0;
}

static __always_inline void connect_done(struct thread *t, const void *sk, struct record *r, __s32 error)
{
	struct event_address local = {}, remote = {};

	if (t->ends.local_port) {
		local.family = t->ends.family;
		local.port = t->ends.local_port;
		local.ip = t->ends.local;
	}
	if (t->ends.remote_port)
		peer_fill(&remote, &t->ends);
	if (!t->asked.family) {
		struct event_udp_disconnect *e = event_begin(udp_disconnect, sk, r, PLANE_tracepoints);

		if (!e)
			return;
		e->head.fd = t->fd;
		e->peer_before = remote;
		e->local_before = local;
		e->error = error;
		event_end(e);
	} else {
		struct event_udp_connect *e = event_begin(udp_connect, sk, r, PLANE_tracepoints);

		if (!e)
			return;
		e->head.fd = t->fd;
		__builtin_memcpy(&e->asked, &t->asked, sizeof(e->asked));
		e->peer_before = remote;
		e->local_before = local;
		e->error = error;
		event_end(e);
	}
}

/* ---- a system call's beginning and end ---- */

APART int udp_begins(struct thread *t, __u8 call)
{
	__u64 key;

	if (!t)
		return 0;
	t->from.port = 0;
	t->function_sk = 0;
	t->reads = 0;
	t->truncated = 0;
	t->waited_ns = 0;
	t->kept_bytes = call_sends(call) ? kept_bytes((void *)t->sk) : 0;
	if (call == CALL_connect)
		sock_endpoints((void *)t->sk, &t->ends);
	if (!told_by(udp_recv, PLANE_tracepoints))
		return 0;
	if (call_receives(call)) {
		reader_begins(t);
	} else if (!get(as_sock((void *)t->sk), __sk_common.skc_num)) {
		/* Nothing has come yet; with the port this call may give it, something will. */
		key = t->sk;
		bpf_map_update_elem(&queues, &key, &no_queue, BPF_ANY);
	}
	return 0;
}

/* The end of a connect() of a UDP socket: not a part of datagram_done(), since both need much of the stack. */
APART int udp_connected(struct thread *t, __s64 ret)
{
	struct record *r;

	if (!t)
		return 0;
	r = record_find_mapped((void *)t->sk);
	if (r)
		connect_done(t, (void *)t->sk, r, ret < 0 ? -ret : 0);
	return 0;
}

ONCE int udp_over(struct thread *t)
{
	if (t && t->reads)
		reader_ends(t);
	return 0;
}

/* ---- the function plane ---- */

/* The address in a call's message, which the kernel has copied already, or not copied yet. */
static __always_inline void name_take(const void *message, struct event_address *ret)
{
	void *given = get(typed(msghdr, message), msg_name);
	struct address_raw raw = {};

	if (!given || bpf_probe_read_kernel(&raw, 8, given))
		return;
	if (raw.family == AF_INET6 && bpf_probe_read_kernel(&raw, sizeof(raw), given))
		return;
	address_take(&raw, ret);
}

static __always_inline void function_begins(const void *sk, const void *message, __u64 size)
{
	struct thread *t;

	if (task_foreign(current_task()))
		return;
	t = thread_enter();
	/* An IPv6 socket hands what goes to an IPv4 address on to udp_sendmsg(). */
	if (!t || t->function_sk == (__u64)sk)
		return;
	t->function_sk = (__u64)sk;
	t->function_bytes = size;
	t->function_message = (__u64)message;
	t->function_ns = bpf_ktime_get_ns();
	t->fragments = 0;
	t->waited_ns = 0;
	t->kept_bytes = kept_bytes(sk);
	t->from.port = t->asked.port = 0;
	name_take(message, &t->asked);
}

/* A function of its own, of which a program has one: an event needs its stack. */
__noinline int udp_function_done(__s64 ret, int sending)
{
	struct thread *t = thread_current();
	struct record *r;

	if (!t || !t->function_sk)
		return 0;
	r = record_find_mapped((void *)t->function_sk);
	t->told_sk = t->function_sk;
	if (r && sending) {
		udp_sent(t, r, t->function_bytes, visible(ret), PLANE_functions);
	} else if (r) {
		t->truncated = ret >= 0 && (get(typed(msghdr, t->function_message), msg_flags) & MSG_TRUNC);
		udp_received(t, r, t->function_bytes, visible(ret), PLANE_functions);
	}
	t->function_sk = 0;
	return 0;
}

HOOK(udp_sendmsg, struct sock *sk, void *message, __u64 size)
{
	function_begins(sk, message, size);
	return 0;
}

HOOK(udpv6_sendmsg, struct sock *sk, void *message, __u64 size)
{
	function_begins(sk, message, size);
	return 0;
}

HOOK_RETURN(udp_sendmsg, 3, int)
{
	udp_function_done(ret, 1);
	return 0;
}

HOOK_RETURN(udpv6_sendmsg, 3, int)
{
	udp_function_done(ret, 1);
	return 0;
}

/* The room for an address the caller wants filled (msg_name) holds nothing yet: the packet names its sender. */
static __always_inline void receive_begins(const void *sk, const void *message, __u64 size)
{
	struct thread *t;

	function_begins(sk, message, size);
	t = thread_current();
	if (t)
		t->asked.port = 0;
}

HOOK(udp_recvmsg, struct sock *sk, void *message, __u64 size)
{
	receive_begins(sk, message, size);
	return 0;
}

HOOK(udpv6_recvmsg, struct sock *sk, void *message, __u64 size)
{
	receive_begins(sk, message, size);
	return 0;
}

HOOK_RETURN(udp_recvmsg, config.udp_recv_args, int)
{
	udp_function_done(ret, 0);
	return 0;
}

HOOK_RETURN(udpv6_recvmsg, config.udp_recv_args, int)
{
	udp_function_done(ret, 0);
	return 0;
}

/* A datagram is about to enter the queue of a socket, or to be refused. */
HOOK(__udp_enqueue_schedule_skb, struct sock *sk, struct sk_buff *skb)
{
	__u64 key = (__u64)skb, now;

	if (!record_find_mapped(sk))
		return 0;
	now = bpf_ktime_get_ns();
	bpf_map_update_elem(&arrivals, &key, &now, BPF_ANY);
	return 0;
}

/* The reader has copied a datagram and lets it go: below 0 is the length of one it only looked at. */
HOOK(skb_consume_udp, struct sock *sk, struct sk_buff *skb, int length)
{
	__u64 key = (__u64)skb, *at;
	struct thread *t = thread_current();

	at = bpf_map_lookup_elem(&arrivals, &key);
	if (t && t->function_sk == (__u64)sk) {
		sender_read(skb, sock_family(sk), &t->from);
		t->from_bytes = get(typed(sk_buff, skb), len);
		t->from_merged = merged_bytes(skb);
		t->waited_ns = at ? bpf_ktime_get_ns() - *at : 0;
	}
	if (at && length >= 0)
		bpf_map_delete_elem(&arrivals, &key);
	return 0;
}
