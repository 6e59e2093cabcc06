// What TypeScript writes into a job's folder and reads from it.

import { createHash } from 'node:crypto';
import { appendFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import { takeLease } from '../../../data/files/lease.ts';
import { readCard } from '../../../models/trainer/card.ts';
import { followEvents, readEvents, type TrainingEvent } from '../../../models/trainer/events.ts';
import { readJob } from '../../../models/trainer/read-job.ts';
import { findJob, listJobs, readJobState } from '../../../models/trainer/state.ts';
import { writeJob } from '../../../models/trainer/write-job.ts';
import { withFolder } from '../../data/collect.ts';
import { until } from '../../until.ts';
import { pretrainPlan, writeJobs } from './jobs.ts';

const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');

describe('a job that is written', () => {
  it('has the hashes of its inputs and of folders, and paths that move with the run', async () => {
    await withFolder(async (folder) => {
      const plan = await pretrainPlan(folder);
      const model = join(folder, 'model');
      await mkdir(model);
      await writeFile(join(model, 'config.json'), '{}');
      await writeFile(join(model, 'model.safetensors'), 'weights');
      await writeFile(join(model, 'tokenizer.json'), '{"a": 1}');
      await writeFile(join(model, 'README.md'), 'not part of it');
      const training = join(folder, 'run', 'training');
      const written = await writeJob(training, 'arm-1', {
        ...plan,
        model: { folder: model },
        tokenizer: { folder: join(training, 'words', 'tokenizer') },
      });
      const folderHash = sha256(
        `config.json ${sha256('{}')}\nmodel.safetensors ${sha256('weights')}\ntokenizer.json ${sha256('{"a": 1}')}\n`,
      );
      expect((await readJob(written))?.job).toMatchObject({
        model: { folder: model, sha256: folderHash, trustModelCode: false },
        // Another job is yet to make it.
        tokenizer: { folder: '../words/tokenizer' },
        inputs: [{ name: 'train', path: '../../train.jsonl', sha256: sha256('{"text": "a text"}\n') }],
        settings: { tokens: 1000, sequenceLength: 512, decayShare: 0.2 },
      });
      expect(await listJobs(training)).toEqual(['arm-1']);
    });
  });

  it('stays as it is, and another with its name is refused', async () => {
    await withFolder(async (folder) => {
      const [written = ''] = await writeJobs(folder, ['same']);
      const before = await readFile(join(written, 'job.json'), 'utf8');
      await writeJobs(folder, ['same']);
      const plan = await pretrainPlan(folder);
      const training = join(folder, 'run', 'training');
      await expect(writeJob(training, 'same', { ...plan, seed: 2 })).rejects.toMatchObject({
        code: 'TRAINING_JOB_EXISTS',
      });
      expect(await readFile(join(written, 'job.json'), 'utf8')).toBe(before);
    });
  });

  it.each([
    ['a bad name', '../up', {}, 'TRAINING_JOB_INVALID'],
    ['the folder of tokens', 'tokens', {}, 'TRAINING_JOB_INVALID'],
    ['a missing input', 'a', { inputs: [{ name: 'train', path: '/nowhere/train.jsonl' }] }, 'FILE_NOT_FOUND'],
    [
      'a setting that is not valid',
      'a',
      { settings: { tokens: 0, learningRate: 1 } },
      'TRAINING_JOB_INVALID',
    ],
  ])('with %s is refused and leaves nothing', async (_what, name, change, code) => {
    await withFolder(async (folder) => {
      const plan = await pretrainPlan(folder);
      const training = join(folder, 'run', 'training');
      await expect(writeJob(training, name, { ...plan, ...change })).rejects.toMatchObject({ code });
      expect(await listJobs(training)).toEqual([]);
    });
  });

  it('is found by its name or its folder', async () => {
    await withFolder(async (folder) => {
      const [written = ''] = await writeJobs(folder, ['one']);
      const training = join(folder, 'run', 'training');
      expect(await findJob(training, 'one')).toBe(written);
      expect(await findJob(training, written)).toBe(written);
      await expect(findJob(training, 'two')).rejects.toThrow('There is no training job "two"');
      await expect(findJob(training, 'two')).rejects.toThrow('Jobs: one.');
    });
  });
});

/** Sealed by Python: json.dumps with sorted keys, and numbers as JavaScript writes them. */
const sealedByPython = `{
 "version": 1,
 "kind": "pretrain",
 "job": "b8fac54e118f435e8b6190abfe473ae4488ab76a7d4c41ce0b512d51ebea7a66",
 "inputs": [
  {
   "name": "train",
   "sha256": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
  }
 ],
 "model": null,
 "versions": {
  "python": "3.11.7",
  "torch": "2.15.0"
 },
 "device": "cuda GPU é",
 "threads": 2,
 "dtype": "float32",
 "parameters": 1300000,
 "parametersWithoutEmbeddings": 1000000,
 "flops": 1.5e+21,
 "flopsWithoutEmbeddings": 1e+22,
 "tokens": 2500000,
 "passes": 0.30000000000000004,
 "seconds": 1e-07,
 "resumed": 0,
 "seed": 0,
 "settings": {
  "learningRate": 1e-05,
  "eps": 1e-08,
  "decayShare": 1.0,
  "beta": 5e-324,
  "big": 1.2345678901234568e+20
 },
 "result": {
  "sha256": "bc51e9e65d79e1c90ba544ab2eae1044ccdf8c1af7a559ba375cba4276f7d99e",
  "rows": 3
 },
 "seal": "14cbbf2a67be92087997ddc1bca38f827d053edf5776e1a23da00a5869b30d3f"
}`;

describe('a card', () => {
  it('that Python sealed is read, and one that was altered is not', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'card.json');
      const text = 'the job';
      await writeFile(path, sealedByPython);
      expect(await readCard(folder, { text })).toMatchObject({ flops: 1.5e21, seconds: 1e-7, threads: 2 });
      for (const [from, to, said] of [
        ['"rows": 3', '"rows": 4', 'its seal does not match'],
        ['"threads": 2', '"threads": 2.5', 'its seal does not match'],
        ['"seal"', '"sea1"', 'it has no seal'],
        ['{', '', 'JSON'],
      ] satisfies [string, string, string][]) {
        await writeFile(path, sealedByPython.replace(from, to));
        await expect(readCard(folder, { text })).rejects.toMatchObject({
          code: 'TRAINING_CARD',
          message: expect.stringContaining(said),
        });
      }
      await writeFile(path, sealedByPython);
      await expect(readCard(folder, { text: 'another job' })).rejects.toThrow(
        'it belongs to another job.json',
      );
      await rm(path);
      expect(await readCard(folder, { text })).toBeUndefined();
    });
  });
});

