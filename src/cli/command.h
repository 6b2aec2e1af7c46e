/* SPDX-License-Identifier: PostgreSQL */
/*
 * The form of a command: const rows that the parser, help, labctl(1), completion and usage errors all read. A command
 * is a file with its `const struct command cmd_NAME`, its options and its function, and a row in commands.h.
 * An option is a row that says where its value goes: an offset into the command's own options struct.
 */
#ifndef LABCTL_CLI_COMMAND_H
#define LABCTL_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "fail.h"

struct cli;
struct completion;

/* Sets the failure and returns -1; a positive result is an exit status to pass on (a remote command's). */
typedef int (*command_fn)(struct cli *c, struct fail *e);
/* Adds the words that may stand here (complete.h). Quick: it reads files, and asks neither libvirt nor a person. */
typedef void (*complete_fn)(struct completion *to);
/* Puts @value at @field. @what names the option or variable in failures. */
typedef int (*option_fn)(void *field, const char *what, const char *value, struct fail *e);

struct option_row {
	const char *name;        /* "keep-data" */
	char letter;             /* its short form; 0 = none */
	bool required;
	const char *arg;         /* what its value is called: "FILE"; NULL = a switch */
	const char *text;        /* one line, no full stop */
	const char *env;         /* the variable that sets it too; NULL = none */
	complete_fn complete;    /* of its value; NULL = nothing is known */
	option_fn set;           /* NULL = option_text() with a value, option_switch() without */
	size_t at;               /* offset of the field in the command's options struct (global options: struct cli) */
};

struct argument { const char *name; bool optional; complete_fn complete; };

#define ARGUMENTS_MAX 3

/* What a command does without. */
enum {
	NO_LAB = 1,      /* -l means nothing to it */
	NO_LIBRARY = 2,  /* the data files are not read */
	NO_STATE = 4,    /* the state and cache directories are not looked at */
};

struct command {
	const char *name;                           /* one word */
	command_fn run;                             /* NULL: it has .actions */
	const struct command *const *actions;       /* NULL-terminated; NULL = none */
	struct argument args[ARGUMENTS_MAX + 1];    /* words before "--"; ends with a zero row */
	const char *rest; bool rest_optional;       /* what stands after "--": "COMMAND..."; NULL = no "--" */
	const struct option_row *options;           /* beside the global ones; ends with a zero row; NULL = none */
	size_t options_size;                        /* of the struct they are stored in: struct cli's .options, zeroed */
	unsigned without;                           /* NO_LAB and so on */
	bool hidden;                                /* for programs: not in help, manual and completion */
	const char *summary;                        /* one line, no full stop */
	/* Paragraphs between empty lines; indented lines are shown as they are. For `labctl help` and labctl(1). */
	const char *help;
};

extern const struct command command_root; /* "labctl"; its .actions are the commands */
/* The actions of commands that have some: see commands.h. */
extern const struct command *const commands_db[], *const commands_db_user[], *const commands_image[], *const commands_plan[];

const struct command *command_find(const struct command *in, const char *name); /* NULL when there is none */
unsigned command_args_min(const struct command *cmd);
unsigned command_args_max(const struct command *cmd);

/* --- options.c --- */

extern const struct option_row options_global[]; /* ends with a zero row; fields of struct cli */

int option_text(void *field, const char *what, const char *value, struct fail *e);   /* const char * */
int option_switch(void *field, const char *what, const char *value, struct fail *e); /* bool; variables: 0, no, false */
int option_repeat(void *field, const char *what, const char *value, struct fail *e); /* unsigned: counts */

/* By name, or by letter, in one table, which may be NULL. */
const struct option_row *option_find(const struct option_row *rows, const char *name);
const struct option_row *option_letter(const struct option_row *rows, char letter);

#endif
