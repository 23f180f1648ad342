// What a page costs while a thousand agents report two thousand events a second. What is lost fails;
// figures are printed, for whoever compares machines and versions.

import { existsSync, readFileSync } from 'node:fs';
import { count, expect, expectNewest, openLive, test } from './fixtures';

const RATE = Number(process.env.BENCH_RATE ?? 2_000);
const AGENTS = Number(process.env.BENCH_AGENTS ?? 1_000);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 20);

test.skip(!process.env.BENCH, 'scripts/bench-page runs it');
// Whoever is measured is not filmed: it takes half of the time of a frame.
test.use({ trace: 'off' });

/** How long a deck is left alone that had a million events at once, in milliseconds. */
const QUIET_MS = 90_000;

/** The longest-lasting of some durations but for so many in a hundred. */
const percentile = (samples: number[], of: number) => samples.toSorted((a, b) => a - b)[Math.min(samples.length - 1, Math.floor((samples.length * of) / 100))];

/** A press of a key: how long until a listener ran, and until the frame after it was drawn; 0 where that is not told. */
interface Heard {
  waited: number;
  drawn: number;
}

for (const path of (process.env.BENCH_PAGES ?? '/activity,/agents,/tasks,/topology,/messages,/sessions,/connection,/').split(',')) {
  test(`${RATE} events a second from ${AGENTS} agents, on ${path}`, async ({ page, deck, context }) => {
    test.setTimeout((SECONDS * 3 + 60) * 1_000);
    // The swarm is there before anybody looks: each of its agents has registered.
    await deck.demo('--agents', String(AGENTS), '--rate', '0', '--events', String(AGENTS * 4));
    const before = await deck.head();
    await openLive(page, path);
    const devtools = await context.newCDPSession(page);
    await devtools.send('Performance.enable');
    const measure = async () => {
      const { metrics } = await devtools.send('Performance.getMetrics');
      return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
    };
    await page.evaluate(() => {
      const frames = ((window as unknown as { frames_drawn: number[] }).frames_drawn = []) as number[];
      const next = (at: number) => {
        frames.push(at);
        requestAnimationFrame(next);
      };
      requestAnimationFrame(next);
      const heard = ((window as unknown as { heard: Heard[] }).heard = []) as Heard[];
      // In the page's own words: when the key was pressed, and when a listener ran and was over.
      addEventListener('keydown', ({ timeStamp }) => heard.push({ waited: performance.now() - timeStamp, drawn: 0 }), true);
      const note = (list: PerformanceObserverEntryList) =>
        list.getEntriesByName('keydown').forEach((entry) => heard.push({ waited: 0, drawn: entry.duration }));
      new PerformanceObserver(note).observe({ type: 'event', durationThreshold: 16 } as PerformanceObserverInit);
    });
    const [from, began] = [await measure(), Date.now()];
    let over = false;
    const played = deck
      .demo('--agents', String(AGENTS), '--rate', String(RATE), '--seed', '2', '--events', String(RATE * SECONDS))
      .finally(() => (over = true));
    // A key that does nothing: how soon the page would answer one that does.
    let presses = 0;
    for (; !over; presses += 1) {
      await page.keyboard.press('Shift');
      // The pace of somebody who types; nothing is waited for.
      await Promise.race([played, page.waitForTimeout(200)]);
    }
    await played;
    const [to, seconds] = [await measure(), (Date.now() - began) / 1_000];
    const frames = await page.evaluate(() => (window as unknown as { frames_drawn: number[] }).frames_drawn.length);
    const heard = await page.evaluate(() => (window as unknown as { heard: Heard[] }).heard);
    const [waited, drawn] = [heard.map((it) => it.waited).filter((ms) => ms > 0), heard.map((it) => it.drawn).filter((ms) => ms > 0)];
    const head = await deck.head();
    expect(head, 'all of them are in the log').toBe(before + RATE * SECONDS);
    await expectNewest(page, head);
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Connection' }).click();
    await expect(page.locator('#folded')).toHaveText(count(RATE * SECONDS));
    const said = async (id: string) => (await page.locator(`#histogram-${id} > p.muted`).textContent()) ?? '';
    const share = (name: string) => (((to[name] - from[name]) / seconds) * 100).toFixed(0);
    for (const line of [
      `${path}: ${(RATE * SECONDS / seconds).toFixed(0)} events / s for ${seconds.toFixed(0)} s, none lost`,
      `  event to pixel: ${await said('pixel')} (goal: 99 % 50 ms)`,
      `  work per frame: ${await said('work')} (goal: 95 % 8 ms)`,
      `  ${(frames / seconds).toFixed(0)} frames / s; main thread busy ${share('TaskDuration')} %, scripts ${share('ScriptDuration')} %, layout ${share('LayoutDuration')} %, style ${share('RecalcStyleDuration')} %`,
      `  input: a press is answered after ${percentile(waited, 50).toFixed(1)} ms, 95 % ${percentile(waited, 95).toFixed(1)} ms, longest ${Math.max(...waited).toFixed(1)} ms (goal: 50 ms)`,
      `  the frame after it is on the screen, as the browser tells: ${drawn.filter((ms) => ms > 50).length} of ${presses} after more than 50 ms, longest ${drawn.length > 0 ? `${Math.max(...drawn)} ms` : 'under 16 ms'}`,
      `  memory of scripts ${(to.JSHeapUsedSize / 1e6).toFixed(0)} MB, ${to.Nodes} nodes in the document`,
    ]) {
      console.log(line);
      test.info().annotations.push({ type: 'measured', description: line });
    }
  });
}

