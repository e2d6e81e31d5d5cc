/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marks sentences for translation: _() looks one up, N_() marks one in a table that is looked up later.
 * Does not choose the language: commands do, and where they do not, English it is.
 */
#ifndef SOCKTALE_BASE_LANGUAGE_H
#define SOCKTALE_BASE_LANGUAGE_H

#include <libintl.h>

#define _(sentence) gettext(sentence)
#define N_(sentence) (sentence)

/* Translate from now on into the language of that name (zh_CN), where its catalogue (po/NAME.po) was built; else English stays. */
void language_use(const char *name);

#endif
