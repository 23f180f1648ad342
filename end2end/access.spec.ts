import { agent, asks, memory, provider, registered, selfcheck, session, swarm, ticks, trade } from './events';
import {
  PAGES,
  PATHS,
  REFUSED,
  SERVER_GONE,
  SHOWN,
  connection,
  expect,
  expectAccessible,
  expectFocusVisible,
  expectNewest,
  expectNoSidewaysScroll,
  navigation,
  openLive,
  openWhole,
  tabTo,
  test,
  titled,
  unfold,
} from './fixtures';

const NAMES = Object.values(PAGES);

/** What each page has folded in. */
const FOLDED: Record<string, string[]> = {
  '/tasks': ['Put up a task'],
  '/messages': ['Send one'],
  '/memory': ['Store a value'],
  '/sessions/s1': ['List', 'Read'],
  '/providers': ['Watch one', 'Checks'],
  '/trading': ['By hand', 'M1', 'M2'],
};

for (const colorScheme of ['dark', 'light'] as const) {
  test.describe(`in ${colorScheme} colours`, () => {
    test.use({ colorScheme, allowed: /404 \(Not Found\)/ });

    test('every page is accessible with data', async ({ page, deck }) => {
      test.slow();
      await deck.send(swarm());
      for (const path of PATHS) {
        await openLive(page, path);
        await expectAccessible(page, path);
      }
      await page.goto('/api/docs');
      await expectAccessible(page, '/api/docs');
    });

    test('every page is accessible without data', async ({ page }) => {
      test.slow();
      for (const path of PATHS) {
        await openLive(page, path);
        await expectAccessible(page, path);
      }
    });

    test('every page is accessible in the demo', async ({ page }) => {
      test.slow();
      await openLive(page);
      await page.getByRole('button', { name: 'Play the demo in this page only' }).click();
      for (const name of NAMES) {
        await navigation(page, name).click();
        await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
        await expectAccessible(page, name);
      }
      await navigation(page, 'Agents').click();
      await page.locator('tbody').getByRole('link').first().click();
      await expect(page.getByRole('heading', { name: 'Facts' })).toBeVisible();
      await expectAccessible(page, 'an agent');
    });

    test('what opens is accessible', async ({ page, deck }) => {
      test.setTimeout(240_000);
      await deck.send(swarm());
      await openLive(page, '/activity');
      await page.locator('main .feed > li').first().getByRole('button').click();
      await expect(page.locator('.pane .payload')).toContainText('staging');
      await page.getByRole('button', { name: 'Pause' }).click();
      await page.locator('details.connection summary').click();
      await expectAccessible(page, 'opened');
      for (const [path, names] of Object.entries(FOLDED)) {
        await openLive(page, path);
        for (const name of names) {
          await unfold(page, name);
        }
        await expectAccessible(page, `${path}, opened`);
      }
    });

    test.describe('where a service refuses', () => {
      test.use({ allowed: REFUSED });

      test('what it says is accessible', async ({ page }) => {
        await openLive(page, '/tasks');
        await unfold(page, 'Put up a task');
        await page.getByRole('button', { name: 'Put it up' }).click();
        await expect(page.getByRole('main').getByRole('status')).toContainText('description: empty');
        await expectAccessible(page, 'refused');
      });
    });

    test.describe('without a server', () => {
      test.use({ allowed: SERVER_GONE });

      test('old data is accessible', async ({ page, deck }) => {
        test.slow();
        await deck.send(swarm());
        await openWhole(page);
        await deck.kill();
        await expect(page.locator('.banner.away')).toBeVisible();
        for (const name of NAMES) {
          await navigation(page, name).click();
          await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
          await expectAccessible(page, name);
        }
        await deck.restart();
        await expect(page.locator('#returned')).toBeVisible({ timeout: 20_000 });
        await expectAccessible(page, 'returned');
      });
    });
  });
}

test.describe('with the keyboard alone', () => {
  test('the first Tab offers to skip to the content', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/agents');
    await page.keyboard.press('Tab');
    const skip = page.getByRole('link', { name: 'Skip to content' });
    await expect(skip).toBeFocused();
    await expect(skip).toBeInViewport();
    await expectFocusVisible(page);
    await page.keyboard.press('Enter');
    await expect(page.getByRole('main')).toBeFocused();
    await page.keyboard.press('Tab');
    await expect(page.getByRole('list', { name: 'By standing' }).getByRole('link').first()).toBeFocused();
  });

  test('Tab and Enter lead to every page, and the focus to its content', async ({ page, deck }) => {
    test.slow();
    await deck.send(swarm());
    await openLive(page);
    for (const name of [...NAMES.slice(1), 'Overview']) {
      await page.getByRole('link', { name: 'Skip to content' }).focus();
      await tabTo(page, ({ text, tag }) => tag === 'a' && text.startsWith(name));
      await page.keyboard.press('Enter');
      await expect(page).toHaveTitle(titled(name));
      await expect(page.getByRole('main')).toBeFocused();
    }
  });

  test('the feed is paused and an event opened', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/activity');
    await tabTo(page, ({ text }) => text.includes('Pause'));
    await page.keyboard.press('Enter');
    await expect(page.locator('#held')).toHaveText('0 new, held');
    await expect(page.getByRole('button', { name: 'Resume' })).toBeFocused();
    await page.keyboard.press('Space');
    await expect(page.locator('#held')).toBeHidden();
    await tabTo(page, ({ kind }) => kind === 'line');
    await page.keyboard.press('Enter');
    await expect(page.locator('.pane .payload')).toContainText('staging');
    await page.keyboard.press('Tab');
    await expect(page.getByRole('button', { name: 'Close the event' })).toBeFocused();
    await page.keyboard.press('Escape');
    await expect(page.locator('.pane')).toHaveCount(0);
    await expect(page.locator('main .feed > li').first().getByRole('button')).toBeFocused();
  });

  test('connection and settings are at hand', async ({ page }) => {
    await openLive(page);
    await tabTo(page, ({ tag }) => tag === 'summary');
    await page.keyboard.press('Enter');
    await expect(page.locator('#delay-p99')).toBeVisible();
    await tabTo(page, ({ kind }) => kind.startsWith('tool'));
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('dialog', { name: 'Settings' })).toBeVisible();
    await tabTo(page, ({ tag, kind }) => tag === 'input' || kind === 'theme');
    await page.keyboard.press('ArrowRight');
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  });

  test('every focus on every page is visible', async ({ page, deck }) => {
    test.slow();
    await deck.send(swarm());
    for (const path of SHOWN) {
      await openLive(page, path);
      await tabTo(page, ({ text, tag }) => tag === 'a' && text === 'Reference').catch(() => {
        throw new Error(`Tab does not lead through ${path}`);
      });
    }
  });
});