function tell(line: string): void {
  console.log(line);
  test.info().annotations.push({ type: 'measured', description: line });
}

test('memory over many minutes', async ({ page, deck, context, browser }) => {
  const minutes = Number(process.env.BENCH_MINUTES ?? 2);
  test.setTimeout((minutes + 3) * 60_000);
  await deck.demo('--agents', String(AGENTS), '--rate', '0', '--events', String(AGENTS * 4));
  await openLive(page, '/');
  const devtools = await context.newCDPSession(page);
  await devtools.send('Performance.enable');
  let over = false;
  const played = deck
    .demo('--agents', String(AGENTS), '--rate', String(RATE), '--seed', '2', '--events', String(RATE * 60 * minutes))
    .finally(() => (over = true));
  const told: string[] = [];
  const system = await browser.newBrowserCDPSession();
  // The code's own memory is not the scripts': the process has it. Linux tells how large that is.
  const resident = async () => {
    const { processInfo } = await system.send('SystemInfo.getProcessInfo');
    const pages = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => `/proc/${id}/statm`);
    const sizes = pages.filter(existsSync).map((path) => Number(readFileSync(path, 'utf8').split(' ')[1]) * 4_096);
    return sizes.length > 0 ? `${(Math.max(...sizes) / 1e6).toFixed(0)} MB of the page's process` : 'the process is not told';
  };
  const look = async () => {
    // What nobody holds any more is let go before it is measured.
    await devtools.send('HeapProfiler.collectGarbage');
    const { metrics } = await devtools.send('Performance.getMetrics');
    const of = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
    told.push(`${(of('JSHeapUsedSize') / 1e6).toFixed(1)} MB of scripts, ${of('Nodes')} nodes, ${await resident()}`);
  };
  for (let minute = 0; minute < minutes && !over; minute += 1) {
    await look();
    await Promise.race([played, page.waitForTimeout(60_000)]);
  }
  await played;
  await look();
  tell(`memory at ${RATE} events a second, minute by minute: ${told.join('; ')}`);
});

