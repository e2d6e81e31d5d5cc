/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One event -> one JSON object on one line, and the JSON schema of all of them.
 * Does not read JSON.
 *
 * The keys of the head are always there, except fd, which is there when the event tells of a call on a descriptor.
 * What is not known or does not exist is null: a local or remote address, an error of 0. Numbers are exact up to 64 bits.
 */
#ifndef SOCKTALE_EVENT_JSON_H
#define SOCKTALE_EVENT_JSON_H

#include "event/schema.h"

struct text;

/* Append the object, without a newline: always valid JSON and UTF-8. `e` as for line_write(). */
void json_write(struct text *to, const struct event *e);

/* A key of an object: what may stand there, as a JSON schema, and what it means. */
struct json_key {
	const char *key, *schema, *meaning;
	bool required;
};

/*
 * Append the JSON schema (draft 2020-12) every object of json_write() obeys, over several lines. `more`: so many keys that whoever
 * writes the line puts behind those of the event.
 */
void json_schema(struct text *to, const struct json_key *more, size_t count);

#endif
