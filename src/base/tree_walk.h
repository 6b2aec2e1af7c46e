/* SPDX-License-Identifier: PostgreSQL */
/* Private to tree*.c: one run over a tree, and what it does with an entry. Functions return -1 with a failure in .e. */
#ifndef LABCTL_BASE_TREE_WALK_H
#define LABCTL_BASE_TREE_WALK_H

#include <sys/stat.h>

#include "arena.h"
#include "strbuf.h"
#include "tree.h"

#define LINK_BUCKETS 1024u

/* A file with several names: its first copy. */
struct linked { dev_t dev; ino_t ino; const char *path; struct linked *next; };

/* One run. Paths are relative to the topmost entry and used for messages, digests and hard links only. */
struct walk {
	const struct tree_copy *t; /* .to NULL = only look */
	struct arena *arena;
	struct strbuf list;        /* what the digest is made of */
	struct tree_sum sum;
	uint64_t copied;
	int64_t said_ms;
	dev_t dev;
	int top;                   /* directory of the copy's topmost entry */
	struct linked *links[LINK_BUCKETS];
	bool in_use;               /* entries may vanish */
	bool links_only;           /* tree_pin() */
	int pins;                  /* tree_restore(): the directory of .t->pins; else -1 */
	struct fail *e;
};

/* For errno: what could not be done with @path. */
int tree_failed(struct walk *w, const char *path);
/* Checks the deadline, tells the progress. */
int tree_may_go_on(struct walk *w);
/* -1 with errno. */
int tree_copy_attributes(int from, int to, const char *name, const char *to_name, const struct stat *st);
int tree_copy_file(struct walk *w, int from, int to, const char *name, const char *to_name, const struct stat *st, const char *path);
int tree_copy_symlink(struct walk *w, int from, int to, const char *name, const char *to_name, const char *path);
/* 1: @path is another name of a file that was copied already, and is linked to it; 0: it is the first. */
int tree_link_again(struct walk *w, int to, const char *to_name, const struct stat *st, const char *path);
/* tree_restore(). Removes an entry, with all below it, that has no place in the tree. */
int tree_remove_entry(struct walk *w, int dir, const char *name, const char *path);
/* tree_restore(). Puts the file that @path was in the place of whatever has its name. */
int tree_place_pinned(struct walk *w, int to, const char *to_name, const char *path);

#endif
