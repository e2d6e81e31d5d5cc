/* SPDX-License-Identifier: BSD-2-Clause */
#include "event/json.h"

#include <sys/socket.h>

#include "base/text.h"

/* The keys of the head, in the order in which they are written. */
static const struct json_key head_keys[] = {
	{ "time_ns", "{\"type\":\"integer\"}", "CLOCK_MONOTONIC in nanoseconds", true },
	{ "event", "{\"type\":\"string\"}", "name of the event", true },
	{ "socket", "{\"type\":\"integer\"}", "id of the socket, 0: none", true },
	{ "netns", "{\"type\":\"integer\"}", "inode number of its network namespace", true },
	{ "family", "{\"type\":[\"string\",\"integer\",\"null\"]}", "address family, null: none", true },
	{ "protocol", "{\"type\":[\"string\",\"integer\",\"null\"]}", "transport protocol, null: none", true },
	{ "local", "{\"type\":[\"string\",\"null\"]}", "IP:PORT, [IP]:PORT, a unix path or @name, null: not known", true },
	{ "remote", "{\"type\":[\"string\",\"null\"]}", "the other end, in the same form, null: none or not known", true },
	{ "pid", "{\"type\":\"integer\"}", "process that owns the socket, 0: unknown", true },
	{ "tid", "{\"type\":\"integer\"}", "thread that last used it", true },
	{ "uid", "{\"type\":\"integer\"}", "real user id of the owner", true },
	{ "fd", "{\"type\":\"integer\"}", "file descriptor of the call, absent: none", false },
	{ "comm", "{\"type\":\"string\"}", "name of the owning process", true },
	{ "attribution", "{\"type\":[\"string\",\"integer\"]}", "how the owner is known", true },
	{ "plane", "{\"type\":[\"string\",\"integer\"]}", "plane of observation that told the event", true },
	{ "id", "{\"type\":\"integer\"}", "number of an event this build does not know, else absent", false },
	{ "size", "{\"type\":\"integer\"}", "bytes of a record that was not whole, else absent", false },
};

/* Which end of a unix socket the path of an event names. */
static const struct {
	enum event_id id;
	bool is_remote;
} unix_paths[] = {
	{ EVENT_sock_bind, false },
	{ EVENT_unix_accept, false },
	{ EVENT_unix_connect, true },
	{ EVENT_unix_send, true },
};

static void put_key(struct text *to, const char *key)
{
	text_append(to, ",\"", 2);
	text_put(to, key);
	text_append(to, "\":", 2);
}

static void put_number(struct text *to, const char *key, uint64_t value)
{
	put_key(to, key);
	text_u64(to, value);
}

static const struct field *unix_path(const struct event *e, bool is_remote)
{
	for (size_t i = 0; i < sizeof(unix_paths) / sizeof(*unix_paths); i++) {
		if (unix_paths[i].id == e->id && unix_paths[i].is_remote == is_remote)
			return schema_field(e->id, "path");
	}
	return NULL;
}

static void put_end(struct text *to, const char *key, const struct event *e, bool is_remote)
{
	struct event_address a = { e->family, is_remote ? e->remote_port : e->local_port, 0,
				   is_remote ? e->remote : e->local };
	static const struct event_ip zero;
	const struct field *path;

	put_key(to, key);
	if (e->family == AF_INET || e->family == AF_INET6) {
		if (is_remote && !a.port && !memcmp(&a.ip, &zero, sizeof(zero))) {
			text_put(to, "null");
			return;
		}
		text_char(to, '"');
		kind_write_address(to, &a);
		text_char(to, '"');
		return;
	}
	path = e->family == AF_UNIX ? unix_path(e, is_remote) : NULL;
	if (path && path->offset + path->size <= e->size)
		kind_json(to, path, e);
	else
		text_put(to, "null");
}

static void put_head_field(struct text *to, const struct field *f, const struct event *e)
{
	put_key(to, f->name);
	kind_json(to, f, e);
}

/* A constant of the head, null instead of 0 where 0 means that there is none. */
static void put_head_name(struct text *to, const struct field *f, const struct event *e)
{
	put_key(to, f->name);
	if (field_is_zero(f, e))
		text_put(to, "null");
	else
		kind_json(to, f, e);
}

static void put_head(struct text *to, const struct schema *schema, const struct event *e)
{
	static const struct field *family, *protocol, *comm, *attribution, *plane;

	if (!family) {
		family = schema_field(0, "family");
		protocol = schema_field(0, "protocol");
		comm = schema_field(0, "comm");
		attribution = schema_field(0, "attribution");
		plane = schema_field(0, "plane");
	}
	text_put(to, "{\"time_ns\":");
	text_u64(to, e->time_ns);
	put_key(to, "event");
	text_char(to, '"');
	text_put(to, schema->name);
	text_char(to, '"');
	put_number(to, "socket", e->socket);
	put_number(to, "netns", e->netns);
	put_head_name(to, family, e);
	put_head_name(to, protocol, e);
	put_end(to, "local", e, false);
	put_end(to, "remote", e, true);
	put_number(to, "pid", e->pid);
	put_number(to, "tid", e->tid);
	put_number(to, "uid", e->uid);
	if (e->fd != -1) {
		put_key(to, "fd");
		text_i64(to, e->fd);
	}
	put_head_field(to, comm, e);
	put_head_field(to, attribution, e);
	put_head_field(to, plane, e);
}

