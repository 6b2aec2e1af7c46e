# SPDX-License-Identifier: PostgreSQL
# graph and bench report, as commands: formats, files, refusals.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache
	runs=$(dirname "$LABCTL")/tests/bench-runs
	cd "$BATS_TEST_TMPDIR" || exit 1
}

labctl() { "$LABCTL" "$@"; }

@test "graph draws a lab file and an existing lab, in every format" {
	labctl -f "$SOURCE_DIR/docs/examples/pgxc-8.yaml" graph -o lab.svg
	grep -q '192.168.122.178' lab.svg
	labctl -f "$SOURCE_DIR/docs/examples/pgxc-8.yaml" graph | cmp - lab.svg
	labctl -f "$SOURCE_DIR/docs/examples/pgxc-8.yaml" graph --format mermaid | grep -qx 'flowchart TB'
	labctl -f "$SOURCE_DIR/docs/examples/pgxc-8.yaml" graph --format dot >lab.dot
	if command -v dot >/dev/null; then
		run -0 --separate-stderr dot -T svg lab.dot
		[ -z "$stderr" ]
		[ "$(grep -c 'class="cluster"' <<<"$output")" = 8 ]
	fi
	[ "$(labctl --json -f "$SOURCE_DIR/docs/examples/pgxc-8.yaml" graph | jq '.nodes | length')" = 8 ]
	mkdir -p state/labs/x
	printf 'lab: x\nnodes: 2\nnetwork: {subnet: 10.88.7.0/24}\ncluster: {kind: postgres}\n' >state/labs/x/lab.yaml
	labctl -l x graph | grep -q 10.88.7.12
	run -2 labctl graph --format png
	[[ $output == *"unknown format 'png'"*"svg, dot, mermaid"* ]]
}

@test "README's drawing is what its command draws" {
	command=$(sed -n 's/^<!-- made by: labctl \(.*\) -->$/\1/p' "$SOURCE_DIR/README.md")
	[ -n "$command" ]
	# shellcheck disable=SC2086
	(cd "$SOURCE_DIR" && labctl ${command/docs\/images/"$BATS_TEST_TMPDIR"})
	if [ -n "${LABCTL_REGENERATE:-}" ]; then cp lab.svg "$SOURCE_DIR/docs/images/lab.svg"; fi
	cmp lab.svg "$SOURCE_DIR/docs/images/lab.svg"
}

@test "bench report: the same bytes from a copy of the run, links relative to the report" {
	"$runs" small one
	labctl bench report one -o one/report.html
	grep -q 'href="./raw/7/"' one/report.html
	mkdir -p deep/er
	cp -r one deep/er/copy
	labctl bench report deep/er/copy -o deep/er/copy/again.html
	cmp one/report.html deep/er/copy/again.html
	labctl bench report one -o deep/report.html
	grep -q 'href="./../one/raw/7/"' deep/report.html
	labctl bench report one >here.html
	grep -q 'href="./one/raw/7/"' here.html
	for format in html markdown csv json; do
		[ "$(labctl bench report one --format "$format" | wc -c)" -gt 500 ]
	done
	labctl --json bench report one | jq -e '.points[0].tps.low < .points[0].tps.mean'
	for n in 1 2 4; do "$runs" "scale$n" "scale/$n"; done
	labctl bench report scale -o scale.html
	grep -q '4 datanodes instead of 1 give' scale.html
	grep -q 'href="./scale/4/raw/1/"' scale.html
	"$runs" pairs two
	labctl bench report one two --format csv | cut -d , -f 1 | sort -u | diff - <(printf '%s\n' ab bench3 lab)
}

@test "bench report: a clear error for what is no run, of another version, or damaged" {
	run -4 labctl bench report nowhere
	[[ $output == *"nowhere is not the directory of a benchmark run: it has no run.json"* ]]
	"$runs" small old
	sed -i 's/"version": 1/"version": 7/' old/run.json
	run -3 labctl bench report old -o report.html
	[[ $output == *"format version 7; this labctl reads version 1"* ]]
	[ ! -e report.html ]
	"$runs" small cut
	truncate -s -20 cut/measurements.jsonl
	labctl bench report cut --format json | jq -e '.runs[0].measurements | length == 7'
	labctl bench report cut --format markdown | grep -q 'not complete: 1 measurement is missing'
	sed -i '2s/"tps":[0-9.]*,"latency"/"tps":"fast","latency"/' cut/measurements.jsonl
	run -3 labctl bench report cut
	[[ $output == *"cut/measurements.jsonl:2: 'tps'"* ]]
	run -2 labctl bench report cut --format pdf
	[[ $output == *"unknown format 'pdf'"*"html, markdown, csv, json"* ]]
	"$runs" small full
	run -1 labctl bench report full -o full/no/such/dir.html
	[[ $output == *"full/no/such"* ]]
}
