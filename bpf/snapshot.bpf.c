// SPDX-License-Identifier: GPL-2.0
/*
 * The sockets that exist now. files__snapshot walks the descriptors of all processes and tells sockets with their holders;
 * the other three walk the kernel's own tables of one network namespace, and so find what no process holds: requests,
 * connections not yet accepted, orphans, TIME_WAIT. Knows neither owners' records nor events.
 *
 * Runs with an empty config, so that get() is a CO-RE read: a snapshot is no hot path.
 */
#include "bpf/hook.bpf.h"
#include "bpf/snapshot.h"
#include "bpf/sock.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct seq_file;
struct bpf_iter_meta___snapshot { struct seq_file *seq; };
struct bpf_iter__task_file___snapshot { /* kernel/bpf/task_iter.c */
	struct bpf_iter_meta___snapshot *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};
struct bpf_iter__tcp { /* net/ipv4/tcp_ipv4.c */
	struct bpf_iter_meta___snapshot *meta;
	struct sock_common *sk_common;
};
struct bpf_iter__udp { /* net/ipv4/udp.c */
	struct bpf_iter_meta___snapshot *meta;
	struct udp_sock *udp_sk;
};
struct bpf_iter__unix { /* net/unix/af_unix.c, since 5.15 */
	struct bpf_iter_meta___snapshot *meta;
	struct unix_sock *unix_sk;
};

struct cred___snapshot { kuid_t uid; };
struct task_struct___snapshot { const struct cred___snapshot *cred; };

struct sock_common___snapshot {
	unsigned char skc_ipv6only : 1;
	int skc_bound_dev_if;
};
struct sock___snapshot {
	struct sock_common___snapshot __sk_common;
	struct {
		atomic_t rmem_alloc;
		int len;
	} sk_backlog;
	int sk_forward_alloc;
	atomic_t sk_omem_alloc;
	__u32 sk_mark;
	__u8 sk_userlocks : 4;
	struct numa_drop_counters *sk_drop_counters;
};
struct socket_alloc___snapshot {
	struct socket socket;
	struct inode vfs_inode;
};
struct tcp_congestion_ops___snapshot { char name[16]; };
struct request_sock_queue___snapshot { __u8 rskq_defer_accept; };
struct inet_connection_sock___snapshot {
	struct request_sock_queue___snapshot icsk_accept_queue;
	const struct tcp_congestion_ops___snapshot *icsk_ca_ops;
	__u32 icsk_user_timeout;
};
struct tcp_options_received___snapshot {
	__u16 tstamp_ok : 1;
	__u16 sack_ok : 4;
	__u16 wscale_ok : 1;
};
struct tcp_sock___snapshot {
	struct tcp_options_received___snapshot rx_opt;
	__u32 mss_cache;
	__u32 snd_ssthresh;
	__u32 retrans_out;
	__u32 lost_out;
	__u32 total_retrans;
	__u32 srtt_us;
	__u32 mdev_us;
	__u64 bytes_sent;
	__u64 bytes_acked;
	__u64 bytes_received;
	__u32 segs_out;
	__u32 segs_in;
};
struct timer_list___snapshot {
	struct { void *pprev; } entry;
};
struct unix_skb_parms___snapshot { __u32 consumed; };
#pragma clang attribute pop

#define SOCK_KEEPOPEN_BIT 3
#define SOCK_BROADCAST_BIT 6
#define SOCK_SNDBUF_LOCK 1
#define SOCK_RCVBUF_LOCK 2
#define NONAGLE_OFF 1
#define NONAGLE_CORK 2
#define QUEUE_WALK 512

/* A field that some kernels do not have reads as zero there. */
#define maybe(p, field) (bpf_core_field_exists((p)->field) ? BPF_CORE_READ(p, field) : 0)
#define maybe_bits(p, field) (bpf_core_field_exists((p)->field) ? (__u32)BPF_CORE_READ_BITFIELD_PROBED(p, field) : 0)

/* Too large for the stack; one reader at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct snapshot_socket);
} snapshot_scratch SEC(".maps");

static __always_inline __u64 socket_ino(const void *sk)
{
	struct socket *socket = BPF_CORE_READ((struct sock *)sk, sk_socket);

	return socket ? BPF_CORE_READ((struct socket_alloc___snapshot *)socket, vfs_inode.i_ino) : 0;
}

/* ---- clocks ---- */

