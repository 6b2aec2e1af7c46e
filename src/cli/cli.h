/* SPDX-License-Identifier: PostgreSQL */
/*
 * What every command shares: the parsed command line, the lab it works on, how
 * plans are run and results shown. stdout is the result (a table, or one JSON
 * document with --json); stderr is the story. What a command is: command.h.
 *
 * Failures: 0 or -1 with a struct fail, whose code becomes the exit status and whose cause stands in the JSON; main()
 * reports it, so that a command never prints its own. Every function here may hand on what the layers below it say; what it
 * adds itself stands at its declaration. Only main.c exits; ssh and psql take the process's place by exec(2).
 *
 * Threads: struct cli belongs to the main thread; workers may read it after they were started, and *cancel any time. From
 * workers, call only report_say(), say_text() and the sink of progress_sink(). Everything is in c->arena and lives until
 * the program ends.
 */
#ifndef LABCTL_CLI_CLI_H
#define LABCTL_CLI_CLI_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "command.h"
#include "lab.h"
#include "lab_change.h"
#include "library.h"
#include "plan.h"
#include "runtime.h"

struct cli {
	const struct command *cmd;
	const char *path;                            /* its words: "db create" */
	void *options;                               /* the command's own struct, as its option rows say */
	const char *const *args; unsigned arg_count; /* words before "--" */
	const char *const *rest;                     /* words after "--", NULL-terminated; NULL = no "--" */
	/* global options */
	const char *file, *lab_name, *connect, *state_dir, *cache_dir;
	bool dry_run, yes, json, timings, help, version;
	bool told_lost;          /* that the lab's record is lost or damaged */
	int64_t said_ms;         /* when the last line about how far it is was printed; 0 = never */
	bool reported;           /* the JSON document is out, its failure in it */
	unsigned jobs, verbose;
	int64_t timeout_ms;      /* -1 = none */
	enum hypervisor hypervisor;
	struct lab_change *changes; unsigned change_count; /* what the lab file wants otherwise than the lab has it; load.c */
	/* set up by main */
	struct library *lib;
	struct arena *arena;
	atomic_bool *cancel;
	int64_t start_ms;
};

/* command_line.c: FAIL_USAGE in one line. What was asked for is in c->help, c->version or c->cmd. */
int command_line_parse(struct cli *c, int argc, char **argv, struct fail *e);

/* lab_file.c: what -f names, else ./labctl.yaml; NULL = there is none */
const char *lab_file(const struct cli *c);
/* lab_load() of it, or of no file. FAIL_CONFLICT when it was only found and others own it or can write it. */
int lab_file_load(struct cli *c, const struct lab_options *o, struct lab **ret_lab, struct fail *e);

/* load.c: which lab, and its record */
/* What a command line says of a lab, beside its name: the options struct of create, bootstrap and their like. */
struct lab_words {
	unsigned node_count;              /* 0 = not said */
	const char *kind, *image, *source;
};
#define OPTION_IMAGE { "image", .arg = "NAME", .complete = complete_images, .at = offsetof(struct lab_words, image), \
	.text = "image the nodes boot from" }
#define OPTION_SOURCE { "source", .arg = "FILE|URL", .complete = complete_files, .at = offsetof(struct lab_words, source), \
	.text = "source archive of the cluster's software" }
/* The lab that -f/-l/the working directory name, for a create: new or the existing one again. */
int load_for_create(struct cli *c, const struct lab_words *said, struct lab **ret_lab, struct fail *e);
/* The same to be shown: a lab that has no subnet yet gets a sample one. */
int load_to_create(struct cli *c, const struct lab_words *said, struct lab **ret_lab, struct fail *e);
/* The saved lab; FAIL_NOT_FOUND says what exists. */
int load_existing(struct cli *c, struct lab **ret_lab, struct fail *e);
/* The saved lab, or, where its record is lost or damaged, what can still be known of it. */
int load_for_destroy(struct cli *c, struct lab **ret_lab, struct fail *e);
/*
 * A lab for plan and render, whether it exists or not; touches nothing. A lab without a subnet gets a sample one.
 * @by_file: what the lab file wants of a lab that exists is put on it, or refused.
 */
