/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain/predicate.h"

#include <errno.h>
#include <sys/socket.h>

/* Where no wait is seen as such, a busy machine may make a call last this long. */
#define WAITED_NS 20000000ull

static bool unix_connect_error(const struct occasion *o, int error)
{
	return error_plain(AS(unix_connect)->error) == error;
}

FITS(unix_no_file)
{
	return unix_connect_error(o, ENOENT);
}

static bool path_is_abstract(const struct event_path *path)
{
	return path->length && !path->bytes[0];
}

FITS(unix_nobody_abstract)
{
	return unix_connect_error(o, ECONNREFUSED) && path_is_abstract(&AS(unix_connect)->path);
}

FITS(unix_nobody)
{
	return unix_connect_error(o, ECONNREFUSED);
}

FITS(unix_not_permitted)
{
	return unix_connect_error(o, EACCES);
}

FITS(unix_connect_full)
{
	return unix_connect_error(o, EAGAIN);
}

FITS(unix_connect_type)
{
	return unix_connect_error(o, EPROTOTYPE);
}

FITS(unix_connect_failed)
{
	return AS(unix_connect)->error != 0;
}

FITS(unix_connect_waited)
{
	return !AS(unix_connect)->error && AS(unix_connect)->duration_ns >= WAITED_NS;
}

FITS(unix_connected)
{
	return AS(unix_connect)->type != SOCK_DGRAM;
}

FITS(unix_connected_datagram)
{
	return AS(unix_connect)->type == SOCK_DGRAM;
}

FITS(unix_accepted)
{
	because_peer(o, FACT_connect);
	return !AS(unix_accept)->error;
}

static bool unix_send_error(const struct occasion *o, int error)
{
	return error_plain(AS(unix_send)->error) == error;
}

FITS(unix_reset)
{
	because_peer(o, FACT_close);
	return unix_send_error(o, ECONNRESET);
}

FITS(unix_pipe_own)
{
	because_own(o, FACT_shutdown);
	return unix_send_error(o, EPIPE) && seen(o, FACT_shutdown);
}

FITS(unix_pipe_shut)
{
	return unix_send_error(o, EPIPE) && peers(o)->shutdown_done & 1 && !peer_seen(o, FACT_close);
}

FITS(unix_pipe)
{
	because_peer(o, FACT_close);
	return unix_send_error(o, EPIPE) && peer_seen(o, FACT_close);
}

FITS(unix_pipe_unseen)
{
	return unix_send_error(o, EPIPE);
}

FITS(unix_send_gone)
{
	because_peer(o, FACT_close);
	return unix_send_error(o, ECONNREFUSED) && !AS(unix_send)->path.length;
}

FITS(unix_send_nobody_abstract)
{
	return unix_send_error(o, ECONNREFUSED) && path_is_abstract(&AS(unix_send)->path);
}

FITS(unix_send_nobody)
{
	return unix_send_error(o, ECONNREFUSED);
}

FITS(unix_send_no_file)
{
	return unix_send_error(o, ENOENT);
}

FITS(unix_send_no_name)
{
	return unix_send_error(o, ENOTCONN);
}

FITS(unix_send_full)
{
	return unix_send_error(o, EAGAIN);
}

FITS(unix_send_too_big)
{
	return unix_send_error(o, EMSGSIZE);
}

FITS(unix_send_failed)
{
	return AS(unix_send)->error != 0;
}

/* A file that ends takes less than sendfile() or splice() were asked for. */
FITS(unix_send_partial)
{
	const struct event_unix_send *e = AS(unix_send);

	return e->done_bytes < e->asked_bytes && e->call != CALL_sendfile && e->call != CALL_splice;
}

FITS(unix_send_waited)
{
	return AS(unix_send)->duration_ns >= WAITED_NS;
}

FITS(unix_passed)
{
	return !AS(unix_send)->error && AS(unix_send)->descriptors;
}

FITS(unix_got_passed)
{
	return AS(unix_recv)->descriptors != 0;
}

FITS(unix_recv_reset)
{
	because_peer(o, FACT_close);
	return error_plain(AS(unix_recv)->error) == ECONNRESET;
}

FITS(unix_eof_own)
{
	return AS(unix_recv)->eof == EOF_local_shutdown;
}

FITS(unix_eof_died)
{
	because_peer(o, FACT_close);
	return AS(unix_recv)->eof == EOF_peer_died;
}

FITS(unix_eof)
{
	because_peer(o, FACT_close);
	because_peer(o, FACT_shutdown);
	return AS(unix_recv)->eof == EOF_peer_closed || AS(unix_recv)->eof == EOF_peer_shutdown;
}

FITS(unix_peeked)
{
	return !AS(unix_recv)->error && AS(unix_recv)->flags & MSG_PEEK && AS(unix_recv)->done_bytes;
}

FITS(unix_recv_truncated)
{
	return AS(unix_recv)->truncated;
}

FITS(unix_empty)
{
	because_peer(o, FACT_send);
	return AS(unix_recv)->eof == EOF_empty_datagram;
}
