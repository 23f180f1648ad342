import { type Locator, type Page } from '@playwright/test';
import { type Draft, memory, provider, registered, session, swarm, task, ticks } from './events';
import { SERVER_GONE, count, expect, expectAccessible, expectNoSidewaysScroll, test } from './fixtures';

const KEPT = 500;

const standing = (page: Page): Locator => page.locator('#connection');
const rows = (page: Page): Locator => page.locator('#frames > li');
/** The rows of a type of frame. */
const named = (page: Page, kind: string): Locator => rows(page).filter({ has: page.locator('.kind', { hasText: kind }) });

async function openClient(page: Page, query = ''): Promise<void> {
  await page.goto(`/debug/stream${query}`);
  await expect(standing(page)).toHaveText('Connected');
}

async function expectCounts(page: Page, counts: Record<string, number>): Promise<void> {
  for (const [name, many] of Object.entries(counts)) {
    await expect(page.locator(`#count-${name}`), name).toHaveText(count(many));
  }
}

// Events that no service answers with others of its own: what is counted is what was sent.
const selfcheck = (id: string): Draft => ({ type: 'selfcheck.started', entity: { kind: 'selfcheck', id }, payload: {} });

test('it connects by itself, and an event that is sent comes first, in its colour, and is counted', async ({ page, deck }) => {
  await openClient(page);
  await expect(named(page, 'stream.hello')).toHaveCount(1);
  await expectCounts(page, { total: 0, task: 0, provider: 0, selfcheck: 0 });
  const colours = new Set<string>();
  const events: [string, Draft][] = [
    ['task', task('created', 't1', { description: 'Index' })],
    ['memory', memory('stored', 'notes', 'release')],
    ['provider', provider('status_changed', 'ollama', { state: 'READY', endpoint: 'http://localhost:11434' })],
  ];
  for (const [group, event] of events) {
    await deck.send(event);
    const kind = rows(page).first().locator('.kind');
    await expect(kind).toContainText(event.type);
    await expect(kind).toHaveClass(`kind d-${group}`);
    await expect(kind.locator('.mark'), 'a mark stands beside the colour').not.toBeEmpty();
    colours.add(await kind.evaluate((element) => getComputedStyle(element).color));
  }
  expect(colours.size).toBe(events.length);
  await deck.send([selfcheck('run'), task('started', 't1', {})]);
  await expect(rows(page).first().locator('.kind')).toContainText('task.started');
  await expectCounts(page, { total: 5, task: 2, provider: 1, selfcheck: 1 });
});

test('a row opens to show its frame as it came', async ({ page, deck }) => {
  await openClient(page);
  await deck.send(task('progress', 't1', { progress: 42, message: 'Reading' }));
  const row = named(page, 'task.progress');
  await expect(row).toContainText('task:t1');
  await row.getByRole('button').click();
  await expect(row.getByRole('button')).toHaveAttribute('aria-expanded', 'true');
  const raw = JSON.parse((await row.locator('pre').textContent()) ?? '') as { seq: number; payload: unknown };
  expect([raw.seq, raw.payload]).toEqual([1, { progress: 42, message: 'Reading' }]);
  await deck.send(ticks(3));
  await expectCounts(page, { total: 4 });
  await expect(row.locator('pre'), 'news does not close it').toBeVisible();
  await row.getByRole('button').click();
  await expect(row.locator('pre')).toHaveCount(0);
});

test('a ping is answered, and both are shown and not counted', async ({ page }) => {
  await openClient(page);
  await page.getByRole('button', { name: 'Ping' }).click();
  await expect(named(page, 'sent')).toContainText('ping');
  await expect(named(page, 'pong')).toContainText(/after [\d.]+ ms/);
  await expectCounts(page, { total: 0 });
});

test('clearing empties frames and counts, and goes on', async ({ page, deck }) => {
  await openClient(page);
  await deck.send([...ticks(4), task('created', 'now', { description: 'Now' }), selfcheck('run')]);
  await expectCounts(page, { total: 6, task: 1, selfcheck: 1 });
  await page.getByRole('button', { name: 'Clear' }).click();
  await expect(rows(page)).toHaveCount(0);
  await expect(page.getByText('No frames yet.')).toBeVisible();
  await expectCounts(page, { total: 0, task: 0, provider: 0, selfcheck: 0 });
  await deck.send(task('created', 'next', { description: 'Next' }));
  await expect(rows(page)).toHaveCount(1);
  await expectCounts(page, { total: 1, task: 1 });
});

test('it disconnects and connects when it is told to', async ({ page, deck }) => {
  await openClient(page);
  const [connect, disconnect, ping] = ['Connect', 'Disconnect', 'Ping'].map((name) => page.getByRole('button', { name, exact: true }));
  await expect(connect).toBeDisabled();
  await disconnect.click();
  await expect(standing(page)).toHaveText('Disconnected');
  await expect(disconnect, 'the focus is not lost').toBeFocused();
  await expect(ping).toBeDisabled();
  await deck.send(ticks(5));
  await connect.click();
  await expect(standing(page)).toHaveText('Connected');
  await expect(named(page, 'stream.hello')).toHaveCount(2);
  await deck.send(task('created', 'after', { description: 'After' }));
  await expect(named(page, 'task.created')).toHaveCount(1);
  await expect(named(page, 'probe.ticked')).toHaveCount(0);
  await expectCounts(page, { total: 1 });
});

