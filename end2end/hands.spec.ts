// Palette, keys, settings, and what tells a person who looks elsewhere.

import { type Locator, type Page } from '@playwright/test';
import { asks, registered, session, swarm, task, ticks } from './events';
import {
  PAGES,
  connection,
  expect,
  expectAccessible,
  expectFocusVisible,
  expectNewest,
  expectNoSidewaysScroll,
  navigation,
  openLive,
  test,
} from './fixtures';

const palette = (page: Page): Locator => page.getByRole('dialog', { name: 'Find anything' });
const field = (page: Page): Locator => palette(page).getByRole('combobox', { name: 'Find' });
const options = (page: Page): Locator => palette(page).getByRole('option');
const settings = (page: Page): Locator => page.getByRole('dialog', { name: 'Settings' });
const keys = (page: Page): Locator => page.getByRole('dialog', { name: 'Keys' });
const told = (page: Page): Locator => page.locator('#told');

/** Opens a page, and waits until its tools are here. */
async function openReady(page: Page, path = '/'): Promise<void> {
  await openLive(page, path);
  await expect(told(page)).toBeAttached();
}

async function openPalette(page: Page): Promise<void> {
  await page.keyboard.press('Control+k');
  await expect(field(page)).toBeFocused();
}

async function openSettings(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Settings' }).click();
  await expect(settings(page)).toBeVisible();
}

async function set(page: Page, name: string, word: string): Promise<void> {
  await settings(page).getByRole('group', { name }).getByRole('radio', { name: word }).check();
}

test.describe('the palette', () => {
  test('finds what agents named, and opens it', async ({ page, deck }) => {
    await deck.send(swarm());
    await openReady(page);
    await openPalette(page);
    await page.keyboard.type('ada');
    await expect(options(page).first()).toContainText('Ada');
    await expect(options(page).first()).toContainText('Agent');
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL('/agents/ada');
    await expect(palette(page)).toHaveCount(0);
    await expect(page.getByRole('main')).toBeFocused();

    for (const [typed, kind, address] of [['pair up', 'Session', '/sessions/s1'], ['look it', 'Task', '/agents/bob'], ['trdg', 'Page', '/trading']]) {
      await openPalette(page);
      await page.keyboard.type(typed);
      await expect(options(page).first()).toContainText(kind);
      await page.keyboard.press('Enter');
      await expect(page).toHaveURL(address);
    }
  });

  test('is a combobox over a list', async ({ page, deck }) => {
    await deck.send(swarm());
    await openReady(page, '/agents');
    await openPalette(page);
    const marked = () => field(page).getAttribute('aria-activedescendant');
    const selected = palette(page).locator('[aria-selected="true"]');
    await expect(selected).toHaveCount(1);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await expect(selected).toHaveAttribute('id', (await marked()) ?? '');
    expect(await marked()).toBe('found-2');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    await expect(selected).toHaveAttribute('id', (await marked()) ?? '');
    await expect(selected, 'from the first to the last').not.toHaveAttribute('id', 'found-0');
    await expect(selected).toBeInViewport();
    await page.keyboard.type('zzzz');
    await expect(palette(page)).toContainText('Nothing is called so.');
    expect(await marked()).toBe('');
    await page.keyboard.press('Enter');
    await expect(palette(page), 'nothing is chosen').toBeVisible();
  });

  test('gives the focus back, and closes by what is around it', async ({ page, deck }) => {
    await deck.send(swarm());
    await openReady(page, '/agents');
    const link = page.getByRole('main').getByRole('link', { name: 'Ada' });
    await link.focus();
    await openPalette(page);
    await page.keyboard.press('Escape');
    await expect(palette(page)).toHaveCount(0);
    await expect(link).toBeFocused();
    await openPalette(page);
    await page.keyboard.press('Control+k');
    await expect(palette(page)).toHaveCount(0);
    // One right after the other: no press is lost.
    await page.keyboard.press('?');
    await expect(keys(page)).toBeVisible();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    await expect(field(page)).toBeFocused();
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
    // The focus may still be in what has closed, and that it has is told after the other is open.
    await openPalette(page);
    await page.evaluate(async () => {
      const closing = document.querySelector('dialog');
      const told = new Promise((done) => closing?.addEventListener('close', done, { once: true }));
      closing?.close();
      closing?.querySelector('input')?.dispatchEvent(new KeyboardEvent('keydown', { key: '?', bubbles: true, cancelable: true }));
      await told;
    });
    await expect(keys(page)).toBeVisible();
    await page.evaluate(() => new Promise(requestAnimationFrame));
    await expect(keys(page)).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
    await page.getByRole('button', { name: 'Find anything' }).click();
    await expect(field(page)).toBeFocused();
    await page.mouse.click(5, 400);
    await expect(palette(page)).toHaveCount(0);
  });

  test('does what it names', async ({ page, deck }) => {
    await openReady(page);
    await openPalette(page);
    await page.keyboard.type('theme light');
    await page.keyboard.press('Enter');
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
    await expect(told(page)).toHaveText('Theme: Light');
    await openPalette(page);
    await page.keyboard.type('play the demo');
    await page.keyboard.press('Enter');
    await expect(page.locator('.banner.made-up')).toContainText('Demo data.');
    await openPalette(page);
    await page.keyboard.type('end the demo');
    await page.keyboard.press('Enter');
    await expect(page.locator('.banner.made-up')).toHaveCount(0);
    expect(await deck.head()).toBe(0);
    await openPalette(page);
    await page.keyboard.type('settings');
    await page.keyboard.press('Enter');
    await expect(settings(page)).toBeVisible();
  });

  test('takes what an agent named as text, and shows no more than a window of it', async ({ page, deck }) => {
    await deck.send([
      registered('x', '<img src=x onerror=alert(1)>\u202e'),
      ...Array.from({ length: 300 }, (_, index) => registered(`crowd-${index}`)),
    ]);
    await openReady(page);
    await openPalette(page);
    await page.keyboard.type('onerror');
    await expect(options(page).first()).toContainText('<img src=x onerror=alert(1)>⟨U+202E⟩');
    await expect(palette(page).locator('img')).toHaveCount(0);
    await field(page).fill('crowd');
    await expect(options(page)).toHaveCount(60);
    await expect(palette(page)).toContainText('300 found; 240 more when you type on');
  });
});