static __always_inline void timer_look(struct snapshot_socket *s, enum snapshot_timer timer, __u64 address)
{
	struct timer_list *t = (void *)address;

	if (!BPF_CORE_READ((struct timer_list___snapshot *)t, entry.pprev))
		return;
	s->timer = timer;
	s->timer_ticks = (__s64)(BPF_CORE_READ(t, expires) - s->jiffies);
}

static __always_inline void timers(struct snapshot_socket *s, const void *sk)
{
	struct inet_connection_sock *icsk = (void *)sk;
	__u8 pending = BPF_CORE_READ(icsk, icsk_pending);

	if (s->state != TCP_LISTEN)
		timer_look(s, TIMER_keepalive, (__u64)sk + keepalive_timer_offset());
	/* include/net/inet_connection_sock.h: ICSK_TIME_RETRANS 1, PROBE0 3, LOSS_PROBE 5, REO_TIMEOUT 6 */
	if (pending == 1 || pending == 3 || pending == 5 || pending == 6)
		timer_look(s, pending == 1 ? TIMER_retransmit : pending == 3 ? TIMER_probe : pending == 5 ? TIMER_tail_loss
													  : TIMER_reorder,
			   (__u64)sk + retransmit_timer_offset());
}

/* ---- by protocol ---- */

static __always_inline void tcp_describe(struct snapshot_socket *s, const void *sk)
{
	struct inet_connection_sock___snapshot *icsk = (void *)sk;
	struct tcp_sock___snapshot *more = (void *)sk;
	struct tcp_sock *tp = (void *)sk;
	__u32 nonagle = get_bits(tp, nonagle);

	s->no_delay = !!(nonagle & NONAGLE_OFF);
	s->cork = !!(nonagle & NONAGLE_CORK);
	s->defer_accept = maybe(icsk, icsk_accept_queue.rskq_defer_accept);
	s->user_timeout_ms = maybe(icsk, icsk_user_timeout);
	BPF_CORE_READ_INTO(&s->congestion, icsk, icsk_ca_ops, name);
	timers(s, sk);
	if (s->state == TCP_LISTEN) {
		s->recv_queue_bytes = BPF_CORE_READ(as_sock(sk), sk_ack_backlog);
		s->send_queue_bytes = BPF_CORE_READ(as_sock(sk), sk_max_ack_backlog);
		return;
	}
	s->recv_queue_bytes = tcp_unread_bytes(sk);
	s->send_queue_bytes = tcp_unacked_bytes(sk);
	s->unsent_bytes = BPF_CORE_READ(tp, write_seq) - BPF_CORE_READ(tp, snd_nxt);
	if ((__s32)s->unsent_bytes < 0)
		s->unsent_bytes = 0;
	s->rto_ticks = BPF_CORE_READ((struct inet_connection_sock *)sk, icsk_rto);
	s->ato_ticks = get_bits((struct inet_connection_sock *)sk, icsk_ack.ato);
	s->backoff = BPF_CORE_READ((struct inet_connection_sock *)sk, icsk_backoff);
	s->attempts = BPF_CORE_READ((struct inet_connection_sock *)sk, icsk_retransmits);
	s->probes = BPF_CORE_READ((struct inet_connection_sock *)sk, icsk_probes_out);
	s->peer_window_bytes = BPF_CORE_READ(tp, snd_wnd);
	s->own_window_bytes = BPF_CORE_READ(tp, rcv_wnd);
	s->cwnd = BPF_CORE_READ(tp, snd_cwnd);
	s->in_flight = BPF_CORE_READ(tp, packets_out);
	s->send_scale = get_bits(tp, rx_opt.snd_wscale);
	s->recv_scale = get_bits(tp, rx_opt.rcv_wscale);
	s->timestamps = maybe_bits(more, rx_opt.tstamp_ok);
	s->sack = !!maybe_bits(more, rx_opt.sack_ok);
	s->mss_bytes = maybe(more, mss_cache);
	s->ssthresh = maybe(more, snd_ssthresh);
	s->retransmitted_now = maybe(more, retrans_out);
	s->lost_now = maybe(more, lost_out);
	s->retransmits = maybe(more, total_retrans);
	s->srtt_us = maybe(more, srtt_us) >> 3;
	s->rtt_deviation_us = maybe(more, mdev_us) >> 2;
	s->sent_bytes = maybe(more, bytes_sent);
	s->acked_bytes = maybe(more, bytes_acked);
	s->received_bytes = maybe(more, bytes_received);
	s->sent_segments = maybe(more, segs_out);
	s->received_segments = maybe(more, segs_in);
}

