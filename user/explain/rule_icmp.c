/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain/predicate.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "event/name.h"

static bool icmp_is(const struct occasion *o, const char *type)
{
	uint16_t have = o->m->event->id == EVENT_icmp_sent ? AS(icmp_sent)->type : AS(icmp_received)->type;
	int64_t value;

	return name_value(KIND_ICMP_TYPE, type, &value) == 0 && value == have;
}

/* No socket of TCP answers like this, and no router for want of a path: somebody forbade it. */
FITS(icmp_rejected)
{
	uint8_t code = AS(icmp_sent)->code;

	return AS(icmp_sent)->about == IPPROTO_TCP &&
	       ((icmp_is(o, "unreachable") && (code == 3 || code == 9 || code == 10 || code == 13)) ||
		(icmp_is(o, "icmp6_unreachable") && (code == 1 || code == 4)));
}

FITS(icmp_port)
{
	return (icmp_is(o, "unreachable") && AS(icmp_sent)->code == 3) ||
	       (icmp_is(o, "icmp6_unreachable") && AS(icmp_sent)->code == 4);
}

FITS(icmp_fragments)
{
	return (icmp_is(o, "time_exceeded") || icmp_is(o, "icmp6_time_exceeded")) && AS(icmp_sent)->code == 1;
}

FITS(icmp_ping)
{
	return icmp_is(o, "echo") || icmp_is(o, "icmp6_echo");
}

FITS(icmp_pong)
{
	return icmp_is(o, "echo_reply") || icmp_is(o, "icmp6_echo_reply");
}

static bool about_tcp(const struct occasion *o, enum icmp_fate fate)
{
	return AS(icmp_received)->head.protocol == IPPROTO_TCP && AS(icmp_received)->fate == fate;
}

static bool opens(const struct occasion *o)
{
	return o->m->self && (o->m->self->state == TCP_SYN_SENT || o->m->self->state == TCP_SYN_RECV);
}

FITS(icmp_syn)
{
	because_own(o, FACT_syn);
	return about_tcp(o, ICMP_FATE_delivered);
}

FITS(icmp_syn_busy)
{
	because_own(o, FACT_syn);
	return about_tcp(o, ICMP_FATE_soft) && opens(o);
}

FITS(icmp_tcp_silent)
{
	return about_tcp(o, ICMP_FATE_silent);
}

FITS(icmp_tcp_asked)
{
	because_own(o, FACT_send);
	return about_tcp(o, ICMP_FATE_queued);
}

/* Whether the socket was connected when the error came, and to whom, is known from its connect() only. */
FITS(icmp_other_peer)
{
	const struct endpoint *self = o->m->self;

	because_own(o, FACT_connect);
	return AS(icmp_received)->fate == ICMP_FATE_silent && self && self->protocol == IPPROTO_UDP && self->connected &&
	       (self->remote.port != AS(icmp_received)->head.remote_port ||
		memcmp(&self->remote.ip, &AS(icmp_received)->head.remote, sizeof(self->remote.ip)) != 0);
}

FITS(icmp_mtu)
{
	because_own(o, FACT_send);
	return AS(icmp_received)->fate == ICMP_FATE_silent && error_plain(AS(icmp_received)->error) == EMSGSIZE;
}

/* Of the codes of "unreachable" those that say nothing final: icmp_err_convert, and tab_unreach in net/ipv6/icmp.c. */
FITS(icmp_transient)
{
	uint8_t code = AS(icmp_received)->code;

	because_own(o, FACT_send);
	if (AS(icmp_received)->fate != ICMP_FATE_silent)
		return false;
	if (icmp_is(o, "unreachable"))
		return code == 0 || code == 1 || code == 5 || code == 11 || code == 12;
	if (icmp_is(o, "icmp6_unreachable"))
		return code == 0 || code == 2 || code == 3;
	return icmp_is(o, "time_exceeded") || icmp_is(o, "icmp6_time_exceeded");
}

FITS(icmp_silent)
{
	because_own(o, FACT_send);
	return AS(icmp_received)->fate == ICMP_FATE_silent;
}

FITS(icmp_delivered)
{
	because_own(o, FACT_send);
	return AS(icmp_received)->fate == ICMP_FATE_delivered;
}

FITS(icmp_queued)
{
	because_own(o, FACT_send);
	return AS(icmp_received)->fate == ICMP_FATE_queued;
}

FITS(icmp_soft)
{
	return AS(icmp_received)->fate == ICMP_FATE_soft;
}
