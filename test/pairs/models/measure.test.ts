// Difficulty by reference models, with a stand-in for the worker that trains them.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parquetSource, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { queryRows } from '../../../data/duckdb/rows.ts';
import { lossOf } from '../../../pairs/difficulty.ts';
import { findStartModel } from '../../../pairs/models/find-model.ts';
import { measureByModels, planMeasurement } from '../../../pairs/models/measure.ts';
import { measurementName, type ModelsOptions, paperDefaults } from '../../../pairs/models/options.ts';
import { BetrError } from '../../../run/errors/errors.ts';
import { silent } from '../../../run/progress.ts';
import { openPairRun, type PairRun } from '../pair-run.ts';
import { openStandIn, readHalf, type Say } from './stand-in.ts';

const topics = [
  'otters',
  'trains',
  'bread',
  'planets',
  'chess',
  'rivers',
  'violins',
  'taxes',
  'bees',
  'snow',
];
const rows = topics.map((topic, i) => ({
  id: `p${i}`,
  prompt: `Tell me something about ${topic}, please.`,
  chosen: `Gladly: ${topic} are a subject of their own.`,
  rejected: 'No.',
}));
// Two pairs with one prompt.
for (const row of rows.slice(0, 1)) rows.push({ ...row, id: 'p10', chosen: 'Otters hold hands.' });

const options: ModelsOptions = {
  ...paperDefaults,
  name: 'models-tiny',
  model: { folder: '/models/tiny' },
  modelName: 'tiny',
  measureAt: 2,
  checkpoints: 'last',
  chat: false,
  chatTemplate: null,
};

/** Another margin for each pair, model and step. */
const marginAt = (id: string, job: string, step: number): number =>
  Number(id.slice(1)) / 10 - 0.5 + (job.endsWith('a') ? 0.01 : 0) + step / 1000;
const plain: Say = ({ id, job, step }) => ({ margin: marginAt(id, job, step) });

const rowSchema = z.object({
  pair: z.number(),
  difficulty: z.number().nullable(),
  unknown: z.string().nullable(),
  models: z.number(),
  ref_chosen_logps: z.number().nullable(),
});
const readTable = (path: string): Promise<z.output<typeof rowSchema>[]> =>
  withDuckDb({ threads: 1 }, (connection) =>
    queryRows(
      connection,
      `SELECT pair::INTEGER AS pair, difficulty, unknown, models, ref_chosen_logps FROM ${parquetSource(path)}`,
      rowSchema,
    ),
  );
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof BetrError ? error.code : String(error)),
  );

let open: PairRun;
beforeAll(async () => {
  open = await openPairRun(rows, {}, { models: [{ name: 'small', model: './models/small' }] });
});
afterAll(() => open.remove());

const measure = (changes: Partial<ModelsOptions>, say = plain, broken: string[] = []) => {
  const worker = openStandIn(say, broken);
  return { worker, done: measureByModels(open.run, 'feedback', { ...options, ...changes }, worker, silent) };
};

