/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/language.h"

#include <dirent.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/place.h"
#include "base/text.h"

#define CATALOGUE "LC_MESSAGES/socktale.mo"

enum { NAME = 32 };

static char spoken[NAME] = "en";

/*
 * What the C library itself says to a reader. Few machines have its translation, so the tool brings its own of these: they
 * are here for xgettext alone.
 */
__attribute__((unused)) static const char *const of_the_library[] = {
	N_("%s: unrecognized option '%s%s'\n"),
	N_("%s: option '%s%s' is ambiguous\n"),
	N_("%s: option '%s%s' is ambiguous; possibilities:"),
	N_("%s: option '%s%s' doesn't allow an argument\n"),
	N_("%s: option '%s%s' requires an argument\n"),
	N_("%s: invalid option -- '%c'\n"),
	N_("%s: option requires an argument -- '%c'\n"),
	N_("%s: Too many arguments\n"),
	N_("Usage:"),
	N_(" [OPTION...]"),
	N_("Give this help list"),
	N_("Give a short usage message"),
	N_("Try `%s --help' or `%s --usage' for more information.\n"),
	N_("Mandatory or optional arguments to long options are also mandatory or optional for any corresponding short options."),
	N_("Operation not permitted"),
	N_("No such file or directory"),
	N_("No such process"),
	N_("Input/output error"),
	N_("Argument list too long"),
	N_("Exec format error"),
	N_("Bad file descriptor"),
	N_("No child processes"),
	N_("Resource temporarily unavailable"),
	N_("Cannot allocate memory"),
	N_("Permission denied"),
	N_("Device or resource busy"),
	N_("File exists"),
	N_("No such device"),
	N_("Not a directory"),
	N_("Is a directory"),
	N_("Invalid argument"),
	N_("Too many open files"),
	N_("Text file busy"),
	N_("File too large"),
	N_("No space left on device"),
	N_("Illegal seek"),
	N_("Read-only file system"),
	N_("Broken pipe"),
	N_("Numerical result out of range"),
	N_("File name too long"),
	N_("Function not implemented"),
	N_("Too many levels of symbolic links"),
	N_("Operation not supported"),
	N_("Address already in use"),
	N_("Connection refused"),
	N_("Connection reset by peer"),
	N_("Connection timed out"),
	N_("Network is unreachable"),
	N_("No route to host"),
	N_("Disk quota exceeded"),
};

/* Catalogues lie beside the tool, in the tree it was built in, or where it was installed. */
static const char *const places[] = { "locale", "../locale", "../share/socktale/locale", "/share/socktale/locale", NULL };

static bool find_catalogue(const char *name, char *ret_folder, size_t room)
{
	char file[NAME + sizeof(CATALOGUE) + 1];

	snprintf(file, sizeof(file), "%s/%s", name, CATALOGUE);
	return place_find(ret_folder, room, places, file);
}

/* zh_CN.UTF-8 is zh_CN; fr_CA is fr where there is no more; zh, and zh_TW for want of its own, is zh_CN. */
static bool find_language(const char *name, char ret_name[NAME], char *ret_folder, size_t room)
{
	size_t length = strcspn(name, ".@:");

	if (!length || length >= NAME || memchr(name, '/', length))
		return false;
	snprintf(ret_name, NAME, "%.*s", (int)length, name);
	if (find_catalogue(ret_name, ret_folder, room))
		return true;
	ret_name[strcspn(ret_name, "_")] = '\0';
	if (find_catalogue(ret_name, ret_folder, room))
		return true;
	if (strcmp(ret_name, "zh"))
		return false;
	snprintf(ret_name, NAME, "zh_CN");
	return find_catalogue(ret_name, ret_folder, room);
}

/* What LANGUAGE said before; NULL: nothing. */
static char *language_before;
static bool language_changed;

/* Where the C library's own translation into that language is installed, it knows more than ours. */
static bool library_speaks(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/usr/share/locale/%s/LC_MESSAGES/libc.mo", name);
	return !access(path, R_OK);
}

static void use_folder(const char *domain, const char *folder)
{
	bindtextdomain(domain, folder);
	bind_textdomain_codeset(domain, "UTF-8");
}

/* gettext asks LANGUAGE first, whatever locales this machine has; but in the C locale it translates nothing. */
static void speak(const char *name, const char *folder)
{
	if (!language_changed && getenv("LANGUAGE"))
		language_before = strdup(getenv("LANGUAGE"));
	language_changed = true;
	setenv("LANGUAGE", name, 1);
	snprintf(spoken, sizeof(spoken), "%s", name);
	if (folder) {
		if (!strcmp(setlocale(LC_MESSAGES, NULL), "C") || !strcmp(setlocale(LC_MESSAGES, NULL), "POSIX"))
			setlocale(LC_MESSAGES, "C.UTF-8");
		if (strcmp(nl_langinfo(CODESET), "UTF-8"))
			setlocale(LC_CTYPE, "C.UTF-8");
		use_folder("socktale", folder);
		if (!library_speaks(name))
			use_folder("libc", folder);
	}
	textdomain("socktale");
}

bool language_use(const char *name)
{
	char folder[PATH_MAX], found[NAME];

	if (!strncmp(name, "en", 2) && (!name[2] || strchr("_.@", name[2]))) {
		speak("en", NULL);
		return true;
	}
	if (!find_language(name, found, folder, sizeof(folder)))
		return false;
	speak(found, folder);
	return true;
}

void language_from_locale(void)
{
	static const char *const variables[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
	const char *name = NULL, *list = getenv("LANGUAGE");

	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables) && !(name && *name); i++)
		name = getenv(variables[i]);
	if (!name || !*name || !strcmp(name, "C") || !strcmp(name, "POSIX"))
		return;
	for (; list && *list; list += strcspn(list, ":"), list += *list == ':')
		if (language_use(list))
			return;
	language_use(name);
}

static bool is_language(const char *name)
{
	char folder[PATH_MAX];

	return *name != '.' && strlen(name) < NAME && find_catalogue(name, folder, sizeof(folder));
}

void language_list(struct text *to)
{
	char folder[PATH_MAX];
	struct dirent **entries;
	int count = place_find(folder, sizeof(folder), places, ".") ? scandir(folder, &entries, NULL, alphasort) : 0;

	text_put(to, "en");
	for (int i = 0; i < count; i++) {
		if (is_language(entries[i]->d_name))
			text_printf(to, " %s", entries[i]->d_name);
		free(entries[i]);
	}
	if (count > 0)
		free(entries);
}

const char *language_name(void)
{
	return spoken;
}

void language_leave(void)
{
	if (!language_changed)
		return;
	if (language_before)
		setenv("LANGUAGE", language_before, 1);
	else
		unsetenv("LANGUAGE");
}
