import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from '@jest/globals';
import { jobJsonSchema } from '../../../models/trainer/job.ts';
import { checkJob } from '../../../models/trainer/read-job.ts';
import { newModel } from './jobs.ts';

const committed = fileURLToPath(new URL('../../../../trainer/betr_trainer/job.schema.json', import.meta.url));
const hash = 'ab'.repeat(32);
const inputs = (...names: string[]): object[] =>
  names.map((name) => ({ name, path: `../../${name}`, sha256: hash }));
const saved = { folder: '/models/small' };
const pretrain = {
  version: 1,
  kind: 'pretrain',
  model: newModel,
  tokenizer: 'bytes',
  inputs: inputs('train'),
  settings: { tokens: 1000, learningRate: 1e-3 },
};

const good: object[] = [
  pretrain,
  { ...pretrain, seed: 7, model: saved, limits: { threads: 1, checkpointSeconds: 0.5, memoryGb: 2 } },
  {
    ...pretrain,
    kind: 'continue',
    model: { checkpoint: '../base' },
    inputs: [{ ...inputs('train')[0], weight: 2 }, ...inputs('base')],
    settings: { tokens: 10, learningRate: 1e-4, rehearse: { input: 'base', share: 0.1 } },
  },
  { version: 1, kind: 'losses', model: saved, inputs: inputs('texts') },
  { version: 1, kind: 'generate', model: saved, inputs: inputs('prompts'), settings: { temperature: 0 } },
  { version: 1, kind: 'sft', model: saved, inputs: inputs('examples'), settings: { learningRate: 1e-5 } },
  {
    version: 1,
    kind: 'dpo',
    model: { ...saved, trustModelCode: true },
    inputs: inputs('pairs'),
    settings: { learningRate: 1e-6, lora: { r: 8, alpha: 16 }, measure: 'pairs', gradientClip: 0 },
  },
  {
    version: 1,
    kind: 'influence',
    model: saved,
    inputs: inputs('reference', 'probes'),
    settings: { learningRate: 1e-4, optimizer: 'sgd' },
  },
  { version: 1, kind: 'tokenizer', inputs: inputs('train') },
];

/** What both sides refuse, and what is said about it here. */
const bad: [object, string][] = [
  [{ ...pretrain, kind: 'distill' }, 'kind is "distill"'],
  [{ ...pretrain, colour: 1 }, 'unknown field "colour"'],
  [{ ...pretrain, settings: { ...pretrain.settings, tokans: 1 } }, 'unknown field "tokans"'],
  [{ ...pretrain, settings: { tokens: 1000 } }, 'settings.learningRate is missing'],
  [{ ...pretrain, settings: { ...pretrain.settings, tokens: 1.5 } }, 'settings.tokens is 1.5'],
  [{ ...pretrain, settings: { ...pretrain.settings, decayShare: 2 } }, 'settings.decayShare is 2'],
  [{ ...pretrain, inputs: [{ name: 'train', path: 'x', sha256: 'abc' }] }, 'inputs[0].sha256 is "abc"'],
  [{ ...pretrain, inputs: [] }, 'inputs is []'],
  [{ ...pretrain, tokenizer: 'words' }, 'tokenizer is "words"'],
  [{ ...pretrain, seed: -1 }, 'seed is -1'],
  [
    { version: 1, kind: 'losses', model: newModel, inputs: inputs('texts') },
    'model has the unknown field "new"',
  ],
  [{ version: 1, kind: 'tokenizer', model: saved, inputs: inputs('train') }, 'unknown field "model"'],
];

describe('job.json', () => {
  it('has the schema for Python that `npm run docs` generates', async () => {
    expect(await readFile(committed, 'utf8')).toBe(jobJsonSchema());
  });

  it('is accepted and refused alike by both schemas', () => {
    const validate = new Ajv2020({ strict: false }).compile(JSON.parse(jobJsonSchema()));
    for (const job of good) {
      expect(checkJob('a', job)).toMatchObject({ version: 1, seed: expect.any(Number) });
      expect([job, validate(job)]).toEqual([job, true]);
      // With its defaults filled in, too.
      expect(validate(JSON.parse(JSON.stringify(checkJob('a', job))))).toBe(true);
    }
    for (const [job, said] of bad) {
      expect(() => checkJob('a', job)).toThrow(said);
      expect([job, validate(job)]).toEqual([job, false]);
    }
  });

  it('of another version is refused in words, whatever else it has', () => {
    for (const version of [2, 0, '1', null])
      expect(() => checkJob('a', { version, kind: 'new' })).toThrow(
        `has version ${JSON.stringify(version)}, but this betr runs version 1`,
      );
    expect(() => checkJob('a', { kind: 'pretrain' })).toThrow('version is missing');
  });

  it('has the data sets that it names and needs', () => {
    const tuned = { settings: { learningRate: 1 } };
    const settings = { ...pretrain.settings };
    for (const [job, said] of [
      [{ ...pretrain, kind: 'dpo', model: saved, ...tuned }, 'an input named "pairs"'],
      [{ version: 1, kind: 'losses', model: saved, inputs: inputs('train') }, 'named "texts" or "items"'],
      [
        { ...pretrain, settings: { ...settings, evaluations: [{ input: 'held', kind: 'texts' }] } },
        'an input named "held"',
      ],
      [
        { ...pretrain, settings: { ...settings, evaluations: [{ input: 'train', kind: 'texts' }] } },
        'an input to train on',
      ],
      [
        { ...pretrain, settings: { ...settings, batchTokens: 1000 } },
        'a multiple of settings.sequenceLength (512)',
      ],
      [{ ...pretrain, settings: { ...settings, readings: [500, 1001] } }, 'at most settings.tokens (1000)'],
    ] satisfies [object, string][])
      expect(() => checkJob('a', job)).toThrow(said);
  });
});
