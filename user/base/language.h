/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marks sentences for translation: _() looks one up, N_() marks one in a table that is looked up later.
 * Does not choose the language: main() does, by setlocale() and textdomain().
 */
#ifndef SOCKTALE_BASE_LANGUAGE_H
#define SOCKTALE_BASE_LANGUAGE_H

#include <libintl.h>

#define _(sentence) gettext(sentence)
#define N_(sentence) (sentence)

#endif
