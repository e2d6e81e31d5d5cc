// SPDX-License-Identifier: GPL-2.0
/*
 * System calls on sockets: the program's view (what was asked, what came back, errno, duration), and the place where
 * owners are learned: the current task is the one that holds the descriptor.
 *
 * sys_enter finds the socket behind the descriptor and remembers the call in the thread's entry; sys_exit tells it.
 */
#include "bpf/datagram.bpf.h"
#include "bpf/emit.bpf.h"
#include "bpf/hook.bpf.h"
#include "bpf/user.bpf.h"

#define SOL_SOCKET 1
#define SO_ERROR 4
#define SO_SNDBUF 7
#define SO_RCVBUF 8
#define CLOSE_RANGE_CLOEXEC 4

/* ---- arguments ---- */

static __always_inline __u64 call_argument(struct pt_regs *regs, int n)
{
	struct pt_regs *r = typed(pt_regs, regs);

#if defined(__TARGET_ARCH_x86)
	switch (n) {
	case 0: return get(r, di);
	case 1: return get(r, si);
	case 2: return get(r, dx);
	case 3: return get(r, r10);
	case 4: return get(r, r8);
	default: return get(r, r9);
	}
#else
	return n == 0 ? get(r, orig_x0) : get(r, regs[n]);
#endif
}

static __always_inline long call_number(struct pt_regs *regs)
{
	struct pt_regs *r = typed(pt_regs, regs);

#if defined(__TARGET_ARCH_x86)
	return get(r, orig_ax);
#else
	return get(r, syscallno);
#endif
}

APART int address_asked(struct thread *t, __u64 user, __u32 length)
{
	if (t)
		address_read(user, length, &t->asked, &t->path);
	return 0;
}

/* What a message is to carry, and where to, if that is `asked`. */
APART int message_read(struct thread *t, __u64 user, bool asked)
{
	struct user_msghdr m;

	if (!t || bpf_probe_read_user(&m, sizeof(m), (void *)user))
		return 0;
	t->asked_bytes = iov_bytes((__u64)m.msg_iov, m.msg_iovlen);
	if (asked && m.msg_name)
		address_read((__u64)m.msg_name, m.msg_namelen, &t->asked, &t->path);
	return 0;
}

/* The same of a call that was under way when the trace began: user memory can be read only now, from the thread itself. */
APART int under_way_read(struct thread *t)
{
	if (!t)
		return 0;
	t->under_way = 0;
	if (t->call == CALL_readv || t->call == CALL_writev)
		t->asked_bytes = iov_bytes(t->user, t->user_length);
	else
		message_read(t, t->user, t->call == CALL_sendmsg || t->call == CALL_sendmmsg);
	return 0;
}

/* ---- what the calls tell ---- */

static __always_inline void output_tell(struct thread *t, __u64 user, __u64 length)
{
	struct event_app_output *e;
	struct endpoints ends = {};
	struct owner owner = {};

	if (!told(app_output) || !t->in_tree || !length)
		return;
	owner_current(&owner);
	e = event_reserve(EVENT_app_output, sizeof(*e), 0, &owner, 0, &ends, 0, PLANE_tracepoints, 0);
	if (!e)
		return;
	e->head.fd = t->fd;
	e->length = length;
	e->text.length = length > sizeof(e->text.bytes) ? sizeof(e->text.bytes) : length;
	if (bpf_probe_read_user(e->text.bytes, e->text.length & 255, (void *)user))
		e->text.length = 0;
	event_end(e);
}

static __always_inline void close_look(struct thread *t, const void *sk, struct record *r, __u8 cause)
{
	struct closing *c = &t->closing;
	bool tcp = t->protocol == IPPROTO_TCP;

	c->unread_bytes = c->unsent_bytes = 0;
	if (tcp && t->state != TCP_LISTEN) {
		c->unread_bytes = tcp_unread_bytes(sk);
		c->unsent_bytes = tcp_unacked_bytes(sk);
	}
	if (r)
		r->unread_bytes = c->unread_bytes;
	c->sk = (__u64)sk;
	c->id = r ? r->id : 0;
	c->cause = cause;
	if (!told(sock_close))
		return;
	c->netns = r ? r->netns : sock_netns(sk);
	c->in_tree = r && r->in_tree;
	owner_current(&c->owner); /* who lets go; where others still hold the socket, its owner may be one of them */
	c->linger_s = get(as_sock(sk), __sk_common.skc_flags) & (1UL << SOCK_LINGER_BIT)
			      ? get(as_sock(sk), sk_lingertime) / (config.hz ? config.hz : 250)
			      : -1;
	sock_endpoints(sk, &c->ends);
}

APART int close_tell(struct thread *t, __u64 duration, __u64 now)
{
	struct closing *c;
	struct event_sock_close *e;

	if (!t)
		return 0;
	c = &t->closing;
	e = event_begin_at_now(sock_close, c->id, &c->owner, c->in_tree, c->netns, &c->ends, t->protocol, PLANE_tracepoints, now);
	if (!e)
		return 0;
	e->head.fd = t->fd;
	e->unread_bytes = c->unread_bytes;
	e->unsent_bytes = c->unsent_bytes;
	e->linger_s = c->linger_s;
	e->references = t->references;
	e->last = t->references <= 1;
	e->state = t->protocol == IPPROTO_TCP ? t->state : 0;
	e->cause = c->cause;
	e->duration_ns = duration;
	event_end(e);
	return 0;
}

extern int range_closed(__u32 first, __u32 last, __u32 cause);

/* Whether the socket is one we tell of. */
static __always_inline bool family_known(__u16 family)
{
	return family == AF_INET || family == AF_INET6 || family == AF_UNIX;
}

extern int gap_tell(__u64 sk, struct record *r, __u8 what, __u8 plane);
extern int datagram_begins(struct thread *t, __u8 call);
extern int datagram_closes(__u64 sk, struct record *r, __u8 cause);
extern int datagram_done(struct thread *t, __s64 ret);
extern int datagram_restarts(struct thread *t);

/* Folded sends and receives have no duration: the clock (some 30 ns) is left alone. */
static __always_inline bool unclocked(const struct thread *t, __u8 call)
{
	return config.folded && call >= CALL_read && call <= CALL_splice && t->sk && t->protocol == IPPROTO_TCP && !t->blocked;
}

