// SPDX-License-Identifier: GPL-2.0
/*
 * Unix sockets as their calls tell them: connect, accept, send, receive, and what they leave behind at the end; and the
 * messages of a call, which are UDP's (udp.bpf.c) or theirs.
 * A thread's call has ended; its entry holds what was asked.
 */
#include "bpf/datagram.bpf.h"
#include "bpf/emit.bpf.h"
#include "bpf/hook.bpf.h"
#include "bpf/user.bpf.h"

#define SHUTDOWN_RECEIVE 1	/* RCV_SHUTDOWN in sk_shutdown */
#define SHUTDOWN_SEND 2

/* ---- beginnings and ends ---- */

/* The socket behind a descriptor of the current task, as an id; 0: it is no socket that is known. */
static __always_inline __u64 descriptor_socket(__s32 fd)
{
	struct record *r;
	struct sock *sk;
	__u64 ino;

	sk = file_sock(file_of(current_task(), fd), &ino);
	r = sk ? record_find(sk) : 0; /* of any kind, TCP's too */
	return r ? r->id : 0;
}

/* A unix socket has no address an event could hold: nothing is read from it. */
static __always_inline void *unix_event(__u32 id, __u64 size, struct record *r, __u8 plane)
{
	struct endpoints ends = { .family = AF_UNIX };

	if (!r || !config.told_by[id] || !passes(&r->owner, r->in_tree, r->netns, &ends, r->protocol))
		return 0;
	return event_reserve(id, size, r->id, &r->owner, r->netns, &ends, r->protocol, plane, 0);
}