/* What the kernel keeps instead of a whole socket: addresses, a state and a clock. */
static __always_inline void entry_describe(struct snapshot_socket *s, const void *sk)
{
	if (s->state == TCP_TIME_WAIT) {
		struct inet_timewait_sock *tw = (void *)sk;

		s->state = BPF_CORE_READ(tw, tw_substate);
		if (!s->local_port)
			s->local_port = bpf_ntohs(BPF_CORE_READ(tw, tw_sport));
		timer_look(s, TIMER_time_wait, (__u64)&tw->tw_timer);
	} else {
		struct request_sock *req = (void *)sk;

		s->attempts = BPF_CORE_READ(req, num_retrans);
		timer_look(s, TIMER_syn_ack, (__u64)&req->rsk_timer);
	}
}

/* A unix stream's queue, or the length of a datagram socket's first datagram. */
static __always_inline __u32 unix_inq(struct snapshot_socket *s, const void *sk)
{
	struct sk_buff *head = (void *)&((struct sock *)sk)->sk_receive_queue;
	struct sk_buff *skb = BPF_CORE_READ((struct sock *)sk, sk_receive_queue.next);
	__u32 bytes = 0;
	int i;

	for (i = 0; i < QUEUE_WALK && skb && skb != head; i++) {
		struct unix_skb_parms___snapshot *cb = (void *)skb + bpf_core_field_offset(struct sk_buff, cb);

		bytes += BPF_CORE_READ(skb, len) - maybe(cb, consumed);
		if (s->type != SOCK_STREAM)
			return bytes;
		skb = BPF_CORE_READ(skb, next);
	}
	s->queue_cut = i == QUEUE_WALK;
	return bytes;
}

static __always_inline void unix_describe(struct snapshot_socket *s, const void *sk)
{
	struct unix_sock *u = (void *)sk;
	struct unix_address *address = BPF_CORE_READ(u, addr);
	struct sock *peer = BPF_CORE_READ(u, peer);
	int length = address ? BPF_CORE_READ(address, len) : 0;

	s->peer_sk = (__u64)peer;
	if (peer)
		s->peer_ino = socket_ino(peer);
	length -= 2; /* sun_family */
	if (length > 0) {
		__u32 bytes = length;

		if (bytes > sizeof(s->path.bytes))
			bytes = sizeof(s->path.bytes);
		if (!bpf_probe_read_kernel(s->path.bytes, bytes, (void *)&address->name + 2))
			s->path.length = bytes;
	}
	if (s->state == TCP_LISTEN) {
		s->recv_queue_bytes = BPF_CORE_READ((struct sock *)sk, sk_receive_queue.qlen);
		s->send_queue_bytes = BPF_CORE_READ((struct sock *)sk, sk_max_ack_backlog);
	} else {
		s->recv_queue_bytes = unix_inq(s, sk);
		s->send_queue_bytes = s->send_memory_bytes;
	}
}

static __always_inline void common_describe(struct snapshot_socket *s, const void *sk)
{
	struct sock___snapshot *more = (void *)sk;
	struct numa_drop_counters *counters;
	struct sock *k = (void *)sk;
	unsigned long flags = BPF_CORE_READ(k, __sk_common.skc_flags);
	__u32 locks = maybe_bits(more, sk_userlocks);

	s->ino = socket_ino(sk);
	s->uid = BPF_CORE_READ(k, sk_uid.val);
	s->type = BPF_CORE_READ(k, sk_type);
	s->shutdown = BPF_CORE_READ(k, sk_shutdown);
	s->error = BPF_CORE_READ(k, sk_err);
	s->recv_memory_bytes = BPF_CORE_READ(k, sk_backlog.rmem_alloc.counter);
	s->recv_buffer_bytes = BPF_CORE_READ(k, sk_rcvbuf);
	s->send_memory_bytes = BPF_CORE_READ(k, sk_wmem_alloc.refs.counter) - 1; /* one is the socket's own */
	s->send_buffer_bytes = BPF_CORE_READ(k, sk_sndbuf);
	s->write_queue_bytes = BPF_CORE_READ(k, sk_wmem_queued);
	s->forward_bytes = maybe(more, sk_forward_alloc);
	s->option_bytes = maybe(more, sk_omem_alloc.counter);
	s->backlog_bytes = maybe(more, sk_backlog.len);
	s->drops = BPF_CORE_READ(k, sk_drops.counter);
	if (bpf_core_field_exists(more->sk_drop_counters)) {
		counters = BPF_CORE_READ(more, sk_drop_counters);
		if (counters)
			s->drops = BPF_CORE_READ(counters, drops0.counter) + BPF_CORE_READ(counters, drops1.counter);
	}
	s->interface = maybe(more, __sk_common.skc_bound_dev_if);
	s->mark = maybe(more, sk_mark);
	s->ipv6_only = maybe_bits(more, __sk_common.skc_ipv6only);
	s->reuse_address = !!get_bits(k, __sk_common.skc_reuse);
	s->reuse_port = !!get_bits(k, __sk_common.skc_reuseport);
	s->keepalive = !!(flags & (1UL << SOCK_KEEPOPEN_BIT));
	s->broadcast = !!(flags & (1UL << SOCK_BROADCAST_BIT));
	s->linger = !!(flags & (1UL << SOCK_LINGER_BIT));
	s->linger_ticks = BPF_CORE_READ(k, sk_lingertime);
	s->send_buffer_set = !!(locks & SOCK_SNDBUF_LOCK);
	s->recv_buffer_set = !!(locks & SOCK_RCVBUF_LOCK);
}

