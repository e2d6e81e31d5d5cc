/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Knobs set before load, for both worlds: one struct, constant from load on, so that the verifier removes what is not used.
 * Knows no kernel type.
 */
#ifndef SOCKTALE_CONFIG_H
#define SOCKTALE_CONFIG_H

#include "bpf/event.h"

#define CALL_NUMBERS 512 /* system call numbers looked at; sockets' calls are all below on x86-64 and arm64 */

struct config {
	/* What is told, and by which plane (enum plane; PLANE_none: not told). */
	__u8 told_by[EVENT_COUNT];

	/* What the running kernel offers. */
	__u8 has_task_storage;	/* since 5.11 */
	__u8 has_sk_storage;	/* in tracing programs, since 5.11 */
	__u8 has_cookie;	/* bpf_get_socket_cookie in tracing programs, since 5.12 */
	__u8 has_cast;		/* bpf_rdonly_cast, since 6.2 */
	__u8 has_loop;		/* bpf_loop, since 5.17 */
	__u8 has_sock_from_file; /* in iterators over files, since 5.11 */
	__u8 reset_has_reason;	/* tracepoint tcp_send_reset with a third argument, since 6.10 */
	__u8 reset_reason_arg;	/* position of the reason in tcp_send_active_reset, 0: none */
	__u8 udp_fail_has_packet; /* tracepoint udp_fail_queue_rcv_skb with a third argument, since 6.12 */
	__u8 accept_args;	/* parameters of inet_csk_accept: 4, since 6.10 (92ef0fd55ac8) 2 */
	__u8 listen_start_args;	/* parameters of inet_csk_listen_start: 2, since 5.16 (e7049395b1c3) 1 */
	__u8 udp_recv_args;	/* parameters of udp_recvmsg: 6, since 5.19 (ec095263a965) 5 */
	__u8 filter_args;	/* parameters of sk_filter_trim_cap: 3, later 4 */
	__u32 hz;		/* jiffies a second */
	__u64 tw_timer_handler, tcp_delack_timer, tcp_write_timer, tcp_keepalive_timer; /* addresses of these functions, or 0 */

	/* Filters. Each means the socket's owner or the socket itself; all set ones must agree. */
	__u8 filtered;		/* any of these is set */
	__u8 filter_pid_set, filter_comm_set, filter_port_set, filter_netns_set, filter_cgroup_set, filter_address_set;
	__u8 filter_family_set, filter_protocol_set;
	__u8 filter_tree;	/* only the command's tree of processes, or the cgroup's */
	__u8 tree_private;	/* what nobody owns in other namespaces than home_netns belongs to the tree (lessons) */
	__u32 home_netns;
	__u8 filter_cgroup_level; /* depth of that cgroup below the root of the hierarchy */
	__u32 filter_pid;
	__u32 filter_netns;
	__u16 filter_port;
	__u8 filter_families;	/* bits: 1 inet, 2 inet6, 4 unix */
	__u8 filter_protocols;	/* bits: 1 tcp, 2 udp, 4 unix */
	__u8 filter_address_family;
	__u8 filter_address_bits;
	struct event_ip filter_address;
	struct event_comm filter_comm;
	__u64 filter_cgroup;	/* cgroup v2 id */
	__u32 command_pid;	/* root of the traced command's tree */
	__u32 self_pid;		/* the loader itself, never told */
	__u8 folded;		/* sends and receives are added up, not told one by one */
	__u64 fold_interval_ns;
	__u64 fold_interval_jiffies;
	__u64 rate_window_ns;	/* in each such window at most so many events; 0: any number */
	__u64 rate_events;
	__u8 budgeted;		/* the loader may leave events out while the trace runs */
	__u8 shed_at[EVENT_COUNT]; /* from which enum shed on it is left out; 0: never */
	__u32 wake_bytes;	/* wake the reader whenever so much was written; a power of two */
	__u8 calls[CALL_NUMBERS]; /* enum call by system call number */
};

#define LOSSES 4 /* values of enum loss */

/* Per CPU and event: what was produced and what was lost on the way, by enum loss. */
struct tally {
	__u64 produced;
	__u64 lost[LOSSES];
};

#endif
