import { type Locator, type Page } from '@playwright/test';
import { type Draft, asks, registered, session } from './events';
import { REFUSED, expect, expectNoSidewaysScroll, navigation, openLive, press, tabTo, test } from './fixtures';

const NOTHING = 'Nothing waits for you.';

/** What waits, each with its answers. */
const requests = (page: Page): Locator =>
  page.getByRole('main').getByRole('listitem').filter({ has: page.getByRole('button', { name: 'Deny' }) });
const request = (page: Page, words: string): Locator => requests(page).filter({ hasText: words });
const answer = (request: Locator, name: string): Locator => request.getByRole('button', { name, exact: true });

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
    // The other page hears nothing more until it is let.
    let hears = true;
    let hear = () => {};
    await other.routeWebSocket(/\/ws\/events/, (socket) => {
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
    await expect(page.getByText(NOTHING)).toBeVisible();
    await answer(requests(other), 'Deny').click();
    await expect(requests(other).getByRole('status')).toContainText('request r1 is already decided by webui: allowed');
    hear();
    await expect(other.getByText(NOTHING)).toBeVisible();
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
