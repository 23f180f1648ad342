import { type Locator, type Page } from '@playwright/test';
import { asks, registered, session } from './events';
import { REFUSED, arrives, expect, navigation, openLive, press, test, unfold } from './fixtures';

const transcript = (page: Page): Locator => page.getByRole('list', { name: 'Transcript' });
const field = (page: Page, name: string): Locator => page.getByRole('textbox', { name, exact: true });
const button = (page: Page, name: string): Locator => page.getByRole('main').getByRole('button', { name, exact: true });
/** The word for where the session stands, beside its title. */
const standing = (page: Page, word: string): Locator => page.getByRole('main').locator('.page-head').getByText(word, { exact: true });

const ASKED = 'rm -r old-build';
const END = 'That is the whole tour. 🐝';

/** Starts a session with the tour; the page goes to it. */
async function tour(page: Page, message: string, javaScriptEnabled = true): Promise<void> {
  await (javaScriptEnabled ? openLive(page, '/sessions') : page.goto('/sessions'));
  await field(page, 'Title').fill('Look around');
  await page.getByRole('combobox', { name: 'Driver' }).selectOption('tour');
  await page.getByRole('combobox', { name: 'Permission' }).selectOption('ask');
  await field(page, 'First message').fill(message);
  await press(page, button(page, 'Start'), javaScriptEnabled);
  await expect(page).toHaveURL(/\/sessions\/ses_[0-9a-f]{16}$/);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Look around');
}

/** Allows what a person is asked twice about: the second press counts once it cannot be the first's. */
async function allowSurely(request: Locator, once: string, sure: string): Promise<void> {
  await request.getByRole('button', { name: once, exact: true }).click();
  const button = request.getByRole('button', { name: sure, exact: true });
  await expect(async () => {
    await button.click({ timeout: 1_000 });
    await expect(button).toHaveCount(0, { timeout: 300 });
  }).toPass();
}

async function say(page: Page, message: string): Promise<void> {
  await field(page, 'Message').fill(message);
  await button(page, 'Send').click();
}

/** From now on: how long the first text that begins so was, each time that it changed. */
async function watchGrowth(page: Page, beginning: string): Promise<() => Promise<number[]>> {
  await page.evaluate((beginning) => {
    const lengths: number[] = [];
    Object.assign(window, { lengths });
    const look = () => {
      const said = [...document.querySelectorAll('main ol li')].find((it) => it.textContent?.startsWith(beginning));
      const length = said?.textContent?.length ?? 0;
      if (length > (lengths.at(-1) ?? 0)) {
        lengths.push(length);
      }
    };
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
  }, beginning);
  return () => page.evaluate(() => (window as unknown as { lengths: number[] }).lengths);
}

test('a session streams, asks, and goes on as it is answered', async ({ page }) => {
  await openLive(page, '/sessions');
  const growth = await watchGrowth(page, 'Hello.');
  // The page is not loaded anew, so that what watches it stays.
  await field(page, 'Title').fill('Look around');
  await field(page, 'First message').fill('Show me');
  await button(page, 'Start').click();
  await expect(page).toHaveURL(/\/sessions\/ses_/);
  await expect(page).toHaveTitle(/^(\(\d+\) )?ses_.* · Swarmdeck$/);
  await expect(transcript(page).getByRole('listitem').first()).toContainText('Show me');
  await expect(transcript(page)).toContainText('that needs no permission.');
  expect((await growth()).length, 'it comes piece by piece').toBeGreaterThanOrEqual(3);

  const tool = transcript(page).locator('summary', { hasText: 'List files' });
  await expect(tool).toContainText('✓');
  await tool.click();
  await expect(transcript(page)).toContainText('README.md');

  const request = page.getByRole('listitem').filter({ has: page.getByRole('button', { name: 'Deny' }) });
  await expect(request).toContainText(ASKED);
  await expect(request).toContainText(/lapses in \d+ (s|m)/);
  await expect(navigation(page, 'Approvals')).toContainText('1 waiting for you');
  await expect(standing(page, 'running')).toBeVisible();
  await allowSurely(request, 'Allow once', 'Really allow once');
  await expect(transcript(page)).toContainText('allowed by webui');
  await expect(request).toHaveCount(0);
  await expect(transcript(page)).toContainText(`You allowed it, so I went on. ${END}`);
  await expect(standing(page, 'completed')).toBeVisible();
  await expect(button(page, 'Abort')).toHaveCount(0);
  await unfold(page, 'Remove files');
  await expect(transcript(page)).toContainText('removed old-build');

  const shown = await transcript(page).getByRole('listitem').count();
  await page.reload();
  await expect(transcript(page).getByRole('listitem')).toHaveCount(shown);
  await expect(transcript(page)).toContainText(END);
});

