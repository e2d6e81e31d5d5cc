/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A saved trace, read back event by event.
 * Does not know what is done with the events. Today it reads logs (event/line.h); comments (#), empty lines and, in a tale, every
 * section but `events` are passed over.
 */
#ifndef SOCKTALE_COMMAND_RECORDING_H
#define SOCKTALE_COMMAND_RECORDING_H

#include "event/schema.h"

struct recording;

/* Open the file, "-" for the standard input. Returns 0 and the recording, or a negative errno, told. */
int recording_open(const char *path, struct recording **ret_recording);

/*
 * Read the next event: 1 and the event, 0 at the end, or a negative errno, told with file and line. Reading may go on behind a
 * line that was wrong.
 */
int recording_next(struct recording *r, union event_any *ret);

/* Close it. NULL is allowed. */
void recording_close(struct recording *r);

#endif
