// Compares judges on the sample: each one's scores, how much they agree, and where they differ most.

import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parquetSource } from '../data/duckdb/duckdb.ts';
import { withSpillingDuckDb } from '../data/duckdb/run-files.ts';
import { readStrings } from '../data/duckdb/columns.ts';
import { streamChunks } from '../data/duckdb/stream.ts';
import { commitFile } from '../data/files/commit.ts';
import { type Judge, openJudge } from '../indexer/judges/judge.ts';
import type { Report } from '../run/progress.ts';
import type { Run } from '../run/run.ts';
import { compareScores, type JudgeAgreement, listDifferences } from '../scoring/exam/agreement.ts';
import { requireSample } from '../scoring/exam/exam-texts.ts';
import { excerptOf } from './margin.ts';

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
  /** Of the judges' mean scores; documents without a score by one of them have none. */
  mean: { mean: number | null; unknown: number };
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
/** Texts in memory at a time. */
const blockDocuments = 2048;

interface Sampled {
  keys: string[];
  sources: string[];
  excerpts: string[];
}

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
  const sampled: Sampled = { keys: [], sources: [], excerpts: [] };
  const judges: JudgeColumn[] = [];
  const columns: (number | null)[][] = [];
  for (const name of names) {
    const judge = await openJudge(run, name, report);
    try {
      const { scores, unknown } = await judgeSample(run, judge, options.documents, report, (rows) => {
        if (judges.length > 0) return;
        for (const [document, source, text] of rows) {
          sampled.keys.push(document);
          sampled.sources.push(source);
          sampled.excerpts.push(excerptOf(text.slice(0, 2000)));
        }
      });
      columns.push(scores);
      const { kind, fingerprint, model } = judge;
      judges.push({ name, kind, model: model.name, fingerprint, mean: meanOf(scores), unknown });
    } finally {
      await judge.close();
    }
  }
  const means = sampled.keys.map((_, at) => meanOfAll(columns.map((column) => column[at] ?? null)));
  if (options.out !== undefined) await writeScores(resolve(options.out), names, sampled, columns, means);
  return {
    documents: sampled.keys.length,
    keep: options.keep,
    judges,
    mean: { mean: meanOf(means), unknown: means.filter((score) => score === null).length },
    pairs: names.flatMap((_, first) =>
      names
        .map((__, second) => second)
        .filter((second) => second > first)
        .map((second) => comparePair(names, columns, sampled, [first, second], options.keep)),
    ),
  };
}

/** Document, source and text. */
type Rows = [document: string, source: string, text: string][];

/** Judges the sample block by block and passes the rows of each block to `use`. */
async function judgeSample(
  run: Run,
  judge: Judge,
  documents: number | undefined,
  report: Report,
  use: (rows: Rows) => void,
): Promise<{ scores: (number | null)[]; unknown: Record<string, number> }> {
  const scores: (number | null)[] = [];
  const unknown: Record<string, number> = {};
  const judgeRows = async (rows: Rows): Promise<void> => {
    const before = scores.length;
    const judged = await judge.judge(
      rows.map(([, , text]) => text),
      (done) =>
        report({ stage: `judge the sample by ${judge.name}`, done: before + done, unit: 'documents' }),
    );
    for (const { score, reason } of judged) {
      scores.push(score);
      if (score === null) unknown[reason ?? 'unknown'] = (unknown[reason ?? 'unknown'] ?? 0) + 1;
    }
    use(rows);
  };
  await withSpillingDuckDb(run.files.spill, async (connection) => {
    let rows: Rows = [];
    for await (const chunk of streamChunks(
      connection,
      `SELECT document, source, text FROM ${parquetSource(run.files.sample)}` +
        (documents === undefined ? '' : ` LIMIT ${documents}`),
    )) {
      // The library's own conversion drops a byte order mark, and the text would be another.
      const [keys, sources] = [readStrings(chunk, 0), readStrings(chunk, 1)];
      for (const [i, text] of readStrings(chunk, 2).entries())
        rows.push([keys[i] ?? '', sources[i] ?? '', text ?? '']);
      if (rows.length < blockDocuments) continue;
      await judgeRows(rows);
      rows = [];
    }
    if (rows.length > 0) await judgeRows(rows);
  });
  return { scores, unknown };
}

function comparePair(
  names: readonly string[],
  columns: readonly (readonly (number | null)[])[],
  { keys, sources, excerpts }: Sampled,
  [first, second]: readonly [number, number],
  keep: number,
): JudgePair {
  const [a = [], b = []] = [columns[first], columns[second]];
  return {
    first: names[first] ?? '',
    second: names[second] ?? '',
    ...compareScores(a, b, keep),
    differences: listDifferences(a, b, differencesShown).map(({ at, percentiles }) => ({
      document: keys[at] ?? '',
      source: sources[at] ?? '',
      scores: [a[at] ?? null, b[at] ?? null],
      percentiles,
      excerpt: excerpts[at] ?? '',
    })),
  };
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
  { keys, sources }: Sampled,
  columns: readonly (readonly (number | null)[])[],
  means: readonly (number | null)[],
): Promise<void> {
  await commitFile(path, async (temporary) => {
    const file = await open(temporary, 'w');
    try {
      for (const [at, document] of keys.entries()) {
        const scores = Object.fromEntries(names.map((name, judge) => [name, columns[judge]?.[at] ?? null]));
        await file.write(
          `${JSON.stringify({ document, source: sources[at], scores, mean: means[at] ?? null })}\n`,
        );
      }
    } finally {
      await file.close();
    }
  });
}
