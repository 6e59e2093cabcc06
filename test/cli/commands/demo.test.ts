// The whole line as a user runs it: a process of its own, real text, the real model, only fewer documents
// embedded than in `make demo`.

import { afterAll, beforeAll, expect } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { selectionManifestSchema } from '../../../ranking/selection/manifest.ts';
import { sha256File } from '../../../data/files/hash-files.ts';
import { answerSchema } from '../../../ranking/budget/question.ts';
import { everything, longTest } from '../../long.ts';

const program = fileURLToPath(new URL('../../../cli/betr.js', import.meta.url));
const sampled = everything ? 1_500 : 500;
const count = z.number().int().nonnegative();

const demoSchema = z.object({
  corpus: z.object({
    fresh: z.boolean(),
    sources: z.array(z.object({ source: z.string(), file: z.string(), documents: count })),
  }),
  index: z.object({
    fresh: z.boolean(),
    sample: z.object({ documents: count }),
    examples: z.array(z.object({ benchmark: z.string(), examples: count })),
    embedding: z.object({ model: z.string(), device: z.string() }),
  }),
  classifier: z.object({
    outputs: z.array(
      z.object({ name: z.string(), heldOut: z.object({ rocAuc: z.object({ low: z.number() }) }) }),
    ),
  }),
  rank: z.object({
    published: z.boolean(),
    shardsScored: count,
    ranking: z.object({ documents: count, tokens: count, quarantined: count }),
  }),
  answers: z.array(z.object({ budget: z.number(), corpus: answerSchema, pool: answerSchema })),
  favoured: z.object({
    outputs: z.array(
      z.object({
        output: z.string(),
        best: z.string(),
        sources: z.array(
          z.object({ source: z.string(), before: z.number(), after: z.number(), lift: z.number() }),
        ),
      }),
    ),
  }),
  selection: selectionManifestSchema,
  files: z.object({ settings: z.string(), selection: z.string(), figure: z.string(), licences: z.string() }),
});
type Demo = z.output<typeof demoSchema>;

