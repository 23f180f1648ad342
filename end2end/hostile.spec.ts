import { agent, asks, memory, message, provider, registered, selfcheck, session, task, topology, trade } from './events';
import { PAGES, expect, expectNewest, expectNoSidewaysScroll, navigation, openLive, test, titled } from './fixtures';

const IMAGE = '<img src=x onerror=alert(1)>';
const SCRIPT = '</title></script><script>alert(2)</script>';
const ID = `../a/b"c<d>'e&f?g#h%2F`;

const HOSTILE = [
  registered(ID, IMAGE, { agent_type: SCRIPT, host: '<!--', version: ']]>', capabilities: [IMAGE], endpoint: 'javascript:alert(3)' }),
  registered('b', SCRIPT, { parent: ID }),
  agent('status_changed', ID, { status: 'error', reason: IMAGE }),
  task('created', SCRIPT, { description: SCRIPT }),
  task('started', SCRIPT, { agent: ID, title: IMAGE }),
  task('progress', SCRIPT, { progress: 10, message: IMAGE }),
  message('sent', IMAGE, { from: ID, to: 'b', message_type: 'task', content: SCRIPT, size: 1 }),
  provider('status_changed', IMAGE, { state: 'ERROR', endpoint: '"><script>alert(4)</script>', last_error: IMAGE }),
  topology('mesh', [ID, 'b', SCRIPT], [[ID, 'b', 1]]),
  memory('stored', SCRIPT, IMAGE, { value: { [IMAGE]: SCRIPT } }),
  selfcheck('failed', IMAGE, { error: SCRIPT, checks: [IMAGE] }),
  trade('decided', IMAGE, { mint: IMAGE, decision: { should_trade: false, reasons: [SCRIPT] } }),
  trade('executed', IMAGE, { mint: IMAGE, side: 'BUY', signature: SCRIPT, amount: 1, reason: IMAGE }),
  session('started', 's', { title: SCRIPT, agent: ID, permission_mode: IMAGE }),
  session('prompted', 's', { text: IMAGE, by: SCRIPT }),
  session('text_delta', 's', { delta: IMAGE }),
  session('tool_started', 's', { tool_use_id: IMAGE, tool_name: SCRIPT, input: { [IMAGE]: SCRIPT } }),
  session('tool_finished', 's', { tool_use_id: IMAGE, tool_name: SCRIPT, result: IMAGE, is_error: true }),
  asks('s', IMAGE, `rm -rf x\u202e${IMAGE}`, { tool_name: IMAGE, description: SCRIPT }),
];

/** Elements that only an agent's text could have made. */
const FOREIGN = 'img, main script, iframe, a[href^="javascript" i], [onerror], script:not([type="application/json"]):text("alert(")';

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'in the living page' : 'in the rendered page', () => {
    test.use({ javaScriptEnabled });

    test('what agents say is text on every page', async ({ page, deck }) => {
      test.slow();
      await deck.send(HOSTILE);
      for (const path of [...Object.keys(PAGES).filter((path) => path !== '/connection'), `/agents/${encodeURIComponent(ID)}`, '/agents/b', '/sessions/s']) {
        await (javaScriptEnabled ? openLive(page, path) : page.goto(path));
        await expect(page.getByRole('main')).toContainText(/onerror=alert|script>alert/);
        await expect(page.locator(FOREIGN)).toHaveCount(0);
      }
    });

    test('an agent’s page is found by any id, and its title is text', async ({ page, deck }) => {
      await deck.send(HOSTILE);
      await page.goto('/agents');
      await page.getByRole('link', { name: IMAGE }).click();
      await expect(page.getByRole('heading', { level: 1 })).toHaveText(IMAGE);
      await expect(page.getByRole('region', { name: 'Facts' })).toContainText(ID);
      await expect(page).toHaveTitle(titled(ID));
      await page.reload();
      await expect(page.getByRole('heading', { level: 1 })).toHaveText(IMAGE);
    });

    test('what would not show of a command is made visible', async ({ page, deck }) => {
      await deck.send(HOSTILE);
      await page.goto('/');
      await expect(page.getByRole('region', { name: 'Needs attention' })).toContainText(`rm -rf x⟨U+202E⟩${IMAGE}`);
    });

    for (const id of ['%', '...', '+ +', 'ü🐝', 'x'.repeat(120)]) {
      test(`the agent ${id.slice(0, 12)} has a page`, async ({ page, deck }) => {
        await deck.send(registered(id, 'Odd one'));
        await page.goto('/agents');
        await page.getByRole('link', { name: 'Odd one' }).click();
        await expect(page.getByRole('heading', { level: 1 })).toHaveText('Odd one');
      });
    }
  });
}

