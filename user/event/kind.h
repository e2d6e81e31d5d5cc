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
struct event_address;
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
	FORM_IP,      /* all 16 bytes as IPv6; a JSON string */
	FORM_ADDRESS, /* see kind_write_address(); a JSON string, null when empty */
	FORM_COMM,    /* see kind_write_string(); a JSON string */
	FORM_PATH,    /* the same, with '@' for the NUL an abstract name begins with; null when empty */
	FORM_TEXT,    /* as FORM_COMM */
};

struct kind_row {
	const char *name;
	enum form form;
	bool quiet;	   /* a log line leaves the field out when it is all zero bytes */
	const char *tag;   /* the enum of bpf/event.h that lists the values, or "none" */
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

/*
 * An address and port as text: 10.0.0.1:80, [::1]:80, [fe80::1%2]:80; what is neither proper IPv4 nor IPv6 becomes
 * #FAMILY[IP]:PORT, so that nothing is lost. The reader returns 0, or -EINVAL.
 */
void kind_write_address(struct text *to, const struct event_address *a);
int kind_read_address(struct event_address *ret, const char *value, size_t length);

/* A string of an event as one word of a log line: bare where that is unmistakable, else in double quotes; "-": empty. */
void kind_write_string(struct text *to, const char *bytes, size_t length);

/* Read such a word into at most `room` bytes at `ret`; returns how many they are, -EINVAL or -ERANGE. */
long kind_read_string(char *ret, size_t room, const char *value, size_t length);

/* Append the JSON schema (draft 2020-12) of such a value, without its description. */
void kind_json_schema(struct text *to, enum kind kind);

#endif
