import { readFile } from 'node:fs/promises';
import { type Page } from '@playwright/test';
import { asks, registered, session, swarm, task, ticks } from './events';
import { allSeqs, connection, count, downFrom, expect, expectNewest, expectNoSidewaysScroll, openLive, shownSeqs, test } from './fixtures';

const rows = (page: Page) => page.locator('main .feed > li');
const field = (page: Page) => page.getByRole('searchbox', { name: 'Filter' });
const loaded = (page: Page) => page.locator('#loaded');
const list = (page: Page) => page.locator('main .feed-box .window');
const pane = (page: Page) => page.getByRole('complementary', { name: /^Event/ });

async function scrollTo(page: Page, top: number): Promise<void> {
  await list(page).evaluate((list, top) => (list.scrollTop = top), top);
}

test.describe('the filter', () => {
  test('is the address’s, and both follow each other', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/activity');
    await field(page).fill('type:memory.* -source:demo');
    await field(page).press('Enter');
    await expect(page).toHaveURL(/\/activity\?q=type%3Amemory\.%2A%20-source%3Ademo$/);
    await expect(rows(page)).toHaveCount(2);
    await expect(loaded(page)).toHaveText(new RegExp(`^2 fit, ${swarm().length - 2} hidden`));
    await page.reload();
    await expect(field(page)).toHaveValue('type:memory.* -source:demo');
    await expect(rows(page)).toHaveCount(2);
    await page.goBack();
    await expect(field(page)).toHaveValue('');
    await expect.poll(() => rows(page).count()).toBeGreaterThan(20);
  });

  test('a term is taken away by its chip', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/activity?q=type%3Atask.failed,memory.*%20-stored');
    const terms = page.getByRole('list', { name: 'Terms of the filter' });
    await expect(terms.getByRole('link')).toHaveText([/^type:memory\.\*/, /^type:task\.failed/, /^-stored/]);
    await expect(rows(page)).toHaveCount(2);
    await terms.getByRole('link', { name: 'Take away -stored' }).click();
    await expect(rows(page)).toHaveCount(3);
    await terms.getByRole('link', { name: 'Take away type:memory.*' }).click();
    await expect(field(page)).toHaveValue('type:task.failed');
    await expect(rows(page)).toHaveCount(1);
    await page.getByRole('link', { name: 'Clear the filter' }).click();
    await expect(page).toHaveURL('/activity');
  });

  test('a domain is one press', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/activity?q=-source%3Ademo');
    const chip = page.getByRole('link', { name: 'memory', exact: true });
    await chip.click();
    await expect(field(page)).toHaveValue('-source:demo type:memory.*');
    await expect(chip).toHaveAttribute('aria-current', 'true');
    await expect(rows(page)).toHaveCount(2);
    await page.getByRole('link', { name: 'all', exact: true }).click();
    await expect(field(page)).toHaveValue('-source:demo');
  });

  test('what is wrong is said, with its place', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/activity');
    await field(page).fill('type:task.* colour:red');
    await field(page).press('Enter');
    await expect(page.getByRole('alert')).toContainText('character 13: unknown field "colour"; known are agent, task');
    await expect(page.locator('mark')).toHaveText('colour');
    await expect(field(page)).toHaveAttribute('aria-invalid', 'true');
    await field(page).fill('status:sad');
    await field(page).press('Enter');
    await expect(page.getByRole('alert')).toContainText('"sad" is no standing');
    await field(page).fill('status:failing');
    await field(page).press('Enter');
    await expect(page.getByRole('alert')).toHaveCount(0);
  });

  test('looks into payloads, in the log and as they come', async ({ page, deck }) => {
    await deck.send([...swarm(), ...ticks(400)]);
    await openLive(page, '/activity?q=staging');
    await expect(rows(page)).toHaveCount(1);
    await expect(rows(page)).toContainText('deploy.finished');
    await deck.send([...ticks(3), { type: 'deploy.begun', payload: { deep: [{ where: 'Staging' }] } }]);
    await expect(rows(page)).toHaveCount(2);
    await expect(rows(page).first()).toContainText('deploy.begun');
  });

  test('that hides everything says how much', async ({ page, deck }) => {
    await deck.send(ticks(250));
    await openLive(page, '/activity?q=nowhere');
    await expect(page.getByText('No event fits. The filter hides the 250 events, all that there are.')).toBeVisible();
    await page.getByRole('main').getByRole('link', { name: 'Clear the filter' }).first().click();
    await expect(rows(page).first()).toBeVisible();
  });

  test('how to write one is at hand, and its examples work', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/activity');
    await page.getByText('How to write a filter').click();
    await page.getByRole('link', { name: 'status:failing' }).click();
    await expect(field(page)).toHaveValue('status:failing');
    await expect(rows(page).first()).toBeVisible();
  });

  test('the older way to name types still leads there', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/activity?types=task.failed, agent.registered');
    await expect(field(page)).toHaveValue('type:task.failed,agent.registered');
    await expect(rows(page)).toHaveCount(6);
  });

  test('is what the palette takes', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/agents');
    await expect(page.locator('#told')).toBeAttached();
    await page.keyboard.press('Control+k');
    await page.keyboard.type('agent:Ada -source:demo');
    await page.getByRole('option', { name: 'Events: agent:Ada -source:demo' }).click();
    await expect(page).toHaveURL(/\/activity\?q=agent%3AAda%20-source%3Ademo$/);
    await expect(field(page)).toHaveValue('agent:Ada -source:demo');
  });

  test('is what the export takes', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/activity?q=type%3Atask.failed');
    await page.getByText('Export', { exact: true }).click();
    const fetched = page.waitForEvent('download');
    await page.getByRole('link', { name: /NDJSON/ }).click();
    const lines = (await readFile(await (await fetched).path(), 'utf8')).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(['task.failed']);
    await expect(page.getByRole('link', { name: /CSV/ })).toHaveAttribute('href', '/api/export?format=csv&q=type%3Atask.failed');
  });
});

