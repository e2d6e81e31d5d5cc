/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of a command: argp, with what all commands share (--lang, a help text in the reader's language).
 * Does not know any command's own options.
 */
#ifndef SOCKTALE_COMMAND_ARGUMENTS_H
#define SOCKTALE_COMMAND_ARGUMENTS_H

#include <argp.h>

/*
 * argp_parse() for a command. `argp` is the command's own; its sentences are marked with N_() and translated here. A usage
 * error ends the program with EXIT_CODE_usage, --help with EXIT_CODE_done. `input` is passed to its parser; the inputs of its
 * children (at most two) are for that parser to set, by their place in the list.
 */
void arguments_parse(const struct argp *argp, int argc, char **argv, unsigned flags, void *input);

/* The descriptor that `text` names, open for writing. Anything else ends the program with EXIT_CODE_usage. */
int arguments_descriptor(const char *text);

/*
 * The set that `list` names, its words separated by commas and cut by this: bit i for names[i]. An unknown word or an empty list
 * ends the program with EXIT_CODE_usage; `what` says what they name, and is translated.
 */
unsigned arguments_set(const char *what, char *list, const char *const names[3]);

/* End the program with EXIT_CODE_usage after one line: WHAT 'VALUE': REMEDY. `what` and `remedy` are translated. */
_Noreturn void arguments_refuse(const char *what, const char *value, const char *remedy);

#endif
