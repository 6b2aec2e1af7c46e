/* SPDX-License-Identifier: PostgreSQL */
/* completion: the scripts for the shells, and `complete`, which they run at every TAB. */
#include <stdio.h>
#include <string.h>

#include "complete.h"
#include "completion.h"
#include "file.h"
#include "suggest.h"

/* --- words at the cursor --- */

static bool add_option(void *to, const struct option_row *row)
{
	complete_add(to, arena_printf(((struct completion *)to)->c->arena, "--%s", row->name), row->text);
	return false;
}

static void complete_value(struct completion *to, const struct option_row *row)
{
	if (row->complete)
		row->complete(to);
}

/* --lab=de: keeps the part up to '='. */
static void complete_option(struct completion *to)
{
	const char *equals = strchr(to->word, '=');
	struct line l = *to->line;
	struct fail ignored = { 0 };

	if (!equals) {
		line_rows(to->line, add_option, to);
		return;
	}
	if (line_read(&l, arena_strndup(to->c->arena, to->word, (size_t)(equals - to->word)), &ignored) < 0 || !l.pending)
		return;
	to->before = arena_strndup(to->c->arena, to->word, (size_t)(equals + 1 - to->word));
	to->word = equals + 1;
	complete_value(to, l.pending);
}

static void complete_word(struct completion *to)
{
	const struct line *l = to->line;

	if (l->rest)
		complete_files(to);
	else if (l->pending)
		complete_value(to, l->pending);
	else if (*to->word == '-')
		complete_option(to);
	else if (l->cmd->actions)
		complete_actions(to, l->cmd);
	else if (l->arg_count < command_args_max(l->cmd) && l->cmd->args[l->arg_count].complete)
		l->cmd->args[l->arg_count].complete(to);
}

/* The words after "--" are those of the command line; the cursor is in the last one. Prints no failures. */
static int complete(struct cli *c, struct fail *e)
{
	struct line l = { .arena = c->arena, .cmd = &command_root, .path = "" };
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct cli typed = *c;
	struct completion to = { .c = &typed, .line = &l, .before = "", .word = "", .out = &text };
	struct fail ignored = { 0 };
	const char *const *word = c->rest;

	(void)e;
	for (; word[0] && word[1]; word++)
		if (line_read(&l, *word, &ignored) < 0)
			return 0;
	if (*word)
		to.word = *word;
	/* Ignore wrong values: the command itself reports them. */
	(void)line_apply(&l, &typed, &ignored);
	complete_word(&to);
	fputs(strbuf_text(&text), stdout);
	if (to.files)
		printf(":%s\n", to.files);
	lab_free(to.lab);
	return 0;
}

/* Prints one word per line, with a TAB and its description; ":files" or ":directories" leaves the rest to the shell. */
const struct command cmd_complete = {
	.name = "complete", .run = complete, .rest = "WORDS...", .hidden = true, .without = NO_LAB | NO_LIBVIRT,
	.summary = "print what may stand at the end of a command line",
};

/* --- the scripts --- */

#define SCRIPT_MAX_BYTES 65536

static const char *const shells[] = { "bash", "zsh", "fish", NULL };

static void complete_shells(struct completion *to)
{
	for (const char *const *shell = shells; *shell; shell++)
		complete_add(to, *shell, NULL);
}

static int completion(struct cli *c, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	const char *shell = c->args[0], *near;

	for (const char *const *known = shells; *known; known++)
		if (!strcmp(*known, shell)) {
			if (file_read(arena_printf(c->arena, "%s/completion/labctl.%s", library_dir(c->lib), shell),
				      SCRIPT_MAX_BYTES, &text, e) < 0)
				return -1;
			fputs(strbuf_text(&text), stdout);
			return 0;
		}
	near = suggest(shell, shells);
	return fail(e, FAIL_USAGE, "unknown shell '%s'%s%s%s; known: bash, zsh, fish", shell, near ? "; did you mean '" : "",
		    near ? near : "", near ? "'?" : "");
}

const struct command cmd_completion = {
	.name = "completion", .run = completion, .args = { { "SHELL", .complete = complete_shells } },
	.without = NO_LAB | NO_LIBVIRT | NO_STATE,
	.summary = "print the completion script of bash, zsh or fish",
	.help =
	"It is installed with labctl, and completes commands, options, labs, nodes, roles, images, databases and kinds. "
	"For a labctl that is not installed:\n\n"
	"  source <(labctl completion bash)\n"
	"  source <(labctl completion zsh)\n"
	"  labctl completion fish | source",
};
