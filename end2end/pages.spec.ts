import { agent, message, registered, stillSwarm, swarm, task, ticks } from './events';
import { PAGES, connection, downFrom, expect, expectNewest, navigation, openLive, shownSeqs, test, titled } from './fixtures';

const feed = 'main .feed > li';

test('each page has its title, in the document and after moving', async ({ page, deck }) => {
  test.slow();
  await deck.send(swarm());
  for (const [path, name] of Object.entries(PAGES)) {
    const html = await (await page.request.get(path)).text();
    expect(html.match(/<title>(.*?)<\/title>/)?.[1]).toBe(`${name} · Swarmdeck`);
    await openLive(page, path);
    await expect(page).toHaveTitle(titled(name));
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
    await expect(navigation(page, name)).toHaveAttribute('aria-current', 'page');
  }
  await openLive(page);
  for (const [path, name] of Object.entries(PAGES).reverse()) {
    await navigation(page, name).click();
    await expect(page).toHaveURL(path);
    await expect(page).toHaveTitle(titled(name));
  }
});

test('moving between pages reloads nothing, and the browser’s buttons work', async ({ page, deck }) => {
  await deck.send(swarm());
  await openLive(page);
  let documents = 0;
  page.on('request', (request) => (documents += request.isNavigationRequest() ? 1 : 0));
  await navigation(page, 'Agents').click();
  await page.getByRole('link', { name: 'Ada' }).click();
  await expect(page).toHaveURL('/agents/ada');
  await page.goBack();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Agents');
  await page.goBack();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Overview');
  await page.goForward();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Agents');
  expect(documents).toBe(0);
});

test.describe('an address that has no page', () => {
  test.use({ allowed: /404 \(Not Found\)/ });

  test('is answered 404, and leads back', async ({ page, deck }) => {
    const answer = await page.goto('/nowhere');
    expect(answer?.status()).toBe(404);
    await expect(page).toHaveTitle('Not found · Swarmdeck');
    await expect(connection(page)).toHaveText('Live');
    await page.getByRole('link', { name: 'Back to the overview' }).click();
    await expect(page.getByRole('heading', { name: 'Listening.' })).toBeVisible();
    await deck.send(registered('ada'));
    await expectNewest(page, 1);
  });
});

