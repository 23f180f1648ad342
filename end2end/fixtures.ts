import { AxeBuilder } from '@axe-core/playwright';
import { type BrowserContext, type Locator, type Page, type WebSocketRoute, test as base, expect } from '@playwright/test';
import { Deck } from './deck';

export { expect };

/** What a browser says when its server is gone; allowed only where a test ends the server. */
export const SERVER_GONE =
  /net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING)|WebSocket connection to|Failed to fetch/;

/** What a browser says when a service refuses what a page asked for; allowed only where a test brings that about. */
export const REFUSED = /500 \(Internal Server Error\)/;

/** What stands in for a service worker in all tests but those of it: it would answer what a test answers itself. */
const NO_WORKER = 'Service Worker registration blocked by Playwright';

/** Collects what a page must never do: complain, break its policy, or run an agent's text. */
export class Guard {
  readonly complaints: string[] = [];

  constructor(readonly levels: string[]) {}

  async watch(context: BrowserContext): Promise<void> {
    context.on('console', (said) => {
      if (this.levels.includes(said.type()) && said.text() !== NO_WORKER) {
        this.complaints.push(`console ${said.type()}: ${said.text()} (${said.location().url})`);
      }
    });
    context.on('weberror', (thrown) => this.complaints.push(`thrown: ${thrown.error().message}`));
    context.on('dialog', (dialog) => {
      this.complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (broken) => {
        console.error(`policy: ${broken.violatedDirective} forbids ${broken.blockedURI} ${broken.sample}`);
      });
    });
  }
}

interface Fixtures {
  /** A running server with an empty log. */
  deck: Deck;
  guard: Guard;
  /** Complaints that a test brings about itself. */
  allowed: RegExp | undefined;
}

export const test = base.extend<Fixtures>({
  allowed: [undefined, { option: true }],
  deck: async ({}, use) => {
    const deck = await Deck.start();
    await use(deck);
    await deck.remove();
  },
  baseURL: async ({ deck }, use) => use(deck.url),
  guard: async ({ allowed, javaScriptEnabled }, use) => {
    // Where no script runs, the browser warns that what scripts would use is not used.
    const guard = new Guard(javaScriptEnabled === false ? ['error'] : ['error', 'warning']);
    await use(guard);
    const serious = guard.complaints.filter((complaint) => !allowed?.test(complaint));
    expect(serious, 'the page complains of nothing').toEqual([]);
  },
  context: async ({ context, guard }, use) => {
    await guard.watch(context);
    await use(context);
  },
});

/** The connection in a word. */
export function connection(page: Page): Locator {
  return page.locator('#connection');
}

/** Opens a page and waits until events reach it. */
export async function openLive(page: Page, path = '/'): Promise<void> {
  await page.goto(path);
  await expect(connection(page)).toHaveText('Live');
}

/** Has a page stand alone: its browser has nothing that tabs share a connection by. */
export async function apart(page: Page): Promise<void> {
  await page.addInitScript(() => Reflect.deleteProperty(window, 'BroadcastChannel'));
}

/** Has a page's stream go through a test's hands: a socket in a worker could not be caught. */
export async function routeStream(page: Page, handler: (socket: WebSocketRoute) => unknown): Promise<void> {
  await page.addInitScript(() => Reflect.deleteProperty(window, 'Worker'));
  await page.routeWebSocket(/\/ws\/events/, handler);
}

/** The chunks of code that a page may need when there is no server left to ask for them. */
export const CHUNKS = [
  ...['overview', 'agents', 'agent', 'tasks', 'topology', 'messages', 'memory'],
  ...['sessions', 'session', 'approvals', 'providers', 'trading', 'activity', 'connection'],
  ...['history', 'tools', 'demo'],
];

/** Opens a page and waits until all of the code is here too, so that it does without its server. */
export async function openWhole(page: Page, path = '/'): Promise<void> {
  await openLive(page, path);
  const inChunks = await page.locator('link[rel=preload][href*="split_"]').count();
  if (inChunks === 0) return;
  const missing = () =>
    page.evaluate((names) => {
      const here = performance.getEntriesByType('resource').map((entry) => entry.name);
      return names.filter((name) => !here.some((url) => url.includes(`/split_${name}.`)));
    }, CHUNKS);
  await expect.poll(missing).toEqual([]);
  await page.waitForLoadState('networkidle');
}

/** The page's newest event is this one. */
export async function expectNewest(page: Page, seq: number): Promise<void> {
  await expect(page.locator('#newest')).toHaveText(count(seq));
}

/** A number as a living page writes it for the reader of these tests. */
export function count(number: number): string {
  return number.toLocaleString('en-US');
}

/** The title of a page, with or without how many wait for a person. */
export function titled(name: string): RegExp {
  return new RegExp(`^(\\(\\d+\\) )?${name.replace(/[^\w ]/g, '\\$&')} · Swarmdeck$`);
}

/** The rows of the feed that are drawn, newest first. */
export async function shownSeqs(page: Page): Promise<number[]> {
  const rows = page.locator('main .feed > li');
  return rows.evaluateAll((rows) => rows.map((row) => Number((row as HTMLElement).dataset.seq)));
}

