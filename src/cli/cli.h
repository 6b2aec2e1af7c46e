/* SPDX-License-Identifier: PostgreSQL */
/*
 * What every command shares: the parsed command line, the lab it works on, how plans are run and results shown.
 * stdout gets the result (a table, or one JSON document with --json), stderr everything else. Commands are defined in
 * command.h.
 *
 * Failures: functions return 0, or -1 with a struct fail, whose code becomes the exit status and whose cause is in the JSON.
 * main() reports it, so a command never prints its own failure. Every function here may pass on failures of the layers
 * below; those it adds are named at its declaration. Only main.c exits; ssh and psql replace the process by exec(2).
 *
 * Threads: struct cli belongs to the main thread; workers may read it, and *cancel at any time. Workers may call only
 * report_say(), say_text() and the sink of progress_sink(). Everything is allocated in c->arena and lives until
 * the program ends.
 */
#ifndef LABCTL_CLI_CLI_H
#define LABCTL_CLI_CLI_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "command.h"
#include "lab.h"
#include "lab_change.h"
#include "library.h"
#include "plan.h"
#include "runtime.h"

struct cli {
	const struct command *cmd;
	const char *path;                            /* names of the command and its parents: "db create" */
	void *options;                               /* the command's own struct, as its option rows say */
	const char *const *args; unsigned arg_count; /* words before "--" */
	const char *const *rest;                     /* words after "--", NULL-terminated; NULL = no "--" */
	/* global options */
	const char *file, *lab_name, *connect, *state_dir, *cache_dir;
	bool no_file;            /* ./labctl.yaml is not looked for: the lab comes from the command's words */
	bool dry_run, yes, json, timings, help, version;
	bool told_lost;          /* the user was warned that the lab's record is lost or damaged */
	int64_t said_ms;         /* when the last line of progress was printed; 0 = never */
	bool source_said;        /* the command line names the source archive: no file of its name is used instead */
	bool reported;           /* the JSON document was printed, with the failure in it */
	unsigned jobs, verbose;
	int64_t timeout_ms;      /* -1 = none */
	unsigned patience;       /* LABCTL_PATIENCE: multiplies the deadlines of steps and of libvirt */
	struct hypervisor_word { enum hypervisor type; const char *what; } hypervisor; /* .what: "--hypervisor", "LABCTL_HYPERVISOR" */
	struct lab_change *changes; unsigned change_count; /* differences between the lab file and the existing lab; load.c */
	const struct config *config; /* config_load() */
	const char *mirror_said; /* LABCTL_MIRROR before config_load() sets it */
	/* set up by main */
	struct library *lib;
	struct arena *arena;
	atomic_bool *cancel;
	int64_t start_ms;
};

/* command_line.c: sets c->help, c->version or c->cmd. FAIL_USAGE with one line of text. */
int command_line_parse(struct cli *c, int argc, char **argv, struct fail *e);

/* lab_file.c: path from -f or LABCTL_FILE, else ./labctl.yaml; NULL = there is none, or c->no_file */
const char *lab_file(const struct cli *c);
/* Calls lab_load() for that file, or for none. FAIL_CONFLICT if ./labctl.yaml was not named and other users own or can write it. */
int lab_file_load(struct cli *c, const struct lab_options *o, struct lab **ret_lab, struct fail *e);

/* trusted.c: files that labctl finds by itself, without being told their names */
/* Opens @path. FAIL_CONFLICT if others than root and the caller own or can write it, FAIL_USAGE if it is not a file. */
int trusted_check(const char *path, int *ret_fd, struct fail *e);
/* The same, and appends the file to @out. */
int trusted_read(struct cli *c, const char *path, struct strbuf *out, struct fail *e);

/* config_files.c */
#define CONFIG_FILES 2
struct config_path { const char *what, *path; bool named; }; /* "system", "user"; path NULL = none; named: must exist */
void config_paths(struct cli *c, struct config_path ret[CONFIG_FILES]);
/*
 * Reads the configuration once and remembers it; sets LABCTL_MIRROR for the programs that make images. Fails as
 * config_read() and trusted_read().
 */
int config_load(struct cli *c, const struct config **ret, struct fail *e);
/* The image that new labs use: the configured one unless it is a disk. Fails as config_load(). */
int config_image(struct cli *c, const char **ret, struct fail *e);

