/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain/predicate.h"

#include <errno.h>

#include "base/language.h"

/* ---- states ---- */

static bool moves(const struct occasion *o, int from, int to)
{
	return AS(tcp_state)->oldstate == from && AS(tcp_state)->newstate == to;
}

static bool open_fails(const struct occasion *o, int error)
{
	return moves(o, TCP_SYN_SENT, TCP_CLOSE) && error_plain(AS(tcp_state)->error) == error;
}

FITS(state_refused)
{
	because_own(o, FACT_syn);
	because_own(o, FACT_reset_received);
	return open_fails(o, ECONNREFUSED) && seen(o, FACT_reset_received);
}

FITS(state_refused_icmp)
{
	because_own(o, FACT_syn);
	because_own(o, FACT_icmp);
	return open_fails(o, ECONNREFUSED) && seen(o, FACT_icmp);
}

FITS(state_timeout)
{
	because_own(o, FACT_syn);
	because_own(o, FACT_retransmit);
	return open_fails(o, ETIMEDOUT) && AS(tcp_state)->in_state_ns;
}

FITS(state_unreachable)
{
	because_own(o, FACT_syn);
	because_own(o, FACT_icmp);
	return open_fails(o, EHOSTUNREACH) || open_fails(o, ENETUNREACH);
}

FITS(state_queued)
{
	because_own(o, FACT_syn_recv);
	return (moves(o, TCP_SYN_RECV, TCP_ESTABLISHED) || moves(o, TCP_NEW_SYN_RECV, TCP_ESTABLISHED)) && o->m->self &&
	       o->m->self->kind == ENDPOINT_child;
}

FITS(state_dissolved_reset)
{
	return own(o)->dissolved && AS(tcp_state)->newstate == TCP_CLOSE && needs_reset(AS(tcp_state)->oldstate);
}

FITS(state_dissolved)
{
	return own(o)->dissolved && AS(tcp_state)->newstate == TCP_CLOSE && AS(tcp_state)->oldstate != TCP_LISTEN;
}

FITS(state_reset)
{
	if (AS(tcp_state)->newstate != TCP_CLOSE || AS(tcp_state)->oldstate == TCP_LISTEN || !seen(o, FACT_reset_received))
		return false;
	because_peer(o, FACT_reset_sent);
	because_own(o, FACT_reset_received);
	return true;
}

/* tcp_rcv_state_process(), net/ipv4/tcp_input.c: the two states in which only the peer may still send. */
FITS(state_shut_reset)
{
	because_own(o, FACT_shutdown);
	because_sent_since(o, FACT_shutdown);
	return (moves(o, TCP_FIN_WAIT1, TCP_CLOSE) || moves(o, TCP_FIN_WAIT2, TCP_CLOSE)) &&
	       error_plain(AS(tcp_state)->error) == ECONNRESET && (own(o)->shutdown_done & 1) && !seen(o, FACT_close);
}

static bool gives_up(const struct occasion *o)
{
	return AS(tcp_state)->newstate == TCP_CLOSE && error_plain(AS(tcp_state)->error) == ETIMEDOUT &&
	       AS(tcp_state)->oldstate != TCP_SYN_SENT;
}

static void word_told_move(struct occasion *o)
{
	word_told(o, error_plain(AS(tcp_state)->error), AS(tcp_state)->oldstate == TCP_CLOSE_WAIT);
}

FITS(state_keepalive_dead)
{
	if (!gives_up(o) || !seen(o, FACT_probe))
		return false;
	because_own(o, FACT_probe);
	word_told_move(o);
	return true;
}

FITS(state_lost)
{
	because_own(o, FACT_retransmit);
	word_told_move(o);
	return gives_up(o);
}

static bool entry_keeps(const struct occasion *o, int substate)
{
	return AS(tcp_state)->newstate == TCP_CLOSE && o->m->self && o->m->self->kind == ENDPOINT_time_wait &&
	       o->m->self->state == substate;
}

FITS(state_time_wait)
{
	if (!entry_keeps(o, TCP_TIME_WAIT))
		return false;
	word_left(o, o->m->self->time_wait_ends_ns);
	because(o, &o->m->self->time_wait);
	return true;
}

