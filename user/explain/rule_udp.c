/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain/predicate.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* `sendto` has been refused before its datagram was offered to the network: see sock_error(), net/core/sock.c. */
FITS(udp_refused_now)
{
	because_own(o, FACT_send);
	because_own(o, FACT_error);
	return error_plain(AS(udp_send)->error) == ECONNREFUSED && seen(o, FACT_error);
}

FITS(udp_refused)
{
	because_own(o, FACT_error);
	return error_plain(AS(udp_send)->error) == ECONNREFUSED;
}

/* What would fit into an IP packet of IPv4, and so does of IPv6. */
/* From an IPv6 socket to an IPv4 address (RFC 4291, 2.5.5.2). */
static bool to_mapped(const struct event_udp_send *e)
{
	return e->to.port && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)&e->to.ip);
}

FITS(udp_too_big_mtu)
{
	return error_plain(AS(udp_send)->error) == EMSGSIZE && AS(udp_send)->asked_bytes <= 65507 && !AS(udp_send)->gso_bytes;
}

FITS(udp_collected)
{
	because_own(o, FACT_send);
	because_own(o, FACT_error);
	return AS(udp_send)->error && own(o)->collected;
}

FITS(udp_cork_lost)
{
	because_own(o, FACT_send);
	return AS(udp_send)->error && AS(udp_send)->kept_bytes && !AS(udp_send)->corked;
}

/* An IPv6 socket that sends to an IPv4 address (RFC 4291, 2.5.5.2) is bound by IPv4's limit. */
FITS(udp_too_big_v6)
{
	const struct event_udp_send *e = AS(udp_send);

	return error_plain(e->error) == EMSGSIZE && e->head.family == AF_INET6 && e->asked_bytes > 65527 && !to_mapped(e);
}

FITS(udp_no_peer)
{
	return error_plain(AS(udp_send)->error) == EDESTADDRREQ;
}

FITS(udp_too_big)
{
	const struct event_udp_send *e = AS(udp_send);

	return error_plain(e->error) == EMSGSIZE && e->asked_bytes > 65507 && (e->head.family == AF_INET || to_mapped(e));
}

FITS(udp_send_failed)
{
	return AS(udp_send)->error != 0;
}

FITS(udp_corked)
{
	return AS(udp_send)->corked;
}

FITS(udp_uncorked)
{
	because_own(o, FACT_send);
	return !AS(udp_send)->error && AS(udp_send)->kept_bytes;
}

static bool several_datagrams(struct occasion *o, uint64_t size, uint64_t all)
{
	if (!size || all <= size)
		return false;
	text_u64(word(o, "datagrams"), (all + size - 1) / size);
	return true;
}

FITS(udp_segmented)
{
	return several_datagrams(o, AS(udp_send)->gso_bytes, AS(udp_send)->done_bytes);
}

FITS(udp_merged)
{
	return several_datagrams(o, AS(udp_recv)->gro_bytes, AS(udp_recv)->datagram_bytes);
}

FITS(udp_fragmented)
{
	return AS(udp_send)->fragments > 1;
}

FITS(udp_other_peer)
{
	const struct event_udp_send *e = AS(udp_send);

	return e->to.port && e->head.remote_port && (e->to.port != e->head.remote_port ||
	       (e->to.family == e->head.family && memcmp(&e->to.ip, &e->head.remote, sizeof(e->to.ip)) != 0));
}

FITS(udp_error_report)
{
	because_own(o, FACT_send);
	return !AS(udp_recv)->error && AS(udp_recv)->flags & MSG_ERRQUEUE;
}

FITS(udp_peeked)
{
	return !AS(udp_recv)->error && AS(udp_recv)->flags & MSG_PEEK;
}

FITS(udp_recv_truncated)
{
	return AS(udp_recv)->truncated;
}

FITS(udp_recv_empty)
{
	return !AS(udp_recv)->error && !AS(udp_recv)->done_bytes && AS(udp_recv)->asked_bytes;
}

FITS(udp_recv_refused)
{
	because_own(o, FACT_error);
	return error_plain(AS(udp_recv)->error) == ECONNREFUSED || (AS(udp_recv)->error && own(o)->collected);
}

/* What any busy reader needs is not worth a word. */
FITS(udp_recv_waited)
{
	return !AS(udp_recv)->error && AS(udp_recv)->waited_ns >= 10000000;
}

FITS(udp_connect_source)
{
	because_own(o, FACT_connect);
	return error_plain(AS(udp_connect)->error) == EINVAL && AS(udp_connect)->peer_before.port;
}

FITS(udp_connect_failed)
{
	return AS(udp_connect)->error != 0;
}

FITS(udp_connected_again)
{
	const struct event_udp_connect *e = AS(udp_connect);

	return e->peer_before.port && e->peer_before.port == e->asked.port && e->peer_before.family == e->asked.family &&
	       !memcmp(&e->peer_before.ip, &e->asked.ip, sizeof(e->asked.ip));
}

FITS(udp_reconnected)
{
	return AS(udp_connect)->peer_before.port != 0;
}

FITS(udp_disconnected)
{
	return !AS(udp_disconnect)->error && AS(udp_disconnect)->peer_before.port;
}

FITS(udp_connected)
{
	return !AS(udp_connect)->error;
}

FITS(udp_dropped_full)
{
	return AS(udp_drop)->reason == UDP_DROP_receive_buffer;
}

FITS(udp_dropped_no_socket)
{
	return AS(udp_drop)->reason == UDP_DROP_no_socket;
}

FITS(udp_dropped_filter)
{
	return AS(udp_drop)->reason == UDP_DROP_filter;
}

FITS(udp_dropped_checksum)
{
	return AS(udp_drop)->reason == UDP_DROP_checksum;
}

FITS(udp_dropped_memory)
{
	return AS(udp_drop)->reason == UDP_DROP_memory;
}
