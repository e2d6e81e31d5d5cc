/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who owns a socket: a record per socket, request and TIME_WAIT entry, kept by address; and what each thread is doing.
 * Learned in process context only (socket, connect, listen, accept, send, receive, close); softirq reads, never guesses.
 *
 * Found by address, behind every door and for every kind of socket. Socket storage would be as fast as an array, but it
 * takes no kprobe, no socket reached through a descriptor, and no request or TIME_WAIT entry; it is used for the one
 * thing only it can do, the exact listener of a child (lineage).
 */
#ifndef SOCKTALE_LIFE_BPF_H
#define SOCKTALE_LIFE_BPF_H

#include "bpf/sock.bpf.h"

/* A close, looked at before it happens: a lingering one is told when the socket may be gone. */
struct closing {
	__u64 sk, id;
	struct owner owner;
	struct endpoints ends;
	__u32 netns;
	__u32 unread_bytes, unsent_bytes;
	__s32 linger_s;
	__u8 in_tree;
	__u8 cause;
};

/* What a thread is in. Filled on entry of a call, used and cleared at its end. Begins as struct doing. */
struct thread {
	__u64 start_ns;
	__s32 fd;
	__u8 call;
	__u64 sk;		/* socket the call is about, as an address */
	__u64 ino;
	__u64 asked_bytes;
	__u64 user;		/* user memory the call will fill: an address, a msghdr, a pair of descriptors */
	__u64 user_length;	/* where the length of that address will be */
	__u64 target;		/* unix datagrams: the socket this call sends to, as an address */
	__u64 reached;		/* unix: the one that was told of it; all ones: several (sendmmsg) */
	__u64 sender;		/* unix: id of who sent the message at the head of the queue */
	__u64 numbers;		/* where the descriptors sent along lie, in user memory */
	__u64 credentials;	/* the same of credentials, 0: none */
	__u64 other;		/* unix: id of the other end of the message being told */
	__u64 waits_for;	/* unix: id of the socket that must make room */
	__u64 passed;		/* unix: id of the first descriptor sent along, when it is a socket */
	__u64 listener;		/* accept: id of the listener, 0: not known */
	struct event_address from; /* UDP: sender of the datagram, as the packet says */
	__u64 waited_ns;	/* UDP: how long it lay in the queue, 0: not known */
	__u64 doubted;		/* UDP: the packet being copied, whose checksum is not known yet */
	__u64 function_message;	/* UDP: the msghdr of the function in progress */
	struct endpoints ends;	/* UDP: addresses before connect(), and of the message being told */
	struct mmsghdr message;	/* the one being told */
	__u64 sleep_ns;		/* asleep in the call since */
	__u64 blocked_ns;	/* slept so far */
	__u64 owned_sk, owned_ino; /* the last socket it sent on or received from, and owns */
	__u64 told_sk;		/* a function hook saw this call's socket, and told it where it tells */
	__u64 function_ns, function_sk, function_bytes; /* tcp_sendmsg() and UDP's functions, in progress */
	__u32 flags;
	__s32 value, value2;
	__u32 option;
	__u32 references;
	__u32 descriptors;	/* sent along (SCM_RIGHTS) */
	__u32 sender_pid;
	__u32 other_pid;
	__u32 waits_for_pid;
	__u32 waits_limit;	/* of its queue */
	__u32 from_bytes;	/* length of that datagram; unix: of the message at the head of the queue */
	__u32 kept_bytes;	/* UDP: of earlier calls, kept back (MSG_MORE, UDP_CORK) */
	__u16 senders_over;	/* unix datagrams: sends to this reader that had ended when it began */
	__u16 segment_bytes;	/* UDP_SEGMENT given with the call */
	__u16 from_merged;	/* length of the datagrams that came merged into that one (UDP_GRO), 0: it is one */
	__u16 fragments;	/* left so far in this call */
	__u8 truncated;		/* the datagram was longer than the room */
	__u8 control_truncated;	/* so was what came along with it */
	__u8 reads;		/* counted as a reader of its socket's queue */
	__u8 blocked;		/* enum block + 1, unix: enum unix_wait, once a wait was told */
	__u8 under_way;		/* the call began before the trace: what it asked for is still to be read */
	__u8 in_tree;
	__u8 tree_known;
	__u8 state;
	__u8 protocol, family;
	__u8 how;
	struct event_address asked;
	struct event_path path __attribute__((aligned(8)));
	struct closing closing;
};

