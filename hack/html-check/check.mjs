// check.mjs CHROMIUM OUT REPORT SIZES HOSTILE: opens an HTML report in headless
// Chromium. It fails on a console message, a network request, a page wider than
// the screen, cut text, a title under the navigation, or an accessibility violation.
// It also tries the keyboard, the filters and the page without JavaScript, and writes
// screenshots and PDFs to OUT. SIZES is a directory of reports of many clusters; it
// tries their pages, sorting, links and printing, and measures the first paint and
// the filter: the best of three runs, as other programs disturb them. The pages in the
// directory HOSTILE contain hostile values and no content security policy; they must
// cause no console message, request, dialog or navigation.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { coveredAnchors, cutText, keyboard, renderAll } from './layout.mjs';

const [executablePath, out, report, sizesDir, hostileDir] = process.argv.slice(2);
const pagesIn = (dir) => fs.readdirSync(dir).filter((f) => f.endsWith('.html')).map((f) => path.join(dir, f));
const sizes = pagesIn(sizesDir);
const hostile = pagesIn(hostileDir);
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const urlOf = (file) => pathToFileURL(path.resolve(file)).href;
fs.mkdirSync(out, { recursive: true });
const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'html-check-'));
const margin = { top: '15mm', bottom: '15mm', left: '12mm', right: '12mm' };
const failures = [];
const fail = (message) => { failures.push(message); console.error('FAIL ' + message); };

