/* SPDX-License-Identifier: PostgreSQL */
/* Tables of what each release supports, and a walk over the lines. Releases are numbers: el5 is 5. */
#include "kickstart_check.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "payload.h"

#define LAST 10 /* newest release here */

/* Commands and the releases in which they have an effect; one that a release ignores with a warning is a mistake. */
static const struct command { const char *name; unsigned first, last; } commands[] = {
	{ "auth", 5, 9 }, { "authconfig", 5, 9 }, { "authselect", 8, LAST }, { "autopart", 5, LAST },
	{ "autostep", 5, 8 }, { "bootloader", 5, LAST }, { "btrfs", 7, 7 }, { "cdrom", 5, LAST },
	{ "clearpart", 5, LAST }, { "cmdline", 5, LAST }, { "device", 5, 7 }, { "deviceprobe", 5, 7 },
	{ "dmraid", 5, 7 }, { "driverdisk", 5, LAST }, { "eula", 7, LAST }, { "fcoe", 6, LAST },
	{ "firewall", 5, LAST }, { "firstboot", 5, LAST }, { "graphical", 5, LAST }, { "group", 6, LAST },
	{ "halt", 5, LAST }, { "harddrive", 5, LAST }, { "hmc", 7, LAST }, { "ignoredisk", 5, LAST },
	{ "install", 5, 7 }, { "interactive", 5, 6 }, { "iscsi", 5, LAST }, { "iscsiname", 5, LAST },
	{ "key", 5, 6 }, { "keyboard", 5, LAST }, { "lang", 5, LAST }, { "liveimg", 7, LAST },
	{ "logging", 5, LAST }, { "logvol", 5, LAST }, { "mediacheck", 5, LAST }, { "module", 8, 9 },
	{ "monitor", 5, 5 }, { "mount", 8, LAST }, { "multipath", 5, 7 }, { "network", 5, LAST }, { "nfs", 5, LAST },
	{ "nvdimm", 7, 9 }, { "ostreecontainer", 9, LAST }, { "ostreesetup", 7, LAST }, { "part", 5, LAST },
	{ "partition", 5, LAST }, { "poweroff", 5, LAST }, { "raid", 5, LAST }, { "rdp", 10, LAST }, { "realm", 7, LAST },
	{ "reboot", 5, LAST }, { "repo", 5, LAST }, { "reqpart", 7, LAST }, { "rescue", 6, LAST },
	{ "rhsm", 8, LAST }, { "rootpw", 5, LAST }, { "selinux", 5, LAST }, { "services", 5, LAST },
	{ "shutdown", 5, LAST }, { "skipx", 5, LAST }, { "snapshot", 7, LAST }, { "sshkey", 8, LAST },
	{ "sshpw", 6, LAST }, { "syspurpose", 8, LAST }, { "text", 5, LAST }, { "timesource", 9, LAST },
	{ "timezone", 5, LAST }, { "unsupported_hardware", 6, 7 }, { "updates", 6, LAST }, { "upgrade", 5, 6 },
	{ "url", 5, LAST }, { "user", 5, LAST }, { "vnc", 5, 9 }, { "volgroup", 5, LAST }, { "xconfig", 5, LAST },
	{ "zerombr", 5, LAST }, { "zfcp", 5, LAST }, { "zipl", 8, LAST },
};

/* Options that only some releases have, of commands that people write by hand. Other options are not checked. */
static const struct option { const char *command, *name; unsigned first, last; } options[] = {
	{ "autopart", "--type", 7, LAST }, { "autopart", "--nohome", 7, LAST }, { "autopart", "--noswap", 8, LAST },
	{ "autopart", "--fstype", 7, LAST }, { "bootloader", "--boot-drive", 7, LAST },
	{ "bootloader", "--timeout", 6, LAST }, { "bootloader", "--lba32", 5, 5 }, { "bootloader", "--upgrade", 5, 7 },
	{ "clearpart", "--disklabel", 7, LAST }, { "firewall", "--service", 6, LAST }, { "firewall", "--high", 5, 5 },
	{ "firewall", "--medium", 5, 5 }, { "ignoredisk", "--interactive", 6, 7 }, { "logging", "--level", 5, 8 },
	{ "network", "--activate", 6, LAST }, { "network", "--vlanid", 6, LAST }, { "network", "--interfacename", 7, LAST },
	{ "part", "--active", 5, 7 }, { "part", "--start", 5, 5 }, { "part", "--end", 5, 5 },
	{ "part", "--mkfsoptions", 7, LAST }, { "part", "--resize", 7, LAST }, { "repo", "--install", 7, LAST },
	{ "repo", "--proxy", 6, LAST }, { "repo", "--ignoregroups", 6, 8 }, { "rootpw", "--allow-ssh", 9, LAST },
	{ "rootpw", "--lock", 6, LAST }, { "timezone", "--isUtc", 5, 9 }, { "timezone", "--ntpservers", 7, 9 },
	{ "timezone", "--nontp", 7, 9 }, { "url", "--proxy", 6, LAST }, { "url", "--mirrorlist", 7, LAST },
	{ "url", "--metalink", 8, LAST }, { "user", "--lock", 6, LAST }, { "user", "--gecos", 6, LAST },
	{ "user", "--gid", 7, LAST }, { "%packages", "--nobase", 6, 7 }, { "%packages", "--resolvedeps", 5, 5 },
	{ "%packages", "--instLangs", 6, 9 }, { "%packages", "--inst-langs", 9, LAST },
	{ "%packages", "--exclude-weakdeps", 9, LAST },
};

