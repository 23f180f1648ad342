// Overview, agents and tasks: what they show of many, of little and of nothing.

import { AxeBuilder } from '@axe-core/playwright';
import { type Locator, type Page } from '@playwright/test';
import { type Draft, agent, asks, memory, registered, session, swarm, task } from './events';
import { SERVER_GONE, connection, expect, expectNewest, expectNoSidewaysScroll, navigation, openLive, openWhole, test, unfold } from './fixtures';
import { type Deck } from './deck';

const rows = (page: Page): Locator => page.locator('tbody').getByRole('row');
const list = (page: Page, name = 'Agents'): Locator => page.locator('.window').and(page.getByRole('region', { name, exact: true }));
const field = (page: Page, name: string): Locator => page.getByRole('search').getByLabel(name);
const column = (page: Page, state: string): Locator => page.getByRole('region', { name: state, exact: true });

/** More rows than any window draws. */
const MANY = 1_000;
const WINDOW = 90;

function agents(many: number): Draft[] {
  const id = (index: number) => String(index).padStart(4, '0');
  return Array.from({ length: many }, (_, index) => registered(`a${id(index)}`, `Agent ${id(index)}`));
}

async function sendAll(deck: Deck, events: Draft[]): Promise<void> {
  for (let from = 0; from < events.length; from += 250) {
    await deck.send(events.slice(from, from + 250));
  }
}

/** The same events, so many seconds before now, one a second. */
function past(seconds: number, events: Draft[]): Draft[] {
  const begin = Date.now() - seconds * 1_000;
  return events.map((event, index) => ({ ...event, ts: event.ts ?? new Date(begin + index * 1_000).toISOString() }));
}

const at = (seconds: number, event: Draft): Draft => ({ ...event, ts: new Date(Date.now() - seconds * 1_000).toISOString() });