#define SAME_PLACE(member) (__builtin_offsetof(struct thread, member) == __builtin_offsetof(struct doing, member))
_Static_assert(SAME_PLACE(start_ns) && SAME_PLACE(fd) && SAME_PLACE(call), "the loader looks at the beginning of an entry");

struct listener_key {
	__u32 netns;
	__u32 port;
};
struct listener_value {
	__u64 sk;
	__u64 shared; /* more than one socket listens here */
};

struct lineage {
	__u64 listener_sk;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct record);
} records __weak SEC(".maps");

/*
 * Before that map: each address has one place here, found without a walk and kept without an allocation. TCP's sockets are here,
 * whose end is never missed, unless their place is taken; the rest is in the map. An address whose place says that nothing of it
 * is in the map is not looked for there, unless it is that of a TIME_WAIT entry.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << PLACES_LOG2);
	__type(key, __u32);
	__type(value, struct place);
} places __weak SEC(".maps");

/* From the four-tuple on the wire to the socket, request or TIME_WAIT entry that answers for it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct tuple);
	__type(value, __u64);
} tuples __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct listener_key);
	__type(value, struct listener_value);
} listeners __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} threads __weak SEC(".maps");

/* Where the kernel has no task storage (5.10). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct thread);
} threads_by_tid __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct lineage);
} lineages __weak SEC(".maps");

/* Per CPU: what this CPU is in the middle of, and scratch too large for the stack. */
struct scratch {
	__u64 next_id;
	__u64 time_wait_sk;	/* tcp_time_wait() in progress for this socket */
	__u64 time_wait_timeout;
	__u64 time_wait_entry;	/* TIME_WAIT entry just started, its socket's last state change still to come */
	__u64 cancelled;	/* TIME_WAIT entry whose clock was stopped: ended, unless it is started again at once */
	__u64 touched;		/* TIME_WAIT entry the segment being processed is about */
	__u64 doubted;		/* datagram whose checksum or filter is looked at */
	__u64 probe_sk;		/* a timer that may send a probe for this socket is running */
	__u8 ending;		/* enum time_wait_end that explains the next end */
	__u8 touched_flags;
	__u8 probe;		/* enum probe_kind */
	__u8 time_wait_state;
	__u8 fin_unanswered;	/* a FIN for a closing socket was taken, its acknowledgement still to leave */
	struct record record;
	struct thread thread;
	struct tuple tuple;
	struct event_path name __attribute__((aligned(8)));
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EVENT_COUNT);
	__type(key, __u32);
	__type(value, struct tally);
} tallies __weak SEC(".maps");

/* Counts the loader's looks at all open files; what two of them did not find is gone. */
__u32 sweep_round __weak = 0;

static __always_inline struct scratch *scratch_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratches, &zero);
}

static __always_inline void tally_lost(__u32 id, __u32 cause)
{
	struct tally *tally = bpf_map_lookup_elem(&tallies, &id);

	if (tally && cause < LOSSES)
		tally->lost[cause]++;
}

/* ---- threads ---- */

/* What the thread `task` is doing, or NULL when it has done nothing of interest. */
static __always_inline struct thread *thread_find(struct task_struct *task)
{
	__u32 tid;

	if (HAS(task_storage))
		return bpf_task_storage_get(&threads, task, 0, 0);
	tid = BPF_CORE_READ(task, pid);
	return bpf_map_lookup_elem(&threads_by_tid, &tid);
}