describe('measureByModels', () => {
  it('trains six models, and takes what each said about the pairs that it did not learn from', async () => {
    const { worker, done } = measure({});
    const { card, difficulties } = await done;
    expect(worker.ran).toHaveLength(6);
    expect(card).toMatchObject({
      method: 'models',
      proxy: false,
      model: 'tiny',
      beta: 0.01,
      seeds: [1],
      known: 11,
      unknown: {},
      folds: { splits: 3, groups: 10, largestPairs: 2 },
      settings: { learningRate: 3e-5, loraR: 16, loraAlpha: 16, loraDropout: 0.05, maxLength: 1024 },
      flops: 6e9,
    });
    const judges = new Map<string, string[]>();
    for (const job of worker.ran) {
      const folder = join(open.run.files.training, job);
      const learned = (await readHalf(folder, 'pairs')).map(({ id }) => id);
      const held = (await readHalf(folder, 'held')).map(({ id }) => id);
      expect([...learned, ...held].sort()).toEqual(rows.map(({ id }) => id).sort());
      // Pairs with one prompt are on one side.
      expect(held.includes('p0')).toBe(held.includes('p10'));
      for (const id of held) judges.set(id, [...(judges.get(id) ?? []), job]);
    }
    for (const { pair, difficulty, models, ref_chosen_logps } of await readTable(difficulties)) {
      const id = rows[pair]?.id ?? '';
      const jobs = judges.get(id) ?? [];
      expect(jobs).toHaveLength(3);
      const losses = jobs.map((job) => lossOf(marginAt(id, job, job.endsWith('b') ? 19 : 20)));
      expect(difficulty).toBeCloseTo(losses.reduce((sum, loss) => sum + loss, 0) / 3, 12);
      expect(models).toBe(3);
      expect(ref_chosen_logps).toBe(-10);
    }
    // Nothing is trained or timed again.
    const again = measure({});
    expect((await again.done).card.files).toEqual(card.files);
    expect([again.worker.ran, again.worker.timed]).toEqual([[], 0]);
  });

  it('measures a part of the pairs only', async () => {
    const { card } = await measure({ name: 'models-part', part: 6 }).done;
    expect(card).toMatchObject({ known: 6, unknown: { 'not in the part that was measured': 5 } });
  });

  it('takes the mean of the checkpoints without training again', async () => {
    const { worker, done } = measure({ checkpoints: 'mean' });
    const { card } = await done;
    expect(worker.ran).toEqual([]);
    expect(card.checkpoints).toBe('mean');
  });

  it('goes on with the models that are not done', async () => {
    const changes = { name: 'models-broken' };
    const first = measure(changes, plain, ['f1b']);
    await expect(first.done).rejects.toThrow('f1b failed');
    expect(first.worker.ran).toHaveLength(3);
    const second = measure(changes);
    await second.done;
    expect(second.worker.ran.map((job) => job.slice(-3))).toEqual(['f1b', 'f2a', 'f2b']);
    const job = join(open.run.files.training, second.worker.ran[0] ?? '');
    await rm(join(job, 'card.json'));
    const worker = { ...openStandIn(plain), run: () => Promise.resolve() };
    expect(
      await codeOf(measureByModels(open.run, 'feedback', { ...options, ...changes }, worker, silent)),
    ).toBe('PAIRS_MODELS_UNFINISHED');
  });

  it('says of each pair without a difficulty why', async () => {
    const { done } = measure({ name: 'models-gaps' }, (at) => {
      if (at.id === 'p1') return { leftOut: 'with prompts longer than 512 tokens' };
      if (at.id === 'p2') return { margin: 0.1, chosenCut: true };
      if (at.id === 'p3') return { margin: Number.MAX_VALUE * (at.step > 0 ? 10 : 1) };
      if (at.id === 'p4' && at.job.includes('.f1')) return undefined;
      if (at.id === 'p5' && (at.step === 10 || at.step === 9)) return undefined;
      return plain(at);
    });
    const { card, difficulties } = await done;
    expect(card.unknown).toEqual({
      'one answer is cut at the end of the context': 1,
      'some models did not judge it': 3,
      'with prompts longer than 512 tokens': 1,
    });
    expect(card.known).toBe(6);
    const table = await readTable(difficulties);
    expect(table.filter(({ unknown }) => unknown !== null).map(({ pair }) => pair)).toEqual([1, 2, 3, 4, 5]);
  });

  it('keeps a plan with other settings, and other splits for another seed', async () => {
    expect(await codeOf(measure({ beta: 0.5 }).done)).toBe('PAIRS_MODELS_OTHER');
    const folders: string[][] = [];
    for (const own of [options, { ...options, name: 'models-tiny-seed2', seed: 2 }]) {
      const { plan } = await planMeasurement(open.run, 'feedback', own, openStandIn(plain), silent);
      folders.push([]);
      for (const { name } of plan.jobs)
        folders
          .at(-1)
          ?.push((await readHalf(join(open.run.files.training, name), 'held')).map(({ id }) => id).join());
    }
    expect(folders[0]).not.toEqual(folders[1]);
  });

  it('writes plain text as messages where asked to', async () => {
    const worker = openStandIn(plain);
    const own = { ...options, name: 'models-chat', chat: true, chatTemplate: 'plain' };
    const { plan } = await planMeasurement(open.run, 'feedback', own, worker, silent);
    const folder = join(open.run.files.training, plan.jobs[0]?.name ?? '');
    const [row] = await readHalf(folder, 'pairs');
    expect(row).toMatchObject({ prompt: [{ role: 'user' }], chosen: [{ role: 'assistant' }] });
    const job: unknown = JSON.parse(await readFile(join(folder, 'job.json'), 'utf8'));
    expect(job).toMatchObject({
      kind: 'dpo',
      settings: {
        chatTemplate: 'plain',
        schedule: 'cosine',
        warmupShare: 0.1,
        measure: 'held',
        measureAt: 2,
      },
    });
  });
});

describe('findStartModel', () => {
  it('finds folders, models in the settings, and training jobs', async () => {
    const { run } = open;
    const folder = join(run.settingsFolder, 'models', 'small');
    const job = join(run.files.training, 'student');
    await mkdir(folder, { recursive: true });
    await mkdir(job, { recursive: true });
    await writeFile(join(job, 'job.json'), '{}');
    expect(await findStartModel(run, folder)).toEqual({ model: { folder }, modelName: 'small' });
    expect(await findStartModel(run, 'small')).toEqual({ model: { folder }, modelName: 'small' });
    expect(await findStartModel(run, 'student')).toEqual({
      model: { checkpoint: job },
      modelName: 'student',
    });
    expect(await findStartModel(run, job)).toEqual({ model: { checkpoint: job }, modelName: 'student' });
    expect(await codeOf(findStartModel(run, 'nothing'))).toBe('PAIRS_MODEL_UNKNOWN');
    expect(await codeOf(findStartModel(run, './nothing'))).toBe('PAIRS_MODEL_UNKNOWN');
  });

  it('names measurements after models', () => {
    expect(measurementName('SmolLM2-135M', 1)).toBe('models-SmolLM2-135M');
    expect(measurementName('.a model/1', 2)).toBe('models-a-model-1-seed2');
  });
});