static __always_inline struct snapshot_socket *describe(const void *sk)
{
	struct snapshot_socket *s;
	struct endpoints ends;
	__u32 zero = 0;

	s = bpf_map_lookup_elem(&snapshot_scratch, &zero);
	if (!s)
		return 0;
	__builtin_memset(s, 0, sizeof(*s));
	s->record = SNAPSHOT_socket;
	s->sk = (__u64)sk;
	s->time_ns = bpf_ktime_get_ns();
	s->jiffies = bpf_jiffies64();
	s->netns = sock_netns(sk);
	s->state = sock_state(sk);
	s->protocol = sock_protocol(sk);
	if (!s->protocol && sock_family(sk) != AF_UNIX)
		s->protocol = get(as_sock(sk), sk_protocol); /* more than a byte: MPTCP */
	sock_endpoints(sk, &ends);
	s->family = ends.family;
	s->local = ends.local;
	s->remote = ends.remote;
	s->local_port = ends.local_port;
	s->remote_port = ends.remote_port;
	if (!sock_is_full(s->state)) {
		entry_describe(s, sk);
		return s;
	}
	common_describe(s, sk);
	if (s->family == AF_UNIX)
		unix_describe(s, sk);
	else if (s->protocol == IPPROTO_TCP && s->type == SOCK_STREAM)
		tcp_describe(s, sk);
	else
		s->recv_queue_bytes = s->recv_memory_bytes, s->send_queue_bytes = s->send_memory_bytes;
	return s;
}

/* ---- the walks ---- */

SEC("?iter/task_file")
int files__snapshot(struct bpf_iter__task_file___snapshot *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct snapshot_owner owner;
	struct snapshot_socket *s;
	struct sock *sk;
	__u64 ino = 0;
	__u16 family;

	if (!task || !file)
		return 0;
	sk = file_sock(file, &ino);
	if (!sk)
		return 0;
	family = sock_family(sk);
	if (family != AF_INET && family != AF_INET6 && family != AF_UNIX)
		return 0;
	__builtin_memset(&owner, 0, sizeof(owner));
	owner.record = SNAPSHOT_owner;
	owner.sk = (__u64)sk;
	owner.pid = BPF_CORE_READ(task, tgid);
	owner.uid = BPF_CORE_READ((struct task_struct___snapshot *)task, cred, uid.val);
	owner.fd = ctx->fd;
	BPF_CORE_READ_INTO(&owner.comm, task, comm);
	bpf_seq_write(seq, &owner, sizeof(owner));
	s = describe(sk);
	if (s)
		bpf_seq_write(seq, s, sizeof(*s));
	return 0;
}

static __always_inline int tell(struct seq_file *seq, const void *sk)
{
	struct snapshot_socket *s = sk ? describe(sk) : 0;

	if (s)
		bpf_seq_write(seq, s, sizeof(*s));
	return 0;
}

SEC("?iter/tcp")
int tcp__snapshot(struct bpf_iter__tcp *ctx)
{
	return tell(ctx->meta->seq, ctx->sk_common);
}

SEC("?iter/udp")
int udp__snapshot(struct bpf_iter__udp *ctx)
{
	return tell(ctx->meta->seq, ctx->udp_sk);
}

SEC("?iter/unix")
int unix__snapshot(struct bpf_iter__unix *ctx)
{
	return tell(ctx->meta->seq, ctx->unix_sk);
}
