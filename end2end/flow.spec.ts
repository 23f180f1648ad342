import { AxeBuilder } from '@axe-core/playwright';
import { type Locator, type Page } from '@playwright/test';
import { type Draft, agent, memory, message, registered, topology } from './events';
import { expect, expectNewest, expectNoSidewaysScroll, openLive, test } from './fixtures';

const map = (page: Page): Locator => page.getByRole('group', { name: /^Map of the swarm/ });
const drawing = (page: Page): Locator => page.locator('#map-drawing');
const nodes = (page: Page): Locator => page.getByRole('region', { name: 'Nodes' });
const chosen = (page: Page): Locator => page.locator('.chosen');
const messages = (page: Page): Locator => page.getByRole('list', { name: 'Messages, newest first' }).getByRole('listitem');
const matrix = (page: Page): Locator => page.getByRole('region', { name: 'Who talks to whom' });

/** One over a few over the rest. */
function hierarchy(many: number): Draft[] {
  const id = (n: number): string => `n${String(n).padStart(5, '0')}`;
  return Array.from({ length: many }, (_, n) =>
    registered(id(n), `Agent ${n}`, n === 0 ? {} : { parent: id(n <= 8 ? 0 : 1 + (n % 8)) }),
  );
}

/** Sends many events in batches that fit. */
async function sendAll(deck: { send(events: Draft[]): Promise<unknown> }, events: Draft[]): Promise<void> {
  for (let from = 0; from < events.length; from += 1_000) {
    await deck.send(events.slice(from, from + 1_000));
  }
}

/** Where the nodes of an SVG stand, by name; none before the page has drawn them. */
async function spots(page: Page): Promise<Record<string, string>> {
  return drawing(page).locator('.place').evaluateAll((places) =>
    Object.fromEntries(places.map((place) => [place.querySelector('.name')?.textContent ?? '', place.getAttribute('transform') ?? ''])),
  );
}

/** The spots once they no longer move. */
async function settled(page: Page): Promise<Record<string, string>> {
  let before = '';
  await expect(async () => {
    const now = JSON.stringify(await spots(page));
    const same = now === before;
    before = now;
    expect(same).toBe(true);
  }).toPass({ intervals: [250], timeout: 15_000 });
  return JSON.parse(before) as Record<string, string>;
}

/** Whether anything is drawn on the canvas. */
async function painted(page: Page): Promise<boolean> {
  return drawing(page).evaluate((canvas) => {
    if (!(canvas instanceof HTMLCanvasElement) || canvas.width === 0) {
      return false;
    }
    const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    return pixels.some((value) => value > 0);
  });
}

