/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events with random values, the same on every run, for the tests of all that writes or reads events.
 * Knows the shapes an event can really have: strings no longer than they say, IPv4 in the first four bytes.
 */
#ifndef SOCKTALE_RANDOM_EVENT_H
#define SOCKTALE_RANDOM_EVENT_H

#include <sys/socket.h>

#include "event/name.h"
#include "event/schema.h"

static uint64_t random_state = 1;

static inline uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static inline uint64_t random_below(uint64_t limit)
{
	return random_u64() % limit;
}

/* Half of the time any bits, half of the time small or at an end of the range: where mistakes live. */
static inline void random_integer(const struct field *f, struct event *e)
{
	uint64_t choice = random_below(4), value = choice < 2 ? random_u64() : choice == 2 ? random_below(16) : -random_below(3);

	memcpy((char *)e + f->offset, &value, f->size);
}

static inline size_t random_bytes(char *to, size_t room, bool with_nul)
{
	size_t length = random_below(room + 1);

	for (size_t i = 0; i < length; i++) {
		to[i] = random_below(3) ? (char)(' ' + random_below(95)) : (char)random_u64();
		if (!to[i] && !with_nul)
			to[i] = '@';
	}
	return length;
}

static inline void random_ip(struct event_ip *ip, int family)
{
	for (int i = 0; i < (family == AF_INET ? 4 : 16); i++)
		ip->bytes[i] = random_below(3) ? random_u64() : 0;
}

static inline void random_field(const struct field *f, struct event *e)
{
	void *at = (char *)e + f->offset;
	struct event_address *address = at;
	struct event_path *path = at;
	struct event_text *text = at;

	switch (kind_row(f->kind)->form) {
	case FORM_INTEGER:
	case FORM_SOCKET:
	case FORM_NAMED:
	case FORM_FLAGS:
	case FORM_BOOL:
		random_integer(f, e);
		break;
	case FORM_IP:
		random_ip(at, e->family);
		break;
	case FORM_ADDRESS:
		address->family = random_below(2) ? AF_INET : random_below(2) ? AF_INET6 : random_u64();
		address->port = random_u64();
		address->scope_id = random_below(2) ? 0 : random_u64();
		random_ip(&address->ip, random_below(5) ? address->family : AF_INET6);
		break;
	case FORM_COMM:
		random_bytes(at, 16, false);
		break;
	case FORM_PATH:
		path->length = random_bytes(path->bytes, sizeof(path->bytes), true);
		if (path->length && !random_below(3))
			path->bytes[0] = random_below(2) ? '\0' : '@';
		break;
	case FORM_TEXT:
		text->length = random_bytes(text->bytes, sizeof(text->bytes), true);
		break;
	}
}

/* Fill every field of that event. */
static inline struct event *random_event(union event_any *any, enum event_id id)
{
	const struct schema *schema = schema_get(id);
	struct event *e = event_init(any, id);
	const struct field *f;
	size_t count;

	for (f = schema_head(&count); count--; f++) {
		if (strcmp(f->name, "id") && strcmp(f->name, "size"))
			random_field(f, e);
	}
	if (random_below(4)) {
		e->family = random_below(2) ? AF_INET : AF_INET6;
		memset(&e->local, 0, sizeof(e->local));
		memset(&e->remote, 0, sizeof(e->remote));
		random_ip(&e->local, e->family);
		random_ip(&e->remote, e->family);
	}
	for (size_t i = 0; i < schema->field_count; i++)
		random_field(&schema->fields[i], e);
	return e;
}

#endif
