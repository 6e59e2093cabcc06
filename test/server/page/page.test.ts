// The page in a real Chromium, against a real server of a small run.

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { commitBytes, commitJson } from '../../../data/files/commit.ts';
import { silent } from '../../../run/progress.ts';
import { domainSettingsSchema } from '../../../run/domain-settings.ts';
import { weighDomains } from '../../../domains/domains.ts';
import { evaluationFile, evaluationHtml, reportFile } from '../../../evaluation/report.ts';
import { type Listening, serveRun } from '../../../server/listen.ts';
import { goldenTables } from '../../domains/tables.ts';
import { makeEvaluation } from '../made-evaluation.ts';
import { makeRankedRun, type RealRun } from '../real-run.ts';
import { describeInChromium, launchBrowser, type Opened, openPage } from './browser.ts';

const text = (opened: Opened, selector: string): Promise<string> => opened.page.locator(selector).innerText();

describeInChromium('the page', () => {
  let browser: Browser;
  let made: RealRun;
  let server: Listening;
  let url = '';
  /** One page goes from test to test, as its scripts take longer to load than most tests. */
  let shared: Opened;
  let opened: Opened;

  beforeAll(async () => {
    [browser, made] = await Promise.all([launchBrowser(), makeRankedRun()]);
    server = await serveRun(made.run, { host: '127.0.0.1', port: 0 });
    url = server.url;
    shared = await openPage(browser);
  });
  afterAll(async () => {
    await browser.close();
    await server.stop(0);
    await made.close();
  });

  /** A page that has loaded everything, in a window of its own where it has options. */
  const load = async (query: string, options?: Parameters<typeof openPage>[1]): Promise<Opened> => {
    opened = options === undefined ? shared : await openPage(browser, options);
    opened.asked.length = 0;
    opened.faults.length = 0;
    await opened.page.goto(`${url}/${query}`);
    await settle();
    return opened;
  };
  /** Waits until the page has followed its state, texts and all. */
  const settle = async (): Promise<void> => {
    await opened.page.locator('[aria-busy]').first().waitFor({ state: 'detached' });
  };
  const budget = '?budget=1e20&poolTokens=6.3T';

  it('answers on first load, and asks nobody but its own server', async () => {
    await load(budget);
    expect(await text(opened, '#keep')).toBe('Keep the best 4 % of the pool’s tokens');
    expect(await text(opened, '#summary')).toContain('4 % of a pool of 6.3T tokens');
    expect(await text(opened, '#facts')).toContain('800 documents');
    for (const plot of ['#curve canvas', '#histogram canvas'])
      expect(await opened.page.locator(plot).count()).toBe(1);
    expect(await opened.page.locator('#bySource tbody tr').count()).toBe(3);
    expect(await opened.page.locator('#byBenchmark tbody tr').count()).toBe(2);
    expect(await opened.page.locator('#marginList button').count()).toBe(12);
    expect(await opened.page.locator('.problem:visible').count()).toBe(0);
    expect(opened.asked.filter((address) => !address.startsWith(url))).toEqual([]);
    expect(opened.faults).toEqual([]);
  });

  it('follows the slider to a new cutoff, in the answer, the list and the address', async () => {
    await load(budget);
    const before = await text(opened, '#figures .cutoff b');
    await opened.page.locator('#slider').focus();
    for (let press = 0; press < 20; press++) await opened.page.keyboard.press('ArrowRight');
    await opened.page.locator('#keep', { hasText: '7.11 %' }).waitFor();
    await settle();
    expect(opened.page.url()).toContain('budget=1e21');
    expect(await opened.page.locator('#budget').inputValue()).toBe('1e21');
    expect(await opened.page.locator('#params').inputValue()).toBe('3.89B');
    const after = await text(opened, '#figures .cutoff b');
    expect(Number(after)).toBeLessThan(Number(before));
    expect(await text(opened, '#marginList li.line')).toContain(after);
  });

  it('is at a link what it was where the link was copied', async () => {
    await load('?budget=3e21&poolTokens=6.3T&without=cooking&sizes=1B,7B');
    const seen = await text(opened, '#answer');
    const address = opened.page.url();
    await opened.page.reload();
    await settle();
    expect(opened.page.url()).toBe(address);
    expect(await text(opened, '#answer')).toBe(seen);
    expect(await opened.page.locator('#sizes').inputValue()).toBe('1B, 7B');
  });

  it('takes a model size or tokens for a budget', async () => {
    await load(budget);
    await opened.page.locator('#params').fill('7B');
    await opened.page.keyboard.press('Enter');
    // C = 6·N·D with D = 11·N.
    await opened.page.waitForURL(/budget=3\.23e21/);
  });

  it('says at an entry what it may be, for as long as it cannot be read', async () => {
    await load(budget);
    for (const [id, entry] of [
      ['budget', '0'],
      ['budget', '1e400'],
      ['budget', ''],
      ['params', 'abc'],
      ['tokens', '-1'],
      ['poolTokens', '1000'],
      ['tokensPerParam', 'x'],
      ['maxEpochs', '0'],
      ['sizes', '1B, lots'],
    ] as const) {
      const input = opened.page.locator(`#${id}`);
      await input.fill(entry);
      await input.dispatchEvent('change');
      expect([id, entry, await input.getAttribute('aria-invalid')]).toEqual([id, entry, 'true']);
      expect(await text(opened, `#${id}Wrong`)).toMatch(/such as/);
      expect(await input.getAttribute('aria-describedby')).toContain(`${id}Wrong`);
    }
    expect(opened.page.url()).toContain(budget);
    await opened.page.locator('#slider').press('ArrowRight');
    await settle();
    expect(await opened.page.locator('.wrong:visible').count()).toBe(0);
  });

  it('goes on from an address with what this ranking does not have, and tells what it left out', async () => {
    await load('?budget=banana&without=nope,cooking&pool=mine', {});
    await opened.page
      .locator('#notice', {
        hasText: 'Ignored, because the address is not valid here: budget=banana, nope, mine.',
      })
      .waitFor();
    await settle();
    expect(opened.page.url()).toContain('?without=cooking&budget=1e21');
    expect(await opened.page.locator('#pool').inputValue()).toBe('nemotron-cc');
    expect(await text(opened, '#benchmarkCount')).toBe('1 of 2');
    expect(await opened.page.locator('.problem:visible').count()).toBe(1);
    await load('?budget=banana');
    expect(await text(opened, '#notice')).toContain('not valid here: budget=banana.');
    await opened.page.locator('#slider').press('ArrowRight');
    expect(await opened.page.locator('#notice').isVisible()).toBe(false);
  });

  it('tells once what the server refuses, with all there is to ask in reach, and marks what is stale', async () => {
    await load('?budget=1e20&poolTokens=1000', {});
    expect(await opened.page.locator('.problem:visible').allInnerTexts()).toEqual([
      expect.stringContaining('poolTokens is "1000"'),
    ]);
    await opened.page.getByRole('checkbox', { name: 'cooking' }).waitFor();
    expect(await opened.page.locator('#params').inputValue()).not.toBe('');
    expect(await opened.page.locator('#copy').isVisible()).toBe(false);
    await opened.page.locator('#poolTokens').fill('6.3T');
    await opened.page.keyboard.press('Enter');
    await opened.page.locator('#keep', { hasText: '4 %' }).waitFor();
    await settle();
    expect(await opened.page.locator('.problem:visible, [data-stale]:visible').count()).toBe(0);
    await opened.page.route('**/rank?*', (route) =>
      route.fulfill({
        status: 400,
        contentType: 'application/problem+json',
        body: JSON.stringify({ code: 'OPTION_INVALID', detail: 'Refused.' }),
      }),
    );
    await opened.page.locator('#slider').press('ArrowRight');
    await opened.page.locator('#answer[data-stale]').waitFor();
    expect(await text(opened, '#answer .problem')).toBe(
      'Refused. The contents below answer an earlier question.',
    );
  });

  it(
    'has the budget among the model sizes, with its overlap and the paper, and once where it is one ' +
      'of them',
    async () => {
      await load(`${budget}&sizes=1B,7B`);
      const row = opened.page.locator('#compareTable tr.chosen');
      // Overlap with the next, what that adds, and the paper's four.
      expect((await row.locator('td').allInnerTexts()).slice(7).filter((cell) => cell === '')).toEqual([]);
      expect(await opened.page.locator('#compareTable tbody tr').count()).toBe(4);
      await opened.page.locator('#params').fill('7B');
      await opened.page.keyboard.press('Enter');
      await opened.page.locator('#compareTable tr.chosen', { hasText: '7B · this budget' }).waitFor();
      expect(await opened.page.locator('#compareTable tbody tr').count()).toBe(3);
    },
  );

  it('aims at other benchmarks when one is switched off, and back', async () => {
    await load(budget);
    const [cutoff, list] = [await text(opened, '#figures .cutoff b'), await text(opened, '#marginList')];
    await opened.page.getByRole('checkbox', { name: 'cooking' }).uncheck();
    await opened.page.waitForURL(/without=cooking/);
    await opened.page.locator('#figures .cutoff b', { hasNotText: cutoff }).waitFor();
    await settle();
    expect(await text(opened, '#summary')).toContain('astronomy');
    expect(await text(opened, '#byBenchmark')).not.toContain('cooking');
    expect(await text(opened, '#marginList')).not.toBe(list);
    // One benchmark stays on.
    expect(await opened.page.getByRole('checkbox', { name: 'astronomy' }).isDisabled()).toBe(true);
    await opened.page.getByRole('button', { name: 'All benchmarks' }).click();
    await opened.page.locator('#figures .cutoff b', { hasText: cutoff }).waitFor();
    expect(opened.page.url()).not.toContain('without');
  });

  it('says why a document has its score, by n-grams that stand in its text', async () => {
    await load(budget);
    await opened.page.locator('#marginList button').first().click();
    await opened.page.locator('#whyTitle').waitFor();
    await settle();
    expect(opened.page.url()).toMatch(/shard=[0-9a-f]+&row=\d+/);
    const ngrams = await opened.page.locator('.ngrams.up th').allInnerTexts();
    expect(ngrams.length).toBeGreaterThan(0);
    const whole = await text(opened, '.document-text');
    expect(whole.toLowerCase()).toContain((ngrams[0] ?? '').replace(/ × \d+$/, '').toLowerCase());
    expect(await opened.page.locator('.document-text mark.up').count()).toBeGreaterThan(0);
    expect(await opened.page.locator('.examples li').count()).toBe(3);
    await opened.page.getByRole('button', { name: 'Close' }).click();
    expect(await opened.page.locator('#why').isHidden()).toBe(true);
    expect(opened.page.url()).not.toContain('shard=');
  });

  it('shows what the ranking aims at: some examples of each benchmark, whole, and what made them', async () => {
    await load(budget);
    const benchmark = opened.page.locator('#examples details').first();
    expect(await benchmark.locator('summary').innerText()).toBe('cooking 12 examples');
    await benchmark.locator('summary').click();
    expect(await benchmark.locator('li').allInnerTexts()).toEqual(['12 rows by the general rules']);
    const examples = await benchmark.locator('.example-text').allInnerTexts();
    expect(examples).toEqual(Array.from({ length: 3 }, () => expect.stringMatching(/^What of .*\?\nthat$/)));
  });

  it('can be used with the keyboard alone, and keeps its place', async () => {
    await load(budget);
    const { page } = opened;
    const focused = page.locator(':focus');
    await page.keyboard.press('Tab');
    expect(await focused.innerText()).toBe('Skip to the answer');
    await page.keyboard.press('Enter');
    expect(await focused.getAttribute('id')).toBe('answer');
    // From the answer on to the documents, and into one and back.
    await page.locator('#marginList button').first().focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('#whyTitle:focus').waitFor();
    await page.keyboard.press('Tab');
    expect(await focused.innerText()).toBe('Close');
    await page.keyboard.press('Enter');
    await page.locator('#marginList li:nth-child(2) button:focus').waitFor();
    // Every control says what it is.
    for (const control of await page
      .locator('#question input, #question select, #question button, #sizes')
      .all()) {
      expect(
        (await control.ariaSnapshot()).replace(/^- (textbox|slider|combobox|checkbox|button)/, ''),
      ).toMatch(/^ "[^"]{2,}"/);
    }
  });

  const checkData = async (): Promise<void> => {
    const links = await Promise.all(
      (await opened.page.locator('a[data-format]:visible').all()).map(async (link) => ({
        href: await link.getAttribute('href'),
        format: await link.getAttribute('data-format'),
      })),
    );
    expect(links.length).toBeGreaterThanOrEqual(8);
    for (const { href, format } of links) {
      const reply = await fetch(`${url}/${href ?? ''}`);
      expect([href, reply.status, reply.headers.get('content-type')]).toEqual([
        href,
        200,
        format === 'csv' ? 'text/csv; charset=utf-8' : 'application/json; charset=utf-8',
      ]);
      await reply.text();
    }
  };
  it('has the data of every plot one press away', async () => {
    await load(budget);
    await checkData();
  });

  it('has neither an evaluation nor domains where the run has none, and shows them where it has', async () => {
    await load(budget);
    for (const panel of ['#evaluation', '#domains'])
      expect(await opened.page.locator(panel).isVisible()).toBe(false);
    const { run } = made;
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
      expect(await opened.page.locator('#domainsTable tbody tr').allInnerTexts()).toEqual([
        expect.stringMatching(/^d1\s+400\s+1\.000\s+.* to .*80 %$/s),
        expect.stringMatching(/^d3\s+200\s+0\.100\s/),
        expect.stringMatching(/^d2\s+300\s+−0\.200\s.*excluded$/s),
        expect.stringMatching(/^d4\s+100\s+−0\.900\s/),
      ]);
      expect(await text(opened, '#domainsNote')).toContain('4 domains by spearman over 5 models');
      expect(await text(opened, '#domainsWarnings')).toContain('fewer than 20');
      expect(await opened.page.locator('#domains canvas').count()).toBe(1);
      expect(await text(opened, '#evaluationTable tbody tr:has-text("betr")')).toMatch(
        /10 %\s+betr\s+\+0\.200 0\.150 to 0\.250\s+better than random\s+−0\.200/,
      );
      expect(await opened.page.locator('#evaluationTable .bad').allInnerTexts()).toEqual([
        'no better than random',
      ]);
      expect(
        await opened.page.evaluate("getComputedStyle(document.querySelector('#evaluationTable .bad')).color"),
      ).toBe('rgb(179, 38, 30)');
      await checkData();
      await opened.page.getByRole('link', { name: 'Report' }).click();
      await opened.page.locator('h1', { hasText: 'Is the cut any good?' }).waitFor();
      // The report's own policy lets its style count.
      expect(await opened.page.evaluate("getComputedStyle(document.querySelector('h1')).fontSize")).toBe(
        '28px',
      );
      expect(opened.faults).toEqual([]);
    } finally {
      for (const path of [run.files.domains, run.files.evaluation]) await rm(path, { recursive: true });
    }
  });

  it('leads to the description of the interface', async () => {
    await load(budget);
    await opened.page.getByRole('link', { name: 'API', exact: true }).click();
    await opened.page.locator('h2', { hasText: 'GET /rank' }).first().waitFor();
    expect(await opened.page.locator('tr#BUDGET_INVALID').count()).toBe(1);
    expect(opened.faults).toEqual([]);
  });

  it('fits 400 pixels, light and dark', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await load(budget, { viewport: { width: 400, height: 800 }, colorScheme });
      expect(await opened.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(400);
      const paper = await opened.page.evaluate('getComputedStyle(document.body).backgroundColor');
      expect(paper).toBe(colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(19, 21, 25)');
    }
  });
});