test('the newest frames are kept, all are counted', async ({ page, deck }) => {
  await openClient(page);
  for (let batch = 0; batch < 3; batch += 1) {
    await deck.send(ticks(1_000, 1 + batch * 1_000));
  }
  await expectCounts(page, { total: 3_000 });
  await expect(rows(page)).toHaveCount(KEPT);
  await expect(rows(page).first()).toContainText('"n":3000');
  await expect(rows(page).last()).toContainText(`"n":${3_000 - KEPT + 1}`);
});

test('what agents say is text', async ({ page, deck }) => {
  const image = '<img src=x onerror=alert(1)>';
  await openClient(page);
  await deck.send([
    registered(image, '</script><script>alert(2)</script>'),
    task('created', `${image}\u202e`, { description: image }),
    { type: 'probe.ticked', source: image, payload: { [image]: image } },
  ]);
  await expect(named(page, 'probe.ticked')).toContainText(image);
  for (const kind of ['agent.registered', 'task.created', 'probe.ticked']) {
    await named(page, kind).getByRole('button').click();
    await expect(named(page, kind).locator('pre')).toContainText('onerror=alert(1)');
  }
  await expect(page.locator('img, main script, [onerror]')).toHaveCount(0);
});

test('another dialect is chosen, and the address says which', async ({ page, deck }) => {
  await openClient(page);
  await page.getByLabel('Dialect').selectOption('liveops');
  await expect(page).toHaveURL(/dialect=liveops/);
  await expect(named(page, 'welcome')).toHaveCount(1);
  await page.getByRole('group', { name: 'Channels' }).getByLabel('agents').check();
  await expect(named(page, 'subscribed')).toHaveCount(1);
  await page.getByRole('button', { name: 'Clear' }).click();
  await deck.send([task('created', 't1', { description: 'Unheard' }), registered('ada', 'Ada')]);
  await expect(named(page, 'agent:status').first()).toContainText('ada');
  await expect(named(page, 'task:update')).toHaveCount(0);
  await page.reload();
  await expect(standing(page)).toHaveText('Connected');
  await expect(page.getByLabel('Dialect')).toHaveValue('liveops');
});

test('a session is subscribed to', async ({ page, deck }) => {
  await openClient(page, '?dialect=sessions');
  await expect(named(page, 'connected')).toHaveCount(1);
  await expect(page.getByRole('button', { name: 'Ping' })).toBeDisabled();
  await page.getByLabel('Session id').fill('s1');
  await page.getByRole('button', { name: 'Subscribe', exact: true }).click();
  await expect(page.locator('#sessions')).toHaveText('s1');
  // The server does not answer: it heard when the next delta comes.
  await expect(async () => {
    await deck.send([session('text_delta', 's1', { delta: 'Hello' }), session('text_delta', 's2', { delta: 'Unheard' })]);
    await expect(named(page, 'text_delta').first()).toContainText('Hello', { timeout: 1_000 });
  }).toPass();
  await expect(page.locator('#frames')).not.toContainText('Unheard');
});

test('the paper engine is driven', async ({ page }) => {
  await openClient(page, '?dialect=trader');
  await expect(named(page, 'CONNECTED')).toHaveCount(1);
  await page.getByRole('button', { name: 'Scan' }).click();
  await expect(named(page, 'SIMULATE_ACK')).toHaveCount(1);
});

test('the registry’s Server-Sent Events are shown', async ({ page, deck }) => {
  await openClient(page, '?dialect=mesh');
  await deck.send(registered('ada', 'Ada'));
  const row = named(page, 'agent_registered');
  await expect(row).toContainText('ada');
  await row.getByRole('button').click();
  await expect(row.locator('pre')).toContainText('event: agent_registered');
});

test.describe('when the server goes', () => {
  test.use({ allowed: SERVER_GONE });

  test('it comes back by itself, and what was shown stays', async ({ page, deck }) => {
    await openClient(page);
    await deck.send(ticks(2));
    await expectCounts(page, { total: 2 });
    await deck.kill();
    await expect(standing(page)).toHaveText('Reconnecting');
    await deck.restart();
    await expect(standing(page)).toHaveText('Connected', { timeout: 20_000 });
    await expect(named(page, 'stream.hello')).toHaveCount(2);
    await deck.send(ticks(1, 3));
    await expectCounts(page, { total: 3 });
    await expect(named(page, 'probe.ticked')).toHaveCount(3);
  });
});

for (const colorScheme of ['dark', 'light'] as const) {
  test.describe(`in ${colorScheme} colours`, () => {
    test.use({ colorScheme });

    test('it is accessible', async ({ page, deck }) => {
      test.slow();
      for (const dialect of ['agentos', 'liveops', 'sessions', 'trader', 'mesh']) {
        await openClient(page, `?dialect=${dialect}`);
        await deck.send(registered(`of-${dialect}`));
        if (dialect === 'agentos') {
          await deck.send([...swarm(), selfcheck('run')]);
          const newest = named(page, 'selfcheck.started').first();
          await newest.getByRole('button').click();
          await expect(newest.locator('pre')).toBeVisible();
        }
        await expectAccessible(page, dialect);
      }
    });
  });
}

test.describe('at 320 pixels', () => {
  test.use({ viewport: { width: 320, height: 640 } });

  test('it does not scroll sideways', async ({ page, deck }) => {
    const long = 'unbroken'.repeat(14);
    for (const dialect of ['agentos', 'liveops', 'sessions', 'trader', 'mesh']) {
      await openClient(page, `?dialect=${dialect}`);
      await deck.send([registered(`${long}-${dialect}`, long), { type: `probe.${long}`, payload: { [long]: long } }]);
      if (dialect === 'agentos') {
        await named(page, 'probe.').getByRole('button').click();
        await expect(named(page, 'probe.').locator('pre')).toContainText(long);
      }
      await expectNoSidewaysScroll(page);
    }
  });
});