/* The thread holds the socket: its next send or receive need not find that out. */
static __always_inline void thread_owns(struct thread *t, const void *sk, __u64 ino)
{
	t->owned_sk = (__u64)sk;
	t->owned_ino = ino;
}

/* The owner's first call on a socket from before the trace says that its beginning was not seen. */
static __always_inline void owner_meet(const void *sk, struct record *r)
{
	if (r->owner.attribution == ATTRIBUTION_seeded)
		gap_tell(address_of(sk), r, GAP_beginning, PLANE_tracepoints);
	owner_take(r);
}

/* From here on the owner is known, also for what happens inside the call. */
static __always_inline void owner_learn(struct thread *t, const void *sk, __u64 ino, __u8 call)
{
	struct record *r;

	if (call >= CALL_read && call <= CALL_splice) {
		if (t->owned_sk == (__u64)sk && t->owned_ino == ino)
			return; /* as in the call before; its end looks again */
		thread_owns(t, sk, ino);
	}
	r = record_of_call(sk, ino, EVENT_sock_create);
	if (r)
		owner_meet(sk, r);
	if (call == CALL_accept)
		t->listener = r ? r->id : 0;
}

/* Whether what splice() writes to is a socket; else what it reads from may be one. */
__noinline int splices_into(__s32 fd)
{
	__u64 ino;

	return file_sock(file_of(current_task(), fd), &ino) != 0;
}

/* What a call asks for whose arguments say it all: user memory need not be looked at. */
static __always_inline void asked_plainly(struct thread *t, __u8 call, struct pt_regs *regs)
{
	switch (call) {
	case CALL_read:
	case CALL_write:
		t->asked_bytes = call_argument(regs, 2);
		t->user = call_argument(regs, 1);
		break;
	case CALL_recvfrom:
		t->asked_bytes = call_argument(regs, 2);
		t->flags = call_argument(regs, 3);
		t->user = call_argument(regs, 4);
		t->user_length = call_argument(regs, 5);
		break;
	case CALL_sendfile:
		t->asked_bytes = call_argument(regs, 3);
		break;
	case CALL_splice:
	case CALL_splice_from:
		t->asked_bytes = call_argument(regs, 4);
		break;
	}
}

HOOK_TRACEPOINT(sys_enter, struct pt_regs *regs, long number)
{
	struct task_struct *task;
	struct record *r;
	struct thread *t;
	struct sock *sk = 0;
	struct file *file;
	__u64 ino = 0;
	__u16 family = 0;
	__s32 fd;
	__u8 call;

	if ((__u64)number >= CALL_NUMBERS)
		return 0;
	call = config.calls[number & (CALL_NUMBERS - 1)];
	if (call == CALL_none)
		return 0;
	task = current_task();
	if (task_foreign(task) || task_in_compat_call(task))
		return 0;
	if (call == CALL_close_range) {
		if (!(call_argument(regs, 2) & CLOSE_RANGE_CLOEXEC))
			range_closed(call_argument(regs, 0), call_argument(regs, 1), CALL_close_range);
		return 0;
	}
	/* Only the question that changes what the next call finds. */
	if (call == CALL_getsockopt && ((__s32)call_argument(regs, 1) != SOL_SOCKET || (__s32)call_argument(regs, 2) != SO_ERROR))
		return 0;
	if (call > CALL_socketpair) {
		fd = call_argument(regs, call == CALL_dup ? 1 : 0);
		if (call == CALL_splice && splices_into(call_argument(regs, 2)))
			fd = call_argument(regs, 2);
		else if (call == CALL_splice)
			call = CALL_splice_from;
		/* What dup2() is to copy must be there, or the descriptor stays open. */
		if (call == CALL_dup && ((__s32)call_argument(regs, 0) == fd || !file_of(task, call_argument(regs, 0))))
			return 0;
		file = file_of(task, fd);
		sk = file_sock(file, &ino);
		if (!sk) {
			if (call != CALL_write || !config.told_by[EVENT_app_output] || (__u32)(fd - 1) > 1)
				return 0;
			t = thread_enter();
			if (t) {
				t->fd = fd;
				output_tell(t, call_argument(regs, 1), call_argument(regs, 2));
			}
			return 0;
		}
		family = sock_family(sk);
		if (!family_known(family))
			return 0;
	}
	t = thread_enter();
	if (!t)
		return 0;
	t->sk = (__u64)sk;
	t->ino = ino;
	t->blocked = 0;
	t->blocked_ns = t->sleep_ns = 0;
	t->told_sk = 0;
	t->under_way = 0;
	t->flags = 0;
	t->family = family;
	t->user = 0;
	t->asked.family = t->asked.port = 0;
	t->path.length = 0;
	if (sk) {
		t->fd = fd;
		t->protocol = sock_protocol_of(sk, family);
		t->state = t->protocol == IPPROTO_TCP ? sock_state(sk) : 0;
	} else {
		t->fd = -1;
	}
	if (!unclocked(t, call) || !t->start_ns)
		t->start_ns = bpf_ktime_get_ns();
	/* Before the ways part: the verifier goes here once. */
	if (sk && call != CALL_close && call != CALL_dup)
		owner_learn(t, sk, ino, call);

	switch (call) {
	case CALL_socket:
		t->family = call_argument(regs, 0);
		t->value = call_argument(regs, 1);
		t->value2 = call_argument(regs, 2);
		break;
	case CALL_socketpair:
		t->family = call_argument(regs, 0);
		t->value = call_argument(regs, 1);
		t->user = call_argument(regs, 3);
		break;
	case CALL_bind:
	case CALL_connect:
		address_asked(t, call_argument(regs, 1), call_argument(regs, 2));
		break;
	case CALL_listen:
	case CALL_shutdown:
		t->value = call_argument(regs, 1);
		break;
	case CALL_getsockopt:
		t->user = call_argument(regs, 3);
		t->user_length = call_argument(regs, 4);
		break;
	case CALL_setsockopt: {
		__u64 user = call_argument(regs, 3), length = call_argument(regs, 4);

		t->option = (call_argument(regs, 1) & 0xffff) << 16 | (call_argument(regs, 2) & 0xffff);
		t->value = t->value2 = 0;
		if (length >= 16) { /* a struct timeval */
			__s64 pair[2] = {};

			bpf_probe_read_user(pair, sizeof(pair), (void *)user);
			t->value = pair[0];
			t->value2 = pair[1];
		} else if (length >= 8) { /* a struct linger */
			__s32 pair[2] = {};

			bpf_probe_read_user(pair, sizeof(pair), (void *)user);
			t->value = pair[0];
			t->value2 = pair[1];
		} else if (length >= 4) {
			bpf_probe_read_user(&t->value, 4, (void *)user);
		} else if (length >= 1) {
			bpf_probe_read_user(&t->value, 1, (void *)user);
		}
		break;
	}
	case CALL_dup:
	case CALL_close: {
		r = record_find(sk);
		t->references = file_references(file);
		t->call = call;
		if (!r)
			r = record_of_call(sk, ino, EVENT_sock_close);
		if (r && (t->references <= 1 || r->owner.attribution != ATTRIBUTION_exact))
			owner_meet(sk, r);
		if (t->references <= 1 && t->protocol != IPPROTO_TCP)
			datagram_closes(address_of(sk), r, call);
		/* A close that lingers is told when it returns, with its duration; any other before what it causes. */
		close_look(t, sk, r, call);
		if (t->closing.linger_s <= 0 || t->references > 1 || call == CALL_dup)
			close_tell(t, 0, t->start_ns);
		else
			t->user = 1;
		return 0;
	}
	case CALL_sendto:
		t->asked_bytes = call_argument(regs, 2);
		t->flags = call_argument(regs, 3);
		if (call_argument(regs, 4))
			address_asked(t, call_argument(regs, 4), call_argument(regs, 5));
		break;
	case CALL_readv:
	case CALL_writev:
		t->asked_bytes = iov_bytes(call_argument(regs, 1), call_argument(regs, 2));
		break;
	case CALL_sendmsg:
	case CALL_recvmsg:
	case CALL_sendmmsg:
	case CALL_recvmmsg:
		t->asked_bytes = 0;
		t->user = call_argument(regs, 1);
		t->flags = call_argument(regs, call == CALL_sendmsg || call == CALL_recvmsg ? 2 : 3);
		message_read(t, t->user, call == CALL_sendmsg || call == CALL_sendmmsg);
		break;
	default:
		asked_plainly(t, call, regs);
	}
	if (sk && t->protocol != IPPROTO_TCP)
		datagram_begins(t, call);
	t->call = call;
	return 0;
}

