// Jobs that a stand-in for Python works on; test/models/trainer/real-worker.test.ts has the real one.

import { appendFile, chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { availableParallelism, tmpdir } from 'node:os';
import { takeLease } from '../../../data/files/lease.ts';
import { fitJobs, openJobs, runJobs, type RunJobsOptions } from '../../../models/trainer.ts';
import type { TrainingEvent } from '../../../models/trainer/events.ts';
import { measureJob } from '../../../models/trainer/measure.ts';
import { checkPython, findPython, packagesOf, type Python } from '../../../models/trainer/python.ts';
import { readJobState } from '../../../models/trainer/state.ts';
import { productFolder } from '../../../run/product-folder.ts';
import { withFolder } from '../../data/collect.ts';
import { makePython, writeJobs } from './jobs.ts';

let folder: string;
let python: Python;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-training-'));
  python = await makePython(folder);
});
afterAll(() => rm(folder, { recursive: true }));

const run = async (
  names: readonly string[],
  options: Partial<RunJobsOptions> = {},
): ReturnType<typeof runJobs> => runJobs(await writeJobs(folder, names), { python, atOnce: 4, ...options });

/** The environment while `use` works. */
async function withEnvironment<T>(env: Record<string, string>, use: () => Promise<T>): Promise<T> {
  const replaced = jest.replaceProperty(process, 'env', { ...process.env, ...env });
  try {
    return await use();
  } finally {
    replaced.restore();
  }
}

