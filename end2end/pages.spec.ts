import { agent, message, registered, stillSwarm, swarm, task } from './events';
import { PAGES, connection, expect, expectNewest, navigation, openLive, test, titled } from './fixtures';

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
  await expect(page.getByText('No agent is like that now')).toBeVisible();
  await page.getByRole('list', { name: 'What narrows the list' }).getByRole('link').click();
  await expect(page.locator('tbody').getByRole('row')).toHaveCount(5);
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
  await expect(page).toHaveURL('/tasks?view=list&state=running');
  await page.goBack();
  await page.getByRole('region', { name: /^Throughput/ }).getByRole('link', { name: 'Messages' }).click();
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