test.describe('a thousand agents', () => {
  for (const [view, item] of [['', 'tbody tr'], ['?view=grid', '.agent-card']] as const) {
    test(`stand in a window of ${item}, which follows the keyboard to the end and back`, async ({ page, deck }) => {
      test.slow();
      await sendAll(deck, agents(MANY));
      await openLive(page, `/agents${view}`);
      const first = page.getByRole('link', { name: 'Agent 0000' });
      const last = page.getByRole('link', { name: 'Agent 0999' });
      await expect(first).toBeVisible();
      await list(page).focus();
      await page.keyboard.press('End');
      await expect(last).toBeInViewport();
      await expect(first).toHaveCount(0);
      expect(await page.locator(item).count()).toBeLessThan(WINDOW);
      await page.keyboard.press('Home');
      await expect(first).toBeInViewport();
      expect(await page.locator(item).count()).toBeLessThan(WINDOW);
    });
  }

  test('say which of how many each is', async ({ page, deck }) => {
    await sendAll(deck, agents(MANY));
    await openLive(page, '/agents');
    await expect(page.getByRole('table')).toHaveAttribute('aria-rowcount', String(MANY + 1));
    await expect(page.getByRole('row', { name: /Agent 0000/ })).toHaveAttribute('aria-rowindex', '2');
    await list(page).focus();
    await page.keyboard.press('End');
    await expect(page.getByRole('row', { name: /Agent 0999/ })).toHaveAttribute('aria-rowindex', String(MANY + 1));
  });

  test('go by with Tab, which finds the next row drawn', async ({ page, deck }) => {
    test.slow();
    await sendAll(deck, agents(200));
    await openLive(page, '/agents');
    await page.getByRole('link', { name: 'Agent 0000' }).focus();
    for (let place = 1; place <= 40; place += 1) {
      const next = page.getByRole('link', { name: `Agent ${String(place).padStart(4, '0')}` });
      await expect(async () => {
        await page.keyboard.press('Tab');
        await expect(next).toBeFocused({ timeout: 50 });
      }).toPass({ intervals: [0], timeout: 5_000 });
      await expect(next).toBeInViewport();
    }
  });

  test('go by with j and k', async ({ page, deck }) => {
    test.slow();
    await sendAll(deck, agents(200));
    await openLive(page, '/agents');
    const nth = (place: number) => page.getByRole('link', { name: `Agent ${String(place).padStart(4, '0')}` });
    for (let place = 0; place <= 40; place += 1) {
      await page.keyboard.press('j');
      await expect(nth(place)).toBeFocused();
    }
    await expect(nth(40)).toBeInViewport();
    await page.keyboard.press('k');
    await expect(nth(39)).toBeFocused();
  });

  test('leave whoever was in a row in the box when the row goes', async ({ page, deck }) => {
    await sendAll(deck, agents(MANY));
    await openLive(page, '/agents');
    await page.getByRole('link', { name: 'Agent 0000' }).focus();
    await list(page).evaluate((box) => (box.scrollTop = 20_000));
    await expect(page.getByRole('link', { name: 'Agent 0000' })).toHaveCount(0);
    await expect(list(page)).toBeFocused();
  });

  test('begin anew when they are sorted or narrowed', async ({ page, deck }) => {
    await sendAll(deck, agents(MANY));
    await openLive(page, '/agents');
    await list(page).evaluate((box) => (box.scrollTop = 20_000));
    await page.getByRole('columnheader', { name: 'Agent' }).getByRole('link').click();
    await expect(page).toHaveURL('/agents?sort=name');
    await expect(page.getByRole('link', { name: 'Agent 0000' })).toBeInViewport();
    await page.getByRole('columnheader', { name: 'Agent' }).getByRole('link').click();
    await expect(page).toHaveURL('/agents?sort=-name');
    await expect(page.getByRole('columnheader', { name: 'Agent' })).toHaveAttribute('aria-sort', 'descending');
    await expect(rows(page).first()).toContainText('Agent 0999');
    await page.reload();
    await expect(rows(page).first()).toContainText('Agent 0999');
  });

  test('are there when a filter leaves few of them to somebody far down', async ({ page, deck }) => {
    await sendAll(deck, agents(MANY));
    await openLive(page, '/agents');
    await list(page).focus();
    await page.keyboard.press('End');
    await expect(page.getByRole('link', { name: 'Agent 0999' })).toBeInViewport();
    await field(page, 'Find').fill('Agent 012');
    await page.keyboard.press('Enter');
    await expect(rows(page)).toHaveCount(10);
    await expect(rows(page).first()).toBeInViewport();
  });

  test.describe('without a script', () => {
    test.use({ javaScriptEnabled: false });

    test('show the first of them, and are found by a form', async ({ page, deck }) => {
      await sendAll(deck, agents(MANY));
      await page.goto('/agents');
      await expect(rows(page)).toHaveCount(40);
      await field(page, 'Find').fill('0777');
      await page.getByRole('button', { name: 'Filter' }).click();
      await expect(rows(page)).toHaveCount(1);
      await expect(rows(page)).toContainText('Agent 0777');
    });
  });
});

test('agents are found while one types, and what narrows can be taken off', async ({ page, deck }) => {
  await deck.send(swarm());
  await openLive(page, '/agents');
  await field(page, 'Find').pressSequentially('COD');
  await expect(rows(page)).toHaveCount(1);
  await expect(page).toHaveURL('/agents?q=COD');
  await expect(page.getByText('1 shown, 4 hidden')).toBeVisible();
  await field(page, 'Find').pressSequentially('-nobody');
  await expect(page.getByText('No agent is like that now; 5 are otherwise.')).toBeVisible();
  await expect(field(page, 'Find')).toBeFocused();
  await page.getByRole('link', { name: /COD-nobody/ }).click();
  await expect(rows(page)).toHaveCount(5);
  await expect(field(page, 'Find')).toHaveValue('');
  await page.getByRole('link', { name: 'Cards' }).click();
  await expect(page).toHaveURL('/agents?view=grid');
  await expect(page.locator('.agent-card')).toHaveCount(5);
  await expect(page.locator('.agent-card').filter({ hasText: 'Ada' })).toContainText('42.5 %');
});

