// Tabs of one browser share one connection: one has the socket, the others hear through it.

import type { Page, WebSocket } from '@playwright/test';
import { registered, ticks } from './events';
import { SERVER_GONE, allSeqs, apart, connection, count, downFrom, expect, expectNewest, openLive, test } from './fixtures';

/** A tab that found nobody in time has its own socket, and asks to share again at a heartbeat. */
const SHARED_WITHIN = { timeout: 40_000 };

test.describe.configure({ timeout: 90_000 });

/** The sockets of pages. */
class Sockets {
  readonly #ever: { page: Page; socket: WebSocket }[] = [];

  watch(page: Page): Page {
    page.on('websocket', (socket) => {
      if (socket.url().includes('/ws/events')) this.#ever.push({ page, socket });
    });
    return page;
  }

  /** How many of this page's sockets are open. */
  open(page: Page): number {
    return this.#ever.filter((it) => it.page === page && !it.socket.isClosed()).length;
  }

  /** How many this page ever opened. */
  ever(page: Page): number {
    return this.#ever.filter((it) => it.page === page).length;
  }
}

/** What brings the stream to a page, in words. */
const over = (page: Page) => page.locator('details.connection dd').first();

/** The page shows every event up to this one, once and in order. */
async function expectAll(page: Page, newest: number): Promise<void> {
  await expectNewest(page, newest);
  await page.bringToFront();
  await expect.poll(() => allSeqs(page)).toEqual(downFrom(newest, newest));
}

test('two tabs have one socket, and both have every event', async ({ page, context, deck }) => {
  const sockets = new Sockets();
  const other = sockets.watch(await context.newPage());
  await openLive(sockets.watch(page), '/activity');
  await openLive(other, '/activity');
  await expect(over(page)).toHaveText('WebSocket');
  await expect(over(other)).toHaveText('another tab');
  for (let first = 1; first < 1_000; first += 100) await deck.send(ticks(100, first));
  await expectAll(page, 1_000);
  await expectAll(other, 1_000);
  expect([sockets.ever(page), sockets.open(page), sockets.ever(other)]).toEqual([1, 1, 0]);
});

test('the page of the connection says that it is another tab’s, and counts what comes', async ({ page, context, deck }) => {
  await openLive(page);
  const other = await context.newPage();
  await openLive(other, '/connection');
  await expect(other.locator('#state')).toHaveText('live');
  await expect(other.locator('#transport')).toHaveText('another tab');
  await deck.send(ticks(250));
  await expect(other.locator('#folded')).toHaveText('250');
  await expect(other.locator('#cursor')).toHaveText(/^[0-9a-f]{16}-250$/);
  await expect(other.locator('#losses')).toHaveText('0');
});

test('a tab that begins while events come has them all', async ({ page, context, deck }) => {
  const sockets = new Sockets();
  await deck.send(ticks(5));
  await openLive(sockets.watch(page), '/activity');
  const late = sockets.watch(await context.newPage());
  let release = () => {};
  const held = new Promise<void>((done) => (release = done));
  await late.route('**/pkg/swarmdeck.js', async (route) => {
    await held;
    await route.continue();
  });
  await late.goto('/activity', { waitUntil: 'commit' });
  await expect(late.getByRole('contentinfo')).toContainText('5 events');
  await deck.send(ticks(300, 6));
  await expectNewest(page, 305);
  release();
  await expect(over(late)).toHaveText('another tab');
  await expectAll(late, 305);
  expect(sockets.ever(late)).toBe(0);
});

test('the tab with the socket closes in the midst of a stream, and the others miss nothing', async ({ page, context, deck }) => {
  const sockets = new Sockets();
  const [second, third] = [sockets.watch(await context.newPage()), sockets.watch(await context.newPage())];
  for (const tab of [page, second, third]) await openLive(tab, '/activity');
  await expect(over(third)).toHaveText('another tab');
  let [sent, wanted] = [0, Infinity];
  const sending = (async () => {
    // A few at a time: the whole feed is read through at the end.
    while (sent < wanted) sent = (await deck.send(ticks(4, sent + 1))).last_seq;
  })();
  await expect.poll(() => sent).toBeGreaterThan(200);
  await page.close();
  await expect(over(second)).toHaveText('WebSocket');
  wanted = sent + 200;
  await sending;
  await expect.poll(() => sockets.open(second) + sockets.open(third), SHARED_WITHIN).toBe(1);
  expect(sockets.ever(second)).toBe(1);
  for (const tab of [second, third]) {
    await expectAll(tab, sent);
    await expect(connection(tab)).toHaveText('Live');
    await expect(tab.locator('#returned')).toBeHidden();
  }
});

