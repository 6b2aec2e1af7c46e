/* SPDX-License-Identifier: PostgreSQL */
#include "report.h"

#include <string.h>

#include "formats.h"

const struct report_format report_formats[] = {
	{ "html", "one page with charts and tables, for a browser", html_print },
	{ "markdown", "the summary and the tables, for an issue or a repository", markdown_print },
	{ "csv", "a line per point, with intervals", csv_print },
	{ "json", "the same and every measurement, for programs", json_print },
	{ 0 },
};

const struct report_format *report_format(const char *name)
{
	for (const struct report_format *f = report_formats; f->name; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}
