/* SPDX-License-Identifier: PostgreSQL */
/*
 * Private to the specification: spec_file.c (YAML) and spec_words.c (command line) give each key a list of texts;
 * spec_keys.c has a row per key, which reads them into struct bench_spec; spec_check.c compares the whole with the lab.
 * Each goes on after a problem, so that the user sees all of them at once.
 */
#ifndef LABCTL_BENCH_SPEC_SOURCE_H
#define LABCTL_BENCH_SPEC_SOURCE_H

#include "spec.h"

#define SPEC_KEYS_MAX 32

/* One value of a key. A workload may be a map: then .script is set, and the others where given. */
struct spec_item { const char *text; int line; const char *script, *dataset, *writes; };

struct spec_source {
	struct bench_spec *spec;
	const struct lab *lab;
	struct arena *arena;
	const char *dir;                 /* of the file, for scripts; NULL = the working directory */
	struct problems file, words;     /* problems by where the value came from */
	bool from_words;                 /* what is being read now */
	struct { int line; bool given, word; } at[SPEC_KEYS_MAX]; /* where spec_keys[i] was given */
};

struct spec_key {
	const char *name;                /* in the file; on the command line "--" + .option */
	const char *option;              /* NULL = only in the file */
	bool list;
	void (*read)(struct spec_source *s, const struct spec_key *k, const struct spec_item *items, unsigned count);
	size_t offset;                   /* of the field in struct bench_spec */
	double min, max;                 /* of numbers, and of durations in seconds */
	const char *const *words;        /* of a word */
	const char *why;                 /* why .max is the limit */
	size_t words_offset;             /* of the text in struct bench_words, with .option */
};
extern const struct spec_key spec_keys[]; /* ends with a zero row */

void spec_read_file(struct spec_source *s, const char *text, size_t len);
void spec_read_words(struct spec_source *s, const struct bench_words *words);
void spec_default(struct spec_source *s);
void spec_check(struct spec_source *s);

/* A problem of the value that is being read, in this line of the file or in the option of @k. */
__attribute__((format(printf, 4, 5))) void spec_problem(struct spec_source *s, const struct spec_key *k, int line, const char *fmt, ...);
/* A problem of a key, where it was given; for defaults, in the file without a line. */
__attribute__((format(printf, 3, 4))) void spec_key_problem(struct spec_source *s, const char *key, const char *fmt, ...);
/* Notes where the key was given, and reads it. */
void spec_give(struct spec_source *s, const struct spec_key *k, int line, const struct spec_item *items, unsigned count);
/* ", did you mean X?" or "; known: ..."; in the arena. */
const char *spec_hint(struct spec_source *s, const char *word, const char *const *known);

#endif
