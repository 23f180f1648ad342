import { type Locator, type Page } from '@playwright/test';
import { type Draft, asks, registered, session } from './events';
import { REFUSED, SERVER_GONE, apart, expect, expectNoSidewaysScroll, navigation, openLive, press, routeStream, tabTo, test } from './fixtures';

const NOTHING = 'Nothing waits for you.';

/** What waits, each with its answers. */
const requests = (page: Page): Locator =>
  page.getByRole('main').getByRole('listitem').filter({ has: page.getByRole('button', { name: 'Deny' }) });
/** The one whose command has these words; others may tell of it as what came before. */
const request = (page: Page, words: string): Locator =>
  requests(page).filter({ has: page.locator('pre').filter({ hasText: words }) });
/** What was answered while the page was open. */
const settled = (page: Page): Locator => page.locator('li.approval .settled');
const decisions = (page: Page): Locator => page.getByRole('region', { name: 'Decided' }).locator('.decisions > li');
const answer = (request: Locator, name: string): Locator => request.getByRole('button', { name, exact: true });

/** Opens the inbox, and waits until its keys do something. */
async function openKeyed(page: Page): Promise<void> {
  await openLive(page, '/approvals');
  await expect(page.locator('#told')).toBeAttached();
}

/** Allows what a person is asked twice about: the second press counts once it cannot be the first's. */
async function allowSurely(request: Locator, sure = 'Really allow once'): Promise<void> {
  const button = request.getByRole('button', { name: sure, exact: true });
  await expect(async () => {
    await button.click({ timeout: 1_000 });
    await expect(button).toHaveCount(0, { timeout: 300 });
  }).toPass();
}

function started(id: string, title: string): Draft {
  return session('started', id, { title, agent: 'ada', permission_mode: 'ask' });
}

test('a request appears with its whole command, and is counted wherever one is', async ({ page, deck }) => {
  await openLive(page, '/approvals');
  await expect(page.getByText(NOTHING)).toBeVisible();
  const long = `--only ${'unbroken'.repeat(40)} ${'several words '.repeat(40)}--force`;
  await deck.send([
    registered('ada', 'Ada'),
    started('s1', 'Pair up'),
    asks('s1', 'r1', `printf '\u0007'\r\nrm -rf \u202e~/work\u200b &&\n\trm ${long}`, { description: 'Clean up\u2066' }),
  ]);
  const card = request(page, 'rm -rf');
  await expect(card).toContainText('Bash');
  await expect(card).toContainText('Clean up⟨U+2066⟩');
  await expect(card).toContainText(/lapses in (59 m|1 h)/);
  await expect(card.getByRole('link', { name: 'Pair up' })).toHaveAttribute('href', '/sessions/s1');
  await expect(card.getByRole('link', { name: 'ada' })).toHaveAttribute('href', '/agents/ada');
  const command = card.locator('pre');
  const whole = `printf '⟨U+0007⟩'⟨U+000D⟩\nrm -rf ⟨U+202E⟩~/work⟨U+200B⟩ &&\n\trm ${long}`;
  expect((await command.innerText()).trimEnd(), 'line by line').toBe(whole);
  expect(await command.evaluate((it) => it.scrollWidth <= it.clientWidth), 'none of it is off to the side').toBe(true);
  await expect(navigation(page, 'Approvals')).toContainText('1 waiting for you');
  await page.reload();
  expect((await command.innerText()).trimEnd(), 'as the server renders it').toBe(whole);
  for (const name of ['Trading', 'Overview']) {
    await navigation(page, name).click();
    await expect(navigation(page, 'Approvals')).toContainText('1 waiting for you');
  }
});

