// Speed of embedding on this CPU: documents and tokens per second on real text, as in `betr index` (tokenize,
// batch, run the model, pool, write vectors), and the share of time outside the model. Next to it, the limit: the
// ONNX session alone on full, tokenized batches, without padding, pooling or writing.
//   npm run bench:embed [-- --config FILE] [--documents N] [--json]
// FILE: an indexed run; default demo/betr.yaml

import { InferenceSession, Tensor } from 'onnxruntime-node';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { sqlString, withDuckDb } from '../data/duckdb/duckdb.ts';
import { formatShare } from '../run/amounts.ts';
import { silent } from '../run/progress.ts';
import { openRun, type Run } from '../run/run.ts';
import { findDefaultModel } from '../models/onnx/default-model.ts';
import { openTransformer } from '../models/onnx/embedder.ts';
import { openVectors } from '../indexer/vectors/vectors.ts';
import { describeMachine, printBenchmark } from './machine.ts';
import type { Embedder } from '../models/embedder.ts';

const { values } = parseArgs({
  options: {
    config: { type: 'string', default: 'demo/betr.yaml' },
    documents: { type: 'string', default: '1536' },
    json: { type: 'boolean' },
  },
});
/** Ours and the limit take turns, so that what else the machine does falls on both. */
const rounds = 3;
const batchTokens = 1024;
const feedsSchema = z.object({
  input_ids: z.object({ data: z.instanceof(BigInt64Array) }),
  attention_mask: z.object({ data: z.instanceof(BigInt64Array) }),
});

interface Clock {
  seconds: number;
}

/** What the model was given, over all calls: real tokens, and with padding. */
interface ModelCalls extends Clock {
  tokens: number;
  paddedTokens: number;
  /** Token ids of the documents of a round, one after the other, from which the limit's batches are made. */
  ids: bigint[];
}

const run = await openRun(values.config);
const texts = await readSample(run, Number(values.documents));
const embedder = await openTransformer(
  { ...run.settings.embedding, model: 'default', device: 'cpu', dtype: 'q8' },
  run.settingsFolder,
);
const bare = await InferenceSession.create(
  join((await findDefaultModel()).folder, 'onnx', 'model_quantized.onnx'),
);
const folder = await mkdtemp(join(tmpdir(), 'betr-bench-embed-'));
try {
  const model: ModelCalls = { seconds: 0, tokens: 0, paddedTokens: 0, ids: [] };
  const embedding: Clock = { seconds: 0 };
  const timed: Embedder = { ...embedder, embed: (part) => time(embedding, () => embedder.embed(part)) };
  const whole: Clock = { seconds: 0 };
  const limit = { seconds: 0, tokens: 0 };
  for (let round = 0; round < rounds; round++) {
    const part = texts.filter((_, place) => place % rounds === round);
    const store = await openVectors(timed, join(folder, String(round)));
    await watchModel(model, () => time(whole, () => store.embed(part, silent, 'embed')));
    if (model.ids.length === 0)
      throw new Error('The model was not seen at work; the library has changed how it calls ONNX Runtime.');
    model.tokens += model.ids.length;
    await runBare(model.ids.splice(0), run.settings.embedding.maxTokens, limit);
  }
  const share = (seconds: number): number => seconds / whole.seconds;
  const tokensPerSecond = model.tokens / whole.seconds;
  const limitTokensPerSecond = limit.tokens / limit.seconds;
  const result = {
    documents: texts.length,
    maxTokens: run.settings.embedding.maxTokens,
    documentsPerSecond: texts.length / whole.seconds,
    tokensPerSecond,
    outsideModel: {
      share: share(whole.seconds - model.seconds),
      tokenizePadPool: share(embedding.seconds - model.seconds),
      hashAndWrite: share(whole.seconds - embedding.seconds),
    },
    paddingShare: 1 - model.tokens / model.paddedTokens,
    limit: {
      what: 'bare ONNX session, same model, tokenized and full batches',
      tokensPerSecond: limitTokensPerSecond,
    },
    ratioToLimit: tokensPerSecond / limitTokensPerSecond,
    machine: describeMachine(),
  };
  printBenchmark(
    result,
    [
      `${texts.length} documents of at most ${result.maxTokens} tokens, ${embedder.name} q8 on ${embedder.device}`,
      `betr index        ${result.documentsPerSecond.toFixed(1).padStart(8)} documents/s ` +
        ` ${tokensPerSecond.toFixed(0).padStart(8)} tokens/s  ${formatShare(result.ratioToLimit)} of the limit`,
      `bare ONNX session ${''.padStart(8)}              ${limitTokensPerSecond.toFixed(0).padStart(8)} ` +
        `tokens/s  the limit: ${result.limit.what}`,
      `outside the model ${formatShare(result.outsideModel.share)}: tokenize, pad and ` +
        `pool ${formatShare(result.outsideModel.tokenizePadPool)}, hash and ` +
        `write ${formatShare(result.outsideModel.hashAndWrite)}; padding ` +
        `is ${formatShare(result.paddingShare)} of what the model is given`,
    ].join('\n'),
  );
} finally {
  await embedder.close();
  await bare.release();
  await rm(folder, { recursive: true, force: true });
}
process.exit();

