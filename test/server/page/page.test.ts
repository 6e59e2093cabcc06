// The page in a real Chromium: its answer, its entries, its address, and its use by keyboard and phone.

import { expect, it } from '@jest/globals';
import { longTest } from '../../long.ts';
import { describeInChromium } from './browser.ts';
import { budget, sharePage } from './shared-page.ts';

describeInChromium('the page', () => {
  const at = sharePage();
  const { load, settle, text } = at;

  it('answers on first load, and sends requests only to its own server', async () => {
    const { page, asked, faults } = await load(budget);
    expect(await text('#keep')).toBe('Keep the best 4% of the pool’s tokens');
    expect(await text('#summary')).toContain('4% of a pool of 6.3T tokens');
    expect(await text('#facts')).toContain('800 documents');
    for (const plot of ['#curve canvas', '#histogram canvas'])
      expect(await page.locator(plot).count()).toBe(1);
    expect(await page.locator('#bySource tbody tr').count()).toBe(3);
    expect(await page.locator('#byBenchmark tbody tr').count()).toBe(2);
    expect(await page.locator('#marginList button').count()).toBe(12);
    expect(await page.locator('.problem:visible').count()).toBe(0);
    expect(asked.filter((address) => !address.startsWith(at.url))).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('follows the slider to a new cutoff, in the answer, the list and the address', async () => {
    const { page } = await load(budget);
    const before = await text('#figures .cutoff b');
    await page.locator('#slider').focus();
    for (let press = 0; press < 20; press++) await page.keyboard.press('ArrowRight');
    await page.locator('#keep', { hasText: '7.11%' }).waitFor();
    await settle();
    expect(page.url()).toContain('budget=1e21');
    expect(await page.locator('#budget').inputValue()).toBe('1e21');
    expect(await page.locator('#params').inputValue()).toBe('3.89B');
    const after = await text('#figures .cutoff b');
    expect(Number(after)).toBeLessThan(Number(before));
    expect(await text('#marginList li.line')).toContain(after);
  });

  it('restores its state from a copied link', async () => {
    const { page } = await load('?budget=3e21&poolTokens=6.3T&without=cooking&sizes=1B,7B');
    const seen = await text('#answer');
    const address = page.url();
    await page.reload();
    await settle();
    expect(page.url()).toBe(address);
    expect(await text('#answer')).toBe(seen);
    expect(await page.locator('#sizes').inputValue()).toBe('1B, 7B');
  });

  it('accepts a model size in place of a budget', async () => {
    const { page } = await load(budget);
    await page.locator('#params').fill('7B');
    await page.keyboard.press('Enter');
    // C = 6·N·D with D = 11·N.
    await page.waitForURL(/budget=3\.23e21/);
  });

  longTest('cuts at a score until the budget moves', async () => {
    const { page } = await load(budget);
    const score = page.locator('#score');
    await score.fill('0.5');
    await score.dispatchEvent('change');
    await page.locator('#band', { hasText: 'As requested' }).waitFor();
    await settle();
    expect(page.url()).toContain('score=0.5');
    expect(await text('#summary')).toContain('with a score of 0.5 or higher');
    expect(await text('#caveats')).toContain('this ranking only');
    const address = page.url();
    await load(address.slice(address.indexOf('?')));
    expect(await score.inputValue()).toBe('0.5');
    expect(await page.locator('#pool').inputValue()).toBe('nemotron-cc');
    await page.locator('#slider').press('ArrowRight');
    await settle();
    expect(page.url()).not.toContain('score');
    expect(await score.inputValue()).toBe('');
    expect(await text('#band')).toContain('From the law');
  });

  it('explains an invalid entry until it is valid', async () => {
    const { page } = await load(budget);
    for (const [id, entry] of [
      ['budget', '0'],
      ['budget', '1e400'],
      ['budget', ''],
      ['params', 'abc'],
      ['tokens', '-1'],
      ['score', 'high'],
      ['poolTokens', '1000'],
      ['tokensPerParam', 'x'],
      ['maxEpochs', '0'],
      ['sizes', '1B, lots'],
    ] as const) {
      const input = page.locator(`#${id}`);
      await input.fill(entry);
      await input.dispatchEvent('change');
      expect([id, entry, await input.getAttribute('aria-invalid')]).toEqual([id, entry, 'true']);
      expect(await text(`#${id}Wrong`)).toMatch(/such as/);
      expect(await input.getAttribute('aria-describedby')).toContain(`${id}Wrong`);
    }
    expect(page.url()).toContain(budget);
    await page.locator('#slider').press('ArrowRight');
    await settle();
    expect(await page.locator('.wrong:visible').count()).toBe(0);
  });

  longTest('ignores the invalid parts of an address, and lists them', async () => {
    const { page } = await load('?budget=banana&without=nope,cooking&pool=mine', {});
    await page
      .locator('#notice', {
        hasText: 'Ignored, because the address is not valid here: budget=banana, nope, mine.',
      })
      .waitFor();
    await settle();
    expect(page.url()).toContain('?without=cooking&budget=1e21');
    expect(await page.locator('#pool').inputValue()).toBe('nemotron-cc');
    expect(await text('#benchmarkCount')).toBe('1 of 2');
    expect(await page.locator('.problem:visible').count()).toBe(1);
    const again = await load('?budget=banana');
    expect(await text('#notice')).toContain('not valid here: budget=banana.');
    await again.page.locator('#slider').press('ArrowRight');
    expect(await again.page.locator('#notice').isVisible()).toBe(false);
  });

  longTest('shows an error of the server once, keeps its controls, and marks stale contents', async () => {
    const { page } = await load('?budget=1e20&poolTokens=1000', {});
    expect(await page.locator('.problem:visible').allInnerTexts()).toEqual([
      expect.stringContaining('poolTokens is "1000"'),
    ]);
    await page.getByRole('checkbox', { name: 'cooking' }).waitFor();
    expect(await page.locator('#params').inputValue()).not.toBe('');
    expect(await page.locator('#copy').isVisible()).toBe(false);
    await page.locator('#poolTokens').fill('6.3T');
    await page.keyboard.press('Enter');
    await page.locator('#keep', { hasText: '4%' }).waitFor();
    await settle();
    expect(await page.locator('.problem:visible, [data-stale]:visible').count()).toBe(0);
    await page.route('**/rank?*', (route) =>
      route.fulfill({
        status: 400,
        contentType: 'application/problem+json',
        body: JSON.stringify({ code: 'OPTION_INVALID', detail: 'Refused.' }),
      }),
    );
    await page.locator('#slider').press('ArrowRight');
    await page.locator('#answer[data-stale]').waitFor();
    expect(await text('#answer .problem')).toBe('Refused. The contents below answer an earlier question.');
  });

  it('works with the keyboard alone, and keeps the focus', async () => {
    const { page } = await load(budget);
    const focused = page.locator(':focus');
    await page.keyboard.press('Tab');
    expect(await focused.innerText()).toBe('Skip to the answer');
    await page.keyboard.press('Enter');
    expect(await focused.getAttribute('id')).toBe('answer');
    // From the answer to the documents, into one, and back.
    await page.locator('#marginList button').first().focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('#whyTitle:focus').waitFor();
    await page.keyboard.press('Tab');
    expect(await focused.innerText()).toBe('Close');
    await page.keyboard.press('Enter');
    await page.locator('#marginList li:nth-child(2) button:focus').waitFor();
    // Every control has a name.
    for (const control of await page
      .locator('#question input, #question select, #question button, #sizes')
      .all()) {
      expect(
        (await control.ariaSnapshot()).replace(/^- (textbox|slider|combobox|checkbox|button)/, ''),
      ).toMatch(/^ "[^"]{2,}"/);
    }
  });

  longTest('fits 400 pixels, light and dark', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await load(budget, { viewport: { width: 400, height: 800 }, colorScheme });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(400);
      const paper = await page.evaluate('getComputedStyle(document.body).backgroundColor');
      expect(paper).toBe(colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(19, 21, 25)');
    }
  });
});
