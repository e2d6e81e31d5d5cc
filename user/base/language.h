/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The language the reader is spoken to in. _() looks a sentence up, N_() marks one in a table that is looked up later.
 * Does not know the sentences: they are in the sources, their translations in po/NAME.po, one file per language.
 */
#ifndef SOCKTALE_BASE_LANGUAGE_H
#define SOCKTALE_BASE_LANGUAGE_H

#include <libintl.h>
#include <stdbool.h>

struct text;

#define _(sentence) gettext(sentence)
#define N_(sentence) (sentence)

/*
 * Speak the language of the locale from now on: LC_ALL, LC_MESSAGES or LANG, and LANGUAGE before them where they name one.
 * The locale need not exist on this machine. English where there is no translation.
 */
void language_from_locale(void);

/* Speak the language of that name from now on: en, or one that has a translation (zh or zh_CN). False: there is none. */
bool language_use(const char *name);

/* Append the languages there are: "en zh_CN". */
void language_list(struct text *to);

/* The language spoken: "en", or the name of its translation ("zh_CN"). */
const char *language_name(void);

/* Put the environment back to what it was, for a program that is started from here. */
void language_leave(void);

#endif
