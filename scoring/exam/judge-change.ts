// What changes if a judge changes: the sample's old and new scores, compared.

import { existsSync } from 'node:fs';
import { z } from 'zod';
import { parquetSource, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { formatCount, formatCountOf, formatShare } from '../../run/amounts.ts';
import { compareScores } from './agreement.ts';

/** The share of the sample that counts as kept. */
const keep = 0.1;

type ScoresByDocument = ReadonlyMap<string, number | null>;

/** The scores in a targets file; undefined if there is no readable one. */
export async function readTargetScores(path: string): Promise<ScoresByDocument | undefined> {
  if (!existsSync(path)) return undefined;
  try {
    const rows = await withDuckDb({}, (connection) =>
      queryRows(
        connection,
        `SELECT document, score FROM ${parquetSource(path)}`,
        z.object({ document: z.string(), score: z.number().nullable() }),
      ),
    );
    return new Map(rows.map(({ document, score }) => [document, score]));
  } catch {
    // The file is only for comparison, and the next step replaces it.
    return undefined;
  }
}

/** How many kept documents the new scores replace, as notes; none if all scores are the same. */
export function describeChange(before: ScoresByDocument, after: ScoresByDocument): string[] {
  const common = [...after.keys()].filter((document) => before.has(document));
  const [old, now] = [before, after].map((scores) => common.map((document) => scores.get(document) ?? null));
  if (old === undefined || now === undefined || old.every((score, at) => score === now[at])) return [];
  const { kept, dropped, spearman } = compareScores(old, now, keep);
  return [
    `The judge's scores changed since the last ranking, because its model, its questions or its settings did: of ` +
      `the best ${formatShare(keep)} of ${formatCountOf(common.length, 'sampled document')}, ${formatCount(dropped)} ` +
      `of ${formatCount(kept)} would be replaced (Spearman's correlation ${spearman?.toFixed(3) ?? 'unknown'}).`,
  ];
}