/** All rows of the feed, newest first: drawn while one scrolls through it, through a high window; then back to the top. */
export async function allSeqs(page: Page): Promise<number[]> {
  const size = page.viewportSize() ?? { width: 1280, height: 720 };
  await page.setViewportSize({ ...size, height: 4_000 });
  const all = await page.locator('main .feed-box .window').evaluate(async (list) => {
    const seen = new Set<number>();
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const look = () => list.querySelectorAll<HTMLElement>('li[data-seq]').forEach((row) => seen.add(Number(row.dataset.seq)));
    const atEnd = () => list.scrollTop + list.clientHeight >= list.scrollHeight - 1;
    const hasOlder = () => document.querySelector('.feed-end button') !== null;
    // By halves of the window: what a busy page has not drawn yet at its end is drawn in its middle.
    for (let top = 0; list.isConnected; top += list.clientHeight / 2) {
      list.scrollTop = top;
      for (let frames = 0; frames < 3; frames += 1) await frame();
      look();
      for (let frames = 0; atEnd() && hasOlder() && frames < 60; frames += 1) await frame();
      if (atEnd()) break;
    }
    list.scrollTop = 0;
    await frame();
    return [...seen].sort((one, other) => other - one);
  });
  await page.setViewportSize(size);
  return all;
}

/** So many numbers downwards without a gap. */
export function downFrom(newest: number, many: number): number[] {
  return Array.from({ length: many }, (_, index) => newest - index);
}

/** A link of the navigation. */
export function navigation(page: Page, name: string): Locator {
  return page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: new RegExp(`^${name}`) });
}

/** A button that sends a form. Without a script that asks for the page anew, which is waited for. */
export async function press(page: Page, button: Locator, javaScriptEnabled = true): Promise<void> {
  const loaded = javaScriptEnabled ? undefined : page.waitForEvent('load');
  await button.click();
  await loaded;
}

/** Waits for what arrives by itself; without a script the page is asked for again until it does. */
export async function arrives(page: Page, what: Locator, javaScriptEnabled = true): Promise<void> {
  if (javaScriptEnabled) {
    await expect(what).toBeVisible();
    return;
  }
  await expect(async () => {
    await page.reload();
    await expect(what).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 15_000 });
}

/** Opens a part of the page that is folded in. */
export async function unfold(page: Page, name: string): Promise<void> {
  const summary = page.getByRole('main').locator('summary', { hasText: name });
  if (!(await summary.evaluate((summary) => summary.parentElement?.hasAttribute('open')))) {
    await summary.click();
  }
}

/** More than any page has places to stop at. */
const MOST_STOPS = 160;

/** Presses Tab until this has the focus, which shows wherever it is. */
export async function tabTo(page: Page, has: (focused: { text: string; tag: string; kind: string }) => boolean): Promise<void> {
  for (let presses = 0; presses < MOST_STOPS; presses += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const at = document.activeElement;
      return { text: at?.textContent?.trim() ?? '', tag: at?.localName ?? '', kind: at?.className.toString() ?? '' };
    });
    await expectFocusVisible(page);
    if (has(focused)) {
      return;
    }
  }
  throw new Error(`${MOST_STOPS} presses of Tab do not lead there`);
}

/** The rules of WCAG 2.2, levels A and AA, that a program can check. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** The page as it stands now breaks none of the rules; `where` says what is looked at. */
export async function expectAccessible(page: Page, where: string): Promise<void> {
  // What stays at the window's edge covers what would come out from under it by scrolling.
  await page.evaluate(() => document.querySelector<HTMLElement>('.past')?.style.setProperty('position', 'static'));
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  const found = violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.target.join(' ')}: ${node.any[0]?.message ?? node.failureSummary}`),
  );
  await page.evaluate(() => document.querySelector<HTMLElement>('.past')?.style.removeProperty('position'));
  expect.soft(found, where).toEqual([]);
}

/** What has the focus is on the screen, with a ring around it. */
export async function expectFocusVisible(page: Page): Promise<void> {
  const shown = await page.evaluate(() => {
    const at = document.activeElement;
    if (!at || at === document.body) {
      return 'nothing';
    }
    const style = getComputedStyle(at);
    const box = at.getBoundingClientRect();
    const seen = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
    const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    return ring && seen ? 'ring' : `${at.outerHTML.slice(0, 120)}: ring ${ring}, on screen ${seen}`;
  });
  expect(['ring', 'nothing']).toContain(shown);
}

/** Nothing sticks out sideways. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const [wide, seen] = await page.evaluate(() => {
    const root = document.documentElement;
    return [Math.max(root.scrollWidth, document.body.scrollWidth), root.clientWidth];
  });
  expect(wide, `the page at ${page.url()} is no wider than the window`).toBeLessThanOrEqual(seen);
}

/** The pages of the navigation: their names by address. */
export const PAGES: Record<string, string> = {
  '/': 'Overview',
  '/agents': 'Agents',
  '/tasks': 'Tasks',
  '/topology': 'Topology',
  '/messages': 'Messages',
  '/memory': 'Memory',
  '/sessions': 'Sessions',
  '/approvals': 'Approvals',
  '/providers': 'Providers',
  '/trading': 'Trading',
  '/activity': 'Activity',
  '/connection': 'Connection',
};

/** These and those that show one thing only. */
export const SHOWN = [...Object.keys(PAGES), '/agents/ada', '/sessions/s1'];

/** Every kind of page, with a narrowed one and one that does not exist. */
export const PATHS = [...SHOWN, '/agents?status=working', '/messages?agent=ada', '/nowhere'];
