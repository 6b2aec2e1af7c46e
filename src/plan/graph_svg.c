/* SPDX-License-Identifier: PostgreSQL */
/*
 * A topology as SVG. Nodes stand in rows: those whose roles no other has in the first, then a row for each group of nodes
 * with the same roles. Links between servers are lanes between the rows: a dot where a server connects, an arrow at the
 * servers it connects to. So a drawing stays readable when everything connects to everything.
 */
#include "graph.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define CARD 148           /* width of a node */
#define GAP 14             /* between nodes */
#define HEAD 38            /* height of a node's name and address */
#define CHIP 20            /* height of a role */
#define PAD 28             /* from the frame of the host to the nodes */
#define LANE 26            /* between lanes */
#define LINE 17
#define SHOWN_MAX 8        /* nodes of a row */
#define ROWS_MAX 12
#define ROLES_MAX 16
#define LANES_MAX 24

struct role { const char *name; json_int_t port; };
struct card {
	const char *name, *address;
	struct role roles[ROLES_MAX]; unsigned role_count;
	const char *key;       /* its roles as one text */
	size_t more;           /* so many nodes stand behind this card; 0 = it is one node */
	unsigned row, x, y;
};
struct lane { const json_t *edge; unsigned number, channel, y, left; bool mixed; }; /* mixed: not only the row above it */
struct drawing {
	struct arena *arena;
	struct card *cards; unsigned count;
	unsigned row_count, row_y[ROWS_MAX], row_height[ROWS_MAX], row_cards[ROWS_MAX];
	struct lane lanes[LANES_MAX]; unsigned lane_count;
	const char *roles[ROLES_MAX]; unsigned role_count; /* for colours */
	unsigned width, height;
};

const char graph_style[] =
	".topology{display:block;height:auto;max-width:max(100%,760px)}\n"
	".topology text{font-size:12px;fill:var(--fg)}.topology .dim{fill:var(--dim)}.topology .strong{font-weight:600}\n"
	".topology .frame{fill:none;stroke:var(--line)}.topology .net{fill:none;stroke:var(--line);stroke-dasharray:5 4}\n"
	".topology .card{fill:var(--panel);stroke:var(--line)}.topology .chip{fill:var(--bg);stroke:var(--line)}\n"
	".topology .bar,.topology .arrow,.topology .joint{fill:var(--c)}.topology .lane{fill:none;stroke:var(--c);stroke-width:1.5}\n"
	".topology .what{fill:var(--c);paint-order:stroke;stroke:var(--bg);stroke-width:4px;stroke-linejoin:round}\n"
	".c0{--c:var(--c0)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}"
	".c4{--c:var(--c4)}.c5{--c:var(--c5)}.c6{--c:var(--c6)}.c7{--c:var(--c7)}\n";

/* Those of reports: src/bench/report/page_style.c. */
static const char file_style[] =
	"svg{--bg:#fff;--fg:#1b1f24;--dim:#57606a;--line:#b6bec8;--panel:#f6f8fa;"
	"--c0:#0b62b5;--c1:#b34700;--c2:#00704f;--c3:#8b2fa3;--c4:#6b5a00;--c5:#00697a;--c6:#9c2b5f;--c7:#4d5560;"
	"font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"DejaVu Sans\",sans-serif}\n"
	"@media (prefers-color-scheme:dark){svg{--bg:#0f141a;--fg:#e6eaef;--dim:#9ea7b3;--line:#48525e;--panel:#171d25;"
	"--c0:#6cb2ff;--c1:#ff9f5a;--c2:#4fd0a0;--c3:#d79bf0;--c4:#d9c04a;--c5:#56cfe0;--c6:#ff9cc4;--c7:#b6bfc9}}\n"
	".page{fill:var(--bg)}\n";

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static unsigned color_of(struct drawing *d, const char *role)
{
	unsigned i = 0;

	while (i < d->role_count && strcmp(d->roles[i], role) != 0)
		i++;
	if (i == d->role_count && d->role_count < ROLES_MAX)
		d->roles[d->role_count++] = role;
	return i % 8;
}

static bool has_role(const struct card *c, const char *role)
{
	for (unsigned i = 0; i < c->role_count; i++)
		if (!strcmp(c->roles[i].name, role))
			return true;
	return false;
}

/* --- where everything is --- */

static void read_card(struct drawing *d, const json_t *node, struct card *c)
{
	const json_t *role;
	size_t i;

	*c = (struct card){ .name = text_of(node, "name"), .address = text_of(node, "address"), .key = "" };
	json_array_foreach(json_object_get(node, "roles"), i, role) {
		if (i == ROLES_MAX)
			break;
		c->roles[c->role_count++] = (struct role){ text_of(role, "role"), json_integer_value(json_object_get(role, "port")) };
		c->key = arena_printf(d->arena, "%s %s", c->key, text_of(role, "role"));
		color_of(d, text_of(role, "role"));
	}
}