test.describe('keys', () => {
  test('lead to every page', async ({ page, deck }) => {
    await deck.send(swarm());
    await openReady(page, '/agents');
    const heading = page.getByRole('heading', { level: 1 });
    for (const [place, name] of Object.values(PAGES).slice(0, 9).entries()) {
      await page.keyboard.press(String(place + 1));
      await expect(heading).toHaveText(name);
    }
    const letters = { o: 'Overview', a: 'Agents', t: 'Tasks', n: 'Topology', m: 'Messages', e: 'Memory', s: 'Sessions', i: 'Approvals', p: 'Providers', r: 'Trading', f: 'Activity' };
    for (const [letter, name] of Object.entries(letters)) {
      await page.keyboard.press('g');
      await page.keyboard.press(letter);
      await expect(heading).toHaveText(name);
      await expect(page.getByRole('main')).toBeFocused();
    }
  });

  test('move through the rows, and Enter opens', async ({ page, deck }) => {
    await deck.send(swarm());
    await openReady(page, '/agents');
    const stop = (row: number) => page.locator('main tbody tr').nth(row).getByRole('link').first();
    await page.keyboard.press('j');
    await expect(stop(0)).toBeFocused();
    await page.keyboard.press('j');
    await expect(stop(1)).toBeFocused();
    await expectFocusVisible(page);
    await page.keyboard.press('k');
    await expect(stop(0)).toBeFocused();
    const to = await stop(0).getAttribute('href');
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(to ?? '');

    await navigation(page, 'Activity').click();
    await expect(page.locator('main .feed > li').first()).toBeVisible();
    await page.keyboard.press('j');
    await expect(page.locator('main .feed > li').first().getByRole('button')).toBeFocused();
    for (let row = 0; row < 30; row += 1) {
      await page.keyboard.press('j');
    }
    await expectFocusVisible(page);
  });

  test('are a text’s while one types', async ({ page, deck }) => {
    await deck.send(swarm());
    await openReady(page, '/activity');
    await page.keyboard.press('/');
    const filter = page.getByRole('searchbox', { name: 'Filter' });
    await expect(filter).toBeFocused();
    await page.keyboard.type('g1?.jkl 5');
    await expect(filter).toHaveValue('g1?.jkl 5');
    await expect(page).toHaveURL('/activity');
    await expect(keys(page)).toHaveCount(0);
    await openPalette(page);
    await page.keyboard.type('g1?.j');
    await expect(field(page)).toHaveValue('g1?.j');
  });

  test('are listed, each as it is on this page', async ({ page, deck }) => {
    await deck.send(swarm());
    await openReady(page, '/activity');
    await page.keyboard.press('?');
    await expect(keys(page)).toContainText('Find anything');
    await expect(keys(page)).toContainText('Approvals');
    const line = (name: string) => keys(page).locator('dl > div').filter({ hasText: name });
    await expect(line('Pause, and go on')).not.toContainText('not here');
    await page.keyboard.press('Escape');
    await page.keyboard.press('1');
    await page.keyboard.press('?');
    await expect(line('Pause, and go on')).toContainText('not here');
  });

  test('Space pauses where something pauses, and stays a button’s on one', async ({ page, deck }) => {
    await deck.send(swarm());
    await openReady(page, '/activity');
    await page.keyboard.press('Space');
    await expect(page.getByRole('button', { name: 'Resume' })).toBeVisible();
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: 'Pause' }).focus();
    await page.keyboard.press('Space');
    await expect(page.getByRole('button', { name: 'Resume' })).toBeVisible();
  });

  test('can be switched off, and Ctrl K stays', async ({ page, deck }) => {
    await deck.send(swarm());
    await openReady(page);
    await openSettings(page);
    await set(page, 'Single keys', 'Off');
    await page.keyboard.press('Escape');
    await page.keyboard.press('2');
    await page.keyboard.press('g');
    await page.keyboard.press('a');
    await page.keyboard.press('?');
    await openPalette(page);
    await expect(page).toHaveURL('/');
    await expect(keys(page)).toHaveCount(0);
    await page.keyboard.type('keys on');
    await page.keyboard.press('Enter');
    await expect(palette(page)).toHaveCount(0);
    await page.keyboard.press('2');
    await expect(page).toHaveURL('/agents');
  });

  test.describe('with a clipboard', () => {
    test.use({ permissions: ['clipboard-read', 'clipboard-write'] });

    test('a link to this instant is copied', async ({ page, deck }) => {
      await deck.send(swarm());
      await openReady(page, '/agents?status=idle');
      await page.keyboard.press('.');
      const seq = swarm().length;
      await expect(told(page)).toHaveText(`Copied: this page at event ${seq}.`);
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`${deck.url}/agents?status=idle&at=${seq}`);
    });
  });

  test('l leaves the past', async ({ page, deck }) => {
    await deck.send(swarm());
    await openReady(page, '/agents?status=idle&at=3');
    await page.keyboard.press('l');
    await expect(page).toHaveURL('/agents?status=idle');
  });
});