test.describe('rows', () => {
  test('a call and its answer are one row, which settles in place', async ({ page, deck }) => {
    await deck.send([
      session('started', 's', { permission_mode: 'ask' }),
      session('tool_started', 's', { tool_use_id: 'u1', tool_name: 'Bash', input: { command: 'npm test' } }),
      asks('s', 'r1', 'rm -rf build'),
      ...ticks(2),
    ]);
    await openLive(page, '/activity');
    const call = page.locator('li[data-seq="2"]');
    await expect(call).toContainText('npm test');
    await expect(call.locator('.came')).toHaveText('● open');
    await deck.send([
      session('tool_finished', 's', { tool_use_id: 'u1', tool_name: 'Bash', result: 'not ok', is_error: true }),
      session('permission_decided', 's', { request_id: 'r1', allowed: false, always_allow: false, by: 'me' }),
    ]);
    await expect(call.locator('.came')).toHaveText(/^✕ failed \d+/);
    await expect(call).toContainText('→ Bash failed: "not ok"');
    await expect(page.locator('li[data-seq="3"] .came')).toHaveText(/^■ off/);
    expect(await shownSeqs(page)).toEqual([5, 4, 3, 2, 1]);
    await page.getByRole('link', { name: 'Every event' }).click();
    await expect(page).toHaveURL('/activity?rows=all');
    await expect.poll(() => shownSeqs(page)).toEqual(downFrom(7, 7));
  });

  test('a task is one row from its beginning to its end', async ({ page, deck }) => {
    await deck.send([task('created', 't', { description: 'Index' }), task('started', 't', { agent: 'a' }), ...ticks(1)]);
    await openLive(page, '/activity');
    await deck.send([task('progress', 't', { progress: 40 }), task('completed', 't', { duration_ms: 5 })]);
    const row = page.locator('li[data-seq="1"]');
    await expect(row).toContainText('task.completed');
    await expect(row).toContainText('×4');
    await expect(row.locator('.came')).toContainText('✓');
    await row.getByRole('button').click();
    await expect(pane(page).getByRole('heading', { level: 2 }).first()).toHaveText('Event 5');
    await pane(page).getByRole('list', { name: 'Events of this row' }).getByRole('button', { name: '4' }).click();
    await expect(pane(page).locator('.payload')).toContainText('progress');
  });

  test('only a window of them stands in the document', async ({ page, deck }) => {
    test.slow();
    for (let first = 1; first <= 3_000; first += 1_000) {
      await deck.send(ticks(1_000, first));
    }
    await openLive(page, '/activity');
    await expect.poll(() => allSeqs(page), { timeout: 30_000 }).toEqual(downFrom(3_000, 3_000));
    await expect.poll(() => rows(page).count()).toBeLessThan(80);
    await expect(page.getByText('That is the beginning of what is kept.')).toBeVisible();
    await expect(loaded(page)).toHaveText(`All ${count(3_000)} loaded.`);
  });

  test('older ones come from the log while one scrolls', async ({ page, deck }) => {
    await deck.send([registered('ada', 'Ada'), ...ticks(900)]);
    await openLive(page, '/activity');
    await expect(loaded(page)).toHaveText(/^400 of 901 loaded\.$/);
    await scrollTo(page, 1e6);
    await expect(loaded(page)).toHaveText(/^600 of 901 loaded\.$/);
    await page.getByRole('button', { name: 'Load older events' }).click();
    await expect(loaded(page)).toHaveText(/^[68]00 of 901 loaded\.$/);
    await expect.poll(() => allSeqs(page)).toEqual(downFrom(901, 901));
  });
});

