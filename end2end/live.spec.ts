import { agent, memory, registered, swarm, task, ticks, topology } from './events';
import { allSeqs, connection, count, downFrom, expect, expectNewest, navigation, openLive, routeStream, shownSeqs, test } from './fixtures';

test('a first event takes the place of the welcome', async ({ page, deck }) => {
  await openLive(page);
  await expect(page.getByRole('heading', { name: 'Listening.' })).toBeVisible();
  await deck.send(registered('ada', 'Ada'));
  await expect(page.getByRole('heading', { name: 'Listening.' })).toBeHidden();
  await expect(page.locator('main .feed')).toContainText('Ada registered as worker');
  await expect(page.getByRole('contentinfo')).toContainText('1 events');
});

test('the welcome sends a first event, and shows why another was refused', async ({ page, deck }) => {
  await openLive(page);
  await expect(page.locator('main pre')).toContainText(`curl ${new URL(page.url()).origin}/api/events`);
  await expect(deck.send({ type: 'agent.registered', entity: { kind: 'agent', id: 'x' }, payload: {} })).rejects.toThrow('refused');
  await expect(page.locator('main').getByRole('status')).toContainText('name');
  await page.getByRole('button', { name: 'Send one from here' }).click();
  await expect(page.locator('main .feed')).toContainText('Hello registered as visitor');
  expect(await deck.head()).toBe(1);
});

test('the demo swarm on the server begins and ends from the page', async ({ page, deck }) => {
  await openLive(page);
  await page.getByRole('button', { name: 'Start a demo swarm on the server' }).click();
  await expect(page.getByText('The demo swarm runs.')).toBeVisible();
  await expect(page.getByRole('list', { name: 'Agents by standing' })).toBeVisible();
  await page.reload();
  await page.getByRole('button', { name: 'Stop it' }).click();
  await expect(page.getByText('The demo swarm runs.')).toBeHidden();
  await expect(connection(page)).toHaveText('Live');
  await expectNewest(page, await deck.head());
});

test('an agent changes its standing on every page that shows it', async ({ page, deck }) => {
  await deck.send(registered('ada', 'Ada'));
  await openLive(page, '/agents');
  const row = page.getByRole('row', { name: /Ada/ });
  await expect(row).toContainText('idle');
  await deck.send(agent('status_changed', 'ada', { status: 'busy', task: 'build' }));
  await expect(row).toContainText('working');
  await expect(row).toContainText('on build');
  await expect(page.getByRole('contentinfo')).toContainText('1 working');
  await navigation(page, 'Overview').click();
  const tile = page.getByRole('list', { name: 'Agents by standing' }).getByRole('link', { name: /failing/ });
  await expect(tile).toContainText('0');
  await deck.send(agent('status_changed', 'ada', { status: 'error', reason: 'out of memory' }));
  await expect(tile).toContainText('1');
  await expect(page.getByRole('region', { name: 'Needs attention' })).toContainText('out of memory');
});

test('a card moves over the board as its task does', async ({ page, deck }) => {
  await deck.send([registered('ada', 'Ada'), task('created', 't1', { description: 'Index the documents' })]);
  await openLive(page, '/tasks');
  const states: [string, Parameters<typeof deck.send>[0]][] = [
    ['assigned', task('assigned', 't1', { agent: 'ada' })],
    ['running', task('started', 't1', { agent: 'ada' })],
    ['completed', task('completed', 't1', { duration_ms: 5 })],
  ];
  let before = page.getByRole('region', { name: 'pending', exact: true });
  await expect(before.getByRole('listitem')).toContainText('Index the documents');
  for (const [state, event] of states) {
    await deck.send(event);
    const column = page.getByRole('region', { name: state, exact: true });
    await expect(column.getByRole('listitem')).toContainText('Index the documents');
    await expect(column.getByRole('heading')).toHaveText(`${state}1`);
    await expect(before.getByRole('listitem')).toHaveCount(0);
    before = column;
    if (state === 'running') {
      await deck.send(task('progress', 't1', { progress: 42, message: 'Reading' }));
      await expect(column.getByRole('progressbar')).toHaveAttribute('value', '42');
      await expect(column).toContainText('Reading');
    }
  }
});

test('the topology is drawn, listed, and drawn anew', async ({ page, deck }) => {
  await deck.send([registered('a', 'Alpha'), registered('b', 'Beta', { parent: 'a' })]);
  await openLive(page, '/topology');
  const graph = page.locator('svg.graph');
  const list = page.getByRole('region', { name: 'Nodes' }).getByRole('link');
  const drawn = () =>
    graph.evaluate((svg) => {
      const visible = [...svg.querySelectorAll('circle')].filter(
        (circle) => circle instanceof SVGCircleElement && circle.getBoundingClientRect().width > 0,
      );
      return visible.length;
    });
  await expect.poll(drawn).toBe(2);
  await expect(list).toHaveText(['Alpha', 'Beta']);
  await deck.send(registered('c', 'Gamma', { parent: 'a' }));
  await expect(list).toHaveText(['Alpha', 'Beta', 'Gamma']);
  await expect.poll(drawn).toBe(3);
  await expect(graph.locator('.link')).toHaveCount(2);
  await deck.send(topology('mesh', ['a', 'b', 'c'], [['a', 'b', 1], ['b', 'c', 0.3], ['c', 'a', 1]]));
  await expect(page.locator('main .page-head')).toContainText('mesh');
  await expect.poll(drawn).toBe(3);
});

