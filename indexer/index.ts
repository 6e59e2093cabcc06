// `betr index`: scores a sample of the corpus by the benchmark examples. It redoes only what changed. If it
// is stopped, the existing index stays intact, and the next run continues from the files already complete.
// `index.json` is written last and describes all the others.

import { checkFields } from '../data/rows/check-fields.ts';
import { commitSealedJson } from '../data/files/commit.ts';
import type { Report } from '../run/progress.ts';
import { withQuarantine } from '../data/files/quarantine.ts';
import { fingerprint, type Run } from '../run/run.ts';
import { describeDuplicates } from '../data/shards.ts';
import { describeUnusable } from '../data/files/unusable.ts';
import {
  type Example,
  examplesNoteSchema,
  loadExamples,
  readBenchmarks,
  saveExamples,
} from './examples/benchmarks.ts';
import { type ExampleCounts, type IndexCard, indexCardSchema } from './index-card.ts';
import { describeEmbedding, embedAll } from './vectors/embed.ts';
import { type IndexInputs, readInputs } from './inputs.ts';
import { readNote } from '../data/duckdb/run-files.ts';
import { drawSample, type SampleNote, sampleNoteSchema } from './sample/sample.ts';
import { searchSample } from './search/search-sample.ts';
import { writeTargets } from './targets/write-targets.ts';
import { checkTargets, describeTestTargets } from './test-targets.ts';
import { measureTokens, tokenRatesSchema } from './sample/tokens.ts';
import {
  dropDamaged,
  hashOutputs,
  type IndexFiles,
  isWhole,
  openNext,
  readOr,
  sha256If,
  takeOver,
} from './index-files.ts';
import { describeRanks, listWarnings } from './index-summary.ts';

export type IndexResult = IndexCard & {
  /** Nothing had changed, so nothing was done. */
  fresh: boolean;
};

export interface IndexOptions {
  /** Target examples even if they are test items. */
  forceTests?: boolean;
}

/**
 * Builds the run's index: examples.parquet, sample.parquet, tokens.json, vectors/, index.hnsw,
 * targets.parquet and index.json. Errors: TESTS_ARE_FILES, TARGETS_ARE_TESTS (both leave the existing index
 * as it is), those of `readBenchmarks`, `drawSample` and `embedAll`, NO_FILES, DISK_FULL, WRITE_FAILED.
 */
export async function runIndex(
  run: Run,
  report: Report,
  { forceTests = false }: IndexOptions = {},
): Promise<IndexResult> {
  const inputs = await readInputs(run);
  const last = await readOr(run.files.indexCard, indexCardSchema);
  const isSame = last !== undefined && (await isWhole(run, last, inputs));
  if (isSame && (last.testTargets.length === 0 || forceTests)) return { ...last, fresh: true };
  if (last !== undefined) await dropDamaged(run, last);
  const { examples, counts, save } = await makeExamples(run, inputs);
  const testTargets = await checkTargets(run, inputs, examples, forceTests);
  const next = await openNext(run);
  await save(next.examples);
  const { corpus, sample } = await makeSample(run, next, inputs, report);
  const vectors = await embedAll(run, examples, { path: next.sample, documents: sample.documents }, report);
  const { lists, search } = await searchSample(
    run,
    next.index,
    vectors,
    counts,
    await knownIndex(next.index, last, inputs.sample, vectors.embedding),
    report,
  );
  const refused = vectors.refused.size === 0 ? undefined : [...vectors.refused.keys()];
  const from = fingerprint({
    sample: inputs.sample,
    examples: inputs.examples,
    embedder: vectors.embedding.fingerprint,
    search: inputs.search,
    refused,
  });
  const best = await writeTargets(run, next.targets, vectors.keys, examples, lists, from);
  const card: IndexCard = {
    version: 1,
    inputs: {
      sample: inputs.sample,
      examples: inputs.examples,
      embedding: inputs.embedding,
      search: inputs.search,
      tests: inputs.tests,
    },
    corpus,
    sample,
    examples: counts,
    testTargets,
    embedding: vectors.embedding,
    search,
    ranks: describeRanks(best, examples, counts),
    warnings: [
      ...describeDuplicates([...inputs.shards, ...inputs.benchmarks.flatMap(({ files }) => files)]),
      ...describeUnusable(corpus.withoutDocuments),
      ...listWarnings(run, sample.documents / examples.length, counts, search),
      ...describeEmbedding(vectors),
      ...describeTestTargets(testTargets),
    ],
    outputs: await hashOutputs(next),
  };
  await takeOver(run, next);
  await commitSealedJson(run.files.indexCard, card);
  return { ...card, fresh: false };
}

/** The examples, and a function that saves them unless they are saved already. */
async function makeExamples(
  run: Run,
  inputs: IndexInputs,
): Promise<{ examples: Example[]; counts: ExampleCounts; save: (path: string) => Promise<void> }> {
  const note = await readNote(run.files.examples, examplesNoteSchema);
  if (note?.from === inputs.examples)
    return { examples: await loadExamples(run), counts: note.counts, save: () => Promise.resolve() };
  const { examples, counts } = await withQuarantine(run, 'index-benchmarks.jsonl', (quarantine) =>
    readBenchmarks(run, inputs.benchmarks, quarantine),
  );
  return {
    examples,
    counts,
    save: (path) => saveExamples(run, path, examples, { from: inputs.examples, counts }),
  };
}

async function makeSample(
  run: Run,
  next: IndexFiles,
  inputs: IndexInputs,
  report: Report,
): Promise<SampleNote> {
  const kept = await readNote(next.sample, sampleNoteSchema);
  const draw = async (): Promise<SampleNote> => {
    await checkFields(inputs.shards, run.settings.corpus.fields, report);
    return withQuarantine(run, 'index-corpus.jsonl', (quarantine) =>
      drawSample(run, next.sample, inputs.shards, inputs.sample, quarantine, report),
    );
  };
  const note = kept?.from === inputs.sample ? kept : await draw();
  const rates = await readOr(next.tokens, tokenRatesSchema);
  if (rates?.sample !== inputs.sample) await measureTokens(run, next, inputs.sample);
  return note;
}

/** The SHA-256 of an index over exactly these vectors, if the last complete run left one. */
async function knownIndex(
  path: string,
  last: IndexCard | undefined,
  sample: string,
  embedding: IndexCard['embedding'],
): Promise<string | undefined> {
  if (last?.inputs.sample !== sample || last.embedding.fingerprint !== embedding.fingerprint)
    return undefined;
  // The documents that an embedder refuses may change.
  if (last.embedding.refused + embedding.refused > 0) return undefined;
  const found = await sha256If(path);
  return found === last.outputs.index ? found : undefined;
}
