// How fast this machine scores: the fixed time of a chunk or a pack, and bytes of text per second by format.

import { join } from 'node:path';
import type { Shard, ShardFormat } from '../data/documents.ts';
import { takeLease } from '../data/files/lease.ts';
import { appendToManifest } from '../data/files/manifest.ts';
import type { ListedPart } from './part.ts';
import type { Piece } from './tasks.ts';
import { scoreChunk, type ScoringContext } from './score-chunk.ts';

/** Bytes of text on which the scoring speed is measured. */
const speedBytes = 16 << 20;
/** Upper bound: on little text, scoring time cannot be separated from the fixed time per chunk. */
const fastestBytesPerSecond = 1e9;

export async function scorePart(
  context: ScoringContext,
  pieces: readonly Piece[],
  partBytes: number,
): Promise<ListedPart | undefined> {
  const parts = scoreChunk({ name: '0'.repeat(20), pieces, partBytes, weight: 1 }, [], context, () => true);
  const first = await parts.next();
  await parts.return(undefined);
  return first.done === true ? undefined : first.value;
}

function wholeOf(shard: Shard): Piece {
  return { shard, chunk: { firstRow: 0 }, endsShard: true };
}

/**
 * Seconds that a pack with hardly any text takes, measured on the second pass: in the first one, code and
 * caches are cold.
 */
export async function measurePack(context: ScoringContext, shards: readonly Shard[]): Promise<number> {
  let seconds = 0;
  for (let time = 0; time < 2; time++) {
    const startedMs = performance.now();
    const lease = await takeLease(join(context.folder, 'lease'), 1000);
    const part = await scorePart(context, shards.map(wholeOf), shards.length === 1 ? 1 : Infinity);
    if (part !== undefined) await appendToManifest(join(context.folder, 'manifest.jsonl'), part);
    await lease?.release();
    seconds = (performance.now() - startedMs) / 1000;
  }
  return seconds;
}

/** Scoring speed by format, on the second pass over the beginning of the largest shard. */
export async function measureSpeeds(
  context: ScoringContext,
  shards: readonly Shard[],
  secondsPerChunk: number,
): Promise<Map<ShardFormat, number>> {
  const speeds = new Map<ShardFormat, number>();
  for (const shard of shards.toSorted((a, b) => b.bytes - a.bytes)) {
    if (speeds.has(shard.format)) continue;
    await scorePart(context, [wholeOf(shard)], speedBytes);
    const startedMs = performance.now();
    const part = await scorePart(context, [wholeOf(shard)], speedBytes);
    if (part === undefined || part.textBytes === 0) continue;
    const seconds = (performance.now() - startedMs) / 1000 - secondsPerChunk;
    speeds.set(shard.format, Math.min(part.textBytes / Math.max(seconds, 0), fastestBytesPerSecond));
  }
  return speeds;
}
