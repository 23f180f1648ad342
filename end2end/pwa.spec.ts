// The deck as an app: kept in the browser, and open where no server is.

import { type Page } from '@playwright/test';
import { registered, swarm } from './events';
import { SERVER_GONE, connection, expect, expectNewest, navigation, openLive, test } from './fixtures';

/** What scripts beside the page may do. */
const BESIDE = "default-src 'none'; connect-src 'self'";

test.use({ serviceWorkers: 'allow', allowed: new RegExp(`${SERVER_GONE.source}|404 \\(Not Found\\)`) });

/** Opens a page, and waits until the browser keeps the deck. */
async function openKept(page: Page): Promise<void> {
  await openLive(page);
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
}

const kept = (page: Page) =>
  page.evaluate(async () => {
    const addresses: string[] = [];
    for (const name of await caches.keys()) {
      for (const { url } of await (await caches.open(name)).keys()) {
        addresses.push(new URL(url).pathname);
      }
    }
    return addresses;
  });

test('it can be installed', async ({ page, deck }) => {
  await page.goto('/agents');
  const address = await page.locator('link[rel=manifest]').getAttribute('href');
  const answer = await fetch(deck.url + address);
  expect(answer.headers.get('content-type')).toBe('application/manifest+json');
  const manifest = (await answer.json()) as { start_url: string; display: string; icons: { src: string; sizes: string; type: string }[] };
  expect(manifest).toMatchObject({ start_url: '/', display: 'standalone' });
  for (const icon of manifest.icons) {
    const file = await fetch(deck.url + icon.src);
    expect(file.headers.get('content-type')).toBe(icon.type);
    if (icon.type === 'image/png') {
      const size = await page.evaluate(async (src) => {
        const image = new Image();
        image.src = src;
        await image.decode();
        return `${image.naturalWidth}x${image.naturalHeight}`;
      }, icon.src);
      expect(size).toBe(icon.sizes);
    }
  }
  const worker = await fetch(`${deck.url}/sw.js`);
  expect(worker.headers.get('content-type')).toContain('text/javascript');
  expect(worker.headers.get('cache-control')).toBe('no-cache');
  expect(worker.headers.get('content-security-policy')).toBe(BESIDE);
});

test('the script that hears the stream may ask this server, also where it is unchanged', async ({ deck }) => {
  const first = await fetch(`${deck.url}/stream.js`);
  const tag = first.headers.get('etag') ?? '';
  const again = await fetch(`${deck.url}/stream.js`, { headers: { 'if-none-match': tag } });
  expect([first.status, again.status]).toEqual([200, 304]);
  for (const answer of [first, again]) expect(answer.headers.get('content-security-policy')).toBe(BESIDE);
});

test('what the server knows is not kept', async ({ page, deck }) => {
  await deck.send(swarm());
  await openKept(page);
  await openLive(page, '/activity');
  await openLive(page, '/agents');
  const addresses = await kept(page);
  expect(addresses).toContain('/offline');
  expect(addresses.some((address) => address.endsWith('.wasm'))).toBe(true);
  const strange = addresses.filter((address) => !/^\/(offline$|pkg\/|[\w-]+\.(svg|png|webmanifest)$|stream\.js$)/.test(address));
  expect(strange).toEqual([]);
});

test('without a server any page opens into the demo, and the real swarm comes when the server does', async ({ page, context, deck }) => {
  test.slow();
  await deck.send(registered('real', 'Real'));
  await openKept(page);
  await deck.kill();
  await page.goto('/agents');
  await expect(page.locator('.banner.made-up')).toContainText('Nothing here is real');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Agents');
  await expect.poll(() => page.getByRole('row').count()).toBeGreaterThan(5);
  await expect(page).toHaveTitle('Demo: Agents · Swarmdeck');
  for (const name of ['Topology', 'Trading', 'Overview', 'Agents']) {
    await navigation(page, name).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
  }
  await page.keyboard.press('Control+k');
  await expect(page.getByRole('combobox', { name: 'Find' })).toBeFocused();
  await page.keyboard.press('Escape');

  // Another one, and the same one again.
  const other = await context.newPage();
  await other.goto(`${deck.url}/sessions/any`);
  await expect(connection(other)).toHaveText('Demo');
  await other.close();
  await page.reload();
  await expect(connection(page)).toHaveText('Demo');

  await deck.restart();
  await expect(connection(page)).toHaveText('Live', { timeout: 20_000 });
  await expect(page.locator('.banner.made-up')).toHaveCount(0);
  await expect(page.getByRole('row')).toHaveCount(2);
  await expect(page.getByRole('row', { name: /Real/ })).toBeVisible();
  await deck.send(registered('more', 'More'));
  await expectNewest(page, 2);
  await page.reload();
  await expect(connection(page)).toHaveText('Live');
  expect(await page.locator('body').getAttribute('data-bare')).toBeNull();
});

test('with a server everything is the server’s', async ({ page, deck }) => {
  await openKept(page);
  await deck.send(registered('ada', 'Ada'));
  await openLive(page, '/agents');
  expect(await page.evaluate(() => navigator.serviceWorker.controller !== null), 'it stands between').toBe(true);
  await expect(page.getByRole('row', { name: /Ada/ })).toBeVisible();
  const answer = await page.goto('/nowhere');
  expect(answer?.status()).toBe(404);
});