async function betr(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (piece: Buffer) => (stdout += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (stderr += piece.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}

async function runDemo(...args: string[]): Promise<Demo> {
  const { code, stdout, stderr } = await betr('demo', '--dir', folder, '--json', ...args);
  // The sentence of a failure is the best message that a test can give, such as that there is no connection
  // to the npm registry.
  if (code !== 0) throw new Error(stderr);
  expect(stderr).toContain('embed the documents');
  return demoSchema.parse(JSON.parse(stdout));
}

/** SHA-256 of every file in a folder, by its path inside. */
async function hashFiles(path: string): Promise<Map<string, string>> {
  const entries = (await readdir(path, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hashes = new Map<string, string>();
  for (const entry of entries) hashes.set(entry.slice(path.length + 1), await sha256File(entry));
  return hashes;
}

let folder: string;
let demo: Demo;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-demo-'));
  demo = await runDemo('--sample', String(sampled));
}, 600_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

longTest(
  'has a corpus of at least 20,000 documents of at least five kinds in all formats, and at least five ' +
    'benchmarks',
  async () => {
    const { corpus, index, rank } = demo;
    expect(rank.ranking.documents).toBeGreaterThanOrEqual(20_000);
    expect(rank.ranking).toMatchObject({
      quarantined: 0,
      documents: corpus.sources.reduce((sum, { documents }) => sum + documents, 0),
    });
    expect(corpus.sources.filter(({ documents }) => documents >= 1000).length).toBeGreaterThanOrEqual(5);
    expect(new Set(corpus.sources.map(({ file }) => file.slice(file.indexOf('.'))))).toEqual(
      new Set(['.jsonl', '.jsonl.gz', '.jsonl.zst', '.parquet']),
    );
    expect(index).toMatchObject({
      sample: { documents: sampled },
      embedding: { model: 'all-MiniLM-L6-v2', device: 'cpu' },
    });
    expect(index.examples.filter(({ examples }) => examples >= 40).length).toBeGreaterThanOrEqual(5);
    const licences = await readFile(demo.files.licences, 'utf8');
    for (const { source } of corpus.sources) expect(licences).toContain(`## ${source} `);
  },
);

longTest('gives every benchmark the sources that are like it, and learns better than chance', () => {
  const liftOf = (output: string, source: string): number =>
    demo.favoured.outputs
      .find((favoured) => favoured.output === output)
      ?.sources.find((found) => found.source === source)?.lift ?? 0;
  expect(liftOf('science', 'dictionary')).toBeGreaterThan(3);
  expect(liftOf('programming', 'code')).toBeGreaterThan(3);
  expect(liftOf('us_history', 'speeches')).toBeGreaterThan(3);
  expect(liftOf('everyday', 'dictionary')).toBeGreaterThan(1.5);
  // Nothing in this corpus is like word problems; what has numbers in it has to come nearer than prose about
  // films does.
  expect(liftOf('word_problems', 'mail')).toBeGreaterThan(liftOf('word_problems', 'sentences'));
  for (const { sources } of demo.favoured.outputs) {
    expect(sources.reduce((sum, { before }) => sum + before, 0)).toBeCloseTo(1, 9);
    expect(sources.reduce((sum, { after }) => sum + after, 0)).toBeCloseTo(1, 9);
  }
  const weak = demo.classifier.outputs.filter(({ heldOut }) => heldOut.rocAuc.low <= 0.5);
  if (!everything) {
    expect(weak.length).toBeLessThan(3);
    return;
  }
  expect(weak).toEqual([]);
  // The installed packages are part of the corpus, so each change of them draws another sample; fiction is
  // the smallest source, and its lift moves most.
  expect(liftOf('story_reading', 'fiction')).toBeGreaterThan(2);
});

longTest(
  'answers three budgets: a larger one keeps more and cuts lower, and the corpus alone would be kept whole',
  () => {
    expect(demo.answers.map(({ budget }) => budget)).toEqual([1e20, 1e21, 1e22]);
    expect(demo.answers.map(({ pool }) => Number(pool.keep.rate.toPrecision(3)))).toEqual([
      0.04, 0.0711, 0.126,
    ]);
    const cutoffs = demo.answers.map(({ pool }) => pool.cutoff);
    for (const [smaller, larger] of [cutoffs.slice(0, 2), cutoffs.slice(1)]) {
      expect(larger?.tokens).toBeGreaterThan(smaller?.tokens ?? Infinity);
      expect(larger?.documents).toBeGreaterThan(smaller?.documents ?? Infinity);
      expect(larger?.score).toBeLessThan(smaller?.score ?? -Infinity);
    }
    for (const { pool, corpus } of demo.answers) {
      expect(pool.cutoff.tokens).toBeLessThanOrEqual(pool.keep.rate * pool.cutoff.ofTokens);
      expect(corpus).toMatchObject({
        keep: { rate: 1, setBy: 'data floor' },
        cutoff: { documents: demo.rank.ranking.documents },
      });
      expect(corpus.flags).toContain('corpus-far-below-law-range');
    }
  },
);

longTest("selects what the answer says, in the corpus's own formats, and draws it", async () => {
  const { selection, answers, files } = demo;
  const asked = answers.find(({ budget }) => budget === selection.question.budget)?.pool;
  expect(selection).toMatchObject({ documents: asked?.cutoff.documents, tokens: asked?.cutoff.tokens });
  expect(selection.composition.reduce((sum, { after }) => sum + after.documents, 0)).toBe(
    selection.documents,
  );
  expect(selection.composition.reduce((sum, { after }) => sum + after.tokens, 0)).toBe(selection.tokens);
  const rows = await withDuckDb(
    {},
    async (connection) =>
      (
        await connection.runAndReadAll(
          `SELECT count(*)::INT, min(score)::DOUBLE FROM ${sqlString(join(files.selection, 'selection.parquet'))}`,
        )
      ).getRows()[0],
  );
  expect(rows).toEqual([selection.documents, asked?.cutoff.score]);
  const written = selection.files.filter(({ file }) => file.startsWith('documents/'));
  expect(written.reduce((sum, { documents }) => sum + documents, 0)).toBe(selection.documents);
  for (const { file, sha256 } of selection.files)
    expect(await sha256File(join(files.selection, file))).toBe(sha256);
  const figure = await readFile(files.figure, 'utf8');
  for (const { source } of selection.composition) expect(figure).toContain(`>${source}</text>`);
});

longTest(
  'does nothing the second time, gives the same bytes, and tells the newcomer about it',
  async () => {
    const ofRun = new Set(['index.json', 'ranking.json', 'targets.parquet', 'classifier/weights.bin']);
    const before = [
      await hashFiles(demo.files.selection),
      await hashFiles(join(folder, 'corpus')),
      [...(await hashFiles(join(folder, 'run')))].filter(([file]) => ofRun.has(file)),
    ];
    const { code, stdout } = await betr('demo', '--dir', folder);
    expect(code).toBe(0);
    expect(stdout).toMatch(/all reused from an earlier run; /);
    expect(stdout).toMatch(/RANK +all reused from an earlier run/);
    for (const heading of [
      'CORPUS',
      'BENCHMARKS',
      'INDEX',
      'TRAIN',
      'RANK',
      'TIME',
      'WHAT EACH TARGET FAVORS',
      'BUDGETS',
      'THE CUT',
      'FILES',
      'NEXT',
    ])
      expect(stdout).toMatch(new RegExp(`^${heading}\\b`, 'm'));
    const after = [
      await hashFiles(demo.files.selection),
      await hashFiles(join(folder, 'corpus')),
      [...(await hashFiles(join(folder, 'run')))].filter(([file]) => ofRun.has(file)),
    ];
    expect(after).toEqual(before);
    const status = await betr('status', '--config', demo.files.settings, '--json');
    expect(status.code).toBe(0);
    expect(JSON.parse(status.stdout)).toMatchObject({ shardsToScore: 0, problems: [] });
  },
  120_000,
);
