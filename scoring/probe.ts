// Scores about 1% of the corpus, at places spread evenly over its bytes, with the real scoring code, into a
// temporary folder. `betr rank --dry-run` scales the results up.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTemporaryFolder } from '../data/files/commit.ts';
import type { Shard, ShardFormat } from '../data/documents.ts';
import type { Report } from '../run/progress.ts';
import type { Run } from '../run/run.ts';
import { isCompressed } from '../data/shards.ts';
import { readTokenRates } from '../indexer/sample/tokens.ts';
import { guessTextBytes, isSmall } from './packs.ts';
import type { Part } from './part.ts';
import { findPlace } from './place.ts';
import { readCards } from './cards.ts';
import { openConnections, type ScoringContext } from './score-chunk.ts';
import { measureSlow, openTextKeeper } from './measure-slow.ts';
import type { CorpusScorer, Measured } from './scorers/kind.ts';
import { openScorer, readScorer } from './scorers/list.ts';
import { scorePart, measurePack, measureSpeeds } from './measure-speeds.ts';

/** Bytes of text per probe. */
const probeBytes = 1 << 20;
const fewestProbes = 8;
const mostProbes = 1000;
/** Shards on which the fixed time per shard is measured. */
const shardsInPack = 16;

export interface Probe {
  part: Part;
  /**
   * Bytes of the corpus's files that the part's rows take, and bytes of the corpus that the probe represents.
   */
  fileBytes: number;
  standsFor: number;
  format: ShardFormat;
  writtenBytes: number;
}

export interface Probes {
  probes: Probe[];
  /** Bytes of text that a worker scores per second, including reading and writing, by format. */
  bytesPerSecond: Map<ShardFormat, number>;
  /** Fixed time per chunk: lease, files, manifest line. */
  secondsPerChunk: number;
  /** Fixed time per additional shard of a pack. */
  secondsPerShard: number;
  /** What documents cost by a slow scorer. The probes then have no scores. */
  measured?: Measured;
}

/** Probes the shards. Errors: those of reading them. */
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
  let scorer: CorpusScorer | undefined;
  try {
    scorer = await openScorer(run, await readScorer(run));
    const keeper = scorer.measure === undefined ? undefined : openTextKeeper();
    const context = {
      scorer: keeper?.scorer ?? scorer,
      rates: await readTokenRates(run),
      fields: run.settings.corpus.fields,
      folder,
      quarantine: folder,
      ...connections,
    };
    const probes: Probe[] = [];
    for (const { shard, places } of spread(shards, total, count)) {
      // A compressed file can only be read from its beginning, so one probe represents all of it.
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
    const measured =
      scorer.measure === undefined || keeper === undefined
        ? undefined
        : await measureSlow(scorer.measure, keeper.take(), report);
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
      ...(measured === undefined ? {} : { measured }),
    };
  } finally {
    close();
    await scorer?.close?.();
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * `count` evenly spaced places in the bytes of all shards: by shard, and as positions in it from 0 to 1.
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
  // A byte range limits itself; a row group needs a limit.
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

/** Some of the smallest shards in packs, with so little text that scoring it takes no time. */
function takeSmallest(shards: readonly Shard[], chunkBytes: number): Shard[] {
  let textBytes = 0;
  return shards
    .filter((shard) => isSmall(shard, chunkBytes))
    .sort((a, b) => a.bytes - b.bytes)
    .slice(0, shardsInPack)
    .filter((shard) => (textBytes += guessTextBytes(shard)) <= probeBytes);
}
