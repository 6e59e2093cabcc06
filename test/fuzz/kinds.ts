// What is fuzzed: each kind of file that the product reads, where an intact one is in the project, and what
// reads it. A reader gives back in a word how it went ("read", "quarantined", "made again"), or throws an
// error of the catalog; anything else is a defect.

import { join } from 'node:path';
import { readCard } from '../../classifier/classifier-card.ts';
import { readPlan } from '../../scoring/plan.ts';
import { surveyCorpus } from '../../scoring/survey.ts';
import { loadScorer } from '../../classifier/scorer.ts';
import { trainClassifier } from '../../classifier/train.ts';
import { silent } from '../../run/progress.ts';
import { readShard } from '../../data/read.ts';
import { openRun } from '../../run/run.ts';
import { formatOf } from '../../data/shards.ts';
import { readIndexCard } from '../../indexer/index-card.ts';
import { openHnsw } from '../../indexer/search/hnsw.ts';
import { readTokenRates } from '../../indexer/sample/tokens.ts';
import { openVectors } from '../../indexer/vectors/vectors.ts';
import { answerBudget } from '../../ranking/budget/answer.ts';
import { readRanking } from '../../ranking/generation.ts';
import { verifyRanking } from '../../ranking/verify/verify.ts';
import { collectQuarantined, defaultFields } from '../data/collect.ts';

export interface Kind {
  /** In the project; `*` stands for the first file there is. */
  file: string;
  /** The share of the cases that it gets, beside the others. */
  weight: number;
  /** `path` is the damaged file, at its place in the project. */
  read: (project: string, path: string) => Promise<string>;
}

const run = (project: string): ReturnType<typeof openRun> => openRun(join(project, 'betr.yaml'));

async function readCorpus(path: string): Promise<string> {
  const quarantine = collectQuarantined();
  const fields = { ...defaultFields, source: 'meta.source' };
  for await (const batch of readShard(
    { name: 'shard', path, format: formatOf(path), bytes: 0, modifiedMs: 0 },
    fields,
    { quarantine, maxLineBytes: 1 << 20 },
  )) {
    // Every text must be UTF-8 and at the recorded place.
    new TextDecoder('utf-8', { fatal: true }).decode(batch.text);
    if (batch.textEnds.at(-1) !== batch.text.length || batch.count !== batch.documents.length)
      throw new Error('a batch does not hold together');
  }
  return quarantine.count > 0 ? 'quarantined' : 'read';
}

export const vectorTexts = Array.from({ length: 40 }, (_, i) => `text ${i}`);
export const vectorDimensions = 8;

/** An embedder without a model. */
export const pointer = {
  name: 'pointer',
  fingerprint: 'f'.repeat(64),
  dimensions: vectorDimensions,
  device: 'none',
  source: 'test',
  embed: (texts: readonly string[]) =>
    Promise.resolve(
      Float32Array.from({ length: texts.length * vectorDimensions }, (_, i) =>
        i % vectorDimensions === 0 ? 1 : 0,
      ),
    ),
  close: () => Promise.resolve(),
};

export const kinds: Readonly<Record<string, Kind>> = {
  jsonl: { file: 'corpus/a.jsonl', weight: 10, read: (_project, path) => readCorpus(path) },
  gz: { file: 'other/a.jsonl.gz', weight: 5, read: (_project, path) => readCorpus(path) },
  zst: { file: 'other/a.jsonl.zst', weight: 5, read: (_project, path) => readCorpus(path) },
  parquet: { file: 'other/a.parquet', weight: 10, read: (_project, path) => readCorpus(path) },
  'parquet of large pages': {
    file: 'other/large.parquet',
    weight: 4,
    read: (_project, path) => readCorpus(path),
  },
  vectors: {
    file: `vectors/${'f'.repeat(16)}/*.arrow`,
    weight: 5,
    async read(project) {
      const { vectors, embedded } = await (
        await openVectors(pointer, join(project, 'vectors'))
      ).embed(vectorTexts, silent, '');
      for (let row = 0; row < vectorTexts.length; row++) {
        const length = Math.hypot(...vectors.subarray(row * vectorDimensions, (row + 1) * vectorDimensions));
        if (!(Math.abs(length - 1) < 1e-3))
          throw new Error(`a vector of length ${length} was taken for a unit vector`);
      }
      return embedded > 0 ? 'made again' : 'read';
    },
  },
  weights: {
    file: 'run/classifier/weights.bin',
    weight: 5,
    async read(_project, path) {
      const scorer = await loadScorer(path);
      const scores = new Float32Array(scorer.outputs.length);
      scorer.scoreTexts(Buffer.from('some text'), Uint32Array.of(9), 1, scores);
      if (!scores.every(Number.isFinite)) throw new Error('a score is not a number');
      return 'read';
    },
  },
  'card.json': {
    file: 'run/classifier/card.json',
    weight: 4,
    read: async (project) => (await readCard(await run(project)), 'read'),
  },
  'index.json': {
    file: 'run/index.json',
    weight: 4,
    read: async (project) => (await readIndexCard(await run(project)), 'read'),
  },
  'tokens.json': {
    file: 'run/tokens.json',
    weight: 2,
    read: async (project) => (await readTokenRates(await run(project)), 'read'),
  },
  'ranking.json': {
    file: 'run/ranking.json',
    weight: 6,
    async read(project) {
      const opened = await run(project);
      await answerBudget(opened, await readRanking(opened), { keep: 0.3 });
      return 'read';
    },
  },
  'a part of the scores': {
    file: 'run/scores/*.parquet',
    weight: 4,
    async read(project) {
      const opened = await run(project);
      await answerBudget(opened, await readRanking(opened), { keep: 0.3 });
      return 'read';
    },
  },
  'the card of a part': {
    file: 'run/scores/*.json',
    weight: 2,
    read: async (project) => ((await surveyCorpus(await run(project))).unscored > 0 ? 'made again' : 'read'),
  },
  'plan.json': {
    file: 'run/plan.json',
    weight: 2,
    read: async (project) => (await readPlan(await run(project)), 'read'),
  },
  'a manifest': { file: 'run/manifest/*.jsonl', weight: 3, read: verifyAll },
  'targets.parquet': { file: 'run/targets.parquet', weight: 3, read: trainAgain },
  'sample.parquet': { file: 'run/sample.parquet', weight: 3, read: trainAgain },
  'index.hnsw': {
    file: 'run/index.hnsw',
    weight: 1,
    async read(project, path) {
      const { embedding, outputs } = await readIndexCard(await run(project));
      await openHnsw(path, embedding.dimensions, outputs.index);
      return 'read';
    },
  },
  'betr.yaml': { file: 'betr.yaml', weight: 4, read: async (project) => (await run(project), 'read') },
};

/** Verifying reads every file of the ranking, and must never accept a damaged part. */
async function verifyAll(project: string): Promise<string> {
  const { problems } = await verifyRanking(await run(project), { corpus: false }, silent);
  return problems.length > 0 ? 'reported' : 'read';
}

/** Training reads both files, and writes elsewhere, so that the project stays as it was. */
async function trainAgain(project: string): Promise<string> {
  const opened = await run(project);
  const settings = { ...opened.settings, classifier: { ...opened.settings.classifier, epochs: 1 } };
  const files = {
    ...opened.files,
    weights: join(project, 'spare', 'weights.bin'),
    card: join(project, 'spare', 'card.json'),
  };
  await trainClassifier({ ...opened, settings, files }, silent);
  return 'read';
}
