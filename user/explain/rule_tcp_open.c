/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain/predicate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/language.h"

static bool connect_error(const struct occasion *o, int error)
{
	return error_plain(AS(tcp_connect)->error) == error;
}

FITS(connect_reset)
{
	if (!connect_error(o, ECONNREFUSED) || !seen(o, FACT_reset_received))
		return false;
	because_own(o, FACT_syn);
	because_own(o, FACT_reset_received);
	return true;
}

static void word_router(struct occasion *o)
{
	const struct event_address *a = &own(o)->icmp_from;
	char printed[INET6_ADDRSTRLEN];

	text_put(word(o, "router"), inet_ntop(a->family, a->ip.bytes, printed, sizeof(printed)) ? printed : "?");
	because_own(o, FACT_syn);
	because_own(o, FACT_icmp);
}

FITS(connect_refused_icmp)
{
	if (!connect_error(o, ECONNREFUSED) || !seen(o, FACT_icmp))
		return false;
	word_router(o);
	return true;
}

FITS(connect_refused)
{
	because_own(o, FACT_syn);
	return connect_error(o, ECONNREFUSED);
}

FITS(connect_timeout)
{
	uint32_t repeats = own(o)->syn_repeats;

	if (!connect_error(o, ETIMEDOUT))
		return false;
	text_printf(word(o, "repeats"), ngettext("%u repetition", "%u repetitions", repeats), repeats);
	because_own(o, FACT_syn);
	because_own(o, FACT_retransmit);
	return true;
}

/*
 * Whether this machine refused by itself: no SYN was prepared, and the socket got no port; with one it bound before, it must at least
 * have been fast.
 */
static bool refused_here(const struct occasion *o, int error)
{
	return connect_error(o, error) && !own(o)->call_attempted &&
	       (!AS(tcp_connect)->head.local_port || AS(tcp_connect)->duration_ns < NOTABLE_NS);
}

FITS(connect_no_route)
{
	return refused_here(o, ENETUNREACH);
}

FITS(connect_route_refuses)
{
	return refused_here(o, EHOSTUNREACH);
}

FITS(connect_prohibited)
{
	return refused_here(o, EACCES);
}

/* fe80::/10: __ip6_datagram_connect and tcp_v6_connect want to know the interface. */
FITS(connect_no_scope)
{
	const struct event_address *asked = &AS(tcp_connect)->asked;

	return refused_here(o, EINVAL) && asked->family == AF_INET6 && asked->ip.bytes[0] == 0xfe &&
	       (asked->ip.bytes[1] & 0xc0) == 0x80;
}

static bool unreachable(const struct occasion *o)
{
	return connect_error(o, EHOSTUNREACH) || connect_error(o, ENETUNREACH);
}

FITS(connect_icmp)
{
	if (!unreachable(o) || !seen(o, FACT_icmp))
		return false;
	word_router(o);
	because_own(o, FACT_error);
	return true;
}

FITS(connect_unreachable)
{
	because_own(o, FACT_syn);
	because_own(o, FACT_error);
	return unreachable(o);
}

FITS(connect_no_port)
{
	return connect_error(o, EADDRNOTAVAIL);
}

FITS(connect_dissolved)
{
	const struct witness *reset = endpoint_fact(o->m->self, FACT_reset_sent);

	if (AS(tcp_connect)->asked.family || AS(tcp_connect)->error)
		return false;
	if (reset && reset->time_ns + AS(tcp_connect)->duration_ns >= o->m->event->time_ns)
		because(o, reset);
	return true;
}

FITS(connect_answered)
{
	if (!connect_error(o, EINPROGRESS) || !o->m->self || !seen(o, FACT_established))
		return false;
	because_own(o, FACT_established);
	return true;
}

FITS(connect_ended)
{
	if (!connect_error(o, EINPROGRESS) || !o->m->self || o->m->self->state != TCP_CLOSE)
		return false;
	because_own(o, FACT_reset_received);
	because_own(o, FACT_error);
	return true;
}

/* A socket that may not wait does not, however busy the machine: one that waited would wait still, but for SO_SNDTIMEO. */
FITS(connect_timed)
{
	uint64_t limit = own(o)->send_timeout_ns ? own(o)->send_timeout_ns : 500000000;

	because_own(o, FACT_send_timeout);
	return connect_error(o, EINPROGRESS) && AS(tcp_connect)->duration_ns >= limit;
}

FITS(connect_goes_on)
{
	return connect_error(o, EINPROGRESS);
}

FITS(connect_failed)
{
	return AS(tcp_connect)->error != 0;
}

FITS(connect_before_accept)
{
	const struct endpoint *p = o->m->peer;

	if (!p || p->kind != ENDPOINT_child)
		return false;
	say_process(word(o, "listener_name"), &p->comm, p->pid);
	because_own(o, FACT_established);
	because_peer(o, FACT_established);
	return true;
}

FITS(connect_collected)
{
	const struct witness *stands = endpoint_fact(o->m->self, FACT_established);

	because_own(o, FACT_established);
	return stands && stands->time_ns + AS(tcp_connect)->duration_ns < o->m->event->time_ns;
}

FITS(connect_done)
{
	because_own(o, FACT_syn);
	because_own(o, FACT_established);
	return true;
}

FITS(syn_recv)
{
	because_peer(o, FACT_syn);
	because_peer(o, FACT_retransmit);
	return true;
}

FITS(accept_failed)
{
	return AS(tcp_accept)->error != 0 && error_plain(AS(tcp_accept)->error) != EAGAIN;
}

FITS(accept_reset)
{
	because_own(o, FACT_established);
	because_own(o, FACT_reset_received);
	return !AS(tcp_accept)->error && seen(o, FACT_reset_received);
}

FITS(accept_waited)
{
	because_own(o, FACT_established);
	return !AS(tcp_accept)->error && AS(tcp_accept)->queued_ns >= NOTABLE_NS;
}

FITS(accept_prompt)
{
	because_own(o, FACT_established);
	return !AS(tcp_accept)->error;
}

FITS(drop_accept_queue)
{
	return AS(tcp_listen_drop)->reason == LISTEN_DROP_accept_queue;
}

FITS(drop_syn_queue)
{
	return AS(tcp_listen_drop)->reason == LISTEN_DROP_syn_queue;
}

FITS(drop_listen)
{
	return AS(tcp_listen_drop)->reason == LISTEN_DROP_unknown;
}
