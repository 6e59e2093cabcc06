// Token rates of a corpus without an index: measured once, on documents at seeded places, so that all scorers
// that need no index count the same tokens. Promises: the same rates for the same files and settings. New
// shards do not change the rates, because all others would have to be scored again.

import { existsSync } from 'node:fs';
import type { DuckDBConnection } from '@duckdb/node-api';
import { checkFields } from '../data/rows/check-fields.ts';
import { commitSealedJson, readSealedJson } from '../data/files/commit.ts';
import { type Chunk, type Shard, textOf } from '../data/documents.ts';
import { withDuckDb } from '../data/duckdb/duckdb.ts';
import { BetrError, fail } from '../run/errors/errors.ts';
import { keyHash } from '../data/files/hash.ts';
import type { Report } from '../run/progress.ts';
import { ignoredRows, type Quarantine } from '../data/files/quarantine.ts';
import { readShard } from '../data/read.ts';
import { fingerprint, type Run } from '../run/run.ts';
import type { FieldNames } from '../run/settings.ts';
import { isCompressed, listCorpus } from '../data/shards.ts';
import { countUsable, describeReasons } from '../data/files/unusable.ts';
import {
  documentsPerSource,
  measuredCharacters,
  openMeasure,
  tokenRatesSchema,
} from '../indexer/sample/tokens.ts';
import { findPlace } from './place.ts';

/** Minimum number of places, and maximum number of shards that they are in. */
const fewestPlaces = 32;
const mostShards = 256;
/** Approximate amount of text read at a place. */
const placeBytes = 1 << 18;
/** A place may give more than its share of a source's documents, because not every place has every source. */
const fewestPerPlace = 8;

/**
 * Measures the rates and writes tokens.json, unless it has rates of an index or of the same fields. Errors:
 * FIELD_MISSING, NO_DOCUMENTS, those of reading the corpus and of writing.
 */
export async function ensureTokenRates(run: Run, report: Report): Promise<void> {
  // The index has its own rates; if they are missing, it must be made again.
  if (existsSync(run.files.indexCard)) return;
  const { corpus, sample } = run.settings;
  const corpusFields = fingerprint(corpus.fields);
  const known = await readSealedJson(run.files.tokens, tokenRatesSchema, 'betr rank').catch(
    (error: unknown) => {
      if (error instanceof BetrError && error.code === 'FILE_DAMAGED') return undefined;
      throw error;
    },
  );
  if (known !== undefined && (known.corpusFields ?? corpusFields) === corpusFields) return;
  const shards = await listCorpus(run);
  await checkFields(shards, corpus.fields, report);
  const measure = await openMeasure();
  let documents = 0;
  const add = async (texts: AsyncIterable<{ source: string; text: string }>): Promise<void> => {
    for await (const { source, text } of texts) {
      if (measure.documents(source) >= documentsPerSource) continue;
      measure.add(source, text.slice(0, measuredCharacters));
      documents++;
    }
    report({ stage: 'measure token rates', done: documents, unit: 'documents' });
  };
  await withDuckDb({ threads: 1, memoryMb: 256 }, async (connection) => {
    await visitPlaces(drawPlaces(shards, sample.seed), async ({ shard, place, of }) => {
      const { chunk } = await findPlace(corpus.fields, shard, place, placeBytes);
      await add(
        readBeginning(
          connection,
          shard,
          chunk,
          corpus.fields,
          Math.max(fewestPerPlace, Math.ceil((2 * documentsPerSource) / of)),
          ignoredRows,
        ),
      );
    });
    if (documents > 0) return;
    // No place had a usable document: read the shards from the start, to find the few documents among many
    // bad rows, or the reasons why there are none.
    const usable = countUsable(openCount());
    for (const shard of shards) {
      const before = documents;
      await add(
        readBeginning(
          connection,
          shard,
          { firstRow: 0 },
          corpus.fields,
          documentsPerSource,
          usable.quarantine,
        ),
      );
      usable.endShard(shard.name, documents - before);
      if (documents > 0) return;
    }
    throw fail('NO_DOCUMENTS', {
      files: shards.length,
      quarantined: usable.quarantine.count,
      reasons: describeReasons(usable.result().first),
    });
  });
  const from = fingerprint({
    corpusRates: 1,
    shards: shards.map(({ name, bytes, modifiedMs }) => [name, bytes, modifiedMs]),
    fields: corpus.fields,
    seed: sample.seed,
  });
  await commitSealedJson(run.files.tokens, { ...measure.rates(), sample: from, corpusFields });
}

/** A quarantine that only counts. */
function openCount(): Quarantine {
  let count = 0;
  return {
    add() {
      count++;
    },
    get count() {
      return count;
    },
  };
}

interface ShardPlace {
  shard: Shard;
  /** Position in the shard, 0 to 1. */
  place: number;
  /** Number of all places. */
  of: number;
}

/**
 * Draws places by a seeded hash of the shards' names: in all shards or a subset of many, with several places
 * per shard if there are few. Of a compressed file, only the beginning is used.
 */
function drawPlaces(shards: readonly Shard[], seed: number): ShardPlace[] {
  const hashOf = (text: string): bigint => keyHash(`rates\n${text}`, seed);
  const drawn = shards
    .map((shard) => ({ shard, hash: hashOf(shard.name) }))
    .sort((a, b) => (a.hash < b.hash ? -1 : 1))
    .slice(0, mostShards);
  const ofShard = Math.ceil(fewestPlaces / drawn.length);
  const places = drawn.flatMap(({ shard }) =>
    Array.from({ length: isCompressed(shard.format) ? 1 : ofShard }, (_, i) => ({
      shard,
      place: (i + Number(hashOf(`${shard.name}\n${i}`) >> 11n) / 2 ** 53) / ofShard,
    })),
  );
  return places.map((place) => ({ ...place, of: places.length }));
}

/** Visits all places. Skips what cannot be read: scoring reports it. */
async function visitPlaces(
  places: readonly ShardPlace[],
  visit: (place: ShardPlace) => Promise<void>,
): Promise<void> {
  for (const place of places) {
    try {
      await visit(place);
    } catch (error) {
      if (!(error instanceof BetrError)) throw error;
    }
  }
}

/** The first documents of a chunk, at most `most` per source. */
async function* readBeginning(
  connection: DuckDBConnection,
  shard: Shard,
  chunk: Chunk,
  fields: FieldNames,
  most: number,
  quarantine: Quarantine,
): AsyncGenerator<{ source: string; text: string }> {
  const seen = new Map<string, number>();
  let bytes = 0;
  for await (const batch of readShard(shard, fields, {
    quarantine,
    chunk,
    batchBytes: placeBytes / 4,
    connection,
  })) {
    for (let i = 0; i < batch.count; i++) {
      const source = batch.sources[i] ?? '';
      const count = (seen.get(source) ?? 0) + 1;
      seen.set(source, count);
      if (count <= most) yield { source, text: textOf(batch, i) };
    }
    bytes += batch.text.length;
    if (bytes >= placeBytes) return;
  }
}
