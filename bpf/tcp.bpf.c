// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a TCP socket as the kernel itself passes it: states, request sockets, accept, waits, resets,
 * retransmissions, probes, delayed acknowledgements, TIME_WAIT. The program's view of the same is in call.bpf.c,
 * the segments are in wire.bpf.c.
 */
#include "bpf/emit.bpf.h"
#include "bpf/hook.bpf.h"

char LICENSE[] SEC("license") = "GPL";

const volatile struct config config = {};

extern int listen_drops_settle(__u64 sk);
__u64 full_queues = 0; /* a listener whose accept queue is about to be full: plain acknowledgements are looked at too */

/* ---- states ---- */

static __always_inline void listener_forget(const void *sk, const struct record *r)
{
	struct listener_key key = { .netns = r->netns, .port = bpf_ntohs(get(as_inet(sk), inet_sport)) };
	struct listener_value *old = bpf_map_lookup_elem(&listeners, &key);

	if (old && old->sk == (__u64)sk)
		bpf_map_delete_elem(&listeners, &key);
}

/* A child without owner of its own carries its listener's, marked as inherited. */
static __always_inline void record_inherit(struct record *child, const struct record *listener)
{
	if (!listener)
		return;
	child->listener = listener->id;
	child->owner = listener->owner;
	child->in_tree = listener->in_tree;
	if (listener->owner.attribution != ATTRIBUTION_unknown)
		child->owner.attribution = ATTRIBUTION_inherited;
}

/*
 * The child at `sk` takes the place of the request that the same four-tuple leads to, and its identity. `begun`: the child's
 * record is not kept yet. 0: there is no room for it.
 */
ONCE int record_adopt(struct record *child, __u64 sk, const struct endpoints *ends, bool begun)
{
	__u64 *entry, request_sk = 0;
	struct record *request;
	struct tuple tuple;

	if (!child || !ends)
		return 0;
	tuple_fill(&tuple, child->netns, ends);
	entry = bpf_map_lookup_elem(&tuples, &tuple);
	request = entry && *entry != sk ? record_find((void *)*entry) : 0;
	if (request && request->state == TCP_NEW_SYN_RECV) {
		child->id = request->id;
		if (child->owner.attribution == ATTRIBUTION_unknown) {
			child->owner = request->owner;
			child->in_tree = request->in_tree;
			child->listener = request->listener;
		}
		request_sk = *entry;
	}
	if (begun && !record_keep(sk, child, EVENT_tcp_state))
		return 0;
	if (entry)
		*entry = sk;
	else
		bpf_map_update_elem(&tuples, &tuple, &sk, BPF_ANY);
	port_follow(ends->local_port);
	if (request_sk)
		record_drop((void *)request_sk);
	return 1;
}

#define MOVE(old, new) ((__u16)((old) << 8 | (new)))

ONCE int state_tell(__u64 address, struct record *r, __u16 move, __u64 now, __u8 plane)
{
	const void *sk = (void *)address;
	struct event_tcp_state *e = r ? event_begin_now(tcp_state, sk, r, plane, now) : 0;

	if (!e)
		return 0;
	e->oldstate = move >> 8;
	e->newstate = move;
	e->cause = cause_of(sk, r);
	e->error = get(as_sock(sk), sk_err);
	if (r->since_ns)
		e->in_state_ns = e->head.time_ns - r->since_ns;
	event_end(e);
	return 0;
}

static __always_inline void folded_tell(const void *sk, struct record *r, __u64 now)
{
	if ((config.folded || config.budgeted) && (r->sends | r->recvs | r->errors))
		fold_tell(address_of(sk), r, now);
}

ONCE int gap_tell(__u64 sk, struct record *r, __u8 what, __u8 plane)
{
	struct event_gap *e = r ? event_begin(gap, (void *)sk, r, plane) : 0;

	if (!e)
		return 0;
	e->what = what;
	event_end(e);
	return 0;
}

/* A TIME_WAIT entry begins, or its clock starts again. */
ONCE int time_wait_tell(__u64 tw, struct record *r, __u64 timeout_ns, bool restarted)
{
	struct event_tcp_time_wait *e = r ? event_begin(tcp_time_wait, (void *)tw, r, PLANE_tracepoints) : 0;

	if (!e)
		return 0;
	e->substate = r->state;
	e->restarted = restarted;
	e->timeout_ns = timeout_ns;
	event_end(e);
	return 0;
}

/*
 * A FIN arrives for a TIME_WAIT entry: its clock starts again, and the peer has closed now if it had not. The timer
 * tells only when it moves to another bucket of the wheel.
 */
APART int time_wait_fin_seen(__u64 entry, struct record *r)
{
	if (!r || !r->since_ns)
		return 0;
	r->state = TCP_TIME_WAIT;
	r->queued_ns = bpf_ktime_get_ns();
	time_wait_tell(entry, r, 60000000000ULL /* TCP_TIMEWAIT_LEN, include/net/tcp.h */, true);
	return 0;
}

/* A FIN was on its way to the socket while another processor put this entry in its place: which of the two took it? */
APART int time_wait_look(__u64 entry, struct record *r)
{
	struct inet_timewait_sock *tw = (void *)entry;

	if (r && r->state == TCP_FIN_WAIT2 && get(typed(inet_timewait_sock, tw), tw_substate) == TCP_TIME_WAIT)
		time_wait_fin_seen(entry, r);
	return 0;
}

/* No room for an entry: the socket ends without one. */
ONCE int time_wait_refused(__u64 sk, struct record *r)
{
	struct event_tcp_time_wait_end *e = r ? event_begin(tcp_time_wait_end, (void *)sk, r, PLANE_tracepoints) : 0;

	if (!e)
		return 0;
	e->ending = TIME_WAIT_END_never;
	event_end(e);
	return 0;
}

/* The only listener of this socket's port, or NULL. */
static __always_inline struct record *listener_record(const void *sk)
{
	struct listener_key key = { .netns = sock_netns(sk), .port = get(as_sock(sk), __sk_common.skc_num) };
	struct listener_value *value = bpf_map_lookup_elem(&listeners, &key);

	return value ? record_find((void *)value->sk) : 0;
}