extern int listen_drops_settle(__u64 sk);
extern __u64 full_queues;

#define fill_address(to, from) __builtin_memcpy(&(to), &(from), sizeof(to))

APART int created(struct thread *t, __s32 fd, __s32 error, __u64 now)
{
	struct event_sock_create *e;
	struct endpoints ends = {};
	struct owner owner = {};
	struct record *r = 0;
	struct sock *sk = 0;
	__u64 ino;

	if (!t)
		return 0;
	if (!error) {
		sk = file_sock(file_of(current_task(), fd), &ino);
		if (sk && family_known(sock_family(sk))) {
			r = record_make(sk, EVENT_sock_create);
			if (r) {
				r->ino = ino;
				owner_take(r);
				thread_owns(t, sk, ino);
				r->since_ns = now;
			}
			e = event_begin_now(sock_create, sk, r, PLANE_tracepoints, now);
			if (!e)
				return 0;
			e->head.fd = fd;
			e->type = get(as_sock(sk), sk_type);
			event_end(e);
		}
		return 0;
	}
	/* No socket: the caller is all there is to tell. */
	ends.family = t->family;
	owner_current(&owner);
	e = event_begin_at_now(sock_create, 0, &owner, t->in_tree, 0, &ends, t->value2, PLANE_tracepoints, now);
	if (!e)
		return 0;
	e->type = t->value & 15;
	e->error = error;
	event_end(e);
	return 0;
}

APART int accepted(struct thread *t, __s32 fd, __s32 error, __u64 now)
{
	struct event_tcp_accept *e;
	struct record *r;
	struct sock *sk;
	__u64 ino;

	if (!t)
		return 0;
	sk = (void *)t->sk;
	ino = t->ino;
	if (!t->listener) { /* a call that was under way when the trace began */
		r = record_find(sk);
		if (r)
			t->listener = r->id;
	}
	if (!error) {
		sk = file_sock(file_of(current_task(), fd), &ino);
		if (!sk)
			return 0;
	}
	r = record_of_call(sk, ino, EVENT_tcp_accept);
	if (r && !error) {
		owner_take(r);
		thread_owns(t, sk, ino);
	}
	if (t->protocol != IPPROTO_TCP)
		return 0;
	if (told_by(tcp_listen_drop, PLANE_tracepoints))
		listen_drops_settle(t->sk);
	if (full_queues == t->sk &&
	    get(as_sock((void *)t->sk), sk_ack_backlog) <= get(as_sock((void *)t->sk), sk_max_ack_backlog))
		full_queues = 0;
	e = event_begin_now(tcp_accept, sk, r, config.told_by[EVENT_tcp_accept], now);
	if (!e)
		return 0;
	e->head.fd = error ? t->fd : fd;
	e->listener = t->listener ? t->listener : r ? r->listener : 0;
	e->queued_ns = r && r->queued_ns && !error ? now - r->queued_ns : 0;
	e->duration_ns = now - t->start_ns;
	e->accept_queue = get(as_sock((void *)t->sk), sk_ack_backlog);
	e->backlog = get(as_sock((void *)t->sk), sk_max_ack_backlog);
	e->error = error;
	event_end(e);
	return 0;
}

enum { FOLD_CALLS = 1 << 16, FOLD_BYTES = 1 << 28 };

/* Send and receive added up in the record; they come out at state changes, when it is much, and when the interval is over. */
static __always_inline void fold(const void *sk, struct record *r, bool sending, __u64 bytes, __s32 error)
{
	__u64 jiffies;

	if (!r)
		return;
	if (error) {
		__sync_fetch_and_add(&r->errors, 1);
	} else if (sending) {
		__sync_fetch_and_add(&r->sends, 1);
		__sync_fetch_and_add(&r->sent_bytes, bytes);
	} else {
		__sync_fetch_and_add(&r->recvs, 1);
		__sync_fetch_and_add(&r->recv_bytes, bytes);
	}
	/* Not worth the clock at each call (some 30 ns): the tick is enough to see that the interval is over. */
	jiffies = bpf_jiffies64();
	if (!r->fold_ns) {
		r->fold_ns = bpf_ktime_get_ns();
		r->fold_jiffies = jiffies;
	} else if (jiffies - r->fold_jiffies >= config.fold_interval_jiffies || r->sends + r->recvs >= FOLD_CALLS ||
		   r->sent_bytes + r->recv_bytes >= FOLD_BYTES) {
		r->fold_jiffies = jiffies;
		fold_tell(address_of(sk), r, 0);
	}
}