describe('training jobs', () => {
  it('are run, several at once, and end with their cards, in order', async () => {
    const events: [string, TrainingEvent][] = [];
    const ends = await run(['done-1', 'done-2', 'done-3'], {
      atOnce: 2,
      threads: 3,
      onEvent: (job, event) => events.push([job, event]),
    });
    expect(ends.map(({ job, card, error }) => [job, card?.threads, card?.flops, error])).toEqual([
      ['done-1', 3, 1.5e12, undefined],
      ['done-2', 3, 1.5e12, undefined],
      ['done-3', 3, 1.5e12, undefined],
    ]);
    for (const name of ['done-1', 'done-2', 'done-3']) {
      const own = events.filter(([job]) => job === name).map(([, event]) => event);
      expect(own.map(({ event, step }) => `${event} ${step ?? ''}`.trim())).toEqual([
        'start',
        ...[1, 2, 3, 4, 5].map((step) => `progress ${step}`),
        'done 5',
      ]);
    }
    // Two workers, and one job after them.
    const begun = events.filter(([, { event }]) => event === 'start').map(([job]) => job);
    expect(begun.slice(0, 2).sort()).toEqual(['done-1', 'done-2']);
  });

  it('that are done are not run again', async () => {
    const [first] = await run(['done-4']);
    const started: string[] = [];
    const [again] = await run(['done-4'], { onStart: (job) => started.push(job) });
    expect(again).toMatchObject({ card: first?.card, error: undefined });
    expect(started).toEqual([]);
  });

  it('fail with a sentence and a remedy, each by itself', async () => {
    const expected: [string, string, number, string][] = [
      ['refused', 'TRAINING_INPUT_CHANGED', 2, 'has changed since the job was written. Restore the file'],
      ['missing', 'TRAINING_INPUT_MISSING', 2, 'is not a file: /gone. Put the file back'],
      ['empty', 'TRAINING_INPUT_EMPTY', 2, 'has no text.'],
      ['tokenizer', 'TRAINING_TOKENIZER', 2, 'has 300 tokens, the model 256. Use the model'],
      ['unsafe', 'TRAINING_MODEL_UNSAFE', 2, 'Convert the weights to safetensors'],
      ['old', 'TRAINING_JOB_INVALID', 2, 'this worker reads version 2.'],
      ['nan', 'TRAINING_LOSS', 1, 'NaN at step 3 (learning rate 0.1). The last good checkpoint is kept.'],
      ['full', 'TRAINING_DISK_FULL', 1, 'Free some space, then run "betr trainer full-1"'],
      ['memory', 'TRAINING_MEMORY', 1, 'The GPU has 1 GB.'],
      ['killed', 'TRAINING_KILLED', 1, 'was killed (SIGKILL), perhaps because memory ran out'],
      ['bug', 'TRAINING_FAILED', 1, 'ValueError: 3.'],
      ['silent', 'TRAINING_FAILED', 1, 'Its worker ended with exit code 1.'],
      ['cardless', 'TRAINING_FAILED', 1, 'Its worker ended without a card.'],
      ['seal', 'TRAINING_CARD', 1, 'its seal does not match its content'],
      ['foreign', 'TRAINING_CARD', 1, 'it belongs to another job.json'],
    ];
    const ends = await run([...expected.map(([name]) => `${name}-1`), 'done-beside-1']);
    for (const [at, [name, code, exitCode, message]] of expected.entries()) {
      expect(ends[at]).toMatchObject({
        job: `${name}-1`,
        card: undefined,
        error: { code, exitCode, message: expect.stringContaining(message) },
      });
    }
    expect(ends.at(-1)?.error).toBeUndefined();
  });

  it('that another worker has are left to it', async () => {
    const [job = ''] = await writeJobs(folder, ['done-busy']);
    const lease = await takeLease(join(job, 'lease'), 1000);
    const [end] = await run(['done-busy']);
    expect(end?.error).toMatchObject({ code: 'TRAINING_BUSY', exitCode: 3 });
    await lease?.release();
    expect((await run(['done-busy']))[0]?.error).toBeUndefined();
  });

  it('of which one was killed go on when they are run again', async () => {
    const [first] = await run(['killed-2']);
    expect(first?.error?.code).toBe('TRAINING_KILLED');
    expect(await readJobState(first?.folder ?? '')).toMatchObject({ state: 'stopped', step: 3, steps: 5 });
    const [again] = await run(['killed-2']);
    expect(again?.card?.resumed).toBe(1);
    expect(await readJobState(first?.folder ?? '')).toMatchObject({ state: 'done', step: 5 });
  });

  it('that are stopped save what they have, and those that wait do not start', async () => {
    const stop = new AbortController();
    const started: string[] = [];
    const options = {
      atOnce: 1,
      signal: stop.signal,
      onStart: (job: string) => started.push(job),
      onEvent: (_job: string, { step }: TrainingEvent) => {
        if (step === 1) stop.abort();
      },
    };
    const ends = await run(['slow-1', 'slow-2'], options);
    expect(ends.map(({ error }) => error?.code)).toEqual(['TRAINING_STOPPED', 'TRAINING_STOPPED']);
    expect(started).toEqual(['slow-1']);
    expect((await readJobState(ends[0]?.folder ?? ''))?.state).toBe('stopped');
    const again = await run(['slow-1'], {});
    expect(again[0]?.card?.resumed).toBe(1);
  });

  it('skip lines of events.jsonl that are no events, and say how many', async () => {
    const [job = ''] = await writeJobs(folder, ['torn-1']);
    // What an earlier worker left is not of this run.
    await appendFile(join(job, 'events.jsonl'), 'half a li\n');
    const broken: number[] = [];
    const [end] = await run(['torn-1'], { onBroken: (_job, lines) => broken.push(lines) });
    expect(end?.error).toBeUndefined();
    expect(broken.reduce((sum, lines) => sum + lines, 0)).toBe(1);
  });

  it('each get a GPU of their own, or a share of the cores', async () => {
    const jobs = await openJobs(await writeJobs(folder, ['done-5', 'done-6', 'done-7']));
    const cores = availableParallelism();
    await withEnvironment({ FAKE_GPUS: '2' }, async () => {
      expect(await fitJobs(jobs, { python })).toEqual({
        atOnce: 2,
        threads: Math.max(1, Math.floor(cores / 2)),
        gpus: 2,
      });
    });
    expect(await fitJobs(jobs, { python, atOnce: 1 })).toEqual({ atOnce: 1, threads: cores, gpus: 0 });
    expect(await fitJobs(jobs, { python, atOnce: 64, threads: 2 })).toMatchObject({ atOnce: 3, threads: 2 });
    expect((await fitJobs(jobs, { python })).atOnce).toBeLessThanOrEqual(cores);
    const seen: string[] = [];
    await withEnvironment({ FAKE_GPUS: '2', CUDA_VISIBLE_DEVICES: '4,7' }, async () => {
      await run(['done-5', 'done-6', 'done-7'], {
        onEvent: (_job, { message }) => seen.push(/GPU (\d)/.exec(message ?? '')?.[1] ?? ''),
      });
    });
    expect(new Set(seen)).toEqual(new Set(['4', '7', '']));
  });

  it('can be timed before they run', async () => {
    const [job = ''] = await writeJobs(folder, ['done-8']);
    expect(await measureJob(python, job, { steps: 2 })).toMatchObject({ secondsPerStep: 0.5 });
  });
});

