/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One JSON object per event and line (event/json.h), with what the story knows beyond it: the names of unix sockets, the
 * conversation, and the notes with the numbers of the events they rest on.
 */
#include "render/json.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "event/json.h"
#include "explain/say.h"
#include "render/output.h"
#include "render/table.h"

struct json {
	FILE *out;
	struct text text;
	struct text object; /* of one event */
	struct text name;
};

enum key { KEY_moment, KEY_conversation, KEY_notes, KEYS };

/* The keys that stand behind the event's own, in their order. */
static const struct json_key keys[KEYS] = {
	[KEY_moment] = { "moment", "{\"type\":\"integer\"}", "number of the event in this output, from 1 on", true },
	[KEY_conversation] = { "conversation", "{\"type\":\"integer\"}", "number of the conversation it belongs to, absent: none", false },
	[KEY_notes] = { "notes",
			"{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"rule\",\"sentence\",\"reference\",\"evidence\"],"
			"\"properties\":{\"rule\":{\"type\":\"string\"},\"sentence\":{\"type\":\"string\"},"
			"\"reference\":{\"type\":\"string\"},\"evidence\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}},"
			"\"unevaluatedProperties\":false}}",
			"explanations of the event, with the moments of those they rest on; absent: none", false },
};

void rendered_schema(struct text *to)
{
	json_schema(to, keys, KEYS);
}

static void put_key(struct json *j, enum key key)
{
	text_printf(&j->object, ",\"%s\":", keys[key].key);
}

static void *json_begin(const struct renderer_options *options)
{
	struct json *j = memory_create(1, sizeof(*j));

	j->out = options->out;
	return j;
}

/* Put the name that earlier events gave a unix socket where its own event has none. */
static void put_name(struct json *j, const char *key, const struct endpoint *ep,
		     void (*say)(struct text *to, const struct endpoint *ep))
{
	char missing[32];
	char *at;
	size_t before;

	snprintf(missing, sizeof(missing), "\"%s\":null", key);
	at = strstr(j->object.bytes, missing);
	if (!at)
		return;
	text_clear(&j->name);
	say(&j->name, ep);
	before = at + strlen(missing) - strlen("null") - j->object.bytes;
	text_append(&j->text, j->object.bytes, before);
	text_json(&j->text, text_string(&j->name), j->name.length);
	text_put(&j->text, j->object.bytes + before + strlen("null"));
	text_clear(&j->object);
	text_append(&j->object, j->text.bytes, j->text.length);
	text_clear(&j->text);
}

static void put_names(struct json *j, const struct endpoint *ep)
{
	if (ep->family != AF_UNIX)
		return;
	if (ep->local_path || (ep->peer && ep->peer->remote_path))
		put_name(j, "local", ep, say_local);
	if (ep->remote_path || (ep->peer && ep->peer->local_path))
		put_name(j, "remote", ep, say_remote);
}

static void put_note(struct json *j, const struct note *n)
{
	text_put(&j->object, "{\"rule\":");
	text_json(&j->object, n->rule, strlen(n->rule));
	text_put(&j->object, ",\"sentence\":");
	text_json(&j->object, n->sentence, strlen(n->sentence));
	text_put(&j->object, ",\"reference\":");
	text_json(&j->object, n->reference, strlen(n->reference));
	text_put(&j->object, ",\"evidence\":[");
	for (unsigned i = 0; i < n->evidence_count; i++) {
		if (i)
			text_char(&j->object, ',');
		text_u64(&j->object, n->evidence[i].number);
	}
	text_put(&j->object, "]}");
}

static int json_event(void *state, const struct moment *m, const struct note_list *notes)
{
	struct json *j = state;

	text_clear(&j->object);
	json_write(&j->object, m->event);
	if (m->self)
		put_names(j, m->self);
	text_cut(&j->object, j->object.length - 1); /* its closing brace */
	put_key(j, KEY_moment);
	text_u64(&j->object, m->number);
	if (m->conversation) {
		put_key(j, KEY_conversation);
		text_u64(&j->object, m->conversation->number);
	}
	if (notes->count) {
		put_key(j, KEY_notes);
		text_char(&j->object, '[');
	}
	for (size_t i = 0; i < notes->count; i++) {
		if (i)
			text_char(&j->object, ',');
		put_note(j, &notes->notes[i]);
	}
	text_put(&j->object, notes->count ? "]}\n" : "}\n");
	return output_text(j->out, &j->object);
}

static int json_flush(void *state)
{
	return output_flush(((struct json *)state)->out);
}

static int json_end(void *state)
{
	struct json *j = state;
	int err = output_flush(j->out);

	text_finish(&j->text);
	text_finish(&j->object);
	text_finish(&j->name);
	free(j);
	return err;
}

const struct renderer renderer_json = {
	.name = "json",
	.meaning = "one JSON object per event and line, with its explanations",
	.begin = json_begin,
	.event = json_event,
	.flush = json_flush,
	.end = json_end,
};
