import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type Locator, type Page } from '@playwright/test';
import { provider, registered, trade } from './events';
import { REFUSED, arrives, expect, openLive, press, test, unfold } from './fixtures';

const field = (page: Page, name: string): Locator => page.getByRole('main').getByRole('textbox', { name, exact: true });
const choice = (page: Page, name: string): Locator => page.getByRole('main').getByRole('combobox', { name, exact: true });
const button = (page: Page, name: string): Locator => page.getByRole('main').getByRole('button', { name, exact: true });
const column = (page: Page, state: string): Locator => page.getByRole('region', { name: state, exact: true });
const messages = (page: Page): Locator => page.getByRole('list', { name: 'Messages, newest first' }).getByRole('listitem');
/** The form that a button sends. */
const form = (page: Page, name: string): Locator =>
  page.locator('form').filter({ has: page.getByRole('button', { name, exact: true }) });
/** What the values of the shared memory are shown in. */
const values = (page: Page): Locator => page.getByRole('main').locator('code');

/** A service that answers everything with 200. */
async function listening(): Promise<Server> {
  const server = createServer((_, answer) => answer.end('ready')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function closed(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}

async function storeValue(page: Page, namespace: string, key: string, value: string, javaScriptEnabled = true): Promise<void> {
  await unfold(page, 'Store a value');
  await field(page, 'Namespace').fill(namespace);
  await field(page, 'Key').fill(key);
  await field(page, 'Value').fill(value);
  await press(page, button(page, 'Store'), javaScriptEnabled);
  if (javaScriptEnabled) {
    await expect(field(page, 'Value'), 'the form is ready for the next').toHaveValue('');
  }
}

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'in the living page' : 'without a script', () => {
    test.use({ javaScriptEnabled });

    const open = async (page: Page, path: string): Promise<void> => {
      await (javaScriptEnabled ? openLive(page, path) : page.goto(path));
    };
    const send = (page: Page, button: Locator): Promise<void> => press(page, button, javaScriptEnabled);

    test('a task is put up, called off, and put up again', async ({ page, deck }) => {
      await deck.send(registered('ada', 'Ada'));
      await open(page, '/tasks');
      await unfold(page, 'Put up a task');
      await field(page, 'What is to be done').fill('Index the documents');
      await field(page, 'For the agent').fill('ada');
      await field(page, 'Priority').fill('3');
      await send(page, button(page, 'Put it up'));
      await expect(page).toHaveURL('/tasks');
      const card = column(page, 'assigned').getByRole('listitem');
      await expect(card).toContainText('Index the documents');
      await expect(card.getByRole('link', { name: 'ada' })).toBeVisible();
      await send(page, card.getByRole('button', { name: 'Cancel' }));
      await expect(card).toHaveCount(0);
      await send(page, column(page, 'cancelled').getByRole('button', { name: 'Retry' }));
      await expect(column(page, 'pending').getByRole('listitem')).toContainText('Index the documents');
      await expect(page).toHaveURL('/tasks');
      const logged = await deck.events('task.*');
      expect(logged.map(({ type }) => type)).toEqual(['task.created', 'task.assigned', 'task.cancelled', 'task.retried']);
      expect(logged[0].payload).toMatchObject({ description: 'Index the documents', priority: 3 });
    });

    test('a message is sent, to one and to all', async ({ page, deck }) => {
      await deck.send([registered('ada', 'Ada'), registered('bob', 'Bob')]);
      await open(page, '/messages');
      await expect(page.getByText('No message yet.')).toBeVisible();
      await unfold(page, 'Send one');
      await field(page, 'From').fill('bob');
      await field(page, 'To').fill('ada');
      await choice(page, 'Kind').selectOption('query');
      await field(page, 'Content').fill('Does it run?');
      await send(page, button(page, 'Send'));
      await expect(page).toHaveURL('/messages');
      await expect(messages(page)).toHaveCount(1);
      for (const words of ['bob', 'ada', 'query', 'Does it run?']) {
        await expect(messages(page)).toContainText(words);
      }
      await unfold(page, 'Send one');
      await expect(field(page, 'Content'), 'the form is ready for the next').toHaveValue('');
      await field(page, 'To').fill('*');
      await choice(page, 'Kind').selectOption('broadcast');
      await field(page, 'Content').fill('It runs');
      await send(page, button(page, 'Send'));
      await expect(messages(page)).toHaveCount(2);
      await expect(messages(page).first()).toContainText('It runs');
      await expect(messages(page).first(), 'who is not named is the page').toContainText('webui');
      await expect(page.getByRole('region', { name: 'Who talks to whom' }).getByRole('row', { name: /bob to ada/ })).toBeVisible();
    });

    test('a value is stored, written anew, and deleted', async ({ page, deck }) => {
      await open(page, '/memory');
      await expect(page.getByText('Nothing is kept yet.')).toBeVisible();
      await storeValue(page, 'notes', 'plan', '{"step": "dig the well"}', javaScriptEnabled);
      await expect(page).toHaveURL('/memory');
      await expect(page.getByRole('heading', { name: /^notes/ })).toBeVisible();
      await expect(values(page)).toHaveText('{"step":"dig the well"}');
      await storeValue(page, 'notes', 'plan', 'no JSON, a text', javaScriptEnabled);
      await expect(values(page)).toHaveText('"no JSON, a text"');
      await send(page, button(page, 'Delete'));
      await expect(values(page)).toHaveCount(0);
      await expect(page).toHaveURL('/memory');
      const types = (await deck.events('memory.*')).map(({ type }) => type);
      expect(types).toEqual(['memory.stored', 'memory.updated', 'memory.deleted']);
    });

    test('a provider is watched, found gone, and left', async ({ page }) => {
      const server = await listening();
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      await open(page, '/providers');
      await unfold(page, 'Watch one');
      await field(page, 'Name').fill('tiny');
      await choice(page, 'Kind').selectOption('http');
      await field(page, 'Address').fill(address);
      await send(page, button(page, 'Watch'));
      await expect(page).toHaveURL('/providers');
      const row = page.getByRole('row', { name: /tiny/ });
      await arrives(page, row.locator('.pill').getByText('ready', { exact: true }), javaScriptEnabled);
      await expect(row).toContainText(address);
      await expect(row).toContainText(/\d ms/);
      await closed(server);
      await send(page, row.getByRole('button', { name: 'Probe now' }));
      await expect(row.locator('.pill').getByText('error', { exact: true })).toBeVisible();
      await send(page, row.getByRole('button', { name: 'Remove' }));
      await expect(page.getByText('No provider is watched.')).toBeVisible();
    });

    test('the deck tests itself', async ({ page, deck }) => {
      await open(page, '/providers');
      await send(page, button(page, 'Run now'));
      await expect(page).toHaveURL('/providers');
      const checks = page.getByRole('region', { name: /^Self-checks/ });
      await arrives(page, checks.getByText(/^all \d+ checks passed in \d+ ms$/), javaScriptEnabled);
      await expect(checks.getByText('completed', { exact: true })).toBeVisible();
      await unfold(page, 'Checks');
      await expect(checks.getByText('log_contiguous', { exact: true })).toBeVisible();
      const logged = await deck.events('selfcheck.started,selfcheck.completed');
      expect(logged.map(({ type }) => type)).toEqual(['selfcheck.started', 'selfcheck.completed']);
    });

    test('the paper engine runs, and is stopped', async ({ page }) => {
      await open(page, '/trading');
      const main = page.getByRole('main');
      await expect(main).toContainText('the paper engine has not run');
      await choice(page, 'Feed').selectOption('sample');
      await field(page, 'Times as fast').fill('40');
      await send(page, button(page, 'Start'));
      await expect(page).toHaveURL('/trading');
      await expect(main).toContainText(/runs · line \d+ of sample/);
      await arrives(page, page.getByRole('region', { name: 'Positions' }).getByRole('rowheader').first(), javaScriptEnabled);
      await expect(page.getByRole('region', { name: 'Decisions' }).locator('summary').first()).toBeVisible();
      await expect(page.getByRole('region', { name: 'Trades' }).getByText('BUY', { exact: true }).first()).toBeVisible();
      await send(page, button(page, 'Stop'));
      await expect(main).toContainText('over: stopped');
    });
  });
}