test.describe('holding', () => {
  test('a pause holds, counts, and shows it afterwards', async ({ page, deck }) => {
    await deck.send(ticks(3));
    await openLive(page, '/activity');
    await page.getByRole('button', { name: 'Pause' }).click();
    await expect(page.locator('#held')).toHaveText('0 new, held');
    await deck.send(ticks(5, 4));
    await expect(page.locator('#held')).toHaveText('5 new, held');
    expect(await shownSeqs(page)).toEqual([3, 2, 1]);
    await page.getByRole('button', { name: 'Resume' }).click();
    await expect(page.locator('#held')).toBeHidden();
    await expect.poll(() => shownSeqs(page)).toEqual(downFrom(8, 8));
  });

  test('counts as held what the filter would show', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/activity?q=type%3Aagent.*');
    await page.getByRole('button', { name: 'Pause' }).click();
    await deck.send([...ticks(4), registered('eve', 'Eve')]);
    await expectNewest(page, swarm().length + 5);
    await expect(page.locator('#held')).toHaveText('1 new, held');
  });

  test('away from the newest nothing moves, and a button leads back', async ({ page, deck }) => {
    await deck.send(ticks(150));
    await openLive(page, '/activity');
    await scrollTo(page, 800);
    await expect(page.locator('li[data-seq="120"]')).toBeInViewport();
    const before = await page.locator('li[data-seq="120"]').boundingBox();
    await deck.send(ticks(37, 151));
    const newer = page.getByRole('button', { name: '37 new' });
    await expect(newer).toBeVisible();
    expect(await page.locator('li[data-seq="120"]').boundingBox()).toEqual(before);
    await newer.click();
    await expect(newer).toBeHidden();
    await expect(page.locator('li[data-seq="187"]')).toBeInViewport();
    await deck.send(ticks(1, 188));
    await expect(page.locator('li[data-seq="188"]')).toBeInViewport();
  });

  test('who stands in a row keeps it', async ({ page, deck }) => {
    await deck.send(ticks(10));
    await openLive(page, '/activity');
    await page.locator('li[data-seq="10"] .line').focus();
    await page.keyboard.press('ArrowDown');
    const row = page.locator('li[data-seq="9"] .line');
    await expect(row).toBeFocused();
    await deck.send(ticks(300, 11));
    await expect(page.getByRole('button', { name: '300 new' })).toBeVisible();
    await expect(row).toBeFocused();
    await page.getByRole('button', { name: '300 new' }).click();
    await expect.poll(() => allSeqs(page)).toEqual(downFrom(310, 310));
  });
});

