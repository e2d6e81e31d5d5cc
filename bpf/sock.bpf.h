/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reads sockets, files and tasks; every difference between kernels lives here. Knows nothing of events or owners.
 *
 * get(p, field) is a plain load where the kernel can type a pointer (bpf_rdonly_cast, 6.2), about 0.3 ns, and a
 * CO-RE read elsewhere, about 26 ns: the same source, and the verifier removes the branch that is not taken.
 */
#ifndef SOCKTALE_SOCK_BPF_H
#define SOCKTALE_SOCK_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/config.h"
#include "bpf/record.h"

extern const volatile struct config config;
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

/*
 * The object is compiled twice: for kernels that offer all that is asked for here (-DMODERN), and for any kernel. In the second
 * the verifier cuts out the branches that are not taken, one move of the rest of the program each: most of the time of a load.
 * ONCE functions are global ones in the first: verified by themselves, not again for each way that leads to them. They take
 * a pointer only to what BTF can size, or NULL, and return nothing but a number (pointers: since 5.12, e5069b9c23b3).
 * In the second they are called too, and verified with each caller: stacks of programs are short (512 bytes a chain).
 */
#ifdef MODERN
#define HAS(feature) 1
#define ONCE __noinline
#define APART __noinline
#else
#define HAS(feature) (config.has_##feature)
#define ONCE __hidden __noinline
#define APART __hidden
#endif

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ICMP 1
#define IPPROTO_FRAGMENT 44
#define IPPROTO_ICMPV6 58
#define IPPROTO_RAW 255
#define SOCK_STREAM 1
#define SOCK_RAW 3
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define PF_EXITING 0x4
#define SOCK_DONE_BIT 1 /* enum sock_flags: DEAD, DONE, URGINLINE, KEEPOPEN, LINGER */
#define SOCK_LINGER_BIT 4

/* include/net/tcp_states.h */
enum {
	TCP_ESTABLISHED = 1, TCP_SYN_SENT, TCP_SYN_RECV, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_TIME_WAIT, TCP_CLOSE,
	TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_LISTEN, TCP_CLOSING, TCP_NEW_SYN_RECV
};

/* A pointer as a number: ONCE functions take it so. Negated twice it has lost its type, which a cast would keep. */
static __always_inline __u64 address_of(const void *pointer)
{
	__u64 address = (__u64)pointer;

	asm volatile("%0 = -%0; %0 = -%0" : "+r"(address));
	return address;
}

/* `pointer` as a pointer to `struct name` that get() may read. Any address does: a bad one reads as zero. */
#define typed(name, pointer)                                                                                     \
	((struct name *)(HAS(cast) ? bpf_rdonly_cast((const void *)(pointer), bpf_core_type_id_kernel(struct name)) \
					 : (void *)(pointer)))
#define get(p, field)                                                                    \
	({                                                                               \
		typeof(p) from_ = (p);                                                   \
		typeof(from_->field) value_;                                             \
		if (HAS(cast))                                                     \
			value_ = from_->field;                                           \
		else                                                                     \
			bpf_core_read(&value_, sizeof(value_), &from_->field);           \
		value_;                                                                  \
	})
#define get_bits(p, field) ((__u32)BPF_CORE_READ_BITFIELD_PROBED(p, field))

static __always_inline struct sock *as_sock(const void *sk) { return typed(sock, sk); }
static __always_inline struct tcp_sock *as_tcp(const void *sk) { return typed(tcp_sock, sk); }
static __always_inline struct inet_sock *as_inet(const void *sk) { return typed(inet_sock, sk); }
static __always_inline struct inet_connection_sock *as_icsk(const void *sk) { return typed(inet_connection_sock, sk); }

static __always_inline __u32 sock_netns(const void *sk)
{
	struct net *net = get(as_sock(sk), __sk_common.skc_net.net);

	return net ? get(typed(net, net), ns.inum) : 0;
}

/* Of a packet's device; 0: it has none (any more). */
static __always_inline __u32 packet_netns(struct sk_buff *s)
{
	struct net_device *dev = get(s, dev);
	struct net *net = dev ? get(typed(net_device, dev), nd_net.net) : 0;

	return net ? get(typed(net, net), ns.inum) : 0;
}

static __always_inline struct net *sock_net(const void *sk)
{
	return typed(net, get(as_sock(sk), __sk_common.skc_net.net));
}

