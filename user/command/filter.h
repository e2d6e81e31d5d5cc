/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The options that all live commands share: which sockets, which events, which plane. An argp child parser.
 * Does not load anything; what it fills in is evaluated in the kernel, against the socket's owner.
 */
#ifndef SOCKTALE_COMMAND_FILTER_H
#define SOCKTALE_COMMAND_FILTER_H

#include <argp.h>

#include "probe/probe.h"

struct filter {
	struct probe_options probe;
	bool events_given; /* -e was used */
	bool io_off;	   /* --io off */
	bool past;         /* set by the command: a recording is read, whose processes need not exist any more */
};

/* Use as a child of the command's parser, with a struct filter, initialised by filter_init(), as its input. */
extern const struct argp filter_argp;

/* Everything is told that is cheap and changes the tale. */
void filter_init(struct filter *f);

/* Prints the events -e takes. */
void filter_list_events(void);

#endif
