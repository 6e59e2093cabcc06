// `betr index`: scores a sample of the corpus by the benchmark examples. It redoes only what changed. If it
// is stopped, the existing index stays intact, and the next run continues from the files already complete.
// `index.json` is written last and describes all the others.

import { copyFile, link, mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { z } from 'zod';
import { checkFields } from '../data/rows/check-fields.ts';
import { commitSealedJson, readSealedJson } from '../data/files/commit.ts';
import { BetrError, ifThere } from '../run/errors/errors.ts';
import { sizeOf } from '../data/files/files.ts';
import type { Report } from '../run/progress.ts';
import { withQuarantine } from '../data/files/quarantine.ts';
import type { RunFiles } from '../run/files.ts';
import { fingerprint, type Run } from '../run/run.ts';
import { describeTwice } from '../data/shards.ts';
import { describeUnusable } from '../data/files/unusable.ts';
import {
  type Example,
  examplesNoteSchema,
  loadExamples,
  readBenchmarks,
  saveExamples,
} from './examples/benchmarks.ts';
import type { BestRanks } from './targets/best-rank.ts';
import { type ExampleCounts, type IndexCard, indexCardSchema } from './index-card.ts';
import { describeEmbedding, embedAll } from './vectors/embed.ts';
import { type IndexInputs, readInputs } from './inputs.ts';
import { readNote } from '../data/duckdb/run-files.ts';
import { drawSample, type SampleNote, sampleNoteSchema } from './sample/sample.ts';
import { searchSample } from './search/search-sample.ts';
import { writeTargets } from './targets/write-targets.ts';
import { checkTargets, describeTestTargets } from './test-targets.ts';
import { measureTokens, tokenRatesSchema } from './sample/tokens.ts';
import { sha256File } from '../data/files/hash-files.ts';

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
      ...describeTwice([...inputs.shards, ...inputs.benchmarks.flatMap(({ files }) => files)]),
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

/**
 * The output of an earlier run; undefined if it is missing or damaged, because this command will write it
 * again.
 */
async function readOr<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return await readSealedJson(path, schema, 'betr index');
  } catch (error) {
    if (error instanceof BetrError && error.code === 'FILE_DAMAGED') return undefined;
    throw error;
  }
}

const outputs = ['examples', 'sample', 'tokens', 'index', 'targets'] as const;

type IndexFiles = Pick<RunFiles, (typeof outputs)[number]>;

/**
 * The files of the next index. They are in a separate folder, which starts with those of the current index.
 */
async function openNext({ files }: Run): Promise<IndexFiles> {
  await mkdir(files.nextIndex, { recursive: true });
  const place = (output: (typeof outputs)[number]): string => join(files.nextIndex, basename(files[output]));
  const next = {
    examples: place('examples'),
    sample: place('sample'),
    tokens: place('tokens'),
    index: place('index'),
    targets: place('targets'),
  };
  for (const output of outputs) {
    if ((await sizeOf(next[output])) === undefined && (await sizeOf(files[output])) !== undefined)
      await link(files[output], next[output]).catch(() => copyFile(files[output], next[output]));
  }
  return next;
}

/** Replaces the files of the current index with those of the next one. */
async function takeOver({ files }: Run, next: IndexFiles): Promise<void> {
  // Files change one after the other; without the card, no command combines an old file with a new one.
  await rm(files.indexCard, { force: true });
  for (const output of outputs) await rename(next[output], files[output]);
  await rm(files.nextIndex, { recursive: true });
}

async function isWhole(run: Run, card: IndexCard, inputs: IndexInputs): Promise<boolean> {
  if (
    card.inputs.tests !== inputs.tests ||
    card.inputs.sample !== inputs.sample ||
    card.inputs.examples !== inputs.examples ||
    card.inputs.embedding !== inputs.embedding ||
    card.inputs.search !== inputs.search
  )
    return false;
  for (const output of outputs)
    if ((await sha256If(run.files[output])) !== card.outputs[output]) return false;
  return true;
}

async function hashOutputs({
  examples,
  sample,
  tokens,
  index,
  targets,
}: IndexFiles): Promise<IndexCard['outputs']> {
  return {
    examples: await sha256File(examples),
    sample: await sha256File(sample),
    tokens: await sha256File(tokens),
    index: await sha256File(index),
    targets: await sha256File(targets),
  };
}

function sha256If(path: string): Promise<string | undefined> {
  return ifThere(sha256File(path));
}

/** Removes files that differ from what the last run wrote, so they are written again. */
async function dropDamaged(run: Run, last: IndexCard): Promise<void> {
  for (const output of outputs)
    if ((await sha256If(run.files[output])) !== last.outputs[output])
      await rm(run.files[output], { force: true });
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

/** The classifier learns to find the top 10 %. */
function describeRanks(
  best: BestRanks,
  examples: readonly Example[],
  counts: ExampleCounts,
): IndexCard['ranks'] {
  const sampled = best.ranks.length;
  const won = new Map(counts.map(({ benchmark }) => [benchmark, { benchmark, top: 0, all: 0 }]));
  let listed = 0;
  for (const [document, example] of best.examples.entries()) {
    const winner = won.get(examples[example]?.benchmark ?? '');
    if (winner === undefined) continue;
    listed++;
    winner.all++;
    if (Math.round((1 - (best.scores[document] ?? 0)) * sampled) < sampled / 10) winner.top++;
  }
  return { documentsPerExample: sampled / examples.length, listed, winners: [...won.values()] };
}

/**
 * Warnings to read before using the scores. Below 100 documents per example, ties decide (docs/method.md,
 * "Best rank").
 */
function listWarnings(
  { settings }: Run,
  perExample: number,
  counts: ExampleCounts,
  search: IndexCard['search'],
): string[] {
  const warnings: string[] = [];
  if (perExample < 100) {
    warnings.push(
      `There are only ${perExample.toPrecision(2)} sampled documents per example (the ` +
        "method's paper has about 700): many best ranks tie, so the next-best ranks and the " +
        'cosine decide. Use a larger sample or fewer examples.',
    );
  }
  const [least, next] = counts
    .map(({ benchmark, found, duplicates }) => ({ benchmark, usable: found - duplicates }))
    .sort((a, b) => a.usable - b.usable);
  if (
    settings.examples.equal &&
    least !== undefined &&
    next !== undefined &&
    least.usable < settings.examples.perBenchmark &&
    2 * least.usable <= next.usable
  ) {
    warnings.push(
      `Benchmark "${least.benchmark}" has only ${least.usable} examples, so every benchmark ` +
        `gives ${least.usable}. To use more, leave it out or set examples.equal to false.`,
    );
  }
  if (search.approximate) {
    warnings.push(
      'The ranks are approximate: the lists come from the HNSW index, which finds ' +
        `${(100 * search.hnsw.recall).toFixed(1)} % of the true nearest ` +
        `${search.hnsw.nearest}. For exact ranks, set search.method to exact.`,
    );
  }
  return warnings;
}