test('the keyboard alone denies', async ({ page, deck }) => {
  await openLive(page, '/approvals');
  await deck.send([started('s1', 'Pair up'), asks('s1', 'r1', 'rm -rf build'), asks('s1', 'r2', 'git push')]);
  await expect(requests(page)).toHaveCount(2);
  const deny = async () => {
    await tabTo(page, ({ text, tag }) => tag === 'button' && text === 'Deny');
    await page.keyboard.press('Enter');
  };
  await deny();
  await expect(request(page, 'rm -rf build')).toHaveCount(0);
  await expect(request(page, 'git push')).toBeVisible();
  await expect(navigation(page, 'Approvals')).toContainText('1 waiting for you');
  await deny();
  await expect(page.getByText(NOTHING)).toBeVisible();
  await expect(navigation(page, 'Approvals')).not.toContainText('waiting for you');
  const decided = await deck.events('session.permission_decided');
  expect(decided.map(({ entity, payload }) => [entity?.id, payload.request_id, payload.allowed, payload.by])).toEqual([
    ['s1', 'r1', false, 'webui'],
    ['s1', 'r2', false, 'webui'],
  ]);
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'in the living page' : 'without a script', () => {
    test.use({ javaScriptEnabled });

    test('each answer is what it says, and the oldest request is asked first', async ({ page, deck }) => {
      await deck.send([
        started('s2', 'The second'),
        started('s1', 'The first'),
        asks('s2', 'r1', 'one'),
        asks('s1', 'r2', 'two'),
        asks('s2', 'r3', 'three'),
      ]);
      await (javaScriptEnabled ? openLive(page, '/approvals') : page.goto('/approvals'));
      await expect(requests(page).locator('pre')).toHaveText(['one', 'two', 'three']);
      await expect(navigation(page, 'Approvals')).toContainText('3 waiting for you');
      await press(page, answer(request(page, 'two'), 'Always in this session'), javaScriptEnabled);
      await expect(requests(page).locator('pre')).toHaveText(['one', 'three']);
      await press(page, answer(request(page, 'three'), 'Deny'), javaScriptEnabled);
      await expect(requests(page).locator('pre')).toHaveText(['one']);
      await press(page, answer(request(page, 'one'), 'Allow once'), javaScriptEnabled);
      await expect(page.getByText(NOTHING)).toBeVisible();
      await expect(page).toHaveURL('/approvals');
      const decided = await deck.events('session.permission_decided');
      expect(decided.map(({ entity, payload }) => [entity?.id, payload.request_id, payload.allowed, payload.always_allow])).toEqual([
        ['s1', 'r2', true, true],
        ['s2', 'r3', false, false],
        ['s2', 'r1', true, false],
      ]);
    });
  });
}

test('what is answered elsewhere, lapses or ends goes from an open page', async ({ page, deck }) => {
  await openLive(page, '/approvals');
  await deck.send([
    started('s1', 'Pair up'),
    started('s2', 'Alone'),
    asks('s1', 'r1', 'answered'),
    asks('s1', 'r2', 'lapsed'),
    asks('s2', 'r3', 'ended'),
    asks('s1', 'r4', 'stays'),
  ]);
  await expect(requests(page)).toHaveCount(4);
  await deck.post('/api/sessions/s1/permissions/r1', { allowed: true });
  await expect(request(page, 'answered')).toHaveCount(0);
  await deck.send(session('permission_expired', 's1', { request_id: 'r2' }));
  await expect(request(page, 'lapsed')).toHaveCount(0);
  await deck.send(session('completed', 's2'));
  await expect(request(page, 'ended')).toHaveCount(0);
  await expect(requests(page)).toHaveCount(1);
  await expect(request(page, 'stays')).toBeVisible();
  await expect(navigation(page, 'Approvals')).toContainText('1 waiting for you');
});

test('a request that arrives moves neither the focus nor what has it', async ({ page, deck }) => {
  await deck.send([started('s1', 'Pair up'), asks('s1', 'r1', 'first')]);
  await openLive(page, '/approvals');
  const allow = answer(request(page, 'first'), 'Allow once');
  await allow.focus();
  const before = await allow.boundingBox();
  await deck.send([asks('s1', 'r2', 'second'), asks('s1', 'r3', 'third')]);
  await expect(requests(page)).toHaveCount(3);
  await expect(allow).toBeFocused();
  expect(await allow.boundingBox(), 'nobody presses what was not there').toEqual(before);
});

test('requests of several sessions that are named alike are answered one by one', async ({ page, deck }) => {
  await deck.send([started('s1', 'The first'), started('s2', 'The second'), asks('s1', 'r1', 'one'), asks('s2', 'r1', 'two')]);
  await openLive(page, '/approvals');
  await answer(request(page, 'two'), 'Deny').click();
  await expect(request(page, 'two')).toHaveCount(0);
  await expect(request(page, 'one')).toBeVisible();
  expect((await deck.events('session.permission_decided')).map(({ entity }) => entity?.id)).toEqual(['s2']);
});