test('a thousand events at once are all there, once and in order', async ({ page, deck }) => {
  await openLive(page, '/activity');
  await deck.send(ticks(1_000));
  await expectNewest(page, 1_000);
  await expect(page.getByRole('contentinfo')).toContainText(`${count(1_000)} events`);
  await expect.poll(() => allSeqs(page)).toEqual(downFrom(1_000, 1_000));
});

test('a reload shows the log as it is then, and nothing of before', async ({ page, deck }) => {
  await deck.send([registered('ada', 'Ada'), registered('bob', 'Bob')]);
  await openLive(page, '/agents');
  await deck.send(agent('status_changed', 'ada', { status: 'busy' }));
  await expectNewest(page, 3);
  await page.reload();
  await expect(connection(page)).toHaveText('Live');
  await expectNewest(page, 3);
  await expect(page.getByRole('row', { name: /Ada/ })).toContainText('working');
  await deck.send(agent('removed', 'bob'));
  await page.reload();
  await expect(page.getByRole('row', { name: /Bob/ })).toContainText('removed');
  await expectNewest(page, await deck.head());
});

test('coming back in the history shows the log as it is then', async ({ page, deck }) => {
  await deck.send(registered('ada', 'Ada'));
  await openLive(page, '/agents');
  await page.getByRole('link', { name: 'Reference' }).click();
  await page.waitForURL('**/api/docs');
  await deck.send([registered('bob', 'Bob'), registered('cy', 'Cy')]);
  await page.goBack();
  await expect(page.getByRole('row', { name: /Cy/ })).toBeVisible();
  await expect(connection(page)).toHaveText('Live');
  await expectNewest(page, 3);
});

test('two pages show the same', async ({ page, context, deck }) => {
  const other = await context.newPage();
  await openLive(page, '/tasks');
  await openLive(other, '/tasks');
  await deck.send(swarm());
  for (const one of [page, other]) {
    await expectNewest(one, swarm().length);
  }
  const words = (one: typeof page) => one.locator('.board .label').allTextContents();
  const all = [...new Set(swarm().filter(({ entity }) => entity?.kind === 'task').map(({ entity }) => entity?.id))];
  // A board is summed up a few times a second, on each page at its own time.
  await expect.poll(async () => (await words(page)).length).toBe(all.length);
  await expect.poll(() => words(other)).toEqual(await words(page));
});

test('events between the rendering and the first script are not lost', async ({ page, deck }) => {
  await deck.send(ticks(5));
  let release = () => {};
  const held = new Promise<void>((done) => (release = done));
  await page.route('**/pkg/swarmdeck.js', async (route) => {
    await held;
    await route.continue();
  });
  await page.goto('/activity', { waitUntil: 'commit' });
  await expect(page.getByRole('contentinfo')).toContainText('5 events');
  await deck.send(ticks(300, 6));
  release();
  await expectNewest(page, 305);
  await expect.poll(() => allSeqs(page)).toEqual(downFrom(305, 305));
});

test('events before the connection stands are not lost', async ({ page, deck }) => {
  await deck.send(ticks(5));
  let release = () => {};
  const held = new Promise<void>((done) => (release = done));
  await routeStream(page, async (socket) => {
    await held;
    socket.connectToServer();
  });
  await page.goto('/activity');
  await expect(connection(page)).toHaveText('Connecting');
  await deck.send(ticks(120, 6));
  expect(await shownSeqs(page)).toEqual(downFrom(5, 5));
  release();
  await expect(connection(page)).toHaveText('Live');
  await expectNewest(page, 125);
  await expect.poll(() => allSeqs(page)).toEqual(downFrom(125, 125));
});

test.describe('where no WebSocket gets through', () => {
  test.beforeEach(async ({ page }) => {
    await routeStream(page, (socket) => socket.close({ code: 1011, reason: 'a proxy in between' }));
  });

  test('the page lives over SSE', async ({ page, deck }) => {
    await deck.send(ticks(3));
    await openLive(page, '/activity');
    await page.locator('details.connection summary').click();
    await expect(page.locator('details.connection dd').first()).toHaveText('SSE');
    await deck.send([registered('ada', 'Ada'), memory('stored', 'notes', 'k')]);
    await expectNewest(page, 5);
    expect(await shownSeqs(page)).toEqual(downFrom(5, 5));
  });

  test('types of the sender’s own arrive over SSE too', async ({ page, deck }) => {
    await openLive(page, '/activity');
    await deck.send(ticks(4));
    await deck.send(registered('ada', 'Ada'));
    await expectNewest(page, 5);
    expect(await shownSeqs(page)).toEqual(downFrom(5, 5));
  });
});
