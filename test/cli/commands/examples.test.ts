// `betr examples` and what `betr index` says of the same: the texts that are aimed at, before and after they
// are embedded.

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { exampleCountsSchema } from '../../../indexer/index-card.ts';
import { type BagOfWords, openBagOfWords } from '../../indexer/bag-of-words.ts';
import { betr } from '../betr.ts';
import { errorOf, jsonl, makeDocuments, makeProject, writeSettings } from '../project.ts';

jest.setTimeout(120_000);

let folder: string;
let bag: BagOfWords;
const shownSchema = z.object({ benchmarks: exampleCountsSchema });

const benchmarks = [
  { name: 'spiders', files: ['spiders.parquet'] },
  { name: 'sums', files: ['sums.jsonl'] },
  { name: 'loaves', files: ['loaves.csv'] },
  { name: 'whales', files: ['whales.json'], template: '{messages[0].content}\n{messages[-1].content}' },
];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-examples-'));
  bag = await openBagOfWords();
  await makeProject(folder, bag.url, {
    shards: { 'a.jsonl': jsonl(makeDocuments(300)) },
    settings: { benchmarks },
  });
  // MMLU as the Hub has it: a list of choices, and the number of the right one.
  const query =
    "SELECT 'How many legs have ' || i || ' spiders?' AS question, 'zoology' AS subject, ['1', (8 * " +
    "i)::VARCHAR, '3', '5'] AS choices, 1::BIGINT AS answer FROM range(1, 9) t(i)";
  await withDuckDb({}, async (connection) => {
    await connection.run(`COPY (${query}) TO ${sqlString(join(folder, 'spiders.parquet'))} (FORMAT parquet)`);
  });
  const sums = Array.from({ length: 8 }, (_, i) => ({
    id: `s${i}`,
    instruction: 'Add.',
    input: `${i} and 1`,
    output: String(i + 1),
    hint: 'Count on your fingers.',
  }));
  await writeFile(
    join(folder, 'sums.jsonl'),
    jsonl([...sums, { ...sums[0], id: 's9' }, { instruction: 'Add.', input: '1', output: '' }, 'no row']),
  );
  const loaves = Array.from(
    { length: 8 },
    (_, i) => `Which loaf is number ${i}?,rye,oat ${i},ink,${i === 5 ? 'E' : 'B'}`,
  );
  await writeFile(join(folder, 'loaves.csv'), ['question,A,B,C,answer', ...loaves, ''].join('\n'));
  const whales = Array.from({ length: 8 }, (_, i) => ({
    messages: [
      { role: 'user', content: `Where is whale ${i}?` },
      { role: 'assistant', content: 'In the sea.' },
    ],
  }));
  await writeFile(join(folder, 'whales.json'), JSON.stringify(whales, null, 2));
});
afterAll(async () => {
  await bag.close();
  await rm(folder, { recursive: true });
});

