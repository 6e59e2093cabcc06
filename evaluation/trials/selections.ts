// Writes the documents of an arm as `betr select` writes them, without test items and held-out texts. Of a large cut,
// a random sample with enough tokens is written.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { queryRows } from '../../data/duckdb/rows.ts';
import { sha256File } from '../../data/files/hash-files.ts';
import { keptCondition, findCutoff } from '../../ranking/cutoff.ts';
import { withScores } from '../../ranking/scores.ts';
import type { LeakMask } from '../../ranking/selection/leak-mask.ts';
import { rowsFile } from '../../ranking/selection/out-folder.ts';
import { writeRows } from '../../ranking/selection/write-rows.ts';
import { writeDocuments } from '../../ranking/selection/write-documents.ts';
import { formatAmount, formatShare } from '../../run/amounts.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import type { OpenArm } from './arms.ts';
import { chanceOf, notHeldOut } from './held-out.ts';
import { nameArm, type PlannedArm } from './plan-file.ts';

/** [ours] Muennighoff et al. (arXiv 2305.16264): tokens seen 40 times are worth almost nothing more. */
const mostPasses = 40;
/** How many times the tokens to train on are written, in the ranking's tokens: a sample is not exact. */
const margin = 1.5;

export interface Without {
  leaks: LeakMask;
  /** The list of held-out documents. */
  heldOut: string;
}

/** The documents of an arm that are trained on, as counts and as SQL. */
export interface CountedArm extends OpenArm {
  counts: Pick<PlannedArm, 'cut' | 'leaks' | 'heldOut' | 'sampled' | 'written' | 'passes'>;
  condition: string;
}

const amounts = z.strictObject({ documents: z.number(), tokens: z.number() });

/**
 * Counts an arm's documents. `tokens` are those to train on, and `perToken` how many of them a token of the ranking has
 * (a byte tokenizer makes several). Errors: TRIAL_ARM_EMPTY, TRIAL_CUT_SMALL, those of `findCutoff`.
 */
export async function countArm(
  open: OpenArm,
  { leaks, heldOut }: Without,
  { tokens, perToken }: { tokens: number; perToken: number },
): Promise<CountedArm> {
  const { arm, run, ranking } = open;
  const { seed } = run.settings.sample;
  const kept =
    arm.kind === 'ranking'
      ? keptCondition(await findCutoff(run, ranking, arm.keep))
      : arm.kind === 'random'
        ? `${chanceOf(`draw ${arm.draw}`, seed)} < ${arm.keep}`
        : 'true';
  const clean = `(${kept}) AND NOT ${leaks.leaky}`;
  const left = `${clean} AND ${notHeldOut(heldOut)}`;
  return withScores(run, ranking, async (connection, table) => {
    const count = async (condition: string): Promise<z.output<typeof amounts>> => {
      const [found] = await queryRows(
        connection,
        'SELECT count(*)::DOUBLE AS documents, coalesce(sum(tokens), 0)::DOUBLE AS tokens ' +
          `FROM ${table} WHERE ${condition}`,
        amounts,
      );
      return found ?? { documents: 0, tokens: 0 };
    };
    const [cut, cleaned, all] = [await count(kept), await count(clean), await count(left)];
    const available = all.tokens * perToken;
    if (all.documents === 0 || available === 0)
      throw fail('TRIAL_ARM_EMPTY', {
        arm: nameArm(arm),
        keep: formatShare(arm.keep),
        kept: cut.documents,
        leaks: cut.documents - cleaned.documents,
      });
    const passes = tokens / available;
    if (passes > mostPasses)
      throw fail('TRIAL_CUT_SMALL', {
        arm: nameArm(arm),
        keep: formatShare(arm.keep),
        tokens: formatAmount(available),
        passes: passes.toFixed(0),
        most: mostPasses,
      });
    const sampled = Math.min(1, (margin * tokens) / available);
    const condition = sampled < 1 ? `${left} AND ${chanceOf('sample', seed)} < ${sampled}` : left;
    return {
      ...open,
      condition,
      counts: {
        cut,
        leaks: less(cut, cleaned),
        heldOut: less(cleaned, all),
        sampled,
        written: sampled < 1 ? await count(condition) : all,
        passes,
      },
    };
  });
}

function less(all: z.output<typeof amounts>, rest: z.output<typeof amounts>): z.output<typeof amounts> {
  return { documents: all.documents - rest.documents, tokens: all.tokens - rest.tokens };
}

/**
 * Writes an arm's documents into `folder`/selections/ID. Errors: SHARD_CHANGED, FILE_NOT_FOUND, DISK_FULL,
 * WRITE_FAILED; those of reading the corpus.
 */
export async function writeArm(
  { arm, run, ranking, condition, counts }: CountedArm,
  folder: string,
  report: Report,
): Promise<PlannedArm> {
  const own = join(folder, 'selections', arm.id);
  const rows = join(own, rowsFile);
  await writeRows(run, ranking, { condition, ...counts.written }, rows);
  const shown: Report = (progress) => report({ ...progress, stage: `trial: write ${arm.id}` });
  const written = await writeDocuments(run, ranking, rows, own, shown, { cut: undefined, repeats: false });
  const files: PlannedArm['files'] = [];
  for (const { file } of written) {
    const path = join(own, file);
    files.push({
      file: `selections/${arm.id}/${file}`,
      bytes: (await stat(path)).size,
      sha256: await sha256File(path),
    });
  }
  return { ...arm, ...counts, files };
}