test('events that arrive neither take the focus nor close what is open', async ({ page, deck }) => {
  await deck.send([registered('ada', 'Ada'), ...ticks(10)]);
  await openLive(page, '/activity');
  const row = page.locator('main .feed > li[data-seq="6"]').getByRole('button');
  await row.focus();
  await row.press('Enter');
  await deck.send([...ticks(60, 11), agent('status_changed', 'ada', { status: 'busy' })]);
  await expectNewest(page, 72);
  await expect(row).toBeFocused();
  await expect(row).toHaveAttribute('aria-expanded', 'true');

  await navigation(page, 'Agents').click();
  const link = page.getByRole('link', { name: 'Ada' });
  await link.focus();
  await deck.send([agent('status_changed', 'ada', { status: 'error', reason: 'x' }), registered('zed', 'Zed')]);
  await expectNewest(page, 74);
  await expect(page.getByRole('row', { name: /Ada/ })).toContainText('failing');
  await expect(link).toBeFocused();
});

test.describe('at 320 pixels', () => {
  test.use({ viewport: { width: 320, height: 640 }, allowed: /404 \(Not Found\)/ });

  test('no page scrolls sideways', async ({ page, deck }) => {
    test.slow();
    await openLive(page);
    await expectNoSidewaysScroll(page);
    const long = 'unbroken'.repeat(14);
    await deck.send([
      ...swarm(),
      registered(long, long, { parent: 'lead', host: long }),
      { type: 'task.created', entity: { kind: 'task', id: long }, payload: { description: long } },
      { type: 'task.started', entity: { kind: 'task', id: long }, payload: { agent: long } },
      { type: 'task.failed', entity: { kind: 'task', id: long }, payload: { error: long } },
      { type: 'message.sent', entity: { kind: 'message', id: long }, payload: { from: long, to: 'ada', message_type: 'task', content: long, size: 1 } },
      agent('status_changed', long, { status: 'error', reason: long }),
      memory('stored', long, long, { value: long }),
      provider('status_changed', long, { state: 'ERROR', endpoint: `http://${long}`, last_error: long }),
      selfcheck('failed', long, { error: long, checks: [{ name: long }] }),
      session('started', long, { title: long, agent: long, permission_mode: 'ask' }),
      session('prompted', long, { text: long, by: long }),
      session('text_delta', long, { delta: long }),
      session('tool_started', long, { tool_use_id: long, tool_name: long, input: { [long]: long } }),
      session('tool_finished', long, { tool_use_id: long, tool_name: long, result: long, is_error: true }),
      asks(long, long, long, { tool_name: long, description: long }),
      trade('decided', long, { mint: long, decision: { should_trade: true, reasons: [long] } }),
      trade('executed', long, { mint: long, side: 'BUY', signature: long, amount: 2, reason: long }),
    ]);
    for (const path of [...PATHS, `/agents/${long}`, `/sessions/${long}`, '/api/docs']) {
      await page.goto(path);
      if (path !== '/api/docs') {
        await expect(connection(page)).toHaveText('Live');
      }
      await expectNoSidewaysScroll(page);
    }
    await openLive(page, '/activity');
    await page.locator('details.connection summary').click();
    await page.locator('main .feed > li').first().getByRole('button').click();
    await expect(page.locator('.pane .payload')).toContainText(long);
    await expectNoSidewaysScroll(page);
    for (const [path, names] of Object.entries({ ...FOLDED, [`/sessions/${long}`]: [long], '/trading': ['By hand', long] })) {
      await openLive(page, path);
      for (const name of path === '/providers' ? ['Watch one'] : names) {
        await unfold(page, name);
      }
      await expectNoSidewaysScroll(page);
    }
  });
});

test.describe('with reduced motion', () => {
  test.use({ contextOptions: { reducedMotion: 'reduce' } });

  test('nothing is animated', async ({ page, deck }) => {
    await deck.send(swarm());
    for (const path of SHOWN) {
      await openLive(page, path);
      await deck.send(ticks(3));
      expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
    }
  });
});
