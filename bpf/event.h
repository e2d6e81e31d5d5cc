/* SPDX-License-Identifier: GPL-2.0 */
/*
 * event.def as C types, for the kernel side and the user side alike: the enum of events, one packed-by-design struct
 * per event behind a common head, and the small enums whose values socktale gives itself.
 * Knows no kernel type but __u8 .. __u64, which come from vmlinux.h below and from linux/types.h above.
 */
#ifndef SOCKTALE_EVENT_H
#define SOCKTALE_EVENT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

struct event_ip {
	__u8 bytes[16]; /* IPv4 in the first four, network order; zero for unix sockets */
};

struct event_comm {
	char bytes[16]; /* NUL-terminated, not escaped */
} __attribute__((aligned(8))); /* compared and copied as two words */

struct event_address {
	__u16 family;
	__u16 port; /* host order */
	__u32 scope_id;
	struct event_ip ip;
};

struct event_path {
	__u8 length; /* bytes used; an abstract name begins with a NUL byte */
	char bytes[127]; /* 108 can be used; older verifiers want room for any seven-bit length */
};

struct event_text {
	__u16 length; /* bytes used */
	char bytes[254];
};

struct event {
#define HEAD(member, type, kind, meaning) type member;
#include "bpf/event.def"
};

enum event_id {
#define EVENT(name, group, source, meaning) EVENT_##name,
#include "bpf/event.def"
	EVENT_COUNT
};

#define EVENT(name, group, source, meaning) \
	struct event_##name {                \
		struct event head;
#define FIELD(event, member, type, kind, meaning) type member;
#define END(event) \
	}          \
	;
#include "bpf/event.def"

/* Values of small kinds. Their names and meanings are rows of user/event/name.def. */
enum attribution { ATTRIBUTION_unknown, ATTRIBUTION_exact, ATTRIBUTION_inherited, ATTRIBUTION_seeded };
enum plane { PLANE_none, PLANE_functions, PLANE_tracepoints };
enum direction { DIRECTION_sent, DIRECTION_received };
enum phase { PHASE_whole, PHASE_begins, PHASE_ends };
enum retransmit { RETRANSMIT_unknown, RETRANSMIT_syn, RETRANSMIT_syn_ack, RETRANSMIT_rto, RETRANSMIT_fast, RETRANSMIT_tlp };
enum time_wait_end {
	TIME_WAIT_END_unknown, TIME_WAIT_END_expired, TIME_WAIT_END_recycled, TIME_WAIT_END_killed, TIME_WAIT_END_never
};
enum probe_kind { PROBE_keepalive, PROBE_zero_window };
enum hold { HOLD_nagle, HOLD_cork };
enum listen_drop { LISTEN_DROP_unknown, LISTEN_DROP_accept_queue, LISTEN_DROP_syn_queue };
enum block { BLOCK_unknown, BLOCK_send_buffer, BLOCK_peer_window, BLOCK_congestion_window, BLOCK_memory };
enum unix_wait { UNIX_WAIT_unknown, UNIX_WAIT_send_buffer, UNIX_WAIT_receive_queue, UNIX_WAIT_backlog };
enum unix_wait_end { UNIX_WAIT_END_none, UNIX_WAIT_END_room, UNIX_WAIT_END_timeout, UNIX_WAIT_END_signal, UNIX_WAIT_END_gone, UNIX_WAIT_END_unknown };
enum file_kind {
	FILE_KIND_unknown, FILE_KIND_socket, FILE_KIND_pipe, FILE_KIND_file, FILE_KIND_directory, FILE_KIND_device, FILE_KIND_nameless
};
enum eof_cause { EOF_none, EOF_peer_closed, EOF_peer_died, EOF_peer_shutdown, EOF_local_shutdown, EOF_empty_datagram };
enum udp_drop { UDP_DROP_unknown, UDP_DROP_receive_buffer, UDP_DROP_checksum, UDP_DROP_no_socket, UDP_DROP_filter, UDP_DROP_memory };
enum icmp_fate { ICMP_FATE_unknown, ICMP_FATE_delivered, ICMP_FATE_silent, ICMP_FATE_queued, ICMP_FATE_soft };
enum signal_fate { SIGNAL_FATE_unknown, SIGNAL_FATE_ignored, SIGNAL_FATE_caught, SIGNAL_FATE_fatal, SIGNAL_FATE_blocked };
enum loss { LOSS_ring_full, LOSS_map_full, LOSS_held_back, LOSS_shed };
/* What --budget leaves out, in this order; each includes those before it. */
enum shed { SHED_nothing, SHED_calls, SHED_segments, SHED_sockets, SHED_life };
enum gap { GAP_beginning, GAP_skipped, GAP_descriptors };

/* REUSE is a bit set. */
enum { REUSE_address = 1, REUSE_port = 2 };

/* The call a thread is in. OTHER is any call that does not touch sockets. */
enum call {
	CALL_none, CALL_socket, CALL_socketpair, CALL_bind, CALL_listen, CALL_setsockopt, CALL_getsockopt, CALL_connect,
	CALL_accept, CALL_shutdown, CALL_close, CALL_exit,
	CALL_read, CALL_readv, CALL_recvfrom, CALL_recvmsg, CALL_recvmmsg, CALL_splice_from,
	CALL_write, CALL_writev, CALL_sendto, CALL_sendmsg, CALL_sendmmsg, CALL_sendfile, CALL_splice,
	CALL_dup, CALL_close_range, CALL_timer, CALL_exec,
	CALL_COUNT
};

#endif