test('names cannot turn the direction of writing', async ({ page, deck }) => {
  await deck.send([started('s1', 'Fix\u202egnp.exe'), asks('s1', 'r1', 'ls', { tool_name: 'Read\u202e' })]);
  await openLive(page, '/approvals');
  await expect(requests(page)).toContainText('Read⟨U+202E⟩');
  await expect(requests(page)).toContainText('Fix⟨U+202E⟩gnp.exe');
  await openLive(page, '/sessions/s1');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Fix⟨U+202E⟩gnp.exe');
  expect(await page.getByRole('main').textContent()).not.toContain('\u202e');
});

test.describe('with two pages', () => {
  test.use({ allowed: REFUSED });

  test('the first answer counts, and the other is told so', async ({ page, context, deck }) => {
    await deck.send([started('s1', 'Pair up'), asks('s1', 'r1', 'rm -rf build')]);
    const other = await context.newPage();
    // The other page has a socket of its own, and hears nothing more until it is let.
    await apart(other);
    let hears = true;
    let hear = () => {};
    await routeStream(other, (socket) => {
      const missed: (string | Buffer)[] = [];
      socket.connectToServer().onMessage((frame) => (hears ? socket.send(frame) : missed.push(frame)));
      hear = () => {
        hears = true;
        missed.splice(0).forEach((frame) => socket.send(frame));
      };
    });
    await openLive(page, '/approvals');
    await openLive(other, '/approvals');
    hears = false;
    await answer(requests(page), 'Allow once').click();
    await allowSurely(requests(page));
    await expect(page.getByText(NOTHING)).toBeVisible();
    await answer(requests(other), 'Deny').click();
    await expect(requests(other).getByRole('status')).toContainText('request r1 is already decided by webui: allowed');
    hear();
    await expect(other.getByText(NOTHING)).toBeVisible();
    await expect(settled(other)).toContainText('allowed once elsewhere, by webui');
    await expect(settled(page)).toContainText('allowed once by you');
    const decided = await deck.events('session.permission_decided');
    expect(decided.map(({ payload }) => payload.allowed)).toEqual([true]);
  });
});

test.describe('at 390 pixels', () => {
  test.use({ viewport: { width: 390, height: 844 } });

  test('a request is read and answered', async ({ page, deck }) => {
    const long = 'unbroken'.repeat(14);
    await deck.send([
      registered('ada', 'Ada'),
      started('s1', `Pair up ${long}`),
      asks('s1', 'r1', `rm -rf ${long}`, { tool_name: long, description: long }),
    ]);
    await openLive(page, '/approvals');
    await expectNoSidewaysScroll(page);
    await expect(navigation(page, 'Approvals')).toContainText('1 waiting for you');
    const names = ['Allow once', 'Always in this session', 'Deny'];
    for (const name of names) {
      const box = await answer(requests(page), name).boundingBox();
      expect(box, name).not.toBeNull();
      expect(box!.x, name).toBeGreaterThanOrEqual(0);
      expect(box!.x + box!.width, name).toBeLessThanOrEqual(390);
      expect(box!.height, name).toBeGreaterThanOrEqual(24);
    }
    expect(await requests(page).locator('pre').evaluate((it) => it.scrollWidth <= it.clientWidth)).toBe(true);
    await answer(requests(page), 'Deny').click();
    await expect(page.getByText(NOTHING)).toBeVisible();
    await expectNoSidewaysScroll(page);
    expect((await deck.events('session.permission_decided'))[0].payload).toMatchObject({ request_id: 'r1', allowed: false });
  });
});

test('what is answered elsewhere says so, in its place', async ({ page, deck }) => {
  await deck.send([started('s1', 'Pair up'), asks('s1', 'r1', 'one'), asks('s1', 'r2', 'two'), asks('s1', 'r3', 'three')]);
  await openLive(page, '/approvals');
  await expect(requests(page)).toHaveCount(3);
  await deck.send(session('permission_decided', 's1', { request_id: 'r2', allowed: false, always_allow: false, by: 'anna', reason: 'not today' }));
  await deck.send(session('permission_expired', 's1', { request_id: 'r1' }));
  const cards = page.locator('li.approval');
  await expect(cards).toHaveCount(3);
  await expect(cards.nth(1)).toContainText('denied elsewhere, by anna');
  await expect(cards.nth(1)).toContainText('“not today”');
  await expect(cards.nth(1)).toContainText(/now|\d s/);
  await expect(cards.nth(0)).toContainText('lapsed');
  await expect(cards.nth(2).getByRole('button', { name: 'Deny' })).toBeVisible();
  await page.getByRole('button', { name: 'Clear 2 answered' }).click();
  await expect(cards).toHaveCount(1);
  await expect(requests(page)).toContainText('three');
  await expect(decisions(page)).toHaveCount(2);
  await expect(decisions(page).first()).toContainText('lapsed');
});

