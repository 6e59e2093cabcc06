// The page of a run that has no ranking, or a damaged one: it says what to do, starts it, shows how it goes,
// and then answers by itself.

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { writeDrift } from '../../../ranking/drift.ts';
import { readRanking } from '../../../ranking/generation.ts';
import { type Listening, serveRun } from '../../../server/listen.ts';
import { makeRealRun, type RealRun } from '../real-run.ts';
import { longTest } from '../../long.ts';
import { describeInChromium, launchBrowser, type Opened, openPage } from './browser.ts';

const jobMs = 120_000;

describeInChromium('the page of a run without an answer', () => {
  let browser: Browser;
  let made: RealRun;
  let server: Listening | undefined;
  let opened: Opened;

  beforeAll(async () => {
    [browser, made] = await Promise.all([launchBrowser(), makeRealRun()]);
    opened = await openPage(browser);
  });
  afterAll(async () => {
    await browser.close();
    await server?.stop(0);
    await made.close();
  });

  /** The page, loaded anew, of the server that runs already. */
  const load = async (): Promise<Opened> => {
    server ??= await serveRun(made.run, { host: '127.0.0.1', port: 0 });
    await opened.page.goto(`${server.url}/?budget=1e20&poolTokens=6.3T`);
    await opened.page.locator('#run').waitFor();
    return opened;
  };

  it(
    'says what comes first, and that a step came too early',
    async () => {
      const { page, faults } = await load();
      expect(await page.locator('#runTitle').innerText()).toBe('No ranking yet');
      expect(await page.locator('#runBody').innerText()).toContain(
        'There is no ranking yet. Run "betr run" first.',
      );
      expect(await page.locator('.steps li').allInnerTexts()).toEqual([
        expect.stringContaining('betr index'),
        expect.stringContaining('betr train'),
        expect.stringContaining('betr rank'),
      ]);
      for (const idle of ['#answer', '#slider']) expect(await page.locator(idle).isVisible()).toBe(false);
      await page.locator('.steps').getByRole('button', { name: 'Start train' }).click();
      await page.locator('.job[data-state="failed"]').waitFor({ timeout: jobMs });
      expect(await page.locator('.job').innerText()).toContain('betr index');
      expect(faults).toEqual([]);
    },
    jobMs,
  );

  longTest(
    'cancels a job',
    async () => {
      const { page } = await load();
      let release = (): void => undefined;
      made.bag.hold = new Promise((resolve) => (release = resolve));
      try {
        await page.locator('.steps').getByRole('button', { name: 'Start index' }).click();
        await page.locator('.job[data-state="running"] progress').waitFor({ timeout: jobMs });
        await page.getByRole('button', { name: 'Cancel index' }).click();
        await page.locator('.job[data-state="cancelled"]').waitFor({ timeout: jobMs });
      } finally {
        release();
      }
    },
    jobMs,
  );

  it(
    'runs all steps, tells how far they are, and then answers by itself',
    async () => {
      const { page } = await load();
      await page.getByRole('button', { name: 'Start all' }).click();
      await page.locator('.job[data-state="running"]').waitFor({ timeout: jobMs });
      expect(await page.locator('body').getAttribute('data-working')).toBe('');
      await page.locator('.job .quiet', { hasText: /: [\d,]+/ }).waitFor({ timeout: jobMs });
      await page.locator('#keep', { hasText: 'Keep the best 4%' }).waitFor({ timeout: jobMs });
      expect(await page.locator('#run').isVisible()).toBe(false);
      // The ranking may be found before the process that published it has ended.
      await page.locator('.job[data-state="done"]').waitFor({ timeout: jobMs });
      await page.locator('body:not([data-working])').waitFor({ timeout: jobMs });
      expect(await page.locator('.job').count()).toBe(1);
    },
    jobMs,
  );

  longTest(
    'names what is damaged, and mends it',
    async () => {
      const parts = await readdir(made.run.files.scores);
      await rm(join(made.run.files.scores, parts.find((name) => name.endsWith('.parquet')) ?? ''));
      // What is served already stays as it was.
      await server?.stop(0);
      server = undefined;
      const { page } = await load();
      expect(await page.locator('#runTitle').innerText()).toBe('The run has a problem');
      expect(await page.locator('#runBody').innerText()).toMatch(
        /is damaged: it is missing\. Run "betr rank" to recreate it\.[^]*FILE_DAMAGED/,
      );
      await page.locator('#runBody').getByRole('button', { name: 'Start rank' }).click();
      await page.locator('#keep', { hasText: 'Keep the best 4%' }).waitFor({ timeout: jobMs });
    },
    jobMs,
  );

  it('tells of a ranking that drifted from the one before', async () => {
    const { generation } = await readRanking(made.run);
    const comparison = { documents: 1, tokens: 1, scores: null, sources: [] };
    await writeDrift(made.run, {
      from: 'aaaaaaaaaaaa',
      to: generation,
      whole: comparison,
      fresh: null,
      over: ['source "web" has 10% of the tokens instead of 50%'],
    });
    server ??= await serveRun(made.run, { host: '127.0.0.1', port: 0 });
    await opened.page.goto(`${server.url}/?budget=1e20&poolTokens=6.3T`);
    await opened.page.locator('#drift:visible').waitFor();
    expect(await opened.page.locator('#drift').innerText()).toBe(
      'This ranking drifted from the previous one (aaaaaaaaaaaa): source "web" has 10% of the tokens instead of 50%.',
    );
  });
});
