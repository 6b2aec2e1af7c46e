/* SPDX-License-Identifier: PostgreSQL */
/*
 * What a command is: const rows that the parser, help, labctl(1), completion and usage errors all read. A command
 * is a file with its `const struct command cmd_NAME`, its options and its function, and a row in commands.h.
 * An option is a row; .at says where its value is stored, as an offset into the command's own options struct.
 * The parser checks that required arguments and options are there; .set checks values.
 */
#ifndef LABCTL_CLI_COMMAND_H
#define LABCTL_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "fail.h"

struct cli;
struct completion;

/* Returns 0, or -1 with the failure in @e; a positive result is an exit status to pass on (a remote command's). */
typedef int (*command_fn)(struct cli *c, struct fail *e);
/* Adds the words that are possible here (complete.h). Must be quick: may read files, but not ask libvirt or the user. */
typedef void (*complete_fn)(struct completion *to);
/* Parses @value and stores it at @field. @what is the option or variable, for failures. */
typedef int (*option_fn)(void *field, const char *what, const char *value, struct fail *e);

struct option_row {
	const char *name;        /* "keep-data" */
	char letter;             /* its short form; 0 = none. After a command's name its own letters come before the global ones */
	bool required;
	const char *arg;         /* name of its value: "FILE"; NULL = a switch */
	const char *text;        /* one line, no full stop; begins with a word that labctl(1) may capitalize, not with a value */
	const char *env;         /* environment variable that also sets it; NULL = none */
	complete_fn complete;    /* completes its value; NULL = no completion */
	option_fn set;           /* NULL = option_text() with a value, option_switch() without */
	size_t at;               /* offset of the field in the command's options struct (global options: struct cli) */
};

struct argument { const char *name; bool optional; complete_fn complete; };

#define ARGUMENTS_MAX 3

/* What a command does not need. */
enum {
	NO_LAB = 1,      /* ignores -l */
	NO_LIBRARY = 2,  /* does not read the data files */
	NO_STATE = 4,    /* does not use the state and cache directories */
	NO_LIBVIRT = 8,  /* works without libvirt: enters no sandbox */
};

struct command {
	const char *name;                           /* one word */
	command_fn run;                             /* NULL: it has .actions */
	const struct command *const *actions;       /* NULL-terminated; NULL = none */
	struct argument args[ARGUMENTS_MAX + 1];    /* words before "--"; ends with a zero row */
	const char *rest; bool rest_optional;       /* words after "--": "COMMAND..."; NULL = no "--" */
	const struct option_row *options;           /* besides the global ones; ends with a zero row; NULL = none */
	size_t options_size;                        /* size of the struct they are stored in, zeroed first: .options of struct cli */
	unsigned without;                           /* NO_LAB and so on */
	bool hidden;                                /* for programs: not in help, manual and completion */
	const char *summary;                        /* one line, no full stop */
	/* Paragraphs between empty lines; indented lines are shown as they are. For `labctl help` and labctl(1). */
	const char *help;
};

extern const struct command command_root; /* "labctl"; its .actions are the commands */
/* The actions of commands that have some: see commands.h. */
extern const struct command *const commands_bench[], *const commands_db[], *const commands_db_user[], *const commands_fault[],
	*const commands_host[], *const commands_image[], *const commands_node[], *const commands_plan[],
	*const commands_snapshot[];

const struct command *command_find(const struct command *in, const char *name); /* NULL when there is none */
unsigned command_args_min(const struct command *cmd);
unsigned command_args_max(const struct command *cmd);

/* --- options.c --- */

extern const struct option_row options_global[]; /* ends with a zero row; fields of struct cli */

int option_text(void *field, const char *what, const char *value, struct fail *e);   /* const char * */
int option_switch(void *field, const char *what, const char *value, struct fail *e); /* bool; variables: 0, no, false */
int option_repeat(void *field, const char *what, const char *value, struct fail *e); /* unsigned: counts */

/* Finds an option by name, or by letter, in @rows, which may be NULL. */
const struct option_row *option_find(const struct option_row *rows, const char *name);
const struct option_row *option_letter(const struct option_row *rows, char letter);

#endif