test('a silent agent says for how long, and what it had open', async ({ page, deck }) => {
  await deck.send([
    at(400, registered('ada', 'Ada')),
    at(399, session('started', 's', { agent: 'ada', permission_mode: 'ask' })),
    at(330, session('tool_started', 's', { tool_use_id: 'u', tool_name: 'Bash', input: {} })),
  ]);
  await openLive(page, '/agents');
  const row = page.getByRole('row', { name: /Ada/ });
  await expect(row).toContainText('stale');
  await expect(row).toContainText(/no event for 5 m while Bash is open/);
  await expect(row.locator('.why')).toHaveAttribute('title', /session\.tool_started, event 3/);
  await deck.send(session('tool_finished', 's', { tool_use_id: 'u', tool_name: 'Bash', result: '', is_error: false }));
  await expect(row).toContainText('idle');
});

test('trust is told with its history', async ({ page, deck }) => {
  const trust = (score: number, previous: number, reason: string) =>
    agent('trust_changed', 'ada', { score, previous, delta: score - previous, reason });
  await deck.send([registered('ada', 'Ada'), trust(0.6, 0.5, 'success'), trust(0.4, 0.6, 'timeout')]);
  await openLive(page, '/agents');
  await expect(page.getByRole('row', { name: /Ada/ }).locator('.trust')).toContainText('0.40, was 0.50 2 changes ago');
  await page.getByRole('link', { name: 'Ada' }).click();
  const card = page.getByRole('region', { name: 'Trust' });
  await expect(card.getByRole('listitem')).toHaveText([/−0\.20timeout/, /\+0\.10success/]);
});

test.describe('an agent’s history', () => {
  test.use({ allowed: SERVER_GONE });

  test('says what went wrong, and comes when it is asked for again', async ({ page, deck }) => {
    await deck.send(swarm());
    await openWhole(page, '/agents');
    await deck.kill();
    await page.getByRole('link', { name: 'Ada' }).click();
    const history = page.getByRole('region', { name: 'History' });
    await expect(history).toContainText('The log did not answer');
    await deck.restart();
    await expect(connection(page)).toHaveText('Live', { timeout: 20_000 });
    await history.getByRole('button', { name: 'Try again' }).click();
    await expect(history).toContainText('Ada registered as coder');
    await expect(history.getByText('The log did not answer')).toHaveCount(0);
  });

  test('begins with the newest, and shows more when it is asked to', async ({ page, deck }) => {
    const reports = Array.from({ length: 150 }, (_, n) => task('progress', 't', { progress: n / 2 }));
    await deck.send([registered('ada', 'Ada'), task('started', 't', { agent: 'ada' }), ...reports]);
    await openLive(page, '/agents/ada');
    const history = page.getByRole('region', { name: 'History' });
    await expect(history.locator('.event')).toHaveCount(60);
    await history.getByRole('button', { name: 'Show older events' }).click();
    await expect(history.locator('.event')).toHaveCount(152);
    await expect(history.getByRole('button', { name: 'Show older events' })).toHaveCount(0);
  });
});

