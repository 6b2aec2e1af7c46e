/* SPDX-License-Identifier: PostgreSQL */
#include "kickstart.h"

#include <stdio.h>
#include <string.h>

#include "template.h"

#define SEED_SCRIPT "kickstart/seed-el"
#define DEBIAN_PACKAGES "kickstart/debian/packages"

/* --- what to install --- */

static void add_once(struct arena *a, const char ***names, unsigned *count, const char *name)
{
	for (unsigned i = 0; i < *count; i++)
		if (!strcmp((*names)[i], name))
			return;
	*arena_push(a, *names, *count) = name;
}

static void packages_of_table(struct install *i, struct arena *a)
{
	const struct package **left_out = NULL, *row;
	const char **names = NULL;

	for (unsigned k = 0; (row = family_package_row(k)); k++) {
		const char *name = family_package(i->release, row->name, NULL);

		if (*name)
			add_once(a, &names, &i->package_count, name);
		else
			*arena_push(a, left_out, i->left_out_count) = row;
	}
	i->packages = names;
	i->left_out = left_out;
}

/* A line of the recipe's list, with the release's value for @{WORD}; NULL when it has none. */
static const char *recipe_package(const struct release *r, const char *line, struct arena *a)
{
	const char *word = strstr(line, "@{"), *end = word ? strchr(word, '}') : NULL, *value;

	if (!end)
		return line;
	value = arena_strndup(a, word + 2, (size_t)(end - word - 2));
	value = !strcmp(value, "postgresql") ? r->postgresql : family_package(r, value, NULL);
	return value ? arena_printf(a, "%.*s%s%s", (int)(word - line), line, value, end + 1) : NULL;
}

/* The same script makes an image of an installed Debian and of a built one, so both need the same packages. */
static int packages_of_recipe(struct install *i, const struct library *lib, struct arena *a, struct fail *e)
{
	const char *line = library_text(lib, DEBIAN_PACKAGES), **names = NULL, *name;

	if (!line)
		return fail(e, FAIL_OTHER, "labctl's data files lack %s (%s)", DEBIAN_PACKAGES, library_dir(lib));
	for (; *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n')) {
		size_t len = strcspn(line, "# \t\n");

		/* Without the kernel (the installer chooses it) and ?NAME* (optional packages, for mmdebstrap only). */
		if (len && *line != '?' && strncmp(line, "linux-image-", 12) != 0)
			name = recipe_package(i->release, arena_strndup(a, line, len), a);
		else
			continue;
		if (!name)
			return fail(e, FAIL_OTHER, "%s: %s has no value for '%.*s'", DEBIAN_PACKAGES, i->release->name, (int)len, line);
		add_once(a, &names, &i->package_count, name);
	}
	i->packages = names;
	return 0;
}

static const char *services(const struct family *f, bool on, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf list = { 0 };
	const struct service *s;

	for (unsigned k = 0; (s = family_service_row(k)); k++) {
		const char *name = s->names[f - families];

		if (s->on != on)
			continue;
		for (size_t len; *name; name += len + (name[len] == ' ')) {
			len = strcspn(name, " ");
			strbuf_printf(&list, "%s%.*s", list.len ? "," : "", (int)len, name);
		}
	}
	return arena_strdup(a, strbuf_text(&list));
}

int install_init(struct install *i, const struct lab *lab, const struct release *r, const char *image,
		 const struct library *lib, struct arena *a, struct fail *e)
{
	bool debian = r->family == &families[FAMILY_DEBIAN];
	bool no_selinux = lab_is_classic(lab);
	struct install made = {
		.release = r,
		.image = image,
		.hostname = "labctl-image",
		.authorized_keys = "",
		.user = lab->cluster.recipe ? lab->cluster.user : NULL,
		.timezone = lab->tuning.timezone,
		.locale = lab->tuning.locale,
		.keyboard = "us",
		.ntp_server = lab->tuning.ntp_server,
		.disk = "vda",
		/* These installers warn about a system without swap, and may wait for an answer. */
		.swap_mib = !debian && r->number < 7 ? 512 : 0,
		.services_on = services(r->family, true, a),
		.services_off = services(r->family, false, a),
		.selinux = no_selinux ? "disabled" : "permissive",
		/* From el9 on SELinux's configuration file cannot disable it. */
		.kernel_args = no_selinux && !debian && r->number >= 9 ? "console=tty0 console=ttyS0,115200 selinux=0"
								       : "console=tty0 console=ttyS0,115200",
		.mirror_host = "", /* the caller looks up the host's own */
		.mirror_dir = "/debian",
		.mirror_proxy = "",
	};

	if (!debian)
		packages_of_table(&made, a);
	else if (packages_of_recipe(&made, lib, a, e) < 0)
		return -1;
	*i = made;
	return 0;
}

/* --- expansion --- */

struct install_scope {
	const struct install *i;
	const char *seed;
	const char *key; size_t key_len; /* current line of the authorized keys */
	size_t at;                       /* index in the current list */
	char buffer[64];
	char line[8192];                 /* a key; longer ones were refused */
};

static const char *number(struct install_scope *s, unsigned n)
{
	snprintf(s->buffer, sizeof s->buffer, "%u", n);
	return s->buffer;
}

