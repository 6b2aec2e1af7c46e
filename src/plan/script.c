/* SPDX-License-Identifier: PostgreSQL */
/* Composing scripts, and the manifest of a tuning profile. */
#include <stdio.h>
#include <string.h>

#include "quote.h"
#include "script.h"

#define PRELUDE "tuning/lib.sh"
#define WORDS_MAX 12

static void add_body(struct strbuf *out, const char *text)
{
	strbuf_str(out, text);
	if (*text && text[strlen(text) - 1] != '\n')
		strbuf_char(out, '\n');
}

/* One `put` for all files: it checks them with one stat and renames them at once. Texts are arguments: no here-documents. */
static void add_puts(struct strbuf *out, const struct payload_file *files, unsigned count)
{
	if (!count)
		return;
	strbuf_str(out, "put");
	for (const struct payload_file *f = files; f < files + count; f++) {
		strbuf_str(out, " \\\n");
		quote_add(out, QUOTE_SH, f->path);
		strbuf_printf(out, " %s ", f->mode);
		quote_add(out, QUOTE_SH, f->owner);
		strbuf_char(out, ' ');
		quote_add(out, QUOTE_SH, f->text);
	}
	strbuf_char(out, '\n');
}

static void add_prelude(struct strbuf *out, const struct library *lib)
{
	const char *prelude = library_text(lib, PRELUDE);

	add_body(out, prelude ? prelude : "");
}

const char *script_compose(const struct library *lib, const char *exists, const struct payload_file *files, unsigned count,
			   const char *body, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };

	add_prelude(&out, lib);
	if (exists) {
		strbuf_str(&out, "[[ -e ");
		quote_add(&out, QUOTE_SH, exists);
		strbuf_str(&out, " ]] || exit 0\n");
	}
	add_puts(&out, files, count);
	add_body(&out, body);
	return arena_strndup(a, strbuf_text(&out), out.len);
}

/* --- the manifest --- */

struct tuning_run {
	struct scope scope;
	const struct library *lib;
	const char *manifest;         /* name */
	struct strbuf *out;
	struct payload_file *files; unsigned file_count;
	unsigned put_count;           /* files already in .out; the rest goes before the next script */
	bool by_role;                 /* a row depends on a role, so nodes differ */
	unsigned line;
	struct fail *e;
};

static int bad_row(struct tuning_run *t, const char *problem, const char *word)
{
	return fail(t->e, FAIL_OTHER, "%s:%u: %s '%.40s'", t->manifest, t->line, problem, word);
}

/* "family.firewall=nftables": true when this template name has this value; -1 when unknown. */
static int named_value_is(struct tuning_run *t, const char *word)
{
	const char *equal = strchr(word, '='), *value = NULL;

	if (equal)
		value = scope_value(&t->scope, arena_strndup(t->scope.arena, word, (size_t)(equal - word)));
	return value ? !strcmp(value, equal + 1) : bad_row(t, "unknown condition", word);
}

/* 1 when the condition holds, 0 when not, -1 when it is unknown. */
static int holds(struct tuning_run *t, const char *word)
{
	const struct lab *lab = t->scope.lab;
	bool container = lab->hypervisor == HYPERVISOR_LXC;
	const struct { const char *word; bool is; } known[] = {
		{ "if=nfs", lab_transport(lab) == TRANSPORT_NFS },
		{ "if=filesystem", lab_transport(lab) == TRANSPORT_FILESYSTEM },
		{ "if=container", container },
		{ "if=lxc", container },
		{ "if=machine", !container },
	};

	for (size_t i = 0; i < ARRAY_COUNT(known); i++)
		if (!strcmp(known[i].word, word))
			return known[i].is;
	if (strncmp(word, "role=", 5) != 0)
		return named_value_is(t, word);
	t->by_role = true;
	/* No node has a role of another kind of cluster. */
	return lab->cluster.recipe && node_has_role(t->scope.node, lab_role(lab, word + 5));
}