/* Whether the namespace has room for one more TIME_WAIT entry, as inet_twsk_alloc() asks (net/ipv4/inet_timewait_sock.c). */
static __always_inline bool time_wait_has_room(const void *sk)
{
	struct net *net = sock_net(sk);
	int most = get(net, ipv4.tcp_death_row.sysctl_max_tw_buckets);
	__u64 row;

	if (bpf_core_field_exists(net->ipv4.tcp_death_row.tw_refcount))
		return get(net, ipv4.tcp_death_row.tw_refcount.refs.counter) - 1 < most;
	row = (__u64)net + bpf_core_field_offset(struct net, ipv4) + bpf_core_field_offset(struct netns_ipv4, tcp_death_row);
	return BPF_CORE_READ((struct inet_timewait_death_row___old *)row, tw_count.counter) < most;
}

static __always_inline __u8 sock_state(const void *sk) { return get(as_sock(sk), __sk_common.skc_state); }
static __always_inline __u16 sock_family(const void *sk) { return get(as_sock(sk), __sk_common.skc_family); }

/* Request and TIME_WAIT entries share struct sock_common with a socket and nothing behind it. */
static __always_inline bool sock_is_full(__u8 state) { return state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV; }

/* All ones if the two are equal, else 0. Arithmetic: the verifier follows each way of a comparison to the program's end. */
static __always_inline __u32 mask_equal(__u32 a, __u32 b)
{
	__u64 difference = a ^ b;

	asm volatile("" : "+r"(difference)); /* or clang finds the comparison in it */
	return (__s64)(difference - 1) >> 63;
}

/*
 * Of a full socket. A raw one of TCP or UDP builds its packets itself: it has nothing else of that protocol. MPTCP (262) ends in the
 * six of TCP, and its sockets are none of TCP's: what is read there as tcp_sock lies elsewhere. It is 0; its subflows are TCP sockets.
 */
static __always_inline __u8 sock_protocol_of(const void *sk, __u16 family)
{
	__u16 protocol;

	if (family == AF_UNIX)
		return 0;
	protocol = get(as_sock(sk), sk_protocol);
	protocol &= mask_equal(protocol >> 8, 0);
	if ((protocol == IPPROTO_UDP || protocol == IPPROTO_TCP) && get(as_sock(sk), sk_type) == SOCK_RAW)
		return IPPROTO_RAW;
	return protocol;
}

static __always_inline __u8 sock_protocol(const void *sk)
{
	__u8 state = sock_state(sk);

	if (!sock_is_full(state))
		return IPPROTO_TCP;
	return sock_protocol_of(sk, sock_family(sk));
}

#ifdef MODERN
/* sock_endpoints() without a branch, where reading a field costs next to nothing: this is part of every event. `ret` is zeroed. */
ONCE int endpoints_read(__u64 sk, struct endpoints *ret)
{
	struct sock *s = as_sock((void *)sk);
	__u32 family = get(s, __sk_common.skc_family), state = get(s, __sk_common.skc_state);
	__u32 four = mask_equal(family, AF_INET), six = mask_equal(family, AF_INET6);
	__u32 port = get(s, __sk_common.skc_num), old_port = bpf_ntohs(get(as_inet((void *)sk), inet_sport));
	__u32 *local, *remote;

	if (!ret)
		return 0;
	local = (void *)ret->local.bytes;
	remote = (void *)ret->remote.bytes;
	for (int i = 0; i < 4; i++) {
		local[i] = get(s, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[i]) & six;
		remote[i] = get(s, __sk_common.skc_v6_daddr.in6_u.u6_addr32[i]) & six;
	}
	local[0] |= get(s, __sk_common.skc_rcv_saddr) & four;
	remote[0] |= get(s, __sk_common.skc_daddr) & four;
	old_port &= mask_equal(port, 0) & ~(mask_equal(state, TCP_TIME_WAIT) | mask_equal(state, TCP_NEW_SYN_RECV));
	ret->local_port = (port | old_port) & (four | six);
	ret->remote_port = bpf_ntohs(get(s, __sk_common.skc_dport)) & (four | six);
	ret->family = family;
	return 0;
}
#else
static __always_inline void endpoints_read(__u64 sk, struct endpoints *ret)
{
	struct sock *s = as_sock((void *)sk);

	ret->family = get(s, __sk_common.skc_family);
	if (ret->family == AF_INET) {
		*(__u32 *)ret->local.bytes = get(s, __sk_common.skc_rcv_saddr);
		*(__u32 *)ret->remote.bytes = get(s, __sk_common.skc_daddr);
	} else if (ret->family == AF_INET6) {
		__u32 *local = (void *)ret->local.bytes, *remote = (void *)ret->remote.bytes;

		for (int i = 0; i < 4; i++) {
			local[i] = get(s, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[i]);
			remote[i] = get(s, __sk_common.skc_v6_daddr.in6_u.u6_addr32[i]);
		}
	} else {
		return;
	}
	ret->local_port = get(s, __sk_common.skc_num);
	ret->remote_port = bpf_ntohs(get(s, __sk_common.skc_dport));
	/* At ->CLOSE an ephemeral skc_num is 0 already; inet_sport keeps the port (inet_put_port, net/ipv4/inet_hashtables.c). */
	if (!ret->local_port && sock_is_full(get(s, __sk_common.skc_state)))
		ret->local_port = bpf_ntohs(get(as_inet((void *)sk), inet_sport));
}
#endif