test('what is denied is not done', async ({ page }) => {
  await tour(page, 'Show me');
  await button(page, 'Deny').click();
  await expect(transcript(page)).toContainText('denied by webui');
  await expect(transcript(page)).toContainText(`Nobody allowed it, so I left everything as it is. ${END}`);
  await expect(transcript(page)).not.toContainText('Remove files');
});

test('a second message begins a second turn, in which what is always allowed is not asked', async ({ page, deck }) => {
  test.slow();
  await tour(page, 'Show me');
  await allowSurely(page.getByRole('main'), 'Always in this session', 'Really allow always');
  await expect(transcript(page)).toContainText('always allowed by webui');
  await expect(standing(page, 'completed')).toBeVisible();
  await say(page, 'Once more');
  await expect(transcript(page).getByText('Once more', { exact: true })).toBeVisible();
  await expect(field(page, 'Message')).toHaveValue('');
  await expect(transcript(page)).toContainText('allowed by always-allow');
  await expect(transcript(page).getByText(END)).toHaveCount(2);
  await expect(standing(page, 'completed')).toBeVisible();
  const prompted = await deck.events('session.prompted');
  expect(prompted.map(({ payload }) => payload.text)).toEqual(['Show me', 'Once more']);
});

test('a turn is broken off, and another begins', async ({ page, deck }) => {
  await tour(page, 'Show me');
  await expect(transcript(page).getByText(/^Hello\./)).toBeVisible();
  await button(page, 'Abort').click();
  await expect(standing(page, 'aborted')).toBeVisible();
  await expect(standing(page, 'webui'), 'who did it').toBeVisible();
  await expect(button(page, 'Abort')).toHaveCount(0);
  expect((await deck.events('session.*')).map(({ type }) => type).slice(-2)).toEqual(['session.aborted', 'session.completed']);
  await say(page, 'From the beginning');
  await expect(standing(page, 'running')).toBeVisible();
  await expect(transcript(page).getByText(/^Hello\./)).toHaveCount(2);
  await expect(page.getByRole('main')).toContainText(ASKED);
  await button(page, 'Abort').click();
  await expect(standing(page, 'aborted')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Deny' }), 'nothing is asked any more').toHaveCount(0);
});

test('several sessions go on at once, and are listed with what they wait for', async ({ page }) => {
  await tour(page, 'One');
  await tour(page, 'Two');
  await navigation(page, 'Sessions').click();
  const listed = page.getByRole('listitem').filter({ hasText: 'Look around' });
  await expect(listed).toHaveCount(2);
  await expect(listed.filter({ hasText: '1 for you' })).toHaveCount(2);
  await expect(navigation(page, 'Approvals')).toContainText('2 waiting for you');
  await listed.last().getByRole('link').click();
  await expect(transcript(page)).toContainText('One');
  await button(page, 'Deny').click();
  await expect(transcript(page)).toContainText(END);
  await expect(navigation(page, 'Approvals')).toContainText('1 waiting for you');
  await navigation(page, 'Sessions').click();
  await expect(listed.first(), 'who is at work comes first').toContainText('running');
  await expect(listed.last()).toContainText('completed');
});

test.describe('what a session does not take', () => {
  test.use({ allowed: REFUSED });

  test('is told in the form, and what was typed stays', async ({ page }) => {
    await tour(page, 'Show me');
    const form = page.locator('form').filter({ has: page.getByRole('button', { name: 'Send', exact: true }) });
    await say(page, 'Quicker');
    await expect(form.getByRole('status')).toContainText('is at work: wait for its end, or abort it');
    await expect(field(page, 'Message')).toHaveValue('Quicker');
    await button(page, 'Abort').click();
    await expect(standing(page, 'aborted')).toBeVisible();
    await say(page, '  ');
    await expect(form.getByRole('status')).toContainText('message: empty');
    await say(page, 'Quicker');
    await expect(transcript(page).getByText('Quicker', { exact: true })).toBeVisible();
    await expect(form.getByRole('status')).toHaveCount(0);
  });
});

test('a session of another program is followed', async ({ page, deck }) => {
  await openLive(page, '/sessions/s1');
  await expect(page.getByText('No session of this id has been heard of.')).toBeVisible();
  await deck.send([registered('ada', 'Ada'), session('started', 's1', { title: 'Pair up', agent: 'ada', permission_mode: 'ask' })]);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Pair up');
  const said = transcript(page).getByRole('listitem');
  for (const [delta, whole] of [['One', 'One'], [' and two', 'One and two'], [' and three', 'One and two and three']]) {
    await deck.send(session('text_delta', 's1', { turn_id: 't', delta }));
    await expect(said).toHaveText(whole);
  }
  await deck.send(session('text_completed', 's1', { turn_id: 't', text: 'All three.', intermediate: false }));
  await expect(said).toHaveText('All three.');
  await deck.send(session('tool_started', 's1', { tool_use_id: 'u', tool_name: 'Read', input: { path: 'notes' } }));
  await expect(said.last()).toContainText('◌ Read');
  await deck.send(session('tool_finished', 's1', { tool_use_id: 'u', tool_name: 'Read', result: 'gone', is_error: true }));
  await expect(said.last()).toContainText('✕ Read');
  await deck.send(session('failed', 's1', { error: 'out of memory' }));
  await expect(standing(page, 'failed')).toBeVisible();
  await expect(standing(page, 'out of memory')).toBeVisible();
});

test('what a session says is text, with what would not show made visible', async ({ page, deck }) => {
  const hostile = 'x\u202e<img src=x onerror=alert(1)>';
  const shown = 'x⟨U+202E⟩<img src=x onerror=alert(1)>';
  await openLive(page, '/sessions/s1');
  await deck.send([
    session('started', 's1', { title: '<img src=x onerror=alert(2)>', permission_mode: 'ask' }),
    session('prompted', 's1', { text: `prompt ${hostile}`, by: 'me' }),
    session('text_delta', 's1', { delta: `text ${hostile}` }),
    session('tool_started', 's1', { tool_use_id: 'u', tool_name: 'Read', input: { path: hostile } }),
    session('tool_finished', 's1', { tool_use_id: 'u', tool_name: 'Read', result: `result ${hostile}`, is_error: false }),
    asks('s1', 'r1', `command ${hostile}`, { description: `why ${hostile}` }),
  ]);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('<img src=x onerror=alert(2)>');
  await unfold(page, 'Read');
  for (const beginning of ['prompt ', 'text ', '{"path":"', 'result ', 'command ']) {
    await expect(transcript(page)).toContainText(beginning + shown);
  }
  await expect(page.getByRole('main')).toContainText(`why ${shown}`);
  await expect(page.locator('img, main script, [onerror]')).toHaveCount(0);
  expect(await page.getByRole('main').textContent()).not.toContain('\u202e');
  await page.reload();
  await expect(transcript(page)).toContainText(`text ${shown}`);
  await expect(page.locator('img, main script, [onerror]')).toHaveCount(0);
});

test.describe('without a script', () => {
  test.use({ javaScriptEnabled: false });

  test('a session is started, answered, and written to', async ({ page }) => {
    test.slow();
    await tour(page, 'Show me', false);
    const address = page.url();
    await arrives(page, button(page, 'Allow once'), false);
    await press(page, button(page, 'Allow once'), false);
    await expect(page).toHaveURL(address);
    await arrives(page, transcript(page).getByText(`You allowed it, so I went on. ${END}`), false);
    await arrives(page, standing(page, 'completed'), false);
    await field(page, 'Message').fill('Once more');
    await press(page, button(page, 'Send'), false);
    await expect(page).toHaveURL(address);
    await expect(transcript(page)).toContainText('Once more');
    await press(page, button(page, 'Abort'), false);
    await expect(page).toHaveURL(address);
    await expect(standing(page, 'aborted')).toBeVisible();
  });
});

/** So many texts of a session that another program runs. */
function texts(many: number, first = 1, words = 'Line'): ReturnType<typeof session>[] {
  const one = (n: number) => session('text_completed', 's1', { turn_id: `t${n}`, text: `${words} ${n}`, intermediate: true });
  return Array.from({ length: many }, (_, index) => one(first + index));
}

test('the tail stays in view, unless one reads further up', async ({ page, deck }) => {
  await deck.send([session('started', 's1', { title: 'Long', permission_mode: 'ask' }), ...texts(60)]);
  await openLive(page, '/sessions/s1');
  const line = (n: number): Locator => transcript(page).getByText(`Line ${n}`, { exact: true });
  await expect(line(60)).toBeInViewport();
  await deck.send(texts(3, 61));
  await expect(line(63)).toBeInViewport();
  await expect(page.locator('.jump')).toHaveCount(0);
  await line(20).scrollIntoViewIfNeeded();
  await expect(page.locator('.jump')).toHaveText('▼ To the newest');
  const before = await line(20).boundingBox();
  await deck.send(texts(12, 64));
  await expect(page.locator('.jump')).toHaveText('▼ 12 new');
  expect((await line(20).boundingBox())?.y, 'what is read stays').toBeCloseTo(before?.y ?? 0, 0);
  await page.locator('.jump').click();
  await expect(line(75)).toBeInViewport();
  await expect(page.locator('.jump')).toHaveCount(0);
});

test('what is older than the page keeps is read from the log', async ({ page, deck }) => {
  await deck.send([session('started', 's1', { title: 'Long', permission_mode: 'ask' }), ...texts(90)]);
  await openLive(page, '/sessions/s1');
  await expect(transcript(page).getByRole('listitem')).toHaveCount(80);
  await expect(page.getByText('10 earlier entries are in the log alone.')).toBeVisible();
  await button(page, 'Read them').click();
  const earlier = page.getByRole('list', { name: 'Earlier entries' }).getByRole('listitem');
  await expect(earlier).toHaveCount(10);
  await expect(earlier.first()).toHaveText('Line 1');
  await expect(earlier.last()).toHaveText('Line 10');
  await button(page, 'Later').click();
  await expect(earlier).toHaveCount(0);
});

test('a long answer is folded, JSON is laid out, and turns tell how long they took', async ({ page, deck }) => {
  const ts = (seconds: number) => new Date(Date.now() - 3_600_000 + seconds * 1_000).toISOString();
  const at = (seconds: number, event: ReturnType<typeof session>) => ({ ...event, ts: ts(seconds) });
  await deck.send([
    at(0, session('started', 's1', { title: 'Timed', permission_mode: 'ask' })),
    at(1, session('prompted', 's1', { text: 'Go', by: 'me' })),
    at(2, session('tool_started', 's1', { tool_use_id: 'u', tool_name: 'Read', input: { path: 'a', lines: [1, 2] } })),
    at(4, session('tool_finished', 's1', { tool_use_id: 'u', tool_name: 'Read', result: 'line\n'.repeat(40), is_error: false })),
    at(5, session('tool_started', 's1', { tool_use_id: 'v', tool_name: 'Stat', input: {} })),
    at(6, session('tool_finished', 's1', { tool_use_id: 'v', tool_name: 'Stat', result: 'short', is_error: false })),
    at(8, session('completed', 's1', {})),
  ]);
  await openLive(page, '/sessions/s1');
  const said = transcript(page).getByRole('listitem');
  await expect(said.first()).toContainText(/Turn 1.*by me.*took 7\.0 s/);
  await expect(said.nth(1).locator('details')).not.toHaveAttribute('open', /.*/);
  await expect(said.nth(1)).toContainText('2.0 s');
  await expect(said.nth(1).locator('pre').first()).toHaveText('{"lines": [1, 2], "path": "a"}');
  await expect(said.nth(2).locator('details')).toHaveAttribute('open', /.*/);
  await expect(page.locator('.session-facts')).toContainText('last turn 7.0 s');
});

test('the list is narrowed, and says who waits for what', async ({ page, deck }) => {
  await deck.send([
    registered('ada', 'Ada'),
    session('started', 's1', { title: 'Pair up', agent: 'ada', permission_mode: 'ask' }),
    asks('s1', 'r1', 'ls'),
    session('started', 's2', { title: 'Look around', permission_mode: 'ask' }),
    session('tool_started', 's2', { tool_use_id: 'u', tool_name: 'Read', input: {} }),
    session('started', 's3', { title: 'Gone', permission_mode: 'ask' }),
    session('failed', 's3', { error: 'out of memory' }),
  ]);
  await openLive(page, '/sessions');
  const listed = page.getByRole('list', { name: 'Sessions' }).getByRole('listitem');
  await expect(listed).toHaveText([/Pair up.*decide on Bash/, /Look around.*waits for Read/, /Gone.*failed: out of memory/]);
  await page.getByRole('link', { name: /^Failed or aborted/ }).click();
  await expect(listed).toHaveText([/Gone/]);
  await page.getByRole('link', { name: /^Completed/ }).click();
  await expect(page.getByText('No session fits.')).toBeVisible();
  await page.getByRole('link', { name: 'Show all' }).click();
  await expect(listed).toHaveCount(3);
  await page.getByRole('searchbox', { name: 'Find' }).fill('ada');
  await expect(listed).toHaveText([/Pair up/]);
  await page.getByRole('searchbox', { name: 'Find' }).fill('nothing such');
  await expect(page.getByText('No session fits.')).toBeVisible();
});