test('seeking in a long log', async ({ page, deck }) => {
  test.setTimeout(600_000);
  const path = process.env.BENCH_SEEK ?? '/agents';
  const events = Number(process.env.BENCH_LOG ?? 1_000_000);
  await deck.demo('--agents', '200', '--rate', '0', '--events', String(events));
  await openLive(page, path);
  const scrubber = page.getByRole('group', { name: 'History of the swarm' });
  const go = scrubber.getByRole('textbox', { name: 'Go to' });
  const seek = async (when: string, from: number) => {
    const took: number[] = [];
    for (let n = from; n < from + 40; n += 1) {
      // Places all over the log, none beside the one before.
      const place = 1 + Math.floor((n * 0.618_034 * events) % events);
      await go.fill(String(place));
      await page.evaluate(() => {
        const began = { at: 0 };
        addEventListener('keydown', () => (began.at = performance.now()), { capture: true, once: true });
        (window as unknown as { began: { at: number } }).began = began;
      });
      await go.press('Enter');
      const shown = `after event ${count(place)}`;
      took.push(
        await page.evaluate(async (shown) => {
          const drawn = () => document.querySelector('#history')?.textContent?.includes(shown) ?? false;
          while (!drawn()) await new Promise(requestAnimationFrame);
          return performance.now() - (window as unknown as { began: { at: number } }).began.at;
        }, shown),
      );
    }
    tell(
      `a seek in ${count(events)} events on ${path}, from the key to the frame, ${when}: median ${percentile(took, 50).toFixed(0)} ms, 95 % ${percentile(took, 95).toFixed(0)} ms, longest ${Math.max(...took).toFixed(0)} ms (goal: 100 ms)`,
    );
  };
  await seek('right after they came', 1);
  // A log that came in a burst has few kept states at first; the deck adds those that are missing while it is quiet.
  await page.waitForTimeout(QUIET_MS);
  await seek(`after ${QUIET_MS / 1_000} s of quiet`, 41);
});

for (const [name, kbps, delay] of [['on the same machine', 0, 0], ['over 1.6 Mbit/s with 150 ms there and back', 1_600, 150]] as const) {
  test(`the first load, ${name}`, async ({ page, deck, context }) => {
    test.setTimeout(120_000);
    await deck.demo('--agents', '50', '--rate', '0', '--events', '5000');
    const devtools = await context.newCDPSession(page);
    await devtools.send('Network.enable');
    if (kbps > 0) {
      const throughput = (kbps * 1_000) / 8;
      await devtools.send('Network.emulateNetworkConditions', { offline: false, latency: delay, downloadThroughput: throughput, uploadThroughput: throughput });
    }
    let bytes = 0;
    let requests = 0;
    devtools.on('Network.loadingFinished', ({ encodedDataLength }) => {
      bytes += encodedDataLength;
      requests += 1;
    });
    await page.addInitScript(() => {
      const seen = ((window as unknown as { seen: Record<string, number> }).seen = { shift: 0, blocked: 0, largest: 0 });
      new PerformanceObserver((list) => list.getEntries().forEach((entry) => (seen.largest = entry.startTime))).observe({ type: 'largest-contentful-paint', buffered: true });
      new PerformanceObserver((list) => list.getEntries().forEach((entry) => (seen.shift += (entry as unknown as { value: number }).value))).observe({ type: 'layout-shift', buffered: true });
      new PerformanceObserver((list) => list.getEntries().forEach((entry) => (seen.blocked += Math.max(0, entry.duration - 50)))).observe({ type: 'longtask', buffered: true });
    });
    await page.goto('/');
    await expect(page.locator('.deck[data-awake="true"]')).toBeVisible({ timeout: 60_000 });
    const [then, drawing] = [await page.evaluate(() => performance.now()), { bytes, requests }];
    await expect(page.locator('#connection')).toHaveText('Live', { timeout: 60_000 });
    const { first, seen } = await page.evaluate(() => ({
      first: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
      seen: (window as unknown as { seen: Record<string, number> }).seen,
    }));
    tell(`first load ${name}: first paint ${first.toFixed(0)} ms, largest ${seen.largest.toFixed(0)} ms, alive after ${then.toFixed(0)} ms`);
    tell(`  by then ${drawing.requests} requests, ${(drawing.bytes / 1_024).toFixed(0)} KB; main thread blocked ${seen.blocked.toFixed(0)} ms; layout shift ${seen.shift.toFixed(3)}`);
  });
}