async function time<T>(clock: Clock, work: () => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const result = await work();
  clock.seconds += (performance.now() - startedMs) / 1000;
  return result;
}

/** The first documents of the run's sample, which is in the order of a hash. */
async function readSample({ files }: Run, documents: number): Promise<string[]> {
  return withDuckDb({}, async (connection) => {
    const rows = await connection.runAndReadAll(
      `SELECT text FROM read_parquet(${sqlString(files.sample)}) LIMIT ${documents}`,
    );
    return z
      .array(z.object({ text: z.string() }))
      .parse(rows.getRowObjects())
      .map(({ text }) => text);
  });
}

/** Adds up what every session of this process is given and how long it takes, while `work` runs. */
async function watchModel<T>(calls: ModelCalls, work: () => Promise<T>): Promise<T> {
  const sessions: unknown = Object.getPrototypeOf(bare);
  const bareRun: unknown =
    typeof sessions === 'object' && sessions !== null ? Reflect.get(sessions, 'run') : undefined;
  if (typeof sessions !== 'object' || sessions === null || typeof bareRun !== 'function')
    throw new Error('ONNX Runtime has no session to watch.');
  const watched = function (this: unknown, feeds: unknown, ...rest: unknown[]): Promise<unknown> {
    const { input_ids, attention_mask } = feedsSchema.parse(feeds);
    calls.paddedTokens += input_ids.data.length;
    for (const [place, id] of input_ids.data.entries())
      if (attention_mask.data[place] === 1n) calls.ids.push(id);
    return time(calls, async () => Promise.resolve<unknown>(Reflect.apply(bareRun, this, [feeds, ...rest])));
  };
  Reflect.set(sessions, 'run', watched);
  try {
    return await work();
  } finally {
    Reflect.set(sessions, 'run', bareRun);
  }
}

/**
 * Runs the bare session over these tokens, in rows of `length` and batches of as many tokens as betr takes.
 */
async function runBare(
  ids: readonly bigint[],
  length: number,
  limit: { seconds: number; tokens: number },
): Promise<void> {
  const rows = Math.max(1, Math.floor(batchTokens / length));
  const size = rows * length;
  for (let start = 0; start + size <= ids.length; start += size) {
    const tensor = (data: BigInt64Array): Tensor => new Tensor('int64', data, [rows, length]);
    const feeds = {
      input_ids: tensor(BigInt64Array.from(ids.slice(start, start + size))),
      attention_mask: tensor(new BigInt64Array(size).fill(1n)),
      token_type_ids: tensor(new BigInt64Array(size)),
    };
    await time(limit, () => bare.run(feeds));
    limit.tokens += size;
  }
}
