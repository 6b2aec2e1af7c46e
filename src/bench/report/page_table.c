/* SPDX-License-Identifier: PostgreSQL */
/* Tables and folded parts of the HTML report. */
#include <math.h>
#include <string.h>

#include "page.h"

void table_begin(struct page *p, const char *caption, const char *const *titles, unsigned numbers_from)
{
	strbuf_printf(p->out, "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"t%u\">"
			      "<table class=\"sort\"><caption id=\"t%u\">", p->tables, p->tables);
	p->tables++;
	text_add(p->out, caption);
	strbuf_str(p->out, "</caption><thead><tr>");
	for (unsigned i = 0; titles[i]; i++) {
		strbuf_str(p->out, i < numbers_from ? "<th scope=\"col\">" : "<th scope=\"col\" class=\"n\">");
		text_add(p->out, titles[i]);
		strbuf_str(p->out, "</th>");
	}
	strbuf_str(p->out, "</tr></thead><tbody>");
}

void table_row(struct page *p, const char *class)
{
	if (class)
		strbuf_printf(p->out, "\n<tr class=\"%s\">", class);
	else
		strbuf_str(p->out, "\n<tr>");
}

void table_text(struct page *p, const char *text)
{
	strbuf_str(p->out, "<td>");
	text_name(p->out, text ? text : "");
	strbuf_str(p->out, "</td>");
}

void table_number(struct page *p, double v, struct num shown)
{
	if (isfinite(v)) {
		strbuf_printf(p->out, "<td class=\"n\" data-v=\"%.9g\">", v);
		text_add(p->out, shown.text);
		strbuf_str(p->out, "</td>");
	} else {
		strbuf_str(p->out, "<td class=\"n\" data-v=\"\">—</td>");
	}
}

void table_end(struct page *p)
{
	strbuf_str(p->out, "</tbody></table></div>\n");
}

void details_begin(struct page *p, const char *summary)
{
	strbuf_str(p->out, "<details><summary>");
	text_add(p->out, summary);
	strbuf_str(p->out, "</summary>\n");
}

void details_end(struct page *p)
{
	strbuf_str(p->out, "</details>\n");
}

/* A directory that leads out of the run's is no link. Only what needs no escape in a URL stays as it is. */
void page_raw(struct page *p, unsigned run_index, const struct bench_measure *m)
{
	const char *place = p->report->places ? p->report->places[run_index] : NULL;

	if (!place || !m->raw || m->raw[0] == '/' || strstr(m->raw, ".."))
		return;
	strbuf_str(p->out, "<a href=\"./");
	for (unsigned part = 0; part < 2; part++) {
		const char *s = part ? m->raw : place;

		for (; *s; s++) {
			if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/", *s))
				strbuf_char(p->out, *s);
			else
				strbuf_printf(p->out, "%%%02X", (unsigned char)*s);
		}
		if (!part && *place)
			strbuf_char(p->out, '/');
	}
	strbuf_str(p->out, "/\">");
	text_add(p->out, m->raw);
	strbuf_str(p->out, "</a>");
}
