// Fingerprints of everything that an index is made from. If they equal those of the last run, there is
// nothing to do.

import type { ListedFile, Shard } from '../data/documents.ts';
import { fail } from '../run/errors/errors.ts';
import { fingerprint, type Run } from '../run/run.ts';
import { isCompressed, listCorpus } from '../data/shards.ts';
import { type BenchmarkFiles, listBenchmarks } from './examples/benchmarks.ts';
import { readRecipes } from './examples/recipes.ts';
import { sha256File } from '../data/files/hash-files.ts';

/**
 * Version of the code that reads compressed files; samples of compressed files are drawn again when it
 * changes.
 */
const compressedReader = 2;

export interface IndexInputs {
  shards: Shard[];
  benchmarks: BenchmarkFiles[];
  /** Names, sizes and modification times of the corpus files, and how to sample them. */
  sample: string;
  /** Benchmark files by content, and how to choose from them. */
  examples: string;
  embedding: string;
  search: string;
  /** The benchmarks' test files by content; '' if there are none. */
  tests: string;
  /** Files, by content, that a benchmark lists both as examples and as tests. */
  sameFiles: { benchmark: string; file: string; tests: string }[];
}

/**
 * Finds the files and computes the fingerprints. Errors: SETTINGS_INVALID without benchmarks, NO_FILES,
 * FILE_NOT_FOUND, FILE_KIND_UNKNOWN.
 */
export async function readInputs(run: Run): Promise<IndexInputs> {
  const { corpus, benchmarks, examples, sample, embedding, search } = run.settings;
  if (benchmarks.length === 0)
    throw fail('SETTINGS_INVALID', {
      path: run.settingsPath,
      problems: [
        'benchmarks: missing; betr index needs at least one benchmark to score the sample by ' +
          '(betr rank --scorer random, length, fasttext:FILE or lm:JUDGE#all needs none)',
      ],
    });
  const shards = await listCorpus(run);
  const found = await listBenchmarks(run);
  const contents = await Promise.all(
    found.map(async ({ files, tests }) => ({
      examples: await hashContents(files),
      tests: await hashContents(tests),
    })),
  );
  const rules = readRecipes().fingerprint;
  const describe = (of: 'examples' | 'tests'): unknown =>
    found.map(({ benchmark: { name, template, recipe } }, i) => ({
      name,
      rules: template ?? { rules, recipe },
      contents: contents[i]?.[of],
    }));
  return {
    shards,
    benchmarks: found,
    sample: fingerprint({
      shards: shards.map(({ name, bytes, modifiedMs, format }) => [
        name,
        bytes,
        modifiedMs,
        ...(isCompressed(format) ? [compressedReader] : []),
      ]),
      fields: corpus.fields,
      sample,
    }),
    examples: fingerprint({ benchmarks: describe('examples'), examples, seed: sample.seed }),
    // The request rate of an endpoint changes no vector.
    embedding: fingerprint({
      ...embedding,
      textsPerRequest: undefined,
      requestsAtOnce: undefined,
      timeoutSeconds: undefined,
    }),
    search: fingerprint(search),
    tests: found.every(({ tests }) => tests.length === 0) ? '' : fingerprint(describe('tests')),
    sameFiles: found.flatMap(({ benchmark }, i) =>
      (contents[i]?.examples ?? []).flatMap(([file, hash]) =>
        (contents[i]?.tests ?? [])
          .filter(([, other]) => other === hash)
          .map(([tests]) => ({ benchmark: benchmark.name, file, tests })),
      ),
    ),
  };
}

/** Name and SHA-256 of each file. */
function hashContents(files: readonly ListedFile[]): Promise<[name: string, sha256: string][]> {
  return Promise.all(
    files.map(async ({ name, path }): Promise<[string, string]> => [name, await sha256File(path)]),
  );
}
