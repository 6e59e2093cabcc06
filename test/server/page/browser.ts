// A real Chromium for tests of the page; where there is none, the tests are skipped with a line that says so.

import { describe } from '@jest/globals';
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** `describe` where there is a Chromium. */
export function describeInChromium(name: string, tests: () => void): void {
  if (existsSync(executablePath)) describe(name, tests);
  else {
    process.stdout.write(
      `skipped: "${name}" needs Chromium at ${executablePath} (apt-get install chromium, or name ` +
        `another with CHROMIUM)\n`,
    );
    describe.skip(name, tests);
  }
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath, args: quiet });
}

export interface Opened {
  page: Page;
  /** Every address that the page asked for. */
  asked: string[];
  /** What went wrong in it: exceptions, and refusals of its own policy. */
  faults: string[];
}

/** A new page in a context of its own. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const asked: string[] = [];
  const faults: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) faults.push(message.text());
  });
  return { page, asked, faults };
}
