import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { parquetSource, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { readSealedJson } from '../../data/files/commit.ts';
import type { KeepQuestion } from '../../pairs/answer.ts';
import { pairsManifestSchema, type PairSelectionOptions, selectPairs } from '../../pairs/select.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { smallMeasurement, type SmallPair, ten, textPairs, withSmallSet } from './small-set.ts';

const lines = async (path: string): Promise<Record<string, unknown>[]> =>
  (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => z.record(z.string(), z.unknown()).parse(JSON.parse(line)));
const ids = (rows: Record<string, unknown>[]): unknown[] => rows.map(({ id }) => id);
const select = (
  run: Run,
  out: string,
  question: KeepQuestion,
  options: Partial<PairSelectionOptions> = {},
): ReturnType<typeof selectPairs> =>
  selectPairs(run, 'feedback', question, out, { unknown: 'drop', listCut: false, ...options }, silent);

describe('a selection of pairs', () => {
  it('has the easiest pairs in ascending order, a list of them, and a sealed manifest', async () => {
    await withSmallSet(ten, async (run, folder) => {
      const out = join(folder, 'out');
      const manifest = await select(run, out, { keep: 0.6 }, { listCut: true });
      // .6 of 9 known pairs is 5.4.
      const rows = await lines(join(out, 'train.jsonl'));
      expect(ids(rows)).toEqual(['p1', 'p3', 'p2', 'p5', 'p6']);
      expect(rows[0]).toEqual({
        prompt: 'Question 1?',
        chosen: 'Good 1.',
        rejected: 'Bad 1.',
        id: 'p1',
        difficulty: expect.closeTo(Math.log1p(Math.exp(-5)), 10),
      });
      expect(ids(await lines(join(out, 'cut.jsonl')))).toEqual(['p7', 'p8', 'p9', 'p0', 'p4']);
      expect((await lines(join(out, 'cut.jsonl'))).at(-1)).toMatchObject({ unknown: 'no model judged it' });
      const kept = await withDuckDb({ threads: 1 }, (connection) =>
        queryRows(
          connection,
          `SELECT id, line::INTEGER AS line FROM ${parquetSource(join(out, 'kept.parquet'))}`,
          z.object({ id: z.string(), line: z.number() }),
        ),
      );
      expect(kept.map(({ id, line }) => [id, line])).toEqual([
        ['p1', 2],
        ['p3', 4],
        ['p2', 3],
        ['p5', 6],
        ['p6', 7],
      ]);
      expect(await readSealedJson(join(out, 'manifest.json'), pairsManifestSchema, '')).toEqual(manifest);
      expect(manifest).toMatchObject({
        pairs: 5,
        format: 'trl',
        references: false,
        answer: {
          from: 'keep',
          keep: 0.6,
          pairs: { all: 10, known: 9, kept: 5 },
          unknown: { 'no model judged it': 1 },
          threshold: Math.LN2,
          groups: [
            {
              by: 'category',
              groups: [
                { group: 'chat', pairs: 8, known: 7, kept: 5, lost: expect.closeTo(2 / 7, 10) },
                { group: 'math', pairs: 2, known: 2, kept: 0, lost: 1 },
              ],
              more: 0,
            },
          ],
        },
      });
      expect((await readdir(out)).sort()).toEqual(
        [...manifest.files.map(({ file }) => file), 'manifest.json'].sort(),
      );
      const before = await readFile(join(out, 'manifest.json'), 'utf8');
      await select(run, out, { keep: 0.6 }, { listCut: true });
      expect(await readFile(join(out, 'manifest.json'), 'utf8')).toBe(before);
    });
  });

  it('keeps a floor of each group, and unknown pairs at the end if they are wanted', async () => {
    await withSmallSet(ten, async (run, folder) => {
      const out = join(folder, 'out');
      await select(run, out, { keep: 0.6, floor: { share: 0.5, by: 'category' } }, { unknown: 'keep' });
      expect(ids(await lines(join(out, 'train.jsonl')))).toEqual(['p1', 'p3', 'p2', 'p5', 'p9', 'p4']);
      await select(run, out, { keep: 0.3, order: 'hardest' });
      expect(ids(await lines(join(out, 'train.jsonl')))).toEqual(['p8', 'p9', 'p0']);
    });
  });

  it('never overwrites training settings that were edited', async () => {
    await withSmallSet(ten, async (run, folder) => {
      const out = join(folder, 'out');
      await select(run, out, { keep: 0.5 });
      const settings = join(out, 'train_dpo.yaml');
      await writeFile(settings, (await readFile(settings, 'utf8')).replace('beta: 0.01', 'beta: 0.05'));
      await expect(select(run, out, { keep: 0.6 })).rejects.toMatchObject({
        code: 'OUT_NOT_EMPTY',
        message: expect.stringContaining('train_dpo.yaml'),
      });
    });
  });

  it('has the log probabilities of the reference model where all its pairs have them', async () => {
    const pairs = textPairs([3, 2, 1, 0]).map(({ margin, row }, index) => ({
      margin,
      row: { ...row, c: -10, r: -20, ref_c: -11 - index, ref_r: index === 3 ? null : -21 - index },
    }));
    const settings =
      '    logProbabilities: {chosen: c, rejected: r, referenceChosen: ref_c, referenceRejected: ref_r}\n';
    await withSmallSet(
      pairs,
      async (run, folder) => {
        const out = join(folder, 'out');
        expect(await select(run, out, { keep: 0.75 })).toMatchObject({ references: true });
        expect((await lines(join(out, 'train.jsonl')))[1]).toMatchObject({
          id: 'p1',
          ref_chosen_logps: -12,
          ref_rejected_logps: -22,
        });
        expect(await readFile(join(out, 'train_dpo.yaml'), 'utf8')).toContain('\nreferences: file\n');
        expect(await select(run, out, { keep: 1 })).toMatchObject({ references: false });
        // A chat template around the strings changes their log probabilities.
        expect(await select(run, out, { keep: 0.75 }, { format: 'trl-messages' })).toMatchObject({
          references: false,
        });
        expect((await lines(join(out, 'train.jsonl')))[0]).toEqual({
          prompt: [{ role: 'user', content: 'Question 0?' }],
          chosen: [{ role: 'assistant', content: 'Good 0.' }],
          rejected: [{ role: 'assistant', content: 'Bad 0.' }],
          id: 'p0',
          difficulty: expect.any(Number),
        });
      },
      { settings },
    );
  });
});

const system = { role: 'system', content: 'Be brief.' };
const user = { role: 'user', content: 'How late is it?' };
const good = { role: 'assistant', content: 'Noon.' };
const bad = { role: 'assistant', content: 'No idea.' };
const call = {
  role: 'assistant',
  content: null,
  tool_calls: [{ type: 'function', function: { name: 'clock', arguments: '{}' } }],
};
const tool = { role: 'tool', content: '12:00' };
const tools = [
  { type: 'function', function: { name: 'clock', parameters: { type: 'object', properties: {} } } },
];

describe('the settings of train_dpo.py', () => {
  it('are those that the reference models were trained with', async () => {
    const references =
      'SELECT range AS pair, -11 - range AS ref_chosen_logps, -21.5 AS ref_rejected_logps ' + 'FROM range(3)';
    const chat = { chat: true, maxLength: 512, start: '/nowhere', chatTemplate: '{{ messages }}' };
    const measurements = [
      { ...smallMeasurement, name: 'models-a', method: 'models' as const, beta: 0.05, settings: chat },
    ];
    await withSmallSet(
      textPairs([3, 2, 1]),
      async (run, folder) => {
        const out = join(folder, 'out');
        // The models read the strings as conversations, so that is what their log probabilities are of.
        expect(await select(run, out, { keep: 1 })).toMatchObject({
          format: 'trl-messages',
          references: true,
        });
        expect((await lines(join(out, 'train.jsonl')))[1]).toMatchObject({
          prompt: [{ role: 'user', content: 'Question 1?' }],
          ref_chosen_logps: -12,
          ref_rejected_logps: -21.5,
        });
        expect(parse(await readFile(join(out, 'train_dpo.yaml'), 'utf8'))).toMatchObject({
          model: null,
          chat_template: 'chat_template.jinja',
          references: 'file',
          training: { beta: 0.05, max_length: 512, train_sampling_strategy: 'sequential' },
        });
        expect(await readFile(join(out, 'chat_template.jinja'), 'utf8')).toBe('{{ messages }}');
        expect(await select(run, join(folder, 'plain'), { keep: 1 }, { format: 'trl' })).toMatchObject({
          references: false,
        });
      },
      { measurements, references },
    );
  });
});

describe('the formats', () => {
  const conversations: SmallPair[] = [
    { margin: 2, row: { id: 'plain', prompt: [system, user], chosen: [good], rejected: [bad] } },
    { margin: 1, row: { id: 'tools', prompt: [user], chosen: [call, tool, good], rejected: [bad], tools } },
  ];

  it('are those of TRL, OpenAI and Axolotl; pairs that a format cannot express are left out and counted', async () => {
    await withSmallSet(conversations, async (run, folder) => {
      const out = join(folder, 'out');
      const write = async (format?: PairSelectionOptions['format']) => {
        const manifest = await select(run, out, { keep: 1 }, { format });
        return { manifest, rows: await lines(join(out, 'train.jsonl')) };
      };
      const trl = await write();
      expect(trl.manifest).toMatchObject({ format: 'trl-messages', pairs: 2, leftOut: {} });
      expect(trl.rows[1]).toMatchObject({ prompt: [user], chosen: [call, tool, good], rejected: [bad] });
      expect(JSON.parse(z.string().parse(trl.rows[1]?.['tools']))).toEqual(tools);
      const openai = await write('openai');
      expect(openai.rows).toEqual([
        { input: { messages: [system, user] }, preferred_output: [good], non_preferred_output: [bad] },
        {
          input: { messages: [user], tools },
          preferred_output: [call, tool, good],
          non_preferred_output: [bad],
        },
      ]);
      expect(openai.manifest.files.map(({ file }) => file)).toEqual(['train.jsonl', 'kept.parquet']);
      const axolotl = await write('axolotl');
      expect(axolotl.rows).toEqual([{ messages: [system, user], chosen: good, rejected: bad }]);
      expect(axolotl.manifest).toMatchObject({
        pairs: 1,
        leftOut: { 'it has tools': { pairs: 1, first: 'tools' } },
      });
      await expect(write('trl')).rejects.toMatchObject({
        code: 'PAIRS_FORMAT',
        message: expect.stringContaining('None of the 2 pairs can be written as trl. The first is plain:'),
      });
      expect(await readdir(out)).toEqual([]);
    });
  });
});