test('a run goes to its end, and the account stays', async ({ page }) => {
  await openLive(page, '/trading');
  await field(page, 'Times as fast').fill('100000');
  await button(page, 'Start').click();
  await expect(page.getByText(/of sample · over: finished$/)).toBeVisible({ timeout: 20_000 });
  await expect(page.getByRole('region', { name: 'Positions' }).getByRole('rowheader')).toHaveCount(2);
  const account = page.getByRole('region', { name: 'The account', exact: true });
  await expect(account).toContainText(/Open positions\s*2/);
  await expect(account).toContainText('3 losses in a row');
  await expect(page.getByRole('region', { name: 'Trades' }).getByRole('rowheader')).toHaveCount(30);
  await page.reload();
  await expect(account).toContainText(/Open positions\s*2/);
});

test('trades are made by hand', async ({ page, deck }) => {
  await openLive(page, '/trading');
  await unfold(page, 'By hand');
  await choice(page, 'Do').selectOption('scan');
  await button(page, 'Do it').click();
  await expect(page.getByRole('region', { name: 'Decisions' }).locator('summary')).toHaveCount(1);
  expect((await deck.events('trade.decided,trade.safety_checked')).length).toBeGreaterThan(0);
});

test('a provider’s newest reports stand in a row, and its kind can be chosen', async ({ page, deck }) => {
  const report = (state: string, latency_ms: number) => provider('status_changed', 'ollama', { state, endpoint: 'http://x', latency_ms });
  await deck.send([report('READY', 12), report('DEGRADED', 900), report('READY', 15)]);
  await openLive(page, '/providers');
  const row = page.getByRole('row', { name: /ollama/ });
  await expect(row.locator('.bars rect')).toHaveCount(3);
  await expect(row).toContainText('3 reports, at most 900 ms');
  await expect(row).toContainText('reported by others, not probed');
  await row.locator('summary').click();
  await expect(row.locator('.reports li')).toHaveText([/ready.*15 ms/, /degraded.*900 ms/, /ready.*12 ms/]);
  await page.getByRole('link', { name: /^Not well/ }).click();
  await expect(page.getByText('No provider is of this kind.')).toBeVisible();
  await page.getByRole('link', { name: 'Show all' }).click();
  await expect(row).toBeVisible();
});

