// Token rates of a corpus that has no index: measured on documents at seeded places of it, once, so that all scorers that need no index count the same tokens.
// Promises: the same rates from the same files and settings; new shards change none, as all others would have to be scored anew.

import { existsSync } from 'node:fs';
import type { DuckDBConnection } from '@duckdb/node-api';
import { checkFields } from '../data/check-fields.ts';
import { commitSealedJson, readSealedJson } from '../data/commit.ts';
import type { Shard } from '../data/documents.ts';
import { withDuckDb } from '../data/duckdb.ts';
import { BetrError, fail } from '../data/errors.ts';
import { keyHash } from '../data/hash.ts';
import type { Report } from '../data/progress.ts';
import { passOver } from '../data/quarantine.ts';
import { readShard } from '../data/read.ts';
import { fingerprint, type Run } from '../data/run.ts';
import type { FieldNames } from '../data/settings.ts';
import { isCompressed, listShards } from '../data/shards.ts';
import { documentsPerSource, measuredCharacters, openMeasure, tokenRatesSchema } from '../indexer/tokens.ts';
import { findPlace } from './place.ts';

/** Places that are looked at: at least so many, in few shards, and at most so many shards. */
const fewestPlaces = 32;
const mostShards = 256;
/** Text that is read at a place, about. */
const placeBytes = 1 << 18;
/** Documents of one source that a place may give: more than its part, as not every place has every source. */
const fewestOfPlace = 8;

/** Measures the rates into the run's tokens.json, unless they are there: from an index, or from the same fields. Errors: FIELD_MISSING, NO_DOCUMENTS, those of reading the corpus and of writing. */
export async function ensureTokenRates(run: Run, report: Report): Promise<void> {
  // Its rates count, and where they are missing it has to be made anew.
  if (existsSync(run.files.indexCard)) return;
  const { corpus, sample } = run.settings;
  const corpusFields = fingerprint(corpus.fields);
  const known = await readSealedJson(run.files.tokens, tokenRatesSchema, 'betr rank').catch((error: unknown) => {
    if (error instanceof BetrError && error.code === 'FILE_DAMAGED') return undefined;
    throw error;
  });
  if (known !== undefined && (known.corpusFields ?? corpusFields) === corpusFields) return;
  const shards = await listShards(corpus.files, run.settingsFolder);
  await checkFields(shards, corpus.fields, report);
  const measure = await openMeasure();
  let documents = 0;
  const [problem] = await withDuckDb({ threads: 1, memoryMb: 256 }, (connection) =>
    visitPlaces(drawPlaces(shards, sample.seed), async ({ shard, place, of }) => {
      const most = Math.max(fewestOfPlace, Math.ceil((2 * documentsPerSource) / of));
      for await (const { source, text } of readPlace(connection, shard, place, corpus.fields, most)) {
        if (measure.documents(source) >= documentsPerSource) continue;
        measure.add(source, text.slice(0, measuredCharacters));
        documents++;
      }
      report({ stage: 'measure token rates', done: documents, unit: 'documents' });
    }),
  );
  if (documents === 0) throw problem ?? fail('NO_DOCUMENTS', { files: shards.length, quarantined: 0, reasons: [] });
  const from = fingerprint({ corpusRates: 1, shards: shards.map(({ name, bytes, modifiedMs }) => [name, bytes, modifiedMs]), fields: corpus.fields, seed: sample.seed });
  await commitSealedJson(run.files.tokens, { ...measure.rates(), sample: from, corpusFields });
}

interface ShardPlace {
  shard: Shard;
  /** Where in it, 0 to 1. */
  place: number;
  /** How many places there are in all. */
  of: number;
}

/** Places by a seeded hash of the shards' names: all shards, or some of many; several places in each of few. A compressed file has its beginning alone. */
function drawPlaces(shards: readonly Shard[], seed: number): ShardPlace[] {
  const hashOf = (text: string): bigint => keyHash(`rates\n${text}`, seed);
  const drawn = shards.map((shard) => ({ shard, hash: hashOf(shard.name) })).sort((a, b) => (a.hash < b.hash ? -1 : 1)).slice(0, mostShards);
  const ofShard = Math.ceil(fewestPlaces / drawn.length);
  const places = drawn.flatMap(({ shard }) => Array.from({ length: isCompressed(shard.format) ? 1 : ofShard }, (_, i) => ({ shard, place: (i + Number(hashOf(`${shard.name}\n${i}`) >> 11n) / 2 ** 53) / ofShard })));
  return places.map((place) => ({ ...place, of: places.length }));
}

/** Visits all places. What cannot be read is passed over, as whoever scores it says so; gives these problems. */
async function visitPlaces(places: readonly ShardPlace[], visit: (place: ShardPlace) => Promise<void>): Promise<BetrError[]> {
  const problems: BetrError[] = [];
  for (const place of places) {
    try {
      await visit(place);
    } catch (error) {
      if (!(error instanceof BetrError)) throw error;
      problems.push(error);
    }
  }
  return problems;
}

/** The first documents at a place, of each source at most so many. */
async function* readPlace(connection: DuckDBConnection, shard: Shard, place: number, fields: FieldNames, most: number): AsyncGenerator<{ source: string; text: string }> {
  const { chunk } = await findPlace(fields, shard, place, placeBytes);
  const seen = new Map<string, number>();
  let bytes = 0;
  for await (const batch of readShard(shard, fields, { quarantine: passOver, chunk, batchBytes: placeBytes / 4, connection })) {
    const text = Buffer.from(batch.text.buffer, batch.text.byteOffset, batch.text.byteLength);
    for (let i = 0; i < batch.count; i++) {
      const source = batch.sources[i] ?? '';
      const count = (seen.get(source) ?? 0) + 1;
      seen.set(source, count);
      if (count <= most) yield { source, text: text.toString('utf8', batch.textEnds[i - 1] ?? 0, batch.textEnds[i]) };
    }
    bytes += batch.text.length;
    if (bytes >= placeBytes) return;
  }
}