/* Rows, and for long ones a last card that stands for the rest. */
static void place_rows(struct drawing *d, struct card *all, size_t count)
{
	const char *keys[ROWS_MAX] = { NULL };
	unsigned rows = 1;

	for (size_t i = 0; i < count; i++) {
		size_t same = 0;
		unsigned row = 0;

		for (size_t k = 0; k < count && same < 2; k++)
			same += !strcmp(all[k].key, all[i].key);
		if (same > 1) {
			for (row = 1; row < rows && strcmp(keys[row], all[i].key) != 0;)
				row++;
			if (row == rows && rows < ROWS_MAX)
				keys[rows++] = all[i].key;
			row = row < ROWS_MAX ? row : ROWS_MAX - 1;
		}
		all[i].row = row;
	}
	for (unsigned row = 0; row < rows; row++) {
		size_t in_row = 0, seen = 0;

		for (size_t i = 0; i < count; i++)
			in_row += all[i].row == row;
		for (size_t i = 0; i < count; i++) {
			if (all[i].row != row || seen++ >= SHOWN_MAX)
				continue;
			*arena_push(d->arena, d->cards, d->count) = all[i];
			d->cards[d->count - 1].row = d->row_count;
			if (seen == SHOWN_MAX && in_row > SHOWN_MAX)
				d->cards[d->count - 1].more = in_row - SHOWN_MAX + 1;
		}
		if (in_row)
			d->row_cards[d->row_count++] = in_row < SHOWN_MAX ? (unsigned)in_row : SHOWN_MAX;
	}
}

/* A lane lies below the highest row that takes part. Lanes of that row alone come first. */
static void read_lanes(struct drawing *d, const json_t *graph)
{
	const json_t *edge;
	size_t i;

	json_array_foreach(json_object_get(graph, "edges"), i, edge) {
		struct lane lane = { .edge = edge, .channel = ROWS_MAX };
		unsigned lowest = 0;

		if (json_is_true(json_object_get(edge, "same_node")) || d->lane_count == LANES_MAX)
			continue;
		for (unsigned k = 0; k < d->count; k++) {
			const struct card *c = &d->cards[k];

			if (!has_role(c, text_of(edge, "from")) && !has_role(c, text_of(edge, "to")))
				continue;
			lane.channel = c->row < lane.channel ? c->row : lane.channel;
			lowest = c->row > lowest ? c->row : lowest;
		}
		if (lane.channel == ROWS_MAX)
			continue;
		lane.mixed = lowest > lane.channel;
		d->lanes[d->lane_count++] = lane;
	}
	for (unsigned channel = 0; channel < d->row_count; channel++)
		for (unsigned mixed = 0, number = 0; mixed < 2; mixed++)
			for (unsigned n = 0; n < d->lane_count; n++)
				if (d->lanes[n].channel == channel && d->lanes[n].mixed == mixed)
					d->lanes[n].number = number++;
}

static void place_all(struct drawing *d)
{
	unsigned y = 84, longest = 3;

	for (unsigned row = 0; row < d->row_count; row++)
		longest = d->row_cards[row] > longest ? d->row_cards[row] : longest;
	d->width = longest * (CARD + GAP) - GAP + 2 * PAD;
	d->width = d->width < 560 ? 560 : d->width;
	for (unsigned row = 0; row < d->row_count; row++) {
		unsigned used = d->row_cards[row] * (CARD + GAP) - GAP, x = (d->width - used) / 2, lanes = 0;

		d->row_y[row] = y;
		for (unsigned i = 0; i < d->count; i++) {
			struct card *c = &d->cards[i];
			unsigned height = HEAD + (c->role_count ? c->role_count : 1) * (CHIP + 2) + 6;

			if (c->row != row)
				continue;
			c->x = x;
			c->y = y;
			x += CARD + GAP;
			d->row_height[row] = height > d->row_height[row] ? height : d->row_height[row];
		}
		y += d->row_height[row];
		for (unsigned n = 0; n < d->lane_count; n++)
			if (d->lanes[n].channel == row) {
				d->lanes[n].y = y + 30 + d->lanes[n].number * LANE;
				lanes++;
			}
		y += lanes ? 30 + lanes * LANE : 24;
	}
	d->height = y + 12;
}

/* --- drawing --- */

static void add_text(struct strbuf *out, const char *class, unsigned x, unsigned y, const char *text, unsigned max)
{
	strbuf_printf(out, "<text class=\"%s\" x=\"%u\" y=\"%u\">", class, x, y);
	text_cut(out, text, max);
	strbuf_str(out, "</text>");
}