/* "../common/kernel.sh" beside "tuning/os/classic/manifest": "tuning/os/common/kernel.sh". */
static const char *source_name(struct tuning_run *t, const char *source)
{
	const char *dir = arena_strndup(t->scope.arena, t->manifest, (size_t)(strrchr(t->manifest, '/') - t->manifest));

	while (!strncmp(source, "../", 3)) {
		const char *slash = strrchr(dir, '/');

		if (!slash)
			break;
		dir = arena_strndup(t->scope.arena, dir, (size_t)(slash - dir));
		source += 3;
	}
	return arena_printf(t->scope.arena, "%s/%s", dir, source);
}

static void put_waiting(struct tuning_run *t)
{
	if (t->put_count == t->file_count)
		return;
	add_puts(t->out, t->files + t->put_count, t->file_count - t->put_count);
	t->put_count = t->file_count;
}

static int add_row(struct tuning_run *t, char **words, unsigned count)
{
	bool file = !strcmp(words[0], "file");
	unsigned fixed = file ? 5 : 2;
	struct arena *a = t->scope.arena;
	const char *name, *text, *path;

	if (!file && strcmp(words[0], "script") != 0)
		return bad_row(t, "expected 'file' or 'script', got", words[0]);
	if (count < fixed)
		return bad_row(t, "missing words after", words[0]);
	for (unsigned i = fixed; i < count; i++) {
		int r = holds(t, words[i]);

		if (r <= 0)
			return r;
	}
	name = source_name(t, words[1]);
	if (scope_expand(&t->scope, t->lib, name, file ? QUOTE_RAW : QUOTE_COUNT, &text, t->e) < 0)
		return fail_wrap(t->e, "%s:%u", t->manifest, t->line);
	if (!file) {
		put_waiting(t);
		add_body(t->out, text);
		return 0;
	}
	if (scope_expand_text(&t->scope, words[2], words[2], QUOTE_RAW, &path, t->e) < 0)
		return fail_wrap(t->e, "%s:%u", t->manifest, t->line);
	*arena_push(a, t->files, t->file_count) = (struct payload_file){
		.path = arena_strdup(a, path), .mode = arena_strdup(a, words[3]), .owner = arena_strdup(a, words[4]),
		.text = text };
	return 0;
}

static int add_rows(struct tuning_run *t, const char *text)
{
	auto_(free) char *copy = strdup(text);
	char *rest = copy, *row;

	if (!copy)
		abort();
	while ((row = strsep(&rest, "\n"))) {
		char *words[WORDS_MAX], *word;
		unsigned count = 0;

		t->line++;
		while ((word = strsep(&row, " \t"))) {
			if (!*word)
				continue;
			if (*word == '#')
				break;
			if (count == WORDS_MAX)
				return bad_row(t, "unexpected words from", word);
			words[count++] = word;
		}
		if (count && add_row(t, words, count) < 0)
			return -1;
	}
	return 0;
}

int script_tuning(const struct lab *lab, const struct node *n, const struct library *lib, struct scope_cache *cache,
		  struct arena *a, const struct payload **ret_payload, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };
	struct tuning_run t = { .lib = lib, .out = &out, .e = e };
	struct payload *p;
	const char *text;

	if (cache && cache->tuning) {
		*ret_payload = cache->tuning;
		return 0;
	}
	t.manifest = arena_printf(a, "tuning/os/%s/manifest", lab->tuning.profile);
	text = library_text(lib, t.manifest);
	if (!text)
		return fail(e, FAIL_OTHER, "tuning profile '%s': labctl's data files lack %s", lab->tuning.profile, t.manifest);
	scope_init(&t.scope, lab, n, -1, a);
	t.scope.cache = cache;
	add_prelude(&out, lib);
	if (add_rows(&t, text) < 0)
		return -1;
	put_waiting(&t);
	p = arena_new_of(a, struct payload);
	*p = (struct payload){ .script = arena_strndup(a, strbuf_text(&out), out.len), .files = t.files,
			       .file_count = t.file_count, .source = t.manifest };
	if (cache && !t.scope.used_node && !t.by_role)
		cache->tuning = p;
	*ret_payload = p;
	return 0;
}
