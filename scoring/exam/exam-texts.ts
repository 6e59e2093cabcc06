// The texts of a judge's exam: those that should score high and those that should score low.

import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { z } from 'zod';
import { parquetSource, sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { keyHash } from '../../data/files/hash.ts';
import { ignoredRows } from '../../data/files/quarantine.ts';
import { listRowFiles, readRows } from '../../data/rows/rows.ts';
import { listBenchmarks, readBenchmark } from '../../indexer/examples/benchmarks.ts';
import { formatCountOf, formatNames } from '../../run/amounts.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';

/** Where an exam's texts come from. */
export interface ExamChoice {
  /** Sources of the sample, or benchmarks; by default all benchmarks. */
  for?: readonly string[] | undefined;
  /** The same; by default a random sample of the other documents. */
  against?: readonly string[] | undefined;
  /** A file of rows with `text` and `label`, in place of both. */
  labeled?: string | undefined;
  /** Texts on each side, at most. */
  texts: number;
}

export interface ExamSide {
  /** What the texts are, for people. */
  what: string;
  texts: string[];
  /** Sources of the sample that were named. */
  sources: string[];
  /** Whether all are documents of the corpus, so that they show what a document costs. */
  areDocuments: boolean;
}

export interface ExamTexts {
  for: ExamSide;
  against: ExamSide;
  notes: string[];
}

/**
 * Draws the exam's texts, the same every time; undefined if nothing says what the judge should find. Errors:
 * OPTION_INVALID, EXAM_TEXTS_MISSING, STEP_MISSING, those of `readBenchmark` and `readRows`.
 */
export async function drawExamTexts(run: Run, choice: ExamChoice): Promise<ExamTexts | undefined> {
  if (choice.labeled !== undefined) return readLabeled(run, choice.labeled, choice.texts);
  if (choice.for === undefined && run.settings.benchmarks.length === 0) return undefined;
  const sources = await listSampleSources(run);
  const named = await drawNamed(run, 'for', choice.for, choice.texts, sources);
  const positives = named ?? {
    what: 'benchmark examples',
    texts: await drawExamples(run, undefined, choice.texts),
    sources: [],
    areDocuments: false,
  };
  const negatives = (await drawNamed(run, 'against', choice.against, choice.texts, sources)) ?? {
    what: `a random sample of the ${positives.sources.length === 0 ? 'corpus' : 'other sources'}`,
    texts: await firstOfSample(run, { without: positives.sources }, choice.texts),
    sources: [],
    areDocuments: true,
  };
  return checked({ for: positives, against: negatives, notes: [] });
}

function checked(texts: ExamTexts): ExamTexts {
  for (const side of ['for', 'against'] as const)
    if (texts[side].texts.length === 0)
      throw fail('EXAM_TEXTS_MISSING', { side, what: texts[side].what, notes: texts.notes });
  return texts;
}

async function drawNamed(
  run: Run,
  side: 'for' | 'against',
  names: readonly string[] | undefined,
  count: number,
  sources: readonly string[],
): Promise<ExamSide | undefined> {
  if (names === undefined) return undefined;
  const benchmarks = run.settings.benchmarks.map(({ name }) => name);
  const unknown = names.find((name) => !sources.includes(name) && !benchmarks.includes(name));
  if (unknown !== undefined)
    throw fail('OPTION_INVALID', {
      option: `--${side}, or exam.${side} of the judge,`,
      got: unknown,
      allowed:
        `sources of the sample (${sources.slice(0, 30).join(', ')}${sources.length > 30 ? ', …' : ''}) or ` +
        `benchmarks (${benchmarks.join(', ')})`,
    });
  const ofSample = names.filter((name) => sources.includes(name));
  const others = names.filter((name) => !sources.includes(name));
  const [documents, examples] = [
    ofSample.length === 0 ? [] : await firstOfSample(run, { sources: ofSample }, count),
    others.length === 0 ? [] : await drawExamples(run, others, count),
  ];
  return {
    what: formatNames(names),
    texts: interleave([documents, examples], count),
    sources: ofSample,
    areDocuments: others.length === 0,
  };
}

/** Examples of the benchmarks in turn, each in its seeded random order. */
async function drawExamples(
  run: Run,
  names: readonly string[] | undefined,
  count: number,
): Promise<string[]> {
  const lists: string[][] = [];
  for (const one of await listBenchmarks(run)) {
    if (names !== undefined && !names.includes(one.benchmark.name)) continue;
    const { examples } = await readBenchmark(run, one, ignoredRows);
    lists.push(examples.slice(0, count).map(({ text }) => text));
  }
  return interleave(lists, count);
}

/** The first items of every list, then the second ones, and so on. */
function interleave(lists: readonly (readonly string[])[], count: number): string[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, at) => lists.flatMap((list) => list.slice(at, at + 1)))
    .flat()
    .slice(0, count);
}