/* load.c, load_wanted.c: which lab, its record, and what it is to become */
/* FAIL_NOT_FOUND with the command that makes one; @so: what follows from it, ", and so ...", or "". Returns -1. */
int load_no_database(const struct lab *lab, const char *so, struct fail *e);
/* Sets .stored: installed and imported images, whose names `image` accepts. A cache that cannot be read counts as empty. */
void load_find_stored(struct cli *c, struct lab_options *o);
/* What a command line says about a lab besides its name: the options struct of create, bootstrap, plan and render. */
struct lab_words {
	unsigned node_count;              /* 0 = not given */
	const char *kind, *image, *source;
	bool keep_build;                  /* of `bootstrap` */
	const char *ttl; bool autostart;  /* of `create` */
	const char *from; bool warm;      /* of `create`: "LAB@SNAPSHOT"; go on from a snapshot */
};
#define OPTION_IMAGE { "image", .arg = "NAME", .complete = complete_images, .at = offsetof(struct lab_words, image), \
	.text = "image the nodes boot from" }
#define OPTION_SOURCE { "source", .arg = "FILE|URL", .complete = complete_files, .at = offsetof(struct lab_words, source), \
	.text = "source archive of the cluster's software" }
/* Loads the lab that -f, -l or the working directory names, for `create`: a new lab, or the existing one. */
int load_for_create(struct cli *c, const struct lab_words *said, struct lab **ret_lab, struct fail *e);
/* The same for showing it: a lab without a subnet gets a sample one. */
int load_to_create(struct cli *c, const struct lab_words *said, struct lab **ret_lab, struct fail *e);
/* Loads the saved lab; FAIL_NOT_FOUND lists the labs that exist. */
int load_existing(struct cli *c, struct lab **ret_lab, struct fail *e);
/* Loads the saved lab or, if its record is lost or damaged, what can still be found out about it. */
int load_for_destroy(struct cli *c, struct lab **ret_lab, struct fail *e);
/*
 * Loads a lab for plan and render, whether it exists or not; changes nothing. A lab without a subnet gets a sample one.
 * @by_file: the lab file's changes are applied to an existing lab, or refused.
 */
int load_for_show(struct cli *c, bool by_file, const struct lab_words *said, struct lab **ret_lab, struct fail *e);
/* Gives a lab that has none a subnet, to show its plan. */
void load_sample_subnet(struct lab *lab);
/* Applies the lab file to the saved *lab (changes are refused, or noted in c->changes) and the command line's kind. */
int load_cluster(struct cli *c, const struct lab_words *said, struct lab **lab, struct fail *e);
/* Does a bootstrap change a cluster that exists: by the lab file, or because an earlier one did not end? */
bool load_is_change(struct cli *c, const struct lab *lab);
/* The plan of `bootstrap`. */
int load_plan_bootstrap(struct cli *c, const struct lab *lab, struct plan **ret_plan, struct fail *e);
/* Prints to stderr what the lab file changes in the existing lab. */
void load_say_changes(const struct cli *c, const struct lab *lab);
/* Loads the lab that the lab file, options and configuration describe, as `create` would if there were none; with @has, for that lab. */
int load_described(struct cli *c, const struct lab *has, struct lab **ret_lab, struct fail *e);
/* Paths of the files of the lab of that name; changes nothing and always returns 0. */
int load_paths(struct cli *c, const char *lab_name, struct paths *ret);
/* Opens the runtime of a lab; the caller closes it (runtime_close()). Fails as runtime_open() does. */
int load_runtime(struct cli *c, const struct lab *lab, struct runtime **ret, struct fail *e);
/* Parses a number of nodes, 1..LAB_NODES_MAX; else FAIL_USAGE. */
int parse_count(const char *text, unsigned *ret, struct fail *e);

/* part.c */
/* A command that runs as a part of @c, for the lab @lab, without options, arguments, lab file and JSON document. */
struct cli cli_part(struct cli *c, const struct command *cmd, const char *lab);

/* sources.c */
/* Sets the source of a cluster that names none: the lab file's, the configuration's or the project's; none if the image has the software. */
int source_default(struct cli *c, struct lab *lab, struct fail *e);
/* A file in $LABCTL_SOURCES, the working directory or the cache with the name of the archive at @url. Any thread. */
bool source_find(void *cli, const char *url, struct arena *a, const char **ret_path);

/* capacity.c: FAIL_HOST if the nodes that are not running yet need more than the kernel's limits allow. */
int cli_check_capacity(struct cli *c, struct runtime *rt, const struct lab *lab, struct fail *e);
/* The same as a warning on stderr, for plans of labs that do not exist yet; does not ask libvirt. */
void cli_say_capacity(struct cli *c, const struct lab *lab);

/* host_run.c: does what labctl on another host asks for on standard input, until that ends. */
int host_run(struct cli *c, struct fail *e);