static __always_inline struct thread *thread_current(void)
{
	if (HAS(task_storage))
		return thread_find(bpf_get_current_task_btf());
	return thread_find((struct task_struct *)bpf_get_current_task());
}

static __always_inline struct thread *thread_make(struct task_struct *task)
{
	struct thread *thread;
	struct scratch *scratch;
	__u32 tid;

	if (HAS(task_storage))
		return bpf_task_storage_get(&threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	tid = BPF_CORE_READ(task, pid);
	thread = bpf_map_lookup_elem(&threads_by_tid, &tid);
	if (thread)
		return thread;
	scratch = scratch_get();
	if (!scratch)
		return 0;
	__builtin_memset(&scratch->thread, 0, sizeof(scratch->thread));
	bpf_map_update_elem(&threads_by_tid, &tid, &scratch->thread, BPF_ANY);
	return bpf_map_lookup_elem(&threads_by_tid, &tid);
}

/* The current thread's entry, made if need be. Also settles whether it belongs to the traced command. */
static __always_inline struct thread *thread_enter(void)
{
	struct thread *thread;

	if (HAS(task_storage))
		thread = thread_make(bpf_get_current_task_btf());
	else
		thread = thread_make((struct task_struct *)bpf_get_current_task());
	if (thread && config.command_pid && !thread->tree_known) {
		thread->tree_known = 1;
		if ((bpf_get_current_pid_tgid() >> 32) == config.command_pid)
			thread->in_tree = 1;
	}
	return thread;
}

/* ---- owners ---- */

/*
 * Whether --pid says that this task's calls, or this owner's sockets, are nobody's business: then they cost a comparison
 * and no memory. Sockets of others that exist at the start keep their records.
 */
static __always_inline bool task_foreign(struct task_struct *task)
{
	return config.filter_pid_set && (__u32)get(task, tgid) != config.filter_pid;
}

static __always_inline bool record_foreign(const struct record *r)
{
	return config.filter_pid_set && (!r || r->owner.pid != config.filter_pid);
}

/* The name of the process, not of a thread with a name of its own. Sixteen bytes by value where that costs next to nothing. */
static __always_inline void comm_read(struct task_struct *task, struct event_comm *ret)
{
	struct task_struct *leader = typed(task_struct, get(task, group_leader));

	if (HAS(cast)) {
		*(__u64 *)ret->bytes = *(__u64 *)leader->comm;
		*(__u64 *)(ret->bytes + 8) = *(__u64 *)(leader->comm + 8);
	} else { /* until 5.17 what is left of an earlier name may stand behind the end of this one (__set_task_comm, fs/exec.c) */
		__builtin_memset(ret, 0, sizeof(*ret));
		bpf_core_read_str(ret->bytes, sizeof(ret->bytes), &leader->comm);
	}
}

/* Who is running. Only in process context is that an owner. */
static __always_inline void owner_current(struct owner *ret)
{
	struct task_struct *task = current_task();

	ret->pid = get(task, tgid);
	ret->tid = get(task, pid);
	ret->uid = (__u32)bpf_get_current_uid_gid();
	ret->attribution = ATTRIBUTION_exact;
	comm_read(task, &ret->comm);
}

/* Make the current task the owner. Only from process context, about a socket this task holds. */
static __always_inline void owner_take(struct record *r)
{
	struct task_struct *task = current_task();
	struct owner *owner = &r->owner;
	__u32 pid = get(task, tgid);
	struct thread *thread;

	owner->tid = get(task, pid);
	if (owner->pid != pid || owner->attribution != ATTRIBUTION_exact) {
		owner->pid = pid;
		owner->uid = (__u32)bpf_get_current_uid_gid();
		owner->attribution = ATTRIBUTION_exact;
		if (config.command_pid) {
			thread = thread_current();
			if (thread && thread->in_tree)
				r->in_tree = 1;
		}
		if (config.filter_cgroup_set &&
		    bpf_get_current_ancestor_cgroup_id(config.filter_cgroup_level) == config.filter_cgroup)
			r->in_tree = 1;
	}
	comm_read(task, &owner->comm); /* cheaper than asking whether an exec changed it */
}

/* ---- records ---- */

#ifdef MODERN
static __always_inline struct place *place_of(__u64 sk)
{
	__u32 number = address_of((void *)sk) * 0x9e3779b97f4a7c15ULL >> (64 - PLACES_LOG2);

	/* Entries are many and seldom asked for: they would only push what matters out of the CPU's cache. */
	return sock_state((void *)sk) == TCP_TIME_WAIT ? 0 : bpf_map_lookup_elem(&places, &number);
}

/* Seen on other CPUs behind all that was done to the record. */
static __always_inline void place_turn(struct place *place, __u64 sk) { __sync_lock_test_and_set(&place->sk, sk); }

static __always_inline bool place_take(struct place *place)
{
	return place->sk == PLACE_free && __sync_bool_compare_and_swap(&place->sk, PLACE_free, PLACE_busy);
}
#else /* compare-and-exchange: since 5.12 (5ffa25502b5a) */
static __always_inline struct place *place_of(__u64 sk) { return 0; }
static __always_inline void place_turn(struct place *place, __u64 sk) {}
static __always_inline bool place_take(struct place *place) { return false; }
#endif

static __always_inline struct record *record_find(const void *sk)
{
	__u64 key = (__u64)sk;
	struct place *place = place_of(key);

	if (place && place->sk == key)
		return &place->record;
	return place && !place->spilled ? 0 : bpf_map_lookup_elem(&records, &key);
}

/* Of what is never in a place: a TIME_WAIT entry, which may be gone by now, or a socket that is none of TCP's. */
static __always_inline struct record *record_find_mapped(const void *sk)
{
	__u64 key = (__u64)sk;

	return bpf_map_lookup_elem(&records, &key);
}

static __always_inline void record_drop_mapped(const void *tw)
{
	__u64 key = (__u64)tw;

	bpf_map_delete_elem(&records, &key);
}

static __always_inline void record_drop(const void *sk)
{
	__u64 key = (__u64)sk;
	struct place *place = place_of(key);

	if (place && place->sk == key)
		place_turn(place, PLACE_free);
	if (place && !place->spilled)
		return;
	if (!bpf_map_delete_elem(&records, &key) && place)
		__sync_fetch_and_add(&place->spilled, -1);
}

/* The kernel's cookie where it has one already, else a number of our own: from 2^52, one sequence per CPU. */
static __always_inline __u64 id_for(const void *sk)
{
	__u64 cookie = sock_is_full(sock_state(sk)) ? get(as_sock(sk), __sk_common.skc_cookie.counter) : 0;
	struct scratch *scratch;

	if (cookie)
		return cookie;
	scratch = scratch_get();
	if (!scratch)
		return 0;
	return (1ULL << 52) + (++scratch->next_id << 10) + bpf_get_smp_processor_id();
}

APART int record_fill(__u64 sk, struct record *r)
{
	if (!r)
		return 0;
	__builtin_memset(r, 0, sizeof(*r));
	r->id = id_for((void *)sk);
	r->netns = sock_netns((void *)sk);
	r->family = sock_family((void *)sk);
	r->protocol = sock_protocol((void *)sk);
	r->state = sock_state((void *)sk);
	r->round = sweep_round;
	return 0;
}

/*
 * A new record for `sk`, in this CPU's scratch until record_keep() has put a copy in its place. What is known by then need not be
 * looked up to be noted; with bottom halves off it can be told from here as well, as nothing comes between.
 */
static __always_inline struct record *record_begin(const void *sk)
{
	struct scratch *scratch = scratch_get();

	if (!scratch)
		return 0;
	record_fill(address_of(sk), &scratch->record);
	return &scratch->record;
}

/* Into its place, if that is free. */
static __always_inline bool record_place(struct place *place, __u64 sk, const struct record *r)
{
	if (place->sk != sk) {
		if (r->protocol != IPPROTO_TCP || !sock_is_full(sock_state((void *)sk)) || !place_take(place))
			return false;
		if (place->spilled && !bpf_map_delete_elem(&records, &sk)) /* of what was at this address before */
			__sync_fetch_and_add(&place->spilled, -1);
	}
	place->record = *r;
	place_turn(place, sk);
	return true;
}

/* Replaces what was at this address. 0, and counted for `event`, when the map is full. */
APART int record_keep(__u64 sk, const struct record *r, __u32 event)
{
	struct place *place = place_of(sk);

	if (!r)
		return 0;
	if (place && record_place(place, sk, r))
		return 1;
	if (place)
		__sync_fetch_and_add(&place->spilled, 1);
	if (!bpf_map_update_elem(&records, &sk, r, place ? BPF_NOEXIST : BPF_ANY))
		return 1;
	if (place) {
		__sync_fetch_and_add(&place->spilled, -1);
		if (!bpf_map_update_elem(&records, &sk, r, BPF_EXIST))
			return 1;
	}
	tally_lost(event, LOSS_map_full);
	return 0;
}

/* Both at once. NULL, and counted for `event`, when the map is full. */
static __always_inline struct record *record_make(const void *sk, __u32 event)
{
	struct record *r = record_begin(sk);

	return r && record_keep(address_of(sk), r, event) ? record_find(sk) : 0;
}

/*
 * Local ports that a four-tuple or a listener of ours has had in this trace; never taken back. Under --pid nearly every packet and timer
 * is somebody else's: a byte says so, and spares looking for what cannot be there (50 to 100 ns each).
 */
__u8 ports_followed[65536] __weak = {};

/* Until 6.15 a verifier knows no bounds of a number whose bytes were swapped. */
static __always_inline __u8 *port_mark(__u64 port)
{
	asm volatile("%0 &= 65535" : "+r"(port));
	return &ports_followed[port];
}

static __always_inline void port_follow(__u16 port) { *port_mark(port) = 1; }
static __always_inline bool port_passed_by(__u16 port) { return config.filter_pid_set && !*port_mark(port); }

static __always_inline void tuple_fill(struct tuple *t, __u32 netns, const struct endpoints *ends)
{
	__builtin_memset(t, 0, sizeof(*t));
	t->netns = netns;
	t->local_port = ends->local_port;
	t->remote_port = ends->remote_port;
	t->local = ends->local;
	t->remote = ends->remote;
	/* A v4-mapped peer (RFC 4291, 2.5.5.2) speaks IPv4 on the wire. */
	if (ends->family == AF_INET6 && !*(__u64 *)ends->remote.bytes &&
	    *(__u32 *)(ends->remote.bytes + 8) == bpf_htonl(0xffff)) {
		__builtin_memset(&t->local, 0, sizeof(t->local));
		__builtin_memset(&t->remote, 0, sizeof(t->remote));
		*(__u32 *)t->local.bytes = *(__u32 *)(ends->local.bytes + 12);
		*(__u32 *)t->remote.bytes = *(__u32 *)(ends->remote.bytes + 12);
	}
}

/* What begins here has no entry yet, as a rule: it is not looked for. */
static __always_inline void tuple_begin(__u32 netns, const struct endpoints *ends, const void *sk)
{
	__u64 value = (__u64)sk;
	struct tuple tuple;

	port_follow(ends->local_port);
	tuple_fill(&tuple, netns, ends);
	bpf_map_update_elem(&tuples, &tuple, &value, BPF_ANY);
}

static __always_inline void tuple_lead(__u32 netns, const struct endpoints *ends, const void *sk)
{
	__u64 value = (__u64)sk, *old;
	struct tuple tuple;

	tuple_fill(&tuple, netns, ends);
	old = bpf_map_lookup_elem(&tuples, &tuple);
	if (old) /* from request to child to TIME_WAIT: an update would allocate anew */
		*old = value;
	else
		bpf_map_update_elem(&tuples, &tuple, &value, BPF_ANY);
}

/* The same of a socket that is followed. */
static __always_inline void tuple_point(__u32 netns, const struct endpoints *ends, const void *sk)
{
	port_follow(ends->local_port);
	tuple_lead(netns, ends, sk);
}

/* Forget the tuple if it still leads to `sk`. */
static __always_inline void tuple_forget(__u32 netns, const struct endpoints *ends, const void *sk)
{
	struct tuple tuple;
	__u64 *value;

	tuple_fill(&tuple, netns, ends);
	value = bpf_map_lookup_elem(&tuples, &tuple);
	if (value && *value == (__u64)sk)
		bpf_map_delete_elem(&tuples, &tuple);
}

/* ---- listeners ---- */

static __always_inline void listener_lead(const void *sk, __u32 netns, __u16 port)
{
	struct listener_key key = { .netns = netns, .port = port };
	struct listener_value value = { .sk = (__u64)sk }, *old;

	old = bpf_map_lookup_elem(&listeners, &key);
	if (old && old->sk != (__u64)sk)
		value.shared = 1;
	bpf_map_update_elem(&listeners, &key, &value, BPF_ANY);
}

/* The same of one that is followed. */
static __always_inline void listener_note(const void *sk, __u32 netns, __u16 port)
{
	port_follow(port);
	listener_lead(sk, netns, port);
}

/* ---- records of calls ---- */

/*
 * A socket whose beginning nobody told us: passed on as a descriptor, or accepted from a listener of another process under --pid.
 * From here on its segments lead to it as well.
 */
APART int record_met(__u64 sk, struct record *r)
{
	struct endpoints ends;

	if (!r || r->protocol != IPPROTO_TCP || !sock_is_full(r->state))
		return 0;
	sock_endpoints((void *)sk, &ends);
	if (r->state == TCP_LISTEN)
		listener_note((void *)sk, r->netns, ends.local_port);
	else if (ends.remote_port)
		tuple_point(r->netns, &ends, (void *)sk);
	return 0;
}

/*
 * The record of a socket met in a system call. An address whose inode number has changed is another socket by now:
 * datagram and unix sockets may go without any event on the tracepoint plane.
 */
static __always_inline struct record *record_of_call(const void *sk, __u64 ino, __u32 event)
{
	struct record *r = record_find(sk);

	if (r && (!r->ino || r->ino == ino)) {
		r->ino = ino;
		/* Another process had it when the trace began: nobody asked about its port. */
		if (port_passed_by(get(as_sock(sk), __sk_common.skc_num))) {
			if (r->protocol == IPPROTO_TCP)
				r->state = sock_state(sk);
			record_met(address_of(sk), r);
		}
		return r;
	}
	r = record_make(sk, event);
	if (r) {
		r->ino = ino;
		record_met(address_of(sk), r);
	}
	return r;
}

/* ---- causes ---- */

/* The owner's call in which something happens to `sk`, or CALL_none: then the wire or a timer did it. */
static __always_inline __u8 cause_of(const void *sk, const struct record *r)
{
	struct thread *thread = thread_current();
	struct task_struct *task;

	if (thread && thread->call && thread->sk == (__u64)sk)
		return thread->call;
	/* Before 6.6 the socket is released behind the call's end, on the way back to the program (task work of fput). */
	if (thread && r && thread->closing.sk == (__u64)sk && thread->closing.id == r->id)
		return thread->closing.cause;
	task = current_task();
	if (thread && r && r->closed_by && r->owner.pid == (__u32)get(task, tgid))
		return r->closed_by;
	if (r && r->owner.pid == (__u32)get(task, tgid) && (get(task, flags) & PF_EXITING))
		return CALL_exit;
	return CALL_none;
}

#endif
