// One scoring measurement, to be run on one core: scores files end to end or text in memory, and prints bytes of
// text and seconds. Arguments: weights file; "memory", "file" or "read" (does not score); output folder of the
// parts; the shards (one, except with "file").

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openConnections, scoreChunk } from '../scoring/score-chunk.ts';
import { loadScorer } from '../classifier/scorer.ts';
import type { DocumentBatch, Shard } from '../data/documents.ts';
import { openQuarantine } from '../data/files/quarantine.ts';
import { readShard } from '../data/read.ts';
import { formatOf } from '../data/shards.ts';

const [weights = '', kind = '', folder = '', ...paths] = process.argv.slice(2);
const fields = { id: 'id', text: 'text', source: 'source', tokens: 'tokens' };
const shards = await Promise.all(
  paths.map(async (path): Promise<Shard> => {
    const { size, mtimeMs } = await stat(path);
    return { name: 'bench', path, format: formatOf(path), bytes: size, modifiedMs: mtimeMs };
  }),
);
const [shard] = shards;
if (shard === undefined) throw new Error('No shard is named.');
const scorer = await loadScorer(weights);
const quarantine = openQuarantine(join(folder, 'quarantine.jsonl'));
const result =
  kind === 'memory'
    ? await scoreInMemory(shard)
    : kind === 'read'
      ? await readFileAlone(shard)
      : await scoreFiles();
await quarantine.close();
process.stdout.write(`${JSON.stringify({ ...result, outputs: scorer.outputs.length })}\n`);
process.exit();

async function scoreInMemory(shard: Shard): Promise<{ textBytes: number; seconds: number }> {
  const batches: DocumentBatch[] = [];
  // A copy, which Buffer's `slice` is not: the batch's memory is used again for the next one.
  for await (const batch of readShard(shard, fields, { quarantine }))
    batches.push({ ...batch, text: new Uint8Array(batch.text), textEnds: new Uint32Array(batch.textEnds) });
  const textBytes = batches.reduce((sum, batch) => sum + batch.text.length, 0);
  const scoreAll = (): number => {
    const startedMs = performance.now();
    for (const batch of batches)
      scorer.scoreTexts(
        batch.text,
        batch.textEnds,
        batch.count,
        new Float32Array(batch.count * scorer.outputs.length),
      );
    return (performance.now() - startedMs) / 1000;
  };
  scoreAll();
  const passes = [scoreAll(), scoreAll(), scoreAll()].sort((a, b) => a - b);
  return { textBytes, seconds: passes[1] ?? Number.NaN };
}

async function readFileAlone(shard: Shard): Promise<{ textBytes: number; seconds: number }> {
  let textBytes = 0;
  const startedMs = performance.now();
  for await (const batch of readShard(shard, fields, { quarantine })) textBytes += batch.text.length;
  return { textBytes, seconds: (performance.now() - startedMs) / 1000 };
}

async function scoreFiles(): Promise<{ textBytes: number; seconds: number }> {
  const rates = {
    tokenizer: 'none',
    sample: '',
    overall: { documents: 1, bytes: 4, tokens: 1, tokensPerByte: 0.25 },
    sources: {},
  };
  let textBytes = 0;
  const startedMs = performance.now();
  const { close, ...connections } = await openConnections(join(folder, 'spill'));
  const context = { scorer, rates, fields, folder, quarantine: folder, ...connections };
  for (const shard of shards) {
    const task = {
      name: '0'.repeat(20),
      pieces: [{ shard, chunk: { firstRow: 0 }, endsShard: true }],
      partBytes: 64 << 20,
      weight: 1,
    };
    const parts = scoreChunk(task, [], context, (_documents, bytes) => {
      textBytes += bytes;
      return true;
    });
    while ((await parts.next()).done !== true);
  }
  close();
  return { textBytes, seconds: (performance.now() - startedMs) / 1000 };
}