int load_for_show(struct cli *c, bool by_file, const struct lab_words *said, struct lab **ret_lab, struct fail *e);
/* What the lab file wants of the saved *lab (refused, or noted in c->changes), and the kind of the command line. */
int load_cluster(struct cli *c, const struct lab_words *said, struct lab **lab, struct fail *e);
/* On stderr, what of an existing lab the command changes by its lab file. */
void load_say_changes(const struct cli *c, const struct lab *lab);
/* Where files of the lab of that name are; touches nothing and never fails. */
int load_paths(struct cli *c, const char *lab_name, struct paths *ret);
/* What its commands work with; the caller's (runtime_close), as runtime_open() says. */
int load_runtime(struct cli *c, const struct lab *lab, struct runtime **ret, struct fail *e);
/* A number of nodes, 1..LAB_NODES_MAX; else FAIL_USAGE. */
int parse_count(const char *text, unsigned *ret, struct fail *e);

/* capacity.c: FAIL_HOST when the nodes that are not running yet need more than the kernel gives. */
int cli_check_capacity(struct cli *c, struct runtime *rt, const struct lab *lab, struct fail *e);
/* The same as a warning on stderr, for plans of labs that do not exist yet; asks no libvirt. */
void cli_say_capacity(struct cli *c, const struct lab *lab);

/* run.c: execute a plan under the lab's lock, with journal, progress and report */
/* Lines of state_warnings(), on standard error. */
void run_show_warnings(const char *lines);
/* Returns when the last step ended. The failure is that of the first step that failed; FAIL_CANCELED after Ctrl-C, FAIL_TIMEOUT. */
int run_plan(struct cli *c, struct runtime *rt, const struct plan *p, struct fail *e);
/* *ret_fd holds the lab until it is closed. FAIL_CONFLICT names the process that has it. */
int run_lock(struct cli *c, const struct paths *paths, int *ret_fd, struct fail *e);
/* Show the plan instead of running it (-n). */
int run_show(struct cli *c, const struct plan *p, struct fail *e);

/* progress.c */
struct progress;
struct progress_options {
	int64_t start_ms;  /* of the command: what the times of all lines count from */
	unsigned beat_ms;  /* without live lines: how often what still runs is told; 0 = PROGRESS_BEAT_MS */
	bool verbose, live;
};
#define PROGRESS_BEAT_MS 30000
bool progress_can_live(void); /* is stderr a terminal that can move its cursor? */
struct progress *progress_new(const struct progress_options *o, const struct plan *p);
void progress_free(struct progress *p);
struct event_sink progress_sink(struct progress *p);

/* say.c: the story. Everything that goes to stderr goes through here, in whole lines. */
/* What a node, a server or an installer said, on stderr: harmless to a terminal. */
__attribute__((format(printf, 1, 2))) void report_say(const char *fmt, ...);
/* The same for text with terminal controls of our own. */
void say_text(const char *text, size_t len);
unsigned say_columns(int fd); /* of the terminal on @fd now; 80 where there is none */
/* Size of the terminal on stderr now; 80 x 24 where there is none. */
void say_size(unsigned *ret_columns, unsigned *ret_rows);
/* Ends @text, one line of UTF-8, before it takes more than @columns of a terminal. Returns how many it takes. */
unsigned say_cut(char *text, unsigned columns);
/* @text with newlines between words, so that its lines take at most @columns; a longer word gets a line of its own. Free it. */
char *say_wrapped(const char *text, unsigned columns);

/* report.c */
struct column { const char *key, *title; bool right; };
/* Rows are objects of a JSON array; the table shows the columns' keys. With --json the caller prints the document. */
int report_table(const json_t *rows, const struct column *columns, unsigned count, struct fail *e);
int report_json(const json_t *document, struct fail *e);
void report_fail(const struct cli *c, const struct fail *e);
/* Unless -y: @word must be typed before @what is removed, else FAIL_CANCELED; FAIL_USAGE where there is no terminal to ask on. */
int report_confirm(const struct cli *c, const char *what, const char *word, struct fail *e);
/* The failure as a JSON object: what a document says under "error". */
json_t *report_error(const struct fail *e);

struct image;
struct image_env;
struct image_env image_env_of(struct cli *c);
int image_report(struct cli *c, const struct image *image, bool made, struct fail *e);
int image_name_check(const char *name, struct fail *e);
void image_download(void *cli, int64_t done_bytes, int64_t total_bytes);

#endif
