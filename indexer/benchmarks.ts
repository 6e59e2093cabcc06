// Benchmark files in, examples out. Promises: every benchmark gives the same number of examples (unless the settings say otherwise), chosen by a seeded
// hash of their texts, so that neither the order of files nor that of rows matters; no text twice in a benchmark.

import { VARCHAR } from '../data/duckdb-library.ts';
import { z } from 'zod';
import { parquetSource, withDuckDb } from '../data/duckdb.ts';
import type { Shard } from '../data/documents.ts';
import { fail } from '../data/errors.ts';
import { keyHash } from '../data/hash.ts';
import type { Quarantine } from '../data/quarantine.ts';
import { readRows } from '../data/read.ts';
import type { Run } from '../data/run.ts';
import type { Settings } from '../data/settings.ts';
import { type ExampleCounts, exampleCountsSchema } from './card.ts';
import { exampleText, type Row, templateFields } from './example-text.ts';
import { appendColumns, withSpillingDuckDb, writeParquet } from './parquet.ts';

export interface Example {
  benchmark: string;
  /** The row's id, or file#row where it has none. */
  example: string;
  text: string;
}

/** What `examples.parquet` carries in itself. */
export const examplesNoteSchema = z.object({ from: z.string(), counts: exampleCountsSchema });

export interface BenchmarkFiles {
  benchmark: Settings['benchmarks'][number];
  shards: readonly Shard[];
  /** Files of its held-out examples. */
  tests: readonly Shard[];
}

/**
 * Reads all benchmarks, in the order of the settings, and chooses their examples. Unusable rows are quarantined with the reason.
 * Errors: NO_EXAMPLES, SETTINGS_INVALID where no row has a field of the template, and those of `readRows`.
 */
export async function readBenchmarks(run: Run, files: readonly BenchmarkFiles[], quarantine: Quarantine): Promise<{ examples: Example[]; counts: ExampleCounts }> {
  const all: Found[] = [];
  for (const [index, { benchmark, shards }] of files.entries()) {
    const found = await readExamples(benchmark, shards, quarantine);
    if (found.unknownFields.length > 0) throw fail('SETTINGS_INVALID', { path: run.settingsPath, problems: found.unknownFields.map((field) => `benchmarks[${index}].template: no row has a field "${field}"; they have ${[...found.fields].sort().join(', ')}`) });
    if (found.examples.length === 0) throw fail('NO_EXAMPLES', { benchmark: benchmark.name, quarantined: found.quarantined });
    all.push(found);
  }
  const { perBenchmark, equal } = run.settings.examples;
  const most = equal ? Math.min(perBenchmark, ...all.map(({ examples }) => examples.length)) : perBenchmark;
  const chosen = all.map(({ examples }) => chooseExamples(examples, most, run.settings.sample.seed));
  return {
    examples: chosen.flat(),
    counts: all.map(({ benchmark, found, examples, quarantined }, i) => ({ benchmark, examples: chosen[i]?.length ?? 0, found, duplicates: found - examples.length, quarantined })),
  };
}

interface Found {
  benchmark: string;
  /** Usable examples, of equal texts the one with the smallest name. */
  examples: Example[];
  /** Usable rows, duplicates included. */
  found: number;
  quarantined: number;
  /** Fields met in the rows, and those of the template that no row has. */
  fields: Set<string>;
  unknownFields: string[];
}

async function readExamples({ name, template }: Settings['benchmarks'][number], shards: readonly Shard[], quarantine: Quarantine): Promise<Found> {
  const byText = new Map<string, Example>();
  const fields = new Set<string>();
  const before = quarantine.count;
  let found = 0;
  for (const shard of shards) {
    for await (const { position, row } of readRows(shard.path, quarantine, shard.name)) {
      for (const field of Object.keys(row)) fields.add(field);
      const result = exampleText(row, template);
      if ('reason' in result) {
        quarantine.add(shard.name, position, result.reason);
        continue;
      }
      found++;
      const example = { benchmark: name, example: exampleName(row, shard, position), text: result.text };
      const earlier = byText.get(result.text);
      if (earlier === undefined || example.example < earlier.example) byText.set(result.text, example);
    }
  }
  const unknownFields = template === undefined || fields.size === 0 ? [] : templateFields(template).filter((field) => !fields.has(field));
  return { benchmark: name, examples: [...byText.values()], found, quarantined: quarantine.count - before, fields, unknownFields };
}

function exampleName(row: Row, shard: Shard, position: number): string {
  const id = row['id'];
  return (typeof id === 'string' && id !== '') || typeof id === 'number' ? String(id) : `${shard.name}#${position}`;
}

function chooseExamples(examples: readonly Example[], most: number, seed: number): Example[] {
  return examples
    .map((example) => ({ example, hash: keyHash(example.text, seed) }))
    .sort((a, b) => (a.hash === b.hash ? (a.example.text < b.example.text ? -1 : 1) : a.hash < b.hash ? -1 : 1))
    .slice(0, most)
    .map(({ example }) => example);
}

/** Writes `examples.parquet` (benchmark, example, text); `from` is the fingerprint of files and settings. */
export async function saveExamples(run: Run, examples: readonly Example[], note: z.output<typeof examplesNoteSchema>): Promise<void> {
  await withSpillingDuckDb(run.folder, async (connection) => {
    await connection.run('CREATE TABLE examples (benchmark VARCHAR, example VARCHAR, text VARCHAR)');
    const appender = await connection.createAppender('examples');
    const names = ['benchmark', 'example', 'text'] as const;
    appendColumns(appender, [VARCHAR, VARCHAR, VARCHAR], examples.length, (column, from, to) => examples.slice(from, to).map((example) => example[names[column] ?? 'text']));
    appender.closeSync();
    await writeParquet(connection, 'SELECT * FROM examples', run.files.examples, note);
  });
}

/** The examples in `examples.parquet`. */
export async function loadExamples(run: Run): Promise<Example[]> {
  return withDuckDb({}, async (connection) => {
    const reader = await connection.runAndReadAll(`SELECT benchmark, example, text FROM ${parquetSource(run.files.examples)}`);
    return z.array(z.object({ benchmark: z.string(), example: z.string(), text: z.string() })).parse(reader.getRowObjects());
  });
}
