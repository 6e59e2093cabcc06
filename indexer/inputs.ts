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
  /** Benchmarks' test files by content; '' where there are none. */
  tests: string;
  /** Files, by content, that a benchmark names as examples and as tests. */
  sameFiles: { benchmark: string; file: string; tests: string }[];
}

/** Finds the files and takes the fingerprints. Errors: SETTINGS_INVALID without benchmarks, NO_FILES, FILE_NOT_FOUND, FILE_KIND_UNKNOWN. */
export async function readInputs(run: Run): Promise<IndexInputs> {
  const { corpus, benchmarks, examples, sample, embedding, search } = run.settings;
  if (benchmarks.length === 0) throw fail('SETTINGS_INVALID', { path: run.settingsPath, problems: ['benchmarks: missing; betr index scores the sample by the examples of at least one benchmark (betr rank --scorer random, length or fasttext:FILE needs none)'] });
  const shards = await listShards(corpus.files, run.settingsFolder);
  const files: BenchmarkFiles[] = [];
  for (const benchmark of benchmarks) files.push({ benchmark, shards: await listShards(benchmark.files, run.settingsFolder), tests: await listShards(benchmark.tests ?? [], run.settingsFolder) });
  const contents = await Promise.all(files.map(async ({ shards, tests }) => ({ examples: await hashContents(shards), tests: await hashContents(tests) })));
  const describe = (of: 'examples' | 'tests'): unknown => files.map(({ benchmark: { name, template } }, i) => ({ name, template, contents: contents[i]?.[of] }));
  return {
    shards,
    benchmarks: files,
    sample: fingerprint({ shards: shards.map(({ name, bytes, modifiedMs }) => [name, bytes, modifiedMs]), fields: corpus.fields, sample }),
    examples: fingerprint({ benchmarks: describe('examples'), examples, seed: sample.seed }),
    embedding: fingerprint(embedding),
    search: fingerprint(search),
    tests: files.every(({ tests }) => tests.length === 0) ? '' : fingerprint(describe('tests')),
    sameFiles: files.flatMap(({ benchmark }, i) => (contents[i]?.examples ?? []).flatMap(([file, hash]) => (contents[i]?.tests ?? []).filter(([, other]) => other === hash).map(([tests]) => ({ benchmark: benchmark.name, file, tests })))),
  };
}

/** Name and SHA-256 of each file. */
function hashContents(shards: readonly Shard[]): Promise<[name: string, sha256: string][]> {
  return Promise.all(shards.map(async ({ name, path }): Promise<[string, string]> => [name, await sha256File(path)]));
}
