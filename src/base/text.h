/* SPDX-License-Identifier: PostgreSQL */
/*
 * Texts and numbers of pages and drawings. Names come from files of strangers: in HTML and SVG every text passes through text_add()
 * or text_cut(). Numbers look the same everywhere: "4,210", "1.84", "0.85". Pure; thread-safe.
 */
#ifndef LABCTL_BASE_TEXT_H
#define LABCTL_BASE_TEXT_H

#include <stdint.h>

#include "strbuf.h"

/*
 * Adds @s as HTML text or attribute value. Control characters and bytes that are not UTF-8 become "?", and so do the
 * characters that change the direction of the text after them.
 */
void text_add(struct strbuf *out, const char *s);
/* The same, cut to about the width of @max letters, the last of which is then an ellipsis; 0 = whole. */
void text_cut(struct strbuf *out, const char *s, unsigned max);
/* The same isolated, so that a name written from right to left does not move its neighbours: <bdi>. HTML only. */
void text_name(struct strbuf *out, const char *s);
/* Number of characters. */
unsigned text_length(const char *s);

/* A number as text: num_rate(4210.4).text */
struct num { char text[40]; };
struct num num_count(uint64_t n);       /* "1,234,567" */
struct num num_rate(double tps);        /* three digits or all before the point: "4,210", "98.4", "1.25" */
struct num num_ms(double us);           /* microseconds as milliseconds, without unit: "0.85", "5.12", "123" */
struct num num_time(double us);         /* with unit: "850 µs", "5.12 ms", "1.23 s" */
struct num num_ratio(double ratio);     /* "1.84" */
struct num num_percent(double part);    /* 0.031 -> "3.1" */
struct num num_p(double p);             /* a probability: "0.023", "< 0.001" */
struct num num_plain(double v);         /* shortest: "0.5", "100" */
struct num num_tick(double v);          /* the same with groups: "1,500" */
struct num num_bytes(double bytes);     /* whole units, at most four digits: "512 B", "8192 kB", "22 MB" */
struct num num_utc(int64_t ms);         /* "2026-11-29 17:16:52 UTC" */

#endif