static const struct section { const char *name; unsigned first, last; bool script; } sections[] = {
	{ "%packages", 5, LAST, false }, { "%pre", 5, LAST, true }, { "%post", 5, LAST, true },
	{ "%traceback", 5, LAST, true }, { "%addon", 7, LAST, true }, { "%onerror", 7, LAST, true },
	{ "%pre-install", 7, LAST, true }, { "%anaconda", 7, LAST, true },
};

/* Without one of these words the installer asks a question, or waits when it is done. */
static const struct { const char *any, *asks; unsigned first, last; } required[] = {
	{ "cmdline text", "how to show itself", 5, LAST },
	{ "cdrom url nfs harddrive liveimg hmc", "where the packages are", 5, LAST },
	{ "install", "whether to install or to upgrade", 5, 6 },
	{ "key", "for the number of the installation", 5, 5 },
	{ "lang", "for the language", 5, LAST },
	{ "keyboard", "for the keyboard", 5, LAST },
	{ "timezone", "for the time zone", 5, LAST },
	{ "rootpw", "for root's password", 5, LAST },
	{ "bootloader", "where the boot loader goes", 5, LAST },
	{ "zerombr", "whether to initialise the empty disk", 5, LAST },
	{ "clearpart", "which partitions to delete", 5, LAST },
	{ "autopart part partition logvol mount", "how to divide the disk", 5, LAST },
	{ "poweroff shutdown", "to be restarted", 5, LAST },
	{ "%packages", "what to install", 5, LAST },
};

static const char *range(struct arena *a, unsigned first, unsigned last)
{
	return last == LAST ? arena_printf(a, "el%u and later", first)
	     : first == last ? arena_printf(a, "el%u", first) : arena_printf(a, "el%u to el%u", first, last);
}

static bool word_in(const char *list, const char *word)
{
	for (size_t len; *list; list += len + (list[len] == ' ')) {
		len = strcspn(list, " ");
		if (strlen(word) == len && !strncmp(list, word, len))
			return true;
	}
	return false;
}

/* --- a line as words, by the rules of a shell without variables: what both installers' parsers do --- */

/* False when a quote is not closed. The words are allocated in @a. */
static bool split(const char *line, struct arena *a, const char ***ret_words, unsigned *ret_count)
{
	const char **words = NULL;
	unsigned count = 0;

	for (;;) {
		auto_(strbuf_clear) struct strbuf word = { 0 };
		char quote = '\0';

		line += strspn(line, " \t\r");
		if (!*line || *line == '#')
			break;
		for (; *line && (quote || !strchr(" \t\r", *line)); line++) {
			if (quote ? *line == quote : (*line == '"' || *line == '\''))
				quote = quote ? '\0' : *line;
			else if (*line == '\\' && quote != '\'' && line[1])
				strbuf_char(&word, *++line);
			else
				strbuf_char(&word, *line);
		}
		*arena_push(a, words, count) = arena_strdup(a, strbuf_text(&word));
		if (quote)
			return false;
	}
	*ret_words = words;
	*ret_count = count;
	return true;
}

/* --- kickstart --- */

struct walk {
	unsigned release;
	struct problems *problems;
	struct arena *a;
	int line;
	const struct section *section; /* open, or NULL */
	int section_line;
	bool seen[ARRAY_COUNT(required)];
};