/* The child of a listener. Its address may have belonged to a socket that is gone (the slab is type-stable). */
static __always_inline int child_born(const void *sk, bool trusted, __u8 plane)
{
	struct record *r, *listener = 0;
	struct lineage *lineage;
	__u64 listener_sk = 0;
	struct endpoints ends;

	if (port_passed_by(get(as_sock(sk), __sk_common.skc_num)) ||
	    (config.filter_pid_set && record_foreign(listener_record(sk))))
		return 0;
	r = record_begin(sk);
	if (!r)
		return 0;
	r->since_ns = bpf_ktime_get_ns();
	if (trusted && HAS(sk_storage)) {
		lineage = bpf_sk_storage_get(&lineages, (void *)sk, 0, 0);
		if (lineage) {
			listener_sk = lineage->listener_sk;
			listener = record_find((void *)listener_sk);
		}
	}
	if (!listener) {
		struct listener_key key = { .netns = r->netns, .port = get(as_sock(sk), __sk_common.skc_num) };
		struct listener_value *value = bpf_map_lookup_elem(&listeners, &key);

		if (value && !value->shared) {
			listener_sk = value->sk;
			listener = record_find((void *)listener_sk);
		}
	}
	if (listener_sk && get(as_sock((void *)listener_sk), sk_ack_backlog) + 1 >
				  get(as_sock((void *)listener_sk), sk_max_ack_backlog))
		full_queues = listener_sk;
	record_inherit(r, listener);
	r->state = TCP_SYN_RECV;
	if (!get(as_sock(sk), __sk_common.skc_dport)) {
		r->deferred = 1;
		record_keep(address_of(sk), r, EVENT_tcp_state);
		return 0;
	}
	sock_endpoints(sk, &ends);
	if (record_adopt(r, address_of(sk), &ends, true) && told_by(tcp_state, plane))
		state_tell(address_of(sk), r, MOVE(TCP_LISTEN, TCP_SYN_RECV), r->since_ns, plane);
	return 0;
}

