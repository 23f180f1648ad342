import { type Page } from '@playwright/test';
import { agent, registered, ticks } from './events';
import {
  SERVER_GONE,
  allSeqs,
  connection,
  count,
  downFrom,
  expect,
  expectNewest,
  navigation,
  openLive,
  openWhole,
  routeStream,
  shownSeqs,
  test,
} from './fixtures';

test.use({ allowed: SERVER_GONE });

const away = (page: Page) => page.locator('.banner.away');
const madeUp = (page: Page) => page.locator('.banner.made-up');

/** The page came back by itself, and says how it went; it waits longer after each attempt that failed. */
async function expectReturned(page: Page, words: string): Promise<void> {
  await expect(page.locator('#returned')).toContainText(words, { timeout: 20_000 });
}

test('after a crash the page catches up, and says that nothing is lost', async ({ page, deck }) => {
  await deck.send([registered('ada', 'Ada'), ...ticks(9)]);
  await openLive(page, '/activity');
  await deck.kill();
  await expect(connection(page)).toHaveText('Reconnecting');
  await deck.sendUnseen(ticks(1_204, 10));
  await deck.restart();
  await expectReturned(page, `Resumed: ${count(1_204)} events caught up, none lost.`);
  await expect(connection(page)).toHaveText('Live');
  await expectNewest(page, 1_214);
  await expect.poll(() => allSeqs(page)).toEqual(downFrom(1_214, 1_214));
  await expect(away(page)).toBeHidden();
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await expect(page.locator('#returned')).toBeHidden();
});

test('after a proper stop it is the same', async ({ page, deck }) => {
  await deck.send(registered('ada', 'Ada'));
  await openLive(page);
  await deck.stop();
  await expect(away(page)).toContainText('Shown is the state at event 1.');
  await deck.sendUnseen(ticks(7));
  await deck.restart();
  await expectReturned(page, 'Resumed: 7 events caught up, none lost.');
  await expectNewest(page, 8);
});

test('a crash in the midst of a stream loses nothing that was acknowledged', async ({ page, deck }) => {
  await openLive(page, '/activity');
  let acknowledged = 0;
  const sending = (async () => {
    for (let batch = 0; ; batch += 1) {
      acknowledged = (await deck.send(ticks(20, 1 + batch * 20))).last_seq;
    }
  })().catch(() => {});
  await expect.poll(() => acknowledged).toBeGreaterThan(200);
  await deck.kill();
  await sending;
  await expect(connection(page)).toHaveText('Reconnecting');
  await deck.restart();
  const head = await deck.head();
  expect(head).toBeGreaterThanOrEqual(acknowledged);
  await expectReturned(page, 'none lost.');
  await expectNewest(page, head);
  await expect.poll(() => allSeqs(page)).toEqual(downFrom(head, head));
});

test('three crashes in a row are survived', async ({ page, deck }) => {
  test.slow();
  await deck.send(registered('ada', 'Ada'));
  await openLive(page);
  for (let round = 1; round <= 3; round += 1) {
    await deck.kill();
    await expect(connection(page)).toHaveText('Reconnecting');
    await deck.sendUnseen(ticks(round));
    await deck.restart();
    await expectReturned(page, `Resumed: ${round} events caught up, none lost.`);
    await expectNewest(page, await deck.head());
  }
});

test('real data stays on the screen, greyed, and no demo covers it', async ({ page, deck }) => {
  await deck.send(registered('ada', 'Ada'));
  await page.clock.install();
  await openLive(page, '/agents');
  await deck.kill();
  await expect(away(page)).toBeVisible();
  await expect(away(page)).toContainText('Shown is the state at event 1.');
  await expect(page.locator('.deck')).toHaveClass(/stale/);
  await page.clock.runFor(20_000);
  await expect(away(page)).toContainText('Next attempt in');
  await expect(page.getByRole('row', { name: /Ada/ })).toBeVisible();
  await expect(page.locator('.deck')).not.toHaveClass(/demo/);
  await expect(madeUp(page)).toBeHidden();
});

test('the demo is offered over real data, and ends without mixing with it', async ({ page, deck }) => {
  await deck.send(registered('ada', 'Ada'));
  await openWhole(page, '/agents');
  await deck.kill();
  await away(page).getByRole('button', { name: 'Play the demo' }).click();
  await expect(madeUp(page)).toContainText('Demo data.');
  await expect(page.getByRole('row', { name: /Ada coder|Ada worker/ })).toHaveCount(0);
  await page.getByRole('button', { name: 'End the demo' }).click();
  await expect(away(page)).toBeVisible();
  await expect(page.getByRole('row')).toHaveCount(2);
  await deck.restart();
  await expect(connection(page)).toHaveText('Live');
  await expectNewest(page, 1);
});

