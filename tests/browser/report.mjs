// SPDX-License-Identifier: PostgreSQL
// Reports in Chromium: report.mjs WORK MODULES. Every problem is printed; the exit status says whether there was one.
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [work, modules] = process.argv.slice(2);
const require = createRequire(modules + '/');
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const runs = ['small', 'full', 'pairs', 'empty', 'failed', 'hostile', 'scale'];

let checks = 0;
const problems = [];
const check = (ok, text) => {
	checks++;
	if (!ok) problems.push(text);
};

const browser = await chromium.launch({
	executablePath: '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

const url = (run) => pathToFileURL(`${work}/${run}/report.html`).href;

// A page that reports everything it says, asks for or breaks.
async function open(run, options = {}) {
	const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
	const page = await context.newPage();
	const name = `${run} (${options.colorScheme ?? 'light'}, ${options.viewport?.width ?? 1200} px${options.javaScriptEnabled === false ? ', no script' : ''})`;

	page.on('console', (m) => problems.push(`${name}: console: ${m.text()}`));
	page.on('pageerror', (e) => problems.push(`${name}: error: ${e.message}`));
	page.on('dialog', (d) => {
		problems.push(`${name}: dialog: ${d.message()}`);
		return d.dismiss();
	});
	page.on('request', (r) => {
		if (r.url() !== url(run) && !r.url().startsWith('data:')) problems.push(`${name}: request: ${r.url()}`);
	});
	await page.goto(url(run));
	return { page, name, close: () => context.close() };
}

// Except the long tables, which are like the others.
const unfold = (page) => page.evaluate(() => document.querySelectorAll('details:not(.long)').forEach((d) => { d.open = true; }));

// The numbers of the run are in the page, in charts and in tables.
async function data(run) {
	const report = JSON.parse(readFileSync(`${work}/${run}/report.json`, 'utf8'));
	const { page, name, close } = await open(run);
	const seen = await page.evaluate(() => ({
		values: [...document.querySelectorAll('td[data-v]')].map((td) => td.dataset.v),
		tips: [...document.querySelectorAll('svg .point')].map((g) => g.dataset.tip),
		words: [...document.querySelectorAll('.words li')].map((li) => li.textContent),
		charts: document.querySelectorAll('svg.chart').length,
		scripts: document.scripts.length,
		images: document.querySelectorAll('img,iframe,object,embed').length,
		links: [...document.querySelectorAll('a')].map((a) => a.getAttribute('href')),
		bad: document.querySelectorAll('tr.bad').length,
	}));
	const numbers = new Set(seen.values.map(Number));
	const has = (v) => numbers.has(Number(v.toPrecision(9)));

	check(JSON.stringify(seen.words) === JSON.stringify(report.summary.map((s) => s.replace(/\u202e/g, '?'))), `${name}: the summary differs from the JSON's`);
	for (const p of report.points) {
		if (p.valid === 0 || p.tps.why) continue;
		for (const what of ['tps', 'p50_us', 'p95_us', 'p99_us', 'p999_us'])
			check(has(p[what].mean), `${name}: ${what} of ${p.point} is in no table`);
		if (p.tps.low !== null) check(has(p.tps.low) && has(p.tps.high), `${name}: the interval of ${p.point} is in no table`);
		if (run !== 'hostile')
			check(seen.tips.some((t) => t?.startsWith(`${p.workload}, `) && t.includes(`${p.target}, `) && t.includes(`${p.clients} client`)), `${name}: no chart has ${p.point}`);
	}
	for (const r of report.ratios) if (r.ratio) check(has(r.ratio) && has(r.low) && has(r.high), `${name}: a ratio of ${r.point} is in no table`);
	for (const m of report.runs.flatMap((r) => r.measurements)) {
		check(has(m.tps) && has(m.latency.max), `${name}: measurement ${m.order} is in no table`);
		for (const s of [0, m.series.tps.length - 1]) check(has(m.series.tps[s]), `${name}: second ${s} of measurement ${m.order} is in no table`);
	}
	const failed = report.runs.flatMap((r) => r.measurements).filter((m) => m.status === 'failed').length;
	check(seen.bad >= failed, `${name}: ${failed} measurements failed, ${seen.bad} rows are red`);
	check(report.points.length === 0 || run === 'empty' || seen.charts >= 2, `${name}: ${seen.charts} charts`);
	check(seen.scripts === 1 && seen.images === 0, `${name}: ${seen.scripts} scripts, ${seen.images} images`);
	for (const href of seen.links) check(/^(#[a-z-]+|\.\/[\w./%-]*)$/.test(href) && !href.includes('..'), `${name}: link to ${href}`);
	await close();
}

// Contrast and structure, with everything unfolded. Not of the large one: it has the same parts, and a table cell takes a millisecond.
async function accessible(run, colorScheme) {
	const { page, name, close } = await open(run, { colorScheme });

	await unfold(page);
	await page.evaluate(axe);
	const { violations, passes } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
	check(passes.length > 10, `${name}: axe checked ${passes.length} rules`);
	for (const v of violations)
		problems.push(`${name}: axe: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} ${n.any[0]?.message ?? ''}`).join('; ')}`);
	// axe does not look at SVG: texts 4.5, lines of data 3.
	const weak = await page.evaluate(() => {
		const light = (c) => {
			const [r, g, b] = c.match(/[\d.]+/g).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
			return 0.2126 * r + 0.7152 * g + 0.0722 * b;
		};
		const back = light(getComputedStyle(document.body).backgroundColor);
		const contrast = (c) => { const l = light(c); return (Math.max(l, back) + 0.05) / (Math.min(l, back) + 0.05); };
		const found = new Set();
		for (const e of document.querySelectorAll('svg text')) if (contrast(getComputedStyle(e).fill) < 4.5) found.add(`text ${e.className.baseVal}`);
		for (const e of document.querySelectorAll('svg .line,svg .whisker,svg .cross,svg .lane')) if (contrast(getComputedStyle(e).stroke) < 3) found.add(e.className.baseVal);
		return [...found];
	});
	check(weak.length === 0, `${name}: weak contrast: ${weak.join(', ')}`);
	await close();
}

// Nothing is cut off, no text lies on another, at this width.
async function layout(run, width, options = {}) {
	const { page, name, close } = await open(run, { viewport: { width, height: 800 }, ...options });

	if (options.javaScriptEnabled !== false) await unfold(page);
	const seen = await page.evaluate(() => {
		const found = [];
		const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
		if (wide > 0) found.push(`the page is ${wide} px too wide`);
		for (const svg of document.querySelectorAll('svg')) {
			const frame = svg.getBoundingClientRect(), label = svg.getAttribute('aria-label');
			if (!frame.width) continue;
			const texts = [...svg.querySelectorAll('text')].map((t) => ({ text: t.textContent, box: t.getBoundingClientRect() })).filter((t) => t.box.width);
			for (const [i, a] of texts.entries()) {
				if (a.box.left < frame.left - 1 || a.box.right > frame.right + 1 || a.box.top < frame.top - 1 || a.box.bottom > frame.bottom + 1)
					found.push(`${label}: '${a.text}' is cut off`);
				if (a.box.height < 8) found.push(`${label}: '${a.text}' is ${a.box.height} px high`);
				for (const b of texts.slice(i + 1)) {
					const w = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
					const h = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
					if (w > 1.5 && h > 4) found.push(`${label}: '${a.text}' and '${b.text}' overlap`);
				}
			}
		}
		return { found: [...new Set(found)].slice(0, 8), titles: document.querySelectorAll('svg .point title').length, tables: document.querySelectorAll('table').length };
	});
	check(seen.found.length === 0, `${name}: ${seen.found.join('; ')}`);
	if (options.javaScriptEnabled === false) check(seen.titles > 0 && seen.tables > 0, `${name}: ${seen.titles} points have a title, ${seen.tables} tables`);
	await close();
}

async function keyboard() {
	const { page, name, close } = await open('small');
	const focus = async (selector) => {
		for (let i = 0; i < 200; i++) {
			await page.keyboard.press('Tab');
			if (await page.evaluate((s) => document.activeElement.matches(s), selector)) return true;
		}
		return false;
	};

	check(await focus('#theme'), `${name}: Tab does not reach the switch of the theme`);
	const before = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
	await page.keyboard.press('Enter');
	check(before !== await page.evaluate(() => getComputedStyle(document.body).backgroundColor), `${name}: the theme does not switch`);
	check(await focus('#workloads svg'), `${name}: Tab does not reach a chart`);
	await page.keyboard.press('ArrowRight');
	const first = await page.textContent('.tip');
	await page.keyboard.press('ArrowRight');
	const second = await page.textContent('.tip');
	check(/tps/.test(first) && second && first !== second, `${name}: arrow keys show '${first}', '${second}'`);
	await page.keyboard.press('Escape');
	check((await page.textContent('.tip')) === '', `${name}: Escape hides nothing`);
	check(await focus('#workloads th:nth-child(6) button'), `${name}: Tab does not reach a column`);
	const column = () => page.evaluate(() => [...document.activeElement.closest('table').querySelectorAll('tbody td:nth-child(6)')].map((td) => +td.dataset.v));
	for (const [order, sign] of [['ascending', 1], ['descending', -1]]) {
		await page.keyboard.press('Enter');
		const values = await column();
		check(values.length > 1 && values.every((v, i) => !i || sign * (v - values[i - 1]) >= 0), `${name}: ${order}: ${values}`);
		check((await page.evaluate(() => document.activeElement.parentElement.getAttribute('aria-sort'))) === order, `${name}: aria-sort is not ${order}`);
	}
	check(await focus('summary'), `${name}: Tab does not reach what is folded`);
	await page.keyboard.press('Enter');
	check(await page.evaluate(() => document.activeElement.parentElement.open), `${name}: Enter does not unfold`);
	await close();
}

async function print() {
	const { page, name, close } = await open('small', { colorScheme: 'dark' });

	await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
	check((await page.evaluate(() => getComputedStyle(document.body).backgroundColor)) === 'rgb(255, 255, 255)', `${name}: paper is not white`);
	await page.evaluate(() => addEventListener('beforeprint', () => { window.unfolded = document.querySelectorAll('details:not(.long)[open]').length; }));
	const pdf = await page.pdf({ format: 'A4' });
	check(pdf.length > 20000, `${name}: the PDF has ${pdf.length} bytes`);
	check((await page.evaluate(() => window.unfolded)) > 3, `${name}: printing unfolds nothing`);
	if (process.env.KEEP) writeFileSync(`${process.env.KEEP}/print.pdf`, pdf);
	await close();
}

const began = Date.now();
const step = (what) => process.env.KEEP && console.log(`${((Date.now() - began) / 1000).toFixed(1)} s: ${what}`);
for (const run of runs) await data(run);
step('data');
for (const scheme of ['light', 'dark']) for (const run of scheme === 'light' ? ['small', 'pairs', 'empty', 'failed', 'hostile'] : ['small', 'failed']) await accessible(run, scheme);
step('accessible');
for (const run of ['small', 'full', 'pairs', 'hostile', 'scale']) for (const width of [1200, 390]) await layout(run, width);
await layout('full', 1200, { javaScriptEnabled: false });
step('layout');
await keyboard();
await print();
await browser.close();
for (const p of [...new Set(problems)]) console.log(p);
console.log(`${checks} checks, ${problems.length} problems, ${((Date.now() - began) / 1000).toFixed(1)} s`);
process.exit(problems.length ? 1 : 0);