extern __u64 holds;

ONCE int hold_tell(__u64 sk, struct record *r)
{
	struct event_tcp_nagle_hold *e = r ? event_begin(tcp_nagle_hold, (void *)sk, r, PLANE_tracepoints) : 0;

	if (!e)
		return 0;
	e->phase = PHASE_begins;
	e->reason = r->hold == HELD_cork ? HOLD_cork : HOLD_nagle;
	e->held_bytes = r->held_bytes;
	e->unacked_packets = get(as_tcp((void *)sk), packets_out);
	event_end(e);
	return 0;
}

/* Written bytes that stay although window and congestion window have room: Nagle (RFC 9293, 3.7.4), cork, MSG_MORE. */
static __always_inline void hold_look(const void *sk, struct record *r, struct thread *t)
{
	struct tcp_sock *tp = as_tcp(sk);
	__u32 unsent = get(tp, write_seq) - get(tp, snd_nxt), in_flight = get(tp, snd_nxt) - get(tp, snd_una);
	__u8 nonagle;

	if (!r || r->hold || !unsent || (__s32)unsent < 0)
		return;
	if (get(tp, packets_out) >= get(tp, snd_cwnd) || in_flight + unsent > get(tp, snd_wnd))
		return;
	nonagle = get_bits(tp, nonagle);
	if (nonagle & 2 || t->flags & 0x8000 /* MSG_MORE */)
		r->hold = HELD_cork;
	else if (get(tp, packets_out))
		r->hold = HELD_nagle;
	else
		return;
	holds++;
	r->held_ns = bpf_ktime_get_ns();
	r->held_bytes = unsent;
	hold_tell(address_of(sk), r);
}

static __always_inline void send_tell(const void *sk, struct record *r, struct thread *t, __u64 asked, __s64 ret,
				      __u64 duration, __u8 plane, __u64 now)
{
	struct event_tcp_send *e = event_begin_now(tcp_send, sk, r, plane, now);
	struct tcp_sock *tp;

	/* Tested at once: older verifiers forget a reserved record that is tested again later (until 6.2). */
	if (!e)
		return;
	tp = as_tcp(sk);
	e->asked_bytes = asked;
	e->done_bytes = ret > 0 ? ret : 0;
	e->error = ret < 0 ? -ret : 0;
	e->duration_ns = duration;
	e->queued_bytes = tcp_unacked_bytes(sk);
	e->unsent_bytes = get(tp, write_seq) - get(tp, snd_nxt);
	if ((__s32)e->unsent_bytes < 0 || e->unsent_bytes > e->queued_bytes)
		e->unsent_bytes = 0;
	e->sndbuf_bytes = get(as_sock(sk), sk_sndbuf);
	if (t) {
		e->head.fd = t->fd;
		e->call = t->call;
		e->flags = t->flags;
	}
	event_end(e);
}

/* The end of a wait that was told: how long it was in all. Before the call itself is told. */
APART int wait_told(struct thread *t, struct record *r, bool sending, __s32 error, __u64 now)
{
	const void *sk;
	__u8 blocked;

	if (!t)
		return 0;
	sk = (void *)t->sk;
	blocked = t->blocked;
	t->blocked = 0;
	if (t->sleep_ns)
		t->blocked_ns += now - t->sleep_ns;
	t->sleep_ns = 0;
	if (sending && told(tcp_send_block)) {
		struct event_tcp_send_block *e = event_begin(tcp_send_block, sk, r, config.told_by[EVENT_tcp_send_block]);
		struct tcp_sock *tp;

		if (!e)
			return 0;
		tp = as_tcp(sk);
		e->head.fd = t->fd;
		e->phase = PHASE_ends;
		e->reason = blocked - 1;
		e->blocked_ns = t->blocked_ns;
		e->error = error;
		e->sndbuf_bytes = get(as_sock(sk), sk_sndbuf);
		e->queued_bytes = get(as_sock(sk), sk_wmem_queued);
		e->window_bytes = get(tp, snd_wnd);
		e->cwnd = get(tp, snd_cwnd);
		e->unacked_packets = get(tp, packets_out);
		event_end(e);
	} else if (!sending && told(tcp_recv_block)) {
		struct event_tcp_recv_block *e = event_begin(tcp_recv_block, sk, r, config.told_by[EVENT_tcp_recv_block]);

		if (!e)
			return 0;
		e->head.fd = t->fd;
		e->phase = PHASE_ends;
		e->blocked_ns = t->blocked_ns;
		event_end(e);
	}
	return 0;
}

HOOK(tcp_sendmsg, struct sock *sk, void *message, __u64 size)
{
	struct thread *t = thread_enter();

	if (t) {
		t->function_ns = bpf_ktime_get_ns();
		t->function_sk = (__u64)sk;
		t->function_bytes = size;
	}
	return 0;
}

HOOK_RETURN(tcp_sendmsg, 3, int)
{
	struct thread *t = thread_current();
	struct record *r;
	const void *sk;
	__u64 now;

	if (!t || !t->function_sk)
		return 0;
	sk = (void *)t->function_sk;
	t->function_sk = 0;
	t->told_sk = (__u64)sk;
	now = bpf_ktime_get_ns();
	r = record_find(sk);
	if (t->call && t->sk == (__u64)sk && t->blocked)
		wait_told(t, r, true, ret < 0 ? -ret : 0, now);
	if (!told_by(tcp_send, PLANE_functions))
		return 0;
	if (folds()) {
		fold(sk, r, true, ret > 0 ? ret : 0, ret < 0 ? -ret : 0);
		return 0;
	}
	send_tell(sk, r, t->call && t->sk == (__u64)sk ? t : 0, t->function_bytes, visible(ret), now - t->function_ns,
		  PLANE_functions, now);
	return 0;
}

APART int send_told(struct thread *t, struct record *r, __s64 ret, __u64 now)
{
	if (t)
		send_tell((void *)t->sk, r, t, t->asked_bytes, ret, now - t->start_ns, PLANE_tracepoints, now);
	return 0;
}