async function open(file, options) {
  const context = await chromium.launchPersistentContext(fs.mkdtempSync(path.join(profile, 'p')), {
    executablePath, headless: true, offline: true, ...options,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  const page = context.pages()[0] ?? await context.newPage();
  const suffix = options.javaScriptEnabled === false ? '-noscript' : '';
  const view = { context, page, name: `${options.viewport.width}-${options.colorScheme}${suffix}` };
  page.on('console', (m) => fail(`${view.name}: console ${m.type()}: ${m.text()}`));
  page.on('pageerror', (e) => fail(`${view.name}: ${e.message}`));
  page.on('dialog', (d) => { fail(`${view.name}: dialog: ${d.message()}`); d.dismiss(); });
  page.on('request', (r) => {
    if (r.url() !== view.url && !r.url().startsWith('data:')) fail(`${view.name}: request ${r.url()}`);
  });
  await load(view, file);
  return view;
}

async function load(view, file) {
  view.url = urlOf(file);
  await view.page.goto(view.url);
}

const clustersIn = (file) => Number(path.basename(file).match(/\d+/)[0]);
const shownRows = (page) => page.locator('[data-row]').count();
const openAll = (page, value) => page.evaluate((v) => {
  document.querySelectorAll('details').forEach((d) => { d.open = v; });
}, value);

const fewClusters = sizes.filter((f) => clustersIn(f) <= 1000);
for (const [file, width, colorScheme] of [report, ...fewClusters].flatMap((f) => [1280, 390].flatMap((w) =>
  ['light', 'dark'].map((c) => [f, w, c])))) {
  const { context, page, name: view } = await open(file, { viewport: { width, height: 900 }, colorScheme });
  const name = file === report ? view : `${clustersIn(file)}-${view}`;
  if (width === 1280) (await keyboard(page)).forEach((line) => fail(`${name}: ${line}`));
  await page.reload();
  (await coveredAnchors(page)).forEach((line) => fail(`${name}: ${line}`));
  await renderAll(page);
  const excess = await page.evaluate(() => {
    const root = document.documentElement;
    return root.scrollWidth - root.clientWidth;
  });
  if (excess > 0) fail(`${name}: the page is ${excess} px too wide`);
  (await cutText(page)).forEach((line) => fail(`${name}: ${line}`));
  const height = Math.min(8000, await page.evaluate(() => document.documentElement.scrollHeight));
  await page.screenshot({ path: path.join(out, `${name}.png`), fullPage: true, clip: { x: 0, y: 0, width, height } });
  if (file !== report && colorScheme === 'dark') { await context.close(); continue; }
  await openAll(page, true);
  (await cutText(page)).forEach((line) => fail(`${name}: all open: ${line}`));
  // The page's policy blocks added scripts, but not those of the debugger.
  await page.evaluate(axe + '; 0');
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations', 'incomplete'] }));
  for (const v of result.violations) {
    const line = `${name}: axe ${v.impact}: ${v.id}: ${v.help} (${v.nodes.length}): ${v.nodes[0].html.slice(0, 160)}`;
    fail(line);
  }
  const { passes, violations } = result;
  console.log(`${name}: axe: ${passes.length} rules passed, ${violations.length} violations`);
  if (file === report && width === 1280 && colorScheme === 'light') {
    const all = await shownRows(page);
    await page.fill('#filter-text', 'ledger');
    const few = await shownRows(page);
    await page.click('#filters button');
    await page.waitForFunction((n) => document.querySelectorAll('[data-row]').length === n, all);
    console.log(`${name}: the filter shows ${few} of ${all} rows`);
    if (few === 0 || few >= all) fail(`${name}: the filter shows ${few} of ${all} rows`);
    await openAll(page, false);
    await page.pdf({ path: path.join(out, 'print.pdf'), format: 'A4', margin });
  }
  await context.close();
}
{
  const options = { viewport: { width: 1280, height: 900 }, colorScheme: 'light', javaScriptEnabled: false };
  const { context, page, name } = await open(report, options);
  if (await page.locator('#filters').isVisible()) fail(`${name}: the filters are visible without JavaScript`);
  if (!await page.locator('#findings tbody tr').first().isVisible()) fail(`${name}: no findings without JavaScript`);
  await context.close();
}
for (const file of sizes) {
  const clusters = clustersIn(file);
  const { context, page } = await open(file, { viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
  const label = `${clusters} clusters`;
  let paint = Infinity;
  for (let run = 0; run < 3; run++) {
    await page.reload();
    const entry = await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
    paint = Math.min(paint, await entry.jsonValue());
  }
  await page.waitForTimeout(clusters / 2);
  const slowestFilter = () => page.evaluate(() => {
    const text = document.getElementById('filter-text');
    const times = ['c', 'cl', 'cluster-00', 'cluster-0001', 'zzz', ''].map((value) => {
      text.value = value;
      const start = performance.now();
      text.dispatchEvent(new Event('input', { bubbles: true }));
      document.body.offsetHeight;
      return performance.now() - start;
    });
    return Math.max(...times);
  });
  const slowest = Math.min(await slowestFilter(), await slowestFilter(), await slowestFilter());
  console.log(`${label}: first paint ${Math.round(paint)} ms, slowest filter ${Math.round(slowest)} ms`);
  if (paint > 2000 || slowest > 100) fail(`${label}: too slow`);
  const rows = () => page.locator('#matrix tbody tr').count();
  if (await rows() !== Math.min(clusters, 100)) fail(`${label}: ${await rows()} rows on the first page`);
  if (clusters > 100) {
    await page.click('#matrix .pager >> nth=0 >> text=Next');
    const first = await page.locator('#matrix tbody tr th .name').first().textContent();
    if (first !== 'cluster-00100') fail(`${label}: the second page begins with ${first}`);
  }
  await page.click('#matrix thead button >> nth=0');
  await page.click('#matrix thead button >> nth=0');
  const last = await page.locator('#matrix tbody tr th .name').first().textContent();
  if (last !== `cluster-${String(clusters - 1).padStart(5, '0')}`) fail(`${label}: sorted down, ${last} is first`);
  // From a cause to its findings, to a cluster, to its key.
  await page.click('#findings .causes a >> nth=0');
  const cause = await page.evaluate(() => [location.hash, document.querySelector('#findings h2 .n').textContent]);
  if (!cause[0].includes('cause=1') || !cause[1].includes(' of ')) fail(`${label}: the link of a cause leads to ${cause}`);
  await page.click('#findings table:not(.causes) tbody a >> nth=0');
  const detail = await page.evaluate(() => document.querySelector(location.hash)?.open);
  if (!detail) fail(`${label}: the link of a finding does not open its cluster`);
  await page.evaluate(() => { location.hash = document.querySelector(`${location.hash} .more a`).hash; });
  await page.waitForTimeout(100);
  const key = await page.evaluate(() => document.querySelector(location.hash)?.getBoundingClientRect().top);
  if (key === undefined || key < 0 || key > 900) fail(`${label}: the link of a cluster does not lead to its key`);
  const shared = await page.evaluate(() => { location.hash = '#findings?q=cluster-00001&severity=Critical'; return 0; });
  await page.waitForTimeout(100);
  const filtered = await page.evaluate(() => document.querySelectorAll('#findings table:not(.causes) tbody tr').length);
  if (shared !== 0 || filtered < 1 || filtered > 10) fail(`${label}: a link with filters shows ${filtered} findings`);
  await page.evaluate(() => { location.hash = '#findings?severity=Critical'; });
  await page.waitForTimeout(100);
  await page.emulateMedia({ media: 'print' });
  if (!(await page.locator('#filter-note').textContent()).includes('severity "Critical"') ||
    !await page.locator('#filter-note').isVisible()) fail(`${label}: a filtered page does not print its filters`);
  if (!await page.locator('.sign').isVisible()) fail(`${label}: a print has no block for signatures`);
  await page.emulateMedia({ media: null });
  if (clusters <= 1000) {
    await page.evaluate(() => { location.hash = '#findings?'; });
    await page.waitForTimeout(100);
    await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
    if (await rows() !== clusters) fail(`${label}: ${await rows()} rows are printed`);
    if (await page.locator('details:not([open])').count()) fail(`${label}: closed details are printed`);
    await page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
    if (clusters <= 40) await page.pdf({ path: path.join(out, `print-${clusters}.pdf`), format: 'A4', margin });
  }
  await context.close();
}
if (hostile.length) {
  const view = await open(hostile[0], { viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
  for (const file of hostile) {
    view.name = path.basename(file);
    await load(view, file);
    await openAll(view.page, true);
    await view.page.fill('#filter-text', 'alert');
    if (await view.page.locator('meta[http-equiv]').count()) fail(`${view.name}: the page has a policy`);
    const scripts = await view.page.locator('script').count();
    if (scripts !== 1) fail(`${view.name}: ${scripts} scripts, want 1`);
    if (view.page.url().split('#')[0] !== view.url) fail(`${view.name}: navigated to ${view.page.url()}`);
  }
  console.log(`${hostile.length} pages with hostile values opened`);
  await view.context.close();
}
fs.rmSync(profile, { recursive: true, force: true });
console.log(failures.length ? `${failures.length} failures` : `no failures; the screenshots are in ${out}`);
process.exit(failures.length ? 1 : 0);