static void draw_card(struct drawing *d, const json_t *graph, const struct card *c, struct strbuf *out)
{
	const json_t *edge;
	unsigned local = 0;
	size_t e;

	strbuf_printf(out, "<g class=\"node\"><rect class=\"card\" x=\"%u\" y=\"%u\" width=\"%d\" height=\"%u\" rx=\"5\"/>",
		      c->x, c->y, CARD, d->row_height[c->row]);
	if (c->more)
		add_text(out, "strong", c->x + 10, c->y + 23, arena_printf(d->arena, "%zu more nodes", c->more), 18);
	else
		add_text(out, "strong", c->x + 10, c->y + 17, c->name, 16);
	if (!c->more)
		add_text(out, "dim", c->x + 10, c->y + 32, c->address, 17);
	for (unsigned i = 0; i < c->role_count; i++) {
		unsigned y = c->y + HEAD + i * (CHIP + 2), x = c->x + 12;

		strbuf_printf(out, "<g class=\"c%u\"><rect class=\"chip\" x=\"%u\" y=\"%u\" width=\"%d\" height=\"%d\" rx=\"3\"/>"
				   "<rect class=\"bar\" x=\"%u\" y=\"%u\" width=\"4\" height=\"%d\" rx=\"2\"/>",
			      color_of(d, c->roles[i].name), x, y, CARD - 20, CHIP, x, y, CHIP);
		add_text(out, "role", x + 8, y + 14, c->roles[i].name, 13);
		if (c->roles[i].port > 0)
			strbuf_printf(out, "<text class=\"dim\" x=\"%u\" y=\"%u\" text-anchor=\"end\">%lld</text>", x + CARD - 25, y + 14,
				      (long long)c->roles[i].port);
		strbuf_str(out, "</g>");
	}
	if (!c->role_count)
		add_text(out, "dim", c->x + 12, c->y + HEAD + 14, "no role", 16);
	/* Links inside the node: at its left edge, from role to role. */
	json_array_foreach(json_object_get(graph, "edges"), e, edge) {
		int from = -1, to = -1;

		for (unsigned i = 0; i < c->role_count && json_is_true(json_object_get(edge, "same_node")); i++) {
			from = !strcmp(c->roles[i].name, text_of(edge, "from")) ? (int)i : from;
			to = !strcmp(c->roles[i].name, text_of(edge, "to")) ? (int)i : to;
		}
		if (from < 0 || to < 0)
			continue;
		unsigned x = c->x + 12, top = c->y + HEAD + CHIP / 2, bend = 4 + 3 * (local++ % 3);

		strbuf_printf(out, "<g class=\"c%u\"><path class=\"lane\" d=\"M%u %uh-%uV%uh%u\"/><path class=\"arrow\" d=\"M%u %ul-4 -3v6z\"/></g>",
			      color_of(d, text_of(edge, "from")), x, top + (unsigned)from * (CHIP + 2), bend, top + (unsigned)to * (CHIP + 2),
			      bend, x, top + (unsigned)to * (CHIP + 2));
	}
	strbuf_str(out, "</g>\n");
}

/* The line between a node and a lane. */
static void draw_pin(const struct drawing *d, const struct card *c, const struct lane *l, unsigned x, bool to, struct strbuf *out)
{
	bool above = c->row == l->channel;
	unsigned edge = above ? c->y + d->row_height[c->row] : c->y;

	strbuf_printf(out, "<path class=\"lane\" d=\"M%u %uV%u\"/><circle class=\"joint\" cx=\"%u\" cy=\"%u\" r=\"2.2\"/>", x, edge, l->y, x, l->y);
	if (to)
		strbuf_printf(out, "<path class=\"arrow\" d=\"M%u %ul-4 %sh8z\"/>", x, edge, above ? "8" : "-8");
	else
		strbuf_printf(out, "<circle class=\"joint\" cx=\"%u\" cy=\"%u\" r=\"3.2\"/>", x, edge);
}

static void draw_lane(struct drawing *d, struct lane *l, struct strbuf *out)
{
	const char *from = text_of(l->edge, "from"), *to = text_of(l->edge, "to");
	unsigned left = d->width, right = 0;

	strbuf_printf(out, "<g class=\"link c%u\">", color_of(d, from));
	for (unsigned i = 0; i < d->count; i++) {
		const struct card *c = &d->cards[i];
		unsigned x = c->x + 16 + l->number * 18 % (CARD - 30);

		for (unsigned end = 0; end < 2; end++) {
			unsigned at = x + 8 * end;

			if (!has_role(c, end ? to : from))
				continue;
			draw_pin(d, c, l, at, end == 1, out);
			left = at < left ? at : left;
			right = at > right ? at : right;
		}
	}
	strbuf_printf(out, "<path class=\"lane\" d=\"M%u %uH%u\"/>", left, l->y, right);
	strbuf_str(out, "</g>\n");
	l->left = left;
}

