// Latency of the page in Chromium: moves the slider and toggles benchmarks, and measures the time from the click
// until every panel has painted the new answer, and until the texts at the margin have.
//   npm run bench:page [-- --config FILE] [--rounds 12] [--query poolTokens=6.3T] [--json]
// The page prefetches the sets of benchmarks one click away. "soon" clicks once the previous texts are shown, "after
// a rest" 2.5 s later. The server runs in a separate process on the same machine as Chromium.

import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { z } from 'zod';
import { openRun } from '../run/run.ts';
import { betr, describeMachine, printBenchmark } from './machine.ts';

const { values } = parseArgs({
  options: {
    config: { type: 'string', default: 'betr.yaml' },
    rounds: { type: 'string', default: '12' },
    query: { type: 'string', default: 'poolTokens=6.3T' },
    json: { type: 'boolean' },
  },
});
const rounds = Number(values.rounds);
const restMs = 2_500;

/** One change of the page: presses, and hears from every panel when it is up to date. */
const timeChange =
  `(press) => new Promise((resolve) => {
  const startedMs = performance.now();
  const panels = {};
  let followedMs;
  const look = (changes) => {
    const nowMs = performance.now() - startedMs;
    for (const { target } of changes) if (!target.hasAttribute('aria-busy')) panels[target.id || ` +
  `target.localName] = nowMs;
    if (followedMs === undefined && !document.querySelector('main[aria-busy]')) {
      followedMs = 0;
      requestAnimationFrame(() => setTimeout(() => { followedMs = performance.now() - startedMs; }));
    }
    if (!document.querySelector('[aria-busy]')) {
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => resolve({ followedMs, textsMs: performance.now() - ` +
  `startedMs, panels })));
    }
  };
  const observer = new MutationObserver(look);
  observer.observe(document.body, { subtree: true, attributeFilter: ['aria-busy'] });
  press();
})`;
const changeSchema = z.object({
  followedMs: z.number(),
  textsMs: z.number(),
  panels: z.record(z.string(), z.number()),
});
type Change = z.output<typeof changeSchema>;

const child = spawn(
  betr.program,
  [...betr.args, 'serve', '--config', values.config, '--port', '0', '--json'],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
try {
  const url = await readUrl();
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${url}/?budget=1e20&${values.query}`);
  await page.locator('[aria-busy]').first().waitFor({ state: 'detached' });
  const names = (await openRun(values.config)).settings.benchmarks.map(({ name }) => name);
  const press = async (act: string): Promise<Change> => {
    const change = changeSchema.parse(await page.evaluate(`(${timeChange})(() => { ${act} })`));
    return change;
  };
  const slide = (index: number): string =>
    `const slider = document.querySelector('#slider'); slider.value = ${17 + (index % 12) * 0.55}; ` +
    `slider.dispatchEvent(new Event('input'))`;
  const toggle = (name: string): string =>
    `document.querySelector('#benchmarks input[name="${name}"]').click()`;
  const figures: Record<string, Change[]> = {
    'slider, new budget': [],
    'benchmark off, soon': [],
    'benchmark off, after a rest': [],
    'slider, new budget, benchmark off': [],
    'benchmark on again': [],
    'benchmark off again': [],
  };
  const note = async (name: string, act: string): Promise<void> => {
    figures[name]?.push(await press(act));
  };
  for (let round = 0; round < rounds; round++) {
    const name = names[round % names.length] ?? '';
    // From the second turn on, another benchmark is off all the while, so that the set is a new one.
    const other =
      round >= names.length
        ? (names[(round + 1 + Math.floor(round / names.length)) % names.length] ?? '')
        : undefined;
    await note('slider, new budget', slide(round));
    if (other !== undefined) await press(toggle(other));
    if (round % 2 === 1) await page.waitForTimeout(restMs);
    await note(`benchmark off, ${round % 2 === 1 ? 'after a rest' : 'soon'}`, toggle(name));
    await note('slider, new budget, benchmark off', slide(round + 0.5));
    await note('benchmark on again', toggle(name));
    await note('benchmark off again', toggle(name));
    await press(toggle(name));
    if (other !== undefined) await press(toggle(other));
  }
  const changes = Object.entries(figures).map(([name, all]) => ({
    name,
    all: spread(all.map(({ followedMs }) => followedMs)),
    texts: spread(all.map(({ textsMs }) => textsMs)),
    panels: medianByPanel(all),
  }));
  const line = ({ name, all, texts, panels }: (typeof changes)[number]): string =>
    `${name.padEnd(36)} every panel: median ${all.medianMs} ms, slowest ${all.mostMs}; with texts: ` +
    `median ${texts.medianMs}, slowest ${texts.mostMs}\n    ${Object.entries(panels)
      .map(([panel, ms]) => `${panel} ${ms}`)
      .join(', ')}`;
  printBenchmark({ changes, rounds, machine: describeMachine() }, changes.map(line).join('\n'));
} finally {
  await browser.close();
  child.kill();
}

async function readUrl(): Promise<string> {
  let said = '';
  for await (const text of child.stdout) {
    said += String(text);
    if (said.includes('}')) return z.object({ url: z.string() }).parse(JSON.parse(said)).url;
  }
  throw new Error('betr serve ended before it served.');
}

function spread(figures: readonly number[]): { medianMs: number; mostMs: number } {
  const sorted = figures.toSorted((a, b) => a - b);
  return {
    medianMs: Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0),
    mostMs: Math.round(sorted.at(-1) ?? 0),
  };
}

/** Medians, in ms, until each panel had its answer. */
function medianByPanel(changes: readonly Change[]): Record<string, number> {
  const names = new Set(changes.flatMap(({ panels }) => Object.keys(panels)));
  return Object.fromEntries(
    [...names].map((name) => [name, spread(changes.flatMap(({ panels }) => panels[name] ?? [])).medianMs]),
  );
}
