import { registered, ticks } from './events';
import { SERVER_GONE, connection, count, expect, expectNewest, navigation, openLive, test } from './fixtures';

test('says how the page is connected, and to what', async ({ page, deck }) => {
  await deck.send(registered('ada', 'Ada'));
  await openLive(page, '/connection');
  await expect(page.locator('#state')).toHaveText('live');
  await expect(page.locator('#transport')).toHaveText('WebSocket');
  await deck.send(ticks(4));
  await expectNewest(page, 5);
  await expect(page.locator('#cursor')).toHaveText(/^[0-9a-f]{16}-5$/);
  const epoch = await page.locator('#epoch').textContent();
  await expect(page.locator('#cursor')).toContainText(`${epoch}-`);
  await expect(page.locator('#heard')).toHaveText(/just now|ago/);
  await expect(page.locator('#version')).toHaveText(/^\d+\.\d+\.\d+/);
  await expect(page.locator('#server-version')).toHaveText((await page.locator('#version').textContent()) ?? '');
  await expect(page.getByText('None since this page began.')).toBeVisible();
});

test('measures what comes, how long it took and what it cost', async ({ page, deck }) => {
  await openLive(page, '/connection');
  await expect(page.locator('#pixel-p50')).toHaveText('—');
  await expect(page.locator('#frames')).toHaveText(/^\d+ \/ s$/);
  await deck.send(ticks(250));
  await expect(page.locator('#folded')).toHaveText('250');
  await expect(page.locator('#pixel-p99')).toHaveText(/ms$/);
  await expect(page.locator('#work-p95')).toHaveText(/ms$/);
  await expect(page.locator('#throughput')).toHaveText(/\/ s$/);
  const histogram = page.getByRole('region', { name: 'From event to pixel' });
  await expect(histogram).toContainText('250 samples');
  const counts = await histogram.locator('tbody td:last-child').allTextContents();
  expect(counts.reduce((sum, text) => sum + Number(text.replace(/\D/g, '')), 0)).toBe(250);
  await navigation(page, 'Activity').click();
  await expect(page.locator('main .feed > li').first()).toBeVisible();
  await navigation(page, 'Connection').click();
  await expect(page.locator('#rows-drawn')).not.toHaveText('0');
});

test('a hidden page falls no further behind than it looks, and measures no absence', async ({ page, deck }) => {
  // What a browser does with a tab behind others: no frames, and it says so.
  await page.addInitScript(() => {
    let hidden = false;
    const draw = window.requestAnimationFrame.bind(window);
    const waiting: FrameRequestCallback[] = [];
    window.requestAnimationFrame = (run) => (hidden ? waiting.push(run) : draw(run));
    Object.defineProperty(document, 'hidden', { get: () => hidden });
    (window as unknown as { hide: (it: boolean) => void }).hide = (it) => {
      hidden = it;
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
      if (!hidden) waiting.splice(0).forEach((run) => draw(run));
    };
  });
  const hide = (it: boolean) => page.evaluate((it) => (window as unknown as { hide: (it: boolean) => void }).hide(it), it);
  await deck.send(registered('ada', 'Ada'));
  await openLive(page, '/connection');
  await hide(true);
  for (let first = 1; first <= 6_000; first += 1_000) await deck.send(ticks(1_000, first));
  await hide(false);
  await expectNewest(page, 6_001);
  await expect(page.locator('#folded')).toHaveText(count(6_000));
  await expect(page.locator('#losses')).toHaveText('0');
  await expect(page.locator('#pixel-p50')).toHaveText('—');
  await deck.send(ticks(3, 6_001));
  await expect(page.locator('#pixel-p50')).toHaveText(/ms$/);
});

test.describe('when the server goes', () => {
  test.use({ allowed: SERVER_GONE });

  test('each loss is told with its cause, and what the return brought', async ({ page, deck }) => {
    test.slow();
    await deck.send(registered('ada', 'Ada'));
    await openLive(page, '/connection');
    await deck.kill();
    await expect(page.locator('#state')).toHaveText('reconnecting');
    const row = page.getByRole('region', { name: 'Losses', exact: true }).locator('tbody tr');
    await expect(row).toContainText('the server cannot be reached');
    await expect(row).toContainText('not back yet');
    await deck.sendUnseen(ticks(1_204));
    await deck.restart();
    await expect(connection(page)).toHaveText('Live', { timeout: 20_000 });
    await expect(row).toContainText(`resumed: ${count(1_204)} caught up, none lost`);
    await deck.forget();
    await deck.restart();
    await deck.send(registered('bob', 'Bob'));
    await expect(row.first()).toContainText('another log: its whole state', { timeout: 20_000 });
    await expect(row).toHaveCount(2);
    await expect(page.locator('#losses')).toHaveText('2');
  });
});
