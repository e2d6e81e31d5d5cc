/* SPDX-License-Identifier: BSD-2-Clause */
#include "event/schema.h"

#include <errno.h>

#include "base/banned.h"

/* Whether a member is a signed integer; a structure is not. */
#define IS_SIGNED(member) _Generic((member), __s8: true, __s16: true, __s32: true, __s64: true, default: false)
#define MEMBER(owner, name) (((owner *)NULL)->name)

/* Sizes and offsets are kept in 16 bits; an event is a record of the ring buffer and far from that. */
#define EVENT(name, group, source, meaning) \
	_Static_assert(sizeof(struct event_##name) < UINT16_MAX, #name " is too large for the table");
#include "bpf/event.def"

static const struct field head_fields[] = {
#define HEAD(member, c_type, value_kind, words)                                                        \
	{ "head", #member, offsetof(struct event, member), sizeof(MEMBER(struct event, member)), \
	  KIND_##value_kind, IS_SIGNED(MEMBER(struct event, member)), #c_type, words },
#include "bpf/event.def"
};

/* One table per event; the row without a name lets an event have no field of its own. */
#define EVENT(name, group, source, meaning) static const struct field fields_##name[] = {
#define FIELD(owner, member, c_type, value_kind, words)                                                        \
	{ #owner, #member, offsetof(struct event_##owner, member), sizeof(MEMBER(struct event_##owner, member)), \
	  KIND_##value_kind, IS_SIGNED(MEMBER(struct event_##owner, member)), #c_type, words },
#define END(event) \
	{ 0 }      \
	}          \
	;
#include "bpf/event.def"

static const struct schema schemas[EVENT_COUNT] = {
#define EVENT(name, group, source, words)                                              \
	[EVENT_##name] = { #name, group, source, words, sizeof(struct event_##name),    \
			   fields_##name, sizeof(fields_##name) / sizeof(struct field) - 1 },
#include "bpf/event.def"
};

static const struct schema unknown = {
	"unknown", "honesty", "-", "an event this build of socktale does not know", sizeof(struct event), fields_gap, 0
};

const struct schema *schema_get(enum event_id id)
{
	return (unsigned int)id < EVENT_COUNT ? &schemas[id] : &unknown;
}

enum event_id schema_find(const char *name)
{
	enum event_id id = 0;

	while (id < EVENT_COUNT && strcmp(schemas[id].name, name))
		id++;
	return id;
}

const struct field *schema_head(size_t *ret_count)
{
	*ret_count = sizeof(head_fields) / sizeof(*head_fields);
	return head_fields;
}

static const struct field *find(const struct field *fields, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(fields[i].name, name))
			return &fields[i];
	}
	return NULL;
}

const struct field *schema_field(enum event_id id, const char *name)
{
	const struct schema *schema = schema_get(id);
	const struct field *own = find(schema->fields, schema->field_count, name);

	return own ? own : find(head_fields, sizeof(head_fields) / sizeof(*head_fields), name);
}

bool field_is_integer(const struct field *f)
{
	switch (kind_row(f->kind)->form) {
	case FORM_INTEGER:
	case FORM_SOCKET:
	case FORM_NAMED:
	case FORM_FLAGS:
	case FORM_BOOL:
		return true;
	default:
		return false;
	}
}

int64_t field_integer(const struct field *f, const struct event *e)
{
	const char *at = (const char *)e + f->offset;
	unsigned int unused_bits = 64 - 8 * f->size;
	uint64_t value = 0;

	if (f->offset + f->size > e->size || !field_is_integer(f))
		return 0;
	switch (f->size) {
	case 1:
		value = *(const uint8_t *)at;
		break;
	case 2:
		value = *(const uint16_t *)at;
		break;
	case 4:
		value = *(const uint32_t *)at;
		break;
	case 8:
		return (int64_t) * (const uint64_t *)at;
	}
	return f->is_signed ? (int64_t)(value << unused_bits) >> unused_bits : (int64_t)value;
}

int field_set_integer(const struct field *f, struct event *e, int64_t value)
{
	char *at = (char *)e + f->offset;
	unsigned int bits = 8 * f->size;

	if (!field_is_integer(f))
		return -EINVAL;
	if (bits < 64 && (f->is_signed ? value != (int64_t)((uint64_t)value << (64 - bits)) >> (64 - bits) :
					 (uint64_t)value >> bits != 0))
		return -ERANGE;
	switch (f->size) {
	case 1:
		*(uint8_t *)at = value;
		break;
	case 2:
		*(uint16_t *)at = value;
		break;
	case 4:
		*(uint32_t *)at = value;
		break;
	case 8:
		*(uint64_t *)at = value;
		break;
	}
	return 0;
}

bool field_is_zero(const struct field *f, const struct event *e)
{
	const char *at = (const char *)e + f->offset;

	return !at[0] && !memcmp(at, at + 1, f->size - 1);
}

/* An event may come without its last field when that is empty (a path). */
static bool size_is_whole(const struct schema *s, size_t size)
{
	return size == s->size || (s->field_count > 1 && size == s->fields[s->field_count - 1].offset);
}

bool event_take(union event_any *ret, const void *data, size_t length)
{
	size_t taken = length < sizeof(*ret) ? length : sizeof(*ret);
	struct event *e = &ret->head;

	memset(ret, 0, sizeof(*ret));
	memcpy(ret, data, taken);
	if (taken < sizeof(*e))
		e->id = EVENT_COUNT;
	else if (e->id < EVENT_COUNT && size_is_whole(schema_get(e->id), e->size) && taken >= e->size) {
		e->size = schema_get(e->id)->size;
		return true;
	}
	e->size = taken;
	return false;
}

struct event *event_init(union event_any *e, enum event_id id)
{
	memset(e, 0, sizeof(*e));
	e->head.id = id;
	e->head.size = schema_get(id)->size;
	e->head.fd = -1;
	return &e->head;
}
