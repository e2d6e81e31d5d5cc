/* SPDX-License-Identifier: BSD-2-Clause */
#include "render/ladder.h"

#include <stdlib.h>
#include <string.h>

#include "base/language.h"
#include "base/memory.h"
#include "render/phrase.h"

struct ladder_shape ladder_shape(unsigned width)
{
	enum { LANES = 3, LEAST = 60, NARROW = 17, WIDE = 30, SIDE = 25 };
	unsigned room = (width ? width < LEAST ? LEAST : width : 100) - LADDER_TIME - LANES;
	struct ladder_shape shape = { .gap = NARROW };

	/* A call with an address takes 25 columns; flags need 17. What is left goes to the gap first: there a number fits too. */
	if (room > 2 * SIDE + NARROW)
		shape.gap = room - 2 * SIDE < WIDE ? room - 2 * SIDE : WIDE;
	shape.side = (room - shape.gap) / 2;
	return shape;
}

void ladder_time(struct text *to, const char *time)
{
	size_t length = strlen(time) < LADDER_TIME ? strlen(time) : LADDER_TIME - 1;

	text_append(to, time, length);
	for (; length < LADDER_TIME; length++)
		text_char(to, ' ');
}

static void row_clear(struct ladder_row *row)
{
	text_finish(&row->left);
	text_finish(&row->right);
	text_finish(&row->label);
	text_finish(&row->length);
	text_finish(&row->detail);
}

static void clear(struct ladder *l)
{
	for (size_t i = 0; i < l->count; i++)
		row_clear(&l->rows[i]);
	l->count = 0;
}

void ladder_finish(struct ladder *l)
{
	clear(l);
	free(l->rows);
	*l = (struct ladder){ 0 };
}

/* `e`: the event that gives the row its time, NULL for none. */
static struct ladder_row *add(struct ladder *l, enum ladder_kind kind, enum ladder_side side, const struct event *e)
{
	if (l->count == l->room) {
		l->room = l->room ? l->room * 2 : 4;
		l->rows = memory_resize(l->rows, l->room, sizeof(*l->rows));
	}
	l->rows[l->count] = (struct ladder_row){ .kind = kind, .side = side };
	if (e) {
		l->rows[l->count].timed = true;
		l->rows[l->count].time_ns = e->time_ns;
	}
	return &l->rows[l->count++];
}

enum ladder_side ladder_side_alone(const struct ladder *l, const struct endpoint *ep, const struct event *e)
{
	if (ep->role == ROLE_server || ep->role == ROLE_listener)
		return LADDER_right;
	return ep->role != ROLE_client && l->right && l->right(e, l->context) ? LADDER_right : LADDER_left;
}

/* The opener's lane is on the left; an end seen alone is where its role puts it. */
static enum ladder_side side_of(const struct ladder *l, const struct moment *m)
{
	const struct conversation *c = m->conversation;

	if (!m->self || (m->self != c->end[0] && m->self != c->end[1]))
		return m->peer == c->end[0] ? LADDER_right : LADDER_left;
	if (c->end[1])
		return m->self == c->end[0] ? LADDER_left : LADDER_right;
	return ladder_side_alone(l, m->self, m->event);
}

static void name_lane(struct text *to, const struct endpoint *ep)
{
	if (ep->pid) {
		say_process(to, &ep->comm, ep->pid);
		text_char(to, ' ');
	}
	if (ep->local.port || ep->local_path)
		say_local(to, ep);
}

static void name_far_lane(struct text *to, const struct endpoint *ep)
{
	if (ep->remote.port || ep->remote_path)
		say_remote(to, ep);
}

static void heading(struct ladder *l, const struct moment *m)
{
	const struct conversation *c = m->conversation;
	struct ladder_row *row;

	if (l->conversation == c->number && l->version == c->version)
		return;
	l->conversation = c->number;
	l->version = c->version;
	row = add(l, LADDER_heading, LADDER_left, NULL);
	if (c->end[1]) {
		name_lane(&row->left, c->end[0]);
		name_lane(&row->right, c->end[1]);
	} else if (ladder_side_alone(l, c->end[0], m->event) == LADDER_left) {
		name_lane(&row->left, c->end[0]);
		if (m->peer && m->peer != c->end[0])
			name_lane(&row->right, m->peer);
		else
			name_far_lane(&row->right, c->end[0]);
	} else {
		name_far_lane(&row->left, c->end[0]);
		name_lane(&row->right, c->end[0]);
	}
}

/* ---- segments ---- */

static bool same_way(const struct ladder_segment *p, const struct event *received)
{
	struct address from = address_plain(address_remote(received)), to = address_plain(address_local(received));

	return address_equal(&p->from, &from) && address_equal(&p->to, &to);
}

