// Writes a selection: the list of documents a cutoff keeps, optionally the documents themselves, and a
// manifest that records how it was made. The same question to the same ranking gives the same bytes on any
// number of threads; the manifest has no timestamps.

import { join, resolve } from 'node:path';
import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { commitJson } from '../../data/files/commit.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { settingsToShow } from '../../run/settings.ts';
import { answerWithCutoff } from '../budget/answer.ts';
import { resolveQuestion } from '../budget/resolve-question.ts';
import { compareComposition } from './composition.ts';
import { keptCondition } from '../cutoff.ts';
import { addUpUnknown } from '../../scoring/part.ts';
import type { Ranking } from '../generation.ts';
import { keptTable } from './kept-rows.ts';
import { type LeakHandling, type LeakMask, openLeakMask } from './leak-mask.ts';
import { fillOutFolder, manifestFile } from '../../data/files/out-folder.ts';
import { rowsFile, selectionFolder } from './out-folder.ts';
import { countRepeats, questionOfSlices, type Slice, type SlicesSql, slicesSql } from './repeat.ts';
import { type FilledQuota, fillQuotas, type Quotas } from './quotas.ts';
import { unknownTable, withScores } from '../scores.ts';
import { writeDocuments } from './write-documents.ts';
import { uploadFolder } from './upload.ts';
import { isRemote } from '../../run/address.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import type { Answer, Question } from '../budget/question.ts';
import { answerByQuotas } from './quota-answer.ts';
import { timelessAnswer, type SelectionManifest } from './manifest.ts';
import { writeRows, describeFile } from './write-rows.ts';
import type { Kept } from './write-rows.ts';

export interface SelectionOptions {
  format: SelectionManifest['format'];
  /** Weights of domains: the ranking is cut within each, instead of once for all. */
  quotas?: Quotas | undefined;
  /** How documents that contain benchmark test items are handled. */
  leaks?: LeakHandling;
  /** Whether documents without a score are kept, too. */
  keepUnknown?: boolean;
  /** How many times to repeat each document; the last slice is the cutoff. Not with quotas. */
  repeat?: readonly Slice[] | undefined;
}

/**
 * Answers the question and writes what it keeps to `outFolder` (or an s3:// or https:// URL), replacing an
 * earlier selection. Errors: OUT_NOT_EMPTY; LEAKS_STALE; SHARD_CHANGED, FILE_NOT_FOUND (documents only);
 * DISK_FULL, WRITE_FAILED; those of `answerBudget`, `fillQuotas` and `uploadFolder`.
 */