test.describe('activity', () => {
  test('filters by a domain, and the address says so', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/activity');
    const chip = page.getByRole('link', { name: 'memory', exact: true });
    await chip.click();
    await expect(page).toHaveURL(/types=memory\.\*/);
    await expect(chip).toHaveAttribute('aria-current', 'true');
    await expect(page.locator(feed)).toHaveCount(2);
    await page.reload();
    await expect(connection(page)).toHaveText('Live');
    await expect(page.locator(feed)).toHaveCount(2);
    await expect(chip).toHaveAttribute('aria-current', 'true');
    await page.goBack();
    await expect(page.locator(feed)).toHaveCount(swarm().length);
  });

  test('filters by what is typed, and new events obey', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/activity');
    const types = page.getByRole('textbox', { name: 'Types' });
    await types.fill('task.failed, agent.registered');
    await types.press('Enter');
    await expect(page).toHaveURL(/types=task\.failed/);
    await expect(page.locator(feed)).toHaveCount(6);
    await deck.send([registered('eve', 'Eve'), ...ticks(3)]);
    await expectNewest(page, swarm().length + 4);
    await expect(page.locator(feed)).toHaveCount(7);
    await page.reload();
    await expect(types).toHaveValue('task.failed, agent.registered');
    await expect(page.locator(feed)).toHaveCount(7);
  });

  test('says what is wrong with a filter, and that none matches', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/activity?types=nothing.*');
    await expect(page.getByText('None of the newest events is of these types.')).toBeVisible();
    await page.getByRole('link', { name: 'Clear the filter' }).click();
    await expect(page.locator(feed)).toHaveCount(swarm().length);
    await page.getByRole('textbox', { name: 'Types' }).fill('*.*.*');
    await page.getByRole('button', { name: 'Filter' }).click();
    await expect(page.getByRole('alert')).toBeVisible();
  });

  test('holds while paused, counts what is held, and shows it afterwards', async ({ page, deck }) => {
    await deck.send(ticks(3));
    await openLive(page, '/activity');
    const pause = page.getByRole('button', { name: 'Pause' });
    await pause.click();
    await expect(page.locator('#held')).toHaveText('0 new, held');
    await deck.send(ticks(5, 4));
    await expect(page.locator('#held')).toHaveText('5 new, held');
    expect(await shownSeqs(page)).toEqual([3, 2, 1]);
    await deck.send(ticks(2, 9));
    await expect(page.locator('#held')).toHaveText('7 new, held');
    await page.getByRole('button', { name: 'Resume' }).click();
    await expect(page.locator('#held')).toBeHidden();
    expect(await shownSeqs(page)).toEqual(downFrom(10, 10));
    await expect(pause).toHaveAttribute('aria-pressed', 'false');
  });

  test('counts as held what the filter would show', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/activity?types=agent.*');
    await page.getByRole('button', { name: 'Pause' }).click();
    await deck.send([...ticks(4), registered('eve', 'Eve')]);
    await expectNewest(page, swarm().length + 5);
    await expect(page.locator('#held')).toHaveText('1 new, held');
  });

  test('a filter chosen while paused is obeyed', async ({ page, deck }) => {
    await deck.send(swarm());
    await openLive(page, '/activity');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('link', { name: 'memory', exact: true }).click();
    await expect(page).toHaveURL(/types=memory/);
    await expect(page.locator(feed)).toHaveCount(2);
  });

  test('opens an event to show it as the log has it', async ({ page, deck }) => {
    await deck.send([registered('ada', 'Ada', { host: 'build-1' }), ...ticks(2)]);
    await openLive(page, '/activity');
    const row = page.locator(feed).last();
    await row.getByRole('button').click();
    await expect(row.getByRole('button')).toHaveAttribute('aria-expanded', 'true');
    await expect(row.locator('pre')).toContainText('"host": "build-1"');
    await deck.send(ticks(2, 3));
    await expectNewest(page, 5);
    await expect(row.locator('pre'), 'news does not close it').toContainText('"host": "build-1"');
    await row.getByRole('button').click();
    await expect(row.locator('pre')).toHaveCount(0);
  });

  test('fetches older events without a gap, down to the first', async ({ page, deck }) => {
    await deck.send(ticks(430));
    await openLive(page, '/activity');
    expect(await shownSeqs(page)).toEqual(downFrom(430, 200));
    const more = page.getByRole('button', { name: 'Load older events' });
    await more.click();
    await expect.poll(() => shownSeqs(page)).toEqual(downFrom(430, 300));
    await more.click();
    await expect.poll(() => shownSeqs(page)).toEqual(downFrom(430, 400));
    await more.click();
    await expect.poll(() => shownSeqs(page)).toEqual(downFrom(430, 430));
    await expect(page.getByText('That is the beginning of what is kept.')).toBeVisible();
    await expect(more).toBeHidden();
  });

  test('has no gap between new and older events when more arrive', async ({ page, deck }) => {
    await deck.send(ticks(400));
    await openLive(page, '/activity');
    await page.getByRole('button', { name: 'Load older events' }).click();
    await expect.poll(() => shownSeqs(page)).toEqual(downFrom(400, 300));
    await deck.send(ticks(50, 401));
    await expectNewest(page, 450);
    const seqs = await shownSeqs(page);
    expect(seqs).toEqual(downFrom(450, seqs.length));
  });

  test('fetches older events through the filter', async ({ page, deck }) => {
    await deck.send([registered('ada', 'Ada'), ...ticks(300), registered('bob', 'Bob')]);
    await openLive(page, '/activity?types=agent.*');
    expect(await shownSeqs(page)).toEqual([302]);
    await page.getByRole('button', { name: 'Load older events' }).click();
    await expect.poll(() => shownSeqs(page)).toEqual([302, 1]);
  });
});

test('an agent’s page shows it, its work and its history, and follows', async ({ page, deck }) => {
  await deck.send(swarm());
  await openLive(page, '/agents/ada');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Ada');
  const facts = page.getByRole('region', { name: 'Facts' });
  await expect(facts).toContainText('42.5 %');
  await expect(facts).toContainText('0.55');
  await expect(page.getByRole('region', { name: 'Tasks' })).toContainText('running');
  await expect(page.getByRole('region', { name: 'Messages' })).toContainText('Build it, please');
  const history = page.getByRole('region', { name: 'History' });
  await expect(history).toContainText('Ada registered as coder');
  await expect(history).toContainText('40 % Compiling');
  await expect(history).not.toContainText('Bob registered');
  await deck.send(agent('status_changed', 'ada', { status: 'idle', reason: 'tea' }));
  await expect(history).toContainText('idle: tea');
  await deck.send(task('progress', 'build', { progress: 60, message: 'Linking' }));
  await expect(page.getByRole('region', { name: 'Tasks' })).toContainText('60 %');
  await expect(history).toContainText('60 % Linking');
});

