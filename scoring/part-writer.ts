// Writes one part: adds batches of scored documents to a table in DuckDB, then writes the Parquet file, the
// bad rows and the card.

import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { commitFile, commitJson } from '../data/files/commit.ts';
import type { DocumentBatch } from '../data/documents.ts';
import { openQuarantine, type Quarantine } from '../data/files/quarantine.ts';
import { sha256File } from '../data/files/hash-files.ts';
import type { TokenRates } from '../indexer/sample/tokens.ts';
import {
  addUpUnknown,
  cardFile,
  type CoveredRows,
  type ListedPart,
  partFile,
  quarantineFile,
} from './part.ts';
import type { Task } from './tasks.ts';
import type { BatchNotes, CorpusScorer } from './scorers/kind.ts';
import { openTally } from './tally.ts';
import { type PartTable, createTable, countTokens } from './part-table.ts';

/** Bounds the memory of a part of very short texts. */
const documentsPerPart = 250_000;

export interface PartContext {
  scorer: CorpusScorer;
  rates: TokenRates;
  /** Folders of the parts and of their bad rows. */
  folder: string;
  quarantine: string;
  /** For the table of the current part. */
  connection: DuckDBConnection;
}

export interface OpenPart {
  quarantine: Quarantine;
  isFull(): boolean;
  /** Scores a batch; scorers that take long call `progress`. */
  add(batch: DocumentBatch, progress: BatchNotes['progress']): Promise<void>;
  /** Records that the documents added since the last call are these rows of a shard. */
  cover(rows: Omit<CoveredRows, 'documents' | 'unknown' | 'quarantined'>): void;
  commit(ends: ListedPart['ends']): Promise<ListedPart>;
  /** Discards the part. */
  drop(): Promise<void>;
}

/** Opens part `number` of a task. */
export function openPart({ name, partBytes }: Task, number: number, context: PartContext): OpenPart {
  const { scorer } = context;
  const file = partFile(name, number);
  const tally = openTally();
  const bad = openQuarantine(join(context.quarantine, quarantineFile(file)));
  const covers: CoveredRows[] = [];
  const covered = { documents: 0, unknown: 0, quarantined: 0 };
  let table: PartTable | undefined;
  return {
    quarantine: bad,
    isFull: () => tally.textBytes >= partBytes || tally.documents + tally.unknown >= documentsPerPart,
    async add(batch, progress) {
      table ??= await createTable(context.connection, context.scorer);
      const scores = new Float32Array(batch.count * scorer.outputs.length);
      const notes = scorer.details === undefined ? undefined : openNotes(batch, scorer.details, progress);
      const scoring = scorer.scoreTexts(
        batch.text,
        batch.textEnds,
        batch.count,
        scores,
        batch.documents,
        notes,
      );
      if (scoring !== undefined) await scoring;
      const tokens = countTokens(batch, context.rates);
      tally.add(batch, tokens, scores, scorer.outputs.length, notes);
      table.append(covers.length, batch, tokens, scores, notes);
    },
    cover(rows) {
      covers.push({
        ...rows,
        documents: tally.documents - covered.documents,
        ...(tally.unknown === covered.unknown ? {} : { unknown: tally.unknown - covered.unknown }),
        quarantined: bad.count - covered.quarantined,
      });
      Object.assign(covered, {
        documents: tally.documents,
        unknown: tally.unknown,
        quarantined: bad.count,
      });
    },
    async commit(ends) {
      table ??= await createTable(context.connection, context.scorer);
      const quarantineSha256 = await bad.close();
      const path = join(context.folder, file);
      await mkdir(context.folder, { recursive: true });
      // Hash before the rename: afterwards, a process with another plan may remove the file.
      let [bytes, sha256] = [0, ''];
      const writing = table;
      await commitFile(path, async (temporary) => {
        await writing.write(
          covers.map(({ shard }) => shard),
          temporary,
        );
        bytes = (await stat(temporary)).size;
        sha256 = await sha256File(temporary);
      });
      await table.drop();
      const { sources, histogram, unknown, ...counts } = tally.result();
      // Not indented: a card has thousands of bins, and would be twice the size.
      const hashes = {
        bytes,
        sha256,
        cardSha256: await commitJson(
          join(context.folder, cardFile(file)),
          { sources, histogram, unknown },
          0,
        ),
      };
      return {
        file,
        covers,
        ends,
        ...counts,
        ...(unknown === undefined
          ? {}
          : { unknownDocuments: tally.unknown, unknownTokens: addUpUnknown(unknown).tokens }),
        quarantined: bad.count,
        ...(quarantineSha256 === undefined ? {} : { quarantineSha256 }),
        ...hashes,
      };
    },
    async drop() {
      // If this fails, the next part replaces the table.
      await table?.drop().catch(() => undefined);
      await bad.drop();
    },
  };
}

function openNotes(
  { count }: DocumentBatch,
  details: readonly string[],
  progress: BatchNotes['progress'],
): BatchNotes {
  return {
    progress,
    reasons: new Array<string | undefined>(count),
    details: new Float32Array(count * details.length).fill(NaN),
  };
}