test.describe('settings', () => {
  test('take effect at once, and hold before the next page is drawn', async ({ page }) => {
    await openReady(page);
    const root = page.locator('html');
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await openSettings(page);
    const grounds = new Set<string>();
    for (const word of ['Dark', 'Light', 'High contrast']) {
      await set(page, 'Theme', word);
      grounds.add(await ground());
    }
    expect(grounds.size, 'three themes').toBe(3);
    const large = await root.evaluate((root) => parseFloat(getComputedStyle(root).fontSize));
    await set(page, 'Density', 'Compact');
    await expect(root).toHaveAttribute('data-density', 'compact');
    expect(await root.evaluate((root) => parseFloat(getComputedStyle(root).fontSize))).toBeLessThan(large);
    await page.keyboard.press('Escape');
    // The code is held back: what is set shows all the same.
    await page.route('**/pkg/*.wasm', () => {});
    await page.reload({ waitUntil: 'commit' });
    await expect(root).toHaveAttribute('data-theme', 'contrast');
    await expect(root).toHaveAttribute('data-density', 'compact');
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await page.reload();
    await expect(connection(page)).toHaveText('Live');
    await openSettings(page);
    await set(page, 'Theme', 'System');
    await expect(root).not.toHaveAttribute('data-theme');
  });

  test('reach another tab', async ({ page, context }) => {
    await openReady(page);
    const other = await context.newPage();
    await openReady(other);
    await openSettings(page);
    await set(page, 'Theme', 'Light');
    await expect(other.locator('html')).toHaveAttribute('data-theme', 'light');
  });

  test('still what moves, over the system’s own', async ({ page }) => {
    await openReady(page);
    const moves = () => page.locator('main').evaluate((main) => getComputedStyle(main).transitionDuration !== '0s');
    expect(await moves()).toBe(true);
    await openSettings(page);
    await set(page, 'Motion', 'Reduced');
    expect(await moves()).toBe(false);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await set(page, 'Motion', 'Full');
    expect(await moves()).toBe(true);
    await set(page, 'Motion', 'System');
    expect(await moves()).toBe(false);
  });
});

