/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A saved trace, read back event by event; and the beginning of one that is saved without looking at the events.
 * Does not know what is done with the events. Reads logs (event/line.h), where comments (#), empty lines and, in a tale, every
 * section but `events` are passed over; and recordings, which say at their beginning how each event lies in memory:
 *
 *   socktale recording 1
 *   event NUMBER NAME BYTES
 *   field NAME OFFSET BYTES          of the event above; the common head first, as event `head`
 *   end
 *
 * Behind that come the records as probe_copy() writes them, in the order in which they were made; they are sorted here.
 * A recording of another build is read by names: fields that are gone are passed over, new ones are zero.
 */
#ifndef SOCKTALE_COMMAND_RECORDING_H
#define SOCKTALE_COMMAND_RECORDING_H

#include <stdio.h>

#include "event/schema.h"

struct recording;

/* Open the file, "-" for the standard input. Returns 0 and the recording, or a negative errno, told. */
int recording_open(const char *path, struct recording **ret_recording);

/*
 * Read the next event: 1 and the event, 0 at the end, or a negative errno, told with file and line, or byte. Reading may go on
 * behind -EINVAL, which a line that was wrong gives; a damaged recording gives it once, behind what was read before the damage.
 */
int recording_next(struct recording *r, union event_any *ret);

/* Whether `stream` is the file that is read: writing there would take away what is still to be read. */
bool recording_is_file(const struct recording *r, FILE *stream);

/* Write the beginning of a recording. Returns 0 or a negative errno. */
int recording_begin(int fd);

/* Close it. NULL is allowed. */
void recording_close(struct recording *r);

#endif