async function expectAccessible(page: Page): Promise<void> {
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
  const { violations } = await new AxeBuilder({ page }).withTags(tags).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`)).toEqual([]);
}

test.describe('the map', () => {
  for (const kind of ['hierarchical', 'mesh'] as const) {
    test(`of a ${kind} swarm moves nothing when somebody stands otherwise`, async ({ page, deck }) => {
      await deck.send(['a', 'b', 'c', 'd'].map((id) => registered(id, id.toUpperCase())));
      await deck.send(topology(kind, ['a', 'b', 'c', 'd'], [['a', 'b', 1], ['a', 'c', 0.3], ['c', 'd', 1]]));
      await openLive(page, '/topology');
      const before = await settled(page);
      expect(Object.keys(before)).toHaveLength(4);
      await deck.send(agent('status_changed', 'b', { status: 'error', reason: 'no' }));
      await expect(drawing(page).locator('.place.failing')).toHaveCount(1);
      await expect(drawing(page).locator('.link.ailing')).toHaveCount(1);
      expect(await settled(page)).toEqual(before);
      await page.reload();
      expect(await settled(page), 'the same swarm is the same picture').toEqual(before);
    });
  }

  test('takes in who comes, beside their parent', async ({ page, deck }) => {
    await deck.send([registered('a', 'A'), registered('b', 'B', { parent: 'a' })]);
    await openLive(page, '/topology');
    await settled(page);
    await deck.send(registered('c', 'C', { parent: 'a' }));
    await expect(drawing(page).locator('.place')).toHaveCount(3);
    const y = (transform: string): number => Number(/ ([\d.-]+)\)/.exec(transform)?.[1]);
    const after = await settled(page);
    expect(y(after.C)).toBe(y(after.B));
    expect(y(after.C)).toBeGreaterThan(y(after.A));
  });

  test('is looked around in by keys and buttons', async ({ page, deck }) => {
    await deck.send(hierarchy(12));
    await openLive(page, '/topology');
    await settled(page);
    const view = (): Promise<string | null> => drawing(page).getAttribute('viewBox');
    const whole = await view();
    await page.getByRole('button', { name: 'Zoom in' }).click();
    await expect.poll(view).not.toBe(whole);
    await page.getByRole('button', { name: 'Fit all' }).click();
    await expect.poll(view).toBe(whole);
    await map(page).focus();
    for (const key of ['+', 'ArrowLeft', 'ArrowDown', '-']) {
      const before = await view();
      await page.keyboard.press(key);
      await expect.poll(view).not.toBe(before);
    }
    await page.keyboard.press('0');
    await expect.poll(view).toBe(whole);
  });

  test('chooses, pins and moves a node without a pointer, and keeps the pin', async ({ page, deck }) => {
    await deck.send([...hierarchy(12), message('sent', 'm', { from: 'n00000', to: 'n00003', message_type: 'task', content: 'x', size: 1 })]);
    await openLive(page, '/topology');
    await settled(page);
    await nodes(page).getByRole('button', { name: 'Show Agent 3 on the map' }).click();
    await expect(page).toHaveURL(/node=n00003/);
    await expect(chosen(page)).toContainText('Agent 3');
    await expect(chosen(page).getByRole('listitem').first()).toContainText('started by');
    await expect(drawing(page).locator('.place[data-chosen] .name')).toHaveText('Agent 3');
    await chosen(page).getByRole('button', { name: 'Pin here' }).click();
    await expect(chosen(page).getByRole('button', { name: 'Unpin' })).toHaveAttribute('aria-pressed', 'true');
    const before = (await settled(page))['Agent 3'];
    await map(page).focus();
    await page.keyboard.press('Shift+ArrowRight');
    await expect.poll(async () => (await spots(page))['Agent 3']).not.toBe(before);
    const moved = (await settled(page))['Agent 3'];
    await page.reload();
    await expect.poll(async () => (await spots(page))['Agent 3']).toBe(moved);
    await chosen(page).getByRole('button', { name: 'Unpin' }).click();
    await expect.poll(async () => (await spots(page))['Agent 3']).toBe(before);
    await map(page).focus();
    await page.keyboard.press('Escape');
    await expect(chosen(page)).toHaveCount(0);
    await expect(page).toHaveURL(/\/topology$/);
  });

  test('is dragged, and a click chooses', async ({ page, deck }) => {
    await deck.send(hierarchy(12));
    await openLive(page, '/topology');
    const before = await settled(page);
    const middle = async (name: string): Promise<[number, number]> => {
      const box = await drawing(page).locator('.place', { hasText: new RegExp(`^${name},`) }).locator('circle').boundingBox();
      expect(box).not.toBeNull();
      return [box!.x + box!.width / 2, box!.y + box!.height / 2];
    };
    const [x, y] = await middle('Agent 9');
    await page.mouse.click(x, y);
    await expect(chosen(page)).toContainText('Agent 9');
    await expect(page, 'the link itself is for other ways of opening').toHaveURL(/\/topology\?node=n00009$/);
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 60, y + 40, { steps: 4 });
    await page.mouse.up();
    await expect(chosen(page).getByRole('button', { name: 'Unpin' })).toBeVisible();
    const after = await settled(page);
    expect(after['Agent 9']).not.toBe(before['Agent 9']);
    expect(after['Agent 1'], 'nobody else moves').toBe(before['Agent 1']);
  });

  test('dims what a search does not find, and lists what it does', async ({ page, deck }) => {
    await deck.send([registered('ada', 'Ada', { agent_type: 'coder' }), registered('bob', 'Bob', { agent_type: 'writer' })]);
    await openLive(page, '/topology');
    await page.getByRole('searchbox', { name: 'Find a node' }).fill('coder');
    await expect(page).toHaveURL(/q=coder/);
    await expect(drawing(page).locator('.place.dim .name')).toHaveText(['Bob']);
    await expect(nodes(page).getByRole('link')).toHaveText(['Ada']);
    await page.reload();
    await expect(drawing(page).locator('.place.dim .name')).toHaveText(['Bob']);
    await page.getByRole('searchbox', { name: 'Find a node' }).fill('nobody');
    await expect(page.getByText('No node has these words.')).toBeVisible();
    await page.getByRole('link', { name: 'Show all' }).click();
    await expect(nodes(page).getByRole('link')).toHaveCount(2);
  });

  test('of two hundred is a canvas, with the same nodes as a list', async ({ page, deck }) => {
    await sendAll(deck, hierarchy(199));
    await openLive(page, '/topology');
    await expect(drawing(page).locator('.place')).toHaveCount(199);
    await deck.send(registered('zz', 'The last', { parent: 'n00000' }));
    await expect(page.locator('canvas#map-drawing')).toBeVisible();
    await expect.poll(() => painted(page)).toBe(true);
    await expect(nodes(page).getByRole('listitem').first()).toHaveAttribute('aria-setsize', '200');
    expect(await nodes(page).getByRole('listitem').count()).toBeLessThan(60);
    await page.getByRole('searchbox', { name: 'Find a node' }).fill('the last');
    await nodes(page).getByRole('button', { name: 'Show The last on the map' }).click();
    await expect(chosen(page)).toContainText('The last');
    await expectAccessible(page);
  });

  test.describe('where motion is not wanted', () => {
    test.use({ contextOptions: { reducedMotion: 'reduce' } });

    test('is at its place at once', async ({ page, deck }) => {
      await deck.send([registered('a', 'A'), registered('b', 'B', { parent: 'a' })]);
      await openLive(page, '/topology');
      await settled(page);
      // Every place that C is ever drawn at.
      await drawing(page).evaluate((svg) => {
        const seen = new Set<string>();
        (window as unknown as { seen: Set<string> }).seen = seen;
        new MutationObserver(() => {
          for (const place of svg.querySelectorAll('.place')) {
            if (place.querySelector('.name')?.textContent === 'C') {
              seen.add(place.getAttribute('transform') ?? '');
            }
          }
        }).observe(svg, { subtree: true, childList: true, attributes: true });
      });
      await deck.send(registered('c', 'C', { parent: 'a' }));
      await expect(drawing(page).locator('.place')).toHaveCount(3);
      await settled(page);
      expect(await page.evaluate(() => (window as unknown as { seen: Set<string> }).seen.size)).toBe(1);
    });
  });

  test('of a thousand agents is drawn within a frame', async ({ page, deck }) => {
    test.slow();
    await page.addInitScript(() => {
      const drawn = { frames: 0 };
      (window as unknown as { drawn: typeof drawn }).drawn = drawn;
      const ask = window.requestAnimationFrame.bind(window);
      window.requestAnimationFrame = (run) =>
        ask((time) => {
          drawn.frames += 1;
          run(time);
        });
    });
    await sendAll(deck, hierarchy(1_000));
    await openLive(page, '/topology');
    await expect.poll(() => painted(page)).toBe(true);
    await map(page).focus();
    // The main thread's own time: what else runs on the machine is not counted.
    const browser = await page.context().newCDPSession(page);
    await browser.send('Performance.enable', { timeDomain: 'threadTicks' });
    const busy = async (): Promise<number> => {
      const { metrics } = await browser.send('Performance.getMetrics');
      return 1_000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN);
    };
    const frames = (): Promise<number> => page.evaluate(() => (window as unknown as { drawn: { frames: number } }).drawn.frames);
    const [framesBefore, busyBefore] = [await frames(), await busy()];
    for (const key of ['+', '+', '+', 'ArrowLeft', 'ArrowUp', 'ArrowRight', '+', '+', 'ArrowDown', '-', '-', '0']) {
      const before = await frames();
      await page.keyboard.press(key);
      // The way to the next view is drawn frame by frame.
      await page.waitForFunction((before) => (window as unknown as { drawn: { frames: number } }).drawn.frames > before + 2, before);
    }
    const [many, ms] = [(await frames()) - framesBefore, (await busy()) - busyBefore];
    const figure = `1,000 agents: ${(ms / many).toFixed(1)} ms of the main thread a frame, over ${many} frames`;
    test.info().annotations.push({ type: 'measured', description: figure });
    console.log(figure);
    expect(ms / many).toBeLessThan(60);
  });

  test('of ten thousand agents does not hold the page up', async ({ page, deck }) => {
    test.slow();
    await openLive(page, '/topology');
    await page.evaluate(() => {
      const longest = { ms: 0 };
      (window as unknown as { longest: { ms: number } }).longest = longest;
      new PerformanceObserver((list) => {
        for (const task of list.getEntries()) {
          longest.ms = Math.max(longest.ms, task.duration);
        }
      }).observe({ entryTypes: ['longtask'] });
    });
    await sendAll(deck, hierarchy(10_000));
    await expectNewest(page, 10_000);
    await expect.poll(() => painted(page)).toBe(true);
    await expect(page.getByText(/more are neither drawn nor listed/)).toBeVisible();
    await page.getByRole('searchbox', { name: 'Find a node' }).fill('Agent 5500');
    await expect(nodes(page).getByRole('link')).toHaveText(['Agent 5500']);
    const longest = await page.evaluate(() => (window as unknown as { longest: { ms: number } }).longest.ms);
    test.info().annotations.push({ type: 'measured', description: `longest task with 10,000 agents: ${longest} ms` });
    console.log(`longest task with 10,000 agents: ${longest} ms`);
    expect(longest).toBeLessThan(1_500);
  });
});

test.describe('messages', () => {
  const sent = (id: string, from: string, to: string, content: string, more: Record<string, unknown> = {}): Draft =>
    message('sent', id, { from, to, message_type: 'query', content, size: content.length, ...more });

  test('of two agents are a conversation, older ones from the log', async ({ page, deck }) => {
    await deck.send([sent('first', 'ada', 'bob', 'The first of all')]);
    await deck.send(Array.from({ length: 300 }, (_, n) => sent(`x${n}`, 'cy', 'dee', `Noise ${n}`)));
    await deck.send([sent('m1', 'ada', 'bob', 'Does it run?'), sent('m2', 'bob', 'ada', 'It does'), sent('m3', 'ada', 'cy', 'Other')]);
    await openLive(page, '/messages');
    await page.getByRole('list', { name: 'Conversations' }).getByRole('link', { name: /ada ⇄ bob/ }).click();
    await expect(page).toHaveURL('/messages?agent=ada&with=bob');
    await expect(messages(page)).toHaveCount(2);
    await expect(messages(page).first()).toHaveClass('theirs');
    await expect(messages(page).nth(1)).toHaveClass('mine');
    await page.getByRole('button', { name: 'Load older messages' }).click();
    await expect(messages(page)).toHaveCount(3);
    await expect(messages(page).last()).toContainText('The first of all');
    await expect(page.getByText('That is the beginning of what is kept.')).toBeVisible();
    await deck.send(sent('m4', 'bob', 'ada', 'Still'));
    await expect(messages(page)).toHaveCount(4);
    await expect(messages(page).first()).toContainText('Still');
  });

  test('are looked for further back, step by step', async ({ page, deck }) => {
    test.slow();
    await deck.send(sent('first', 'ada', 'bob', 'The first of all'));
    await sendAll(deck, Array.from({ length: 20_500 }, (_, n) => sent(`x${n}`, 'cy', 'dee', 'Noise')));
    await openLive(page, '/messages?q=first');
    await expect(page.getByText('None of the newest messages is with “first”.')).toBeVisible();
    const older = page.getByRole('button', { name: 'Load older messages' });
    await older.click();
    await expect(page.getByText('None among the thousands of messages before these')).toBeVisible();
    await older.click();
    await expect(messages(page)).toHaveText([/The first of all/]);
    await expect(page.getByText('That is the beginning of what is kept.')).toBeVisible();
  });

  test('of an instant are those until then', async ({ page, deck }) => {
    await deck.send([sent('m1', 'ada', 'bob', 'One'), sent('m2', 'bob', 'ada', 'Two'), sent('m3', 'ada', 'cy', 'Three')]);
    await openLive(page, '/messages?agent=ada&at=2');
    await expect(messages(page)).toHaveCount(2);
    await page.getByRole('button', { name: 'Load older messages' }).click();
    await expect(page.getByText('That is the beginning of what is kept.')).toBeVisible();
    await expect(messages(page)).toHaveCount(2);
    await page.keyboard.press('l');
    await expect(messages(page)).toHaveCount(3);
    await expect(messages(page).first()).toContainText('Three');
  });

  test('are narrowed by kind, words and exchange, in the address', async ({ page, deck }) => {
    await deck.send([
      sent('m1', 'ada', 'bob', 'Where is the well?', { correlation_id: 'c-1' }),
      sent('m2', 'bob', 'ada', 'Behind the barn', { correlation_id: 'c-1', message_type: 'response' }),
      sent('m3', 'cy', 'bob', 'The well is dry', { message_type: 'error' }),
    ]);
    await openLive(page, '/messages');
    const narrow = page.getByRole('search', { name: 'Narrow the messages' });
    await narrow.getByRole('textbox', { name: 'Words' }).fill('WELL');
    await narrow.getByRole('button', { name: 'Narrow' }).click();
    await expect(messages(page)).toHaveCount(2);
    await narrow.getByRole('combobox', { name: 'Of kind' }).selectOption('error');
    await narrow.getByRole('button', { name: 'Narrow' }).click();
    await expect(page).toHaveURL('/messages?type=error&q=WELL');
    await expect(messages(page)).toHaveCount(1);
    await page.reload();
    await expect(messages(page)).toHaveCount(1);
    await expect(narrow.getByRole('combobox', { name: 'Of kind' })).toHaveValue('error');
    await page.getByRole('link', { name: 'show all' }).click();
    await messages(page).filter({ hasText: 'Behind the barn' }).getByRole('link', { name: /c-1/ }).click();
    await expect(page).toHaveURL('/messages?thread=c-1');
    await expect(messages(page)).toHaveCount(2);
    await openLive(page, '/messages?q=moon');
    await expect(page.getByText('None of the newest messages is with “moon”.')).toBeVisible();
    await page.getByRole('link', { name: 'Show all messages' }).click();
    await expect(messages(page)).toHaveCount(3);
  });

  test('are summed up by who talks to whom', async ({ page, deck }) => {
    const many = Array.from({ length: 20 }, (_, n) => sent(`m${n}`, `a${n}`, 'hub', 'x'));
    await deck.send([...many, sent('e', 'hub', 'a0', 'no', { message_type: 'error' }), sent('b', 'hub', '*', 'all')]);
    await openLive(page, '/messages');
    await expect(matrix(page)).toContainText('The 12 busiest agents; the other 9 are summed up.');
    await expect(matrix(page).getByRole('row')).toHaveCount(14);
    await page.setViewportSize({ width: 320, height: 640 });
    await expectNoSidewaysScroll(page);
    await page.setViewportSize({ width: 1280, height: 800 });
    await matrix(page).getByRole('link', { name: 'hub to a0: 1 messages, 2 B, 1 of them errors' }).click();
    await expect(page).toHaveURL('/messages?agent=hub&with=a0');
    await expect(messages(page)).toHaveCount(2);
  });

  test('are held while paused', async ({ page, deck }) => {
    await deck.send(sent('m1', 'ada', 'bob', 'One'));
    await openLive(page, '/messages');
    await page.getByRole('button', { name: 'Pause' }).click();
    await deck.send([sent('m2', 'ada', 'bob', 'Two'), sent('m3', 'ada', 'bob', 'Three')]);
    await expect(page.getByText('2 new in all, held')).toBeVisible();
    await expect(messages(page)).toHaveCount(1);
    await page.getByRole('button', { name: 'Resume' }).click();
    await expect(messages(page)).toHaveCount(3);
  });

  test('show what would not show, and the whole of what is long', async ({ page, deck }) => {
    const long = `${'x'.repeat(3_000)} the end`;
    await deck.send([sent('m1', 'ada', 'bob', 'rm \u202e-rf'), sent('m2', 'ada', 'bob', long)]);
    await openLive(page, '/messages');
    await expect(messages(page).last()).toContainText('rm ⟨U+202E⟩-rf');
    await expect(messages(page).first()).not.toContainText('the end');
    await messages(page).first().getByRole('button', { name: 'Show the whole message' }).click();
    await expect(messages(page).first()).toContainText('the end');
  });
});

test.describe('memory', () => {
  test('tells a key’s value and all it was before', async ({ page, deck }) => {
    test.slow();
    const put = async (value: unknown): Promise<void> => {
      const answer = await fetch(`${deck.url}/api/memory/notes/plan`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ value }),
      });
      expect(answer.ok).toBe(true);
    };
    await put('first');
    await put({ step: 'x'.repeat(900) });
    await openLive(page, '/memory');
    await page.getByRole('link', { name: 'plan', exact: true }).first().click();
    await expect(page).toHaveURL('/memory?space=notes&key=plan');
    const history = page.getByRole('list', { name: 'Writes, newest first' }).getByRole('listitem');
    await expect(history).toHaveCount(2);
    await expect(history.last()).toContainText('"first"');
    await expect(page.locator('.key > pre.value'), 'whole, not only the beginning').toContainText('x'.repeat(900));
    await put('third');
    await expect(history).toHaveCount(3);
    await expect(page.locator('.key > pre.value')).toHaveText('"third"');
    await page.reload();
    await expect(history).toHaveCount(3);
    await expectAccessible(page);
    await openLive(page, '/memory?space=notes&key=plan&at=2');
    await expect(page.locator('.key > pre.value'), 'as it was then').toContainText('x'.repeat(900));
    await expect(history).toHaveCount(2);
    await openLive(page, '/memory?space=notes&key=plan');
    await page.getByRole('region', { name: 'notes / plan' }).getByRole('button', { name: 'Delete' }).click();
    await expect(page.getByText('Nothing is kept under this key now')).toBeVisible();
    await expect(history.first()).toContainText('deleted');
  });

  test('narrows the keys of a namespace, in the address', async ({ page, deck }) => {
    await deck.send([
      memory('stored', 'notes', 'well', { value: 'deep' }),
      memory('stored', 'notes', 'barn', { value: 'red' }),
      memory('retrieved', 'notes', 'barn', { cache_hit: false, latency_ms: 8 }),
    ]);
    await openLive(page, '/memory?space=notes');
    const keys = page.getByRole('region', { name: /^notes/ }).getByRole('rowheader');
    await expect(keys).toHaveText(['barn', 'well']);
    await page.getByRole('textbox', { name: 'Find a key' }).fill('dee');
    await expect(keys).toHaveText(['well']);
    await expect(page).toHaveURL('/memory?space=notes&q=dee');
    await page.getByRole('textbox', { name: 'Find a key' }).fill('moon');
    await expect(page.getByText('No key here has these words.')).toBeVisible();
    const figures = page.getByRole('group', { name: 'Operations by kind' });
    await expect(figures.getByRole('row', { name: /^retrieve/ })).toContainText('8 ms');
    await expect(figures.getByRole('row', { name: /^retrieve/ })).toContainText('0 %');
    await expect(figures.getByRole('row', { name: /^store/ })).toContainText('100 %');
    await page.getByRole('link', { name: 'All namespaces' }).click();
    await expect(page).toHaveURL('/memory');
  });
});

for (const colorScheme of ['dark', 'light'] as const) {
  test.describe(`in ${colorScheme} colours`, () => {
    test.use({ colorScheme });

    test('what is chosen and narrowed is accessible, and fits a phone', async ({ page, deck }) => {
      test.slow();
      await deck.send([
        ...hierarchy(12),
        message('sent', 'm', { from: 'n00000', to: 'n00003', message_type: 'error', content: 'x', size: 1, correlation_id: 'c' }),
        memory('stored', 'notes', 'well', { value: { deep: true } }),
        memory('updated', 'notes', 'well', { value: { deep: false } }),
      ]);
      for (const path of [
        '/topology?node=n00003&q=agent',
        '/messages?agent=n00000&with=n00003',
        '/messages?q=nothing',
        '/memory?space=notes',
        '/memory?space=notes&key=well',
        '/memory?space=nowhere&key=nothing',
      ]) {
        await page.setViewportSize({ width: 1280, height: 800 });
        await openLive(page, path);
        await expectAccessible(page);
        await page.setViewportSize({ width: 320, height: 640 });
        await expectNoSidewaysScroll(page);
      }
    });
  });
}
