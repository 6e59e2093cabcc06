// A worker thread that reads, scores and explains texts and finds examples near them, so that none of this
// delays the server's other answers.

import { stat } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { createHash } from 'node:crypto';
import { explainScore } from '../../classifier/explain.ts';
import { loadScorer, type Scorer } from '../../classifier/scorer.ts';
import { readWeights, readWeightsFile, type Weights } from '../../classifier/weights.ts';
import type { Shard } from '../../data/documents.ts';
import { BetrError, errorData, fail } from '../../run/errors/errors.ts';
import { openRun, rankingOf } from '../../run/run.ts';
import {
  type ExampleSearch,
  type NearExample,
  openExampleSearch,
} from '../../indexer/search/nearest-examples.ts';
import { parseBody } from '../../run/body.ts';
import { TextReader } from './reader.ts';
import {
  endMessage,
  type TextReply,
  requestSchema,
  type Results,
  setupSchema,
  type TextTask,
  textsSchema,
} from './messages.ts';

const port = parentPort;
if (port === null) throw new Error('why/worker must run as a worker thread');
const { settingsPath, ranking } = setupSchema.parse(workerData);
const run = rankingOf(await openRun(settingsPath), ranking);
const reader = new TextReader(run.settings.corpus.fields);

const underWay = new Set<Promise<void>>();

port.on('message', (message: unknown) => {
  if (message === endMessage) {
    void end();
    return;
  }
  const { id, task } = requestSchema.parse(message);
  const send = (reply: TextReply): void => port.postMessage(reply);
  const answered = answer(task)
    .then(
      (result) => send({ id, result }),
      (error: unknown) => send({ id, error: errorData(error) }),
    )
    .finally(() => underWay.delete(answered));
  underWay.add(answered);
});

/** Ends the thread when none of its native work is running any more, as that would crash the process. */
async function end(): Promise<void> {
  await reader.close();
  await Promise.all(underWay);
  await search?.opened.then(
    (opened) => opened.close(),
    () => undefined,
  );
  process.exit();
}

async function answer(task: TextTask): Promise<Results[keyof Results]> {
  if (task.kind === 'heads') return readHeads(task);
  if (task.kind === 'nearest')
    return findNearest(await readWhole(task.shard, task.row, task.withinMs), task.examples);
  const texts = task.kind === 'score' ? parseBody(textsSchema, task.body).texts : [];
  const { weights, scorer } = await openClassifier(task.weights.sha256);
  if (task.kind === 'score') return scoreTexts(scorer, texts);
  const text = await readWhole(task.shard, task.row, task.withinMs);
  return {
    explanation: explainScore(weights, task.output, text, { ngrams: task.ngrams, places: task.places }),
    head: text.slice(0, shownBytes),
    bytes: text.length,
  };
}

/** How much of an explained text is returned at most. */
const shownBytes = 1 << 20;

async function readHeads({
  shard,
  rows,
  withinMs,
}: Extract<TextTask, { kind: 'heads' }>): Promise<Results['heads']> {
  const found = await reader.read(shard, rows, false, withinMs);
  return [...found].map(([row, result]) =>
    result instanceof BetrError ? { row, error: errorData(result) } : { row, ...result },
  );
}

async function readWhole(shard: Shard, row: number, withinMs: number): Promise<Uint8Array> {
  const result = (await reader.read(shard, [row], true, withinMs)).get(row);
  if (result === undefined || result instanceof BetrError)
    throw result ?? fail('SHARD_CHANGED', { path: shard.name });
  return result.head;
}

function scoreTexts(scorer: Scorer, texts: readonly string[]): Results['score'] {
  const parts = texts.map((text) => Buffer.from(text));
  const text = Uint8Array.from(Buffer.concat(parts));
  let end = 0;
  const textEnds = Uint32Array.from(parts, ({ length }) => (end += length));
  const scores = new Float32Array(textEnds.length * scorer.outputs.length);
  scorer.scoreTexts(text, textEnds, textEnds.length, scores);
  return { outputs: scorer.outputs, scores };
}

let classifier: { sha256: string; weights: Weights; scorer: Scorer } | undefined;

/**
 * The classifier whose weights file has this hash. Errors: CLASSIFIER_CHANGED, STEP_MISSING, FILE_UNREADABLE,
 * FILE_DAMAGED.
 */
async function openClassifier(sha256: string): Promise<{ weights: Weights; scorer: Scorer }> {
  if (classifier?.sha256 === sha256) return classifier;
  const path = run.files.weights;
  const file = await readWeightsFile(path);
  if (createHash('sha256').update(file).digest('hex') !== sha256) throw fail('CLASSIFIER_CHANGED', { path });
  classifier = { sha256, weights: await readWeights(path), scorer: await loadScorer(path) };
  return classifier;
}

/** How long to wait before reopening a failed search: its embedder may be an endpoint that is down. */
const retryMs = 30_000;
let search: { version: string; opened: Promise<ExampleSearch>; triedMs: number; failed: boolean } | undefined;

async function findNearest(text: Uint8Array, count: number): Promise<NearExample[]> {
  const version = await indexVersion();
  if (
    search === undefined ||
    search.version !== version ||
    (search.failed && performance.now() - search.triedMs > retryMs)
  ) {
    void search?.opened.then(
      (old) => old.close(),
      () => undefined,
    );
    const opening = { version, opened: openExampleSearch(run), triedMs: performance.now(), failed: false };
    opening.opened.catch(() => (opening.failed = true));
    search = opening;
  }
  return (await search.opened).nearest(Buffer.from(text).toString(), count);
}

/** Changes with the index. */
async function indexVersion(): Promise<string> {
  try {
    const { mtimeMs, ino } = await stat(run.files.indexCard);
    return `${ino} ${mtimeMs}`;
  } catch {
    return '';
  }
}