test('without a server and without data the demo plays, until something real arrives', async ({ page, deck }) => {
  await openWhole(page);
  const lost = Date.now();
  await deck.kill();
  await expect(madeUp(page)).toContainText('Nothing here is real: the server cannot be reached.');
  expect(Date.now() - lost, 'about three seconds').toBeLessThan(8_000);
  await expect(page.locator('.deck')).toHaveClass(/demo/);
  const watermark = () => page.locator('.deck').evaluate((deck) => getComputedStyle(deck, '::after').content);
  expect(await watermark()).toContain('DEMO');
  await expect(connection(page)).toHaveText('Demo');
  await navigation(page, 'Agents').click();
  await expect.poll(() => page.getByRole('row').count()).toBeGreaterThan(5);
  await page.locator('tbody').getByRole('link').first().click();
  await expect(page.getByRole('heading', { name: 'Facts' })).toBeVisible();
  await navigation(page, 'Agents').click();

  await deck.restart();
  await expect(madeUp(page)).toContainText('the log is empty', { timeout: 20_000 });
  await deck.send(registered('real', 'Real'));
  await expect(page.locator('.deck')).not.toHaveClass(/demo/);
  await expect(madeUp(page)).toBeHidden();
  expect(await watermark()).not.toContain('DEMO');
  await expect(page.getByRole('row')).toHaveCount(2);
  await expect(page.getByRole('row', { name: /Real/ })).toBeVisible();
  await expectNewest(page, 1);
  await expect(connection(page)).toHaveText('Live');
});

test('the demo that was asked for on an empty deck ends with the first real event', async ({ page, deck }) => {
  await openLive(page);
  await page.getByRole('button', { name: 'Play the demo in this page only' }).click();
  await expect(madeUp(page)).toContainText('it plays in this page only');
  await expect.poll(async () => Number((await page.locator('#newest').textContent())?.replace(/\D/g, ''))).toBeGreaterThan(100);
  expect(await deck.head(), 'the demo is in no log').toBe(0);
  await deck.send(registered('real', 'Real'));
  await expect(madeUp(page)).toBeHidden();
  await expectNewest(page, 1);
});

test('the demo has messages, memory and sessions too', async ({ page, deck }) => {
  await openLive(page);
  await page.getByRole('button', { name: 'Play the demo in this page only' }).click();
  const main = page.getByRole('main');
  await navigation(page, 'Messages').click();
  await expect(page.getByRole('list', { name: 'Messages, newest first' }).getByRole('listitem').nth(3)).toBeVisible();
  await navigation(page, 'Memory').click();
  await expect(main.getByText('retry after two seconds').first()).toBeVisible();
  await navigation(page, 'Sessions').click();
  await page.locator('.session-list').getByRole('link').first().click();
  await expect(page.getByRole('list', { name: 'Transcript' }).getByRole('listitem').first()).toBeVisible();
  await navigation(page, 'Providers').click();
  await expect(page.getByRole('row', { name: /local-llm/ })).toBeVisible();
  expect(await deck.head(), 'the demo is in no log').toBe(0);
});

test('another log in the place of the former is shown alone', async ({ page, deck }) => {
  await deck.send([registered('old', 'Old'), ...ticks(20)]);
  await openLive(page, '/agents');
  await deck.forget();
  await deck.sendUnseen([registered('new', 'New')]);
  await deck.restart();
  await expect(page.getByRole('row', { name: /New/ })).toBeVisible();
  await expect(page.getByRole('row', { name: /Old/ })).toHaveCount(0);
  await expectNewest(page, 1);
  await deck.send(agent('status_changed', 'new', { status: 'busy' }));
  await expectNewest(page, 2);
  await expect(page.getByRole('row', { name: /New/ })).toContainText('working');
});

test('an empty log in the place of the former shows none of the former', async ({ page, deck }) => {
  await deck.send([registered('old', 'Old'), ...ticks(20)]);
  await openLive(page, '/agents');
  await deck.forget();
  await deck.restart();
  await expect(connection(page)).toHaveText('Live', { timeout: 15_000 });
  await expectNewest(page, 0);
  await expect(page.getByRole('row', { name: /Old/ })).toHaveCount(0);
});

test('SSE resumes where it was', async ({ page, deck }) => {
  await routeStream(page, (socket) => socket.close({ code: 1011, reason: 'a proxy in between' }));
  await deck.send([registered('ada', 'Ada')]);
  await openLive(page, '/activity');
  await deck.kill();
  await expect(connection(page)).toHaveText('Reconnecting');
  await deck.sendUnseen([registered('bob', 'Bob'), registered('cy', 'Cy')]);
  await deck.restart();
  await expectReturned(page, 'Resumed: 2 events caught up, none lost.');
  await expectNewest(page, 3);
  expect(await shownSeqs(page)).toEqual(downFrom(3, 3));
});