/* run.c: execute a plan under the lab's lock, with journal, progress and report */
/* Prints the lines of state_warnings() to stderr. */
void run_show_warnings(const char *lines);
/* Returns when the last step has ended. Fails as the first step that failed; FAIL_CANCELED after Ctrl-C, FAIL_TIMEOUT. */
int run_plan(struct cli *c, struct runtime *rt, const struct plan *p, struct fail *e);
/* The same for a command without whose end the cluster is half changed: until then, status names it as the next one. */
int run_whole(struct cli *c, struct runtime *rt, const struct plan *p, struct fail *e);
/*
 * FAIL_CONFLICT, with the command that ends it, unless the command may run on a lab of which a restore that was killed left nodes of two
 * times, a `create --from` nodes that have nothing, or a takeover servers that do not agree.
 */
int run_check_whole(const struct cli *c, const struct paths *paths, struct fail *e);
bool run_is_takeover(const char *words); /* of an unfinished command (UNFINISHED_COMMAND): is it a switchover or a failover? */
/* Takes the lab's lock, held until *ret_fd is closed. FAIL_CONFLICT names the process that holds it. */
int run_lock(struct cli *c, const struct paths *paths, int *ret_fd, struct fail *e);
/* Prints the plan instead of running it (-n). */
int run_show(struct cli *c, const struct plan *p, struct fail *e);

/* progress.c */
struct progress;
struct progress_options {
	int64_t start_ms;  /* start of the command: the times of all lines count from here */
	unsigned beat_ms;  /* without live lines: how often running steps are reported; 0 = PROGRESS_BEAT_MS */
	bool verbose, live;
};
#define PROGRESS_BEAT_MS 30000
bool progress_can_live(void); /* is stderr a terminal that can move its cursor? */
/* Where a step works, in words: its node, else what it is about, else the host. */
const char *progress_place(const struct plan *p, const struct step *s);
struct progress *progress_new(const struct progress_options *o, const struct plan *p);
void progress_free(struct progress *p);
struct event_sink progress_sink(struct progress *p);

/* say.c: everything on stderr goes through here, in whole lines. */
/* Prints to stderr, with terminal controls removed: the text may come from a node, a server or an installer. */
__attribute__((format(printf, 1, 2))) void report_say(const char *fmt, ...);
/* The same without that, for text with terminal controls of our own. */
void say_text(const char *text, size_t len);
/* Flushes @to; if its reader has gone, ends the program as any filter ends. */
void say_flush(FILE *to);
unsigned say_columns(int fd); /* current width of the terminal on @fd; 80 if there is none */
/* Current size of the terminal on stderr; 80 x 24 if there is none. */
void say_size(unsigned *ret_columns, unsigned *ret_rows);
/* Cuts @text, one line of UTF-8, to at most @columns columns of a terminal. Returns how many it takes. */
unsigned say_cut(char *text, unsigned columns);
/* Wraps @text at words to lines of at most @columns; a longer word gets a line of its own. The caller frees the result. */
char *say_wrapped(const char *text, unsigned columns);

/* report.c */
struct column { const char *key, *title; bool right; };
/* One with .only_if is left out of the table if no row has it. */
struct table_column { struct column column; bool only_if; };
unsigned columns_choose(const struct table_column *all, unsigned count, const json_t *rows, struct column *ret); /* returns how many */
/* Prints a table: @rows is a JSON array of objects, each column shows one key. With --json the caller prints the document. */
int report_table(const json_t *rows, const struct column *columns, unsigned count, struct fail *e);
/* The same, appended to @out, and nothing is wrapped. */
int report_table_text(const json_t *rows, const struct column *columns, unsigned count, struct strbuf *out, struct fail *e);
int report_json(const json_t *document, struct fail *e);
void report_fail(const struct cli *c, const struct fail *e);
/* What help says of every command that calls report_confirm(). */
#define HELP_ASKS "Asks for confirmation unless -y is given; without a terminal, -y is needed."
/* Unless -y: asks the user to type @word before @what is removed, else FAIL_CANCELED; FAIL_USAGE if there is no terminal. */
int report_confirm(const struct cli *c, const char *what, const char *word, struct fail *e);
/* The failure as a JSON object, the value of "error" in a document. */
json_t *report_error(const struct fail *e);

struct image;
struct image_env;
struct image_env image_env_of(struct cli *c);
int image_report(struct cli *c, const struct image *image, bool made, struct fail *e);
int image_name_check(const char *name, struct fail *e);
void image_download(void *cli, int64_t done_bytes, int64_t total_bytes);

#endif
