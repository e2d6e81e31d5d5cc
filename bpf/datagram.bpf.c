// SPDX-License-Identifier: GPL-2.0
/*
 * UDP and unix sockets as their calls tell them: connect, accept, send, receive. A thread's call has ended; its entry
 * holds what was asked.
 */
#include "bpf/emit.bpf.h"
#include "bpf/hook.bpf.h"

static __always_inline void connect_done(struct thread *t, const void *sk, struct record *r, __s32 error)
{
	if (t->protocol != IPPROTO_UDP)
		return;
	if (!t->asked.family) {
		struct event_udp_disconnect *e = event_begin(udp_disconnect, sk, r, PLANE_tracepoints);

		if (!e)
			return;
		e->head.fd = t->fd;
		e->error = error;
		event_end(e);
	} else {
		struct event_udp_connect *e = event_begin(udp_connect, sk, r, PLANE_tracepoints);

		if (!e)
			return;
		e->head.fd = t->fd;
		__builtin_memcpy(&e->asked, &t->asked, sizeof(e->asked));
		e->error = error;
		event_end(e);
	}
}

__hidden int datagram_done(struct thread *t, __s64 ret)
{
	__s32 error = ret < 0 ? -ret : 0;
	struct record *r;
	const void *sk;

	if (!t)
		return 0;
	sk = (void *)t->sk;
	r = record_find(sk);
	if (t->call == CALL_connect) {
		connect_done(t, sk, r, error);
		return 0;
	}
	if (t->protocol == IPPROTO_UDP && t->call >= CALL_write && told(udp_send)) {
		struct event_udp_send *e = event_begin(udp_send, sk, r, PLANE_tracepoints);

		if (!e)
			return 0;
		e->head.fd = t->fd;
		__builtin_memcpy(&e->peer, &t->asked, sizeof(e->peer));
		e->asked_bytes = t->asked_bytes;
		e->done_bytes = error ? 0 : ret;
		e->error = error;
		e->call = t->call;
		e->flags = t->flags;
		e->duration_ns = e->head.time_ns - t->start_ns;
		event_end(e);
	}
	return 0;
}
