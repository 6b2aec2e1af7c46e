/* SPDX-License-Identifier: PostgreSQL */
#include "look.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "auto.h"
#include "plural.h"

#define LINE_BYTES 16384 /* PostgreSQL's own lines have about 1,000 */

/* True for "gcc ... -c -o x.o x.c", as make prints it. */
static bool is_compiler(const char *line)
{
	return strstr(line, " -c ") && strstr(line, ".o ");
}

bool look_compiled(struct look_log *log)
{
	FILE *f = fopen(log->path, "re");
	unsigned before = log->files;
	char line[LINE_BYTES];

	if (f && fseeko(f, log->at, SEEK_SET) < 0)
		log->at = 0; /* the file was replaced */
	while (f && fgets(line, sizeof line, f)) {
		if (!strchr(line, '\n') && feof(f))
			break; /* incomplete line: read it the next time */
		log->files += is_compiler(line);
		log->at = ftello(f);
	}
	if (f)
		fclose(f);
	return log->files > before;
}

/* --- why it ended --- */

#define KEPT_LINES 10
#define SHOWN_BYTES 160

struct kept { char lines[KEPT_LINES][SHOWN_BYTES + 4]; unsigned count; }; /* ring buffer of the last lines */

static void keep(struct kept *k, const char *line)
{
	char *to = k->lines[k->count++ % KEPT_LINES];
	size_t len = strcspn(line, "\r\n");

	if (len > SHOWN_BYTES) {
		for (len = SHOWN_BYTES; len > 0 && (line[len] & 0xc0) == 0x80;)
			len--; /* do not cut within a UTF-8 character */
		snprintf(to, sizeof k->lines[0], "%.*s...", (int)len, line);
	} else {
		snprintf(to, sizeof k->lines[0], "%.*s", (int)len, line);
	}
}

/* True for error messages of compilers, linkers, configure and make. */
static bool is_error(const char *line)
{
	static const char *const words[] = { "error: ", "undefined reference to", "*** [", "cannot find -l", "Killed" };

	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		if (strstr(line, words[i]))
			return true;
	return false;
}

/* True for lines of a build script's own: those for labctl ("::fail") and those for readers of the log. */
static bool is_mark(const char *line)
{
	static const char *const marks[] = { "::", "!! ", "== ", "-- " };

	for (size_t i = 0; i < ARRAY_COUNT(marks); i++)
		if (!strncmp(line, marks[i], strlen(marks[i])))
			return true;
	return false;
}

void look_errors(const char *path, struct strbuf *out)
{
	struct kept errors = { .count = 0 }, last = { .count = 0 };
	const struct kept *k = &last;
	FILE *f = fopen(path, "re");
	char line[LINE_BYTES];

	while (f && fgets(line, sizeof line, f)) {
		if (is_mark(line))
			continue;
		keep(&last, line);
		if (is_error(line))
			keep(&errors, line);
	}
	if (f)
		fclose(f);
	if (errors.count)
		k = &errors;
	for (unsigned i = k->count > KEPT_LINES ? k->count - KEPT_LINES : 0; i < k->count; i++)
		strbuf_printf(out, "%s\n", k->lines[i % KEPT_LINES]);
}

/* --- images --- */

static unsigned count_files(const char *dir, const char *ending)
{
	DIR *d = opendir(dir);
	size_t len = strlen(ending);
	struct dirent *entry;
	unsigned count = 0;

	while (d && (entry = readdir(d))) {
		size_t name = strlen(entry->d_name);

		count += name > len && !strcmp(entry->d_name + name - len, ending);
	}
	if (d)
		closedir(d);
	return count;
}

bool look_image(const char *out_dir, char *ret_text, size_t size)
{
	static const char *const disks[] = { "disk.qcow2", "disk.raw" }; /* the one made last comes first */
	unsigned downloaded, installed;
	char path[4096];
	struct stat st;

	for (size_t i = 0; i < ARRAY_COUNT(disks); i++) {
		snprintf(path, sizeof path, "%s/%s", out_dir, disks[i]);
		if (stat(path, &st) == 0) {
			snprintf(ret_text, size, "%s: %lld MiB so far", disks[i], (long long)st.st_blocks >> 11);
			return true;
		}
	}
	snprintf(path, sizeof path, "%s/root/var/cache/apt/archives", out_dir);
	downloaded = count_files(path, ".deb");
	snprintf(path, sizeof path, "%s/root/var/lib/dpkg/info", out_dir);
	installed = count_files(path, ".list");
	if (!downloaded && !installed)
		return false;
	snprintf(ret_text, size, "%u package%s downloaded and not yet installed, %u installed or unpacked", downloaded,
		 plural(downloaded), installed);
	return true;
}