describe('the Python for training', () => {
  it('is that of the settings, of the environment, of the package, or of the system', async () => {
    await withFolder(async (product) => {
      const settings = { trainer: { python: '../venv/bin/python' } };
      expect(findPython(undefined, '/a/b', product)).toEqual({ program: 'python3', isNamed: false });
      const made = join(product, '.cache', 'trainer', 'bin', 'python');
      await mkdir(dirname(made), { recursive: true });
      await writeFile(made, '');
      expect(findPython({}, '/a/b', product)).toEqual({ program: made, isNamed: false });
      await withEnvironment({ BETR_TRAINER_PYTHON: 'python3.12' }, async () => {
        expect(findPython(undefined, '/a/b', product)).toEqual({ program: 'python3.12', isNamed: true });
        await Promise.resolve();
      });
      expect(findPython(settings, '/a/b', product).program).toBe('/a/venv/bin/python');
    });
  });

  it('is refused with the command that mends it', async () => {
    const refusal = (program: string, extra: string[] = [], isNamed = true): Promise<unknown> =>
      checkPython({ program, isNamed }, extra).then(
        () => 'accepted',
        (error: unknown) => error,
      );
    expect(await refusal('/nowhere/python')).toMatchObject({
      code: 'TRAINER_PYTHON',
      message:
        'Training needs Python 3.10 or later, but /nowhere/python does not exist. Set trainer.python in the ' +
        'settings, or BETR_TRAINER_PYTHON, to another Python.',
    });
    expect(await refusal('/bin/cat')).toMatchObject({
      code: 'TRAINER_PYTHON',
      message: expect.stringContaining('does not answer like Python'),
    });
    const plain = join(folder, 'no-program');
    await writeFile(plain, '');
    await chmod(plain, 0o644);
    expect(await refusal(plain)).toMatchObject({ message: expect.stringContaining('permission denied') });
    await withEnvironment({ FAKE_PYTHON: '3.9.2' }, async () => {
      expect(await refusal(python.program)).toMatchObject({
        code: 'TRAINER_PYTHON',
        message: expect.stringContaining('is version 3.9.2.'),
      });
    });
    await withEnvironment({ FAKE_MISSING: 'torch,trl' }, async () => {
      const pip = `Run "${python.program} -m pip install '${productFolder()}/trainer[dpo]'"`;
      expect(await refusal(python.program)).toMatchObject({
        code: 'TRAINER_PACKAGES',
        message: expect.stringContaining(`package torch, which ${python.program} does not have. ${pip}`),
      });
      expect(await refusal(python.program, ['trl'])).toMatchObject({
        values: { packages: ['torch', 'trl'] },
      });
      expect(await refusal(python.program, [], false)).toMatchObject({
        message: expect.stringContaining(`Run "make -C ${productFolder()} trainer"`),
      });
    });
    await withEnvironment({ FAKE_MISSING: 'trl,peft' }, async () => {
      expect(await refusal(python.program)).toBe('accepted');
    });
  });

  it('needs more packages for preference tuning and adapters only', async () => {
    const [job] = await openJobs(await writeJobs(folder, ['done-9']));
    expect(packagesOf(job === undefined ? [] : [job.job])).toEqual([]);
    const text = await readFile(join(job?.folder ?? '', 'job.json'), 'utf8');
    const dpo = join(folder, 'run', 'training', 'dpo');
    await mkdir(dpo, { recursive: true });
    await writeFile(
      join(dpo, 'job.json'),
      JSON.stringify({
        ...JSON.parse(text),
        kind: 'dpo',
        model: { folder: '/m' },
        inputs: [{ name: 'pairs', path: 'p', sha256: 'a'.repeat(64) }],
        settings: { learningRate: 1, lora: { r: 1, alpha: 1 } },
      }),
    );
    const [tuning] = await openJobs([dpo]);
    expect(packagesOf(tuning === undefined ? [] : [tuning.job])).toEqual([
      'trl',
      'datasets',
      'accelerate',
      'peft',
    ]);
  });
});
