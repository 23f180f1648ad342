// The page's code comes in chunks: first what the page needs, then the rest.

import { CHUNKS, SERVER_GONE, expect, navigation, openLive, test } from './fixtures';
import { swarm } from './events';

test('a first visit asks for its own page’s code, and then for the others’', async ({ page, deck }) => {
  await deck.send(swarm());
  const asked: string[] = [];
  page.on('request', (request) => {
    const file = /\/pkg\/split_(\w+)\.wasm$/.exec(request.url());
    if (file) asked.push(file[1]);
  });
  await page.goto('/tasks');
  await expect.poll(() => [...new Set(asked)]).toContain('demo');
  await expect.poll(() => [...new Set(asked)].sort()).toEqual([...CHUNKS].sort());
  expect(asked[0]).toBe('tasks');
});

test('the head names the files that draw the page', async ({ deck }) => {
  const head = async (path: string) => (await (await fetch(deck.url + path)).text()).match(/split_\w+\.wasm/g) ?? [];
  expect(await head('/')).toEqual(['split_overview.wasm']);
  expect(await head('/agents/someone')).toEqual(['split_agent.wasm']);
  expect(await head('/approvals')).toEqual(['split_approvals.wasm']);
});

test.describe('without the server', () => {
  test.use({ allowed: SERVER_GONE });

  test('every page opens, once its code is here', async ({ page, deck }) => {
    await deck.send(swarm());
    const all = Promise.all(CHUNKS.map((name) => page.waitForResponse(`**/pkg/split_${name}.wasm`)));
    await page.goto('/');
    await Promise.all((await all).map((response) => response.finished()));
    await deck.kill();
    for (const name of ['Agents', 'Topology', 'Trading', 'Overview']) {
      await navigation(page, name).click();
      await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
    }
  });
});

test.describe('where it does not arrive', () => {
  test.use({ allowed: /ERR_FAILED|Failed to fetch|preload/ });

  test('the page says so, and comes when it does', async ({ page, deck }) => {
    await deck.send(swarm());
    await page.route('**/pkg/split_topology.wasm', (route) => route.abort());
    await openLive(page);
    await navigation(page, 'Topology').click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Not here yet');
    await page.unroute('**/pkg/split_topology.wasm');
    await page.getByRole('main').getByRole('link', { name: 'Try again' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Topology');
  });
});