test('from one agent to another through a message', async ({ page, deck }) => {
  await deck.send(swarm());
  await openLive(page, '/agents/ada');
  await expect(page.getByRole('region', { name: 'History' })).toContainText('Ada registered');
  await page.getByRole('region', { name: 'Messages' }).getByRole('link', { name: 'lead' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Lead');
  await expect(page).toHaveTitle(titled('lead'));
  await expect(page.getByRole('region', { name: 'History' })).toContainText('Lead registered');
  await expect(page.getByRole('region', { name: 'History' })).not.toContainText('Ada registered');
});

test('an agent nobody has heard of appears when it registers', async ({ page, deck }) => {
  await openLive(page, '/agents/later');
  await expect(page.getByText('No agent of this id has been heard of.')).toBeVisible();
  await deck.send(registered('later', 'Later'));
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Later');
});

test('agents are narrowed by standing, and the address says so', async ({ page, deck }) => {
  await deck.send(stillSwarm());
  await openLive(page, '/agents');
  await expect(page.locator('tbody').getByRole('row')).toHaveCount(5);
  await page.getByRole('list', { name: 'By standing' }).getByRole('link', { name: /failing/ }).click();
  await expect(page).toHaveURL('/agents?status=failing');
  await expect(page.locator('tbody').getByRole('row')).toHaveCount(1);
  await page.reload();
  await expect(page.locator('tbody').getByRole('row')).toHaveCount(1);
  await page.getByRole('list', { name: 'By standing' }).getByRole('link', { name: /waiting/ }).click();
  await expect(page.getByText('No agent stands so now')).toBeVisible();
});

test('the overview leads everywhere', async ({ page, deck }) => {
  await deck.send(swarm());
  await openLive(page);
  await expect(page.getByRole('region', { name: 'Needs attention' })).toContainText('rm -rf build');
  await expect(navigation(page, 'Approvals')).toContainText('1 waiting for you');
  await expect(page.getByRole('region', { name: 'Providers' })).toContainText('ollama');
  await expect(page.locator('main svg.graph.small circle')).toHaveCount(5);
  await page.getByRole('list', { name: 'Agents by standing' }).getByRole('link', { name: /working/ }).click();
  await expect(page).toHaveURL('/agents?status=working');
  await page.goBack();
  await page.getByRole('region', { name: 'Tasks' }).getByRole('link', { name: /running/ }).click();
  await expect(page).toHaveURL('/tasks#running');
  await page.goBack();
  await page.getByRole('region', { name: 'Last minute' }).getByRole('link', { name: 'Messages' }).click();
  await expect(page).toHaveURL('/activity?types=message.*');
  await expect(page.locator(feed)).toHaveCount(2);
});

test('what needs a person goes when it is decided', async ({ page, deck }) => {
  await deck.send(swarm());
  await openLive(page);
  await expect(page.getByRole('region', { name: 'Needs attention' })).toContainText('rm -rf build');
  await deck.send({
    type: 'session.permission_decided',
    entity: { kind: 'session', id: 's1' },
    payload: { request_id: 'r1', allowed: false, always_allow: false, by: 'me' },
  });
  await expect(page.getByRole('region', { name: 'Needs attention' })).not.toContainText('rm -rf build');
  await expect(navigation(page, 'Approvals')).not.toContainText('waiting for you');
});

test('numbers that nobody reported are not invented', async ({ page, deck }) => {
  await deck.send(registered('ada', 'Ada'));
  await openLive(page, '/agents');
  const cells = page.getByRole('row', { name: /Ada/ }).getByRole('cell');
  await expect(cells.nth(5)).toHaveText('—');
  await expect(cells.nth(6)).toHaveText('—');
  await expect(cells.nth(7)).toHaveText('—');
});

test('messages are counted with who sent and who got them', async ({ page, deck }) => {
  await deck.send([registered('a', 'Alpha'), registered('b', 'Beta')]);
  await openLive(page, '/agents');
  await deck.send(message('sent', 'm1', { from: 'a', to: 'b', message_type: 'query', content: 'Well?', size: 5 }));
  for (const name of ['Alpha', 'Beta']) {
    await expect(page.getByRole('row', { name: new RegExp(name) }).getByRole('cell').nth(4)).toHaveText('1');
  }
});