static void check_options(struct walk *w, const char *command, const char *const *words, unsigned count)
{
	if (!strcmp(command, "partition"))
		command = "part";
	for (unsigned i = 1; i < count; i++) {
		size_t len = strcspn(words[i], "=");

		for (size_t k = 0; k < ARRAY_COUNT(options); k++) {
			const struct option *o = &options[k];

			if (!strcmp(o->command, command) && strlen(o->name) == len && !strncmp(o->name, words[i], len) &&
			    (w->release < o->first || w->release > o->last))
				problem_add(w->problems, w->line, command, "el%u has no %s (%s)", w->release, o->name,
					    range(w->a, o->first, o->last));
		}
	}
}

static void note_seen(struct walk *w, const char *word)
{
	for (size_t i = 0; i < ARRAY_COUNT(required); i++)
		w->seen[i] |= word_in(required[i].any, word);
}

static void check_command(struct walk *w, const char *line)
{
	const char **words = NULL;
	unsigned count = 0;

	if (!split(line, w->a, &words, &count)) {
		problem_add(w->problems, w->line, "", "unterminated quote");
		return;
	}
	if (!count)
		return;
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
		const struct command *c = &commands[i];

		if (strcmp(c->name, words[0]) != 0)
			continue;
		if (w->release < c->first || w->release > c->last)
			problem_add(w->problems, w->line, words[0], "unknown in el%u (%s)", w->release,
				    range(w->a, c->first, c->last));
		note_seen(w, words[0]);
		check_options(w, words[0], words, count);
		return;
	}
	problem_add(w->problems, w->line, words[0], "unknown in every release");
}

static void check_package(struct walk *w, const char *line)
{
	const char *p = line + strspn(line, " \t"), *name = p + (*p == '-');
	size_t len = strcspn(p, "#");

	name += *name == '@' ? 1 + (name[1] == '^') : 0;
	while (len && isspace((unsigned char)p[len - 1]))
		len--;
	for (const char *c = name; c < p + len; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.+*:", *c)) {
			problem_add(w->problems, w->line, "%packages", "'%.*s' is not a package name", (int)len, p);
			return;
		}
}

static void open_section(struct walk *w, const char *line)
{
	static const struct section unknown = { .name = "the section", .script = true }; /* its lines are not checked */
	const char **words = NULL;
	unsigned count = 0;

	if (w->section && w->release >= 6)
		problem_add(w->problems, w->section_line, w->section->name, "is not closed with %%end before line %d", w->line);
	w->section = &unknown;
	w->section_line = w->line;
	if (!split(line, w->a, &words, &count)) {
		problem_add(w->problems, w->line, "", "unterminated quote");
		return;
	}
	for (size_t i = 0; i < ARRAY_COUNT(sections); i++)
		if (!strcmp(sections[i].name, words[0]))
			w->section = &sections[i];
	if (w->section == &unknown)
		problem_add(w->problems, w->line, words[0], "unknown in every release");
	else if (w->release < w->section->first || w->release > w->section->last)
		problem_add(w->problems, w->line, words[0], "unknown in el%u (%s)", w->release,
			    range(w->a, w->section->first, w->section->last));
	note_seen(w, words[0]);
	check_options(w, words[0], words, count);
}

static void check_end(struct walk *w)
{
	if (w->release < 6)
		problem_add(w->problems, w->line, "%end", "unknown in el5: a section ends where the next begins");
	else if (!w->section)
		problem_add(w->problems, w->line, "%end", "no section is open");
	w->section = NULL;
}

static void check_kickstart_line(struct walk *w, const char *line)
{
	const char *p = line + strspn(line, " \t");

	if (!strncmp(p, "%end", 4) && (!p[4] || isspace((unsigned char)p[4])))
		check_end(w);
	else if (*p == '%' && strncmp(p, "%include", 8) && strncmp(p, "%ksappend", 9))
		open_section(w, p); /* inside a script as well: installers ignore quotes there */
	else if (!w->section)
		check_command(w, *p == '%' ? "" : p);
	else if (!w->section->script)
		check_package(w, p);
}

static void kickstart_at_end(struct walk *w)
{
	if (w->section && w->release >= 6)
		problem_add(w->problems, w->section_line, w->section->name, "is not closed with %%end");
	for (size_t i = 0; i < ARRAY_COUNT(required); i++)
		if (!w->seen[i] && w->release >= required[i].first && w->release <= required[i].last)
			problem_add(w->problems, 0, required[i].any, "missing: the installer asks %s", required[i].asks);
}

/* --- preseed --- */

static const char preseed_types[] = "string boolean select multiselect note password text title error seen";

