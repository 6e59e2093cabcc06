// The page of an audit in a real browser, used by keyboard only.

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { findAudit } from '../../../evaluation/audit/audit.ts';
import { type Decision, readDecisions } from '../../../evaluation/audit/decisions.ts';
import { auditResult } from '../../../evaluation/audit/result.ts';
import { makeKey } from '../../../server/keys-file.ts';
import { type Listening, serveRun } from '../../../server/listen.ts';
import { betr } from '../../cli/betr.ts';
import { type AuditProject, hostileText, makeAuditProject } from '../../evaluation/audit/project.ts';
import { until } from '../../until.ts';
import { startServer } from '../real-run.ts';
import { longTest } from '../../long.ts';
import { describeInChromium, launchBrowser, openPage } from './browser.ts';

describeInChromium('the page of an audit', () => {
  let browser: Browser;
  let made: AuditProject;
  let server: Listening;
  const faults: string[][] = [];

  beforeAll(async () => {
    [browser, made] = await Promise.all([launchBrowser(), makeAuditProject()]);
    server = await serveRun(made.run, { host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await browser.close();
    await server.stop(0);
    await made.close();
    expect(faults.flat()).toEqual([]);
  });

  const draw = async (...args: string[]): Promise<void> => {
    await rm(made.run.files.audits, { recursive: true, force: true });
    const { code, stderr } = await betr(made.folder, ['audit', 'draw', '--scorer', 'length', ...args]);
    if (code !== 0) throw new Error(stderr);
  };
  const decisions = async (): Promise<Decision[]> =>
    (await readDecisions(made.run, await findAudit(made.run, {}))).all;

  /** A person at a browser of their own, which knows nothing of earlier ones. */
  const sit = async (person: string, url = server.url): Promise<Page> => {
    const opened = await openPage(browser);
    faults.push(opened.faults);
    await opened.page.goto(`${url}/audit`);
    // The field has the focus.
    await opened.page.keyboard.type(person);
    await opened.page.keyboard.press('Enter');
    await shown(opened.page);
    return opened.page;
  };
  const shown = (page: Page): Promise<void> =>
    page.locator('#text:not([aria-busy]):visible, #done:visible').first().waitFor();
  const press = async (page: Page, ...keys: string[]): Promise<void> => {
    for (const key of keys) {
      await page.keyboard.press(key);
      await shown(page);
    }
  };
  const saved = (page: Page): Promise<void> =>
    page.locator('#saved', { hasText: 'All answers are saved.' }).waitFor();
  const count = (page: Page): Promise<string> => page.locator('#count').innerText();
  const isDone = (page: Page): Promise<boolean> => page.locator('#done').isVisible();

  it('lets two people judge at once, and one go on another day in another browser', async () => {
    await draw('--count', '24', '--twice', '50%', '--question', 'Is it <b>long</b>?');
    const ada = await sit('Ada');
    expect(await ada.locator('#question').innerText()).toBe('Is it <b>long</b>?');
    expect(await count(ada)).toBe('0 of 24 answered');
    const seen: string[] = [];
    for (const key of ['y', 'n', '?', 'y', 'y']) {
      seen.push(await ada.locator('#text').innerText());
      await press(ada, key);
    }
    expect(new Set(seen).size).toBeGreaterThan(3);
    await saved(ada);
    expect(await count(ada)).toBe('5 of 24 answered');

    const bo = await sit('Bo');
    await press(bo, 'y', 'n', 'y');
    await saved(bo);

    // Ada goes home; the next day she sits at another computer, and writes her name in another way.
    await ada.context().close();
    const later = await sit('ada');
    expect(await count(later)).toMatch(/^5 of \d+ answered$/);
    await press(later, 'B');
    expect(await later.locator('#text').innerText()).toBe(seen[4]);
    expect(await later.locator('[aria-pressed="true"]').innerText()).toMatch(/^Yes/);
    await press(later, 'b', 'b');
    expect(await later.locator('#text').innerText()).toBe(seen[2]);
    expect(await later.locator('[aria-pressed="true"]').innerText()).toMatch(/^Not sure/);
    // She has changed her mind, and says why; then she is at the next one of her answers.
    await later.keyboard.press('M');
    await later.keyboard.type('yes, now I know');
    await later.keyboard.press('Enter');
    await press(later, 'n');
    expect(await later.locator('#text').innerText()).toBe(seen[3]);
    await press(later, 'y', 'y');
    await saved(later);

    while (!(await isDone(later))) await press(later, 'y');
    while (!(await isDone(bo))) await press(bo, 'n');
    await Promise.all([saved(later), saved(bo)]);
    expect(await bo.locator('#doneText').innerText()).toMatch(/All documents are done\.$/);

    const audit = await findAudit(made.run, {});
    const found = await readDecisions(made.run, audit);
    const changed = found.all.filter(({ note }) => note === 'yes, now I know');
    expect(changed).toMatchObject([{ answer: 'no', person: 'ada', scoreShown: false }]);
    const result = auditResult(audit, found);
    expect(result).toMatchObject({ unanswered: 0, changedAnswers: 1 });
    expect(result.people).toHaveLength(2);
    expect(result.agreement?.documents).toBeGreaterThanOrEqual(11);
  });

  it('shows nothing of the score unless asked, and texts as text', async () => {
    await draw('--count', '90', '--twice', '0');
    const page = await sit('Cy');
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    let hostile = 0;
    for (let at = 0; hostile === 0 && at < 90; at++) {
      const text = await page.locator('#text').textContent();
      if (text === hostileText) hostile++;
      else await press(page, 'y');
    }
    expect(hostile).toBe(1);
    expect(await page.locator('#text *').count()).toBe(0);
    expect(await page.title()).toBe('Audit – betr');
    expect(await page.locator('body').innerText()).not.toMatch(/score \d|slice/);
    expect(asked.filter((url) => url.includes('reveal'))).toEqual([]);
    await page.keyboard.press('s');
    await page
      .locator('#about', { hasText: /^score [\d.,]+ · slice \d+ of 10 · (?:web|books) · d\d-\d*[49]$/ })
      .waitFor();
    await press(page, '?');
    expect(await page.locator('#about').textContent()).toBe('');
    await saved(page);
    expect((await decisions()).at(-1)).toMatchObject({ answer: 'cannot tell', scoreShown: true });
    expect((await decisions()).filter(({ scoreShown }) => scoreShown)).toHaveLength(1);
  });

  longTest('keeps answers while the server is gone, says so, and saves them when it is back', async () => {
    await draw('--count', '30', '--twice', '0');
    const own = await startServer(made.run);
    const page = await sit('Di', own.url);
    await press(page, 'y', 'n');
    await saved(page);
    await own.end('SIGKILL');
    await page.keyboard.press('y');
    await page
      .locator('#saved', { hasText: '1 answer is not saved yet, but kept in this browser.' })
      .waitFor();
    expect(await decisions()).toHaveLength(2);
    // The answer outlives the page, too.
    const port = Number(new URL(own.url).port);
    const back = await serveRun(made.run, { host: '127.0.0.1', port });
    try {
      await until(async () => (await decisions()).length === 3);
      await saved(page);
      await back.stop(0);
      await shown(page);
      await page.keyboard.press('n');
      await page.locator('#saved', { hasText: 'not saved yet' }).waitFor();
      await page.close({ runBeforeUnload: false });
      const again = await serveRun(made.run, { host: '127.0.0.1', port });
      try {
        const next = await page.context().newPage();
        await next.goto(`${again.url}/audit`);
        expect(await next.locator('#person').inputValue()).toBe('Di');
        await until(async () => (await decisions()).length === 4);
        await next.keyboard.press('Enter');
        await shown(next);
        expect(await count(next)).toBe('4 of 30 answered');
        expect(new Set((await decisions()).map(({ id }) => id)).size).toBe(4);
      } finally {
        await again.stop(0);
      }
    } finally {
      await back.stop(0);
    }
  });

  longTest('does not let answers that are refused for good get in the way of others', async () => {
    await draw('--count', '30');
    const own = await startServer(made.run);
    const page = await sit('Gil', own.url);
    await own.end('SIGKILL');
    await page.keyboard.press('y');
    await page.locator('#saved', { hasText: 'not saved yet' }).waitFor();
    await draw('--count', '20');
    const back = await serveRun(made.run, { host: '127.0.0.1', port: Number(new URL(own.url).port) });
    try {
      await page.locator('#saved', { hasText: /1 answer is not saved yet.*There is no audit/ }).waitFor();
      page.once('dialog', (dialog) => void dialog.accept());
      await page.reload();
      await page.keyboard.press('Enter');
      await shown(page);
      await press(page, 'n');
      await until(async () => (await decisions()).length === 1);
      await page.locator('#saved', { hasText: /1 answer is not saved yet.*There is no audit/ }).waitFor();
      await page.locator('#discard').focus();
      await page.keyboard.press('Enter');
      await saved(page);
      expect((await decisions()).map(({ answer }) => answer)).toEqual(['no']);
    } finally {
      await back.stop(0);
    }
  });

  longTest(
    'can be used with buttons and without keyboard shortcuts, and asks for a key where one is needed',
    async () => {
      await draw('--count', '10', '--twice', '0');
      const page = await sit('Ed');
      // From the text to the answers: Yes is the first.
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await shown(page);
      expect(await count(page)).toBe('1 of 10 answered');
      await page.locator('#keys').focus();
      await page.keyboard.press('Space');
      await page.keyboard.press('n');
      expect(await count(page)).toBe('1 of 10 answered');
      await saved(page);
      const keysPath = join(made.folder, 'keys.json');
      const { key } = await makeKey(keysPath, 'jobs');
      const guarded = await serveRun(made.run, { host: '127.0.0.1', port: 0, keysPath });
      try {
        const opened = await openPage(browser);
        await opened.page.goto(`${guarded.url}/audit`);
        await opened.page.keyboard.type('Flo');
        await opened.page.keyboard.press('Enter');
        await opened.page.locator('#problem', { hasText: 'requires an API key' }).waitFor();
        await opened.page.keyboard.type(key);
        await opened.page.keyboard.press('Enter');
        await opened.page.keyboard.press('Enter');
        await shown(opened.page);
        await press(opened.page, 'y');
        await saved(opened.page);
        expect((await decisions()).map(({ person }) => person)).toEqual(['Ed', 'Flo']);
      } finally {
        await guarded.stop(0);
      }
    },
  );
});