/** Errors: STEP_MISSING if there is no sample. */
export function requireSample({ files }: Run): void {
  if (!existsSync(files.sample))
    throw fail('STEP_MISSING', { need: basename(files.sample), command: 'betr index' });
}

/** The sample's sources, most documents first. Errors: STEP_MISSING. */
export async function listSampleSources(run: Run): Promise<string[]> {
  requireSample(run);
  const rows = await withDuckDb({}, (connection) =>
    queryRows(
      connection,
      `SELECT source FROM ${parquetSource(run.files.sample)} GROUP BY source ORDER BY count(*) DESC, source`,
      z.object({ source: z.string() }),
    ),
  );
  return rows.map(({ source }) => source);
}

/** The first documents of the sample, whose order is random. */
export async function firstOfSample(
  run: Run,
  { sources, without = [] }: { sources?: readonly string[]; without?: readonly string[] },
  count: number,
): Promise<string[]> {
  const list = (names: readonly string[]): string => names.map((name) => sqlString(name)).join(', ');
  const where = [
    ...(sources === undefined ? [] : [`source IN (${list(sources)})`]),
    ...(without.length === 0 ? [] : [`source NOT IN (${list(without)})`]),
  ];
  const file = parquetSource(run.files.sample, 'file_row_number = true');
  const first =
    `SELECT file_row_number FROM ${file} ${where.length === 0 ? '' : `WHERE ${where.join(' AND ')} `}` +
    `ORDER BY file_row_number LIMIT ${count}`;
  const rows = await withDuckDb({}, (connection) =>
    queryRows(
      connection,
      `SELECT text FROM ${file} WHERE file_row_number IN (${first}) ORDER BY file_row_number`,
      z.object({ text: z.string() }),
    ),
  );
  return rows.map(({ text }) => text);
}

const yes = new Set(['1', 'true', 'yes', 'for', 'positive']);
const no = new Set(['0', 'false', 'no', 'against', 'negative']);

/** Rows with a text and a label. Others are counted in a note. */
async function readLabeled(run: Run, path: string, count: number): Promise<ExamTexts> {
  const sides: Record<'for' | 'against', string[]> = { for: [], against: [] };
  let [refused, first] = [0, ''];
  const refuse = (name: string, position: number, reason: string): void => {
    if (refused++ === 0) first = `${name}#${position}: ${reason}`;
  };
  for (const file of await listRowFiles([path], run.settingsFolder)) {
    for await (const { position, row } of readRows(file.path, { add: refuse, count: 0 }, file.name)) {
      const { text, label } = row;
      const told = typeof label === 'string' || typeof label === 'boolean' || typeof label === 'number';
      const plain = told ? String(label).trim().toLowerCase() : '';
      if (typeof text !== 'string' || text === '') refuse(file.name, position, '"text" is not a text');
      else if (yes.has(plain)) sides.for.push(text);
      else if (no.has(plain)) sides.against.push(text);
      else refuse(file.name, position, '"label" is neither yes (yes, true, 1) nor no (no, false, 0)');
    }
  }
  const against = new Set(sides.against);
  const both = new Set(sides.for.filter((text) => against.has(text)));
  const side = (name: 'for' | 'against'): ExamSide => ({
    what: `texts labeled "${name === 'for' ? 'yes' : 'no'}" in ${basename(path)}`,
    texts: sampleOf(
      sides[name].filter((text) => !both.has(text)),
      run.settings.sample.seed,
      count,
    ),
    sources: [],
    areDocuments: false,
  });
  const notes = [
    ...(refused === 0
      ? []
      : [`${formatCountOf(refused, 'row')} of ${basename(path)} left out; the first is ${first}`]),
    ...(both.size === 0
      ? []
      : [`${formatCountOf(both.size, 'text')} of ${basename(path)} left out, labeled both yes and no`]),
  ];
  return checked({ for: side('for'), against: side('against'), notes });
}

/** A seeded random sample, without repeated texts. */
export function sampleOf(texts: readonly string[], seed: number, count: number): string[] {
  return [...new Set(texts)]
    .map((text) => ({ text, hash: keyHash(text, seed) }))
    .sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : a.text < b.text ? -1 : 1))
    .slice(0, count)
    .map(({ text }) => text);
}
