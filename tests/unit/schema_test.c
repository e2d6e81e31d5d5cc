/* SPDX-License-Identifier: BSD-2-Clause */
#include "event/schema.h"

#include <errno.h>

#include "tests/test.h"

TEST("every event is found by its name, and an unknown name is none")
{
	for (unsigned int id = 0; id < EVENT_COUNT; id++)
		CHECK(schema_find(schema_get(id)->name) == id);
	CHECK(schema_find("tcp_stat") == EVENT_COUNT);
	CHECK(schema_find("") == EVENT_COUNT);
	CHECK_STRING(schema_get(EVENT_COUNT)->name, "unknown");
	CHECK(schema_get(12345)->field_count == 0);
}

static void check_fields(const struct field *fields, size_t count, size_t from, size_t to)
{
	for (size_t i = 0; i < count; i++) {
		const struct field *f = &fields[i];

		CHECK(f->size > 0 && f->offset >= from && f->offset + f->size <= to);
		CHECK(f->offset % (f->size < 8 && field_is_integer(f) ? f->size : 1) == 0);
		CHECK(f->name[0] && f->meaning[0] && f->type[0]);
		CHECK(!field_is_integer(f) || f->size == 1 || f->size == 2 || f->size == 4 || f->size == 8);
		for (size_t k = 0; k < i; k++)
			CHECK(fields[k].offset + fields[k].size <= f->offset && strcmp(fields[k].name, f->name));
	}
}

TEST("fields lie in their order, inside their event, one behind the other")
{
	const struct field *head;
	size_t count;

	head = schema_head(&count);
	check_fields(head, count, 0, sizeof(struct event));
	for (unsigned int id = 0; id < EVENT_COUNT; id++) {
		const struct schema *schema = schema_get(id);

		CHECK(schema->field_count > 0 && schema->meaning[0] && schema->group[0] && schema->source[0]);
		check_fields(schema->fields, schema->field_count, sizeof(struct event), schema->size);
	}
}

TEST("no field takes a key of the head of a log line or of a JSON object")
{
	static const char *const taken[] = { "sock", "local", "remote", "event", "family", "protocol", "comm" };
	const struct field *head;
	size_t count;

	head = schema_head(&count);
	for (unsigned int id = 0; id < EVENT_COUNT; id++) {
		for (size_t i = 0; i < schema_get(id)->field_count; i++) {
			const struct field *f = &schema_get(id)->fields[i];

			for (size_t k = 0; k < count; k++)
				CHECK(strcmp(f->name, head[k].name));
			for (size_t k = 0; k < sizeof(taken) / sizeof(*taken); k++)
				CHECK(strcmp(f->name, taken[k]));
			CHECK(schema_field(id, f->name) == f);
		}
	}
}

TEST("integers are read and stored with sign and range")
{
	union event_any any;
	struct event *e = event_init(&any, EVENT_sock_close);
	const struct field *linger = schema_field(e->id, "linger_s"), *last = schema_field(e->id, "last");
	const struct field *duration = schema_field(e->id, "duration_ns"), *comm = schema_field(e->id, "comm");

	CHECK(field_integer(schema_field(e->id, "fd"), e) == -1);
	CHECK(!field_set_integer(linger, e, -1) && any.sock_close.linger_s == -1 && field_integer(linger, e) == -1);
	CHECK(field_set_integer(linger, e, 1ll << 31) == -ERANGE && any.sock_close.linger_s == -1);
	CHECK(!field_set_integer(linger, e, INT32_MIN) && field_integer(linger, e) == INT32_MIN);
	CHECK(!field_set_integer(last, e, 255) && field_integer(last, e) == 255);
	CHECK(field_set_integer(last, e, 256) == -ERANGE && field_set_integer(last, e, -1) == -ERANGE);
	CHECK(!field_set_integer(duration, e, -1) && any.sock_close.duration_ns == UINT64_MAX);
	CHECK(field_set_integer(comm, e, 1) == -EINVAL && field_integer(comm, e) == 0);
	e->size = duration->offset + 7;
	CHECK(field_integer(duration, e) == 0);
}

TEST("a record is taken as far as it goes")
{
	struct event_gap record = { .head = { .id = EVENT_gap, .size = sizeof(record), .pid = 4 }, .what = GAP_skipped };
	union event_any any;

	memset(&any, 0xff, sizeof(any));
	CHECK(event_take(&any, &record, sizeof(record)));
	CHECK(any.gap.what == GAP_skipped && any.head.pid == 4);
	CHECK(event_take(&any, &record, sizeof(record)) && !any.udp_send.duration_ns);
	CHECK(!event_take(&any, &record, sizeof(struct event)) && any.head.size == sizeof(struct event) && !any.gap.what);
	CHECK(!event_take(&any, &record, 3) && any.head.id == EVENT_COUNT && any.head.size == 3);
	CHECK(!event_take(&any, &record, 0) && any.head.size == 0);
	record.head.size--;
	CHECK(!event_take(&any, &record, sizeof(record)) && any.head.size == sizeof(record));
}

TEST("a record without its last field has an empty one")
{
	struct event_unix_send record = { .head = { .id = EVENT_unix_send, .pid = 4 }, .done_bytes = 5, .path = { .length = 3 } };
	union event_any any;

	record.head.size = offsetof(struct event_unix_send, path);
	CHECK(event_take(&any, &record, record.head.size) && any.head.size == sizeof(record));
	CHECK(any.unix_send.done_bytes == 5 && !any.unix_send.path.length);
}
