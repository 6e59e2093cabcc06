import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { z } from 'zod';
import { demoBenchmarks, prepareBenchmarks } from '../../../cli/demo/benchmarks.ts';
import { demoSettings } from '../../../cli/demo/settings.ts';
import { parseSettings } from '../../../run/read-settings.ts';
import { exampleText } from '../../indexer/examples/example-text.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-demo-'));
});

afterAll(() => rm(folder, { recursive: true }));

const rowSchema = z.record(z.string(), z.unknown());

async function readRows(name: string): Promise<z.output<typeof rowSchema>[]> {
  const text = await readFile(join(folder, 'benchmarks', `${name}.jsonl`), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => rowSchema.parse(JSON.parse(line)));
}

describe("the demo's benchmarks", () => {
  beforeAll(() => prepareBenchmarks(folder));

  it.each(demoBenchmarks.map(({ name }) => name))(
    '%s has at least 40 examples, each once, each of a shape that is read',
    async (name) => {
      const texts = (await readRows(name)).map((row) => exampleText(row));
      expect(texts.filter((text) => 'reason' in text)).toEqual([]);
      expect(new Set(texts.map((text) => ('text' in text ? text.text.toLowerCase() : ''))).size).toBe(
        texts.length,
      );
      expect(texts.length).toBeGreaterThanOrEqual(40);
    },
  );

  it('have choices that differ, and a right one among them, at every place', async () => {
    const science = z
      .array(z.object({ choices: z.array(z.string()).length(4), gold: z.number().int().min(0).max(3) }))
      .parse(await readRows('science'));
    const history = z
      .array(z.object({ options: z.array(z.string()).length(4), answerKey: z.enum(['A', 'B', 'C', 'D']) }))
      .parse(await readRows('us_history'));
    const everyday = z
      .array(z.object({ sol1: z.string(), sol2: z.string(), label: z.union([z.literal(0), z.literal(1)]) }))
      .parse(await readRows('everyday'));
    for (const choices of [
      ...science.map((row) => row.choices),
      ...history.map((row) => row.options),
      ...everyday.map(({ sol1, sol2 }) => [sol1, sol2]),
    ])
      expect(new Set(choices).size).toBe(choices.length);
    expect(new Set(science.map(({ gold }) => gold)).size).toBe(4);
    expect(new Set(history.map(({ answerKey }) => answerKey)).size).toBe(4);
    expect(new Set(everyday.map(({ label }) => label)).size).toBe(2);
  });

  it('have sums that come out: every equation of a solution holds, and the last one gives the answer', async () => {
    for (const { question, solution, answer } of z
      .array(z.object({ question: z.string(), solution: z.string(), answer: z.number() }))
      .parse(await readRows('word_problems'))) {
      const equations = [...solution.matchAll(/((?:[\d.]+ [-+*/] )+[\d.]+) = ([\d.]+)/g)].map(
        ([, left = '', right]) => ({ left: Number(runInNewContext(left)), right: Number(right) }),
      );
      expect({ question, results: equations.map(({ left }) => left.toFixed(9)) }).toEqual({
        question,
        results: equations.map(({ right }) => right.toFixed(9)),
      });
      expect({ question, answer: equations.at(-1)?.right }).toEqual({ question, answer });
    }
  });

  it('have programs that do what is asked', async () => {
    const rows = z
      .array(z.object({ prompt: z.string(), code: z.string(), check: z.string().optional() }))
      .parse(await readRows('programming'));
    const results = rows
      .filter(({ check }) => check !== undefined)
      .map(({ prompt, code, check }) => ({
        prompt,
        passed:
          runInNewContext(`${code}\n;(${check ?? ''})`, { setTimeout, clearTimeout, URLSearchParams }) ===
          true,
      }));
    expect(results.filter(({ passed }) => !passed)).toEqual([]);
    expect(results.length).toBeGreaterThanOrEqual(40);
  });
});

it("the demo's settings are valid and take the sample they are given", () => {
  expect(parseSettings(demoSettings(1234), 'betr.yaml')).toMatchObject({
    sample: { documents: 1234 },
    embedding: { maxTokens: 96 },
    benchmarks: { length: 6 },
  });
});