APART int recv_told(struct thread *t, struct record *r, __s64 ret, __u64 now)
{
	struct event_tcp_recv *e = t ? event_begin_now(tcp_recv, (void *)t->sk, r, PLANE_tracepoints, now) : 0;

	if (!e)
		return 0;
	e->head.fd = t->fd;
	e->asked_bytes = t->asked_bytes;
	e->done_bytes = ret > 0 ? ret : 0;
	e->error = ret < 0 ? -ret : 0;
	e->call = t->call;
	e->flags = t->flags;
	e->duration_ns = now - t->start_ns;
	e->unread_bytes = tcp_unread_bytes((void *)t->sk);
	event_end(e);
	return 0;
}

static __always_inline void tcp_io_done(struct thread *t, struct record *r, bool sending, __s64 ret, __u64 now)
{
	const void *sk = (void *)t->sk;
	__u64 bytes = ret > 0 ? ret : 0;
	__s32 error = ret < 0 ? -ret : 0;

	if (t->blocked)
		wait_told(t, r, sending, error, now);
	if (sending && t->told_sk == t->sk && told_by(tcp_send, PLANE_functions)) {
		if (told(tcp_nagle_hold))
			hold_look(sk, r, t);
		return;
	}
	if (folds()) {
		fold(sk, r, sending, bytes, error);
		return;
	}
	if (sending) {
		send_told(t, r, ret, now);
		if (told(tcp_nagle_hold))
			hold_look(sk, r, t);
	} else if (told(tcp_recv)) {
		recv_told(t, r, ret, now);
	}
}

static __always_inline __s32 option_effective(const void *sk, __u32 option)
{
	if (option == (SOL_SOCKET << 16 | SO_SNDBUF))
		return get(as_sock(sk), sk_sndbuf);
	if (option == (SOL_SOCKET << 16 | SO_RCVBUF))
		return get(as_sock(sk), sk_rcvbuf);
	return -1;
}

APART int bind_told(struct thread *t, struct record *r, __s32 error, __u64 now)
{
	struct event_sock_bind *e = t ? event_begin_now(sock_bind, (void *)t->sk, r, PLANE_tracepoints, now) : 0;
	struct sock *sk;

	if (!e)
		return 0;
	sk = as_sock((void *)t->sk);
	e->head.fd = t->fd;
	fill_address(e->path, t->path);
	if (t->family == AF_UNIX)
		e->chosen = !error && t->path.length && !t->asked.family;
	else
		fill_address(e->asked, t->asked);
	e->reuse = (get_bits(sk, __sk_common.skc_reuse) ? REUSE_address : 0) |
		   (get_bits(sk, __sk_common.skc_reuseport) ? REUSE_port : 0);
	e->error = error;
	event_end(e);
	return 0;
}

ONCE int listen_told(struct thread *t, struct record *r, __s32 error, __u64 now)
{
	struct event_sock_listen *e = t ? event_begin_now(sock_listen, (void *)t->sk, r, PLANE_tracepoints, now) : 0;

	if (!e)
		return 0;
	e->head.fd = t->fd;
	e->asked_backlog = t->value;
	e->backlog = get(as_sock((void *)t->sk), sk_max_ack_backlog);
	e->error = error;
	event_end(e);
	return 0;
}

APART int option_told(struct thread *t, struct record *r, __s32 error, __u64 now)
{
	struct event_sock_option *e = t ? event_begin_now(sock_option, (void *)t->sk, r, PLANE_tracepoints, now) : 0;

	if (!e)
		return 0;
	e->head.fd = t->fd;
	e->option = t->option;
	e->value = t->value;
	e->value2 = t->value2;
	e->effective = error ? -1 : option_effective((void *)t->sk, t->option);
	e->error = error;
	event_end(e);
	return 0;
}

/* What the program finds is looked at, since the kernel has forgotten it by now (sk_getsockopt, net/core/sock.c). */
ONCE int error_read_told(struct thread *t, struct record *r, __s32 error, __u64 now)
{
	struct event_sock_error_read *e;
	__s32 found, length;

	if (!t || error || bpf_probe_read_user(&length, sizeof(length), (void *)t->user_length) || length < (__s32)sizeof(found) ||
	    bpf_probe_read_user(&found, sizeof(found), (void *)t->user))
		return 0;
	e = event_begin_now(sock_error_read, (void *)t->sk, r, PLANE_tracepoints, now);
	if (!e)
		return 0;
	e->head.fd = t->fd;
	e->error = found;
	e->state = t->state;
	event_end(e);
	return 0;
}

ONCE int shutdown_told(struct thread *t, struct record *r, __s32 error, __u64 now)
{
	struct event_sock_shutdown *e = t ? event_begin_now(sock_shutdown, (void *)t->sk, r, PLANE_tracepoints, now) : 0;

	if (!e)
		return 0;
	e->head.fd = t->fd;
	e->how = t->value;
	e->state = t->state;
	e->error = error;
	event_end(e);
	return 0;
}

APART int connect_told(struct thread *t, struct record *r, __s32 error, __u64 now)
{
	struct event_tcp_connect *e = t ? event_begin_now(tcp_connect, (void *)t->sk, r, PLANE_tracepoints, now) : 0;

	if (!e)
		return 0;
	e->head.fd = t->fd;
	fill_address(e->asked, t->asked);
	if (!e->head.remote_port && t->asked.family == e->head.family) {
		/* A failed connect takes the peer off the socket again; the tale still wants it. */
		e->head.remote_port = t->asked.port;
		fill_address(e->head.remote, t->asked.ip);
	}
	e->duration_ns = now - t->start_ns;
	e->error = error;
	event_end(e);
	return 0;
}

/* ---- calls that a signal interrupts ---- */

enum { SA_RESTART = 0x10000000 }; /* include/uapi/asm-generic/signal-defs.h */

static __always_inline struct k_sigaction *signal_action(const void *hands, __u32 number)
{
	return typed(k_sigaction, (__u64)hands + bpf_core_field_offset(struct sighand_struct, action) +
					  (__u64)(number - 1) * bpf_core_type_size(struct k_sigaction));
}

