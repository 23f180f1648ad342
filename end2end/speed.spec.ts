import { fileURLToPath } from 'node:url';

import { command } from './deck';
import { expect, expectNewest, openLive, test } from './fixtures';

// Whoever is measured is not filmed: it takes half of the time of a frame.
test.use({ trace: 'off' });

test('500 events a second reach the screen, all of them', async ({ page, deck }) => {
  test.slow();
  await openLive(page);
  await page.locator('details.connection summary').click();
  await deck.demo('--rate', '500', '--agents', '30', '--events', '4000');
  await expectNewest(page, await deck.head());
  expect(await deck.head()).toBe(4_000);
  await expect(page.locator('#delay-samples')).toHaveText('2,000');
  await expect(page.locator('#delay-p99')).toHaveText(/^[\d.,]+ ms$/);
  const median = await page.locator('#delay-p50').textContent();
  const p99 = await page.locator('#delay-p99').textContent();
  const measured = `event to screen at 500 / s: median ${median}, 99 % ${p99} (goal 100 ms)`;
  test.info().annotations.push({ type: 'measured', description: measured });
  console.log(measured);
});

test.describe('the fold', () => {
  // The module is none of the page's: its policy would forbid it.
  test.use({ bypassCSP: true });

  test('comes to the same in the browser as on the server', async ({ page, deck }) => {
    test.slow();
    const folder = fileURLToPath(new URL('../target/fold/', import.meta.url));
    await page.route('**/fold/*', (route) => {
      const name = new URL(route.request().url()).pathname.split('/').pop() ?? '';
      return route.fulfill({ path: folder + name, contentType: name.endsWith('.js') ? 'text/javascript' : 'application/wasm' });
    });
    await page.goto(`${deck.url}/api/docs`);
    for (const [seed, events] of [[1, 100_000], [7, 5_000]] as const) {
      const native = await command('demo', '--hash', '--seed', String(seed), '--events', String(events));
      const folded = await page.evaluate(
        async ([seed, events]) => {
          type Fold = { default(): Promise<unknown>; demo_hash(seed: number, events: number): string };
          const address = '/fold/swarmdeck.js';
          const fold = (await import(address)) as Fold;
          await fold.default();
          return fold.demo_hash(seed, events);
        },
        [seed, events] as const,
      );
      expect(native).toMatch(/^[0-9a-f]{16}$/);
      expect(folded).toBe(native);
    }
  });
});
