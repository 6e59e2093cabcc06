// Reads benchmark files and chooses the examples. Every benchmark gives the same number of examples (unless
// the settings say otherwise). A seeded hash of the text chooses them, so the order of files and rows does
// not matter; no benchmark has the same text twice.

import { VARCHAR } from '../../data/duckdb/library.ts';
import { z } from 'zod';
import type { ListedFile } from '../../data/documents.ts';
import { parquetSource, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { fail } from '../../run/errors/errors.ts';
import { keyHash } from '../../data/files/hash.ts';
import type { Quarantine } from '../../data/files/quarantine.ts';
import { listRowFiles } from '../../data/rows/rows.ts';
import type { Run } from '../../run/run.ts';
import type { Settings } from '../../run/settings.ts';
import { parseTemplate, templateFields } from '../../run/fields/template.ts';
import { type ExampleCounts, exampleCountsSchema } from '../index-card.ts';
import { readExampleRows, type Rules } from './read.ts';
import { countUse, type ExampleReport, tallyReasons } from './report.ts';
import { appendColumns, withSpillingDuckDb, writeParquet } from '../../data/duckdb/run-files.ts';

export interface Example {
  benchmark: string;
  /** The row's id, or file#row if it has none. */
  example: string;
  text: string;
}

/** Metadata stored in `examples.parquet`. */
export const examplesNoteSchema = z.object({ from: z.string(), counts: exampleCountsSchema });

export interface BenchmarkFiles {
  benchmark: Settings['benchmarks'][number];
  files: readonly ListedFile[];
  /** Files with the benchmark's held-out examples. */
  tests: readonly ListedFile[];
}

/** Lists the files of all benchmarks in the settings. Errors: those of `listRowFiles`. */
export async function listBenchmarks({ settings, settingsFolder }: Run): Promise<BenchmarkFiles[]> {
  const list = async (patterns: readonly string[] = []): Promise<ListedFile[]> =>
    listRowFiles(patterns, settingsFolder);
  const found: BenchmarkFiles[] = [];
  for (const benchmark of settings.benchmarks)
    found.push({ benchmark, files: await list(benchmark.files), tests: await list(benchmark.tests) });
  return found;
}

/**
 * Reads all benchmarks in the order of the settings and chooses their examples. Invalid rows are quarantined
 * with the reason. Errors: NO_EXAMPLES, those of `readBenchmark`.
 */
export async function readBenchmarks(
  run: Run,
  benchmarks: readonly BenchmarkFiles[],
  quarantine: Quarantine,
): Promise<{ examples: Example[]; counts: ExampleCounts }> {
  const all: BenchmarkExamples[] = [];
  for (const one of benchmarks) {
    const found = await readBenchmark(run, one, quarantine);
    const [worst] = found.report.refused;
    if (found.examples.length === 0)
      throw fail('NO_EXAMPLES', {
        benchmark: found.benchmark,
        quarantined: found.quarantined,
        reason: worst?.reason ?? 'the files have no rows',
      });
    all.push(found);
  }
  const { perBenchmark, equal } = run.settings.examples;
  const most = equal ? Math.min(perBenchmark, ...all.map(({ examples }) => examples.length)) : perBenchmark;
  return {
    examples: all.flatMap(({ examples }) => examples.slice(0, most)),
    counts: all.map(({ benchmark, found, examples, quarantined, report }) => ({
      benchmark,
      examples: Math.min(most, examples.length),
      found,
      duplicates: found - examples.length,
      quarantined,
      ...report,
    })),
  };
}

export interface BenchmarkExamples {
  benchmark: string;
  /** Usable examples in the order of choice; of equal texts, the one with the smallest name. */
  examples: Example[];
  /** Usable rows, including duplicates. */
  found: number;
  quarantined: number;
  report: ExampleReport;
}

const examplesShown = 3;

/**
 * Reads one benchmark. Invalid rows are quarantined with the reason. Errors: SETTINGS_INVALID if no row has
 * a field that the template uses, RECIPE_UNKNOWN, those of `readRows`.
 */
export async function readBenchmark(
  run: Run,
  { benchmark, files }: Pick<BenchmarkFiles, 'benchmark' | 'files'>,
  quarantine: Quarantine,
): Promise<BenchmarkExamples> {
  const tally = tallyReasons(quarantine);
  const { rows, fields } = await readExampleRows(files, benchmark, tally);
  checkTemplate(run, benchmark, fields);
  const byText = new Map<string, Example & { recipe: string }>();
  let found = 0;
  for (const { file, position, id, result } of rows) {
    if ('reason' in result) {
      tally.add(file.name, position, result.reason);
      continue;
    }
    found++;
    const earlier = byText.get(result.text);
    if (earlier === undefined || id < earlier.example)
      byText.set(result.text, {
        benchmark: benchmark.name,
        example: id,
        text: result.text,
        recipe: result.recipe,
      });
  }
  const examples = sortExamples([...byText.values()], run.settings.sample.seed);
  // One example of each recipe first, because those are worth checking.
  const firsts = examples.filter(
    ({ recipe }, at) => examples.findIndex((other) => other.recipe === recipe) === at,
  );
  const shown = [...new Set([...firsts, ...examples.slice(0, examplesShown)])].slice(0, examplesShown);
  return {
    benchmark: benchmark.name,
    examples: examples.map(({ example, text }) => ({ benchmark: benchmark.name, example, text })),
    found,
    quarantined: tally.count,
    report: {
      ...countUse(rows),
      refused: tally.reasons(),
      shown: shown.map(({ example, recipe, text }) => ({ example, recipe, text })),
    },
  };
}

/** A template field that no row has is a typo. Errors: SETTINGS_INVALID. */
function checkTemplate(run: Run, benchmark: Rules, fields: ReadonlySet<string>): void {
  const template = benchmark.template === undefined ? undefined : parseTemplate(benchmark.template);
  if (template === undefined || typeof template === 'string' || fields.size === 0) return;
  const at = run.settings.benchmarks.findIndex(({ name }) => name === benchmark.name);
  const unknown = templateFields(template, true).filter((field) => !fields.has(field));
  if (unknown.length > 0)
    throw fail('SETTINGS_INVALID', {
      path: run.settingsPath,
      problems: unknown.map(
        (field) =>
          `benchmarks[${at}].template: no row has a field "${field}"; they have ${[...fields].sort().join(', ')}`,
      ),
    });
}

function sortExamples<E extends Example>(examples: readonly E[], seed: number): E[] {
  return examples
    .map((example) => ({ example, hash: keyHash(example.text, seed) }))
    .sort((a, b) =>
      a.hash === b.hash ? (a.example.text < b.example.text ? -1 : 1) : a.hash < b.hash ? -1 : 1,
    )
    .map(({ example }) => example);
}

/**
 * Writes the examples to `path` (benchmark, example, text); `from` is the fingerprint of files and settings.
 */
export async function saveExamples(
  { files }: Run,
  path: string,
  examples: readonly Example[],
  note: z.output<typeof examplesNoteSchema>,
): Promise<void> {
  await withSpillingDuckDb(files.spill, async (connection) => {
    await connection.run('CREATE TABLE examples (benchmark VARCHAR, example VARCHAR, text VARCHAR)');
    const appender = await connection.createAppender('examples');
    const names = ['benchmark', 'example', 'text'] as const;
    appendColumns(appender, [VARCHAR, VARCHAR, VARCHAR], examples.length, (column, from, to) =>
      examples.slice(from, to).map((example) => example[names[column] ?? 'text']),
    );
    appender.closeSync();
    await writeParquet(connection, 'SELECT * FROM examples', path, note);
  });
}

/** Reads the examples in `examples.parquet`. */
export async function loadExamples(run: Run): Promise<Example[]> {
  return withDuckDb({}, async (connection) => {
    const reader = await connection.runAndReadAll(
      `SELECT benchmark, example, text FROM ${parquetSource(run.files.examples)}`,
    );
    return z
      .array(z.object({ benchmark: z.string(), example: z.string(), text: z.string() }))
      .parse(reader.getRowObjects());
  });
}
