/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the iterators of snapshot.bpf.c write, for both worlds: a stream of sockets and of descriptors that hold them.
 * Knows no kernel type.
 */
#ifndef SOCKTALE_SNAPSHOT_H
#define SOCKTALE_SNAPSHOT_H

#include "bpf/event.h"

enum snapshot_record { SNAPSHOT_socket = 1, SNAPSHOT_owner };

/* Which clock of a socket is running. */
enum snapshot_timer {
	TIMER_none, TIMER_retransmit, TIMER_probe, TIMER_tail_loss, TIMER_reorder, TIMER_keepalive, TIMER_time_wait,
	TIMER_syn_ack
};

struct snapshot_socket {
	__u32 record; /* SNAPSHOT_socket */
	__u32 netns;
	__u64 sk;      /* address of the socket in the kernel: only for telling two apart */
	__u64 ino;     /* inode number of the file, 0: no file */
	__u64 peer_sk; /* unix: the other end, 0: none */
	__u64 peer_ino;
	__u64 time_ns;	  /* CLOCK_MONOTONIC and the tick count at this moment: together they tell the tick's length */
	__u64 jiffies;
	__s64 timer_ticks; /* until `timer` runs out; negative: overdue */
	__u64 linger_ticks;
	__u32 rto_ticks;
	__u32 ato_ticks;
	__u32 uid;
	__u32 peer_scope;
	struct event_ip local, remote;
	__u16 local_port, remote_port;
	__u16 protocol;
	__u8 family;
	__u8 type;
	__u8 state;	   /* TCP states; unix and UDP sockets use three of them */
	__u8 timer;	   /* enum snapshot_timer */
	__u8 shutdown;	   /* bits: 1 receiving, 2 sending */
	__u8 error;	   /* stored on the socket */
	__u8 queue_cut;	   /* the receive queue was too long to be added up: recv_queue_bytes is what was */
	struct event_comm congestion; /* name of the congestion control */
	struct event_path path;	      /* unix: own name */
#define FIGURE(group, type, member, meaning) type member;
#include "bpf/snapshot.def"
};

/* A descriptor of a process that holds a socket. */
struct snapshot_owner {
	__u32 record; /* SNAPSHOT_owner */
	__u32 pid;
	__u64 sk;
	__u32 uid; /* real user of the process */
	__s32 fd;
	struct event_comm comm;
};

#endif