describe('betr examples', () => {
  it('shows what every benchmark becomes and what is left out, and embeds nothing', async () => {
    const { code, stdout } = await betr(folder, ['examples', '--json']);
    expect(code).toBe(0);
    expect(bag.texts).toEqual([]);
    const { benchmarks: shown } = shownSchema.parse(JSON.parse(stdout));
    expect(shown).toEqual([
      {
        benchmark: 'spiders',
        examples: 8,
        found: 8,
        duplicates: 0,
        quarantined: 0,
        recipes: [{ recipe: 'mmlu', rows: 8 }],
        refused: [],
        unused: [],
        shown: expect.anything(),
      },
      {
        benchmark: 'sums',
        examples: 8,
        found: 9,
        duplicates: 1,
        quarantined: 2,
        recipes: [{ recipe: 'alpaca', rows: 9 }],
        refused: [
          { reason: 'not a JSON object', rows: 1, first: 'sums.jsonl#10' },
          { reason: '"output" is missing or empty', rows: 1, first: 'sums.jsonl#9' },
        ],
        unused: [{ field: 'hint', rows: 9 }],
        shown: expect.anything(),
      },
      {
        benchmark: 'loaves',
        examples: 7,
        found: 7,
        duplicates: 0,
        quarantined: 1,
        recipes: [{ recipe: 'general', rows: 7 }],
        refused: [
          { reason: 'answer is "E", which is none of the 3 choices', rows: 1, first: 'loaves.csv#5' },
        ],
        unused: [],
        shown: expect.anything(),
      },
      {
        benchmark: 'whales',
        examples: 8,
        found: 8,
        duplicates: 0,
        quarantined: 0,
        recipes: [{ recipe: 'template', rows: 8 }],
        refused: [],
        unused: [],
        shown: expect.anything(),
      },
    ]);
    for (const { shown: examples } of shown) expect(examples.length).toBe(3);
    for (const { text } of shown[0]?.shown ?? [])
      expect(text).toMatch(/^How many legs have (\d+) spiders\?\n\d+$/);
    const [, number, legs] = /(\d+) spiders\?\n(\d+)/.exec(shown[0]?.shown[0]?.text ?? '') ?? [];
    expect(Number(legs)).toBe(8 * Number(number));
    expect(shown[1]?.shown[0]?.text).toMatch(/^Add\.\n\d and 1\n\d$/);
    expect(shown[2]?.shown[0]?.text).toMatch(/^Which loaf is number (\d)\?\noat \1$/);
    expect(shown[3]?.shown[0]?.text).toMatch(/^Where is whale \d\?\nIn the sea\.$/);
  });

  it('says the same in words, of the benchmarks asked for', async () => {
    const { code, stdout } = await betr(folder, ['examples', '--benchmark', 'sums', 'loaves']);
    expect(code).toBe(0);
    expect(stdout).toContain(
      'sums: 11 rows, 8 examples, 1 duplicate, 2 rejected\n  made by recipe alpaca: 9 rows\n  rejected: 1 ' +
        'row, first at sums.jsonl#10: not a JSON object\n',
    );
    expect(stdout).toContain('  unused field: "hint" in 9 rows\n');
    expect(stdout).toMatch(/\n--- 3 of 3: s\d \(recipe alpaca\)\nAdd\.\n\d and 1\n\d\n/);
    expect(stdout).toMatch(/\n--- 1 of 3: loaves\.csv#\d \(the general rules\)\nWhich loaf/);
    expect(stdout).not.toContain('spiders');
    expect(
      errorOf((await betr(folder, ['examples', '--benchmark', 'bread', '--json'])).stdout),
    ).toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining('spiders, sums, loaves, whales'),
    });
  });

  it('shows every benchmark even where one has no usable row, and ends with 1', async () => {
    await writeSettings(folder, bag.url, {
      benchmarks: [{ name: 'sums', files: ['sums.jsonl'], recipe: 'arc' }, ...benchmarks.slice(2)],
    });
    const { code, stdout } = await betr(folder, ['examples']);
    expect(code).toBe(1);
    expect(stdout).toContain(
      'rejected: 10 rows, first at sums.jsonl#0: it lacks the fields of recipe "arc" (question, ' +
        'choices.text, choices.label, answerKey; or',
    );
    expect(stdout).toContain('Set a template or a recipe for this benchmark');
    expect(stdout).toContain('loaves: 8 rows');
    const index = await betr(folder, ['index', '--json']);
    expect([index.code, errorOf(index.stdout)]).toMatchObject([
      1,
      {
        code: 'NO_EXAMPLES',
        message: expect.stringMatching(
          /"sums" has no usable example \(11 rows quarantined\): it lacks the fields.*"betr examples"/,
        ),
      },
    ]);
    for (const [benchmark, problem] of [
      [{ recipe: 'ark' }, /names an unknown recipe, "ark"/],
      [{ recipe: 'arc', template: '{a}' }, /benchmarks\[0\].recipe is .*left out if there is a template/],
      [{ template: '{a' }, /benchmarks\[0\]\.template is .*unmatched/],
    ] as const) {
      await writeSettings(folder, bag.url, {
        benchmarks: [{ name: 'sums', files: ['sums.jsonl'], ...benchmark }],
      });
      const refused = await betr(folder, ['examples', '--json']);
      expect([refused.code, errorOf(refused.stdout).message]).toEqual([2, expect.stringMatching(problem)]);
    }
  });
});

describe('betr index', () => {
  const cardSchema = z.object({ examples: exampleCountsSchema, inputs: z.object({ examples: z.string() }) });

  it('says and keeps the same, and makes the examples anew by another recipe', async () => {
    await writeSettings(folder, bag.url, { benchmarks });
    const { code, stdout } = await betr(folder, ['index']);
    expect(code).toBe(0);
    expect(stdout).toContain('sums:\n  made by recipe alpaca: 9 rows\n');
    expect(stdout).toContain('  unused field: "hint" in 9 rows\n');
    expect(stdout).toMatch(/ {2}example: Add\. \d and 1 \d\n/);
    const readCard = async (): Promise<z.output<typeof cardSchema>> =>
      cardSchema.parse(JSON.parse(await readFile(join(folder, 'run/index.json'), 'utf8')));
    const card = await readCard();
    const { benchmarks: shown } = shownSchema.parse(
      JSON.parse((await betr(folder, ['examples', '--json'])).stdout),
    );
    // The index takes as many of each benchmark as the smallest has.
    expect(card.examples).toEqual(shown.map((one) => ({ ...one, examples: 7 })));
    expect((await betr(folder, ['index'])).stdout).toContain('The index is up to date');
    await writeSettings(folder, bag.url, {
      benchmarks: benchmarks.map((one) => (one.name === 'sums' ? { ...one, recipe: 'general' } : one)),
    });
    expect((await betr(folder, ['index'])).stdout).toContain('sums:\n  made by the general rules: 9 rows\n');
    expect((await readCard()).inputs.examples).not.toBe(card.inputs.examples);
  });
});
