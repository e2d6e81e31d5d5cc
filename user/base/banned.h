/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions this house does not use, as compile errors that name what to use instead.
 * Does not replace them.
 */
#ifndef SOCKTALE_BASE_BANNED_H
#define SOCKTALE_BASE_BANNED_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* clang does not take the attribute for what the C library has defined inline (atoi); gcc does. */
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wignored-attributes"
#endif

#define BANNED(instead) __attribute__((unavailable(instead)))

/* They write without knowing the room. */
char *strcpy(char *to, const char *from) BANNED("use struct text, or memcpy with a known size");
char *strcat(char *to, const char *from) BANNED("use struct text");
char *strncpy(char *to, const char *from, size_t size) BANNED("it may leave out the NUL: use memcpy");
char *strncat(char *to, const char *from, size_t size) BANNED("use struct text");
int sprintf(char *to, const char *format, ...) BANNED("use text_printf() or snprintf()");
int vsprintf(char *to, const char *format, va_list arguments) BANNED("use text_vprintf() or vsnprintf()");

/* They cannot say that the input was wrong. */
int atoi(const char *digits) BANNED("use strtol() and look at its end pointer");
long atol(const char *digits) BANNED("use strtol() and look at its end pointer");
long long atoll(const char *digits) BANNED("use strtoll() and look at its end pointer");

/* They keep their answer in static memory. */
char *strtok(char *string, const char *separators) BANNED("use strtok_r() or strcspn()");
char *asctime(const struct tm *time) BANNED("use strftime()");
char *ctime(const time_t *time) BANNED("use strftime()");
struct tm *localtime(const time_t *time) BANNED("use localtime_r()");
struct tm *gmtime(const time_t *time) BANNED("use gmtime_r()");

#undef BANNED
#ifdef __clang__
#pragma clang diagnostic pop
#endif

#endif