test('a provider that is probed says when it is asked next', async ({ page }) => {
  const server = await listening();
  await openLive(page, '/providers');
  await unfold(page, 'Watch one');
  await field(page, 'Name').fill('tiny');
  await choice(page, 'Kind').selectOption('http');
  await field(page, 'Address').fill(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await button(page, 'Watch').click();
  await expect(page.getByRole('row', { name: /tiny/ })).toContainText(/in \d+ (s|m)/);
  await closed(server);
});

test('all that trades on paper says so, with a curve and its words', async ({ page }) => {
  await openLive(page, '/trading');
  await field(page, 'Times as fast').fill('100000');
  await button(page, 'Start').click();
  await expect(page.getByText(/of sample · over: finished$/)).toBeVisible({ timeout: 20_000 });
  const curve = page.getByRole('region', { name: 'Worth of the account' });
  await expect(curve.getByRole('img')).toHaveAccessibleName(/now, from .* lowest .* highest/);
  await expect(curve.locator('path.envelope')).toHaveAttribute('d', /^M0 .*Z$/);
  await expect(page.locator('.page-head .paper')).toHaveText('Simulated');
  await expect(page.locator('.breaker')).toContainText(/Buying is stopped until .*: .*losses in a row/);
  const decisions = page.getByRole('region', { name: 'Decisions' });
  await decisions.locator('summary').first().click();
  await expect(decisions.locator('.steps > li').first()).toContainText('Safety');
  await decisions.getByRole('link', { name: /^Unsafe/ }).click();
  await expect(page).toHaveURL('/trading?decided=unsafe');
  await expect(page.getByRole('region', { name: 'Trades' }).getByText('simulated', { exact: true }).first()).toBeVisible();
});

test('what other agents trade is as they report it', async ({ page, deck }) => {
  await deck.send([
    trade('safety_checked', 'M1', { mint: 'M1', result: { is_safe: true, risks: [] } }),
    trade('executed', 'M1', { mint: 'M1', side: 'BUY', signature: 'x', amount: 2 }),
  ]);
  await openLive(page, '/trading');
  await expect(page.getByRole('region', { name: 'Trades' }).getByRole('row', { name: /M1/ })).toContainText('as reported');
  await expect(page.getByText('It begins with the first trade of a run.')).toBeVisible();
  await expect(page.getByText('Nothing is held.')).toBeVisible();
  await page.getByRole('link', { name: /^Unsafe/ }).click();
  await expect(page.getByText('No token is of this kind.')).toBeVisible();
});

test('a form that was taken is empty again, and a typed text is not lost to what arrives', async ({ page, deck }) => {
  await openLive(page, '/tasks');
  await unfold(page, 'Put up a task');
  await field(page, 'What is to be done').fill('First');
  await field(page, 'What is to be done').press('Tab');
  await field(page, 'For the agent').press('Enter');
  await expect(column(page, 'pending').getByRole('listitem')).toContainText('First');
  await expect(field(page, 'What is to be done')).toHaveValue('');
  await field(page, 'What is to be done').fill('Second');
  await deck.post('/api/tasks', { description: 'From elsewhere' });
  await expect(column(page, 'pending').getByRole('listitem')).toHaveCount(2);
  await expect(field(page, 'What is to be done')).toHaveValue('Second');
  await expect(field(page, 'What is to be done')).toBeFocused();
});

test('messages are narrowed to those of one agent', async ({ page, deck }) => {
  await deck.send(['ada', 'bob', 'cy'].map((id) => registered(id)));
  const note = (from: string, to: string, content: string) =>
    deck.post('/api/messages', { from, to, message_type: 'query', content });
  await note('ada', 'bob', 'One');
  await note('bob', 'cy', 'Two');
  await openLive(page, '/messages?agent=ada');
  await expect(messages(page)).toHaveCount(1);
  await note('cy', 'ada', 'Three');
  await note('bob', 'cy', 'Four');
  await expect(messages(page)).toHaveCount(2);
  await page.getByRole('link', { name: 'show all' }).click();
  await expect(messages(page)).toHaveCount(4);
  await expect(messages(page).first()).toContainText('Four');
});

test.describe('a search', () => {
  const results = (page: Page): Locator => page.locator('section').filter({ has: page.getByRole('search') }).getByRole('listitem');
  const look = async (page: Page, words: string, many: string): Promise<void> => {
    await page.getByRole('searchbox', { name: 'Search' }).fill(words);
    await page.getByRole('searchbox', { name: 'Search' }).press('Enter');
    await expect(page.getByRole('search').getByRole('status')).toHaveText(many);
  };

  test('finds what is stored, by its words', async ({ page }) => {
    await openLive(page, '/memory');
    await storeValue(page, 'notes', 'plan', '{"step": "dig the well"}');
    await expect(values(page)).toHaveCount(1);
    await storeValue(page, 'notes', 'fence', 'paint the fence');
    await expect(values(page)).toHaveCount(2);
    await look(page, 'well', '1 found');
    await expect(results(page)).toContainText('plan');
    await expect(results(page)).toContainText('well');
    await look(page, 'the', '2 found');
    await expect(results(page)).toHaveCount(2);
    await look(page, 'moon', '0 found');
    await expect(results(page)).toHaveCount(0);
  });

  test('shows as found what is there now', async ({ page }) => {
    await openLive(page, '/memory');
    await storeValue(page, 'notes', 'plan', 'dig the well');
    await expect(values(page)).toHaveCount(1);
    await look(page, 'well', '1 found');
    await expect(results(page)).toContainText('dig');
    await storeValue(page, 'notes', 'plan', 'fill the well');
    await expect(values(page)).toHaveText('"fill the well"');
    await look(page, 'well', '1 found');
    await expect(results(page)).toContainText('fill');
  });

  test('makes no namespace', async ({ page }) => {
    await openLive(page, '/memory');
    await storeValue(page, 'notes', 'plan', 'dig the well');
    await expect(values(page)).toHaveCount(1);
    await look(page, 'well', '1 found');
    const operations = page.getByRole('region', { name: 'Newest operations' });
    await expect(operations.getByRole('cell', { name: 'search' })).toBeVisible();
    await expect(page.getByRole('heading', { level: 2, name: /^\*/ })).toHaveCount(0);
  });
});

test('a value is deleted whatever its names are', async ({ page, deck }) => {
  await openLive(page, '/memory');
  await storeValue(page, 'team/a', 'b/c?d#e&f%2F', 'kept');
  await expect(values(page)).toHaveCount(1);
  await button(page, 'Delete').click();
  await expect(values(page)).toHaveCount(0);
  expect((await deck.events('memory.deleted'))[0].payload).toMatchObject({ namespace: 'team/a', key: 'b/c?d#e&f%2F' });
});

/** What is asked for and why it is not done: page, folded part, what is typed, button, reason. */
const WISHES: [string, string | undefined, Record<string, string>, string, string][] = [
  ['/messages', 'Send one', { To: 'nobody', Content: 'Well?' }, 'Send', 'no agent "nobody" is on the register'],
  ['/messages', 'Send one', { Content: 'Well?' }, 'Send', 'to: empty'],
  ['/tasks', 'Put up a task', { 'For the agent': 'ada' }, 'Put it up', 'description: empty'],
  ['/tasks', 'Put up a task', { 'What is to be done': 'Dig', Priority: 'soon' }, 'Put it up', 'priority: "soon" is no number'],
  ['/memory', 'Store a value', { Value: 'kept' }, 'Store', 'key: empty'],
  ['/providers', 'Watch one', { Name: 'tiny', Address: 'localhost' }, 'Watch', 'url: no address such as'],
  ['/trading', undefined, { 'Times as fast': 'very' }, 'Start', 'times as fast: "very" is no number'],
];

test.describe('a wish that is refused', () => {
  test.use({ allowed: REFUSED });

  for (const [path, folded, typed, name, reason] of WISHES) {
    test(`is told why: ${reason}`, async ({ page, deck }) => {
      await openLive(page, path);
      if (folded) {
        await unfold(page, folded);
      }
      for (const [name, text] of Object.entries(typed)) {
        await field(page, name).fill(text);
      }
      await button(page, name).click();
      await expect(form(page, name).getByRole('status')).toContainText(reason);
      for (const [name, text] of Object.entries(typed)) {
        await expect(field(page, name), 'what was typed stays').toHaveValue(text);
      }
      expect(await deck.head()).toBe(0);
    });
  }

  test('is granted once it fits, and the reason goes', async ({ page, deck }) => {
    await deck.send(registered('ada', 'Ada'));
    await openLive(page, '/messages');
    await unfold(page, 'Send one');
    await field(page, 'To').fill('nobody');
    await field(page, 'Content').fill('Well?');
    await button(page, 'Send').click();
    await expect(form(page, 'Send').getByRole('status')).toContainText('nobody');
    await field(page, 'To').fill('ada');
    await button(page, 'Send').click();
    await expect(messages(page)).toContainText('Well?');
    await expect(form(page, 'Send').getByRole('status')).toHaveCount(0);
    await expect(field(page, 'Content')).toHaveValue('');
  });

  test('a second run beside the first', async ({ page }) => {
    await openLive(page, '/trading');
    await button(page, 'Start').click();
    await expect(page.getByRole('main')).toContainText('runs ·');
    await button(page, 'Start').click();
    await expect(form(page, 'Start').getByRole('status')).toContainText('a run on the feed sample goes on already');
  });
});

test.describe('a wish that is refused without a script', () => {
  test.use({ javaScriptEnabled: false });

  for (const [path, folded, typed, name] of WISHES) {
    test(`comes back to ${path}: ${Object.keys(typed).join(', ')}`, async ({ page, deck }) => {
      await page.goto(path);
      if (folded) {
        await unfold(page, folded);
      }
      for (const [name, text] of Object.entries(typed)) {
        await field(page, name).fill(text);
      }
      await press(page, button(page, name), false);
      expect(new URL(page.url()).pathname).toBe(path);
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
      expect(await deck.head()).toBe(0);
    });
  }
});