void json_write(struct text *to, const struct event *e)
{
	const struct schema *schema = schema_get(e->id);
	struct event head = *e;

	/* A record too short for a head is told as far as it was taken over. */
	if (e->size < sizeof(head)) {
		head.size = sizeof(head);
		put_head(to, schema, &head);
	} else {
		put_head(to, schema, e);
	}
	if (e->id >= EVENT_COUNT)
		put_number(to, "id", e->id);
	if (e->size != schema->size)
		put_number(to, "size", e->size);
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct field *f = &schema->fields[i];

		if (f->offset + f->size > e->size)
			continue;
		put_key(to, f->name);
		kind_json(to, f, e);
	}
	text_char(to, '}');
}

/* ---- the schema ---- */

static void required_keys(struct text *to, const struct json_key *keys, size_t count, const char *separator)
{
	for (size_t i = 0; i < count; i++) {
		if (!keys[i].required)
			continue;
		text_printf(to, "%s\"%s\"", separator, keys[i].key);
		separator = ", ";
	}
}

static void schema_of_keys(struct text *to, const struct json_key *keys, size_t count, const char *separator)
{
	for (size_t i = 0; i < count; i++) {
		text_printf(to, "%s  \"%s\": {\"allOf\": [%s], \"description\": ", separator, keys[i].key, keys[i].schema);
		text_json(to, keys[i].meaning, strlen(keys[i].meaning));
		text_char(to, '}');
		separator = ",\n";
	}
}

static void schema_of_head(struct text *to, const struct json_key *more, size_t count)
{
	text_put(to, " \"required\": [");
	required_keys(to, head_keys, sizeof(head_keys) / sizeof(*head_keys), "");
	required_keys(to, more, count, ", ");
	text_put(to, "],\n \"properties\": {\n");
	schema_of_keys(to, head_keys, sizeof(head_keys) / sizeof(*head_keys), "");
	schema_of_keys(to, more, count, ",\n");
	text_put(to, "\n },\n");
}

static void schema_of_event(struct text *to, const struct schema *schema)
{
	text_printf(to, "  {\"title\": \"%s\", \"description\": ", schema->name);
	text_json(to, schema->meaning, strlen(schema->meaning));
	text_printf(to, ",\n   \"properties\": {\n    \"event\": {\"const\": \"%s\"}", schema->name);
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct field *f = &schema->fields[i];

		text_printf(to, ",\n    \"%s\": {\"$ref\": \"#/$defs/%s\", \"description\": ", f->name,
			    kind_row(f->kind)->name);
		text_json(to, f->meaning, strlen(f->meaning));
		text_char(to, '}');
	}
	/* A record that was not whole says its size, and lacks the fields that were not there. */
	text_put(to, "\n   },\n   \"if\": {\"not\": {\"required\": [\"size\"]}}, \"then\": {\"required\": [\"event\"");
	for (size_t i = 0; i < schema->field_count; i++)
		text_printf(to, ", \"%s\"", schema->fields[i].name);
	text_put(to, "]}}");
}

static void schema_of_kinds(struct text *to)
{
	text_put(to, " \"$defs\": {\n");
	for (enum kind kind = 0; kind < KINDS; kind++) {
		text_printf(to, "  \"%s\": {\"description\": ", kind_row(kind)->name);
		text_json(to, kind_row(kind)->meaning, strlen(kind_row(kind)->meaning));
		text_put(to, ", \"allOf\": [");
		kind_json_schema(to, kind);
		text_put(to, kind + 1 < KINDS ? "]},\n" : "]}\n");
	}
	text_put(to, " }\n");
}

void json_schema(struct text *to, const struct json_key *more, size_t count)
{
	text_put(to, "{\n \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
		     " \"title\": \"socktale event\",\n"
		     " \"description\": \"one line of the output of socktale with --format json\",\n"
		     " \"type\": \"object\",\n");
	schema_of_head(to, more, count);
	text_put(to, " \"oneOf\": [\n");
	for (unsigned int id = 0; id <= EVENT_COUNT; id++) {
		schema_of_event(to, schema_get(id));
		text_put(to, id < EVENT_COUNT ? ",\n" : "\n");
	}
	text_put(to, " ],\n \"unevaluatedProperties\": false,\n");
	schema_of_kinds(to);
	text_put(to, "}\n");
}