export async function writeSelection(
  run: Run,
  ranking: Ranking,
  question: Question,
  outFolder: string,
  options: SelectionOptions,
  report: Report,
): Promise<SelectionManifest> {
  if (isRemote(outFolder))
    return uploadFolder(
      outFolder,
      (folder) => writeSelection(run, ranking, question, folder, options, report),
      report,
    );
  const folder = resolve(outFolder);
  const { format, leaks = 'keep', keepUnknown = false, repeat } = options;
  const asked = repeat === undefined ? question : questionOfSlices(question, repeat);
  const { answer, kept: cut, retargeted, quotas, slices } = await decide(run, ranking, asked, options);
  const kept = keepUnknown ? withUnknown(run, ranking, cut) : cut;
  const mask = leaks === 'keep' ? undefined : await openLeakMask(run, ranking);
  const leaky = mask === undefined ? nothing : await countLeaky(run, retargeted, kept, mask);
  const dropped = leaks === 'drop' ? leaky : nothing;
  const [documents, tokens] = [kept.documents - dropped.documents, kept.tokens - dropped.tokens];
  const composition = await compareComposition(run, retargeted, cut);
  const written = leaks === 'drop' && mask !== undefined ? `NOT ${mask.leaky}` : 'true';
  const repeated =
    repeat === undefined || slices === undefined
      ? undefined
      : await countRepeats(run, retargeted, repeat, slices, `${keptCondition(cut)} AND ${written}`);
  return fillOutFolder(folder, selectionFolder, async () => {
    const rowsPath = join(folder, rowsFile);
    await writeRows(run, retargeted, kept, rowsPath, undefined, {
      condition: written,
      documents,
      repeat: slices?.times,
    });
    const files = [await describeFile(folder, rowsFile, documents)];
    if (format === 'documents') {
      for (const { file, documents } of await writeDocuments(run, ranking, rowsPath, folder, report, {
        cut: leaks === 'cut' ? mask : undefined,
        repeats: repeat !== undefined,
      }))
        files.push(await describeFile(folder, file, documents));
    }
    const manifest: SelectionManifest = {
      kind: 'betr selection',
      format,
      generation: ranking.generation,
      documents,
      tokens,
      leaks: mask === undefined ? null : { handling: leaks, tests: mask.tests, ...leaky },
      ...(ranking.unknown === undefined
        ? {}
        : { unknown: { handling: keepUnknown ? 'keep' : 'drop', reasons: ranking.unknown } }),
      question: asked,
      answer: timelessAnswer.parse(answer),
      settings: settingsToShow(run.settings),
      files,
      composition,
      ...(ranking.testTargets === undefined ? {} : { testTargets: ranking.testTargets }),
      ...(quotas === undefined ? {} : { quotas }),
      ...(repeated === undefined ? {} : { repeat: repeated }),
    };
    await commitJson(join(folder, manifestFile), manifest);
    return manifest;
  });
}

/** What is kept if documents without a score are kept, too. */
function withUnknown(run: Run, ranking: Ranking, kept: Kept): Kept {
  if (ranking.unknown === undefined) return kept;
  const more = addUpUnknown(ranking.unknown);
  return {
    ...kept,
    documents: kept.documents + more.documents,
    tokens: kept.tokens + more.tokens,
    unknown: unknownTable(run, ranking),
  };
}

const sums = z.object({ documents: count, tokens: count });
const nothing = { documents: 0, tokens: 0 };

/** The kept documents that contain test items, and their tokens. */
async function countLeaky(
  run: Run,
  ranking: Ranking,
  kept: Kept,
  { leaky }: LeakMask,
): Promise<z.output<typeof sums>> {
  const [found] = await withScores(run, ranking, (connection, table) =>
    queryRows(
      connection,
      'SELECT count(*)::DOUBLE AS documents, coalesce(sum(tokens), 0)::DOUBLE AS tokens ' +
        `FROM ${keptTable(table, kept)} WHERE ${leaky}`,
      sums,
    ),
  );
  return found ?? nothing;
}

/** The answer, what it keeps, and the ranking that is cut. */
async function decide(
  run: Run,
  ranking: Ranking,
  question: Question,
  { quotas, repeat, keepUnknown }: SelectionOptions,
): Promise<{ answer: Answer; kept: Kept; retargeted: Ranking; quotas?: FilledQuota[]; slices?: SlicesSql }> {
  if (quotas !== undefined && repeat !== undefined)
    throw fail('USAGE', { problem: 'Quotas cut every domain elsewhere, so --repeat cannot slice them.' });
  if (keepUnknown === true && repeat !== undefined)
    throw fail('USAGE', {
      problem: 'Documents without a score are in no slice: give --keep-unknown or --repeat, not both.',
    });
  const { answer, cutoff, ranking: retargeted } = await answerWithCutoff(run, ranking, question);
  if (repeat !== undefined) {
    const slices = await slicesSql(run, retargeted, repeat, cutoff);
    return { answer, kept: cutoff, retargeted, slices };
  }
  if (quotas === undefined) return { answer, kept: cutoff, retargeted };
  const filled = await fillQuotas(run, retargeted, answer.keep.rate, quotas);
  const byQuotas = answerByQuotas(answer, filled, await resolveQuestion(run, question));
  return { answer: byQuotas, kept: filled, retargeted, quotas: filled.quotas };
}
