/* SPDX-License-Identifier: BSD-2-Clause */
#include "lesson/standing.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define AS(name) ((const struct event_##name *)e)

static struct standing *find(const struct standings *s, const struct event *e)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->rows[i].socket == e->socket)
			return &s->rows[i];
	}
	return NULL;
}

static struct standing *find_or_add(struct standings *s, const struct event *e)
{
	struct standing *row = find(s, e);

	if (row)
		return row;
	if (s->count == s->room) {
		s->room = s->room ? s->room * 2 : 16;
		s->rows = memory_resize(s->rows, s->room, sizeof(*s->rows));
	}
	row = &s->rows[s->count++];
	*row = (struct standing){ .socket = e->socket, .pid = e->pid, .comm = e->comm, .since_ns = e->time_ns };
	return row;
}

static void drop(struct standings *s, struct standing *row)
{
	s->count--;
	memmove(row, row + 1, (s->rows + s->count - row) * sizeof(*row));
}

static void move(struct standings *s, const struct event *e)
{
	struct standing *row = find(s, e);

	/* Before 6.13 the child's first move carries the listener's identity (inet_csk_clone_lock); the listener stays. */
	if (row && row->state == TCP_LISTEN && AS(tcp_state)->newstate == TCP_SYN_RECV)
		return;
	if (AS(tcp_state)->newstate == TCP_CLOSE) {
		if (row && !row->entry)
			drop(s, row);
		return;
	}
	row = find_or_add(s, e);
	row->state = AS(tcp_state)->newstate;
	row->since_ns = e->time_ns;
}

static void keep_addresses(struct standings *s, const struct event *e)
{
	struct standing *row = find_or_add(s, e);

	row->entry = true;
	row->state = AS(tcp_time_wait)->substate;
	row->since_ns = e->time_ns;
	row->ends_ns = e->time_ns + AS(tcp_time_wait)->timeout_ns;
}

void standings_event(struct standings *s, const struct event *e)
{
	struct standing *row;

	switch (e->id) {
	case EVENT_tcp_state:
		move(s, e);
		break;
	case EVENT_tcp_time_wait:
		keep_addresses(s, e);
		break;
	case EVENT_tcp_time_wait_end:
		row = find(s, e);
		if (row && row->entry)
			drop(s, row);
		break;
	case EVENT_tcp_send_block:
		row = find(s, e);
		if (row)
			row->reason = AS(tcp_send_block)->phase == PHASE_begins ? AS(tcp_send_block)->reason + 1 : 0;
		break;
	case EVENT_sock_close:
		row = AS(sock_close)->last ? find(s, e) : NULL;
		if (row && row->state == TCP_LISTEN)
			drop(s, row);
		else if (row)
			row->orphan = true;
		break;
	default:
		break;
	}
	row = e->pid && e->attribution == ATTRIBUTION_exact ? find(s, e) : NULL;
	if (row) {
		row->pid = e->pid;
		row->comm = e->comm;
	}
}

void standings_finish(struct standings *s)
{
	free(s->rows);
	*s = (struct standings){ 0 };
}
