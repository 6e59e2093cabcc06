// What the end of a file's name says: what kind of rows the file holds, and how its bytes are stored.

import { showPath } from '../../run/address.ts';
import type { ShardFormat } from '../documents.ts';

export interface Ending {
  kind: 'jsonl' | 'json' | 'csv' | 'tsv' | 'parquet';
  /** How to read its bytes. Tables of plain text count as JSON Lines here. */
  format: ShardFormat;
}

const pattern = /\.(?:(jsonl|ndjson|json|csv|tsv)(?:\.(gz|zstd?))?|parquet)$/i;

/** Reads the ending of a path, or of an address without its query; undefined where it is not a known one. */
export function endingOf(path: string): Ending | undefined {
  const found = pattern.exec(showPath(path));
  if (found === null) return undefined;
  const kind = found[1]?.toLowerCase() ?? 'parquet';
  const format =
    kind === 'parquet'
      ? 'parquet'
      : found[2] === undefined
        ? 'jsonl'
        : /gz/i.test(found[2])
          ? 'jsonl.gz'
          : 'jsonl.zst';
  return {
    kind: kind === 'parquet' || kind === 'json' || kind === 'csv' || kind === 'tsv' ? kind : 'jsonl',
    format,
  };
}

/** A file's name less its known ending. */
export function dropEnding(name: string): string {
  return name.replace(pattern, '');
}