#define unix_event_begin(name, r, plane) \
	((struct event_##name *)unix_event(EVENT_##name, sizeof(struct event_##name), r, plane))

/* ---- what travels with a message ---- */

enum { S_IFIFO = 0010000, S_IFCHR = 0020000, S_IFDIR = 0040000, S_IFBLK = 0060000, S_IFREG = 0100000 };

static __always_inline __u8 file_kind(const void *file)
{
	struct inode *inode = file ? get(typed(file, file), f_inode) : 0;

	if (!inode)
		return FILE_KIND_unknown;
	switch (get(typed(inode, inode), i_mode) & S_IFMT) {
	case S_IFSOCK: return FILE_KIND_socket;
	case S_IFIFO: return FILE_KIND_pipe;
	case S_IFREG: return FILE_KIND_file;
	case S_IFDIR: return FILE_KIND_directory;
	case S_IFCHR:
	case S_IFBLK: return FILE_KIND_device;
	case 0: return FILE_KIND_nameless; /* anon_inode_getfile(), fs/anon_inodes.c */
	}
	return FILE_KIND_unknown;
}

static __always_inline void file_name(const void *file, struct event_text *ret)
{
	struct dentry *entry = file ? get(typed(file, file), f_path.dentry) : 0;
	long got;

	if (!entry)
		return;
	got = bpf_probe_read_kernel_str(ret->bytes, sizeof(ret->bytes), get(typed(dentry, entry), d_name.name));
	if (got > 1)
		ret->length = got - 1;
}

/* A function of its own for the verifier too, which then looks at it once and not once per descriptor. */
__noinline int unix_descriptor_tell(__s32 fd, __u32 number, __u32 of, __u32 direction)
{
	struct event_unix_descriptor *e;
	struct thread *t = thread_current();
	struct file *file;
	const void *sk;
	__u64 passed;

	if (!t)
		return 0;
	sk = (void *)t->sk;
	passed = descriptor_socket(fd);
	e = unix_event_begin(unix_descriptor, record_find_mapped(sk), PLANE_tracepoints);
	if (!e)
		return 0;
	e->head.fd = t->fd;
	e->direction = direction;
	e->number = number;
	e->of = of;
	e->passed_fd = fd;
	file = file_of(current_task(), fd);
	e->kind = file_kind(file);
	e->passed = passed;
	e->peer = t->other;
	e->peer_pid = t->other_pid;
	file_name(file, &e->name);
	event_end(e);
	return 0;
}

/* Whether the current task numbers processes as events do. */
static __always_inline bool pids_are_ours(void)
{
	struct pid *pid = get(current_task(), thread_pid);

	return pid && !get(typed(pid, pid), level);
}

__noinline int credentials_tell(__u64 user, __u32 direction)
{
	struct thread *t = thread_current();
	struct event_unix_credentials *e;
	struct user_credentials c;
	const void *sk;
	__u32 sender;

	if (!t || !told(unix_credentials) || bpf_probe_read_user(&c, sizeof(c), (void *)user))
		return 0;
	sk = (void *)t->sk;
	sender = direction == DIRECTION_sent ? bpf_get_current_pid_tgid() >> 32 : t->other_pid;
	e = unix_event_begin(unix_credentials, record_find_mapped(sk), PLANE_tracepoints);
	if (!e)
		return 0;
	e->head.fd = t->fd;
	e->direction = direction;
	e->given_pid = c.pid;
	e->given_uid = c.uid;
	e->given_gid = c.gid;
	e->other = c.pid && sender && c.pid != sender && pids_are_ours();
	e->peer = t->other;
	e->peer_pid = t->other_pid;
	event_end(e);
	return 0;
}

enum { DESCRIPTORS_TOLD = 4 };

__noinline int descriptors_tell(__u64 numbers, __u32 count, __u32 direction)
{
	__s32 fd;

	if (!told(unix_descriptor))
		return 0;
	for (__u32 i = 0; i < DESCRIPTORS_TOLD && i < count; i++)
		if (!bpf_probe_read_user(&fd, sizeof(fd), (void *)(numbers + i * sizeof(fd))))
			unix_descriptor_tell(fd, i + 1, count, direction);
	return 0;
}

/* The length of the message at the head of a unix socket's queue, 0: there is none. */
static __always_inline __u32 head_bytes(const void *sk)
{
	__u64 queue = (__u64)sk + bpf_core_field_offset(struct sock, sk_receive_queue);
	struct sk_buff *first = get(typed(sk_buff_head, queue), next);

	return !first || (__u64)first == queue ? 0 : get(typed(sk_buff, first), len);
}

/* The message a unix reader is about to get knows its sender. If there is none, the next who sends will be it. */
static __always_inline void sender_look(struct thread *t)
{
	struct record *own = record_find_mapped((void *)t->sk), *r;
	__u64 queue = t->sk + bpf_core_field_offset(struct sock, sk_receive_queue);
	__u32 senders = own ? *(volatile __u32 *)&own->senders : 0;
	struct sk_buff *first;
	void *sender;

	/* Counted before the queue is looked at: what comes in between is then seen in one of the two. */
	t->senders_over = (senders >> 16) - (senders & 0xffff);
	first = get(typed(sk_buff_head, queue), next);
	if (!first || (__u64)first == queue)
		return;
	t->from_bytes = get(typed(sk_buff, first), len);
	sender = get(typed(sk_buff, first), sk);
	r = sender ? record_find_mapped(sender) : 0;
	if (r) {
		t->sender = r->id;
		t->sender_pid = r->owner.pid;
	} else if (own && !own->mixed && !(senders & 0xffff) && get(typed(sk_buff_head, queue), qlen) == 1 &&
		   get(typed(sk_buff, first), len) == own->sender_bytes) {
		/* Its socket is closed already; the message alone in the queue is that of the last call. */
		t->sender = own->sender;
		t->sender_pid = own->sender_pid;
	}
}

/* A datagram is on its way to a reader that may be waiting for it. */
static __always_inline void sender_announce_to(struct thread *t, struct record *r, const void *target)
{
	struct record *to = record_find_mapped(target);

	if (!to)
		return;
	t->target = (__u64)target;
	__sync_fetch_and_add(&to->senders, 0x10001);
	to->mixed = (*(volatile __u32 *)&to->senders & 0xffff) > 1;
	to->sender = r->id;
	to->sender_pid = bpf_get_current_pid_tgid() >> 32;
	to->sender_bytes = t->asked_bytes;
}

static __always_inline void sender_announce(struct thread *t)
{
	struct record *r = record_find_mapped((void *)t->sk);
	const void *target;

	if (!r)
		return;
	target = t->path.length ? name_find(&t->path, r->netns) : get(as_unix((void *)t->sk), peer);
	if (target)
		sender_announce_to(t, r, target);
}

static __always_inline void sender_returns(struct thread *t)
{
	struct record *to = t->target ? record_find_mapped((void *)t->target) : 0;

	t->target = 0;
	if (to && (to->senders & 0xffff))
		__sync_fetch_and_add(&to->senders, -1);
}

#define REACHED_SEVERAL (~0ULL)

/*
 * A message lies in the queue of a unix socket: the kernel says so in its sender's own call (sock_def_readable, since 6.3), and
 * before the reader is woken.
 */
APART int unix_reached(__u64 sk)
{
	struct thread *t = thread_current();
	struct record *r;

	if (!t || !call_sends(t->call) || t->family != AF_UNIX || !t->sk || t->sk == sk)
		return 0;
	t->reached = t->reached && t->reached != sk ? REACHED_SEVERAL : sk;
	if (t->target == sk || get(as_sock((void *)t->sk), sk_type) != SOCK_DGRAM)
		return 0;
	if (t->target) /* another has the same name */
		sender_returns(t);
	r = record_find_mapped((void *)t->sk);
	if (r)
		sender_announce_to(t, r, (void *)sk);
	return 0;
}

/* A call on a datagram or unix socket begins: look at what will be gone when it ends. */
APART int datagram_begins(struct thread *t, __u8 call)
{
	struct user_msghdr m;
	struct control c;
	__u16 type;

	if (!t)
		return 0;
	type = get(as_sock((void *)t->sk), sk_type);
	t->truncated = 0;
	t->from_bytes = 0;
	t->descriptors = 0;
	t->credentials = 0;
	t->segment_bytes = 0;
	t->fragments = 0;
	if (t->protocol == IPPROTO_UDP && t->family != AF_UNIX)
		udp_begins(t, call);
	t->sender = t->passed = t->target = t->reached = 0;
	t->sender_pid = 0;
	if (call == CALL_sendmsg || call == CALL_sendmmsg) {
		if (!bpf_probe_read_user(&m, sizeof(m), (void *)t->user) && m.msg_control) {
			control_read(&m, &c);
			t->descriptors = c.descriptors;
			t->numbers = c.numbers;
			t->credentials = c.credentials;
			t->segment_bytes = c.segment_bytes;
			if (c.descriptors)
				t->passed = descriptor_socket(c.first);
		}
	}
	if (call_sends(call)) {
		if (t->family == AF_UNIX && type == SOCK_DGRAM)
			sender_announce(t);
	} else if (t->family == AF_UNIX && call_receives(call)) {
		if (type == SOCK_DGRAM)
			sender_look(t);
		else if (type == SOCK_SEQPACKET)
			t->from_bytes = head_bytes((void *)t->sk);
	}
	return 0;
}

/* The last descriptor of a datagram or unix socket is about to go. */
APART int datagram_closes(__u64 address, struct record *r, __u8 cause)
{
	const void *sk = (void *)address;
	struct scratch *scratch;
	struct record *other;
	void *peer;

	if (!r)
		return 0;
	if (r->family != AF_UNIX) {
		port_forget(sk, r);
		udp_forget(address);
		return 0;
	}
	scratch = scratch_get();
	if (scratch)
		name_forget(sk, r->netns, &scratch->name);
	/* What it sent and nobody has read keeps the socket (sock_wfree), and its address from being used again. */
	if (get(as_sock(sk), sk_type) == SOCK_DGRAM) {
		r->awaited = get(as_sock(sk), sk_wmem_alloc.refs.counter) > 1;
		return 0;
	}
	peer = get(as_unix(sk), peer);
	if (!peer)
		return 0;
	other = record_find_mapped(peer);
	if (!other)
		return 0;
	other->eof = cause == CALL_exit ? EOF_peer_died : EOF_peer_closed;
	/* A connection nobody accepted dies with its listener, without a call of its own. */
	if (sock_is_dead(peer))
		record_drop(peer);
	return 0;
}

/* ---- unix ---- */

/* The socket at the other end, by its record where it has one. */
static __always_inline void unix_peer(const void *sk, __u64 *ret_id, __u32 *ret_pid)
{
	void *peer = get(as_unix(sk), peer);
	struct record *r;
	struct pid *pid;

	*ret_id = *ret_pid = 0;
	if (!peer)
		return;
	r = record_find_mapped(peer);
	if (r) {
		*ret_id = r->id;
		*ret_pid = r->owner.pid;
	} else {
		*ret_id = get(as_sock(peer), __sk_common.skc_cookie.counter);
	}
	/* Who called connect() or listen(). Of a socketpair, whose ends have no name, it is who made both, whoever holds them now. */
	if (*ret_pid || !(get(as_unix(sk), addr) || get(as_unix(peer), addr)))
		return;
	pid = get(as_sock(sk), sk_peer_pid);
	if (pid)
		*ret_pid = get(typed(pid, pid), numbers[0].nr);
	if (*ret_pid == (__u32)(bpf_get_current_pid_tgid() >> 32))
		*ret_pid = 0;
}

/* Why a reader got nothing. */
static __always_inline __u8 unix_eof(const void *sk, const struct record *r, __u16 type)
{
	void *peer;

	if (type == SOCK_DGRAM || !(get(as_sock(sk), sk_shutdown) & SHUTDOWN_RECEIVE))
		return type == SOCK_STREAM ? EOF_none : EOF_empty_datagram;
	if (r->eof)
		return r->eof;
	peer = get(as_unix(sk), peer);
	return peer && !sock_is_dead(peer) ? EOF_peer_shutdown : EOF_peer_closed;
}

static __always_inline void unix_send_fill(struct event_unix_send *e, struct thread *t, __u64 peer, __u32 pid, __u64 asked,
					   __s64 ret)
{
	e->head.fd = t->fd;
	e->peer = peer;
	e->peer_pid = pid;
	e->asked_bytes = asked;
	e->done_bytes = ret < 0 ? 0 : ret;
	e->error = ret < 0 ? -ret : 0;
	e->call = t->call;
	e->flags = t->flags;
	e->descriptors = t->descriptors;
	e->passed = t->passed;
	e->duration_ns = e->head.time_ns - t->start_ns;
}

/* Most sends name nobody: then the event ends before its path, and the reader's side puts the empty one back. */
APART __noinline int unix_send_tell(struct thread *t, struct record *r, __u64 asked, __s64 ret)
{
	struct event_unix_send *e;
	const void *sk, *target;
	__u64 peer = 0;
	__u32 pid = 0;

	if (!t || !r)
		return 0;
	t->other = 0;
	t->other_pid = 0;
	if (!told(unix_send) && !t->descriptors && !t->credentials)
		return 0;
	sk = (void *)t->sk;
	if (t->path.length) {
		struct record *other;

		if (t->reached)
			target = t->reached == REACHED_SEVERAL ? 0 : (void *)t->reached;
		else
			target = name_find(&t->path, r->netns);
		other = target ? record_find_mapped(target) : 0;
		if (other) {
			peer = other->id;
			pid = other->owner.pid;
		}
		t->other = peer;
		t->other_pid = pid;
		e = unix_event_begin(unix_send, r, PLANE_tracepoints);
		if (!e)
			return 0;
		unix_send_fill(e, t, peer, pid, asked, ret);
		__builtin_memcpy(&e->path, &t->path, sizeof(e->path));
		event_end(e);
	} else {
		unix_peer(sk, &peer, &pid);
		t->other = peer;
		t->other_pid = pid;
		e = unix_event(EVENT_unix_send, __builtin_offsetof(struct event_unix_send, path), r, PLANE_tracepoints);
		if (!e)
			return 0;
		unix_send_fill(e, t, peer, pid, asked, ret);
		event_end(e);
	}
	return 0;
}

APART __noinline int unix_recv_tell(struct thread *t, struct record *r, __u64 asked, __s64 ret, const struct control *c)
{
	struct event_unix_recv *e;
	struct share share;
	const void *sk;
	__u16 type;
	__u64 peer;
	__u32 pid;

	if (!t || !r || !c || (!told(unix_recv) && !c->descriptors && !c->credentials))
		return 0;
	sk = (void *)t->sk;
	type = get(as_sock(sk), sk_type);
	peer = t->sender;
	pid = t->sender_pid;
	if (!peer && type == SOCK_DGRAM && ret >= 0) {
		const void *sender = name_find(&t->path, r->netns);
		struct record *other = sender ? record_find_mapped(sender) : 0;

		if (other) {
			peer = other->id;
			pid = other->owner.pid;
		}
	}
	/* The queue was empty, and one alone has sent since: of this length, so it is its message. */
	if (!peer && type == SOCK_DGRAM && (__u16)((r->senders >> 16) - t->senders_over) == 1 && !r->mixed &&
	    r->sender_bytes == ret) {
		peer = r->sender;
		pid = r->sender_pid;
	}
	if (!peer)
		unix_peer(sk, &peer, &pid);
	t->other = peer;
	t->other_pid = pid;
	share_of(&share, call_tells_cut(t->call), t->truncated, t->flags, asked, ret, t->from_bytes);
	e = unix_event_begin(unix_recv, r, PLANE_tracepoints);
	if (!e)
		return 0;
	e->head.fd = t->fd;
	e->peer = peer;
	e->peer_pid = pid;
	e->asked_bytes = asked;
	e->done_bytes = type == SOCK_STREAM && ret > 0 ? ret : share.done;
	if (type != SOCK_STREAM) {
		e->truncated = share.truncated;
		e->message_bytes = share.length;
	}
	e->error = ret < 0 ? -ret : 0;
	e->call = t->call;
	e->flags = t->flags;
	e->type = type;
	e->control_truncated = t->control_truncated;
	if (!ret && asked)
		e->eof = unix_eof(sk, r, type);
	e->descriptors = c->descriptors;
	if (c->descriptors)
		e->passed = descriptor_socket(c->first);
	e->duration_ns = e->head.time_ns - t->start_ns;
	event_end(e);
	return 0;
}

/* Whether accept() has taken the socket already, and its caller made it known. */
static __always_inline bool child_is_known(const void *child)
{
	struct socket *socket = get(as_sock(child), sk_socket);
	struct record *r = socket ? record_find_mapped(child) : 0;
	struct file *file = r ? get(typed(socket, socket), file) : 0;

	return file && r->ino == get(typed(inode, get(typed(file, file), f_inode)), i_ino);
}

/* connect() has put a new socket into the listener's queue; until accept() it is its listener's. */
static __always_inline void unix_child_note(const void *sk)
{
	void *child = get(as_unix(sk), peer);
	struct record *r, *from;
	const void *listener;

	if (!child || sock_is_dead(child) || child_is_known(child))
		return;
	r = record_make(child, EVENT_unix_connect);
	if (!r)
		return;
	listener = name_holder(address_of(get(as_unix(child), addr)));
	from = listener ? record_find_mapped(listener) : 0;
	if (!from)
		return;
	r->owner = from->owner;
	r->in_tree = from->in_tree;
	r->listener = from->id;
	if (r->owner.attribution == ATTRIBUTION_exact)
		r->owner.attribution = ATTRIBUTION_inherited;
}

static __always_inline void unix_connect_done(struct thread *t, const void *sk, struct record *r, __s32 error)
{
	struct event_unix_connect *e;
	__u16 type = get(as_sock(sk), sk_type);
	__u64 peer = 0;
	__u32 pid = 0;

	r->eof = EOF_none;
	if (!error && type != SOCK_DGRAM)
		unix_child_note(sk);
	if (!error)
		unix_peer(sk, &peer, &pid);
	e = unix_event_begin(unix_connect, r, PLANE_tracepoints);
	if (!e)
		return;
	e->head.fd = t->fd;
	__builtin_memcpy(&e->path, &t->path, sizeof(e->path));
	e->peer = peer;
	e->peer_pid = pid;
	e->type = type;
	e->duration_ns = e->head.time_ns - t->start_ns;
	e->error = error;
	event_end(e);
}

static __always_inline void unix_accept_done(struct thread *t, struct record *listener, __s32 fd, __s32 error)
{
	struct scratch *scratch = scratch_get();
	const void *sk = (void *)t->sk;
	struct event_unix_accept *e;
	struct record *r = listener;
	__u64 ino, peer = 0;
	__u32 pid = 0;

	if (!scratch)
		return;
	if (!error) {
		sk = file_sock(file_of(current_task(), fd), &ino);
		r = sk ? record_find_mapped(sk) : 0;
		if (!r)
			return;
		unix_peer(sk, &peer, &pid);
	}
	name_read((void *)t->sk, &scratch->name);
	e = unix_event_begin(unix_accept, r, PLANE_tracepoints);
	if (!e)
		return;
	e->head.fd = error ? t->fd : fd;
	__builtin_memcpy(&e->path, &scratch->name, sizeof(e->path));
	e->listener = listener ? listener->id : 0;
	e->peer = peer;
	e->peer_pid = pid;
	e->duration_ns = e->head.time_ns - t->start_ns;
	e->error = error;
	event_end(e);
}

/* shutdown() of one end is the end of the stream at the other. */
static __always_inline void unix_shutdown_done(struct thread *t, const void *sk, struct record *r)
{
	void *peer = get(as_unix(sk), peer);
	struct record *other = peer ? record_find_mapped(peer) : 0;

	if (t->value != 1 /* SHUT_WR */)
		r->eof = EOF_local_shutdown;
	if (t->value != 0 /* SHUT_RD */ && other)
		other->eof = EOF_peer_shutdown;
}

/* ---- a send or connect() that waits ---- */

/* Messages in the queue of a unix socket, or of a listener: connections. */
static __always_inline __u32 queue_length(const void *sk)
{
	return get(typed(sk_buff_head, (__u64)sk + bpf_core_field_offset(struct sock, sk_receive_queue)), qlen);
}

static __always_inline __u32 queue_limit(const void *sk) { return get(as_sock(sk), sk_max_ack_backlog); }

/* The kernel compares with ">" too (unix_recvq_full, net/unix/af_unix.c). */
static __always_inline bool queue_full(const void *sk) { return queue_length(sk) > queue_limit(sk); }

/* What a socket has sent and nobody has read is charged to it. One is the socket's own (sk_wmem_alloc_get, include/net/sock.h). */
static __always_inline __u32 charged_bytes(const void *sk)
{
	return get(as_sock(sk), sk_wmem_alloc.refs.counter) - 1;
}

static __always_inline bool buffer_full(const void *sk)
{
	return (__s32)charged_bytes(sk) >= get(as_sock(sk), sk_sndbuf);
}

/*
 * `other` 0: not known. Told in the waiting thread's own call. Like what follows a function that takes numbers alone, which any
 * verifier looks at once and not once per call.
 */
__noinline int unix_block_tell(__u64 other, __u32 ending, __s32 error, __u32 plane)
{
	struct thread *t = thread_current();
	struct event_unix_block *e;
	const void *sk;
	struct record *r;

	if (!t)
		return 0;
	sk = (void *)t->sk;
	r = record_find_mapped(sk);
	e = unix_event_begin(unix_block, r, plane);
	if (!e)
		return 0;
	e->head.fd = t->fd;
	e->phase = ending ? PHASE_ends : PHASE_begins;
	e->reason = t->blocked;
	e->ending = ending;
	e->call = t->call;
	e->error = error;
	e->peer = t->waits_for;
	e->peer_pid = t->waits_for_pid;
	e->blocked_ns = ending ? t->blocked_ns : 0;
	e->queued_bytes = charged_bytes(sk);
	e->sndbuf_bytes = get(as_sock(sk), sk_sndbuf);
	e->backlog = t->waits_limit;
	if (other && t->blocked != UNIX_WAIT_send_buffer)
		e->queued = queue_length((void *)other);
	__builtin_memcpy(&e->path, &t->path, sizeof(e->path));
	event_end(e);
	return 0;
}

/* The first wait of a call is told, and their sum when the call ends. */
static __always_inline void unix_wait_begins(struct thread *t, __u8 reason, __u64 other, __u64 now, __u8 plane)
{
	struct record *r;
	struct pid *pid;
	bool anybody;

	if (t->sleep_ns) /* an earlier wait of this call, whose end was not seen */
		t->blocked_ns += now - t->sleep_ns;
	t->sleep_ns = now;
	if (t->blocked)
		return;
	t->blocked = reason;
	t->waits_for = 0;
	t->waits_for_pid = 0;
	t->waits_limit = other && reason != UNIX_WAIT_send_buffer ? queue_limit((void *)other) : 0;
	/* Datagrams of a full send buffer may lie with anybody they were sent to. */
	anybody = reason == UNIX_WAIT_send_buffer && get(as_sock((void *)t->sk), sk_type) == SOCK_DGRAM;
	r = other && !anybody ? record_find_mapped((void *)other) : 0;
	if (r) {
		t->waits_for = r->id;
		t->waits_for_pid = r->owner.pid;
	}
	if (reason != UNIX_WAIT_receive_queue && !r && !anybody)
		unix_peer((void *)t->sk, &t->waits_for, &t->waits_for_pid);
	if (other && !t->waits_for_pid && reason == UNIX_WAIT_backlog) {
		pid = get(as_sock((void *)other), sk_peer_pid); /* who called listen() */
		if (pid)
			t->waits_for_pid = get(typed(pid, pid), numbers[0].nr);
	}
	unix_block_tell(other, 0, 0, plane);
}

/* The socket a message of this call goes to. 0: not known. */
static __always_inline const void *unix_receiver(const struct thread *t)
{
	if (t->target)
		return (void *)t->target;
	return t->path.length ? 0 : get(as_unix((void *)t->sk), peer);
}

/*
 * The thread goes to sleep in a call, in such a way that a signal wakes it: in a send or connect() on a unix socket that is, but for
 * what lies before it (the file of a pipe, a path to be looked up), waiting for room. What is not full is not waited for.
 */
__noinline int unix_sleeps(void)
{
	struct thread *t = thread_current();
	const void *sk, *other;
	struct record *r;
	__u8 reason;

	if (!t || (t->call != CALL_connect && !call_sends(t->call)))
		return 0;
	if (t->blocked) /* again: what for was told */
		return 1;
	sk = (void *)t->sk;
	if (t->call == CALL_connect) {
		r = record_find_mapped(sk);
		other = r ? name_find(&t->path, r->netns) : 0;
		if (other && !queue_full(other))
			return 0;
		reason = UNIX_WAIT_backlog;
	} else if (get(as_sock(sk), sk_type) == SOCK_STREAM) {
		other = get(as_unix(sk), peer);
		if (!buffer_full(sk))
			return 0;
		reason = UNIX_WAIT_send_buffer;
	} else {
		other = unix_receiver(t);
		/* A receiver connected to the sender takes any number (unix_dgram_sendmsg). */
		if (other && queue_full(other) && get(as_unix(other), peer) != sk)
			reason = UNIX_WAIT_receive_queue;
		else if (buffer_full(sk))
			reason = UNIX_WAIT_send_buffer;
		else if (!other)
			reason = UNIX_WAIT_receive_queue;
		else
			return 0;
	}
	unix_wait_begins(t, reason, address_of(other), bpf_ktime_get_ns(), PLANE_tracepoints);
	return 1;
}

/* Threads seen to wait since the beginning, on the function plane: while none was, nobody is looked up. */
__u64 unix_waits = 0;

/* Room for a message is asked for: where there is none, the call waits here. What of an earlier wait was not over is over by now. */
HOOK(sock_alloc_send_pskb, struct sock *sk, unsigned long header, unsigned long data, int noblock)
{
	struct thread *t;
	bool full;
	__u64 now;

	if (noblock || sock_family(sk) != AF_UNIX)
		return 0;
	full = buffer_full(sk);
	if (!full && !unix_waits)
		return 0;
	t = thread_current();
	if (!t || t->sk != (__u64)sk || !call_sends(t->call) || (!full && !t->sleep_ns))
		return 0;
	now = bpf_ktime_get_ns();
	if (t->sleep_ns)
		t->blocked_ns += now - t->sleep_ns;
	t->sleep_ns = 0;
	if (!full || get(as_sock(sk), sk_err) || get(as_sock(sk), sk_shutdown) & SHUTDOWN_SEND)
		return 0;
	if (!unix_waits)
		unix_waits = 1;
	unix_wait_begins(t, UNIX_WAIT_send_buffer, address_of(unix_receiver(t)), now, PLANE_functions);
	return 0;
}

/* Called where the queue of `other` is full and the call may wait. */
HOOK(unix_wait_for_peer, struct sock *other)
{
	struct thread *t = thread_current();

	if (t && t->family == AF_UNIX && t->sk && (t->call == CALL_connect || call_sends(t->call)))
		unix_wait_begins(t, t->call == CALL_connect ? UNIX_WAIT_backlog : UNIX_WAIT_receive_queue, address_of(other),
				 bpf_ktime_get_ns(), PLANE_functions);
	return 0;
}

HOOK_RETURN(unix_wait_for_peer, 2, long)
{
	struct thread *t = thread_current();

	if (!t || !t->sleep_ns)
		return 0;
	t->blocked_ns += bpf_ktime_get_ns() - t->sleep_ns;
	t->sleep_ns = 0;
	return 0;
}

/* A stream took less than it was given: the wait was given up, and no error says why. */
static __always_inline __u8 cut_short_by(const struct thread *t)
{
	struct task_struct *task = current_task();
	__u64 pending = get(task, pending.signal.sig[0]) |
			get(typed(signal_struct, get(task, signal)), shared_pending.signal.sig[0]);
	const void *sk = (void *)t->sk, *peer = get(as_unix(sk), peer);

	if (get(as_sock(sk), sk_shutdown) & SHUTDOWN_SEND || !peer || sock_is_dead(peer))
		return UNIX_WAIT_END_gone;
	return pending & ~get(task, blocked.sig[0]) ? UNIX_WAIT_END_signal : UNIX_WAIT_END_timeout;
}

/* `ret` as the kernel returns it. */
static __always_inline __u8 wait_ending(const struct thread *t, __s64 ret)
{
	if (ret == -EAGAIN)
		return UNIX_WAIT_END_timeout;
	if (ret == -EINTR || visible(ret) != ret)
		return UNIX_WAIT_END_signal;
	if (ret == -ECONNREFUSED || ret == -ECONNRESET || ret == -EPIPE || ret == -ENOENT)
		return UNIX_WAIT_END_gone;
	if (ret < 0 || t->call == CALL_sendmmsg) /* which returns a number of messages */
		return UNIX_WAIT_END_unknown;
	if (t->call == CALL_connect || (__u64)ret >= t->asked_bytes)
		return UNIX_WAIT_END_room;
	if (t->call == CALL_sendfile || t->call == CALL_splice) /* the file may have ended */
		return UNIX_WAIT_END_unknown;
	return cut_short_by(t);
}

__noinline int unix_wait_over(__s64 ret)
{
	struct thread *t = thread_current();

	if (!t)
		return 0;
	if (t->sleep_ns)
		t->blocked_ns += bpf_ktime_get_ns() - t->sleep_ns;
	t->sleep_ns = 0;
	unix_block_tell(0, wait_ending(t, ret), ret < 0 && visible(ret) == ret ? -ret : 0, config.told_by[EVENT_unix_block]);
	t->blocked = 0;
	return 0;
}

/* ---- messages ---- */

/* One message of the call is done: `m` is its header, or all zero where the call has none. */
static __always_inline void message_done(struct thread *t, const void *sk, struct record *r, const struct user_msghdr *m,
					 __u64 asked, __s64 ret)
{
	struct control c = { .first = -1 };

	if (ret >= 0 && t->family == AF_UNIX && m->msg_control)
		control_read(m, &c);
	if (call_sends(t->call)) {
		if (t->family != AF_UNIX) {
			udp_sent(t, r, asked, ret, PLANE_tracepoints);
			return;
		}
		if (m->msg_control) { /* one of many: each has its own */
			t->descriptors = c.descriptors;
			t->numbers = c.numbers;
			t->credentials = c.credentials;
		}
		unix_send_tell(t, r, asked, ret);
		if (ret >= 0 && t->descriptors)
			descriptors_tell(t->numbers, t->descriptors, DIRECTION_sent);
		if (ret >= 0 && t->credentials)
			credentials_tell(t->credentials, DIRECTION_sent);
		return;
	}
	t->truncated = ret >= 0 && (m->msg_flags & MSG_TRUNC);
	t->control_truncated = ret >= 0 && (m->msg_flags & MSG_CTRUNC);
	if (t->family == AF_UNIX) {
		unix_recv_tell(t, r, asked, ret, &c);
		if (c.descriptors)
			descriptors_tell(c.numbers, c.descriptors, DIRECTION_received);
		if (c.credentials)
			credentials_tell(c.credentials, DIRECTION_received);
		return;
	}
	udp_received(t, r, asked, ret, PLANE_tracepoints);
}

/* One of many. A function of its own for the verifier too, which then looks at it once and not once per message. */
__noinline int message_of_many(__u32 index)
{
	struct thread *t = thread_current();
	struct user_msghdr *m;
	struct record *r;
	const void *sk;

	if (!t || bpf_probe_read_user(&t->message, sizeof(t->message), (void *)(t->user + index * sizeof(t->message))))
		return 0;
	m = &t->message.msg_hdr;
	sk = (void *)t->sk;
	r = record_find_mapped(sk);
	if (!r)
		return 0;
	address_read((__u64)m->msg_name, m->msg_namelen, &t->asked, &t->path);
	if (index) /* looked at for the first only, but for what travels along, which the end of each finds */
		t->sender = t->passed = t->from.port = t->from_bytes = t->descriptors = t->credentials = 0;
	message_done(t, sk, r, m, iov_bytes((__u64)m->msg_iov, m->msg_iovlen), t->message.msg_len);
	return 0;
}

/* A send or receive that was one message. */
__noinline int message_alone(__s64 ret)
{
	struct thread *t = thread_current();
	struct user_msghdr *m;
	struct record *r;
	const void *sk;

	if (!t)
		return 0;
	sk = (void *)t->sk;
	r = record_find_mapped(sk);
	if (!r)
		return 0;
	m = &t->message.msg_hdr;
	__builtin_memset(&t->message, 0, sizeof(t->message));
	if (!call_sends(t->call)) {
		__u32 length = 0;

		t->asked.family = t->asked.port = 0;
		t->path.length = 0;
		if (ret >= 0 && t->call == CALL_recvfrom && t->user) {
			bpf_probe_read_user(&length, sizeof(length), (void *)t->user_length);
			address_read(t->user, length, &t->asked, &t->path);
		} else if (ret >= 0 && t->call == CALL_recvmsg) {
			if (bpf_probe_read_user(m, sizeof(*m), (void *)t->user))
				return 0;
			address_read((__u64)m->msg_name, m->msg_namelen, &t->asked, &t->path);
		}
	}
	message_done(t, sk, r, m, t->asked_bytes, ret);
	return 0;
}

/* ---- the end of a call ---- */

/* The call will begin anew. */
APART int datagram_restarts(struct thread *t)
{
	if (!t)
		return 0;
	if (t->blocked)
		unix_wait_over(-ERESTARTSYS);
	if (t->target)
		sender_returns(t);
	if (t->reads)
		udp_over(t);
	return 0;
}

/* Whether the call carried messages, to be told by messages_done(): not from here, since programs' stacks are short. */
APART int datagram_done(struct thread *t, __s64 ret)
{
	__s32 error = ret < 0 ? -ret : 0;
	struct record *r;
	const void *sk;
	bool echo;

	if (!t)
		return 0;
	sk = (void *)t->sk;
	r = record_find_mapped(sk);
	if (!r)
		return 0;
	if (t->family == AF_UNIX) {
		struct scratch *scratch = scratch_get();

		if (t->blocked)
			unix_wait_over(ret);
		switch (t->call) {
		case CALL_bind:
			if (error || !scratch)
				return 0;
			name_note(sk, r->netns, &scratch->name);
			/* No name was asked for: the kernel chose an abstract one (unix_autobind). */
			if (!t->path.length) {
				t->asked.family = 0;
				__builtin_memcpy(&t->path, &scratch->name, sizeof(t->path));
			}
			return 0;
		case CALL_connect:
			unix_connect_done(t, sk, r, error);
			return 0;
		case CALL_accept:
			unix_accept_done(t, r, ret, error);
			return 0;
		case CALL_shutdown:
			if (!error)
				unix_shutdown_done(t, sk, r);
			return 0;
		}
		if (t->target)
			sender_returns(t);
	} else {
		echo = (t->protocol == IPPROTO_ICMP || t->protocol == IPPROTO_ICMPV6) &&
		       get(as_sock(sk), sk_type) == SOCK_DGRAM;
		if (t->protocol == IPPROTO_UDP || echo) {
			if (t->call < CALL_read)
				port_forget(sk, r); /* the address may be another from here on */
			port_note(sk, r);
		}
		if (t->protocol != IPPROTO_UDP)
			return 0;
		if (ret > 1 && t->call == CALL_sendmmsg)
			t->fragments = 0; /* of which message is not known */
		if (t->told_sk == t->sk)
			return 0;
	}
	return call_receives(t->call) || call_sends(t->call);
}