test('what could not be undone is asked about twice', async ({ page, deck }) => {
  await deck.send([started('s1', 'Pair up'), asks('s1', 'r1', 'rm -rf ~/work'), asks('s1', 'r2', 'ls')]);
  await openLive(page, '/approvals');
  const grave = request(page, 'rm -rf');
  await expect(grave.locator('.risk')).toHaveText([/may delete or overwrite/, /may write outside of its folder/]);
  await expect(request(page, 'ls').locator('.risk')).toHaveCount(0);
  await answer(grave, 'Allow once').click();
  await expect(grave.getByRole('alert')).toContainText('cannot be undone');
  await page.keyboard.press('Escape');
  await expect(answer(grave, 'Allow once')).toBeVisible();
  await answer(grave, 'Allow once').click();
  await allowSurely(grave);
  await expect(settled(page)).toContainText('allowed once by you');
  await answer(request(page, 'ls'), 'Allow once').click();
  await expect(page.getByText(NOTHING)).toBeVisible();
  expect((await deck.events('session.permission_decided')).map(({ payload }) => payload.request_id)).toEqual(['r1', 'r2']);
});

test('keys answer the request that has the focus, and no other', async ({ page, deck }) => {
  await deck.send([started('s1', 'Pair up'), asks('s1', 'r1', 'one'), asks('s1', 'r2', 'two'), asks('s1', 'r3', 'rm three')]);
  await openKeyed(page);
  await expect(requests(page)).toHaveCount(3);
  await page.locator('#main').focus();
  await page.keyboard.press('a');
  await page.keyboard.press('d');
  await tabTo(page, ({ tag, text }) => tag === 'li' && text.includes('two'));
  await page.keyboard.press('d');
  await expect(settled(page)).toContainText('denied by you');
  const first = page.locator('li.approval').first();
  await first.focus();
  await page.keyboard.press('a');
  await expect(settled(page).first()).toContainText('allowed once by you');
  await expect(first, 'the focus stays where it was').toBeFocused();
  const words = page.getByRole('textbox', { name: 'Words for the agent, if you deny' });
  await words.focus();
  await page.keyboard.type('a bad idea');
  await expect(words).toHaveValue('a bad idea');
  await page.locator('li.approval').last().focus();
  await page.keyboard.press('a');
  await expect(requests(page).getByRole('alert')).toContainText('cannot be undone');
  const decided = await deck.events('session.permission_decided');
  expect(decided.map(({ payload }) => [payload.request_id, payload.allowed])).toEqual([
    ['r2', false],
    ['r1', true],
  ]);
});

test('single keys can be turned off', async ({ page, deck }) => {
  await deck.send([started('s1', 'Pair up'), asks('s1', 'r1', 'one')]);
  await page.addInitScript(() => localStorage.setItem('keys', 'off'));
  await openKeyed(page);
  await page.locator('li.approval').focus();
  await page.keyboard.press('d');
  await page.keyboard.press('a');
  await answer(requests(page), 'Allow once').press('Enter');
  await expect(settled(page)).toContainText('allowed once by you');
  expect(await deck.events('session.permission_decided')).toHaveLength(1);
});

test('a letter after the leader goes to a page, and answers nothing', async ({ page, deck }) => {
  await deck.send([started('s1', 'Pair up'), asks('s1', 'r1', 'one')]);
  await openKeyed(page);
  await page.locator('li.approval').focus();
  await page.keyboard.press('g');
  await page.keyboard.press('a');
  await expect(page).toHaveURL('/agents');
  await expect(navigation(page, 'Approvals')).toContainText('1 waiting for you');
  expect(await deck.events('session.permission_decided')).toEqual([]);
});

test('the past shows what waited then, and takes no answer', async ({ page, deck }) => {
  await deck.send([started('s1', 'Pair up'), asks('s1', 'r1', 'one'), asks('s1', 'r2', 'two')]);
  const decided = { request_id: 'r1', allowed: true, always_allow: false, by: 'anna' };
  await deck.send([session('permission_decided', 's1', decided), session('permission_expired', 's1', { request_id: 'r2' })]);
  await openLive(page, '/approvals');
  await expect(page.getByText(NOTHING)).toBeVisible();
  await page.goto('/approvals?at=3');
  const cards = page.locator('li.approval');
  await expect(cards).toHaveCount(2);
  await expect(cards.first()).toContainText('This is the past: nothing can be answered here.');
  await expect(page.getByRole('button', { name: 'Deny' })).toHaveCount(0);
  await expect(page.getByText('Nobody was asked yet.')).toBeVisible();
  await page.getByRole('link', { name: 'Back to live' }).first().click();
  await expect(page.getByText(NOTHING)).toBeVisible();
  await expect(cards, 'what waited then is not in the inbox of now').toHaveCount(0);
  await expect(decisions(page)).toHaveCount(2);
});

