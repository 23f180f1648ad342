// How every page looks, in both themes, on a desk and on a phone. The pictures are kept; they compare
// only with what the same browser draws with the same fonts, so elsewhere this is not tried.
// `make pictures` takes them anew.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect, test } from './fixtures';
import { swarm } from './events';

const ENVIRONMENT = join(import.meta.dirname, 'pictures/environment.json');
/** What every picture is of: a winter's morning that has gone by. */
const BEGAN = Date.parse('2026-01-12T09:00:00Z');
const PAGES = {
  overview: '/',
  agents: '/agents',
  agent: '/agents/ada',
  tasks: '/tasks',
  lanes: '/tasks?view=timeline',
  topology: '/topology',
  messages: '/messages',
  memory: '/memory',
  sessions: '/sessions',
  session: '/sessions/s1',
  approvals: '/approvals',
  providers: '/providers',
  trading: '/trading',
  activity: '/activity',
  connection: '/connection',
} as const;
/** What is measured while one looks, or tells when it was: it is never twice the same. */
const MOVING = ['.past', 'footer', '.figures .value', '.histogram table', '.histogram p', '.particulars dd'];

const SIZES = { desk: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const;

/** The swarm at an instant of its own, which the clock of whoever looks does not change. */
function past() {
  return swarm().map((event, index) => {
    const ts = new Date(BEGAN + index * 1_000);
    const payload = event.payload && 'expires_at' in event.payload
      ? { ...event.payload, expires_at: new Date(ts.getTime() + 3_600_000).toISOString() }
      : event.payload;
    return { ...event, ts: ts.toISOString(), ...(payload && { payload }) };
  });
}

/** Which browser it is, and how wide it writes: other fonts are other pictures. */
async function environment(page: Page) {
  const widths = await page.evaluate(() =>
    ['inherit', 'monospace'].map((family) => {
      const probe = document.createElement('span');
      probe.textContent = 'Swarmdeck 0123456789 ◆✕◔◌●◐○✓ äöü';
      probe.style.cssText = `position: absolute; font-size: 40px; white-space: nowrap; font-family: ${family}`;
      document.body.append(probe);
      const width = Math.round(probe.getBoundingClientRect().width * 10) / 10;
      probe.remove();
      return width;
    }),
  );
  return { browser: page.context().browser()?.version() ?? '', widths };
}

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ['dark', 'light'] as const) {
    test.describe(`${size}, ${colorScheme}`, () => {
      test.use({ viewport, colorScheme, timezoneId: 'UTC', contextOptions: { reducedMotion: 'reduce' } });

      test('every page looks as it did', async ({ page, deck }, info) => {
        test.setTimeout(180_000);
        const { last_seq } = await deck.send(past());
        await page.goto(`/?at=${last_seq}`);
        const here = await environment(page);
        if (info.config.updateSnapshots === 'all') {
          mkdirSync(join(ENVIRONMENT, '..'), { recursive: true });
          writeFileSync(ENVIRONMENT, `${JSON.stringify(here, null, 2)}\n`);
        }
        const kept = existsSync(ENVIRONMENT) ? readFileSync(ENVIRONMENT, 'utf8') : 'none';
        test.skip(kept.trim() !== JSON.stringify(here, null, 2), `the pictures are of ${kept.replace(/\s+/g, ' ')}, here is ${JSON.stringify(here)}`);
        for (const [name, path] of Object.entries(PAGES)) {
          await page.goto(`${path}${path.includes('?') ? '&' : '?'}at=${last_seq}`);
          await expect(page.locator('.deck[data-awake="true"]')).toBeVisible();
          await expect(page.locator('.past .scrubber')).toBeVisible();
          await page.evaluate(() => document.fonts.ready);
          await expect.soft(page).toHaveScreenshot(`${name}-${size}-${colorScheme}.png`, {
            mask: MOVING.map((what) => page.locator(what)),
            maskColor: '#808890',
            maxDiffPixelRatio: 0.004,
          });
        }
      });
    });
  }
}
