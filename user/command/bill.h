/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the hooks of a trace cost, by the kernel's BPF statistics: told while it runs, and kept so that `doctor` can say it later.
 * Does not know what the hooks do.
 */
#ifndef SOCKTALE_COMMAND_BILL_H
#define SOCKTALE_COMMAND_BILL_H

#include "base/text.h"
#include "probe/probe.h"

/* Tell on stderr what each hook of `p` cost in the `seconds` since it was measured, a line a hook and one for all. */
void bill_tell(const struct probe *p, double seconds);

/*
 * Keep the same for later, with the kernel and the date: socktale/cost below $XDG_STATE_HOME, else below ~/.local/state. Where there is no
 * such place it is not kept; the file is whole or not there.
 */
void bill_keep(const struct probe *p, double seconds);

/*
 * Append what was kept last to `to`, a line a hook: "NAME HITS NANOSECONDS" behind a first line "RELEASE DATE SECONDS".
 * False: nothing was.
 */
bool bill_last(struct text *to);

#endif
