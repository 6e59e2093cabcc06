// What an index is made from, as fingerprints: when they are those of the last run, there is nothing to do.

import { sha256File } from '../data/commit.ts';
import type { Shard } from '../data/documents.ts';
import { fail } from '../data/errors.ts';
import { type Run, fingerprint } from '../data/run.ts';
import { listShards } from '../data/shards.ts';
import type { BenchmarkFiles } from './benchmarks.ts';

export interface IndexInputs {
  shards: Shard[];
  benchmarks: BenchmarkFiles[];
  /** Corpus files, their names, sizes and times of change, and how to sample them. */
  sample: string;
  /** Benchmark files by content, and how to choose from them. */
  examples: string;
  embedding: string;
  search: string;
}

/** Finds the files and takes the fingerprints. Errors: SETTINGS_INVALID without benchmarks, NO_FILES, FILE_NOT_FOUND, FILE_KIND_UNKNOWN. */
export async function readInputs(run: Run): Promise<IndexInputs> {
  const { corpus, benchmarks, examples, sample, embedding, search } = run.settings;
  if (benchmarks.length === 0) throw fail('SETTINGS_INVALID', { path: run.settingsPath, problems: ['benchmarks: missing; betr index scores the sample by the examples of at least one'] });
  const shards = await listShards(corpus.files, run.settingsFolder);
  const files: BenchmarkFiles[] = [];
  for (const benchmark of benchmarks) files.push({ benchmark, shards: await listShards(benchmark.files, run.settingsFolder) });
  return {
    shards,
    benchmarks: files,
    sample: fingerprint({ shards: shards.map(({ name, bytes, modifiedMs }) => [name, bytes, modifiedMs]), fields: corpus.fields, sample }),
    examples: fingerprint({ benchmarks: await Promise.all(files.map(describeBenchmark)), examples, seed: sample.seed }),
    embedding: fingerprint(embedding),
    search: fingerprint(search),
  };
}

async function describeBenchmark({ benchmark, shards }: BenchmarkFiles): Promise<unknown> {
  const contents = await Promise.all(shards.map(async ({ name, path }) => [name, await sha256File(path)]));
  return { name: benchmark.name, template: benchmark.template, contents };
}