test.describe('an event', () => {
  test('opens as a tree, to copy and to download', async ({ page, deck, context }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await deck.send([
      { type: 'deploy.finished', entity: { kind: 'deploy', id: 'd1' }, payload: { environment: 'staging', steps: [{ name: 'build', ok: true }], many: ticks(30) } },
    ]);
    await openLive(page, '/activity');
    await rows(page).first().getByRole('button').click();
    const payload = pane(page).getByRole('region', { name: 'Payload' });
    await expect(payload).toContainText('staging');
    await expect(payload).toContainText('build');
    const many = payload.locator('summary', { hasText: 'many' });
    await expect(many).toContainText('[30]');
    await expect(payload).not.toContainText('probe.ticked');
    await many.click();
    await payload.locator('summary', { hasText: /^7/ }).click();
    await expect(payload).toContainText('probe.ticked');
    await pane(page).getByRole('button', { name: 'Copy' }).click();
    await expect(pane(page).getByRole('button', { name: 'Copied' })).toBeVisible();
    expect(JSON.parse(await page.evaluate(() => navigator.clipboard.readText()))).toMatchObject({ seq: 1, payload: { environment: 'staging' } });
    const fetched = page.waitForEvent('download');
    await pane(page).getByRole('link', { name: 'Download' }).click();
    const file = await readFile(await (await fetched).path(), 'utf8');
    expect(JSON.parse(file)).toMatchObject({ seq: 1, type: 'deploy.finished' });
    await pane(page).getByRole('link', { name: 'deploy:d1' }).click();
    await expect(field(page)).toHaveValue('entity:"deploy:d1"');
    await expect(rows(page)).toHaveCount(1);
  });

  test('as large as the log takes freezes nothing', async ({ page, deck }) => {
    const line = 'a line of a log \u202e '.repeat(1_200);
    await deck.send([{ type: 'log.written', payload: { line, list: Array.from({ length: 5_000 }, (_, at) => at) } }]);
    await openLive(page, '/activity');
    await rows(page).first().getByRole('button').click();
    const payload = pane(page).getByRole('region', { name: 'Payload' });
    await expect(payload).toContainText('⟨U+202E⟩');
    await payload.locator('summary', { hasText: 'list' }).click();
    await expect(payload.getByRole('button', { name: /100 more of 4.900/ })).toBeVisible();
    expect(await payload.locator('*').count()).toBeLessThan(700);
    const longest = await page.evaluate(async () => {
      const began = performance.now();
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      return performance.now() - began;
    });
    expect(longest).toBeLessThan(1_000);
  });

  test('stays open while others come, and Esc closes it', async ({ page, deck }) => {
    await deck.send(ticks(3));
    await openLive(page, '/activity');
    await expect(page.locator('#told')).toBeAttached();
    await page.locator('li[data-seq="2"] .line').press('Enter');
    await expect(pane(page)).toBeVisible();
    await deck.send(ticks(5, 4));
    await expectNewest(page, 8);
    await expect(pane(page)).toContainText('Event 2');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Escape');
    await expect(pane(page)).toHaveCount(0);
    await expect(page.locator('li[data-seq="2"] .line')).toBeFocused();
  });
});

test('of the past are those up to the instant on show, also as a file', async ({ page, deck }) => {
  await deck.send(ticks(260));
  await openLive(page, '/activity?at=250');
  await expect.poll(() => allSeqs(page)).toEqual(downFrom(250, 250));
  await expect(loaded(page)).toHaveText('All 250 loaded.');
  await page.getByText('Export', { exact: true }).click();
  await expect(page.getByRole('link', { name: /CSV/ })).toHaveAttribute('href', '/api/export?format=csv&until=250');
  await deck.send(ticks(5, 261));
  await page.getByRole('link', { name: 'Back to live' }).click();
  await expect.poll(() => allSeqs(page)).toEqual(downFrom(265, 265));
});

test('what comes too fast is thinned out on the screen, and is all there afterwards', async ({ page, deck }) => {
  test.slow();
  await openLive(page, '/activity?rows=all');
  const playing = deck.demo('--rate', '400', '--agents', '20', '--events', '3000');
  await expect(page.getByText(/Showing 1 of \d+\./)).toBeVisible();
  await playing;
  await expect(page.getByText(/Showing 1 of/)).toBeHidden();
  await expectNewest(page, await deck.head());
  await expect.poll(() => allSeqs(page), { timeout: 30_000 }).toEqual(downFrom(3_000, 3_000));
});

test('the demo has a feed, and says that it is in no log', async ({ page }) => {
  await openLive(page);
  await page.getByRole('button', { name: 'Play the demo in this page only' }).click();
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Activity' }).click();
  await expect(rows(page).first()).toBeVisible();
  await expect(page.getByText('The demo is in no log: its newest events only.')).toBeVisible();
  await expect(page.getByText('Export', { exact: true })).toHaveCount(0);
  await field(page).fill('type:task.*');
  await field(page).press('Enter');
  await expect(rows(page).first()).toContainText('task.');
});

test.describe('in the hand', () => {
  test.use({ viewport: { width: 390, height: 780 } });

  test('rows have two lines, and an event lies over them', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/activity');
    await expectNoSidewaysScroll(page);
    await rows(page).first().getByRole('button').click();
    await expect(pane(page)).toBeInViewport();
    await expectNoSidewaysScroll(page);
    await pane(page).getByRole('button', { name: 'Close the event' }).click();
    await expect(pane(page)).toHaveCount(0);
    await expect(connection(page)).toHaveText('Live');
  });
});