/* Whether a handler of the program's runs for that signal, and the call does not begin anew after it. */
ONCE int signal_interrupts(__u64 hands, __u32 number, __s64 ret)
{
	struct k_sigaction *action = signal_action((void *)hands, number);

	if ((__u64)get(action, sa.sa_handler) <= 1) /* SIG_DFL, SIG_IGN */
		return 0;
	return ret != -ERESTARTSYS || !(get(action, sa.sa_flags) & SA_RESTART);
}

#ifdef MODERN
struct pending { __u64 hands, signals; __s64 ret; __u32 interrupts; };

static long signal_look(__u32 index, struct pending *p)
{
	p->interrupts = p->signals >> (index & 63) & 1 && signal_interrupts(p->hands, index + 1, p->ret);
	return p->interrupts;
}

static __always_inline bool signals_interrupt(__u64 hands, __u64 signals, __s64 ret)
{
	struct pending pending = { .hands = hands, .signals = signals, .ret = ret };

	bpf_loop(64, signal_look, &pending, 0);
	return pending.interrupts;
}
#else
static __always_inline bool signals_interrupt(__u64 hands, __u64 signals, __s64 ret)
{
	for (__u32 number = 1; number <= 64; number++, signals >>= 1)
		if (signals & 1 && signal_interrupts(hands, number, ret))
			return true;
	return false;
}
#endif

/*
 * A call returns because of a signal. It begins anew, and the program sees nothing of that, unless a handler of the program's runs that
 * was not asked to restart calls (handle_signal, arch/x86/kernel/signal.c): SIGSTOP and SIGCONT, what is ignored, what kills.
 */
APART int call_restarts(__s64 ret)
{
	struct task_struct *task = current_task();
	__u64 hands = address_of(get(task, sighand)), pending;

	if (ret > -ERESTARTSYS || ret < -ERESTART_RESTARTBLOCK || !hands)
		return 0;
	if (ret == -ERESTARTNOINTR)
		return 1;
	pending = get(task, pending.signal.sig[0]) | get(typed(signal_struct, get(task, signal)), shared_pending.signal.sig[0]);
	pending &= ~get(task, blocked.sig[0]);
	return !signals_interrupt(hands, pending, ret);
}

/* Of the calls that set a socket up. */
APART int setup_told(struct thread *t, struct record *r, __s32 error, __u64 now)
{
	switch (t ? t->call : CALL_none) {
	case CALL_bind:
		return bind_told(t, r, error, now);
	case CALL_listen:
		return listen_told(t, r, error, now);
	case CALL_setsockopt:
		return option_told(t, r, error, now);
	case CALL_getsockopt:
		return error_read_told(t, r, error, now);
	case CALL_shutdown:
		return shutdown_told(t, r, error, now);
	case CALL_connect:
		return t->protocol == IPPROTO_TCP ? connect_told(t, r, error, now) : 0;
	}
	return 0;
}

HOOK_TRACEPOINT(sys_exit, struct pt_regs *regs, long ret)
{
	long number = call_number(regs);
	struct thread *t;
	struct record *r;
	const void *sk;
	__s32 error;
	__u64 now;
	__u8 call;

	if ((__u64)number >= CALL_NUMBERS || config.calls[number & (CALL_NUMBERS - 1)] == CALL_none)
		return 0;
	if (task_foreign(current_task()))
		return 0;
	t = thread_current();
	if (!t || !t->call)
		return 0;
	call = t->call;
	t->call = CALL_none;
	sk = (void *)t->sk;
	if (ret <= -ERESTARTSYS && call_restarts(ret)) {
		t->under_way = 0;
		if (t->protocol != IPPROTO_TCP) {
			t->call = call; /* named where the end of a wait is told */
			datagram_restarts(t);
			t->call = CALL_none;
		} else if (t->blocked) {
			wait_told(t, record_find(sk), call >= CALL_write, 0, bpf_ktime_get_ns());
		}
		return 0;
	}
	ret = visible(ret);
	error = ret < 0 ? -ret : 0;
	now = unclocked(t, call) ? 0 : bpf_ktime_get_ns();

	if (call == CALL_socket) {
		created(t, ret, error, now);
		return 0;
	}
	if (call == CALL_socketpair) {
		__s32 pair[2] = {};

		if (error || !bpf_probe_read_user(pair, sizeof(pair), (void *)t->user)) {
			created(t, pair[0], error, now);
			if (!error)
				created(t, pair[1], 0, now);
		}
		return 0;
	}
	if (!sk)
		return 0;
	if (call == CALL_close || call == CALL_dup) {
		if (t->references <= 1 && (t->user || t->protocol != IPPROTO_TCP)) {
			r = record_find(sk);
			if (t->user)
				close_tell(t, now - t->start_ns, now);
			if (t->protocol != IPPROTO_TCP && r && r->ino == t->ino && !r->awaited)
				record_drop(sk);
		}
		return 0;
	}
	t->call = call; /* tellers name it */
	if (HAS(cast) && t->under_way) /* set where the iterator over tasks can be had */
		under_way_read(t);
	if (call == CALL_accept) {
		accepted(t, ret, error, now);
		if (t->family == AF_UNIX)
			datagram_done(t, ret);
		t->call = CALL_none;
		return 0;
	}
	if (t->protocol != IPPROTO_TCP && (call == CALL_bind || call == CALL_shutdown))
		datagram_done(t, ret);
	r = record_find(sk);
	if (call < CALL_read) {
		setup_told(t, r, error, now);
		if (call == CALL_connect && t->protocol != IPPROTO_TCP && !datagram_done(t, ret) && t->protocol == IPPROTO_UDP)
			udp_connected(t, ret);
	} else {
		if (r)
			owner_take(r);
		else
			t->owned_sk = 0;
		if (t->protocol == IPPROTO_TCP)
			tcp_io_done(t, r, call >= CALL_write, ret, now);
		else if (datagram_done(t, ret))
			messages_done(call, ret);
		if (t->reads)
			udp_over(t);
	}
	t->call = CALL_none;
	return 0;
}

/* ---- processes ---- */

HOOK_TRACEPOINT(sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct thread *t, *made;

	if (!config.command_pid)
		return 0;
	t = thread_enter();
	if (!t || !t->in_tree)
		return 0;
	made = thread_make(child);
	if (made) {
		made->tree_known = 1;
		made->in_tree = 1;
	}
	return 0;
}

