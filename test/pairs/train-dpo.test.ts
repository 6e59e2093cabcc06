// Training on selections with TRL itself, where Python has it (`make trainer`).

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, jest } from '@jest/globals';
import { z } from 'zod';
import { findPython, lastLine } from '../../models/trainer/python.ts';
import { selectPairs } from '../../pairs/select.ts';
import { productFolder } from '../../run/product-folder.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { everything } from '../long.ts';
import { type SmallPair, textPairs, withSmallSet } from './small-set.ts';

jest.setTimeout(900_000);

const python = findPython(undefined, '.');
const why = everything
  ? await promisify(execFile)(python.program, ['-c', 'import trl, peft, datasets']).then(
      () => undefined,
      (error: unknown) => String(error),
    )
  : 'runs only in make test-all';
if (why !== undefined) process.stderr.write(`test/pairs/train-dpo: ${why}; skipped\n`);
const test = why === undefined ? it : it.skip;

/** What test/pairs/train_dpo_cases.py answers. */
async function ask(folder: string, ...args: string[]): Promise<unknown> {
  const trainer = join(productFolder(), 'trainer');
  const { stdout } = await promisify(execFile)(
    python.program,
    [join(productFolder(), 'test', 'pairs', 'train_dpo_cases.py'), ...args],
    {
      maxBuffer: 1 << 26,
      env: {
        ...process.env,
        PYTHONPATH: [trainer, join(trainer, 'tests')].join(':'),
        HF_HUB_OFFLINE: '1',
        HF_HOME: join(folder, 'hub'),
        HF_DATASETS_CACHE: join(folder, 'cache'),
      },
    },
  );
  return JSON.parse(lastLine(stdout));
}

const select = (
  run: Run,
  out: string,
  format?: 'trl' | 'trl-messages' | 'openai' | 'axolotl',
): Promise<unknown> =>
  selectPairs(run, 'feedback', { keep: 0.9 }, out, { format, unknown: 'drop', listCut: false }, silent);

/** 40 conversations; their difficulty does not follow their order in the file. */
const conversations: SmallPair[] = Array.from({ length: 40 }, (_, index) => ({
  margin: ((index * 17) % 40) / 10 - 2,
  row: {
    id: `p${index}`,
    prompt: [{ role: 'user', content: `Q${index}?` }],
    chosen: [{ role: 'assistant', content: `Yes${'!'.repeat(index % 20)}` }],
    rejected: [{ role: 'assistant', content: `No${'.'.repeat((index * 3) % 20)}` }],
  },
}));
/** The ten easiest, which have the largest margins. */
const easiest = conversations
  .map(({ margin }, index) => ({ margin: margin ?? 0, index }))
  .sort((a, b) => b.margin - a.margin)
  .slice(0, 10)
  .map(({ index }) => `Q${index}?`);

const ran = z.object({ compared: z.number(), seen: z.array(z.string()), losses: z.array(z.number()) });
const trainingSchema = z.object({
  plain: z.literal(true),
  file: ran,
  recomputed: ran,
  random: ran,
  other: z.string(),
  shorter: z.string(),
});
const promptsOf = ({ seen }: z.output<typeof ran>): (string | undefined)[] =>
  seen.map((text) => /Q\d+\?/.exec(text)?.[0]);

test(
  'train_dpo.py takes the pairs in order, with the log probabilities of the file if they are those of the ' +
    'model',
  async () => {
    await withSmallSet(conversations, async (run, folder) => {
      await ask(folder, 'models', folder);
      await select(run, join(folder, 'plain'));
      const one = join(folder, 'one');
      const references = z
        .record(z.string(), z.tuple([z.number(), z.number()]))
        .parse(await ask(folder, 'references', join(folder, 'plain'), one));
      const measured = conversations.map(({ margin, row }) => {
        const [chosen, rejected] = references[String(row['id'])] ?? [0, 0];
        return { margin, row: { ...row, c: chosen, r: rejected, ref_c: chosen, ref_r: rejected } };
      });
      const settings =
        '    logProbabilities: {chosen: c, rejected: r, referenceChosen: ref_c, referenceRejected: ref_r}\n';
      await withSmallSet(
        measured,
        async (measuredRun, measuredFolder) => {
          const out = join(measuredFolder, 'out');
          await select(measuredRun, out);
          const { file, recomputed, random, other, shorter } = trainingSchema.parse(
            await ask(folder, 'training', out, one, join(folder, 'two')),
          );
          expect(file.compared).toBeGreaterThan(16);
          expect(recomputed.compared).toBe(0);
          expect(promptsOf(file)).toEqual(easiest);
          expect(promptsOf(recomputed)).toEqual(easiest);
          expect(promptsOf(random)).not.toEqual(easiest);
          expect(file.losses[0]).toBeCloseTo(Math.LN2, 3);
          for (const [step, loss] of file.losses.entries())
            expect(loss).toBeCloseTo(recomputed.losses[step] ?? 0, 3);
          expect(other).toMatch(
            /^The log probabilities in the file are not those of this model: of \d+ compared answers, \d+ differ\./,
          );
          expect(shorter).toContain('maximum length (now 48)');
        },
        { settings },
      );
    });
  },
);

test('datasets reads every format', async () => {
  await withSmallSet(conversations, async (run, folder) => {
    await select(run, join(folder, 'trl-messages'));
    await select(run, join(folder, 'openai'), 'openai');
    await select(run, join(folder, 'axolotl'), 'axolotl');
    await withSmallSet(textPairs([3, 2, 1]), async (text, textFolder) => {
      await select(text, join(textFolder, 'trl'), 'trl');
      const folders = [
        join(textFolder, 'trl'),
        ...['trl-messages', 'openai', 'axolotl'].map((name) => join(folder, name)),
      ];
      const columns = ['prompt', 'chosen', 'rejected', 'id', 'difficulty'];
      expect(await ask(folder, 'formats', ...folders)).toEqual([
        { rows: 3, columns },
        { rows: 36, columns },
        { rows: 36, columns: ['input', 'preferred_output', 'non_preferred_output'] },
        { rows: 36, columns: ['messages', 'chosen', 'rejected'] },
      ]);
      await ask(folder, 'models', folder);
      expect(await ask(folder, 'references', join(textFolder, 'trl'), join(folder, 'one'))).toEqual({
        p0: [expect.any(Number), expect.any(Number)],
        p1: [expect.any(Number), expect.any(Number)],
        p2: [expect.any(Number), expect.any(Number)],
      });
    });
  });
});