test('what arrives live is text, in rows and in their payloads', async ({ page, deck }) => {
  await openLive(page, '/activity');
  await deck.send(HOSTILE);
  await expectNewest(page, HOSTILE.length);
  await page.locator('main .feed > li').last().getByRole('button').click();
  await expect(page.locator('.pane .payload')).toContainText(IMAGE);
  await expect(page.locator(FOREIGN)).toHaveCount(0);
  for (const name of Object.values(PAGES).filter((name) => !['Activity', 'Connection'].includes(name))) {
    await navigation(page, name).click();
    await expect(page.getByRole('main')).toContainText(/onerror=alert|script>alert/);
    await expect(page.locator(FOREIGN)).toHaveCount(0);
  }
});

test('a hostile filter in the address is text', async ({ page, deck }) => {
  await deck.send(HOSTILE);
  await page.goto(`/activity?q=${encodeURIComponent(`"><script>alert(5)</script>`)}`);
  await expect(page.getByRole('searchbox', { name: 'Filter' })).toHaveValue('"><script>alert(5)</script>');
  await expect(page.locator(FOREIGN)).toHaveCount(0);
  await page.goto('/activity?q=%3Cscript&rows=all');
  await expect(page.locator(FOREIGN)).toHaveCount(0);
  await expect(page.getByRole('list', { name: 'Terms of the filter' })).toContainText('<script');
});

/** As much of one line without a place to break as an event may carry. */
const LONG = `begin ${'unbroken'.repeat(7_400)} end`;

/** A line of a megabyte, in the pieces in which an agent says it. */
const MEGABYTE = Array.from({ length: 18 }, (_, piece) => session('text_delta', 's', { delta: `${piece}${'unbroken'.repeat(7_400)}` }));

const LARGE = [
  registered('ada', 'Ada'),
  agent('status_changed', 'ada', { status: 'error', reason: LONG }),
  task('created', 'large', { description: LONG }),
  message('sent', 'm1', { from: 'ada', to: 'bob', message_type: 'task', content: LONG, size: LONG.length }),
  memory('stored', 'notes', 'large', { value: LONG }),
  session('started', 's', { title: 'Large', agent: 'ada', permission_mode: 'default' }),
  session('prompted', 's', { text: LONG, by: 'webui' }),
  session('tool_started', 's', { tool_use_id: 't', tool_name: 'Bash', input: { command: LONG } }),
  session('tool_finished', 's', { tool_use_id: 't', tool_name: 'Bash', result: LONG, is_error: false }),
  ...MEGABYTE,
  asks('s', 'r1', LONG),
];

test('lines of a megabyte stretch no page', async ({ page, deck }) => {
  test.slow();
  for (const event of LARGE) await deck.send([event]);
  for (const path of [...Object.keys(PAGES), '/agents/ada', '/sessions/s']) {
    await openLive(page, path);
    await expectNewest(page, LARGE.length);
    await expectNoSidewaysScroll(page);
    // Each stays one that one can get around in.
    await expect(navigation(page, 'Overview')).toBeVisible();
    await page.keyboard.press('?');
    await expect(page.getByRole('dialog')).toBeVisible({ timeout: 2_000 });
    await page.keyboard.press('Escape');
  }
});

test('what is larger than an event may be is refused in words', async ({ deck }) => {
  const event = task('created', 'huge', { description: 'x'.repeat(1 << 17) });
  const answer = await fetch(`${deck.url}/api/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([event]),
  });
  expect(answer.status).toBe(413);
  expect((await answer.json()).detail).toMatch(/^events\[0\]: \d+ bytes, over the limit of 65536$/);
});
