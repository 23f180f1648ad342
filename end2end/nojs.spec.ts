import { stillSwarm, swarm } from './events';
import { PATHS, expect, expectNoSidewaysScroll, navigation, test } from './fixtures';

test.use({ javaScriptEnabled: false });

test('every page is readable and leads to the others', async ({ page, deck }) => {
  await deck.send(swarm());
  await page.goto('/');
  await expect(page).toHaveTitle('Overview · Swarmdeck');
  await expect(page.getByRole('region', { name: 'Needs attention' })).toContainText('rm -rf build');
  await expect(page.getByRole('status')).toHaveText('As rendered');

  await navigation(page, 'Agents').click();
  await expect(page).toHaveTitle('Agents · Swarmdeck');
  await expect(navigation(page, 'Agents')).toHaveAttribute('aria-current', 'page');
  await expect(page.getByRole('row', { name: /Ada/ })).toContainText('on Build');

  await page.getByRole('link', { name: 'Ada' }).click();
  await expect(page).toHaveTitle('ada · Swarmdeck');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Ada');
  await expect(page.getByRole('region', { name: 'Facts' })).toContainText('build-1');
  await expect(page.locator('noscript').getByRole('paragraph')).toBeVisible();

  await navigation(page, 'Tasks').click();
  await expect(page.getByRole('region', { name: 'running', exact: true })).toContainText('Build');

  await navigation(page, 'Topology').click();
  await expect(page.locator('svg.graph circle')).toHaveCount(5);
  await expect(page.getByRole('region', { name: 'Nodes' }).getByRole('link')).toHaveCount(5);

  await navigation(page, 'Activity').click();
  await expect(page.locator('main .feed > li').first()).toContainText('deploy.finished');
  await page.getByRole('link', { name: 'memory', exact: true }).click();
  await expect(page.locator('main .feed > li')).toHaveCount(2);
  await page.getByRole('searchbox', { name: 'Filter' }).fill('type:task.failed');
  await page.getByRole('button', { name: 'Filter', exact: true }).click();
  await expect(page).toHaveURL(/q=type%3Atask\.failed/);
  await expect(page.locator('main .feed > li')).toHaveCount(1);
});

test('what the services show is readable', async ({ page, deck }) => {
  await deck.send(swarm());
  await page.goto('/');
  const main = page.getByRole('main');
  await navigation(page, 'Messages').click();
  await expect(page.getByRole('list', { name: 'Messages, newest first' }).getByRole('listitem')).toHaveCount(2);
  await page.getByRole('list', { name: 'Messages, newest first' }).getByRole('link', { name: 'ada', exact: true }).first().click();
  await expect(page).toHaveTitle('ada · Swarmdeck');
  await navigation(page, 'Memory').click();
  await expect(main).toContainText('"step":"Build it"');
  await expect(main.getByRole('search'), 'what needs a script is not offered').toHaveCount(0);
  await navigation(page, 'Sessions').click();
  await main.getByRole('link', { name: 'Pair up' }).click();
  await expect(page.getByRole('list', { name: 'Transcript' })).toContainText('I look at what is there.');
  await navigation(page, 'Approvals').click();
  await expect(main).toContainText('rm -rf build');
  await expect(main).toContainText(/lapses at \d\d:\d\d:\d\d.*if nobody answers it counts as denied/);
  await navigation(page, 'Providers').click();
  await expect(page.getByRole('row', { name: /openai/ })).toContainText('refused');
  await expect(main).toContainText('all is well');
  await navigation(page, 'Trading').click();
  await expect(page.getByRole('region', { name: 'Trades' }).getByRole('row', { name: /M1/ })).toContainText('BUY');
});

test('a first event is sent by a form', async ({ page, deck }) => {
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Listening.' })).toBeVisible();
  await page.getByRole('button', { name: 'Send one from here' }).click();
  await expect(page).toHaveURL(`${deck.url}/`);
  await expect(page.locator('main .feed')).toContainText('Hello registered as visitor');
  expect(await deck.head()).toBe(1);
});

test('the command of the welcome names this server', async ({ page, deck }) => {
  await page.goto('/');
  await expect(page.locator('main pre')).toContainText(`curl ${deck.url}/api/events`);
});

test('the demo swarm is started and stopped by forms', async ({ page, deck }) => {
  await page.goto('/');
  await page.getByRole('button', { name: 'Start a demo swarm on the server' }).click();
  await expect(page.getByText('The demo swarm runs.')).toBeVisible();
  await expect.poll(() => deck.head()).toBeGreaterThan(0);
  await page.getByRole('button', { name: 'Stop it' }).click();
  await expect(page.getByText('The demo swarm runs.')).toBeHidden();
});

test.describe('with an address that has no page among them', () => {
  test.use({ allowed: /404 \(Not Found\)/ });

  test('nothing sticks out, at any width', async ({ page, deck }) => {
    await deck.send(stillSwarm());
    for (const width of [320, 768, 1280]) {
      await page.setViewportSize({ width, height: 700 });
      for (const path of PATHS) {
        await page.goto(path);
        await expect(page.getByRole('main')).not.toBeEmpty();
        await expectNoSidewaysScroll(page);
      }
    }
  });
});
