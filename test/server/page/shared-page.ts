// A server of a small ranked run and its page in a real Chromium.

import { afterAll, beforeAll } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { type Listening, serveRun } from '../../../server/listen.ts';
import { makeRankedRun, type RealRun } from '../real-run.ts';
import { launchBrowser, type Opened, openPage } from './browser.ts';

/** The budget and pool of an address whose answer the tests know. */
export const budget = '?budget=1e20&poolTokens=6.3T';

/** Serves a ranked run to one browser for all tests of a file. */
export function sharePage() {
  let browser: Browser;
  let made: RealRun;
  let server: Listening;
  let url = '';
  /** One page for all tests, because its scripts take longer to load than most tests. */
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

  /** Loads the page and all its panels, in a new window if there are options. */
  async function load(query: string, options?: Parameters<typeof openPage>[1]): Promise<Opened> {
    opened = options === undefined ? shared : await openPage(browser, options);
    opened.asked.length = 0;
    opened.faults.length = 0;
    await opened.page.goto(`${url}/${query}`);
    await settle();
    return opened;
  }

  /** Waits until every panel shows the current state. */
  async function settle(): Promise<void> {
    await opened.page.locator('[aria-busy]').first().waitFor({ state: 'detached' });
  }

  const text = (selector: string): Promise<string> => opened.page.locator(selector).innerText();

  return {
    load,
    settle,
    text,
    get url() {
      return url;
    },
    get made() {
      return made;
    },
  };
}
