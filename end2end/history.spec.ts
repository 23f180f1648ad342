// The past: any page at an instant, and the ways through it.

import type { Page } from '@playwright/test';
import { agent, registered, ticks } from './events';
import { count, expect, expectNewest, navigation, openLive, test } from './fixtures';

const note = (page: Page) => page.locator('#history');
const scrubber = (page: Page) => page.getByRole('group', { name: 'History of the swarm' });
const at = (page: Page) => Number(new URL(page.url()).searchParams.get('at'));

/** The page shows the log as it was after this event. */
async function expectPast(page: Page, seq: number): Promise<void> {
  await expect(note(page)).toContainText(`after event ${count(seq)}`);
  await expect.poll(() => at(page)).toBe(seq);
  await expect(page.getByRole('contentinfo')).toContainText(`${count(seq)} events`);
}

test('an address of the past shows the page as it was, and the way back', async ({ page, deck }) => {
  await deck.send([registered('ada', 'Ada')]);
  await deck.send([registered('bob', 'Bob'), ...ticks(5)]);
  await page.goto('/agents?at=1');
  await expectPast(page, 1);
  await expect(page.getByRole('main')).toContainText('Ada');
  await expect(page.getByRole('main')).not.toContainText('Bob');
  await expect(note(page)).toContainText('6 events since.');
  await navigation(page, 'Activity').click();
  await expectPast(page, 1);
  await expect(page.locator('.feed li')).toHaveCount(1);
  await note(page).getByRole('link', { name: 'Back to live' }).click();
  await expect(note(page)).toBeHidden();
  await expectNewest(page, 7);
  expect(new URL(page.url()).search).toBe('');
});

test('without a script the past is readable too', async ({ browser, deck }) => {
  await deck.send([registered('ada', 'Ada')]);
  await deck.send([registered('bob', 'Bob')]);
  const page = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
  await page.goto(`${deck.url}/agents?at=1`);
  await expect(note(page)).toContainText('after event 1');
  await expect(page.getByRole('main')).not.toContainText('Bob');
  await note(page).getByRole('link', { name: 'Back to live' }).click();
  await expect(page.getByRole('main')).toContainText('Bob');
  await page.context().close();
});

test('what happens meanwhile does not disturb the past, and is there afterwards', async ({ page, deck }) => {
  await deck.send(ticks(10));
  await openLive(page, '/activity');
  await scrubber(page).getByRole('button', { name: 'One event back' }).click();
  await expectPast(page, 9);
  await deck.send(ticks(40, 11));
  await expect(note(page)).toContainText('41 events since.');
  await expect(page.locator('.feed li')).toHaveCount(9);
  await scrubber(page).getByRole('button', { name: 'Live' }).click();
  await expectNewest(page, 50);
});

test('steps, keys, typed places and the slider lead through the past', async ({ page, deck }) => {
  await deck.send(ticks(400));
  await openLive(page, '/activity');
  const go = scrubber(page).getByRole('textbox', { name: 'Go to' });
  await go.fill('250');
  await go.press('Enter');
  await expectPast(page, 250);
  await page.getByRole('heading', { level: 1 }).click();
  await page.keyboard.press('[');
  await expectPast(page, 249);
  await page.keyboard.press(']');
  await page.keyboard.press(']');
  await expectPast(page, 251);
  const slider = scrubber(page).getByRole('slider', { name: 'Instant on show' });
  await expect(slider).toHaveAttribute('aria-valuetext', /^event 251, /);
  await slider.focus();
  await page.keyboard.press('Home');
  await expect.poll(() => at(page)).toBeLessThan(251);
  await page.keyboard.press('End');
  await expect(note(page)).toBeHidden();
  await page.goBack();
  await expect(note(page)).toBeVisible();
});

test('who drags sees instants go by, one at a time, and ends where they let go', async ({ page, deck }) => {
  await deck.demo('--agents', '20', '--rate', '0', '--events', '6000');
  await openLive(page, '/agents');
  const slider = scrubber(page).getByRole('slider', { name: 'Instant on show' });
  const said = async () => Number((await slider.getAttribute('aria-valuetext'))?.match(/^event ([\d,]+), /)?.[1].replaceAll(',', ''));
  let [open, most] = [0, 0];
  const isApproach = (url: string) => url.includes('/api/approach');
  page.on('request', (request) => isApproach(request.url()) && (most = Math.max(most, (open += 1))));
  page.on('requestfinished', (request) => isApproach(request.url()) && (open -= 1));
  await page.evaluate(() => {
    const seen = ((window as unknown as { seen: Set<string> }).seen = new Set());
    const look = () => seen.add(document.querySelector('#history')?.textContent ?? '');
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  const box = await slider.boundingBox();
  const [x, y] = [(share: number) => box!.x + box!.width * share, box!.y + box!.height / 2];
  await page.mouse.move(x(0.9), y);
  await page.mouse.down();
  await page.mouse.move(x(0.2), y, { steps: 60 });
  const there = await said();
  await page.mouse.up();
  await expectPast(page, there);
  expect(await said()).toBe(there);
  expect(most, 'seeks at a time').toBe(1);
  expect(await page.evaluate(() => (window as unknown as { seen: Set<string> }).seen.size), 'instants seen').toBeGreaterThan(3);
  const { state } = await (await page.request.get(`${deck.url}/api/state?at=${there}`)).json();
  await expect(page.getByRole('main').locator('.page-head .chips b').first()).toHaveText(count(Object.keys(state.agents.by_id).length));
});

test('the next error and the approval before are one press away', async ({ page, deck }) => {
  const failed = agent('status_changed', 'ada', { status: 'error' });
  await deck.send([registered('ada', 'Ada'), ...ticks(50)]);
  await deck.send(failed);
  await deck.send(ticks(50, 51));
  await openLive(page, '/agents');
  const seq = (await deck.head()) - 50;
  await scrubber(page).getByRole('button', { name: 'Error before' }).click();
  await expectPast(page, seq);
  await expect(page.getByRole('main')).toContainText('failing');
  await scrubber(page).getByRole('button', { name: 'Next error' }).click();
  await expect(scrubber(page)).toContainText('there is none after this');
});

test('a play goes on to now', async ({ page, deck }) => {
  await deck.send(ticks(300));
  await openLive(page, '/activity');
  await page.goto('/activity?at=20');
  await expectPast(page, 20);
  await scrubber(page).getByLabel('Speed').selectOption('60×');
  await scrubber(page).getByRole('button', { name: 'Play from here' }).click();
  await expect(note(page)).toBeHidden({ timeout: 20_000 });
  await expectNewest(page, 300);
});

test('an instant that is not in the log is said', async ({ page, deck }) => {
  await deck.send(registered('ada'));
  await page.goto('/agents?at=77');
  await expect(page.locator('.banner.away')).toContainText('seq 77 is after the newest event, 1');
  await expect(note(page)).toBeHidden();
});