/* One body for every source of a state change. `old` is the state before. */
static __always_inline int state_change(const void *sk, __u8 old, __u8 new, bool trusted, __u8 plane)
{
	struct lineage *lineage;
	struct endpoints ends;
	struct record *r;
	__u64 now;
	__u16 port;

	if (get(as_sock(sk), sk_protocol) != IPPROTO_TCP)
		return 0;
	if (old == TCP_LISTEN && new == TCP_SYN_RECV)
		return child_born(sk, trusted, plane);
	/* A client's port gets known in connect(), behind its first change. With the last all that leads to a socket is forgotten. */
	port = get(as_sock(sk), __sk_common.skc_num);
	if (old != TCP_SYN_SENT && new != TCP_CLOSE && port_passed_by(port) && port && task_foreign(current_task()))
		return 0;
	r = record_find(sk);
	if (!r) {
		if (task_foreign(current_task()))
			return 0;
		r = record_make(sk, EVENT_tcp_state);
		if (!r)
			return 0;
		if (old != TCP_CLOSE && told_by(tcp_state, plane))
			gap_tell(address_of(sk), r, GAP_beginning, plane);
	}
	if (old == TCP_SYN_SENT)
		port_follow(port);
	now = bpf_ktime_get_ns();
	if (r->deferred) {
		__u64 began = r->since_ns;

		r->deferred = 0;
		r->since_ns = 0;
		sock_endpoints(sk, &ends);
		record_adopt(r, address_of(sk), &ends, false);
		if (told_by(tcp_state, plane))
			state_tell(address_of(sk), r, MOVE(TCP_LISTEN, TCP_SYN_RECV), began, plane);
		r->since_ns = began;
	}
	if (new == TCP_SYN_SENT || new == TCP_LISTEN) {
		owner_take(r); /* connect(), listen(): process context, and the task holds the socket */
		if (new == TCP_LISTEN) {
			listener_note(sk, r->netns, get(as_sock(sk), __sk_common.skc_num));
			if (trusted && HAS(sk_storage)) {
				lineage = bpf_sk_storage_get(&lineages, (void *)sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
				if (lineage)
					lineage->listener_sk = (__u64)sk;
			}
		}
	}
	if (new == TCP_ESTABLISHED && old == TCP_SYN_RECV)
		r->queued_ns = now;
	folded_tell(sk, r, now);
	if (told_by(tcp_state, plane))
		state_tell(address_of(sk), r, MOVE(old, new), now, plane);
	r->since_ns = now;
	r->state = new;

	if (new == TCP_CLOSE) {
		struct scratch *scratch = scratch_get();

		if (old == TCP_LISTEN) {
			if (told_by(tcp_listen_drop, PLANE_tracepoints))
				listen_drops_settle(address_of(sk));
			listener_forget(sk, r);
		}
		sock_endpoints(sk, &ends);
		r->ends.local_port = 0; /* its tuple is forgotten, or leads to the entry that replaces it */
		if (scratch && scratch->time_wait_entry) {
			/* tcp_time_wait() started an entry on this CPU just before: this is the socket it replaces. */
			void *tw = (void *)scratch->time_wait_entry;
			struct record *tr = record_find_mapped(tw);
			struct endpoints tends;

			scratch->time_wait_entry = 0;
			sock_endpoints(tw, &tends);
			if (tr && tends.local_port == ends.local_port && tends.remote_port == ends.remote_port) {
				tr->id = r->id;
				tr->owner = r->owner;
				tr->in_tree = r->in_tree;
				tuple_point(r->netns, &tends, tw);
				if (told_by(tcp_time_wait, PLANE_tracepoints)) {
					time_wait_tell(address_of(tw), tr, tr->held_ns, false);
					time_wait_look(address_of(tw), tr);
				}
				tr->held_ns = 0;
				return 0;
			}
		}
		if ((old == TCP_FIN_WAIT2 || old == TCP_CLOSING) && !get(as_sock(sk), sk_err) && !time_wait_has_room(sk) &&
		    told_by(tcp_time_wait_end, PLANE_tracepoints))
			time_wait_refused(address_of(sk), r);
		tuple_forget(r->netns, &ends, sk);
	}
	return 0;
}

HOOK_TRACEPOINT(inet_sock_set_state, struct sock *sk, int oldstate, int newstate)
{
	return state_change(sk, oldstate, newstate, trusted, PLANE_tracepoints);
}

/* tcp_set_state() sees every move but the two the kernel stores directly: into LISTEN, and a child's into SYN_RECV. */
HOOK(tcp_set_state, struct sock *sk, int state)
{
	return state_change(sk, sock_state(sk), state, false, PLANE_functions);
}

HOOK(inet_csk_listen_start, struct sock *sk)
{
	struct thread *thread = thread_enter();

	if (thread)
		thread->told_sk = (__u64)sk;
	return 0;
}

HOOK_RETURN(inet_csk_listen_start, config.listen_start_args, int)
{
	struct thread *thread = thread_current();

	if (thread && thread->told_sk && !ret)
		state_change((void *)thread->told_sk, TCP_CLOSE, TCP_LISTEN, false, PLANE_functions);
	if (thread)
		thread->told_sk = 0;
	return 0;
}

/* The third segment made a child: listener, child and request are in one hand here. */
HOOK(inet_csk_complete_hashdance, struct sock *sk, struct sock *child, struct request_sock *req)
{
	struct record *listener = record_find(sk), *request = record_find(req), *r;
	struct endpoints ends;

	r = record_make(child, EVENT_tcp_state);
	if (!r)
		return 0;
	r->since_ns = bpf_ktime_get_ns();
	r->state = TCP_SYN_RECV;
	record_inherit(r, listener);
	if (request) {
		r->id = request->id;
		record_drop(req);
	}
	sock_endpoints(child, &ends);
	tuple_point(r->netns, &ends, child);
	if (told_by(tcp_state, PLANE_functions)) {
		__u64 since = r->since_ns;

		r->since_ns = 0;
		state_tell(address_of(child), r, MOVE(TCP_LISTEN, TCP_SYN_RECV), bpf_ktime_get_ns(), PLANE_functions);
		r->since_ns = since;
	}
	return 0;
}

/* ---- the end of a socket ---- */

HOOK_TRACEPOINT(tcp_destroy_sock, struct sock *sk)
{
	struct record *r = record_find(sk);

	if (r) {
		folded_tell(sk, r, 0);
		if (r->ends.local_port)
			tuple_forget(r->netns, &r->ends, sk);
		record_drop(sk);
	}
	return 0;
}

/* ---- the request socket and the queues of listen() ---- */

/* Whether it is new: then its record is in this CPU's scratch as well. */
static __always_inline bool request_born(const void *listener_sk, const void *req, __u8 plane)
{
	struct record *listener, *r = record_find(req);
	struct event_tcp_syn_recv *e;
	__u32 isn = get(typed(tcp_request_sock, req), snt_isn);
	struct endpoints ends;

	sock_endpoints(req, &ends);
	/* A SYN-ACK sent again; not another request at the same address, whose predecessor ended unseen. */
	if (r && r->state == TCP_NEW_SYN_RECV && r->isn == isn)
		return false;
	listener = record_find(listener_sk);
	if (record_foreign(listener))
		return false;
	r = record_begin(req);
	if (!r)
		return false;
	record_inherit(r, listener);
	r->state = TCP_NEW_SYN_RECV;
	r->since_ns = bpf_ktime_get_ns();
	r->listener_sk = (__u64)listener_sk;
	r->isn = isn;
	r->ends = ends;
	if (!record_keep(address_of(req), r, EVENT_tcp_syn_recv))
		return false;
	tuple_begin(r->netns, &ends, req);
	if (!told_by(tcp_syn_recv, plane))
		return true;
	e = event_begin_now(tcp_syn_recv, req, r, plane, r->since_ns);
	if (!e)
		return true;
	e->listener = r->listener;
	e->syn_queue = get(as_icsk(listener_sk), icsk_accept_queue.qlen.counter);
	e->accept_queue = get(as_sock(listener_sk), sk_ack_backlog);
	e->backlog = get(as_sock(listener_sk), sk_max_ack_backlog);
	event_end(e);
	return true;
}

HOOK(inet_csk_reqsk_queue_hash_add, struct sock *sk, struct request_sock *req)
{
	request_born(sk, req, PLANE_functions);
	return 0;
}

ONCE int listen_drop_tell(__u64 address, const struct endpoints *client, __u8 reason, __u8 plane)
{
	const void *sk = (void *)address;
	struct record *r = record_find(sk);
	struct event_tcp_listen_drop *e;
	__u32 netns = r ? r->netns : sock_netns(sk);

	if (!client)
		return 0;
	if (r)
		r->drops++;
	e = event_begin_at(tcp_listen_drop, r ? r->id : 0, r ? &r->owner : 0, r && r->in_tree, netns, client,
			   IPPROTO_TCP, plane);
	if (!e)
		return 0;
	e->reason = reason;
	e->accept_queue = get(as_sock(sk), sk_ack_backlog);
	e->syn_queue = get(as_icsk(sk), icsk_accept_queue.qlen.counter);
	e->backlog = get(as_sock(sk), sk_max_ack_backlog);
	e->drops = r ? r->drops : 0;
	event_end(e);
	return 0;
}

/* Addresses of a segment that arrived, seen from here: its destination is local. */
static __always_inline bool segment_endpoints(struct sk_buff *skb, struct endpoints *ret, __u8 *ret_flags)
{
	struct sk_buff *s = typed(sk_buff, skb);
	unsigned char *head = get(s, head);
	struct ipv6hdr ip6;
	struct tcphdr tcp;

	__builtin_memset(ret, 0, sizeof(*ret));
	if (bpf_probe_read_kernel(&ip6, sizeof(ip6), head + get(s, network_header)) ||
	    bpf_probe_read_kernel(&tcp, sizeof(tcp), head + get(s, transport_header)))
		return false;
	if ((*(__u8 *)&ip6 >> 4) == 4) {
		struct iphdr *ip = (void *)&ip6;

		ret->family = AF_INET;
		__builtin_memcpy(ret->local.bytes, ip->daddr, 4);
		__builtin_memcpy(ret->remote.bytes, ip->saddr, 4);
	} else {
		ret->family = AF_INET6;
		__builtin_memcpy(ret->local.bytes, ip6.daddr, 16);
		__builtin_memcpy(ret->remote.bytes, ip6.saddr, 16);
	}
	ret->local_port = bpf_ntohs(tcp.dest);
	ret->remote_port = bpf_ntohs(tcp.source);
	*ret_flags = tcp.flags;
	return true;
}

/* At its head the kernel looks at both queues; a SYN too many is dropped without a word. */
HOOK(tcp_conn_request, void *rsk_ops, void *af_ops, struct sock *sk, struct sk_buff *skb)
{
	__u8 refuses = listen_refuses(sk);
	struct endpoints client;
	__u8 flags;

	if (refuses && segment_endpoints(skb, &client, &flags))
		listen_drop_tell(address_of(sk), &client, refuses - 1, PLANE_functions);
	return 0;
}

static __always_inline int last_segment(const void *sk, const void *req)
{
	struct endpoints client;

	if (!accept_queue_full(sk))
		return 0;
	sock_endpoints(req, &client);
	listen_drop_tell(address_of(sk), &client, LISTEN_DROP_accept_queue, PLANE_functions);
	return 0;
}

HOOK(tcp_v4_syn_recv_sock, struct sock *sk, struct sk_buff *skb, struct request_sock *req)
{
	return last_segment(sk, req);
}

HOOK(tcp_v6_syn_recv_sock, struct sock *sk, struct sk_buff *skb, struct request_sock *req)
{
	/* A mapped IPv4 peer is handed on to tcp_v4_syn_recv_sock(), which tells it. */
	struct endpoints ends;

	sock_endpoints(req, &ends);
	return ends.family == AF_INET6 ? last_segment(sk, req) : 0;
}

/* The child leaves the accept queue in the acceptor's own context; the descriptor follows when the call returns. */
HOOK_RETURN(inet_csk_accept, config.accept_args, struct sock *)
{
	struct record *r = ret ? record_find(ret) : 0;
	struct thread *thread;

	if (!r)
		return 0;
	owner_take(r);
	thread = thread_current();
	if (thread && thread->call == CALL_accept)
		thread->told_sk = (__u64)ret;
	return 0;
}

/* ---- waiting for room ---- */

static __always_inline __u8 block_reason(const void *sk)
{
	struct tcp_sock *tp = as_tcp(sk);
	struct sock *s = as_sock(sk);

	if (get(tp, write_seq) != get(tp, snd_nxt)) {
		if (get(tp, packets_out) >= get(tp, snd_cwnd))
			return BLOCK_congestion_window;
		return BLOCK_peer_window;
	}
	if (get(s, sk_wmem_queued) < get(s, sk_sndbuf))
		return BLOCK_memory;
	return BLOCK_send_buffer;
}

static __always_inline void block_tell(const void *sk, struct record *r, __u8 phase, __u8 reason, __u64 blocked_ns,
				       __u8 plane)
{
	struct event_tcp_send_block *e = event_begin(tcp_send_block, sk, r, plane);
	struct tcp_sock *tp;

	if (!e)
		return;
	tp = as_tcp(sk);
	e->phase = phase;
	e->reason = reason;
	e->blocked_ns = blocked_ns;
	e->error = phase == PHASE_ends ? get(as_sock(sk), sk_err) : 0;
	e->sndbuf_bytes = get(as_sock(sk), sk_sndbuf);
	e->queued_bytes = get(as_sock(sk), sk_wmem_queued);
	e->window_bytes = get(tp, snd_wnd);
	e->cwnd = get(tp, snd_cwnd);
	e->unacked_packets = get(tp, packets_out);
	event_end(e);
}

/* Asleep in a call. The first sleep of a call is told, and their sum when the call ends (call.bpf.c). */
static __always_inline void wait_begins(struct thread *thread, __u64 now, __u8 plane)
{
	const void *sk = (void *)thread->sk;
	struct record *r;

	thread->sleep_ns = now;
	if (thread->blocked || thread->protocol != IPPROTO_TCP)
		return;
	r = record_find(sk);
	if (thread->call >= CALL_write && thread->call <= CALL_splice) {
		thread->blocked = 1 + block_reason(sk);
		if (told_by(tcp_send_block, plane))
			block_tell(sk, r, PHASE_begins, thread->blocked - 1, 0, plane);
	} else if (thread->call >= CALL_read && thread->call <= CALL_splice_from) {
		struct event_tcp_recv_block *e;

		thread->blocked = 1;
		if (!told_by(tcp_recv_block, plane))
			return;
		e = event_begin(tcp_recv_block, sk, r, plane);
		if (e) {
			e->phase = PHASE_begins;
			e->head.fd = thread->fd;
			event_end(e);
		}
	}
}

static __always_inline void wait_ends(struct thread *thread, __u64 now)
{
	if (!thread->sleep_ns)
		return;
	thread->blocked_ns += now - thread->sleep_ns;
	thread->sleep_ns = 0;
}

HOOK(sk_stream_wait_memory, struct sock *sk)
{
	struct thread *thread = thread_current();

	/* O_NONBLOCK comes here too and leaves at once with EAGAIN: that is no wait. */
	if (thread && thread->call && thread->sk == (__u64)sk && !(thread->flags & 0x40))
		wait_begins(thread, bpf_ktime_get_ns(), PLANE_functions);
	return 0;
}

HOOK_RETURN(sk_stream_wait_memory, 2, int)
{
	struct thread *thread = thread_current();

	if (thread && thread->call)
		wait_ends(thread, bpf_ktime_get_ns());
	return 0;
}

HOOK(sk_wait_data, struct sock *sk)
{
	struct thread *thread = thread_current();

	if (thread && thread->call && thread->sk == (__u64)sk)
		wait_begins(thread, bpf_ktime_get_ns(), PLANE_functions);
	return 0;
}

HOOK_RETURN(sk_wait_data, 3, int)
{
	struct thread *thread = thread_current();

	if (thread && thread->call)
		wait_ends(thread, bpf_ktime_get_ns());
	return 0;
}

static __always_inline __u64 task_state(struct task_struct *task)
{
	if (bpf_core_field_exists(task->__state))
		return get(typed(task_struct, task), __state);
	return BPF_CORE_READ((struct task_struct___old *)task, state);
}

__u64 waits = 0; /* whether a wait of interest ever began; while none did, nobody is looked up when it runs again */

#define TASK_INTERRUPTIBLE 1
#define SOCK_NOSPACE 2 /* bit of struct socket.flags: somebody waits for room */

extern int unix_sleeps(void);

static __always_inline void sleep_begins(struct thread *thread)
{
	if (!waits) /* written once: the line is read on every CPU, by every packet too */
		waits = 1;
	wait_begins(thread, bpf_ktime_get_ns(), PLANE_tracepoints);
}

HOOK_TRACEPOINT(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u64 state = task_state(prev);
	struct thread *thread = state && !task_foreign(typed(task_struct, prev)) ? thread_find(prev) : 0;
	struct socket *socket;

	if (thread && thread->call && thread->sk) {
		if (thread->call >= CALL_read && thread->call <= CALL_splice_from) {
			/* splice() may wait for room in its pipe, too */
			if (told_by(tcp_recv_block, PLANE_tracepoints) &&
			    (thread->call != CALL_splice_from || !tcp_unread_bytes((void *)thread->sk)))
				sleep_begins(thread);
		} else if (thread->protocol == IPPROTO_TCP) {
			socket = get(as_sock((void *)thread->sk), sk_socket);
			if (socket && get(typed(socket, socket), flags) & (1UL << SOCK_NOSPACE))
				sleep_begins(thread);
		} else if (told_by(unix_block, PLANE_tracepoints) && thread->family == AF_UNIX && state & TASK_INTERRUPTIBLE) {
			if (unix_sleeps()) /* of this thread, which is the current one still */
				sleep_begins(thread);
		}
	}
	thread = waits ? thread_find(next) : 0;
	if (thread && thread->sleep_ns)
		wait_ends(thread, bpf_ktime_get_ns());
	return 0;
}

/* ---- resets ---- */

static __always_inline void reset_sent_tell(const void *sk, __u8 reason, __u8 plane)
{
	struct record *r = record_find(sk);
	struct event_tcp_reset_sent *e = event_begin(tcp_reset_sent, sk, r, plane);

	if (!e)
		return;
	e->reason = reason;
	e->state = sock_state(sk);
	e->cause = cause_of(sk, r);
	e->unread_bytes = r ? r->unread_bytes : 0;
	event_end(e);
}

/* The record of the other end of these addresses, when it is in the same namespace. */
static __always_inline struct record *record_across(__u32 netns, const struct endpoints *ends)
{
	struct endpoints mirror = { .local = ends->remote, .remote = ends->local, .local_port = ends->remote_port,
				    .remote_port = ends->local_port, .family = ends->family };
	struct tuple tuple;
	__u64 *entry;

	tuple_fill(&tuple, netns, &mirror);
	entry = bpf_map_lookup_elem(&tuples, &tuple);
	return entry ? record_find((void *)*entry) : 0;
}

/* A RST in answer to a segment that no socket wants, or a socket must refuse. */
static __always_inline void reset_answer_tell(const void *sk, struct sk_buff *skb, __u8 reason, __u8 plane)
{
	struct event_tcp_reset_sent *e;
	struct endpoints ends;
	struct record *r = 0, *asker;
	struct net_device *dev;
	struct net *net;
	__u32 netns = 0;
	__u8 flags, state = 0;
	bool in_tree;

	if (!segment_endpoints(skb, &ends, &flags) || (flags & 4 /* never a RST for a RST, RFC 9293, 3.5.2 */))
		return;
	dev = get(typed(sk_buff, skb), dev);
	if (dev) {
		net = get(typed(net_device, dev), nd_net.net);
		netns = net ? get(typed(net, net), ns.inum) : 0;
	}
	if (sk) {
		/* Queued behind a system call the packet has lost its device (tcp_v4_rcv). */
		r = record_find(sk);
		state = sock_state(sk);
		netns = sock_netns(sk);
	}
	in_tree = r && r->in_tree;
	if (config.filter_tree && !r) {
		/* Nobody's port refuses a segment of the traced command on the same host: that is part of its tale. */
		asker = record_across(netns, &ends);
		in_tree = asker && asker->in_tree;
	}
	e = event_begin_at(tcp_reset_sent, r ? r->id : 0, r ? &r->owner : 0, in_tree, netns, &ends, IPPROTO_TCP, plane);
	if (!e)
		return;
	e->reason = reason;
	e->state = state;
	e->cause = sk ? cause_of(sk, r) : CALL_none;
	event_end(e);
}

/* Since 6.10 the reason comes along; the hook is refused on older kernels, where the wire tells (wire.bpf.c). */
HOOK_TRACEPOINT(tcp_send_reset, struct sock *sk, struct sk_buff *skb, int reason)
{
	if (!told_by(tcp_reset_sent, PLANE_tracepoints))
		return 0;
	if (skb)
		reset_answer_tell(sk, skb, reason, PLANE_tracepoints);
	else if (sk)
		reset_sent_tell(sk, reason, PLANE_tracepoints);
	return 0;
}

static __always_inline int answer_reset(const bool trusted, void *ctx, struct sock *sk, struct sk_buff *skb)
{
	reset_answer_tell(sk, skb, config.reset_has_reason ? context_argument(trusted, ctx, 2) : 0, PLANE_functions);
	return 0;
}

HOOK(tcp_v4_send_reset, struct sock *sk, struct sk_buff *skb)
{
	return answer_reset(trusted, ctx, sk, skb);
}

HOOK(tcp_v6_send_reset, struct sock *sk, struct sk_buff *skb)
{
	return answer_reset(trusted, ctx, sk, skb);
}

HOOK(tcp_send_active_reset, struct sock *sk)
{
	__u8 reason = config.reset_reason_arg ? context_argument(trusted, ctx, config.reset_reason_arg) : 0;

	reset_sent_tell(sk, reason, PLANE_functions);
	return 0;
}

static __always_inline int reset_received(const void *sk, __u8 plane)
{
	struct record *r = record_find(sk);
	struct event_tcp_reset_received *e;
	__u8 state = sock_state(sk);

	/* Data for a reader that has gone makes the kernel reset the socket by the same function; no RST has arrived. */
	if (r && !r->reset_arrived && told(tcp_segment) && (state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 ||
							    state == TCP_CLOSING || state == TCP_LAST_ACK))
		return 0;
	e = event_begin(tcp_reset_received, sk, r, plane);
	if (!e)
		return 0;
	e->state = state;
	e->unsent_bytes = tcp_unacked_bytes(sk);
	event_end(e);
	return 0;
}

HOOK(tcp_reset, struct sock *sk)
{
	return reset_received(sk, PLANE_functions);
}

HOOK_TRACEPOINT(tcp_receive_reset, struct sock *sk)
{
	return reset_received(sk, PLANE_tracepoints);
}

/* ---- errors and retransmissions ---- */

static __always_inline int error_report(const void *sk, __u8 plane)
{
	struct record *r;
	struct event_sock_error *e;
	int error = get(as_sock(sk), sk_err);

	if (!error) /* a soft error, or the clean-up of a failed connect */
		return 0;
	r = record_find(sk);
	e = event_begin(sock_error, sk, r, plane);
	if (!e)
		return 0;
	e->error = error;
	e->state = sock_protocol(sk) == IPPROTO_TCP ? sock_state(sk) : 0;
	event_end(e);
	return 0;
}

HOOK(sk_error_report, struct sock *sk)
{
	return error_report(sk, PLANE_functions);
}

HOOK(sock_def_error_report, struct sock *sk)
{
	return error_report(sk, PLANE_functions);
}

HOOK_TRACEPOINT(inet_sk_error_report, struct sock *sk)
{
	return error_report(sk, PLANE_tracepoints);
}

enum { CA_RECOVERY = 3, CA_LOSS = 4, PENDING_RETRANS = 1, PENDING_PROBE0 = 3, PENDING_LOSS_PROBE = 5 };

HOOK_TRACEPOINT(tcp_retransmit_skb, struct sock *sk, struct sk_buff *skb)
{
	struct tcp_skb_cb *cb = (void *)((__u64)skb + bpf_core_field_offset(struct sk_buff, cb));
	struct inet_connection_sock *icsk = as_icsk(sk);
	struct record *r = record_find(sk);
	struct event_tcp_retransmit *e = event_begin(tcp_retransmit, sk, r, PLANE_tracepoints);
	__u16 segments;
	__u8 state;

	if (!e)
		return 0;
	state = sock_state(sk);
	cb = typed(tcp_skb_cb, cb);
	e->state = state;
	e->seq = get(cb, seq);
	e->length = get(cb, end_seq) - e->seq;
	segments = get(cb, tcp_gso_segs);
	e->segments = segments ? segments : 1;
	e->attempt = get(icsk, icsk_retransmits); /* the timer has counted this one; others count from their first */
	if (!e->attempt)
		e->attempt = 1;
	e->rto_us = (__u64)get(icsk, icsk_rto) * 1000000 / (config.hz ? config.hz : 250);
	if (state == TCP_SYN_SENT)
		e->kind = RETRANSMIT_syn;
	else if (get_bits(icsk, icsk_ca_state) == CA_RECOVERY)
		e->kind = RETRANSMIT_fast; /* a probe timer may be armed at the same time */
	else if (get_bits(icsk, icsk_ca_state) != CA_LOSS && get(icsk, icsk_pending) == PENDING_LOSS_PROBE)
		e->kind = RETRANSMIT_tlp;
	else
		e->kind = RETRANSMIT_rto;
	event_end(e);
	return 0;
}

HOOK_TRACEPOINT(tcp_retransmit_synack, struct sock *sk, struct request_sock *req)
{
	struct record *r = record_find(req);
	struct event_tcp_retransmit *e = event_begin(tcp_retransmit, req, r, PLANE_tracepoints);

	if (!e)
		return 0;
	e->state = TCP_NEW_SYN_RECV;
	e->kind = RETRANSMIT_syn_ack;
	e->segments = 1;
	e->attempt = get(typed(request_sock, req), num_retrans) + 1;
	event_end(e);
	return 0;
}

/* ---- probes and delayed acknowledgements ---- */

static __always_inline void probe_tell(const void *sk, __u8 kind, __u8 plane)
{
	struct record *r = record_find(sk);
	struct event_tcp_probe *e = event_begin(tcp_probe, sk, r, plane);
	__u32 data, ack, now = bpf_jiffies64();

	if (!e)
		return;
	data = now - get(as_icsk(sk), icsk_ack.lrcvtime);
	ack = now - get(as_tcp(sk), rcv_tstamp);
	e->kind = kind;
	e->unanswered = get(as_icsk(sk), icsk_probes_out) + 1;
	/* As keepalive_time_elapsed(), include/net/tcp.h. */
	e->idle_ns = (data < ack ? data : ack) * (1000000000ULL / (config.hz ? config.hz : 250));
	event_end(e);
}

/* Keepalive with nothing to send; zero-window probe with a send queue and nothing in flight. */
HOOK(tcp_write_wakeup, struct sock *sk)
{
	struct tcp_sock *tp = as_tcp(sk);

	probe_tell(sk, get(tp, write_seq) != get(tp, snd_nxt) ? PROBE_zero_window : PROBE_keepalive, PLANE_functions);
	return 0;
}

static __always_inline void delayed_ack_tell(const void *sk, __u8 plane)
{
	struct inet_connection_sock *icsk = as_icsk(sk);
	struct event_tcp_ack_delayed *e;
	/* As tcp_delack_timer_handler() asks: scheduled, the timer set (ICSK_ACK_SCHED, ICSK_ACK_TIMER), and due. */
	if ((get(icsk, icsk_ack.pending) & 3) != 3 || (__s64)(delayed_ack_due(sk) - bpf_jiffies64()) > 0)
		return;
	e = event_begin(tcp_ack_delayed, sk, record_find(sk), plane);
	if (!e)
		return;
	e->phase = PHASE_ends;
	e->ato_us = (__u64)get_bits(icsk, icsk_ack.ato) * 1000000 / (config.hz ? config.hz : 250);
	/* Set by each segment that comes in (tcp_mstamp_refresh), from the clock that is read here. */
	e->held_ns = e->head.time_ns - get(as_tcp(sk), tcp_mstamp) * 1000;
	event_end(e);
}

HOOK(tcp_delack_timer_handler, struct sock *sk)
{
	delayed_ack_tell(sk, PLANE_functions);
	return 0;
}

/* ---- timers, on the tracepoint plane ---- */

#define TIMER_IS(function, name) (config.name && (__u64)(function) == config.name)

/* Whether the four-tuple of this TIME_WAIT entry leads to a socket we follow. */
static __always_inline bool tuple_known(const void *tw)
{
	struct endpoints ends;
	struct tuple tuple;

	sock_endpoints(tw, &ends);
	tuple_fill(&tuple, sock_netns(tw), &ends);
	return bpf_map_lookup_elem(&tuples, &tuple);
}

static __always_inline void time_wait_ended(const void *tw, __u8 ending, __u8 plane);

/* Whether the entry at this address is a new one in the place of an old. A FIN leaves the number of what it sends next as it is. */
static __always_inline bool entry_is_another(const void *tw, const struct record *r)
{
	return get(as_sock(tw), __sk_common.skc_tw_snd_nxt) != r->isn;
}

/* A TIME_WAIT entry's clock starts, or starts again because a FIN came again or at last. */
HOOK_TRACEPOINT(timer_start, struct timer_list *timer, unsigned long expires)
{
	void *function = get(typed(timer_list, timer), function);
	struct inet_timewait_sock *tw;
	struct scratch *scratch;
	struct record *r;
	__u64 timeout;
	__u8 substate;

	if (!TIMER_IS(function, tw_timer_handler))
		return 0;
	tw = (void *)((__u64)timer - bpf_core_field_offset(struct inet_timewait_sock, tw_timer));
	if (port_passed_by(get(as_sock(tw), __sk_common.skc_num)))
		return 0;
	substate = get(typed(inet_timewait_sock, tw), tw_substate);
	/* `expires` is the wheel's bucket, up to two seconds later; the timer holds what was asked for. */
	timeout = (get(typed(timer_list, timer), expires) - bpf_jiffies64()) * (1000000000ULL / (config.hz ? config.hz : 250));
	r = record_find_mapped(tw);
	scratch = scratch_get();
	if (!scratch)
		return 0;
	if (scratch->cancelled == (__u64)tw && !(r && r->since_ns && entry_is_another(tw, r))) {
		/* Stopped and started in one go: the clock of an entry that lives. The wire may have told it already. */
		scratch->cancelled = 0;
		if (r && r->state == substate && bpf_ktime_get_ns() - r->queued_ns < 1000000)
			return 0;
	} else if (r) {
		/* A new entry at the address of one that was recycled just now, or whose end was not seen. */
		time_wait_ended(tw, scratch->cancelled == (__u64)tw ? scratch->ending : TIME_WAIT_END_unknown, PLANE_tracepoints);
		if (scratch->cancelled == (__u64)tw)
			scratch->cancelled = 0;
		r = 0;
	}
	if (!r || !r->since_ns) {
		if (config.filter_pid_set && !tuple_known(tw))
			return 0;
		r = record_begin(tw);
		if (!r)
			return 0;
		r->state = substate;
		r->since_ns = r->queued_ns = bpf_ktime_get_ns();
		r->held_ns = timeout;
		r->isn = get(as_sock(tw), __sk_common.skc_tw_snd_nxt);
		sock_endpoints(tw, &r->ends);
		if (record_keep(address_of(tw), r, EVENT_tcp_time_wait))
			scratch->time_wait_entry = (__u64)tw;
		return 0;
	}
	r->queued_ns = bpf_ktime_get_ns();
	r->state = substate;
	if (told_by(tcp_time_wait, PLANE_tracepoints))
		time_wait_tell(address_of(tw), r, timeout, true);
	return 0;
}

static __always_inline void time_wait_ended(const void *tw, __u8 ending, __u8 plane)
{
	struct record *r = record_find_mapped(tw);
	struct event_tcp_time_wait_end *e;

	if (!r)
		return;
	if (told_by(tcp_time_wait_end, plane)) {
		e = event_begin_at(tcp_time_wait_end, r->id, &r->owner, r->in_tree, r->netns, &r->ends, IPPROTO_TCP,
				   plane);
		if (e) {
			e->ending = ending;
			e->lasted_ns = e->head.time_ns - r->since_ns;
			event_end(e);
		}
	}
	tuple_forget(r->netns, &r->ends, tw);
	record_drop_mapped(tw);
}

/* Nothing started the entry's clock again: it has ended. Called by what cannot come between the two. */
APART int time_wait_settle(struct scratch *scratch)
{
	if (scratch && scratch->cancelled) {
		void *tw = (void *)scratch->cancelled;

		scratch->cancelled = 0;
		time_wait_ended(tw, scratch->ending, PLANE_tracepoints);
	}
	return 0;
}

/* The clock of a TIME_WAIT entry stops: it ran out, or somebody ended the entry, or it starts again at once. */
HOOK_TRACEPOINT(timer_cancel, struct timer_list *timer)
{
	void *function = get(typed(timer_list, timer), function);
	struct scratch *scratch;
	struct thread *thread;
	void *tw;

	if (!TIMER_IS(function, tw_timer_handler))
		return 0;
	tw = (void *)((__u64)timer - bpf_core_field_offset(struct inet_timewait_sock, tw_timer));
	if (port_passed_by(get(as_sock(tw), __sk_common.skc_num)))
		return 0;
	scratch = scratch_get();
	if (!scratch)
		return 0;
	if ((__s64)(get(typed(timer_list, timer), expires) - bpf_jiffies64()) <= 0) {
		time_wait_ended(tw, TIME_WAIT_END_expired, PLANE_tracepoints);
		return 0;
	}
	if (scratch->cancelled && scratch->cancelled != (__u64)tw)
		time_wait_settle(scratch);
	scratch->cancelled = (__u64)tw;
	thread = thread_current();
	if (thread && thread->call == CALL_connect)
		scratch->ending = TIME_WAIT_END_recycled;
	else if (scratch->touched == (__u64)tw && (scratch->touched_flags & 2))
		scratch->ending = TIME_WAIT_END_recycled;
	else
		scratch->ending = TIME_WAIT_END_killed;
	return 0;
}

HOOK_TRACEPOINT(timer_expire_entry, struct timer_list *timer)
{
	void *function = get(typed(timer_list, timer), function);
	struct scratch *scratch = scratch_get();
	void *sk;

	if (!scratch)
		return 0;
	scratch->probe_sk = 0;
	if (scratch->cancelled)
		time_wait_settle(scratch);
	if (TIMER_IS(function, tcp_delack_timer)) {
		sk = (void *)((__u64)timer - bpf_core_field_offset(struct inet_connection_sock, icsk_delack_timer));
		/* In the middle of a call on the socket the timer leaves it to the call's end, which may send one anyway. */
		if (told_by(tcp_ack_delayed, PLANE_tracepoints) && !get(as_sock(sk), sk_lock.owned))
			delayed_ack_tell(sk, PLANE_tracepoints);
	} else if (TIMER_IS(function, tcp_write_timer)) {
		sk = (void *)((__u64)timer - retransmit_timer_offset());
		if (get(as_icsk(sk), icsk_pending) == PENDING_PROBE0) {
			scratch->probe_sk = (__u64)sk;
			scratch->probe = PROBE_zero_window;
		}
	} else if (TIMER_IS(function, tcp_keepalive_timer)) {
		scratch->probe_sk = (__u64)timer - keepalive_timer_offset();
		scratch->probe = PROBE_keepalive;
	}
	return 0;
}

/* ---- what the wire tells (wire.bpf.c) on the tracepoint plane ---- */

/* A segment without payload leaves while a timer runs that may probe. */
APART int probe_seen(__u64 sk, __u8 kind)
{
	if (told_by(tcp_probe, PLANE_tracepoints))
		probe_tell((void *)sk, kind, PLANE_tracepoints);
	return 0;
}

/* A SYN-ACK leaves from a request socket. As request_born(). */
APART int request_seen(__u64 address)
{
	const void *req = (void *)address;

	return config.told_by[EVENT_tcp_syn_recv] != PLANE_functions &&
	       request_born(get(typed(request_sock, req), __req_common.skc_listener), req, PLANE_tracepoints);
}

/* A drop that shows afterwards. Global, with a number for its argument, so that every verifier looks at it once. */
__noinline int listen_drop_past(__u64 sk)
{
	struct endpoints ends;

	sock_endpoints((void *)sk, &ends);
	listen_drop_tell(sk, &ends, LISTEN_DROP_unknown, PLANE_tracepoints);
	return 0;
}

/*
 * Of listeners that share a port (SO_REUSEPORT) nobody can say which one a SYN is for; their drops show afterwards, in
 * their own count. It holds a few other discarded segments too, so it is not asked where drops can be foreseen.
 */
__noinline int listen_drops_settle(__u64 address)
{
	const void *sk = (void *)address;
	struct record *r = record_find(sk);
	struct listener_value *value;
	struct listener_key key = {};
	__u32 drops;

	if (!r)
		return 0;
	key.netns = r->netns;
	key.port = bpf_ntohs(get(as_inet(sk), inet_sport));
	value = bpf_map_lookup_elem(&listeners, &key);
	drops = get(as_sock(sk), sk_drops.counter);
	if (!value || !value->shared || (__s32)(drops - r->drops) <= 0)
		return 0;
	for (int i = 0; i < 32 && (__s32)(drops - r->drops) > 0; i++)
		listen_drop_past(address);
	return 0;
}

/* A SYN arrives for a listener. A full accept queue will drop it (tcp_conn_request). */
APART int listen_drop_seen(__u64 sk, const struct endpoints *client)
{
	__u8 refuses = listen_refuses((void *)sk);

	if (client && refuses)
		listen_drop_tell(sk, client, refuses - 1, PLANE_tracepoints);
	return 0;
}

/* The last segment of a handshake arrives for a request: a full accept queue refuses it (tcp_v4_syn_recv_sock). */
APART int last_segment_seen(__u64 listener, const struct endpoints *client)
{
	if (!client || !record_find((void *)listener))
		return 0;
	if (accept_queue_full((void *)listener))
		listen_drop_tell(listener, client, LISTEN_DROP_accept_queue, PLANE_tracepoints);
	return 0;
}

/* ---- TIME_WAIT, on the function plane ---- */

HOOK(tcp_time_wait, struct sock *sk, int state, int timeout)
{
	struct scratch *scratch = scratch_get();

	/* Runs with bottom halves off until the entry is made: this CPU's scratch is ours. */
	if (scratch) {
		scratch->time_wait_sk = (__u64)sk;
		scratch->time_wait_state = state;
		scratch->time_wait_timeout =
			state == TCP_TIME_WAIT ? 60000000000ULL : (__u64)timeout * (1000000000ULL / (config.hz ? config.hz : 250));
	}
	return 0;
}

HOOK_RETURN(inet_twsk_alloc, 3, void *)
{
	struct scratch *scratch = scratch_get();
	struct event_tcp_time_wait *e;
	struct record *r, *tr;
	void *sk;

	if (!scratch || !scratch->time_wait_sk)
		return 0;
	sk = (void *)scratch->time_wait_sk;
	scratch->time_wait_sk = 0;
	r = record_find(sk);
	if (!ret) {
		struct event_tcp_time_wait_end *end;

		if (!told_by(tcp_time_wait_end, PLANE_functions))
			return 0;
		end = event_begin(tcp_time_wait_end, sk, r, PLANE_functions);
		if (end) {
			end->ending = TIME_WAIT_END_never;
			event_end(end);
		}
		return 0;
	}
	tr = record_make(ret, EVENT_tcp_time_wait);
	if (!tr)
		return 0;
	tr->state = scratch->time_wait_state;
	tr->since_ns = bpf_ktime_get_ns();
	tr->netns = sock_netns(sk);
	tr->family = sock_family(sk);
	sock_endpoints(sk, &tr->ends);
	if (r) {
		tr->id = r->id;
		tr->owner = r->owner;
		tr->in_tree = r->in_tree;
	}
	tuple_point(tr->netns, &tr->ends, ret);
	if (!told_by(tcp_time_wait, PLANE_functions))
		return 0;
	e = event_begin_at(tcp_time_wait, tr->id, &tr->owner, tr->in_tree, tr->netns, &tr->ends, IPPROTO_TCP,
			   PLANE_functions);
	if (e) {
		e->substate = tr->state;
		e->timeout_ns = scratch->time_wait_timeout;
		event_end(e);
	}
	return 0;
}

HOOK(tw_timer_handler, void *timer)
{
	struct scratch *scratch = scratch_get();

	if (scratch)
		scratch->ending = TIME_WAIT_END_expired;
	return 0;
}

/* What a segment does to a TIME_WAIT entry: a FIN starts its clock again, a SYN may take its place, a RST may kill it. */
HOOK(tcp_timewait_state_process, void *tw, struct sk_buff *skb, struct tcphdr *th)
{
	struct scratch *scratch = scratch_get();
	struct event_tcp_time_wait *e;
	struct record *r;
	struct tcphdr tcp;

	if (!scratch || bpf_probe_read_kernel(&tcp, sizeof(tcp), th))
		return 0;
	scratch->ending = tcp.flags & 2 ? TIME_WAIT_END_recycled : TIME_WAIT_END_killed;
	if ((tcp.flags & 7) != 1)
		return 0;
	r = record_find_mapped(tw);
	if (!r)
		return 0;
	r->state = TCP_TIME_WAIT;
	if (!told_by(tcp_time_wait, PLANE_functions))
		return 0;
	e = event_begin_at(tcp_time_wait, r->id, &r->owner, r->in_tree, r->netns, &r->ends, IPPROTO_TCP, PLANE_functions);
	if (e) {
		e->substate = TCP_TIME_WAIT;
		e->restarted = 1;
		e->timeout_ns = 60000000000ULL;
		event_end(e);
	}
	return 0;
}

HOOK(inet_twsk_kill, void *tw)
{
	struct scratch *scratch = scratch_get();
	struct thread *thread = thread_current();
	__u8 ending = scratch ? scratch->ending : 0;

	if (thread && thread->call == CALL_connect)
		ending = TIME_WAIT_END_recycled;
	time_wait_ended(tw, ending ? ending : TIME_WAIT_END_killed, PLANE_functions);
	if (scratch)
		scratch->ending = 0;
	return 0;
}
