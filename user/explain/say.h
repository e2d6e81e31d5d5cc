/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sentences with names in braces: `{owner} waits for {blocked_ns}`, filled in for a moment.
 * Knows how a person reads values; does not know rules, nor line width.
 *
 * A name in braces is, in this order: a word given by the caller; `owner`, `peer`, `local`, `remote`, `listener`, `room`; a field of
 * the event, in the reader's form (12 ms, 1 byte, SYN-SENT), or with `:meaning` behind it what its value means, or with
 * `:number` the bare number. The order of names in a sentence is free: translations may change it.
 */
#ifndef SOCKTALE_EXPLAIN_SAY_H
#define SOCKTALE_EXPLAIN_SAY_H

#include "explain/explain.h"

struct text;

/* A word for one sentence. `value` must be safe for a terminal. */
struct word {
	const char *name;
	const char *value;
};

/* Append `sentence` for `m`. `words` ends with a name NULL, or is NULL. An unknown name stays as it is, braces included. */
void say_sentence(struct text *to, const char *sentence, const struct moment *m, const struct word *words);

/* `1.05 s`, `43.6 ms`, `61 us`, `0 us`. */
void say_duration(struct text *to, uint64_t ns);

/* `1 byte`, `2048 bytes`. */
void say_bytes(struct text *to, uint64_t bytes);

/* `comm[pid]`, or words for an unknown owner. Only the name when `pid` is 0. */
void say_process(struct text *to, const struct event_comm *comm, uint32_t pid);

/* Who owns the socket; who owns its other end (by address when that is elsewhere); its addresses or unix names. */
void say_owner(struct text *to, const struct moment *m);
void say_peer(struct text *to, const struct moment *m);
void say_local(struct text *to, const struct endpoint *ep);
void say_remote(struct text *to, const struct endpoint *ep);

/* The value of a field in the reader's form. */
void say_field(struct text *to, const struct field *f, const struct event *e);

#endif