static const char *value(void *ctx, const char *name)
{
	struct install_scope *s = ctx;
	const struct install *i = s->i;
	const struct { const char *name, *value; } rows[] = {
		{ "image", i->image },
		{ "release", i->release->name },
		{ "suite", i->release->suite },
		{ "hostname", i->hostname },
		{ "root_hash", i->root_hash },
		{ "user", i->user },
		{ "timezone", i->timezone },
		{ "locale", i->locale },
		{ "keyboard", i->keyboard },
		{ "ntp_server", i->ntp_server },
		{ "disk", i->disk },
		{ "lvm", i->lvm ? "true" : "false" },
		{ "swap_mib", i->swap_mib ? number(s, i->swap_mib) : "" },
		{ "services.on", i->services_on },
		{ "services.off", i->services_off },
		{ "selinux", i->selinux },
		{ "firewall", i->firewall ? "true" : "false" },
		{ "kernel_args", i->kernel_args },
		{ "media", i->media },
		{ "mirror.host", i->mirror_host },
		{ "mirror.dir", i->mirror_dir },
		{ "mirror.proxy", i->mirror_proxy },
		{ "keys", i->authorized_keys },
		{ "seed.path", i->release->family->seed },
		{ "seed.script", s->seed },
		{ "key.line", s->line },
		{ "package.name", s->at < i->package_count ? i->packages[s->at] : "" },
		{ "left_out.name", s->at < i->left_out_count ? i->left_out[s->at]->name : "" },
		{ "left_out.why", s->at < i->left_out_count ? i->left_out[s->at]->why : "" },
		{ "repo.name", s->at < i->repo_count ? i->repos[s->at].name : "" },
		{ "repo.url", s->at < i->repo_count ? i->repos[s->at].url : "" },
	};

	for (size_t k = 0; k < ARRAY_COUNT(rows); k++)
		if (!strcmp(rows[k].name, name))
			return rows[k].value ? rows[k].value : "";
	return NULL;
}

/* Moves to the next line of the keys that is not empty. */
static bool next_key(struct install_scope *s, size_t index)
{
	const char *p = index ? s->key + s->key_len : s->i->authorized_keys;

	p += strspn(p, "\n");
	s->key = p;
	s->key_len = strcspn(p, "\n");
	snprintf(s->line, sizeof s->line, "%.*s", (int)s->key_len, p);
	return *p;
}

static bool each(void *ctx, const char *name, size_t index, bool *known)
{
	struct install_scope *s = ctx;
	const struct { const char *name; size_t count; } lists[] = {
		{ "package", s->i->package_count },
		{ "left_out", s->i->left_out_count },
		{ "repo", s->i->repo_count },
	};

	*known = true;
	if (!strcmp(name, "key"))
		return index != SIZE_MAX && next_key(s, index);
	s->at = index;
	for (size_t k = 0; k < ARRAY_COUNT(lists); k++)
		if (!strcmp(lists[k].name, name))
			return index < lists[k].count;
	return *known = false;
}

/* --- allowed values --- */

/* Quoting keeps a value one word, but does not check that it is one line and no keyword of the installer. */
static int check_line(const char *what, const char *text, struct fail *e)
{
	if (!text)
		return 0;
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			return fail(e, FAIL_USAGE, "%s must be one line of plain text", what);
	return *text == '%' ? fail(e, FAIL_USAGE, "%s must not begin with %%", what) : 0;
}

static int check_values(const struct install *i, struct fail *e)
{
	const struct { const char *what, *text; } lines[] = {
		{ "the name", i->image }, { "the host name", i->hostname }, { "the password", i->root_hash },
		{ "the user", i->user }, { "the time zone", i->timezone }, { "the locale", i->locale },
		{ "the keyboard", i->keyboard }, { "the NTP server", i->ntp_server }, { "the disk", i->disk },
		{ "the list of services", i->services_on }, { "the list of services", i->services_off },
		{ "the SELinux mode", i->selinux }, { "the kernel's arguments", i->kernel_args },
		{ "the medium", i->media }, { "the mirror", i->mirror_host }, { "the mirror's directory", i->mirror_dir },
		{ "the mirror's proxy", i->mirror_proxy },
	};

	if (!i->release->syntax && !*i->mirror_host)
		return fail(e, FAIL_USAGE, "no mirror given: Debian's installer would stop and ask for one");
	for (size_t k = 0; k < ARRAY_COUNT(lines); k++)
		if (check_line(lines[k].what, lines[k].text, e) < 0)
			return -1;
	for (unsigned k = 0; k < i->package_count; k++)
		if (!*i->packages[k] || i->packages[k][strcspn(i->packages[k], " \t#\n\"'\\")])
			return fail(e, FAIL_USAGE, "'%s' is not a package name", i->packages[k]);
	for (unsigned k = 0; k < i->repo_count; k++)
		if (check_line("the name of a repository", i->repos[k].name, e) < 0 ||
		    check_line("the URL of a repository", i->repos[k].url, e) < 0)
			return -1;
	for (const char *p = i->authorized_keys; *p; p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n'))
		if (strcspn(p, "\n") >= sizeof((struct install_scope *)0)->line || p[strcspn(p, "\r\t")])
			return fail(e, FAIL_USAGE, "the authorized keys must be one SSH key per line");
	return 0;
}

int kickstart_render(const struct install *i, const struct library *lib, struct arena *a, const char **ret_text,
		     struct fail *e)
{
	struct install_scope s = { .i = i, .seed = library_text(lib, SEED_SCRIPT), .at = SIZE_MAX };
	const struct template_scope scope = { .value = value, .each = each, .ctx = &s };
	const char *template = library_text(lib, i->release->template);
	auto_(strbuf_clear) struct strbuf out = { 0 };

	if (!template || !s.seed)
		return fail(e, FAIL_OTHER, "labctl's data files lack %s (%s)", template ? SEED_SCRIPT : i->release->template,
			    library_dir(lib));
	if (check_values(i, e) < 0 ||
	    template_expand(i->release->template, template, QUOTE_COUNT, &scope, &out, e) < 0)
		return -1;
	*ret_text = arena_strdup(a, strbuf_text(&out));
	return 0;
}