/* Questions that stop an installation when they have no answer; some are asked only for certain disks and networks. */
static const char *const preseed_answers[] = {
	"debian-installer/locale", "keyboard-configuration/xkb-keymap", "netcfg/get_hostname", "netcfg/get_domain",
	"mirror/country", "mirror/http/hostname", "mirror/http/directory", "mirror/http/proxy", "passwd/make-user",
	"passwd/root-password-crypted", "clock-setup/utc", "time/zone", "partman-auto/disk", "partman-auto/method",
	"partman-auto/choose_recipe", "partman-partitioning/confirm_write_new_label", "partman/choose_partition",
	"partman/confirm", "partman/confirm_nooverwrite", "partman-basicfilesystems/no_swap", "pkgsel/run_tasksel",
	"popularity-contest/participate", "grub-installer/only_debian", "grub-installer/bootdev",
	"finish-install/reboot_in_progress", "debian-installer/exit/poweroff",
};

struct answers { bool given[ARRAY_COUNT(preseed_answers)]; const char **questions; unsigned count; };

/* The next word; the rest of the line is *at. */
static const char *word(const char **at, struct arena *a)
{
	const char *start = *at + strspn(*at, " \t");
	size_t len = strcspn(start, " \t");

	*at = start + len;
	return arena_strndup(a, start, len);
}

static void check_preseed_line(struct problems *p, struct arena *a, int line, const char *text, struct answers *answers)
{
	const char *at = text, *owner = word(&at, a), *question = word(&at, a), *type = word(&at, a);
	const char *value = at + strspn(at, " \t");

	if (!*owner || *owner == '#')
		return;
	if (!*question || !*type || !strchr(question, '/')) {
		problem_add(p, line, owner, "expected: owner question type value");
		return;
	}
	if (!word_in(preseed_types, type))
		problem_add(p, line, question, "'%s' is not a type of question", type);
	else if (!strcmp(type, "boolean") && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		problem_add(p, line, question, "must be true or false, not '%s'", value);
	for (unsigned i = 0; i < answers->count; i++)
		if (!strcmp(answers->questions[i], question))
			problem_add(p, line, question, "answered twice");
	*arena_push(a, answers->questions, answers->count) = question;
	for (size_t i = 0; i < ARRAY_COUNT(preseed_answers); i++)
		answers->given[i] |= !strcmp(preseed_answers[i], question);
}

/* --- both --- */

static void check_leftovers(struct problems *p, int line, const char *text)
{
	if (strstr(text, "@{"))
		problem_add(p, line, "@{", "a placeholder was not filled in");
	if (strstr(text, PLACEHOLDER_MARK))
		problem_add(p, line, "secret", "a placeholder was not resolved");
}

static int report(const char *what, const struct problems *p, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf all = { 0 };

	if (!p->count)
		return 0;
	for (unsigned i = 0; i < p->count; i++) {
		strbuf_str(&all, what);
		if (p->items[i].line)
			strbuf_printf(&all, ":%d", p->items[i].line);
		strbuf_printf(&all, ": %s%s%s\n", p->items[i].key, *p->items[i].key ? ": " : "", p->items[i].text);
	}
	fail(e, FAIL_OTHER, "%.*s", (int)strcspn(all.text, "\n"), all.text);
	return fail_evidence(e, all.text, UINT_MAX);
}

/* @text without its line ends; a backslash at the end joins the next line (preseed). */
static const char *next_line(const char **at, bool joined, int *line, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };
	bool more;

	do {
		size_t len = strcspn(*at, "\n");

		more = joined && len && (*at)[len - 1] == '\\' && (*at)[len];
		strbuf_add(&out, *at, len - more);
		*at += len + ((*at)[len] == '\n');
		++*line;
	} while (more);
	return arena_strdup(a, strbuf_text(&out));
}

int kickstart_check(const struct release *r, const char *what, const char *text, struct problems *problems,
		    struct fail *e)
{
	struct walk w = { .release = r->number, .problems = problems, .a = problems->arena };
	struct answers answers = { 0 };
	bool preseed = !r->syntax;
	int line = 0;

	for (const char *at = text; *at;) {
		const char *here;

		w.line = line + 1; /* where a joined line begins */
		here = next_line(&at, preseed, &line, problems->arena);
		check_leftovers(problems, w.line, here);
		if (preseed)
			check_preseed_line(problems, problems->arena, w.line, here, &answers);
		else
			check_kickstart_line(&w, here);
	}
	if (!preseed)
		kickstart_at_end(&w);
	for (size_t i = 0; preseed && i < ARRAY_COUNT(preseed_answers); i++)
		if (!answers.given[i])
			problem_add(problems, 0, preseed_answers[i], "missing: the installer asks");
	return report(what, problems, e);
}
