// Scores about one part in a hundred of what is to be scored, at places spread evenly over the corpus's
// bytes, by the very code that scores all of it, into a folder that is thrown away. What it finds, scaled up,
// is what `betr rank --dry-run` predicts.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTemporaryFolder } from '../data/files/commit.ts';
import type { Shard, ShardFormat } from '../data/documents.ts';
import { takeLease } from '../data/files/lease.ts';
import { appendToManifest } from '../data/files/manifest.ts';
import type { Report } from '../run/progress.ts';
import type { Run } from '../run/run.ts';
import { isCompressed } from '../data/shards.ts';
import { readTokenRates } from '../indexer/sample/tokens.ts';
import { guessTextBytes, isSmall } from './packs.ts';
import type { ListedPart, Part } from './part.ts';
import type { Piece } from './plan.ts';
import { findPlace } from './place.ts';
import { readCards } from './published.ts';
import { openConnections, scoreChunk, type ScoringContext } from './score-chunk.ts';
import { openScorer, readScorer } from './scorers/list.ts';

/** Text of one probe. */
const probeBytes = 1 << 20;
/** Text by which it is measured how fast scoring is. */
const speedBytes = 16 << 20;
/** Of less text than that the time cannot be told from a chunk's. */
const fastestBytesPerSecond = 1e9;
const fewestProbes = 8;
const mostProbes = 1000;
/** Shards by which it is measured what a shard takes beside its text. */
const shardsInPack = 16;

export interface Probe {
  part: Part;
  /** Bytes of the corpus's files that the part's rows take, and of the corpus that the probe stands for. */
  fileBytes: number;
  standsFor: number;
  format: ShardFormat;
  writtenBytes: number;
}

export interface Probes {
  probes: Probe[];
  /** Text that a worker scores in a second, reading and writing included, of each format that there is. */
  bytesPerSecond: Map<ShardFormat, number>;
  /** What a chunk takes beside its text: its lease, its files, its line in the manifest. */
  secondsPerChunk: number;
  /** What each further shard of a pack takes. */
  secondsPerShard: number;
}

/** Probes of the shards. Errors: those of reading them. */
export async function probeShards(
  run: Run,
  shards: readonly Shard[],
  chunkBytes: number,
  report: Report,
): Promise<Probes> {
  const total = shards.reduce((sum, { bytes }) => sum + bytes, 0);
  const count = Math.min(mostProbes, Math.max(fewestProbes, Math.ceil(total / 100 / probeBytes)));
  const folder = await makeTemporaryFolder('probe');
  const { close, ...connections } = await openConnections(join(folder, 'spill'));
  try {
    const [scorer, rates] = [await openScorer(run, await readScorer(run)), await readTokenRates(run)];
    const context = {
      scorer,
      rates,
      fields: run.settings.corpus.fields,
      folder,
      quarantine: folder,
      ...connections,
    };
    const probes: Probe[] = [];
    for (const { shard, places } of spread(shards, total, count)) {
      // The beginning of a compressed file has to stand for all of it.
      const wanted = isCompressed(shard.format) ? places.slice(0, 1) : places;
      for (const place of wanted) {
        const probe = await takeProbe(
          context,
          shard,
          place,
          ((total / count) * places.length) / wanted.length,
        );
        if (probe !== undefined) probes.push(probe);
      }
      report({ stage: 'probe', done: probes.length, total: count, unit: 'parts' });
    }
    const [smallest] = shards.toSorted((a, b) => a.bytes - b.bytes);
    const secondsPerChunk = smallest === undefined ? 0 : await measurePack(context, [smallest]);
    const pack = takeSmallest(shards, chunkBytes);
    const secondsPerShard =
      pack.length < 2
        ? 0
        : Math.max(0, ((await measurePack(context, pack)) - secondsPerChunk) / (pack.length - 1));
    return {
      probes,
      bytesPerSecond: await measureSpeeds(context, shards, secondsPerChunk),
      secondsPerChunk,
      secondsPerShard,
    };
  } finally {
    close();
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * `count` places at equal distances over the bytes of all shards, as the shards that they are in and where in
 * these, 0 to 1.
 */
function spread(
  shards: readonly Shard[],
  total: number,
  count: number,
): { shard: Shard; places: number[] }[] {
  let before = 0;
  return shards
    .map((shard) => {
      const places: number[] = [];
      for (
        let i = Math.ceil((before * count) / total - 0.5);
        (i + 0.5) * (total / count) < before + shard.bytes;
        i++
      )
        places.push(((i + 0.5) * (total / count) - before) / shard.bytes);
      before += shard.bytes;
      return { shard, places };
    })
    .filter(({ places }) => places.length > 0);
}

async function takeProbe(
  context: ScoringContext,
  shard: Shard,
  place: number,
  standsFor: number,
): Promise<Probe | undefined> {
  const { chunk, bytesOfRows } = await findPlace(context.fields, shard, place, probeBytes);
  // A range of bytes ends by itself.
  const first = await scorePart(
    context,
    [{ shard, chunk, endsShard: true }],
    chunk.endByte === undefined ? probeBytes : Infinity,
  );
  if (first === undefined || first.documents === 0) return undefined;
  const read = await readCards(context.folder, [first]).next();
  if (read.done === true) return undefined;
  const part = read.value;
  return {
    part,
    fileBytes: await bytesOfRows(part.covers.reduce((sum, { rows }) => sum + rows, 0)),
    standsFor,
    format: shard.format,
    writtenBytes: part.bytes,
  };
}

async function scorePart(
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

/** Some of the smallest shards that go into packs, with so little text that it counts for nothing. */
function takeSmallest(shards: readonly Shard[], chunkBytes: number): Shard[] {
  let textBytes = 0;
  return shards
    .filter((shard) => isSmall(shard, chunkBytes))
    .sort((a, b) => a.bytes - b.bytes)
    .slice(0, shardsInPack)
    .filter((shard) => (textBytes += guessTextBytes(shard)) <= probeBytes);
}

/**
 * How long the way of a pack is that has hardly any text: the second time, as the first one finds code and
 * caches cold.
 */
async function measurePack(context: ScoringContext, shards: readonly Shard[]): Promise<number> {
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

/** How fast the largest shard of each format is scored, by its beginning: the second time, too. */
async function measureSpeeds(
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
