/* SPDX-License-Identifier: BSD-2-Clause */
#include "command/bill.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/language.h"

struct bill {
	unsigned long long ns;
	double seconds;
	struct text *lines;
};

static void line_tell(const char *name, unsigned long long runs, unsigned long long ns, unsigned instructions, void *context)
{
	struct bill *bill = context;

	(void)instructions;
	if (!runs)
		return;
	bill->ns += ns;
	tell("cost: %-32s %10llu hits %8.0f ns each %7.2f %% of one CPU", name, runs, (double)ns / runs,
	     ns / bill->seconds / 1e7);
}

void bill_tell(const struct probe *p, double seconds)
{
	struct bill bill = { 0, seconds, NULL };

	probe_each_program(p, line_tell, &bill);
	tell("cost: all hooks %.2f %% of one CPU over %.1f s, the measuring itself (some 40 ns a hit) included",
	     bill.ns / seconds / 1e7, seconds);
}

/* ---- kept for later ---- */

/* Where it is kept; its folders are made when `make` says so. False: there is no such place. */
static bool place_of_bill(struct text *ret, bool make)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	const char *const parts[] = { "/.local", "/state", "/socktale" };
	size_t first = state && state[0] == '/' ? 2 : 0;

	if (!first && (!home || home[0] != '/'))
		return false;
	text_put(ret, first ? state : home);
	for (size_t i = first; i < 3; i++) {
		text_put(ret, parts[i]);
		if (make && mkdir(text_string(ret), 0700) && errno != EEXIST)
			return false;
	}
	text_put(ret, "/cost");
	return true;
}

static void line_keep(const char *name, unsigned long long runs, unsigned long long ns, unsigned instructions, void *context)
{
	struct bill *bill = context;

	(void)instructions;
	if (runs)
		text_printf(bill->lines, "%s %llu %llu\n", name, runs, ns);
}

void bill_keep(const struct probe *p, double seconds)
{
	struct text path = TEXT_EMPTY, aside = TEXT_EMPTY, lines = TEXT_EMPTY;
	struct bill bill = { 0, seconds, &lines };
	time_t now = time(NULL);
	struct utsname kernel;
	struct tm local;
	char date[32] = "";
	FILE *file;

	uname(&kernel);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", localtime_r(&now, &local));
	text_printf(&lines, "%s %s %.1f\n", kernel.release, date, seconds);
	probe_each_program(p, line_keep, &bill);
	if (place_of_bill(&path, true)) {
		text_printf(&aside, "%s.%d", text_string(&path), (int)getpid());
		file = fopen(text_string(&aside), "w");
		if (file && (fwrite(lines.bytes, 1, lines.length, file) != lines.length) + fclose(file) == 0)
			rename(text_string(&aside), text_string(&path));
		else
			unlink(text_string(&aside));
	}
	text_finish(&path);
	text_finish(&aside);
	text_finish(&lines);
}

bool bill_last(struct text *to)
{
	struct text path = TEXT_EMPTY;
	size_t before = to->length;
	FILE *file = place_of_bill(&path, false) ? fopen(text_string(&path), "r") : NULL;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		text_put(to, line);
	if (file)
		fclose(file);
	text_finish(&path);
	return to->length > before;
}