test.describe('a reader', () => {
  test.use({ locale: 'de-DE', timezoneId: 'Asia/Tokyo' });

  test('sees numbers and times as at home, and UTC where that is set', async ({ page, deck }) => {
    await deck.send(ticks(1_233));
    await deck.send({ ...ticks(1)[0], ts: '2026-01-27T10:21:33Z' });
    await openReady(page, '/activity');
    await expect(page.locator('#newest')).toHaveText('1.234');
    const row = page.locator('main .feed > li').first().locator('time');
    await expect(row).toHaveText('19:21:33');
    await openSettings(page);
    await set(page, 'Times in', 'UTC');
    await expect(row).toHaveText('10:21:33');
  });
});

test.describe('who looks elsewhere', () => {
  const started = session('started', 's1', { title: 'Pair up', permission_mode: 'ask' });

  test('sees in the tab how many wait', async ({ page, deck }) => {
    const icon = () => page.locator('#favicon').getAttribute('href');
    await deck.send(started);
    await openReady(page);
    await expect(page).toHaveTitle('Overview · Swarmdeck');
    await expect.poll(icon).not.toContain('text');
    await deck.send([asks('s1', 'r1', 'rm -rf build'), asks('s1', 'r2', 'git push')]);
    await expect(page).toHaveTitle('(2) Overview · Swarmdeck');
    await expect.poll(async () => decodeURIComponent((await icon()) ?? '')).toContain('>2</text>');
    await navigation(page, 'Agents').click();
    await expect(page).toHaveTitle('(2) Agents · Swarmdeck');
    await deck.send(session('permission_decided', 's1', { request_id: 'r1', allowed: true, always_allow: false, by: 'me' }));
    await expect(page).toHaveTitle('(1) Agents · Swarmdeck');
  });

  test('sees that it is the demo, and is not called for it', async ({ page }) => {
    await openReady(page);
    await page.getByRole('button', { name: 'Play the demo in this page only' }).click();
    await expect(page).toHaveTitle('Demo: Overview · Swarmdeck');
    await expect.poll(async () => decodeURIComponent((await page.locator('#favicon').getAttribute('href')) ?? '')).toContain('dasharray');
    await expect(page.locator('#called')).toBeEmpty();
    await page.getByRole('button', { name: 'End the demo' }).click();
    await expect(page).toHaveTitle('Overview · Swarmdeck');
  });

  test('hears of a new request at once, and of the rest now and then', async ({ page, deck }) => {
    await deck.send([started, asks('s1', 'r1', 'rm -rf build')]);
    await openReady(page);
    const called = page.locator('#called');
    await expect(called).toHaveAttribute('aria-live', 'assertive');
    await deck.send([asks('s1', 'r2', 'git push', { tool_name: 'Git\u202e' }), ...ticks(11), registered('ada')]);
    await expect(called).toHaveText('Approval needed: Git⟨U+202E⟩ in Pair up.');
    await expect(page.locator('#summary')).toHaveText('13 events, 2 approvals wait');
    await deck.send(asks('s1', 'r3', 'one'));
    await deck.send([asks('s1', 'r4', 'two'), asks('s1', 'r5', 'three')]);
    await expectNewest(page, 18);
    await expect(called).toContainText('Approval needed: Bash in Pair up.');
  });

  test('is notified where that was switched on and allowed', async ({ page, deck }) => {
    await page.addInitScript(() => {
      const shown: string[] = [];
      class Told extends EventTarget {
        static permission = 'default';
        static async requestPermission() {
          return (Told.permission = 'granted');
        }
        constructor(title: string, options: NotificationOptions) {
          super();
          shown.push(`${title}: ${options.body}`);
        }
      }
      Object.assign(window, { Notification: Told, shown });
      document.hasFocus = () => false;
    });
    const shown = () => page.evaluate(() => (window as unknown as { shown: string[] }).shown);
    await deck.send(started);
    await openReady(page);
    await deck.send(asks('s1', 'r1', 'rm -rf build'));
    await expect(page.locator('#called')).not.toBeEmpty();
    expect(await shown(), 'it was not switched on').toEqual([]);
    await openSettings(page);
    await set(page, 'Notification when approval is asked', 'On');
    await deck.send(asks('s1', 'r2', 'git push'));
    await expect.poll(shown).toEqual(['Swarmdeck: Approval needed: Bash in Pair up.']);
  });

  test('is told where the browser does not allow it', async ({ page }) => {
    await page.addInitScript(() => {
      Object.assign(window, { Notification: { permission: 'denied', requestPermission: async () => 'denied' } });
    });
    await openReady(page);
    await openSettings(page);
    // It goes back by itself: what is checked for is the end.
    await settings(page).getByRole('group', { name: 'Notification' }).getByRole('radio', { name: 'On' }).click();
    await expect(told(page)).toContainText('this browser does not allow it');
    await expect(settings(page).getByRole('group', { name: 'Notification' }).getByRole('radio', { name: 'Off' })).toBeChecked();
  });
});

