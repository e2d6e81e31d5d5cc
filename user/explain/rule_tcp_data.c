/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain/predicate.h"

#include <errno.h>

/* ---- sending and receiving ---- */

static bool zero_window(const struct occasion *o, enum direction direction)
{
	enum { SYN_OR_RST = 0x02 | 0x04 };

	return AS(tcp_segment)->direction == direction && AS(tcp_segment)->window == 0 &&
	       !(AS(tcp_segment)->flags & SYN_OR_RST);
}

FITS(zero_window_sent)
{
	return zero_window(o, DIRECTION_sent);
}

FITS(zero_window_received)
{
	/* Where the peer is seen as well, this was said when it sent the segment. */
	const struct endpoint_memory *from = o->m->peer ? o->m->peer->memory : NULL;

	return zero_window(o, DIRECTION_received) &&
	       !(from && from->closed_window && from->closed_window_seq == AS(tcp_segment)->seq);
}

static bool send_error(const struct occasion *o, int error)
{
	return error_plain(AS(tcp_send)->error) == error;
}

FITS(send_pipe_shut)
{
	because_own(o, FACT_shutdown);
	return send_error(o, EPIPE) && seen(o, FACT_shutdown) && !seen(o, FACT_reset_received);
}

FITS(send_pipe_chain)
{
	if (!send_error(o, EPIPE) || !seen(o, FACT_reset_received))
		return false;
	because_reset(o);
	because_own(o, FACT_signal);
	return true;
}

FITS(send_pipe)
{
	because_own(o, FACT_signal);
	return send_error(o, EPIPE);
}

FITS(send_reset)
{
	because_reset(o);
	return send_error(o, ECONNRESET) && seen(o, FACT_reset_received);
}

FITS(send_reset_own)
{
	because_own(o, FACT_shutdown);
	because_own(o, FACT_reset_sent);
	return send_error(o, ECONNRESET) && seen(o, FACT_reset_sent);
}

FITS(send_reset_unseen)
{
	because_own(o, FACT_error);
	return send_error(o, ECONNRESET);
}

FITS(send_timed_out)
{
	because_own(o, FACT_error);
	return send_error(o, ETIMEDOUT);
}

FITS(send_no_room)
{
	because_own(o, FACT_block);
	return send_error(o, EAGAIN) && seen(o, FACT_block) &&
	       endpoint_fact(o->m->self, FACT_block)->time_ns + AS(tcp_send)->duration_ns >= o->m->event->time_ns;
}

FITS(send_full)
{
	return send_error(o, EAGAIN);
}

FITS(send_failed)
{
	return AS(tcp_send)->error != 0;
}

FITS(send_partial)
{
	because_own(o, FACT_block);
	return AS(tcp_send)->done_bytes < AS(tcp_send)->asked_bytes;
}

FITS(send_answered)
{
	if (!AS(tcp_send)->done_bytes || !peer_closed(o) || !seen(o, FACT_reset_received))
		return false;
	because_reset(o);
	word_told(o, own(o)->reset_state == TCP_CLOSE_WAIT ? EPIPE : ECONNRESET, own(o)->reset_state == TCP_CLOSE_WAIT);
	return true;
}

FITS(send_to_closed)
{
	if (!AS(tcp_send)->done_bytes || !peer_closed(o))
		return false;
	because_peer(o, FACT_close);
	because_own(o, FACT_fin_received);
	return true;
}

FITS(send_waited)
{
	const struct witness *block = endpoint_fact(o->m->self, FACT_block);

	/* The event is told when the call ends: the wait must have begun within it. */
	if (AS(tcp_send)->duration_ns < NOTABLE_NS || !block ||
	    block->time_ns + AS(tcp_send)->duration_ns < o->m->event->time_ns)
		return false;
	because(o, block);
	return true;
}

FITS(send_queued)
{
	return AS(tcp_send)->unsent_bytes != 0;
}

static bool blocks(const struct occasion *o, enum block reason)
{
	return AS(tcp_send_block)->phase != PHASE_ends && AS(tcp_send_block)->reason == reason;
}

FITS(block_window_slow)
{
	enum { LATELY_NS = 1000000000 };
	const struct witness *read = endpoint_fact(o->m->peer, FACT_recv);

	if (!blocks(o, BLOCK_peer_window) || !read || read->time_ns + LATELY_NS < o->m->event->time_ns)
		return false;
	because(o, read);
	return true;
}

FITS(block_window)
{
	return blocks(o, BLOCK_peer_window);
}

FITS(block_cwnd)
{
	return blocks(o, BLOCK_congestion_window);
}

FITS(block_memory)
{
	return blocks(o, BLOCK_memory);
}

FITS(block_buffer)
{
	return AS(tcp_send_block)->phase != PHASE_ends;
}

FITS(block_given_up)
{
	because_own(o, FACT_block);
	because_own(o, FACT_reset_received);
	return AS(tcp_send_block)->error != 0;
}

/* The call has returned already, with less than it was asked for: what ended the wait was a timeout or a signal. */
FITS(block_ran_out)
{
	const struct witness *sent = endpoint_fact(o->m->self, FACT_send), *begun = endpoint_fact(o->m->self, FACT_block);

	because_own(o, FACT_block);
	because_own(o, FACT_send);
	return own(o)->sent_short && sent && begun && sent->time_ns >= begun->time_ns;
}