test('a tab that goes elsewhere and comes back rides on the one that took over', async ({ page, context, deck }) => {
  const sockets = new Sockets();
  const other = sockets.watch(await context.newPage());
  await openLive(sockets.watch(page), '/agents');
  await openLive(other, '/agents');
  await page.getByRole('link', { name: 'Reference' }).click();
  await page.waitForURL('**/api/docs');
  await expect(over(other)).toHaveText('WebSocket');
  await deck.send([registered('ada', 'Ada'), registered('bob', 'Bob')]);
  await expectNewest(other, 2);
  await page.goBack();
  await expect(over(page)).toHaveText('another tab', SHARED_WITHIN);
  await deck.send(registered('cy', 'Cy'));
  for (const tab of [page, other]) {
    await expectNewest(tab, 3);
    await expect(tab.getByRole('row', { name: /Cy/ })).toBeVisible();
  }
  // A browser does not always say that the socket of a page that was left is closed; the server knows.
  const served = async () => /^swarmdeck_websockets (\d+)/m.exec(await (await fetch(`${deck.url}/metrics`)).text())?.[1];
  await expect.poll(served, SHARED_WITHIN).toBe('1');
});

test('a tab that began in the past rides too, once it knows the present', async ({ page, context, deck }) => {
  const sockets = new Sockets();
  const other = sockets.watch(await context.newPage());
  await deck.send(ticks(9));
  await openLive(sockets.watch(page), '/activity');
  await openLive(other, '/activity?at=4');
  await expect(over(other)).toHaveText('another tab', SHARED_WITHIN);
  await expect.poll(() => [sockets.open(page), sockets.open(other)]).toEqual([1, 0]);
  await deck.send(ticks(1, 10));
  await expectNewest(page, 10);
  await other.locator('#history').getByRole('link', { name: 'Back to live' }).click();
  await expectNewest(other, 10);
});

test('where the browser cannot share, each tab has its own', async ({ page, context, deck }) => {
  const sockets = new Sockets();
  const other = await context.newPage();
  for (const tab of [page, other]) {
    await apart(sockets.watch(tab));
    await openLive(tab);
    await expect(over(tab)).toHaveText('WebSocket');
  }
  await deck.send(ticks(3));
  for (const tab of [page, other]) await expectNewest(tab, 3);
  expect([sockets.ever(page), sockets.ever(other)]).toEqual([1, 1]);
});

test.describe('when the server goes', () => {
  test.use({ allowed: SERVER_GONE });

  test('both tabs come back, by one socket, and say so', async ({ page, context, deck }) => {
    const sockets = new Sockets();
    const other = sockets.watch(await context.newPage());
    await deck.send(registered('ada', 'Ada'));
    await openLive(sockets.watch(page), '/activity');
    await openLive(other, '/activity');
    await expect(over(other)).toHaveText('another tab');
    await deck.kill();
    for (const tab of [page, other]) await expect(connection(tab)).toHaveText('Reconnecting');
    await expect(other.locator('.banner.away')).toContainText('the server cannot be reached');
    await deck.sendUnseen(ticks(1_204));
    await deck.restart();
    for (const tab of [page, other]) {
      const words = `Resumed: ${count(1_204)} events caught up, none lost.`;
      await expect(tab.locator('#returned')).toContainText(words, { timeout: 20_000 });
      await expect(connection(tab)).toHaveText('Live');
      await expectAll(tab, 1_205);
    }
    await expect.poll(() => sockets.open(page) + sockets.open(other), SHARED_WITHIN).toBe(1);
  });

  test('a person who wants it now has it now, in whichever tab', async ({ page, context, deck }) => {
    await deck.send(registered('ada', 'Ada'));
    await page.clock.install();
    await openLive(page);
    const other = await context.newPage();
    await openLive(other);
    await expect(over(other)).toHaveText('another tab');
    // The tab with the socket does nothing by itself any more, as behind others.
    await page.clock.pauseAt(Date.now() + 1_000);
    await deck.kill();
    await expect(connection(other)).toHaveText('Reconnecting');
    await deck.restart();
    await other.getByRole('button', { name: 'Retry now' }).click();
    await expect(connection(other)).toHaveText('Live');
    await expect(over(other)).toHaveText('another tab');
    // All tabs of a test have one clock, and what is drawn waits for it.
    await page.clock.resume();
    await deck.send(ticks(2));
    await expectNewest(other, 3);
  });

  test('another log in the place of the former is shown alone, in both', async ({ page, context, deck }) => {
    const other = await context.newPage();
    await deck.send([registered('old', 'Old'), ...ticks(20)]);
    for (const tab of [page, other]) await openLive(tab, '/agents');
    await deck.forget();
    await deck.sendUnseen([registered('new', 'New')]);
    await deck.restart();
    for (const tab of [page, other]) {
      await expect(tab.getByRole('row', { name: /New/ })).toBeVisible({ timeout: 20_000 });
      await expect(tab.getByRole('row', { name: /Old/ })).toHaveCount(0);
      await expectNewest(tab, 1);
    }
    await expect(over(other)).toHaveText('another tab', SHARED_WITHIN);
    await deck.send(registered('more', 'More'));
    for (const tab of [page, other]) await expectNewest(tab, 2);
  });
});