static bool already_drawn(struct ladder *l, const struct event_tcp_segment *e)
{
	for (unsigned i = 0; i < LADDER_PENDING; i++) {
		struct ladder_segment *p = &l->pending[i];

		if (p->used && p->seq == e->seq && p->flags == e->flags && same_way(p, &e->head)) {
			p->used = false;
			return true;
		}
	}
	return false;
}

static void segment(struct ladder *l, const struct moment *m)
{
	enum { FLAG_SYN = 0x02, FLAG_RST = 0x04 };
	const struct event_tcp_segment *e = (const struct event_tcp_segment *)m->event;
	bool sent = e->direction == DIRECTION_sent;
	enum ladder_side from = side_of(l, m);
	struct ladder_row *row;

	if (!sent)
		from = from == LADDER_left ? LADDER_right : LADDER_left;
	if (sent)
		l->pending[l->next_pending++ % LADDER_PENDING] = (struct ladder_segment){
			.from = address_plain(address_local(m->event)), .to = address_plain(address_remote(m->event)),
			.seq = e->seq, .flags = e->flags, .used = true,
		};
	row = add(l, LADDER_arrow, from, m->event);
	say_sentence(&row->label, "{flags}", m, NULL);
	if (e->length)
		say_sentence(&row->length, "len {length:number}", m, NULL);
	if (!e->window && !(e->flags & (FLAG_SYN | FLAG_RST)))
		text_put(&row->label, " win 0");
	say_sentence(&row->detail, "seq {seq}", m, NULL);
	row->trouble = e->repeated || (e->flags & FLAG_RST);
}

/* What reaches the other end without a segment of its own to show: one arrow per datagram or unix write. */
static bool travels(const struct event *e)
{
	switch (e->id) {
	case EVENT_udp_send:
		return !((const struct event_udp_send *)e)->error && !((const struct event_udp_send *)e)->corked;
	case EVENT_unix_send:
		return !((const struct event_unix_send *)e)->error;
	default:
		return false;
	}
}

static void remember_drop(struct ladder *l, const struct event *e)
{
	if (e->id != EVENT_udp_drop)
		return;
	l->dropped_from = address_plain(address_remote(e));
	l->dropped_to = address_plain(address_local(e));
	l->dropped_ns = e->time_ns;
}

/* Where the other end is on this machine, the datagram is dropped before the call that sends it returns. */
static bool nobody_got(const struct ladder *l, const struct event *e)
{
	const struct event_udp_send *s = (const struct event_udp_send *)e;

	return e->id == EVENT_udp_send && l->dropped_ns && l->dropped_ns + s->duration_ns >= e->time_ns &&
	       l->dropped_from.port == e->local_port && l->dropped_to.port == s->to.port;
}

static void in_lane(struct ladder *l, const struct moment *m)
{
	struct ladder_row *row;

	if (m->event->id == EVENT_tcp_segment) {
		segment(l, m);
		return;
	}
	row = add(l, LADDER_call, side_of(l, m), m->event);
	phrase_write(&row->label, m);
	row->trouble = phrase_is_trouble(m->event);
	if (travels(m->event)) {
		row = add(l, nobody_got(l, m->event) ? LADDER_stub : LADDER_arrow, side_of(l, m), m->event);
		say_sentence(&row->label, "{done_bytes}", m, NULL);
	}
}

static void notes_add(struct ladder *l, const struct note_list *notes)
{
	for (size_t i = 0; i < notes->count; i++) {
		struct ladder_row *row = add(l, LADDER_note, LADDER_left, NULL);

		text_put(&row->label, notes->notes[i].sentence);
		row->reference = notes->notes[i].reference;
	}
}

void ladder_moment(struct ladder *l, const struct moment *m, const struct note_list *notes)
{
	struct ladder_row *row;

	clear(l);
	remember_drop(l, m->event);
	if (m->event->id == EVENT_tcp_segment && ((const struct event_tcp_segment *)m->event)->direction == DIRECTION_received &&
	    already_drawn(l, (const struct event_tcp_segment *)m->event)) {
		notes_add(l, notes);
		return;
	}
	if (m->conversation) {
		heading(l, m);
		in_lane(l, m);
	} else {
		row = add(l, LADDER_aside, LADDER_left, m->event);
		if (m->event->pid) {
			say_owner(&row->label, m);
			text_put(&row->label, ": ");
		}
		phrase_write(&row->label, m);
		row->trouble = phrase_is_trouble(m->event);
	}
	notes_add(l, notes);
}
