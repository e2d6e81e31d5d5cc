/* SPDX-License-Identifier: BSD-2-Clause */
#include "command/play_watch.h"

#include <stdio.h>
#include <stdlib.h>

void watch_event(struct watch *w, const struct script *s, const struct event *e)
{
	for (size_t i = 0; e->fd >= 0 && i < s->program_count; i++) {
		if (s->programs[i].pid == (pid_t)e->pid)
			w->told_ns[i] = e->time_ns;
	}
}

/* The system call the kernel says the process sleeps in; or that it runs, is gone, or that looking is not permitted. */
static long call_asleep(pid_t pid)
{
	char path[32], line[128] = "", *end;
	long number;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	file = fopen(path, "re");
	if (!file)
		return CALL_GONE;
	if (!fgets(line, sizeof(line), file)) {
		fclose(file);
		return CALL_SECRET;
	}
	fclose(file);
	number = strtol(line, &end, 10);
	return end == line ? CALL_RUNS : number;
}

static struct stay look(const struct watch *w, const struct script *s, const struct probe *probe, size_t i, uint64_t now)
{
	const struct stay *before = &w->stays[i];
	struct stay found = { .since_ns = now };
	struct doing doing;

	if (probe_doing(probe, s->programs[i].pid, &doing))
		return (struct stay){ true, doing.call, doing.start_ns };
	found.number = call_asleep(s->programs[i].pid);
	/* It went there from the call it was last told of, unless it was looked at in between. */
	if (w->told_ns[i] > before->since_ns || before->on_socket)
		found.since_ns = w->told_ns[i] > before->since_ns ? w->told_ns[i] : now;
	else if (w->known[i] && before->number == found.number)
		found.since_ns = before->since_ns;
	return found;
}

bool watch_look(struct watch *w, const struct script *s, const struct probe *probe, size_t i, uint64_t now_ns)
{
	struct stay found = look(w, s, probe, i, now_ns), *before = &w->stays[i];
	bool other = !w->known[i] || found.on_socket != before->on_socket || found.number != before->number ||
		     found.since_ns != before->since_ns;

	w->known[i] = true;
	*before = found;
	return other;
}
