// Checks of the layout and of the keyboard. Each returns what is wrong, as lines of text.

// renderAll lays out the sections off the screen, which the style sheet leaves out.
export const renderAll = (page) => page.evaluate(() => {
  document.styleSheets[0].insertRule('main section { content-visibility: visible !important }', document.styleSheets[0].cssRules.length);
});

// cutText finds text that lies beyond the screen or beyond a box that hides it.
export const cutText = (page) => page.evaluate(() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() ||
      element.closest('nav, select, script, style, .sr, .skip, svg')) continue;
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    for (const box of range.getClientRects()) {
      if (box.width && (box.right > document.documentElement.clientWidth + 1 || box.left < -1)) {
        found.push(`text is cut: ${walker.currentNode.data.trim().slice(0, 60)}`);
        break;
      }
    }
  }
  return found.slice(0, 5);
});

// coveredAnchors follows each entry of the navigation, which must not cover the title that it leads to.
export async function coveredAnchors(page) {
  const found = [];
  for (const href of await page.$$eval('nav a', (links) => links.map((a) => a.getAttribute('href')))) {
    await page.evaluate((h) => { location.hash = ''; location.hash = h; }, href);
    await page.waitForTimeout(50);
    const [title, nav] = await page.evaluate((h) => [
      document.querySelector(h + ' h2').getBoundingClientRect().top,
      document.querySelector('nav').getBoundingClientRect().bottom,
    ], href);
    if (title < nav - 1 || title > 900) found.push(`${href} leads to ${Math.round(title)} px, below ${Math.round(nav)} px`);
  }
  await page.evaluate(() => { location.hash = ''; scrollTo(0, 0); });
  return found;
}

// keyboard uses the page without a mouse: the link that skips to the content, sorting, and a filter.
export async function keyboard(page) {
  const found = [];
  await page.keyboard.press('Tab');
  if (!await page.evaluate(() => document.activeElement.classList.contains('skip'))) found.push('Tab does not lead to the skip link');
  await page.keyboard.press('Enter');
  await page.waitForTimeout(100);
  await page.keyboard.press('Tab');
  if (!await page.evaluate(() => document.activeElement.id === 'filter-text')) found.push('the skip link does not lead to the filter');
  await page.keyboard.type('no such text');
  const message = page.locator('#findings .none');
  if (!await message.isVisible()) found.push('a filter without a match leaves an empty table');
  await page.focus('#filter-clear');
  await page.keyboard.press('Enter');
  await page.waitForTimeout(50);
  if (await page.locator('#findings .none').isVisible()) found.push('the filters cannot be cleared');
  await page.focus('#matrix thead button >> nth=0');
  await page.keyboard.press('Enter');
  if (await page.locator('#matrix thead th >> nth=0').getAttribute('aria-sort') !== 'ascending') found.push('Enter does not sort');
  return found;
}
