// Compares judges on the sample: each one's scores, how much they agree, and where they differ most.

import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { parquetSource, sqlString, withDuckDb } from '../data/duckdb/duckdb.ts';
import { queryRows } from '../data/duckdb/rows.ts';
import { commitFile } from '../data/files/commit.ts';
import { openJudge } from '../indexer/judges/judge.ts';
import type { Report } from '../run/progress.ts';
import type { Run } from '../run/run.ts';
import { compareScores, type JudgeAgreement, listDifferences } from '../scoring/exam/agreement.ts';
import { requireSample } from '../scoring/exam/exam-texts.ts';
import { excerptOf } from './margin.ts';
import { type Sampled, listSampled, judgeSample } from './judge-sample.ts';

export interface JudgeColumn {
  name: string;
  kind: string;
  model: string;
  fingerprint: string;
  /** The mean score; null if every document is unknown. */
  mean: number | null;
  /** Documents without a score, by reason. */
  unknown: Record<string, number>;
}

export interface JudgePair extends JudgeAgreement {
  first: string;
  second: string;
  differences: {
    document: string;
    source: string;
    scores: [number | null, number | null];
    percentiles: [number, number];
    excerpt: string;
  }[];
}

export interface JudgeComparison {
  documents: number;
  keep: number;
  judges: JudgeColumn[];
  /**
   * For each kind of judges, because scores of different kinds have different scales: the mean of the judges' mean
   * scores. Documents without a score by one of them have none.
   */
  means: { kind: string; judges: number; mean: number | null; unknown: number }[];
  pairs: JudgePair[];
}

export interface CompareOptions {
  /** The share that a selection would keep. */
  keep: number;
  /** Documents of the sample, at most; all by default. */
  documents?: number | undefined;
  /** A file for the scores of each document, as JSON Lines; relative to the current folder. */
  out?: string | undefined;
}

const differencesShown = 10;

/**
 * Judges the sample by each judge and compares them. Texts judged before cost nothing. Errors: STEP_MISSING,
 * those of `openJudge` and of judging, DISK_FULL, WRITE_FAILED.
 */
export async function compareJudges(
  run: Run,
  names: readonly string[],
  options: CompareOptions,
  report: Report,
): Promise<JudgeComparison> {
  requireSample(run);
  const sampled = await listSampled(run, options.documents);
  const judges: JudgeColumn[] = [];
  const columns: (number | null)[][] = [];
  // One judge after the other, because two models may not fit into memory, nor may all texts.
  for (const name of names) {
    const judge = await openJudge(run, name, report);
    try {
      const { scoreOf, unknown } = await judgeSample(run, judge, options.documents, report);
      const scores = sampled.map(({ document }) => scoreOf.get(document) ?? null);
      columns.push(scores);
      const { kind, fingerprint, model } = judge;
      judges.push({ name, kind, model: model.name, fingerprint, mean: meanOf(scores), unknown });
    } finally {
      await judge.close();
    }
  }
  const means = meansByKind(judges, columns, sampled.length);
  if (options.out !== undefined) await writeScores(resolve(options.out), names, sampled, columns, means);
  const pairs = names.flatMap((_, first) =>
    names.slice(first + 1).map((__, at) => [first, first + 1 + at] as const),
  );
  return {
    documents: sampled.length,
    keep: options.keep,
    judges,
    means: means.map(({ kind, judges: count, scores }) => ({
      kind,
      judges: count,
      mean: meanOf(scores),
      unknown: scores.filter((score) => score === null).length,
    })),
    pairs: await Promise.all(
      pairs.map((pair) => comparePair(run, names, columns, sampled, pair, options.keep)),
    ),
  };
}

async function comparePair(
  run: Run,
  names: readonly string[],
  columns: readonly (readonly (number | null)[])[],
  sampled: readonly Sampled[],
  [first, second]: readonly [number, number],
  keep: number,
): Promise<JudgePair> {
  const [a = [], b = []] = [columns[first], columns[second]];
  const differences = listDifferences(a, b, differencesShown).map(({ at, percentiles }) => ({
    document: sampled[at]?.document ?? '',
    source: sampled[at]?.source ?? '',
    scores: [a[at] ?? null, b[at] ?? null] satisfies [number | null, number | null],
    percentiles,
  }));
  const excerpts = await readExcerpts(
    run,
    differences.map(({ document }) => document),
  );
  return {
    first: names[first] ?? '',
    second: names[second] ?? '',
    ...compareScores(a, b, keep),
    differences: differences.map((one) => ({ ...one, excerpt: excerpts.get(one.document) ?? '' })),
  };
}

/** The beginnings of sampled documents. */
async function readExcerpts(run: Run, documents: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (documents.length === 0) return new Map();
  const rows = await withDuckDb({}, (connection) =>
    queryRows(
      connection,
      `SELECT document, left(text, 2000) AS text FROM ${parquetSource(run.files.sample)} ` +
        `WHERE document IN (${documents.map((document) => sqlString(document)).join(', ')})`,
      z.object({ document: z.string(), text: z.string() }),
    ),
  );
  return new Map(rows.map(({ document, text }) => [document, excerptOf(text)]));
}

/** The mean score of each document by the judges of one kind. */
interface KindMeans {
  kind: string;
  judges: number;
  scores: (number | null)[];
}

function meansByKind(
  judges: readonly JudgeColumn[],
  columns: readonly (readonly (number | null)[])[],
  documents: number,
): KindMeans[] {
  return [...new Set(judges.map(({ kind }) => kind))].map((kind) => {
    const ofKind = columns.filter((_, at) => judges[at]?.kind === kind);
    const scores = Array.from({ length: documents }, (_, at) =>
      meanOfAll(ofKind.map((column) => column[at] ?? null)),
    );
    return { kind, judges: ofKind.length, scores };
  });
}

/** The mean of the known scores; null if there is none. */
function meanOf(scores: readonly (number | null)[]): number | null {
  const known = scores.filter((score) => score !== null);
  return known.length === 0 ? null : known.reduce((sum, score) => sum + score, 0) / known.length;
}

/** The mean of all scores; null if one is unknown, because the others alone would be another scale. */
function meanOfAll(scores: readonly (number | null)[]): number | null {
  return scores.includes(null) ? null : meanOf(scores);
}

async function writeScores(
  path: string,
  names: readonly string[],
  sampled: readonly Sampled[],
  columns: readonly (readonly (number | null)[])[],
  means: readonly KindMeans[],
): Promise<void> {
  await commitFile(path, async (temporary) => {
    const file = await open(temporary, 'w');
    try {
      for (const [at, { document, source }] of sampled.entries()) {
        const scores = Object.fromEntries(names.map((name, judge) => [name, columns[judge]?.[at] ?? null]));
        const ofKinds = Object.fromEntries(means.map(({ kind, scores: of }) => [kind, of[at] ?? null]));
        await file.write(`${JSON.stringify({ document, source, scores, means: ofKinds })}\n`);
      }
    } finally {
      await file.close();
    }
  });
}
