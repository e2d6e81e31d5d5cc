/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is remembered of a socket, a request or a TIME_WAIT entry while it lives, for both worlds: the kernel side keeps
 * it by address, the loader sweeps what ended unseen. Knows no kernel type.
 */
#ifndef SOCKTALE_RECORD_H
#define SOCKTALE_RECORD_H

#include "bpf/event.h"

struct endpoints {
	struct event_ip local, remote;
	__u16 local_port, remote_port;
	__u8 family;
};

struct owner {
	__u32 pid, tid, uid;
	__u8 attribution;
	struct event_comm comm;
};

/* The call a thread is in: how the entry kept of it begins (struct thread), so that the loader can look. */
struct doing {
	__u64 start_ns;		/* when the call began */
	__s32 fd;		/* the descriptor it is about, or -1 */
	__u8 call;		/* enum call; CALL_none: in no call on a socket */
};

enum { HELD_nagle = 1, HELD_cork = 2 };

struct record {
	__u64 id;
	__u64 since_ns;		/* when the present state began; 0: not seen */
	__u64 queued_ns;	/* child: when it entered the accept queue */
	__u64 listener;		/* child and request: id of the listener */
	__u64 listener_sk;	/* request: address of the listener */
	__u64 ino;		/* inode of the struct socket, to see that an address was used again; 0: none yet */
	__u64 held_ns;		/* a Nagle or cork hold began */
	__u64 fold_ns;		/* folded figures begin here */
	__u64 fold_jiffies;	/* the same by the kernel's cheap clock */
	__u64 sends, sent_bytes, recvs, recv_bytes;
	__u32 errors;
	__u32 drops;		/* listener: drops told so far */
	__u32 held_bytes;
	__u32 netns;
	struct owner owner;
	__u8 family, protocol, state;
	__u8 in_tree;		/* belongs to the traced command */
	__u8 hold;		/* HELD_ */
	__u8 deferred;		/* LISTEN->SYN_RECV was seen before the kernel had set the addresses (until 6.12) */
	__u32 round;		/* the loader's last look at all open files that found it */
	/* unix datagrams: who began to send to this socket */
	__u32 senders;		/* upper half: how many calls began; lower half: how many of them go on */
	__u8 mixed;		/* two went on at once, so that `sender` may be another */
	__u32 sender_pid, sender_bytes;
	__u64 sender;
	__u8 eof;		/* unix: enum eof_cause, once the other end is closed or shut down */
	__u8 awaited;		/* unix datagrams: closed, with messages unread that name it */
	__u8 closed_by;		/* CALL_ that closed the last descriptor along with others */
	__u8 reset_arrived;	/* a RST for it was received */
	__u32 unread_bytes;	/* at close */
	__u32 isn;		/* request: the number of its SYN-ACK; TIME_WAIT entry: of what it would send next */
	struct endpoints ends;	/* of a TIME_WAIT entry's socket, and of a deferred child; of UDP: as noted in `ports` */
};

/* Where the record of a TCP socket is, as a rule (bpf/life.bpf.h). */
enum { PLACES_LOG2 = 14, PLACE_free = 0, PLACE_busy = 1 };

struct place {
	__u64 sk;		/* whose record it is: an address or PLACE_ */
	__u64 spilled;		/* how many other addresses of this place may have theirs in the map `records` */
	struct record record;
};

struct tuple {
	__u32 netns;
	__u16 local_port, remote_port;
	struct event_ip local, remote;
};

#endif
