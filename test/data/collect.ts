// Whole shards and folders in memory, for tests of the readers.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DocumentBatch } from '../../data/documents.ts';
import type { ReadOptions } from '../../data/jsonl/jsonl.ts';
import type { Quarantine } from '../../data/files/quarantine.ts';
import { readShard } from '../../data/read.ts';
import type { FieldNames } from '../../run/settings.ts';
import { formatOf } from '../../data/shards.ts';

export const defaultFields: FieldNames = { id: 'id', text: 'text', source: 'source', tokens: 'tokens' };

export interface Document {
  row: number;
  document: string;
  source: string;
  /** null where the document has no count. */
  tokens: number | null;
  text: string;
}

export interface Quarantined {
  position: number;
  reason: string;
}

/** The documents and bad rows of a file, whose shard is named `name`. */
export async function readAll(
  path: string,
  {
    name = 'shard',
    fields = defaultFields,
    ...options
  }: { name?: string; fields?: FieldNames } & Omit<ReadOptions, 'quarantine'> = {},
): Promise<{ documents: Document[]; quarantined: Quarantined[]; batches: number }> {
  const quarantine = collectQuarantined();
  const documents: Document[] = [];
  let batches = 0;
  const shard = { name, path, format: formatOf(path), bytes: 0, modifiedMs: 0 };
  for await (const batch of readShard(shard, fields, { ...options, quarantine })) {
    batches++;
    documents.push(...listDocuments(batch));
  }
  return { documents, quarantined: quarantine.rows, batches };
}

/** The documents of a batch. */
export function listDocuments({
  count,
  rows,
  documents,
  sources,
  tokens,
  text,
  textEnds,
}: DocumentBatch): Document[] {
  return Array.from({ length: count }, (_, i) => ({
    row: rows[i] ?? -1,
    document: documents[i] ?? '',
    source: sources[i] ?? '',
    // -0 is a count of 0.
    tokens: Number.isNaN(tokens[i]) ? null : (tokens[i] ?? -1) + 0,
    text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      text.subarray(textEnds[i - 1] ?? 0, textEnds[i]),
    ),
  }));
}

/** A quarantine that keeps its rows. */
export function collectQuarantined(): Quarantine & { rows: Quarantined[] } {
  const rows: Quarantined[] = [];
  return {
    rows,
    get count() {
      return rows.length;
    },
    add(_file, position, reason) {
      rows.push({ position, reason });
    },
  };
}

/** Hands a new folder to `use` and removes it afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'betr-data-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