/* Both addresses of a socket, request or TIME_WAIT entry. Ports in host order. `ret` is wholly written. */
static __always_inline void sock_endpoints(const void *sk, struct endpoints *ret)
{
	__builtin_memset(ret, 0, sizeof(*ret));
	endpoints_read(address_of(sk), ret);
}

/* Received and not read. A received FIN takes one number of sequence space. */
static __always_inline __u32 tcp_unread_bytes(const void *sk)
{
	struct tcp_sock *tp = as_tcp(sk);
	__u32 unread = get(tp, rcv_nxt) - get(tp, copied_seq);

	if (unread && (get(as_sock(sk), __sk_common.skc_flags) & (1UL << SOCK_DONE_BIT))) /* tcp_fin() */
		unread--;
	return (__s32)unread > 0 ? unread : 0;
}

/* Written and not acknowledged. A FIN of our own takes one number too. */
static __always_inline __u32 tcp_unacked_bytes(const void *sk)
{
	struct tcp_sock *tp = as_tcp(sk);
	__u32 bytes = get(tp, write_seq) - get(tp, snd_una);
	__u8 state = sock_state(sk);

	if (bytes && (state == TCP_FIN_WAIT1 || state == TCP_LAST_ACK || state == TCP_CLOSING))
		bytes--;
	return state == TCP_LISTEN || state == TCP_CLOSE || state == TCP_SYN_SENT || (__s32)bytes < 0 ? 0 : bytes;
}

/* sk_acceptq_is_full() */
static __always_inline bool accept_queue_full(const void *sk)
{
	return get(as_sock(sk), sk_ack_backlog) > get(as_sock(sk), sk_max_ack_backlog);
}

/*
 * Whether tcp_conn_request() (net/ipv4/tcp_input.c) will drop a SYN: 1 + enum listen_drop, or 0. Without SYN cookies the
 * queue of requests is bounded by the backlog, and by three quarters of tcp_max_syn_backlog.
 */
static __always_inline __u8 listen_refuses(const void *sk)
{
	__u32 requests = get(as_icsk(sk), icsk_accept_queue.qlen.counter);
	struct net *net = sock_net(sk);
	int most;

	if (!get(net, ipv4.sysctl_tcp_syncookies)) {
		most = get(net, ipv4.sysctl_max_syn_backlog);
		/* One more than the backlog: since 6.14 (3479c7549fb1), and in the stable series of 2025. */
		if (requests > get(as_sock(sk), sk_max_ack_backlog))
			return 1 + LISTEN_DROP_syn_queue;
		if (!accept_queue_full(sk) && most - (int)requests < most >> 2)
			return 1 + LISTEN_DROP_syn_queue;
	}
	return accept_queue_full(sk) ? 1 + LISTEN_DROP_accept_queue : 0;
}

/* The jiffy at which a held acknowledgement is due. */
static __always_inline __u64 delayed_ack_due(const void *sk)
{
	struct inet_connection_sock___timeout *old = (void *)sk;

	if (bpf_core_field_exists(old->icsk_ack.timeout))
		return BPF_CORE_READ(old, icsk_ack.timeout);
	return get(as_icsk(sk), icsk_delack_timer.expires);
}

static __always_inline __u64 retransmit_timer_offset(void)
{
	if (bpf_core_field_exists(struct sock___retransmit, tcp_retransmit_timer))
		return bpf_core_field_offset(struct sock___retransmit, tcp_retransmit_timer);
	return bpf_core_field_offset(struct inet_connection_sock, icsk_retransmit_timer);
}

static __always_inline __u64 keepalive_timer_offset(void)
{
	if (bpf_core_field_exists(struct inet_connection_sock___keepalive, icsk_keepalive_timer))
		return bpf_core_field_offset(struct inet_connection_sock___keepalive, icsk_keepalive_timer);
	return bpf_core_field_offset(struct sock, sk_timer);
}