/* One of several descriptors that are about to be closed: all of a process that is ending, a range, those exec closes. */
static __always_inline void descriptor_abandoned(struct thread *t, struct task_struct *task, __s32 fd, __u8 cause)
{
	struct file *file = file_of(task, fd);
	struct record *r;
	struct sock *sk;
	__u64 ino = 0;

	sk = file_sock(file, &ino);
	if (!sk || !family_known(sock_family(sk)))
		return;
	r = record_find(sk);
	if (!r)
		return;
	t->fd = fd;
	t->references = file_references(file);
	t->protocol = r->protocol;
	t->state = r->protocol == IPPROTO_TCP ? sock_state(sk) : 0;
	if (t->references <= 1)
		owner_meet(sk, r);
	close_look(t, sk, r, cause);
	close_tell(t, 0, bpf_ktime_get_ns());
	if (t->references > 1)
		return;
	r->closed_by = cause;
	if (r->protocol != IPPROTO_TCP) {
		datagram_closes(address_of(sk), r, cause);
		if (!r->awaited)
			record_drop(sk);
	}
}

/* More descriptors are let go at once than an older kernel's verifier lets us look at. */
APART int descriptors_missed(__s32 count)
{
	struct endpoints ends = {};
	struct owner owner = {};
	struct event_gap *e;

	if (count <= 0 || !told(gap))
		return 0;
	owner_current(&owner);
	e = event_reserve(EVENT_gap, sizeof(*e), 0, &owner, 0, &ends, 0, PLANE_tracepoints, 0);
	if (!e)
		return 0;
	e->what = GAP_descriptors;
	e->count = count;
	event_end(e);
	return 0;
}

/* Of the current task: how many descriptors its table has room for. */
static __always_inline __s32 descriptor_limit(void)
{
	struct files_struct *files = get(current_task(), files);

	return files ? get(typed(fdtable, get(typed(files_struct, files), fdt)), max_fds) : 0;
}

enum { DESCRIPTORS_COUNTED = 256 };

/*
 * A function of its own for the verifier too, which then looks at it once and not once per descriptor. Who only inherited a socket
 * has no entry until here; in a map of our own one made so late would stay.
 */
__noinline int descriptor_counted(__s32 fd)
{
	struct task_struct *task = current_task();
	struct thread *t;
	__u64 ino;

	if (!file_sock(file_of(task, fd), &ino))
		return 0;
	t = HAS(task_storage) ? thread_enter() : thread_current();
	if (t)
		descriptor_abandoned(t, task, fd, CALL_exit);
	return 0;
}

/* The same before Linux 5.17, which brought bpf_loop(): the first so many descriptors. */
HOOK_TRACEPOINT_AS(descriptors_counted, "sched_process_exit", struct task_struct *task)
{
	struct files_struct *files = get(current_task(), files);
	__s32 limit = descriptor_limit();

	if (!files || get(typed(files_struct, files), count.counter) != 1 || task_foreign(current_task()))
		return 0;
	for (__s32 fd = 0; fd < DESCRIPTORS_COUNTED; fd++) {
		if (fd >= limit)
			break;
		descriptor_counted(fd);
	}
	descriptors_missed(limit - DESCRIPTORS_COUNTED);
	return 0;
}

/* 64 descriptors of the current task: those that are open. */
static long descriptors_visit(__u32 index, void *context)
{
	struct fdtable *table = typed(fdtable, get(typed(files_struct, get(current_task(), files)), fdt));
	unsigned long word = 0;

	bpf_probe_read_kernel(&word, sizeof(word), get(table, open_fds) + index);
	for (__u32 bit = 0; word && bit < 64; bit++)
		if (word >> bit & 1)
			descriptor_counted(index * 64 + bit);
	return 0;
}

/* A program of its own: 5.10 refuses one that holds a callback, called or not. Files are closed after this tracepoint (do_exit). */
HOOK_TRACEPOINT_AS(descriptors_abandoned, "sched_process_exit", struct task_struct *task)
{
	struct files_struct *files = get(current_task(), files);

	if (files && get(typed(files_struct, files), count.counter) == 1 && !task_foreign(current_task()))
		bpf_loop((__u32)(descriptor_limit() + 63) / 64, descriptors_visit, 0, 0);
	return 0;
}

/* Whether descriptor `fd` is to be closed by exec. */
static __always_inline bool closes_on_exec(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = typed(fdtable, get(typed(files_struct, get(task, files)), fdt));
	unsigned long word = 0;

	bpf_probe_read_kernel(&word, sizeof(word), get(table, close_on_exec) + fd / 64);
	return fd < get(table, max_fds) && word >> (fd % 64) & 1;
}

/* A function of its own, so that the verifier looks at its body once. */
__noinline int range_descriptor(__u32 fd, __u32 cause)
{
	struct task_struct *task = current_task();
	struct thread *t = thread_current();

	if (t && (cause != CALL_exec || closes_on_exec(task, fd)))
		descriptor_abandoned(t, task, fd, cause);
	return 0;
}

#ifdef MODERN
struct range {
	__u32 first, cause;
};

static long range_visit(__u32 index, struct range *range)
{
	range_descriptor(range->first + index, range->cause);
	return 0;
}

static __always_inline void range_each(__u32 first, __u32 last, __u32 cause)
{
	struct range range = { first, cause };

	bpf_loop(last - first + 1, range_visit, &range, 0);
}
#else /* 32 times 32 descriptors; what is behind them is missed */
__noinline int range_part(__u32 first, __u32 last, __u32 cause)
{
	for (__u32 i = 0; i < 32; i++)
		if (first + i <= last)
			range_descriptor(first + i, cause);
	return 0;
}

static __always_inline void range_each(__u32 first, __u32 last, __u32 cause)
{
	for (__u32 i = 0; i < 32; i++)
		if (first + i * 32 <= last)
			range_part(first + i * 32, last, cause);
	descriptors_missed(last - first - 1023);
}
#endif

__noinline int range_closed(__u32 first, __u32 last, __u32 cause)
{
	__u32 limit = descriptor_limit();

	if (!thread_enter())
		return 0;
	if (last >= limit)
		last = limit - 1;
	if (first <= last)
		range_each(first, last, cause);
	return 0;
}

