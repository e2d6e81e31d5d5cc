/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The geometry of a ladder: two lanes, what stands at their sides, and the arrows between them. No characters, no colours.
 * Does not know how it is drawn.
 */
#ifndef SOCKTALE_RENDER_LADDER_H
#define SOCKTALE_RENDER_LADDER_H

#include "base/text.h"
#include "explain/explain.h"

enum ladder_side { LADDER_left, LADDER_right };

enum ladder_kind {
	LADDER_heading, /* `left` and `right` name the lanes from here on */
	LADDER_arrow,   /* `label` travels from `side` to the other lane */
	LADDER_stub,    /* `label` leaves `side` and nobody gets it */
	LADDER_call,    /* `label` stands beside lane `side` */
	LADDER_aside,   /* `label` belongs to no lane */
	LADDER_note     /* `label` is a sentence about what stands above, `reference` where to read on */
};

struct ladder_row {
	enum ladder_kind kind;
	enum ladder_side side;
	bool trouble;             /* something went wrong */
	bool timed;               /* whether it has a time of its own */
	uint64_t time_ns;
	struct text left, right;  /* LADDER_heading */
	struct text label;
	struct text length;       /* LADDER_arrow: said behind the label, or beside the lane where there is no room */
	struct text detail;       /* said behind that where there is room */
	const char *reference;    /* LADDER_note */
};

enum { LADDER_PENDING = 32 };

/* A segment that was drawn when it left, so that its arrival is not drawn again. */
struct ladder_segment {
	struct address from, to; /* plain */
	uint32_t seq;
	uint8_t flags;
	bool used;
};

struct ladder {
	struct ladder_row *rows; /* of the last moment */
	size_t count, room;
	uint32_t conversation, version; /* of the heading */
	bool (*right)(const struct event *e, void *context); /* as in struct renderer_options */
	void *context;
	struct ladder_segment pending[LADDER_PENDING];
	unsigned next_pending;
	struct address dropped_from, dropped_to; /* of the last datagram that nobody got */
	uint64_t dropped_ns;
};

/* Columns of a line: time, side, lane, gap, lane, side. */
enum { LADDER_TIME = 10 };

/* The time in its columns, with a space behind it: from 10 s on it has a digit less. */
void ladder_time(struct text *to, const char *time);

struct ladder_shape {
	unsigned side, gap;
};

/* How a screen of that width is divided; 0: as wide as reads well. */
struct ladder_shape ladder_shape(unsigned width);

/* `l` is memory of the caller; all zero is an empty ladder. */
void ladder_finish(struct ladder *l);

/* The lane of an end that is seen alone. */
enum ladder_side ladder_side_alone(const struct ladder *l, const struct endpoint *ep, const struct event *e);

/* Make the rows for a moment and its notes; they replace those of the moment before. */
void ladder_moment(struct ladder *l, const struct moment *m, const struct note_list *notes);

#endif