/* Letters that fit from @x to the frame. */
static unsigned room(const struct drawing *d, unsigned x)
{
	return (d->width - x - 20) * 10 / 68;
}

/* Over all lanes, so that no line crosses a text. */
static void draw_lane_text(struct drawing *d, const struct lane *l, struct strbuf *out)
{
	const char *from = text_of(l->edge, "from");
	unsigned x = l->left + (l->mixed ? 14 : 30);

	strbuf_printf(out, "<g class=\"c%u\">", color_of(d, from));
	add_text(out, "what", x, l->y - 7, arena_printf(d->arena, "%s → %s: %s", from, text_of(l->edge, "to"), text_of(l->edge, "what")),
		 room(d, x));
	strbuf_str(out, "</g>\n");
}

static const char *host_line(struct drawing *d, const json_t *graph)
{
	const char *how = text_of(graph, "hypervisor");

	return arena_printf(d->arena, "host%s%s%s%s", *how ? ", " : "", how, *text_of(graph, "lab") ? ": lab " : "", text_of(graph, "lab"));
}

static const char *network_line(struct drawing *d, const json_t *graph)
{
	const json_t *network = json_object_get(graph, "network");

	if (!*text_of(network, "subnet"))
		return "network";
	return arena_printf(d->arena, "network %s, the host is %s", text_of(network, "subnet"), text_of(network, "gateway"));
}

/* What the lines inside the nodes mean. */
static unsigned draw_local(struct drawing *d, const json_t *graph, struct strbuf *out)
{
	unsigned y = d->height;
	const json_t *edge;
	size_t i;

	json_array_foreach(json_object_get(graph, "edges"), i, edge) {
		if (!json_is_true(json_object_get(edge, "same_node")))
			continue;
		strbuf_printf(out, "<g class=\"c%u\">", color_of(d, text_of(edge, "from")));
		add_text(out, "what", PAD, y, arena_printf(d->arena, "%s → %s of the same node: %s", text_of(edge, "from"), text_of(edge, "to"),
							   text_of(edge, "what")), room(d, PAD));
		strbuf_str(out, "</g>\n");
		y += LINE;
	}
	return y;
}

static void draw(const json_t *graph, const char *style, struct strbuf *out)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf body = { 0 };
	size_t count = json_array_size(json_object_get(graph, "nodes")), i;
	struct drawing d = { .arena = a };
	struct card *all = arena_alloc(a, (count + 1) * sizeof *all);
	const json_t *node;

	json_array_foreach(json_object_get(graph, "nodes"), i, node)
		read_card(&d, node, &all[i]);
	place_rows(&d, all, count);
	read_lanes(&d, graph);
	place_all(&d);
	for (unsigned n = 0; n < d.lane_count; n++)
		draw_lane(&d, &d.lanes[n], &body);
	for (unsigned n = 0; n < d.lane_count; n++)
		draw_lane_text(&d, &d.lanes[n], &body);
	for (unsigned n = 0; n < d.count; n++)
		draw_card(&d, graph, &d.cards[n], &body);
	d.height = draw_local(&d, graph, &body);

	strbuf_printf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"topology\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\" role=\"img\" "
			   "aria-label=\"Topology: %zu nodes\">\n", d.width, d.height + 8, d.width, d.height + 8, count);
	if (style)
		strbuf_printf(out, "<style>%s%s</style>\n<rect class=\"page\" width=\"%u\" height=\"%u\"/>\n", style, graph_style, d.width, d.height + 8);
	strbuf_printf(out, "<rect class=\"frame\" x=\"4\" y=\"4\" width=\"%u\" height=\"%u\" rx=\"8\"/>"
			   "<rect class=\"net\" x=\"14\" y=\"36\" width=\"%u\" height=\"%u\" rx=\"6\"/>\n", d.width - 8, d.height, d.width - 28,
		      d.height - 40);
	add_text(out, "strong", 16, 25, host_line(&d, graph), room(&d, 16) * 9 / 10);
	add_text(out, "dim", 26, 58, network_line(&d, graph), room(&d, 26));
	strbuf_printf(out, "\n%s</svg>\n", strbuf_text(&body));
}

void graph_svg(const json_t *graph, struct strbuf *out)
{
	draw(graph, NULL, out);
}

void graph_svg_file(const json_t *graph, struct strbuf *out)
{
	draw(graph, file_style, out);
}