test('what is done is barred where the past is on show, and its history ends there', async ({ page, deck }) => {
  const reports = Array.from({ length: 150 }, (_, n) => task('progress', 't', { progress: n / 2 }));
  await deck.send([registered('ada', 'Ada'), task('started', 't', { agent: 'ada', title: 'Dig' }), ...reports]);
  await page.goto('/tasks?at=4');
  await expect(page.locator('.deck[data-awake="true"]')).toBeVisible();
  await expect(column(page, 'running')).toContainText('Dig');
  await expect(column(page, 'running').getByRole('button', { name: 'Cancel' })).toHaveCount(0);
  await unfold(page, 'Put up a task');
  await expect(page.getByRole('button', { name: 'Put it up' })).toBeHidden();
  await page.goto('/agents/ada?at=4');
  await expect(page.getByRole('region', { name: 'History' }).locator('.event')).toHaveCount(4);
  await page.goto('/tasks');
  await expect(column(page, 'running').getByRole('button', { name: 'Cancel' })).toBeEnabled();
});

test('an agent’s last hour is a lane with its tasks and what it waited for', async ({ page, deck }) => {
  await deck.send([
    at(900, registered('ada', 'Ada')),
    at(899, session('started', 's', { agent: 'ada', permission_mode: 'ask' })),
    at(880, task('started', 't', { agent: 'ada', title: 'Build' })),
    at(870, asks('s', 'r', 'rm -rf build')),
    at(860, session('permission_decided', 's', { request_id: 'r', allowed: true, always_allow: false, by: 'me' })),
    at(850, task('completed', 't', {})),
  ]);
  await openLive(page, '/agents/ada');
  const lane = page.getByRole('region', { name: 'Last hour' });
  await expect(lane.locator('.bar.t-completed')).toHaveCount(1);
  await expect(lane.locator('.bar.blocked')).toHaveCount(1);
  await expect(lane).toContainText(/Build, completed, from [\d:]+( [AP]M)? for 30 s; waited for a person from [\d:]+( [AP]M)? for 10 s/);
});

