/* SPDX-License-Identifier: PostgreSQL */
/* Text -> YAML document. Refuses the features of YAML that a lab file does not need. */
#include <stdlib.h>

#include "lab_source.h"

#define DEPTH_MAX 16 /* of nesting; the deepest valid file has 5 */

/* Only the scanner sees anchors, aliases and tags: the document API resolves them. */
static bool scan_ok(struct source *s, const char *text, size_t len)
{
	yaml_parser_t parser;
	bool ok = true, end = false;
	int depth = 0;

	if (!yaml_parser_initialize(&parser))
		abort(); /* out of memory */
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (ok && !end) {
		yaml_token_t token;
		int line;

		if (!yaml_parser_scan(&parser, &token))
			break; /* the loader reports it */
		line = (int)token.start_mark.line + 1;
		end = token.type == YAML_STREAM_END_TOKEN;
		depth += token.type == YAML_BLOCK_SEQUENCE_START_TOKEN || token.type == YAML_BLOCK_MAPPING_START_TOKEN ||
			 token.type == YAML_FLOW_SEQUENCE_START_TOKEN || token.type == YAML_FLOW_MAPPING_START_TOKEN;
		depth -= token.type == YAML_BLOCK_END_TOKEN || token.type == YAML_FLOW_SEQUENCE_END_TOKEN ||
			 token.type == YAML_FLOW_MAPPING_END_TOKEN;
		ok = depth <= DEPTH_MAX && token.type != YAML_ANCHOR_TOKEN && token.type != YAML_ALIAS_TOKEN &&
		     token.type != YAML_TAG_TOKEN;
		if (depth > DEPTH_MAX)
			problem_add(&s->problems, line, "yaml", "nested deeper than %d levels", DEPTH_MAX);
		else if (!ok)
			problem_add(&s->problems, line, "yaml", "anchors (&), aliases (*) and tags (!) are not allowed");
		yaml_token_delete(&token);
	}
	yaml_parser_delete(&parser);
	return ok;
}

static void parser_problem(struct source *s, const yaml_parser_t *parser)
{
	bool reader = parser->error == YAML_READER_ERROR;
	int line = (int)parser->problem_mark.line + 1;

	if (reader) { /* this error has an offset instead of a mark */
		const char *text = (const char *)parser->input.string.start;

		line = 1;
		for (size_t i = 0; i < parser->problem_offset && text + i < (const char *)parser->input.string.end; i++)
			line += text[i] == '\n';
	}
	problem_add(&s->problems, line, "yaml", "%s%s%s", parser->problem ? parser->problem : "?",
		    parser->context ? " " : "", parser->context ? parser->context : "");
}

void schema_read(struct source *s, const char *text, size_t len, const struct key *keys)
{
	yaml_parser_t parser;
	yaml_document_t doc, rest;
	yaml_node_t *root;

	if (len > LAB_FILE_MAX_BYTES) {
		problem_add(&s->problems, 0, "yaml", "larger than 1 MiB");
		return;
	}
	if (!scan_ok(s, text, len))
		return;
	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (!yaml_parser_load(&parser, &doc)) {
		parser_problem(s, &parser);
		yaml_parser_delete(&parser);
		return;
	}
	root = yaml_document_get_root_node(&doc);
	s->doc = &doc;
	if (root)
		schema_read_map(s, root, keys, s->lab, "");
	s->doc = NULL;
	yaml_document_delete(&doc);
	if (root && !yaml_parser_load(&parser, &rest)) {
		parser_problem(s, &parser);
	} else if (root) {
		root = yaml_document_get_root_node(&rest);
		if (root)
			problem_add(&s->problems, (int)root->start_mark.line + 1, "yaml", "a second document");
		yaml_document_delete(&rest);
	}
	yaml_parser_delete(&parser);
}
