// Difficulty by reference models that the Python worker trains, where it is installed (`make trainer`): from a file of
// pairs to a measurement, by the commands.

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { checkPython, findPython, packagesOf } from '../../../models/trainer/python.ts';
import { runJobs } from '../../../models/trainer.ts';
import { writeJob } from '../../../models/trainer/write-job.ts';
import { openRun } from '../../../run/run.ts';
import { betrProcess, jsonl, sentence } from '../../cli/project.ts';
import { everything } from '../../long.ts';

jest.setTimeout(900_000);

const python = findPython(undefined, '.');
const why = everything
  ? await checkPython(python, packagesOf([{ kind: 'dpo' }])).then(
      () => undefined,
      (error: unknown) => String(error),
    )
  : 'runs only in make test-all';
if (why !== undefined) process.stderr.write(`test/pairs/models/real-worker: ${why}; skipped\n`);
const test = why === undefined ? it : it.skip;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-pairs-real-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const pairs = Array.from({ length: 24 }, (_, i) => ({
  id: `p${i}`,
  prompt: `${sentence(i % 2 === 0 ? 'space' : 'kitchen', i)} Number ${i * 7919}?`,
  chosen: sentence('space', 100 + i),
  rejected: sentence('kitchen', 100 + i),
}));
pairs.push({ id: 'long', prompt: 'a '.repeat(300), chosen: 'Yes.', rejected: 'No.' });
pairs.push({ id: 'cut', prompt: 'Say it.', chosen: 'b'.repeat(300), rejected: 'No.' });

const planned = z.object({
  plan: z.looseObject({ estimate: z.object({ models: z.number(), seconds: z.number() }) }),
});
const cardSchema = z.looseObject({
  known: z.number(),
  unknown: z.record(z.string(), z.number()),
  flops: z.number(),
});

test('from a file of pairs to their difficulty by six models, one of which is killed', async () => {
  await writeFile(join(folder, 'pairs.jsonl'), jsonl(pairs));
  await writeFile(join(folder, 'text.jsonl'), jsonl(pairs.map(({ id, chosen }) => ({ id, text: chosen }))));
  const settings = {
    corpus: { files: ['text.jsonl'] },
    pairs: [{ name: 'small', files: ['pairs.jsonl'] }],
    trainer: { python: python.program },
  };
  await writeFile(join(folder, 'betr.yaml'), JSON.stringify(settings));
  const run = await openRun(join(folder, 'betr.yaml'));
  const student = await writeJob(run.files.training, 'student', {
    kind: 'pretrain',
    model: { new: { hidden: 16, layers: 1, heads: 2, keyValueHeads: 2, mlp: 32 } },
    tokenizer: 'bytes',
    inputs: [{ name: 'train', path: join(folder, 'text.jsonl') }],
    settings: { tokens: 4096, learningRate: 1e-2, sequenceLength: 256, batchTokens: 256 },
  });
  const [pretrained] = await runJobs([student], { python, threads: 1 });
  expect(pretrained?.error).toBeUndefined();

  const command =
    'pairs measure small --by models --model student --learning-rate 1e-2 --beta 0.1 --threads 1';
  const measure = (more: string, stop?: Parameters<typeof betrProcess>[3]) =>
    betrProcess(folder, [...command.split(' '), ...more.split(' ')], {}, stop);
  expect(await betrProcess(folder, ['pairs', 'check', 'small'])).toMatchObject({ code: 0 });
  const settingsOfAll =
    '--chat --chat-template plain --max-length 256 --max-prompt-length 200 --measure-at 2 --json';
  const plan = await measure(`${settingsOfAll} --plan`);
  expect(planned.parse(JSON.parse(plan.stdout)).plan.estimate.models).toBe(6);
  const stopped = await measure(settingsOfAll, { after: 20_000, signal: 'SIGTERM' });
  expect([0, 143]).toContain(stopped.code);
  const done = await measure(settingsOfAll);
  expect(done.stderr).not.toContain('betr:');
  const card = cardSchema.parse(JSON.parse(done.stdout));
  expect(card.unknown).toEqual({
    'one answer is cut at the end of the context': 1,
    'with prompts longer than 200 tokens': 1,
  });
  expect(card.known).toBe(24);
  expect(card.flops).toBeGreaterThan(0);
});

test('a model without a chat template is told before anything is trained, with the plain one', async () => {
  const refused = await betrProcess(folder, [
    ...'pairs measure small --by models --model student --chat --name without'.split(' '),
  ]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('--chat-template plain');
});
