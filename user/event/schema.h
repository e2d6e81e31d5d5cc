/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bpf/event.def as tables: which events there are, which fields each has, where they lie and what they mean.
 * Does not know how a value looks in text (kind.h) nor what an event means to a reader.
 */
#ifndef SOCKTALE_EVENT_SCHEMA_H
#define SOCKTALE_EVENT_SCHEMA_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"
#include "event/kind.h"

struct field {
	const char *event; /* name of its event, or "head" */
	const char *name;
	uint16_t offset; /* bytes from the beginning of the event, head included */
	uint16_t size;   /* bytes */
	enum kind kind;
	bool is_signed;
	const char *type; /* its C type */
	const char *meaning;
};

struct schema {
	const char *name;
	const char *group;
	const char *source; /* the kernel function or system call that tells it first, "-" for none */
	const char *meaning;
	uint16_t size;		    /* bytes of the whole event, head included */
	const struct field *fields; /* its own fields, without the head's */
	size_t field_count;
};

/* Room for any event; what a decoder or a parser hands out. */
union event_any {
	struct event head;
#define EVENT(name, group, source, meaning) struct event_##name name;
#include "bpf/event.def"
};

/* The schema of an event. An unknown id gets a schema named "unknown" with no field of its own; never NULL. */
const struct schema *schema_get(enum event_id id);

/* The event called `name`, or EVENT_COUNT. */
enum event_id schema_find(const char *name);

/* The fields of the head, in their order. */
const struct field *schema_head(size_t *ret_count);

/* The field `name` of that event, or of the head; NULL when there is none. */
const struct field *schema_field(enum event_id id, const char *name);

/*
 * The value of an integer field, widened with its sign (an unsigned 64-bit value keeps its bits).
 * 0 for a field that is no integer and for one that lies beyond e->size.
 */
int64_t field_integer(const struct field *f, const struct event *e);

/* Store an integer into an integer field; -ERANGE when it does not fit, -EINVAL when the field is no integer. */
int field_set_integer(const struct field *f, struct event *e, int64_t value);

/* An errno without its sign, whatever the record says: the least integer, which has no positive one, stays. */
static inline int error_plain(int32_t error)
{
	return error < 0 ? (int)-(uint32_t)error : error;
}

/* Whether `f` is an integer (and not a structure such as an address). */
bool field_is_integer(const struct field *f);

/* Whether every byte of the field is zero. */
bool field_is_zero(const struct field *f, const struct event *e);

/*
 * Copy the `length` bytes at `data` into `ret`, zeroes behind them, and make ret->head.size say how many bytes of the
 * record are there. A record of an unknown event, or a short one, is taken all the same; one too short for a head
 * gets the id EVENT_COUNT.
 * Returns whether the record was whole: a known event, with at least its size and a size that says the same. The last field may
 * be left out when it is empty; it is put back.
 */
bool event_take(union event_any *ret, const void *data, size_t length);

/* Make `e` an empty event of that id: all zero, size set, fd -1. Returns &e->head. */
struct event *event_init(union event_any *e, enum event_id id);

#endif