test.describe('tasks', () => {
  const put = (many: number, prefix = 't'): Draft[] =>
    Array.from({ length: many }, (_, n) => task('created', `${prefix}${n}`, { description: `Job ${prefix}${n}` }));

  test('fill a column to its bound, and the rest is a list away', async ({ page, deck }) => {
    await sendAll(deck, put(360));
    await openLive(page, '/tasks');
    await expect(column(page, 'pending').getByRole('listitem')).toHaveCount(12);
    await expect(column(page, 'pending').getByRole('heading')).toHaveText('pending360');
    await column(page, 'pending').getByRole('link', { name: '348 more' }).click();
    await expect(page).toHaveURL('/tasks?view=list&state=pending');
    await expect(page.getByRole('table')).toHaveAttribute('aria-rowcount', '361');
    expect(await rows(page).count()).toBeLessThan(WINDOW);
    await page.locator('.window').focus();
    await page.keyboard.press('End');
    await expect(page.getByRole('row', { name: /Job t359/ })).toBeInViewport();
  });

  test('are narrowed by text, agent and state, and the address says so', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/tasks');
    await field(page, 'Find').fill('RELEASE');
    await expect(page.locator('.task')).toHaveCount(3);
    await field(page, 'Of the agent').fill('cy');
    await expect(page.locator('.task')).toHaveCount(1);
    await expect(page).toHaveURL('/tasks?q=RELEASE&agent=cy');
    await page.reload();
    await expect(page.locator('.task')).toHaveCount(1);
    await expect(field(page, 'Of the agent')).toHaveValue('cy');
    await field(page, 'Of the agent').fill('');
    await field(page, 'In the state').selectOption('running');
    await expect(page.locator('.column')).toHaveCount(1);
    await field(page, 'Find').fill('nothing of that name');
    await expect(page.getByText('No task is like that now; 6 are hidden.')).toBeVisible();
    const narrows = page.getByRole('list', { name: 'What narrows the list' });
    await expect(narrows.getByRole('link')).toHaveCount(2);
    await narrows.getByRole('link', { name: /nothing of that name/ }).click();
    await expect(page.locator('.task')).toHaveCount(1);
    await page.getByRole('link', { name: 'List', exact: true }).click();
    await expect(rows(page)).toHaveCount(1);
    await expect(rows(page)).toContainText('Build');
  });

  for (const javaScriptEnabled of [true, false]) {
    test.describe(javaScriptEnabled ? 'in the living page' : 'without a script', () => {
      test.use({ javaScriptEnabled });

      test('are given to an agent from the board', async ({ page, deck }) => {
        await deck.send([registered('ada', 'Ada'), task('created', 't', { description: 'Dig' })]);
        await (javaScriptEnabled ? openLive(page, '/tasks') : page.goto('/tasks'));
        const card = column(page, 'pending').getByRole('listitem');
        await card.getByText('Assign', { exact: true }).click();
        await card.getByLabel('To the agent').fill('ada');
        await card.getByRole('button', { name: 'Assign it' }).click();
        await expect(column(page, 'assigned').getByRole('listitem')).toContainText('Dig');
        await expect(column(page, 'assigned').getByRole('link', { name: 'ada' })).toHaveAttribute('href', '/agents/ada');
      });
    });
  }

  test('a card stays the same card while its task comes forward', async ({ page, deck }) => {
    await deck.send([registered('ada', 'Ada'), task('started', 't', { agent: 'ada', title: 'Dig' })]);
    await openLive(page, '/tasks');
    const cancel = column(page, 'running').getByRole('button', { name: 'Cancel' });
    await cancel.focus();
    await deck.send([task('progress', 't', { progress: 30, message: 'Halfway' }), task('progress', 't', { progress: 60 })]);
    await expect(column(page, 'running').getByRole('progressbar')).toHaveAttribute('value', '60');
    await expect(cancel).toBeFocused();
  });

  test('lie in lanes by agent: blocked hatched, idle time folded, however short seen', async ({ page, deck }) => {
    await deck.send([
      at(3_000, registered('ada', 'Ada')),
      at(2_999, registered('bob', 'Bob')),
      at(2_990, task('started', 'one', { agent: 'ada', title: 'One' })),
      at(2_989, task('completed', 'one', {})),
      at(2_980, task('started', 'two', { agent: 'bob', title: 'Two' })),
      at(2_900, task('failed', 'two', { error: 'no' })),
      at(300, session('started', 's', { agent: 'ada', permission_mode: 'ask' })),
      at(299, task('started', 'three', { agent: 'ada', title: 'Three' })),
      at(200, asks('s', 'r', 'rm -rf x')),
    ]);
    await openLive(page, '/tasks?view=timeline');
    await expect(rows(page)).toHaveCount(2);
    const ada = page.getByRole('row', { name: /Ada/ });
    await expect(ada.locator('.bar')).toHaveCount(3);
    await expect(ada.locator('.bar.blocked')).toHaveAttribute('fill', 'url(#hatch)');
    await expect(ada).toContainText(/Three, running.*waits for a person since/);
    await expect(page.locator('.scale text.fold')).toHaveCount(2);
    const short = ada.locator('.bar.t-completed');
    expect(await short.evaluate((bar) => parseFloat(getComputedStyle(bar).strokeWidth))).toBeGreaterThanOrEqual(2);
    await page.getByRole('list', { name: 'How far back' }).getByRole('link', { name: '15 m' }).click();
    await expect(page).toHaveURL('/tasks?view=timeline&span=15m');
    await expect(rows(page)).toHaveCount(1);
    await field(page, 'Of the agent').fill('bob');
    await expect(page.getByText('Nobody was at such a task in this time.')).toBeVisible();
    await page.getByRole('link', { name: 'Look back a day' }).click();
    await expect(rows(page)).toHaveCount(1);
    await expect(rows(page).locator('.bar.t-failed')).toHaveCount(1);
  });
});

