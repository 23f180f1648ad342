import { type Browser, type Page } from '@playwright/test';
import { stillSwarm } from './events';
import { type Guard, SHOWN, connection, expect, test } from './fixtures';

/** What the server renders, as a browser without scripts has it. */
async function rendered(browser: Browser, guard: Guard, address: string): Promise<string[]> {
  const still = await browser.newContext({ javaScriptEnabled: false });
  await guard.watch(still);
  const page = await still.newPage();
  await page.goto(address);
  const before = await content(page);
  await still.close();
  return before;
}

/** What follows the time, is drawn along it, or is measured or offered by a living page only. */
const LIVING = [
  ...['time', '.lane', '.lane-words', 'progress', '.so-far'],
  ...['noscript', '.history', 'section:has(> [role=search])', 'button:not(.line)', '.answer-keys'],
  ...['.figures .value', '.histogram', '.particulars dd'],
].join(', ');

/** What main says and how it is built, without what only a living page has. */
async function content(page: Page): Promise<string[]> {
  return page.locator('main').evaluate((main, living) => {
    const copy = main.cloneNode(true) as HTMLElement;
    for (const element of copy.querySelectorAll(living)) {
      element.remove();
    }
    // What waits for the page to live keeps its place until then.
    copy.querySelectorAll('.asleep').forEach((element) => element.classList.remove('asleep'));
    const lines: string[] = [];
    const walk = (node: Node) => {
      if (node instanceof Element) {
        lines.push(`<${node.localName} ${node.getAttribute('class') ?? ''}>`);
      }
      const text = node.nodeType === Node.TEXT_NODE ? node.textContent?.trim() : '';
      if (text) {
        lines.push(text);
      }
      node.childNodes.forEach(walk);
    };
    walk(copy);
    return lines;
  }, LIVING);
}

const ASKED = ['/agents?status=failing', '/agents?view=grid', '/tasks?view=list', '/messages?agent=ada', '/activity?types=task.*'];

// As tall as a list that stands in a window: a living page keeps only what is in sight.
test.use({ viewport: { width: 1280, height: 4_000 } });

for (const path of [...SHOWN, ...ASKED, '/activity?q=-type:task.*+nosuchfield:x']) {
  test(`the page ${path} is the same before and after it wakes`, async ({ page, browser, deck, guard }) => {
    await deck.send(stillSwarm());
    const before = await rendered(browser, guard, deck.url + path);
    await page.goto(path);
    await expect(connection(page)).toHaveText('Live');
    expect(await content(page)).toEqual(before);
    expect(before.length).toBeGreaterThan(20);
  });
}

test('an empty deck is the same before and after it wakes', async ({ page, browser, deck, guard }) => {
  test.slow();
  for (const path of SHOWN) {
    const before = await rendered(browser, guard, deck.url + path);
    await page.goto(path);
    await expect(connection(page)).toHaveText('Live');
    expect(await content(page), path).toEqual(before);
  }
});

test('nothing jumps when the page wakes', async ({ page, deck }) => {
  test.slow();
  await deck.send(stillSwarm());
  for (const path of SHOWN) {
    await page.goto(path);
    await expect(connection(page)).toHaveText('Live');
    const moved = await page.evaluate(
      () =>
        new Promise<number>((done) => {
          let sum = 0;
          const observer = new PerformanceObserver((list) => {
            for (const shift of list.getEntries() as (PerformanceEntry & { value: number })[]) {
              sum += shift.value;
            }
          });
          observer.observe({ type: 'layout-shift', buffered: true });
          requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));
        }),
    );
    expect.soft(moved, `layout shift of ${path}`).toBeLessThan(0.1);
  }
});
