import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { parquetSource, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { openDummy } from '../../models/dummy/language-model.ts';
import { lossOf } from '../../pairs/difficulty.ts';
import { marginIn, measureByMargin } from '../../pairs/measure-margin.ts';
import { silent } from '../../run/progress.ts';
import { modelSchema } from '../../run/model-settings.ts';
import { betr } from '../cli/betr.ts';
import { openPairRun } from './pair-run.ts';

const models = [{ name: 'tiny', model: 'dummy:7', contextTokens: 40 }];
const rows = [
  { id: 'a', prompt: 'What is two and two?', chosen: 'It is four.', rejected: 'It is five, I think.' },
  {
    id: 'b',
    prompt: [{ role: 'user', content: 'Name a river.' }],
    chosen: [{ role: 'assistant', content: 'The Nile' }],
    rejected: [{ role: 'assistant', content: 'The Alps are a river' }],
  },
  { id: 'long', prompt: Array(60).fill('word').join(' '), chosen: 'yes', rejected: 'no' },
];

async function logOf(prompt: string, answer: string): Promise<number> {
  const model = openDummy({ ...modelSchema.parse(models[0]), model: 'dummy:7' });
  const [found] = await model.logProbabilities([{ prompt, continuations: [answer] }], 'start');
  return found?.continuations[0]?.logProbability ?? NaN;
}

describe('difficulty by the margin of a language model', () => {
  it('is that of the log probabilities of both answers after the prompt, and continues where it stopped', async () => {
    const { run, set, folder, remove } = await openPairRun(rows, {}, { models });
    try {
      const first = await measureByMargin(run, set, 'tiny', 'answer', silent);
      const read = (): Promise<
        { difficulty: number | null; margin: number | null; unknown: string | null }[]
      > =>
        withDuckDb({ threads: 1 }, (connection) =>
          queryRows(
            connection,
            `SELECT difficulty, margin, unknown FROM ${parquetSource(first.difficulties)} ORDER BY pair`,
            z.object({
              difficulty: z.number().nullable(),
              margin: z.number().nullable(),
              unknown: z.string().nullable(),
            }),
          ),
        );
      const margins = [
        (await logOf('What is two and two?\n\n', 'It is four.')) -
          (await logOf('What is two and two?\n\n', 'It is five, I think.')),
        (await logOf('Name a river.\n\n', 'The Nile')) -
          (await logOf('Name a river.\n\n', 'The Alps are a river')),
      ].map((margin) => 0.01 * margin);
      expect(await read()).toEqual([
        ...margins.map((margin) => ({
          difficulty: expect.closeTo(lossOf(margin), 9),
          margin: expect.closeTo(margin, 9),
          unknown: null,
        })),
        { difficulty: null, margin: null, unknown: 'longer than the context of the model' },
      ]);
      expect(first.card).toMatchObject({
        name: 'margin-tiny',
        method: 'model-margin',
        proxy: true,
        model: 'tiny',
      });
      const spent = first.card.settings['tokens'];
      expect(spent).toBeGreaterThan(0);

      // Everything is stored, so nothing is asked again, also by another unit.
      const { code, stdout } = await betr(folder, [
        ...['pairs', 'measure', 'feedback', '--by', 'margin', '--model', 'tiny', '--per', 'token', '--json'],
      ]);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        name: 'margin-tiny-by-token',
        beta: 1,
        settings: { tokens: spent },
        unknown: { 'longer than the context of the model': 1 },
      });
    } finally {
      await remove();
    }
  });

  it('gives the prompt alone to a model with a chat template', async () => {
    const chat = models.map((model) => ({ ...model, chat: true }));
    const { run, set, remove } = await openPairRun(rows.slice(0, 1), {}, { models: chat });
    try {
      const { difficulties } = await measureByMargin(run, set, 'tiny', 'answer', silent);
      const [found] = await withDuckDb({ threads: 1 }, (connection) =>
        queryRows(
          connection,
          `SELECT margin FROM ${parquetSource(difficulties)}`,
          z.object({ margin: z.number() }),
        ),
      );
      const margin =
        (await logOf('What is two and two?', 'It is four.')) -
        (await logOf('What is two and two?', 'It is five, I think.'));
      expect(found?.margin).toBeCloseTo(0.01 * margin, 9);
    } finally {
      await remove();
    }
  });

  it('divides by tokens or by bytes', () => {
    const pair = { form: 'text', chosen: 'été', rejected: 'hiver' } as const;
    const reply = { chosen: { log: -10, tokens: 2 }, rejected: { log: -30, tokens: 5 } };
    expect(marginIn(pair, reply, 'answer').margin).toBeCloseTo(0.2, 12);
    expect(marginIn(pair, reply, 'token').margin).toBeCloseTo(1, 12);
    // "été" has five bytes in UTF-8, as "hiver" has.
    expect(marginIn(pair, reply, 'byte').margin).toBeCloseTo(4, 12);
  });

  it.each([
    [
      'the server does not report its log probability',
      { chosen: { log: null, tokens: 1 }, rejected: { log: -1, tokens: 1 } },
    ],
    [
      'the server does not report its log probability',
      { chosen: { log: -1, tokens: null }, rejected: { log: -1, tokens: 1 } },
    ],
    ['refused by the server', { reason: 'refused by the server' as const }],
    ['refused by the server', undefined],
  ])('is unknown: %s', (unknown, reply) => {
    const pair = { form: 'text', chosen: 'a', rejected: 'b' } as const;
    expect(marginIn(pair, reply, 'token')).toEqual({ margin: null, unknown });
  });

  it('needs the name of a model', async () => {
    const { folder, remove } = await openPairRun(rows, {}, { models });
    try {
      const { code, stderr } = await betr(folder, ['pairs', 'measure', 'feedback', '--by', 'margin']);
      expect(code).toBe(2);
      expect(stderr).toContain('--model');
    } finally {
      await remove();
    }
  });
});