FITS(block_released)
{
	because_own(o, FACT_block);
	because_peer(o, FACT_recv);
	return true;
}

static bool recv_error(const struct occasion *o, int error)
{
	return error_plain(AS(tcp_recv)->error) == error;
}

static bool recv_nothing(const struct occasion *o)
{
	return !AS(tcp_recv)->error && AS(tcp_recv)->done_bytes == 0 && AS(tcp_recv)->asked_bytes != 0;
}

FITS(recv_reset)
{
	because_reset(o);
	return recv_error(o, ECONNRESET) && seen(o, FACT_reset_received);
}

FITS(recv_reset_own)
{
	because_own(o, FACT_shutdown);
	because_own(o, FACT_reset_sent);
	return recv_error(o, ECONNRESET) && seen(o, FACT_reset_sent);
}

FITS(recv_reset_unseen)
{
	because_own(o, FACT_error);
	return recv_error(o, ECONNRESET);
}

FITS(recv_timed_out)
{
	because_own(o, FACT_error);
	return recv_error(o, ETIMEDOUT);
}

FITS(recv_eof_own)
{
	return recv_nothing(o) && (own(o)->shutdown_done & 1) && !seen(o, FACT_fin_received);
}

FITS(recv_eof_reset)
{
	if (!recv_nothing(o) || seen(o, FACT_fin_received) || !seen(o, FACT_reset_received))
		return false;
	because_reset(o);
	because_own(o, FACT_call_error);
	return true;
}

FITS(recv_eof)
{
	if (!recv_nothing(o))
		return false;
	because_peer(o, FACT_shutdown);
	because_peer(o, FACT_close);
	because_own(o, FACT_fin_received);
	if (o->m->self)
		because(o, &o->m->self->time_wait);
	return true;
}

/* ---- repetitions, probes, delays ---- */

static bool repeats(const struct occasion *o, enum retransmit kind)
{
	return AS(tcp_retransmit)->kind == kind;
}

FITS(retransmit_syn)
{
	because_own(o, FACT_syn);
	return repeats(o, RETRANSMIT_syn);
}

FITS(retransmit_syn_ack)
{
	because_own(o, FACT_syn_recv);
	return repeats(o, RETRANSMIT_syn_ack);
}

FITS(retransmit_fast)
{
	return repeats(o, RETRANSMIT_fast);
}

FITS(retransmit_tlp)
{
	return repeats(o, RETRANSMIT_tlp);
}

FITS(retransmit_fin)
{
	const struct event_tcp_retransmit *e = AS(tcp_retransmit);

	/* A FIN takes one number and nothing else is left to repeat. */
	return repeats(o, RETRANSMIT_rto) && e->length <= 1 &&
	       (e->state == TCP_FIN_WAIT1 || e->state == TCP_LAST_ACK || e->state == TCP_CLOSING);
}

FITS(retransmit_rto)
{
	return repeats(o, RETRANSMIT_rto);
}

FITS(retransmit)
{
	(void)o;
	return true;
}

FITS(probe_keepalive_idle)
{
	return AS(tcp_probe)->kind == PROBE_keepalive && AS(tcp_probe)->idle_ns;
}

FITS(probe_keepalive)
{
	return AS(tcp_probe)->kind == PROBE_keepalive;
}

FITS(probe_zero_window)
{
	return AS(tcp_probe)->kind == PROBE_zero_window;
}

FITS(ack_held)
{
	return AS(tcp_ack_delayed)->phase == PHASE_begins;
}

FITS(ack_late_nagle)
{
	because_own(o, FACT_ack_delayed);
	because_peer(o, FACT_nagle);
	return AS(tcp_ack_delayed)->phase != PHASE_begins && AS(tcp_ack_delayed)->held_ns >= NOTABLE_NS &&
	       peers(o)->nagle_holds;
}

FITS(ack_late)
{
	because_own(o, FACT_ack_delayed);
	return AS(tcp_ack_delayed)->phase != PHASE_begins && AS(tcp_ack_delayed)->held_ns >= NOTABLE_NS;
}

FITS(nagle_hold)
{
	return AS(tcp_nagle_hold)->phase == PHASE_begins && AS(tcp_nagle_hold)->reason == HOLD_nagle;
}

FITS(cork_hold)
{
	return AS(tcp_nagle_hold)->phase == PHASE_begins;
}

FITS(nagle_delayed_ack)
{
	const struct witness *held = endpoint_fact(o->m->self, FACT_nagle);
	const struct witness *delayed = endpoint_fact(o->m->peer, FACT_ack_delayed);

	if (AS(tcp_nagle_hold)->reason != HOLD_nagle || AS(tcp_nagle_hold)->held_ns < NOTABLE_NS || !held || !delayed ||
	    delayed->time_ns + 2 * AS(tcp_nagle_hold)->held_ns < o->m->event->time_ns)
		return false;
	because(o, held);
	because(o, delayed);
	return true;
}

FITS(nagle_release)
{
	because_own(o, FACT_nagle);
	return true;
}