/* The current task, readable by get(). */
static __always_inline struct task_struct *current_task(void)
{
	return typed(task_struct, bpf_get_current_task());
}

/* Whether the task is in a 32-bit system call, whose numbers and arguments are others (arch/x86, TS_COMPAT). */
static __always_inline bool task_in_compat_call(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return get(task, thread_info.status) & 2;
#else
	return false;
#endif
}

/* The file behind descriptor `fd` of the current task, or NULL. */
static __always_inline struct file *file_of(struct task_struct *task, __s32 fd)
{
	struct files_struct *files = get(task, files);
	struct fdtable *table;
	__u64 slot;

	if (!files || fd < 0)
		return 0;
	table = typed(fdtable, get(typed(files_struct, files), fdt));
	if ((__u32)fd >= get(table, max_fds))
		return 0;
	slot = (__u64)get(table, fd) + (__u64)fd * sizeof(void *);
	/* An array of pointers has no type of its own; a list head begins with a pointer too. */
	if (HAS(cast))
		return (struct file *)typed(list_head, slot)->next;
	if (bpf_probe_read_kernel(&slot, sizeof(slot), (void *)slot))
		return 0;
	return (struct file *)slot;
}

/* The socket behind a file, or NULL when it is no socket. Sets *ret_ino to the socket's inode number. */
static __always_inline struct sock *file_sock(const void *file, __u64 *ret_ino)
{
	struct inode *inode;
	struct socket *socket;

	if (!file)
		return 0;
	inode = typed(inode, get(typed(file, file), f_inode));
	if ((get(inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	/* An AF_UNIX name in a file system is of mode S_IFSOCK too, but cannot be opened (no O_PATH user calls us). */
	*ret_ino = get(inode, i_ino);
	socket = get(typed(file, file), private_data);
	return socket ? get(typed(socket, socket), sk) : 0;
}

/* Whether the program asked to hear of every ICMP error (IP_RECVERR, IPV6_RECVERR). Flag bits since 6.6 and 6.8. */
static __always_inline bool sock_wants_errors(const void *sk, __u8 family)
{
	struct inet_sock *inet = as_inet(sk);
	struct ipv6_pinfo___old *six;

	if (family == AF_INET) {
		if (bpf_core_field_exists(((struct inet_sock___old *)0)->recverr))
			return get_bits((struct inet_sock___old *)inet, recverr);
		return get(inet, inet_flags) & (1UL << INET_FLAGS_RECVERR);
	}
	if (bpf_core_field_exists(((struct ipv6_pinfo___old *)0)->recverr)) {
		six = (void *)get(inet, pinet6);
		return six && get_bits(six, recverr);
	}
	return get(inet, inet_flags) & (1UL << INET_FLAGS_RECVERR6);
}

/* IP_MTU_DISCOVER, IPV6_MTU_DISCOVER: whether packets may be fragmented on their way, and whom to believe. */
static __always_inline __u8 sock_mtu_discovery(const void *sk, __u8 family)
{
	struct inet_sock *inet = as_inet(sk);
	struct ipv6_pinfo___old *six = (void *)get(inet, pinet6);

	if (family == AF_INET)
		return get(inet, pmtudisc);
	return six ? get_bits(six, pmtudisc) : 0;
}

/* Reasons are numbered anew by many releases; they are known by name (since 5.17, c504e5c2f964). */
static __always_inline bool drop_reasons_exist(void)
{
	return bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_NO_SOCKET);
}

#define drop_is(reason, name) \
	(bpf_core_enum_value_exists(enum skb_drop_reason, name) && \
	 (reason) == (int)bpf_core_enum_value(enum skb_drop_reason, name))

/* Which of the drops told of UDP the reason is; 0: none. A full receive queue has a tracepoint of its own. */
static __always_inline __u8 udp_drop_of(int reason)
{
	if (drop_is(reason, SKB_DROP_REASON_NO_SOCKET))
		return UDP_DROP_no_socket;
	if (drop_is(reason, SKB_DROP_REASON_UDP_CSUM))
		return UDP_DROP_checksum;
	if (drop_is(reason, SKB_DROP_REASON_SOCKET_FILTER))
		return UDP_DROP_filter;
	return 0;
}

/* How many references the file has (file_ref_t holds one less; since 6.13, 90ee6ed776c0). */
static __always_inline __u32 file_references(const void *file)
{
	if (bpf_core_field_exists(((struct file *)0)->f_ref))
		return get(typed(file, file), f_ref.refcnt.counter) + 1;
	return BPF_CORE_READ((struct file___old *)file, f_count.counter);
}

#endif
