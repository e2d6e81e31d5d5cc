/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

#include "base/language.h"
#include "base/text.h"
#include "command/command.h"

/* A command whose file is not part of this build is not in the list. */
#pragma weak command_trace
#pragma weak command_play
#pragma weak command_tell
#pragma weak command_list
#pragma weak command_why
#pragma weak command_doctor

static const struct command commands[] = {
	{ "trace", N_("tell what happens on sockets, live"), command_trace },
	{ "play", N_("play a lesson: its hosts, its programs, its tale"), command_play },
	{ "tell", N_("tell a recorded trace again"), command_tell },
	{ "list", N_("list the sockets that exist now, with their owners"), command_list },
	{ "why", N_("watch for a while and say what is wrong, and what to do"), command_why },
	{ "doctor", N_("say what this kernel offers, and test that events arrive"), command_doctor },
	{ "events", N_("list every event and field, with meaning and unit"), command_events },
};

enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static void print_help(FILE *to)
{
	fprintf(to, "%s\n\n%s\n\n%s\n",
		_("socktale: the kernel sees; socktale tells.\n"
		  "Follows every socket of this machine from its creation to its last trace, and says what happens and why."),
		_("Usage: socktale COMMAND [OPTION...]"), _("Commands:"));
	for (int i = 0; i < COMMANDS; i++) {
		if (commands[i].run)
			fprintf(to, "  %-8s %s\n", commands[i].name, _(commands[i].summary));
	}
	fprintf(to, "\n%s\n",
		_("`socktale COMMAND --help` tells the options of a command; `socktale --version` the version.\n"
		  "Exit status: 0 done, 1 failed, 2 usage, 3 not permitted, 4 this kernel lacks what was asked for,\n"
		  "5 events were lost under --strict; with `-- CMD`, the status of that command."));
}

static int run(const struct command *command, int argc, char **argv)
{
	struct text name = TEXT_EMPTY;
	int status;

	text_printf(&name, "socktale %s", command->name);
	argv[0] = name.bytes;
	status = command->run(argc, argv);
	text_finish(&name);
	return status;
}

/* The language is known before anything is said; whether that of --lang is there, the command's own parser tells. */
static void choose_language(int argc, char **argv)
{
	static const char option[] = "--lang";

	language_from_locale();
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strncmp(argv[i], "--lang=", sizeof(option)))
			language_use(argv[i] + sizeof(option));
		else if (!strcmp(argv[i], option) && i + 1 < argc)
			language_use(argv[i + 1]);
	}
}

/* A standard descriptor that is closed would be given to the next file opened, and a page written into that. */
static void hold_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			_exit(EXIT_CODE_failed);
}

int main(int argc, char **argv)
{
	hold_descriptors();
	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C");
	choose_language(argc, argv);
	/* --lang may stand before the command as well: whether that language is there, was seen. */
	while (argc > 2 && !strcmp(argv[1], "--lang")) {
		argv[2] = argv[0];
		argc -= 2;
		argv += 2;
	}
	if (argc < 2) {
		print_help(stderr);
		return EXIT_CODE_usage;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return fflush(stdout) ? exit_code_of(fail(-errno, "standard output: cannot write")) : EXIT_CODE_done;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("socktale " VERSION);
		return fflush(stdout) ? exit_code_of(fail(-errno, "standard output: cannot write")) : EXIT_CODE_done;
	}
	for (int i = 0; i < COMMANDS; i++) {
		if (commands[i].run && !strcmp(argv[1], commands[i].name))
			return run(&commands[i], argc - 1, argv + 1);
	}
	fail(0, "command '%s': there is none of that name", argv[1]);
	hint("socktale --help lists the commands");
	return EXIT_CODE_usage;
}
