/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain/predicate.h"

#include <errno.h>

#include "event/name.h"

static bool reset_reason_is(const struct occasion *o, const char *name)
{
	int64_t value;

	return name_value(KIND_RESET_REASON, name, &value) == 0 && value == AS(tcp_reset_sent)->reason;
}

static bool reset_in_close(const struct occasion *o)
{
	__u8 cause = AS(tcp_reset_sent)->cause;

	return cause == CALL_close || cause == CALL_exit || cause == CALL_close_range || cause == CALL_dup ||
	       cause == CALL_exec;
}

FITS(reset_linger)
{
	because_own(o, FACT_linger);
	because_own(o, FACT_close);
	return reset_reason_is(o, "TCP_ABORT_ON_LINGER") ||
	       (own(o)->linger_s == 0 && seen(o, FACT_linger) && reset_in_close(o));
}

FITS(reset_unread)
{
	because_own(o, FACT_close);
	because_peer(o, FACT_send);
	return AS(tcp_reset_sent)->unread_bytes &&
	       (reset_in_close(o) || reset_reason_is(o, "TCP_ABORT_ON_CLOSE"));
}

FITS(reset_not_accepted)
{
	because_own(o, FACT_established);
	return reset_in_close(o) && o->m->self && o->m->self->role == ROLE_server && !seen(o, FACT_accept) &&
	       (seen(o, FACT_syn_recv) || o->m->self->listener);
}

FITS(reset_keepalive)
{
	because_own(o, FACT_probe);
	return reset_reason_is(o, "TCP_KEEPALIVE_TIMEOUT");
}

FITS(reset_dissolved)
{
	return AS(tcp_reset_sent)->cause == CALL_connect && own(o)->dissolved;
}

FITS(reset_after_close)
{
	const struct endpoint *self = o->m->self;

	if (!self || reset_in_close(o) || !(endpoint_over(self) || self->kind == ENDPOINT_orphan || seen(o, FACT_close)))
		return false;
	because_own(o, FACT_close);
	because_sent_since(o, FACT_close);
	return true;
}

FITS(reset_after_shutdown)
{
	if (!o->m->self || reset_in_close(o) || !(own(o)->shutdown_done & 1))
		return false;
	because_own(o, FACT_shutdown);
	because_sent_since(o, FACT_shutdown);
	return true;
}

FITS(reset_no_socket)
{
	const struct event_tcp_reset_sent *e = AS(tcp_reset_sent);

	because_peer(o, FACT_syn);
	return reset_reason_is(o, "NO_SOCKET") || (!e->head.socket && !e->reason);
}

FITS(reset_sent)
{
	(void)o;
	return true;
}

/* tcp_reset() chooses by state (net/ipv4/tcp_input.c): SYN-SENT, CLOSE-WAIT, anything else. */
static void word_told_reset(struct occasion *o)
{
	bool after_fin = AS(tcp_reset_received)->state == TCP_CLOSE_WAIT;

	word_told(o, after_fin ? EPIPE : ECONNRESET, after_fin);
}

FITS(refused)
{
	because_own(o, FACT_syn);
	return AS(tcp_reset_received)->state == TCP_SYN_SENT;
}

FITS(reset_by_linger)
{
	if (peers(o)->linger_s != 0 || !peer_seen(o, FACT_linger) ||
	    !(peer_seen(o, FACT_reset_sent) || peer_seen(o, FACT_close)))
		return false;
	because_peer(o, FACT_linger);
	because_peer(o, FACT_close);
	because_peer(o, FACT_reset_sent);
	word_told_reset(o);
	return true;
}

FITS(reset_by_unread)
{
	/* On the tracepoint plane the RST is told after its arrival, but close() before. */
	uint32_t unread = peer_seen(o, FACT_reset_sent) ? peers(o)->unread_at_reset : peers(o)->unread_at_close;

	if (!unread)
		return false;
	say_bytes(word(o, "unread"), unread);
	because_own(o, FACT_send);
	because_peer(o, FACT_close);
	because_peer(o, FACT_reset_sent);
	word_told_reset(o);
	return true;
}

FITS(reset_by_closed)
{
	if (!peer_closed(o))
		return false;
	because_peer(o, FACT_close);
	because_own(o, FACT_send);
	because_peer(o, FACT_reset_sent);
	word_told_reset(o);
	return true;
}

FITS(reset_received)
{
	because_peer(o, FACT_reset_sent);
	word_told_reset(o);
	return true;
}

FITS(reset_lost_bytes)
{
	because_own(o, FACT_send);
	return AS(tcp_reset_received)->unsent_bytes && AS(tcp_reset_received)->state != TCP_SYN_SENT;
}
