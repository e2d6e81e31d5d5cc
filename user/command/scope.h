/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `socktale why` was asked about: a process with its children, a port, a connection, and the filters of live commands,
 * evaluated on what was seen. Does not know the kernel side, which may have left out more.
 */
#ifndef SOCKTALE_COMMAND_SCOPE_H
#define SOCKTALE_COMMAND_SCOPE_H

#include "base/map.h"
#include "base/text.h"
#include "bpf/config.h"
#include "conversation/address.h"
#include "explain/explain.h"

/* What is known of one end. */
struct scope_end {
	uint32_t pid, netns;
	const struct event_comm *comm;
	uint8_t family, protocol;
	struct address local, remote;
};

struct scope {
	uint32_t pid;             /* of the argument, 0: none */
	struct address ends[2];   /* of the argument; family 0: none, or only the port */
	const struct config *config; /* the filters */
	bool past;                /* a recording: processes cannot be asked for their parents */
	struct map kin;           /* pid -> whether it is `pid` or comes from it */
	struct text what;         /* how the argument and filters read, safe for a terminal */
};

/*
 * Read the argument: PID, :PORT, ADDRESS:PORT or two of these. Returns false when it is none of them. `filters` get what the
 * kernel side can do of it.
 */
bool scope_parse(struct scope *s, const char *argument, struct config *filters);

/* Say in words what is watched. */
void scope_describe(struct scope *s);

bool scope_has(struct scope *s, const struct scope_end *end);

/* Whether the moment is of a connection one of whose ends was asked about. */
bool scope_selects(struct scope *s, const struct moment *m);

void scope_finish(struct scope *s);

#endif