describe('events', () => {
  const at = '2026-11-30T20:00:00.000Z';
  const line = (step: number): string =>
    `${JSON.stringify({ at, event: 'progress', step, loss: 1 / step })}\n`;

  it('are the same however the file grows', async () => {
    const text = `${line(1)}${line(2)}{"torn": \n\n${JSON.stringify({ at, event: 'warning', message: 'Größe' })}\n${line(3)}`;
    const bytes = Buffer.from(text);
    await withFolder(async (folder) => {
      const path = join(folder, 'events.jsonl');
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 6 }),
          fc.integer({ min: 60, max: 1000 }),
          async (cuts, most) => {
            const events: TrainingEvent[] = [];
            let [from, broken, next] = [0, 0, 0];
            for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
              await (from === 0 ? writeFile : appendFile)(path, bytes.subarray(from, cut));
              from = cut;
              for (let before = -1; before !== next;) {
                before = next;
                const read = await readEvents(folder, { from: next, most: Math.max(most, 120) });
                events.push(...read.events);
                broken += read.broken;
                ({ next } = read);
              }
              if (cut === 0) await rm(path);
            }
            expect(events.map(({ event, step, message }) => step ?? `${event} ${message}`)).toEqual([
              1,
              2,
              'warning Größe',
              3,
            ]);
            expect(broken).toBe(1);
          },
        ),
        { numRuns: 30 },
      );
    });
  });

  it('are followed to the last one, and the end of a file is read alone', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'events.jsonl');
      const seen: (number | undefined)[] = [];
      const end = new AbortController();
      const following = followEvents(folder, { signal: end.signal }, ({ events }) => {
        seen.push(...events.map(({ step }) => step));
      });
      await setTimeout(20);
      await writeFile(path, line(1));
      await until(() => seen.length === 1);
      await appendFile(path, line(2) + line(3));
      end.abort();
      await following;
      expect(seen).toEqual([1, 2, 3]);
      const { events } = await readEvents(folder, { last: line(3).length + 5 });
      expect(events.map(({ step }) => step)).toEqual([3]);
    });
  });
});

it('the state of a job is what its folder shows', async () => {
  await withFolder(async (folder) => {
    const [job = ''] = await writeJobs(folder, ['a']);
    const say = (event: object): Promise<void> =>
      appendFile(join(job, 'events.jsonl'), `${JSON.stringify({ at: '2026-11-30T20:00:00Z', ...event })}\n`);
    expect(await readJobState(job)).toMatchObject({ state: 'waiting', kind: 'pretrain', step: null });
    const lease = await takeLease(join(job, 'lease'), 1000);
    await say({ event: 'start' });
    await say({ event: 'progress', step: 3, steps: 9, loss: 2.5 });
    expect(await readJobState(job)).toMatchObject({
      state: 'running',
      step: 3,
      loss: 2.5,
      worker: { pid: process.pid },
    });
    await lease?.release();
    // Its worker was killed.
    expect(await readJobState(job)).toMatchObject({ state: 'stopped', step: 3, problem: null, worker: null });
    await say({ event: 'failed', code: 'LOSS_NOT_FINITE', message: 'NaN at step 4.' });
    expect(await readJobState(job)).toMatchObject({ state: 'failed', problem: 'NaN at step 4.' });
    const text = await readFile(join(job, 'job.json'), 'utf8');
    await writeFile(join(job, 'job.json'), text.replace('"version": 1', '"version": 9'));
    expect(await readJobState(job)).toMatchObject({
      state: 'invalid',
      problem: expect.stringContaining('has version 9'),
    });
    const copy = join(folder, 'elsewhere');
    await mkdir(copy);
    expect(await readJobState(copy)).toBeUndefined();
    await cp(job, copy, { recursive: true });
    expect(await readJobState(copy)).toMatchObject({ name: 'elsewhere', state: 'invalid' });
  });
});