for (const theme of ['dark', 'light', 'contrast']) {
  test(`what opens is accessible in ${theme} colours`, async ({ page, deck }) => {
    test.slow();
    await deck.send([...swarm(), task('created', 'long', { description: 'unbroken'.repeat(20) })]);
    await page.addInitScript((theme) => localStorage.setItem('theme', theme), theme);
    await openReady(page);
    for (const width of [1_280, 320]) {
      await page.setViewportSize({ width, height: 720 });
      await expectNoSidewaysScroll(page);
      await openPalette(page);
      await expectAccessible(page, 'palette');
      await page.keyboard.type('unbr');
      await expect(options(page).first()).toContainText('unbroken');
      await expectNoSidewaysScroll(page);
      await page.keyboard.press('Escape');
      await page.keyboard.press('?');
      await expect(keys(page)).toBeVisible();
      await expectAccessible(page, 'keys');
      await expectNoSidewaysScroll(page);
      await page.keyboard.press('Escape');
      await openSettings(page);
      await expectAccessible(page, 'settings');
      await expectNoSidewaysScroll(page);
      await page.keyboard.press('Escape');
      await page.keyboard.press('.');
      await expectAccessible(page, 'told');
    }
    if (theme === 'contrast') {
      for (const name of Object.values(PAGES)) {
        await navigation(page, name).click();
        await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
        await expectAccessible(page, name);
      }
    }
  });
}
