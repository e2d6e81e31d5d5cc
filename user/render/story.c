/* SPDX-License-Identifier: BSD-2-Clause */
#include "render/story.h"

#include <stdlib.h>

#include "base/memory.h"

struct story {
	const struct renderer *renderer;
	void *rendering;
	struct matcher *matcher;
	struct explain *explain;
	struct note_list notes;
	struct story_count count;
	uint32_t number; /* of the last event */
};

struct story *story_create(const struct renderer *renderer, const struct renderer_options *options)
{
	struct story *s = memory_create(1, sizeof(*s));

	s->renderer = renderer;
	s->rendering = renderer->begin(options);
	s->matcher = matcher_create(NULL);
	s->explain = explain_create();
	return s;
}

/* What a listener gets, and a RST of no socket, belongs to the conversation of the end it is about. */
static void find_conversation(const struct story *s, struct moment *m)
{
	if (m->self) {
		m->peer = m->self->peer;
		m->conversation = m->self->conversation;
	}
	if (!m->self || (m->self->role == ROLE_listener && m->event->remote_port)) {
		m->peer = matcher_mirror(s->matcher, m->event);
		if (m->peer)
			m->conversation = m->peer->conversation;
	}
}

/* A socket for datagrams has as many peers as it likes: what it sends to one of them belongs to that one's tale. */
static void find_correspondent(const struct story *s, struct moment *m)
{
	struct endpoint *other = m->self ? matcher_correspondent(s->matcher, m->self, m->event) : NULL;

	if (!other || other == m->self->peer || other->role == ROLE_listener)
		return;
	m->peer = other;
	if (m->conversation && m->conversation->end[1] && other->conversation && !other->conversation->end[1])
		m->conversation = other->conversation;
}

int story_event(struct story *s, const struct event *e)
{
	struct moment m = { .event = e, .number = ++s->number, .matcher = s->matcher };

	m.self = matcher_event(s->matcher, e, m.number);
	find_conversation(s, &m);
	find_correspondent(s, &m);
	s->count.events++;
	if (e->id == EVENT_lost && e->size >= sizeof(struct event_lost))
		s->count.lost += ((const struct event_lost *)e)->count;
	note_list_clear(&s->notes);
	explain_moment(s->explain, &m, &s->notes);
	s->count.notes += s->notes.count;
	return s->renderer->event(s->rendering, &m, &s->notes);
}

int story_flush(struct story *s)
{
	return s->renderer->flush ? s->renderer->flush(s->rendering) : 0;
}

struct story_count story_count(const struct story *s)
{
	struct story_count count = s->count;
	struct matcher_count matched = matcher_count(s->matcher);

	count.conversations = matched.conversations - matched.joined;
	count.forgotten = matched.forgotten;
	return count;
}

int story_finish(struct story *s)
{
	int err;

	if (!s)
		return 0;
	err = s->renderer->end(s->rendering);
	note_list_finish(&s->notes);
	explain_destroy(s->explain);
	matcher_destroy(s->matcher);
	free(s);
	return err;
}