FITS(state_fin_wait2_kept)
{
	if (!entry_keeps(o, TCP_FIN_WAIT2))
		return false;
	word_left(o, o->m->self->time_wait_ends_ns);
	because(o, &o->m->self->time_wait);
	return true;
}

struct move {
	int from, to, call;
	const char *reference;
	const char *sentence;
};

enum { TCP_any = -1 };

static const struct move moves_table[] = {
#define MOVE(from, to, call, reference, sentence) { TCP_##from, TCP_##to, call, reference, sentence },
#include "explain/tcp_move.def"
};

FITS(state_no_syn)
{
	const struct event_tcp_state *e = AS(tcp_state);

	return e->oldstate == TCP_SYN_SENT && e->newstate == TCP_CLOSE && e->cause == CALL_connect && !e->error;
}

FITS(state_move)
{
	const struct event_tcp_state *e = AS(tcp_state);
	bool in_call = e->cause != CALL_none;

	if (e->oldstate == e->newstate)
		return false;
	for (size_t i = 0; i < sizeof(moves_table) / sizeof(*moves_table); i++) {
		const struct move *move = &moves_table[i];

		if ((move->from != TCP_any && move->from != e->oldstate) || move->to != e->newstate ||
		    (move->call >= 0 && move->call != in_call))
			continue;
		o->sentence = move->sentence;
		o->note->reference = move->reference;
		break;
	}
	return true;
}

/* ---- after the end ---- */

FITS(fin_wait2_orphan)
{
	because_own(o, FACT_close);
	return AS(tcp_time_wait)->substate == TCP_FIN_WAIT2;
}

FITS(time_wait_of_fin_wait2)
{
	because_own(o, FACT_close);
	because_peer(o, FACT_close);
	return AS(tcp_time_wait)->restarted && o->m->self && o->m->self->old_state == TCP_FIN_WAIT2;
}

FITS(time_wait_restarted)
{
	const struct witness *again = endpoint_fact(o->m->peer, FACT_fin_repeated);

	if (!AS(tcp_time_wait)->restarted || !again || again->number < o->m->self->waited_before)
		return false;
	because(o, again);
	return true;
}

FITS(time_wait_touched)
{
	return AS(tcp_time_wait)->restarted;
}

FITS(time_wait_both)
{
	return o->m->self && o->m->self->old_state == TCP_CLOSING;
}

FITS(time_wait_late)
{
	because_own(o, FACT_shutdown);
	because_own(o, FACT_close);
	because_peer(o, FACT_close);
	return o->m->self && o->m->self->wait_came_late;
}

FITS(time_wait_begins)
{
	because_own(o, FACT_shutdown);
	because_own(o, FACT_close);
	because_peer(o, FACT_close);
	return true;
}

static bool time_wait_ends(struct occasion *o, enum time_wait_end ending)
{
	if (AS(tcp_time_wait_end)->ending != ending)
		return false;
	if (o->m->self)
		because(o, &o->m->self->time_wait);
	return true;
}

FITS(fin_wait2_expired)
{
	return o->m->self && o->m->self->state == TCP_FIN_WAIT2 && time_wait_ends(o, TIME_WAIT_END_expired);
}

FITS(time_wait_expired)
{
	return time_wait_ends(o, TIME_WAIT_END_expired);
}

FITS(time_wait_recycled)
{
	return time_wait_ends(o, TIME_WAIT_END_recycled);
}

/* Whether a RST came for the entry, or was drawn from it, before it ended: the event that told so. */
static bool time_wait_met(struct occasion *o, enum event_id told)
{
	if (!o->m->self || !o->m->self->wait_met.number || o->m->self->wait_met.id != told)
		return false;
	because(o, &o->m->self->wait_met);
	return time_wait_ends(o, TIME_WAIT_END_killed);
}

FITS(time_wait_reset)
{
	return time_wait_met(o, EVENT_tcp_segment);
}

FITS(time_wait_bytes)
{
	return time_wait_met(o, EVENT_tcp_reset_sent);
}

FITS(time_wait_killed)
{
	return time_wait_ends(o, TIME_WAIT_END_killed);
}

FITS(time_wait_never)
{
	return time_wait_ends(o, TIME_WAIT_END_never);
}
