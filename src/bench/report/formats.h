/* SPDX-License-Identifier: PostgreSQL */
/* Private to the reports: a function per format. */
#ifndef LABCTL_REPORT_FORMATS_H
#define LABCTL_REPORT_FORMATS_H

#include "report.h"

void html_print(const struct report *r, struct strbuf *out);
void markdown_print(const struct report *r, struct strbuf *out);
void csv_print(const struct report *r, struct strbuf *out);
void json_print(const struct report *r, struct strbuf *out);

#endif
