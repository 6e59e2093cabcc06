// The panel of preference pairs in a real Chromium, for a run without a ranking.

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { serveRun } from '../../../server/listen.ts';
import { smallMeasurement, type SmallPair, textPairs, withSmallSet } from '../../pairs/small-set.ts';
import { describeInChromium, launchBrowser, openPage } from './browser.ts';

/** Forty pairs from easy to hard; the last ten are math, and p39 has no difficulty. */
const forty: SmallPair[] = textPairs(
  Array.from({ length: 40 }, (_, i) => (i === 39 ? null : 2 - i / 10)),
  (i) => (i < 30 ? 'chat' : 'math'),
).map(({ margin, row }, i) => ({ margin, row: { ...row, source: i % 2 === 0 ? 'web' : 'books' } }));

describeInChromium('the panel of preference pairs', () => {
  let browser: Browser;
  let page: Page;
  let faults: string[];
  const endings: (() => void)[] = [];
  let served = Promise.resolve();

  beforeAll(async () => {
    browser = await launchBrowser();
    const url = await new Promise<string>((started, failed) => {
      served = withSmallSet(
        forty,
        async (run) => {
          const server = await serveRun(run, { host: '127.0.0.1', port: 0 });
          started(server.url);
          await new Promise<void>((resolve) => endings.push(resolve));
          await server.stop(0);
        },
        { measurements: [{ ...smallMeasurement, name: 'a-proxy', proxy: true }, smallMeasurement] },
      );
      served.catch(failed);
    });
    ({ page, faults } = await openPage(browser));
    await page.goto(url);
    await page.locator('.pair-near').first().waitFor();
  });
  afterAll(async () => {
    await browser.close();
    for (const end of endings) end();
    await served;
  });

  const text = (selector: string): Promise<string> => page.locator(selector).innerText();
  const keeps = (what: string): Promise<void> => page.locator('#pairsKeep', { hasText: what }).waitFor();
  const ids = async (side: string): Promise<(string | null)[]> =>
    Promise.all(
      (await page.locator(`#pairsNear section[aria-label="${side}"] .pair-near`).all()).map((pair) =>
        pair.getAttribute('data-pair'),
      ),
    );

  it('starts with all pairs, by reference models rather than a proxy', async () => {
    expect(await text('#pairsNote')).toBe(
      '40 pairs of feedback, measured by columns: 39 have a difficulty, 1 do not.',
    );
    expect(await text('#pairsKeep')).toMatch(/^Keep the easiest 100%: 39 of 39 pairs/);
    expect(await page.locator('#pairs canvas').count()).toBe(1);
    expect(await text('#pairsLegend')).toContain('books');
    // Without a ranking there is no answer about documents.
    expect(await page.locator('#answer').isVisible()).toBe(false);
  });

  it('moves the cut by the handle, by keys, and by a press on the plot', async () => {
    await page.locator('#pairKeep').fill('50%');
    await page.keyboard.press('Enter');
    await keeps('50%: 20 of 39');
    expect(await ids('The hardest that are kept')).toEqual(['p19', 'p18', 'p17']);
    expect(await ids('The easiest that are dropped')).toEqual(['p20', 'p21', 'p22']);
    const math = page.locator('#pairsLosses tr', { hasText: 'math' });
    expect((await math.innerText()).split(/\s+/)).toEqual(['math', '9', '100%']);

    const handle = page.getByRole('slider', { name: 'Cut' });
    await handle.focus();
    await page.keyboard.press('PageUp');
    await keeps('55%');
    await page.keyboard.press('ArrowLeft');
    await keeps('54.5%');
    expect(await handle.getAttribute('aria-valuetext')).toMatch(/^keep 54\.5%, up to a difficulty of 0\.6/);

    await page.locator('#pairs .u-over').scrollIntoViewIfNeeded();
    const plot = await page.locator('#pairs .u-over').boundingBox();
    const at = (share: number): [number, number] => [
      (plot?.x ?? 0) + share * (plot?.width ?? 0),
      (plot?.y ?? 0) + 50,
    ];
    await page.mouse.move(...at(0.9));
    await page.mouse.down();
    await page.mouse.move(...at(0.2));
    await page.mouse.up();
    // A fifth of the way from the easiest (.127) to the hardest (1.95) is .49; the last pair below has a margin of .5.
    await keeps('16 of 39 pairs, up to a difficulty of 0.4741');
    const handleAt = Number(await handle.inputValue());
    expect(handleAt).toBeGreaterThan(150);
    expect(handleAt).toBeLessThanOrEqual(200);
  });

  it('shows the published hint for a size of model, and a refusal without losing the answer', async () => {
    await page.locator('#pairParams').fill('7B');
    await page.keyboard.press('Enter');
    await keeps('72.6%: 28 of 39');
    expect(await text('#pairsWhy')).toContain('3B: 63.7%, 7B: 71.2%, 14B: 81.3%');
    expect(await text('#pairsCaveats')).toContain('a hint from three points');
    await page.locator('#pairParams').fill('0.001B');
    await page.keyboard.press('Enter');
    await page.locator('#pairsProblem', { hasText: 'does not hold that far down' }).waitFor();
    expect(await text('#pairsKeep')).toContain('72.6%');
  });

  it('marks the words that differ, and says why a pair is difficult', async () => {
    await page.locator('#pairKeep').fill('100%');
    await page.keyboard.press('Enter');
    await keeps('100%');
    const hardest = page.locator('.pair-near').first();
    expect(await hardest.locator('mark.up').allInnerTexts()).toEqual(['Good']);
    expect(await hardest.locator('mark.down').allInnerTexts()).toEqual(['Bad']);
    await hardest.getByRole('button', { name: 'Why' }).click();
    await hardest.locator('.pair-why table').first().waitFor();
    const why = await hardest.locator('.pair-why').innerText();
    expect(why).toContain('The reference model prefers the rejected answer (mean margin −1.8).');
    expect(why).toMatch(/all pairs\s+39\s+98\.7%/);
    expect(faults).toEqual([]);
  });
});