test('a denial carries words, and the history keeps them', async ({ page, deck }) => {
  await deck.send([
    started('s1', 'Pair up'),
    session('prompted', 's1', { text: 'Tidy up', by: 'me' }),
    session('text_completed', 's1', { turn_id: 't', text: 'I look around first.', intermediate: true }),
    session('tool_started', 's1', { tool_use_id: 'u', tool_name: 'List', input: { path: '.' } }),
    session('tool_finished', 's1', { tool_use_id: 'u', tool_name: 'List', result: 'old', is_error: false }),
    asks('s1', 'r1', 'mv old new'),
  ]);
  await openLive(page, '/approvals');
  await expect(requests(page).locator('.why-now li')).toHaveText([/Tidy up/, /I look around first/, /List/]);
  await expect(page.getByText('Nobody was asked yet.')).toBeVisible();
  await requests(page).getByRole('textbox').fill('use git mv');
  await requests(page).getByRole('textbox').press('Enter');
  await expect(settled(page)).toContainText('denied by you');
  expect((await deck.events('session.permission_decided'))[0].payload).toMatchObject({ allowed: false, reason: 'use git mv' });
  await expect(decisions(page)).toContainText('“use git mv”');
  await expect(decisions(page).getByRole('link', { name: 'Pair up' })).toHaveAttribute('href', '/sessions/s1');
  await page.getByRole('link', { name: /^Allowed/ }).click();
  await expect(page).toHaveURL('/approvals?decided=allowed');
  await expect(page.getByText('None of the newest decisions is of this kind.')).toBeVisible();
  await page.getByRole('link', { name: 'Show all' }).click();
  await expect(decisions(page)).toHaveCount(1);
  await page.reload();
  await expect(decisions(page)).toContainText('denied by webui');
});

test('of very many requests those that wait longest are shown, and the rest is counted', async ({ page, deck }) => {
  const many = (id: string) => Array.from({ length: 24 }, (_, n) => asks(id, `r${n}`, `${id} number ${n}`));
  await deck.send([started('s1', 'One'), started('s2', 'Two'), ...many('s1'), ...many('s2')]);
  await openLive(page, '/approvals');
  await expect(requests(page)).toHaveCount(40);
  await expect(requests(page).last().locator('pre')).toHaveText('s2 number 15');
  await expect(page.getByText('8 more wait; they come up as these are answered.')).toBeVisible();
  await deck.send(session('completed', 's1'));
  await expect(page.getByText('more wait;')).toHaveCount(0);
  await expect(requests(page).locator('pre').last()).toHaveText('s2 number 23');
});

test('a request without a command shows what the tool would be called with', async ({ page, deck }) => {
  const expires_at = new Date(Date.now() + 30_000).toISOString();
  await deck.send([
    started('s1', 'Pair up'),
    session('permission_requested', 's1', { request_id: 'r1', tool_name: 'write_file', input: { path: '/etc/hosts\u202e' }, expires_at }),
  ]);
  await openLive(page, '/approvals');
  await expect(requests(page).locator('pre')).toHaveText('{"path": "/etc/hosts⟨U+202E⟩"}');
  await expect(requests(page).locator('.risk')).toHaveText([/outside of its folder/, /do not show/]);
  await expect(requests(page).locator('.lapse.soon')).toContainText(/lapses in \d+ s/);
});

test.describe('without the server', () => {
  test.use({ allowed: SERVER_GONE });

  test('the inbox says that an answer may not arrive', async ({ page, deck }) => {
    await deck.send([started('s1', 'Pair up'), asks('s1', 'r1', 'one')]);
    await openLive(page, '/approvals');
    await deck.kill();
    await expect(page.getByText('Not connected: what stands here may be answered already')).toBeVisible();
    await answer(requests(page), 'Deny').click();
    await expect(requests(page).getByRole('status')).not.toHaveText(['…']);
    await expect(requests(page)).toHaveCount(1);
    await deck.restart();
    await expect(page.getByText('Not connected')).toHaveCount(0);
  });
});