/* The point of no return of an exec; its descriptors are closed a little later (begin_new_exec, fs/exec.c; since 6.10). */
HOOK_TRACEPOINT(sched_prepare_exec, struct task_struct *task)
{
	if (!task_foreign(current_task()) && thread_current())
		range_closed(0, ~0U, CALL_exec);
	return 0;
}

HOOK_TRACEPOINT(sched_process_exit, struct task_struct *task)
{
	struct task_struct *current = current_task();
	struct thread *t = thread_current();
	__u32 tid;

	if (!t)
		return 0;
	/* Of the command's processes only those that used sockets. */
	if (t->in_tree && t->start_ns && told(process_exit) && get(current, pid) == get(current, tgid)) {
		struct event_process_exit *e;
		struct endpoints ends = {};
		struct owner owner = {};
		__s32 code = get(current, exit_code);

		owner_current(&owner);
		e = event_reserve(EVENT_process_exit, sizeof(*e), 0, &owner, 0, &ends, 0, PLANE_tracepoints, 0);
		if (e) {
			e->status = code >> 8 & 255;
			e->signal = code & 127;
			event_end(e);
		}
	}
	if (!HAS(task_storage)) {
		tid = bpf_get_current_pid_tgid();
		bpf_map_delete_elem(&threads_by_tid, &tid);
	}
	return 0;
}

enum { SIGKILL_ = 9, SIGPIPE_ = 13, SIGCHLD_ = 17, SIGCONT_ = 18, SIGURG_ = 23, SIGWINCH_ = 28 };

/*
 * SIGPIPE is raised by the writer for itself. `result` of the tracepoint: 0 delivered, 1 ignored, 2 already pending,
 * 3 and 4 overflow and loss of information (include/trace/events/signal.h).
 */
HOOK_TRACEPOINT(signal_generate, int number, struct kernel_siginfo *info, struct task_struct *task, int group, int result)
{
	struct task_struct *target = typed(task_struct, task);
	struct event_signal *e;
	struct endpoints ends = {};
	struct owner owner = {};
	struct thread *t;
	struct record *r = 0;
	struct sighand_struct *hands;
	__u64 handler = 0, blocked;
	bool in_tree;

	if (number < 1 || number > 64)
		return 0;
	if (number != SIGPIPE_ && (number == SIGCHLD_ || number == SIGCONT_ || number == SIGURG_ || number == SIGWINCH_))
		return 0;
	t = number == SIGPIPE_ ? thread_current() : thread_find(task);
	in_tree = t && t->in_tree;
	if (number == SIGPIPE_) {
		if (!t || !t->call || !t->sk)
			return 0; /* a pipe's, not a socket's */
		r = record_find((void *)t->sk);
	} else if (!in_tree) {
		return 0;
	}
	hands = get(target, sighand);
	if (hands)
		handler = (__u64)get(signal_action(hands, number), sa.sa_handler);
	blocked = get(target, blocked.sig[0]);
	owner.pid = get(target, tgid);
	owner.tid = get(target, pid);
	owner.uid = bpf_get_current_uid_gid();
	owner.attribution = ATTRIBUTION_exact;
	comm_read(target, &owner.comm);
	if (r)
		sock_endpoints((void *)t->sk, &ends);
	e = event_begin_at(signal, r ? r->id : 0, &owner, in_tree, r ? r->netns : 0, &ends, r ? r->protocol : 0,
			   PLANE_tracepoints);
	if (!e)
		return 0;
	e->number = number;
	e->cause = t && t->call ? t->call : CALL_none;
	if (t && r)
		e->head.fd = t->fd;
	if (result == 1 || handler == 1)
		e->fate = SIGNAL_FATE_ignored;
	else if (number != SIGKILL_ && (blocked & (1ULL << (number - 1))))
		e->fate = SIGNAL_FATE_blocked;
	else if (handler)
		e->fate = SIGNAL_FATE_caught;
	else
		e->fate = SIGNAL_FATE_fatal;
	event_end(e);
	return 0;
}

/* ---- calls under way when the trace begins ---- */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct bpf_iter__task { /* kernel/bpf/task_iter.c */
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};
#pragma clang attribute pop

/*
 * A reader asleep, an accept waiting: nobody saw them begin. The registers saved at the entry of the call still hold its
 * arguments. When it began is not known: its duration is told from now on.
 */
SEC("?iter/task")
int under_way__iter(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct pt_regs *regs;
	struct thread *t;
	struct sock *sk;
	__u16 family;
	__u64 ino;
	long number;
	__s32 fd;
	__u8 call;

	if (!task || !get(typed(task_struct, task), __state) || task_foreign(typed(task_struct, task)))
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	number = call_number(regs);
	if ((__u64)number >= CALL_NUMBERS)
		return 0;
	call = config.calls[number & (CALL_NUMBERS - 1)];
	if ((call != CALL_accept && (call < CALL_read || call > CALL_splice)) || task_in_compat_call(typed(task_struct, task)))
		return 0;
	fd = call_argument(regs, call == CALL_splice ? 2 : 0);
	sk = file_sock(file_of(typed(task_struct, task), fd), &ino);
	if (!sk && call == CALL_splice) {
		call = CALL_splice_from;
		fd = call_argument(regs, 0);
		sk = file_sock(file_of(typed(task_struct, task), fd), &ino);
	}
	if (!sk)
		return 0;
	family = sock_family(sk);
	if (!family_known(family))
		return 0;
	t = thread_make(task);
	if (!t || t->call)
		return 0;
	t->sk = (__u64)sk;
	t->ino = ino;
	t->fd = fd;
	t->listener = 0;
	t->family = family;
	t->protocol = sock_protocol_of(sk, family);
	t->start_ns = bpf_ktime_get_ns();
	switch (call) {
	case CALL_sendto:
		t->flags = call_argument(regs, 3);
		t->asked_bytes = call_argument(regs, 2);
		break;
	case CALL_readv:
	case CALL_writev:
		t->user = call_argument(regs, 1);
		t->user_length = call_argument(regs, 2);
		t->under_way = 1;
		break;
	case CALL_recvmsg:
	case CALL_sendmsg:
	case CALL_recvmmsg:
	case CALL_sendmmsg:
		t->user = call_argument(regs, 1);
		t->flags = call_argument(regs, call == CALL_sendmsg || call == CALL_recvmsg ? 2 : 3);
		t->under_way = 1;
		break;
	default:
		asked_plainly(t, call, regs);
	}
	t->call = call;
	return 0;
}
