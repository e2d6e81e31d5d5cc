// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets that exist when the trace begins: every descriptor of every process is visited once, and its socket gets a
 * record whose owner is marked as seeded. Repeated now and then, the visit also marks what is still there. What is nobody's descriptor (a queued child, an orphan, TIME_WAIT) stays
 * unknown until it is touched.
 */
#include "bpf/datagram.bpf.h"
#include "bpf/emit.bpf.h"
#include "bpf/hook.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct bpf_iter__task_file { /* kernel/bpf/task_iter.c */
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};
struct cred { kuid_t uid; };
struct task_struct___cred { const struct cred *cred; };
#pragma clang attribute pop

SEC("?iter/task_file")
int seed__iter(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct endpoints ends;
	struct lineage *lineage;
	struct sock *trusted;
	struct record *r;
	struct sock *sk;
	__u64 ino = 0;
	__u16 family, port;

	if (!task || !file)
		return 0;
	sk = file_sock(file, &ino);
	if (!sk)
		return 0;
	family = sock_family(sk);
	if (family != AF_INET && family != AF_INET6 && family != AF_UNIX)
		return 0;
	r = record_find(sk);
	port = get(as_sock(sk), __sk_common.skc_num);
	if (family != AF_UNIX && !task_foreign(task))
		port_follow(port);
	if (r && (r->protocol == IPPROTO_TCP || !r->ino || r->ino == ino)) {
		r->round = sweep_round;
		return 0; /* the opener comes first: a lower pid, as a rule */
	}
	r = record_make(sk, EVENT_gap);
	if (!r)
		return 0;
	r->ino = ino;
	r->owner.pid = BPF_CORE_READ(task, tgid);
	r->owner.tid = BPF_CORE_READ(task, pid);
	r->owner.uid = BPF_CORE_READ((struct task_struct___cred *)task, cred, uid.val);
	comm_read(task, &r->owner.comm);
	r->owner.attribution = ATTRIBUTION_seeded;
	if (config.command_pid && r->owner.pid == config.command_pid)
		r->in_tree = 1;
	if (r->family == AF_UNIX) {
		struct scratch *scratch = scratch_get();

		/* Accepted sockets share the name of their listener. */
		if (scratch && (r->state == TCP_LISTEN || get(as_sock(sk), sk_type) == SOCK_DGRAM))
			name_note(sk, r->netns, &scratch->name);
		return 0;
	}
	if (r->protocol == IPPROTO_UDP)
		port_note(sk, r);
	if (r->protocol != IPPROTO_TCP)
		return 0;
	sock_endpoints(sk, &ends);
	if (r->state == TCP_LISTEN) {
		listener_lead(sk, r->netns, port);
		r->drops = get(as_sock(sk), sk_drops.counter);
		if (HAS(sk_storage) && HAS(sock_from_file)) {
			trusted = (struct sock *)bpf_sock_from_file(file);
			if (trusted) {
				struct socket *socket = (void *)trusted;

				trusted = socket->sk;
				if (trusted) {
					lineage = bpf_sk_storage_get(&lineages, trusted, 0, BPF_SK_STORAGE_GET_F_CREATE);
					if (lineage)
						lineage->listener_sk = (__u64)sk;
				}
			}
		}
	} else if (ends.remote_port) {
		tuple_lead(r->netns, &ends, sk);
	}
	return 0;
}
