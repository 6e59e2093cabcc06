// The texts that the language models are trained and measured on, read in one pass over the shards: random
// documents of every selection, documents of every source that no selection has, and a hash of every document
// for counting duplicates.

import { createHash } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import { DOUBLE, DuckDBDataChunk, VARCHAR } from '../data/duckdb/library.ts';
import { z } from 'zod';
import type { DocumentBatch, Shard } from '../data/documents.ts';
import { fail } from '../run/errors/errors.ts';
import type { Report } from '../run/progress.ts';
import { ignoredRows } from '../data/files/quarantine.ts';
import { readShard } from '../data/read.ts';
import type { Run } from '../run/run.ts';
import { listCorpus } from '../data/shards.ts';
import { type Contest, keptColumn, tokensPerWord } from './contest.ts';
import { excerptOf } from './margin.ts';
import type { EncodedText, Vocabulary } from './word-model.ts';
import { queryRows } from '../data/duckdb/rows.ts';

export interface ContestTexts {
  /** Training texts of each selection in random order, up to the requested number of words. */
  training: Int32Array[][];
  /** Training words of each model; every selection has this many. */
  trainWords: number;
  /** Held-out texts by source. */
  heldOut: Map<string, EncodedText[]>;
  /** Beginnings of the requested rows' texts. */
  excerpt(place: Place): string;
}

const heldOutPerSource = 200;
const placeRow = z.object({ shard: z.string(), row: z.number() });
type Place = z.output<typeof placeRow>;

/**
 * Reads the texts and the beginnings of `shown` rows, and creates the table `hashes` (shard, row, hash).
 * Errors: SHARD_CHANGED, those of reading the corpus.
 */
export async function drawTexts(
  run: Run,
  connection: DuckDBConnection,
  contest: Contest,
  vocabulary: Vocabulary,
  { trainWords, shown }: { trainWords: number; shown: readonly Place[] },
  report: Report,
): Promise<ContestTexts> {
  const wanted: Place[][] = [];
  for (const [index] of contest.selections.entries()) {
    wanted.push(
      await queryRows(
        connection,
        'SELECT shard, "row"::DOUBLE AS "row" FROM (SELECT shard, "row", chance, sum(tokens) OVER ' +
          `(ORDER BY chance, shard, "row") - tokens AS before FROM documents WHERE ${keptColumn(index)} ` +
          `AND NOT held_out)
         WHERE before < ${tokensPerWord * trainWords} ORDER BY chance, shard, "row"`,
        placeRow,
      ),
    );
  }
  const heldOutRows = await queryRows(
    connection,
    'SELECT shard, "row"::DOUBLE AS "row", source FROM documents WHERE held_out QUALIFY row_number() ' +
      `OVER (PARTITION BY source ORDER BY chance, shard, "row") <= ${heldOutPerSource} ORDER BY source, chance`,
    placeRow.extend({ source: z.string() }),
  );
  const excerpts = new Map(shown.map(({ shard, row }) => [placeKey(shard, row), '']));
  const texts = await readRows(
    run,
    connection,
    contest.shards,
    { rows: [...wanted.flat(), ...heldOutRows], excerpts },
    vocabulary,
    report,
  );
  const textAt = ({ shard, row }: Place): EncodedText => {
    const text = texts.get(placeKey(shard, row));
    if (text === undefined) throw fail('SHARD_CHANGED', { path: shard });
    return text;
  };
  const training = wanted.map((rows) =>
    takeWords(
      rows.map((row) => textAt(row).words),
      trainWords,
    ),
  );
  const least = Math.min(...training.map((of) => of.reduce((sum, { length }) => sum + length, 0)));
  const heldOut = new Map<string, EncodedText[]>();
  for (const row of heldOutRows) heldOut.set(row.source, [...(heldOut.get(row.source) ?? []), textAt(row)]);
  return {
    training: training.map((of) => takeWords(of, least)),
    trainWords: least,
    heldOut,
    excerpt: ({ shard, row }) => excerpts.get(placeKey(shard, row)) ?? '',
  };
}

/** The first `most` words. */
function takeWords(texts: readonly Int32Array[], most: number): Int32Array[] {
  const taken: Int32Array[] = [];
  let left = most;
  for (const text of texts) {
    if (left <= 0) break;
    taken.push(text.subarray(0, left));
    left -= text.length;
  }
  return taken;
}

function placeKey(shard: string, row: number): string {
  return `${shard}#${row}`;
}

interface Wanted {
  /** By `placeKey`. */
  keys: ReadonlySet<string>;
  texts: Map<string, EncodedText>;
  /** Starts with the requested keys and gets the beginning of each text. */
  excerpts: Map<string, string>;
}

async function readRows(
  run: Run,
  connection: DuckDBConnection,
  names: readonly string[],
  { rows, excerpts }: { rows: readonly Place[]; excerpts: Map<string, string> },
  vocabulary: Vocabulary,
  report: Report,
): Promise<Map<string, EncodedText>> {
  const wanted: Wanted = {
    keys: new Set(rows.map(({ shard, row }) => placeKey(shard, row))),
    texts: new Map(),
    excerpts,
  };
  const shards = new Map((await listCorpus(run)).map((shard) => [shard.name, shard]));
  const chosen = names.map((name): Shard => shards.get(name) ?? missing(name));
  const total = chosen.reduce((sum, { bytes }) => sum + bytes, 0);
  await connection.run('CREATE TABLE hashes (shard VARCHAR, "row" DOUBLE, hash VARCHAR)');
  const appender = await connection.createAppender('hashes');
  let done = 0;
  for (const shard of chosen) {
    report({ stage: 'evaluate: read texts', done, total, unit: 'bytes' });
    for await (const batch of readShard(shard, run.settings.corpus.fields, { quarantine: ignoredRows })) {
      const hashes = takeBatch(batch, wanted, vocabulary);
      for (let from = 0; from < batch.count; from += 2048) {
        const to = Math.min(batch.count, from + 2048);
        const chunk = DuckDBDataChunk.create([VARCHAR, DOUBLE, VARCHAR], to - from);
        chunk.setColumns([
          new Array<string>(to - from).fill(shard.name),
          Array.from(batch.rows.subarray(from, to)),
          hashes.slice(from, to),
        ]);
        appender.appendDataChunk(chunk);
      }
    }
    done += shard.bytes;
  }
  appender.closeSync();
  return wanted.texts;
}

function missing(shard: string): never {
  throw fail('FILE_NOT_FOUND', { path: shard, what: 'Shard' });
}

function takeBatch(
  { shard, count, rows, text, textEnds }: DocumentBatch,
  { keys, texts, excerpts }: Wanted,
  vocabulary: Vocabulary,
): string[] {
  const hashes: string[] = [];
  let start = 0;
  for (let i = 0; i < count; i++) {
    const bytes = text.subarray(start, textEnds[i]);
    start = textEnds[i] ?? start;
    hashes.push(createHash('md5').update(bytes).digest('hex'));
    const key = placeKey(shard, rows[i] ?? 0);
    if (keys.has(key)) texts.set(key, vocabulary.encode(Buffer.from(bytes).toString('utf8')));
    if (excerpts.has(key)) excerpts.set(key, excerptOf(Buffer.from(bytes).toString('utf8')));
  }
  return hashes;
}
