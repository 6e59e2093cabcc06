// Each panel of the page in a real Chromium, and the data behind it.

import { expect, it } from '@jest/globals';
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commitBytes, commitJson } from '../../../data/files/commit.ts';
import { takeLease } from '../../../data/files/lease.ts';
import { writeJob } from '../../../models/trainer/write-job.ts';
import { silent } from '../../../run/progress.ts';
import { domainSettingsSchema } from '../../../run/domain-settings.ts';
import { weighDomains } from '../../../domains/domains.ts';
import { evaluationFile, evaluationHtml, reportFile } from '../../../evaluation/report.ts';
import { goldenTables } from '../../domains/tables.ts';
import { pretrainPlan } from '../../models/trainer/jobs.ts';
import { makeEvaluation } from '../made-evaluation.ts';
import { planMadeTrial, reportMadeTrial } from '../made-trial.ts';
import { longTest } from '../../long.ts';
import { describeInChromium, type Opened } from './browser.ts';
import { budget, sharePage } from './shared-page.ts';

describeInChromium('the panels of the page', () => {
  const at = sharePage();
  const { load, settle, text } = at;

  longTest('show the budget among the model sizes, and only once if it equals one of them', async () => {
    const { page } = await load(`${budget}&sizes=1B,7B`);
    const row = page.locator('#compareTable tr.chosen');
    // Overlap with the next size, what that adds, and the paper's four columns.
    expect((await row.locator('td').allInnerTexts()).slice(7).filter((cell) => cell === '')).toEqual([]);
    expect(await page.locator('#compareTable tbody tr').count()).toBe(4);
    await page.locator('#params').fill('7B');
    await page.keyboard.press('Enter');
    await page.locator('#compareTable tr.chosen', { hasText: '7B · this budget' }).waitFor();
    expect(await page.locator('#compareTable tbody tr').count()).toBe(3);
  });

  it('follow the benchmarks that are switched on', async () => {
    const { page } = await load(budget);
    const [cutoff, list] = [await text('#figures .cutoff b'), await text('#marginList')];
    await page.getByRole('checkbox', { name: 'cooking' }).uncheck();
    await page.waitForURL(/without=cooking/);
    await page.locator('#figures .cutoff b', { hasNotText: cutoff }).waitFor();
    await settle();
    expect(await text('#summary')).toContain('astronomy');
    expect(await text('#byBenchmark')).not.toContain('cooking');
    expect(await text('#marginList')).not.toBe(list);
    // One benchmark stays on.
    expect(await page.getByRole('checkbox', { name: 'astronomy' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'All benchmarks' }).click();
    await page.locator('#figures .cutoff b', { hasText: cutoff }).waitFor();
    expect(page.url()).not.toContain('without');
  });

  it('explain the score of a document by n-grams of its text', async () => {
    const { page } = await load(budget);
    await page.locator('#marginList button').first().click();
    await page.locator('#whyTitle').waitFor();
    await settle();
    expect(page.url()).toMatch(/shard=[0-9a-f]+&row=\d+/);
    const ngrams = await page.locator('.ngrams.up th').allInnerTexts();
    expect(ngrams.length).toBeGreaterThan(0);
    const whole = await text('.document-text');
    expect(whole.toLowerCase()).toContain((ngrams[0] ?? '').replace(/ × \d+$/, '').toLowerCase());
    expect(await page.locator('.document-text mark.up').count()).toBeGreaterThan(0);
    expect(await page.locator('.examples li').count()).toBe(3);
    await page.getByRole('button', { name: 'Close' }).click();
    expect(await page.locator('#why').isHidden()).toBe(true);
    expect(page.url()).not.toContain('shard=');
  });

  it('show some full examples of each benchmark, and the recipe that made them', async () => {
    const { page } = await load(budget);
    const benchmark = page.locator('#examples details').first();
    expect(await benchmark.locator('summary').innerText()).toBe('cooking 12 examples');
    await benchmark.locator('summary').click();
    expect(await benchmark.locator('li').allInnerTexts()).toEqual(['12 rows by the general rules']);
    const examples = await benchmark.locator('.example-text').allInnerTexts();
    expect(examples).toEqual(Array.from({ length: 3 }, () => expect.stringMatching(/^What of .*\?\nthat$/)));
  });

  const checkData = async (page: Opened['page']): Promise<void> => {
    const links = await Promise.all(
      (await page.locator('a[data-format]:visible').all()).map(async (link) => ({
        href: await link.getAttribute('href'),
        format: await link.getAttribute('data-format'),
      })),
    );
    expect(links.length).toBeGreaterThanOrEqual(8);
    for (const { href, format } of links) {
      const reply = await fetch(`${at.url}/${href ?? ''}`);
      expect([href, reply.status, reply.headers.get('content-type')]).toEqual([
        href,
        200,
        format === 'csv' ? 'text/csv; charset=utf-8' : 'application/json; charset=utf-8',
      ]);
      await reply.text();
    }
  };
  it('link to the data of every plot', async () => {
    const { page } = await load(budget);
    await checkData(page);
  });

  longTest('show an evaluation and domains only if the run has them', async () => {
    const { page, faults } = await load(budget);
    for (const panel of ['#evaluation', '#domains'])
      expect(await page.locator(panel).isVisible()).toBe(false);
    const { run } = at.made;
    for (const [name, table] of [
      ['losses', goldenTables.wide],
      ['errors', goldenTables.errors],
      ['tokens', goldenTables.tokens],
    ] as const)
      await writeFile(join(run.settingsFolder, `${name}.csv`), table);
    await weighDomains(
      run,
      domainSettingsSchema.parse({
        losses: 'losses.csv',
        errors: 'errors.csv',
        tokens: 'tokens.csv',
        keepRate: 0.5,
        resamples: 10,
      }),
      silent,
    );
    await commitBytes(join(run.files.evaluation, reportFile), evaluationHtml(makeEvaluation(), {}));
    await commitJson(join(run.files.evaluation, evaluationFile), makeEvaluation());
    try {
      await load(budget);
      expect(await page.locator('#domainsTable tbody tr').allInnerTexts()).toEqual([
        expect.stringMatching(/^d1\s+400\s+1\.000\s+.* to .*80%$/s),
        expect.stringMatching(/^d3\s+200\s+0\.100\s/),
        expect.stringMatching(/^d2\s+300\s+−0\.200\s.*excluded$/s),
        expect.stringMatching(/^d4\s+100\s+−0\.900\s/),
      ]);
      expect(await text('#domainsNote')).toContain('4 domains by spearman over 5 models');
      expect(await text('#domainsWarnings')).toContain('fewer than 20');
      expect(await page.locator('#domains canvas').count()).toBe(1);
      expect(await text('#evaluationTable tbody tr:has-text("betr")')).toMatch(
        /10%\s+betr\s+\+0\.200 0\.150 to 0\.250\s+better than random\s+−0\.200/,
      );
      expect(await page.locator('#evaluationTable .bad').allInnerTexts()).toEqual(['no better than random']);
      expect(
        await page.evaluate("getComputedStyle(document.querySelector('#evaluationTable .bad')).color"),
      ).toBe('rgb(179, 38, 30)');
      await checkData(page);
      await page.getByRole('link', { name: 'Report' }).click();
      await page.locator('h1', { hasText: 'Is the cut any good?' }).waitFor();
      // The content security policy of the report allows its style.
      expect(await page.evaluate("getComputedStyle(document.querySelector('h1')).fontSize")).toBe('28px');
      expect(faults).toEqual([]);
    } finally {
      for (const path of [run.files.domains, run.files.evaluation]) await rm(path, { recursive: true });
    }
  });

  it('follow the loss of a training job while it runs', async () => {
    const { run } = at.made;
    const { training } = run.files;
    const plan = await pretrainPlan(run.settingsFolder);
    const folder = await writeJob(training, 'arm-1', plan);
    await writeJob(training, 'arm-2', { ...plan, seed: 1 });
    const say = (step: number): Promise<void> =>
      appendFile(
        join(folder, 'events.jsonl'),
        `${JSON.stringify({ at: '2026-11-30T20:00:00Z', event: 'progress', step, steps: 9, loss: 5 - step })}\n`,
      );
    await say(1);
    const lease = await takeLease(join(folder, 'lease'), 1000);
    try {
      const { page, faults } = await load(budget);
      const row = (name: string): Promise<string> => text(`#trainingTable tr:has-text("${name}")`);
      await page.locator('#training canvas').waitFor();
      expect(await text('#trainingNote')).toBe('Loss of arm-1 by step.');
      expect(await row('arm-1')).toMatch(/arm-1\s+pretrain\s+running\s+1 of 9\s+4\.000/);
      await say(2);
      await page.locator('#trainingTable', { hasText: '2 of 9' }).waitFor();
      await page.getByRole('button', { name: 'arm-2' }).click();
      await page.locator('#trainingNote', { hasText: 'arm-2 has no losses yet.' }).waitFor();
      await checkData(page);
      expect(faults).toEqual([]);
    } finally {
      await lease?.release();
      await rm(training, { recursive: true });
    }
  });

  it('compare the arms of a trial, at each learning rate', async () => {
    const { run } = at.made;
    expect(await (await load(budget)).page.locator('#trials').isVisible()).toBe(false);
    await planMadeTrial(run, 'early');
    await reportMadeTrial(run, 'first');
    try {
      const { page, faults } = await load(budget);
      const rows = page.locator('#trialTable tbody tr');
      await rows.first().waitFor();
      expect((await rows.allInnerTexts()).map((row) => row.replaceAll(/\s+/g, ' ').trim())).toEqual([
        'no filter 2.100 2.070 to 2.130 – – – – 1.0 ×',
        expect.stringMatching(/^random at 10% 2\.120 .* −0\.020 no difference seen −0\.050 to 0\.010 – – /),
        expect.stringMatching(/^betr at 10% .* \+0\.200 better .* 2\.4 × 1\.9 to not reached −0\.100 worse/),
        expect.stringMatching(/^dsir at 10% .* −0\.200 worse .* not reached less than 0\.20 ×/),
      ]);
      expect(await text('#trialCaveats')).toContain('below 15M parameters');
      expect(await text('#trialCaveats')).toContain('first.dsir.k10.s2.lr1 has no result');
      expect(await page.locator('#trials canvas').count()).toBe(1);
      await page.getByLabel('Learning rate').selectOption('0.0005');
      expect(await rows.count()).toBe(3);
      await page.getByLabel('Trial', { exact: true }).selectOption('early');
      await page.locator('#trialNote', { hasText: 'betr trial report --name early' }).waitFor();
      expect(await page.locator('#trialBody').isHidden()).toBe(true);
      await page.getByLabel('Trial', { exact: true }).selectOption('first');
      await page.locator('#trials').getByRole('link', { name: 'Report' }).click();
      // The report draws its curves, although it may not use this server.
      await page.locator('.curve canvas').first().waitFor();
      expect(faults).toEqual([]);
    } finally {
      await rm(run.files.trials, { recursive: true });
    }
  });

  it('link to the API description', async () => {
    const { page, faults } = await load(budget);
    await page.getByRole('link', { name: 'API', exact: true }).click();
    await page.locator('h2', { hasText: 'GET /rank' }).first().waitFor();
    expect(await page.locator('tr#BUDGET_INVALID').count()).toBe(1);
    expect(faults).toEqual([]);
  });
});
