/* SPDX-License-Identifier: BSD-2-Clause */
#include "command/arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/language.h"
#include "base/text.h"
#include "render/column.h"

enum { KEY_LANG = 0x7f00, CHILDREN = 2, OPTION_COLUMN = 29, WIDTH = 79 };

static error_t parse(int key, char *argument, struct argp_state *state)
{
	if (key != KEY_LANG)
		return ARGP_ERR_UNKNOWN;
	if (!language_use(argument)) {
		struct text there = TEXT_EMPTY;

		language_list(&there);
		fail(0, "language '%s': there is no translation into it", argument);
		hint("there are: %s", text_string(&there));
		text_finish(&there);
		exit(EXIT_CODE_usage);
	}
	return 0;
}

/*
 * argp counts bytes and breaks lines at spaces, of which Chinese has none: there the lines are broken here, and argp is told
 * of margins so wide that it leaves them alone. Its own help texts stay as it makes them.
 */
static char *fold(int key, const char *text, void *input)
{
	struct text folded = TEXT_EMPTY;
	bool option = key > 0 && key < 0x10000;

	if (!text || key == ARGP_KEY_HELP_ARGS_DOC || !strcmp(language_name(), "en"))
		return (char *)text;
	column_fold(&folded, text, "", "", WIDTH - (option ? OPTION_COLUMN : 0));
	text_cut(&folded, folded.length - 1); /* the last newline is argp's to give */
	return text_steal(&folded);
}

void arguments_parse(const struct argp *argp, int argc, char **argv, unsigned flags, void *input)
{
	static const struct argp_option options[] = {
		{ "lang", KEY_LANG, "en|zh", 0, N_("language (else that of the locale)"), -2 },
		{ 0 },
	};
	static const struct argp common = { options, parse, NULL, NULL, NULL, fold, NULL };
	struct argp_child children[CHILDREN + 2] = { { 0 } };
	struct argp inner[CHILDREN], whole = *argp;
	bool margins = false;
	int count = 0;

	for (; argp->children && argp->children[count].argp && count < CHILDREN; count++) {
		inner[count] = *argp->children[count].argp;
		inner[count].help_filter = fold;
		children[count] = argp->children[count];
		children[count].argp = &inner[count];
	}
	children[count] = (struct argp_child){ &common, 0, NULL, 0 };
	whole.children = children;
	whole.help_filter = fold;
	argp_err_exit_status = EXIT_CODE_usage;
	if (strcmp(language_name(), "en") && !getenv("ARGP_HELP_FMT"))
		margins = !setenv("ARGP_HELP_FMT", "rmargin=400", 0);
	if (argp_parse(&whole, argc, argv, flags, NULL, input))
		exit(EXIT_CODE_usage);
	if (margins)
		unsetenv("ARGP_HELP_FMT"); /* a traced command gets the environment as it was */
}

int arguments_descriptor(const char *text)
{
	char *end;
	long n;
	int mode;

	errno = 0;
	n = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n > INT_MAX)
		arguments_refuse(N_("descriptor"), text, N_("is not the number of one"));
	mode = fcntl(n, F_GETFL);
	if (mode < 0)
		arguments_refuse(N_("descriptor"), text, N_("is not open"));
	if ((mode & O_ACCMODE) == O_RDONLY)
		arguments_refuse(N_("descriptor"), text, N_("is not open for writing"));
	return n;
}

unsigned arguments_set(const char *what, char *list, const char *const names[3])
{
	char *save = NULL, *name;
	unsigned bits = 0;

	for (name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		int i;

		for (i = 0; i < 3 && strcmp(name, names[i]); i++)
			;
		if (i == 3)
			arguments_refuse(what, name, N_("is not known here (see --help)"));
		bits |= 1U << i;
	}
	if (!bits)
		arguments_refuse(what, list, N_("names nothing"));
	return bits;
}

void arguments_refuse(const char *what, const char *value, const char *remedy)
{
	fail(0, "%s '%s': %s", _(what), value, _(remedy));
	exit(EXIT_CODE_usage);
}
