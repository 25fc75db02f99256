// check.mjs CHROMIUM REPORT OUT: opens an HTML report in headless Chromium and
// fails on a console message, a network request, a page wider than the screen, or
// an accessibility finding of axe that is serious or critical. It also tries the
// filters, reads the page without script, and leaves screenshots and a PDF in OUT.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const [executablePath, report, out] = process.argv.slice(2);
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const url = pathToFileURL(path.resolve(report)).href;
fs.mkdirSync(out, { recursive: true });
const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'html-check-'));
const failures = [];
const fail = (message) => { failures.push(message); console.error('FAIL ' + message); };

async function open(options) {
  const context = await chromium.launchPersistentContext(fs.mkdtempSync(path.join(profile, 'p')), {
    executablePath, headless: true, offline: true, ...options,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  const page = context.pages()[0] ?? await context.newPage();
  const name = `${options.viewport.width}-${options.colorScheme}${options.javaScriptEnabled === false ? '-noscript' : ''}`;
  page.on('console', (m) => fail(`${name}: console ${m.type()}: ${m.text()}`));
  page.on('pageerror', (e) => fail(`${name}: ${e.message}`));
  page.on('dialog', (d) => { fail(`${name}: a dialog: ${d.message()}`); d.dismiss(); });
  page.on('request', (r) => { if (r.url() !== url && !r.url().startsWith('data:')) fail(`${name}: request ${r.url()}`); });
  await page.goto(url);
  return { context, page, name };
}

for (const width of [1280, 390]) {
  for (const colorScheme of ['light', 'dark']) {
    const { context, page, name } = await open({ viewport: { width, height: 900 }, colorScheme });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) fail(`${name}: the page is ${wide} px too wide`);
    await page.screenshot({ path: path.join(out, `${name}.png`), fullPage: true });
    await page.evaluate(() => document.querySelectorAll('details').forEach((d) => { d.open = true; }));
    // The policy of the page lets nobody add a script; the debugger may.
    await page.evaluate(axe + '; 0');
    const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations', 'incomplete'] }));
    let grave = 0;
    for (const v of result.violations) {
      const line = `${name}: axe ${v.impact}: ${v.id}: ${v.help} (${v.nodes.length}): ${v.nodes[0].html.slice(0, 160)}`;
      if (['serious', 'critical'].includes(v.impact)) { grave++; fail(line); } else { console.log(line); }
    }
    console.log(`${name}: axe: ${result.passes.length} rules passed, ${result.violations.length} violations, ${grave} serious`);
    if (width === 1280 && colorScheme === 'light') {
      const count = () => page.evaluate(() => Array.from(document.querySelectorAll('[data-row]')).filter((r) => !r.hidden).length);
      const all = await count();
      await page.fill('#filter-text', 'ledger');
      const few = await count();
      await page.click('#filters button');
      await page.waitForFunction((n) => Array.from(document.querySelectorAll('[data-row]')).filter((r) => !r.hidden).length === n, all);
      console.log(`${name}: the filter shows ${few} of ${all} rows`);
      if (few === 0 || few >= all) fail(`${name}: the filter shows ${few} of ${all} rows`);
      await page.evaluate(() => document.querySelectorAll('details').forEach((d) => { d.open = false; }));
      await page.pdf({ path: path.join(out, 'print.pdf'), format: 'A4', margin: { top: '15mm', bottom: '15mm', left: '12mm', right: '12mm' } });
    }
    await context.close();
  }
}
{
  const { context, page, name } = await open({ viewport: { width: 1280, height: 900 }, colorScheme: 'light', javaScriptEnabled: false });
  if (await page.locator('#filters').isVisible()) fail(`${name}: filters without a script`);
  if (!await page.locator('#findings tbody tr').first().isVisible()) fail(`${name}: no findings without a script`);
  await context.close();
}
fs.rmSync(profile, { recursive: true, force: true });
console.log(failures.length ? `${failures.length} failures` : `no failure; screenshots are in ${out}`);
process.exit(failures.length ? 1 : 0);