test.describe('the overview', () => {
  test('leads from every number to what is behind it', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page);
    const lost = await page.locator('main b').evaluateAll((numbers) =>
      numbers.filter((b) => !b.closest('a') && !b.querySelector('a')).map((b) => b.closest('.rate, li, p')?.textContent),
    );
    expect(lost.filter((text) => !text?.startsWith('Event to this screen'))).toEqual([]);
    await page.getByRole('region', { name: 'Latency' }).getByRole('link', { name: /Memory operation/ }).click();
    await expect(page).toHaveURL('/activity?types=memory.*');
  });

  test('keeps a spike of one second in every window, and tells it in words', async ({ page, deck }) => {
    const spike = Array.from({ length: 120 }, (_, n) => at(150, memory('retrieved', 'n', `k${n}`, { latency_ms: 3 })));
    await deck.send([...spike, registered('ada', 'Ada')]);
    await openLive(page, '/');
    const throughput = page.getByRole('region', { name: /^Throughput/ });
    const drawn = throughput.getByRole('img', { name: /^Memory operations/ });
    await expect(drawn).toHaveAttribute('aria-label', /over the last minute, .* most 0 a second/);
    for (const [name, word] of [['5 m', 'five minutes'], ['1 h', 'the last hour']]) {
      await throughput.getByRole('link', { name, exact: true }).click();
      await expect(drawn).toHaveAttribute('aria-label', new RegExp(`over ${word}, .*, most 120 a second`));
    }
    await expect(page).toHaveURL('/?window=1h');
    await expect(page.getByRole('region', { name: 'Latency' })).toContainText('3 ms');
    await page.reload();
    await expect(drawn).toHaveAttribute('aria-label', /most 120/);
  });

  test('says who waits longest and what is blocked', async ({ page, deck }) => {
    await deck.send(
      past(100, [
        task('created', 'one', { description: 'The oldest' }),
        task('created', 'two', { description: 'A younger', depends_on: ['one'] }),
      ]),
    );
    await openLive(page);
    const flow = page.getByRole('region', { name: 'Tasks', exact: true });
    await expect(flow).toContainText('Longest not begun: The oldest');
    await expect(flow).toContainText('1 wait for other tasks.');
    await flow.getByRole('link', { name: 'The oldest' }).click();
    await expect(page).toHaveURL('/tasks?view=list&q=one');
    await expect(rows(page)).toHaveCount(1);
  });
});

test('a thousand agents at work leave the page usable', async ({ page, deck }) => {
  test.slow();
  await openLive(page, '/agents');
  await deck.demo('--agents', '400', '--rate', '2000', '--events', '8000');
  await expectNewest(page, await deck.head());
  expect(await page.locator('tbody tr').count()).toBeLessThan(WINDOW);
  for (const name of ['Overview', 'Tasks', 'Agents']) {
    await navigation(page, name).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
    expect(await page.locator('main *').count()).toBeLessThan(4_500);
  }
  await expectNewest(page, await deck.head());
});

/** Other views of the pages that are tested for it everywhere. */
const VIEWS = ['/?window=1h', '/agents?view=grid&q=a', '/agents?q=nobody', '/tasks?view=timeline', '/tasks?view=list&state=failed', '/tasks?q=nothing'];

for (const colorScheme of ['dark', 'light'] as const) {
  test.describe(`in ${colorScheme} colours`, () => {
    test.use({ colorScheme });

    test('every view is accessible', async ({ page, deck }) => {
      test.slow();
      await deck.send(swarm());
      for (const path of VIEWS) {
        await openLive(page, path);
        const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze();
        expect.soft(violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')}`)), path).toEqual([]);
      }
    });
  });
}

test.describe('at 320 pixels', () => {
  test.use({ viewport: { width: 320, height: 640 } });

  test('no view of agents or tasks scrolls sideways', async ({ page, deck }) => {
    await deck.send(swarm());
    for (const path of ['/agents', '/agents?view=grid', '/tasks', '/tasks?view=list', '/tasks?view=timeline', '/agents/ada', '/?window=1h']) {
      await openLive(page, path);
      await expectNoSidewaysScroll(page);
    }
  });
});
