/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How each kind of value is written to text, read back, and typed in JSON: kind.def as a table and three functions.
 * Does not know which event a value belongs to.
 */
#ifndef SOCKTALE_EVENT_KIND_H
#define SOCKTALE_EVENT_KIND_H

#include <stdbool.h>
#include <stddef.h>

struct event;
struct field;
struct text;

enum kind {
#define KIND(name, form, zero, tag, meaning) KIND_##name,
#include "event/kind.def"
	KINDS /* how many there are */
};

enum form {
	FORM_INTEGER, /* decimal; a JSON number */
	FORM_SOCKET,  /* decimal, or the word a tale gave; a JSON number */
	FORM_NAMED,   /* a row of name.def, decimal without one; a JSON string, a number without a row */
	FORM_FLAGS,   /* names joined by '|', the rest as 0xN; a JSON array of strings */
	FORM_BOOL,    /* no or yes; JSON false or true */
	FORM_IP, FORM_ADDRESS, FORM_COMM, FORM_PATH, FORM_TEXT, /* JSON strings; ADDRESS and PATH null when empty */
};

struct kind_row {
	const char *name;
	enum form form;
	bool quiet;	   /* a log line leaves the field out when it is all zero bytes */
	const char *tag;   /* the enum of bpf/event.h that lists the values, or "" */
	const char *meaning;
};

/* The row of `kind`; never NULL. */
const struct kind_row *kind_row(enum kind kind);

/* Append the value of field `f` of `e` in log form. `e` must hold the whole field. */
void kind_write(struct text *to, const struct field *f, const struct event *e);

/*
 * Read the log form `value` (`length` bytes, as kind_write() wrote it) into field `f` of `e`.
 * Returns 0, -EINVAL when it is not a value of that kind, or -ERANGE when it does not fit the field.
 */
int kind_read(const struct field *f, struct event *e, const char *value, size_t length);

/* Append the value of field `f` of `e` as a JSON value. `e` must hold the whole field. */
void kind_json(struct text *to, const struct field *f, const struct event *e);

/* Append the JSON schema (draft 2020-12) of such a value, without its description. */
void kind_json_schema(struct text *to, enum kind kind);

#endif
