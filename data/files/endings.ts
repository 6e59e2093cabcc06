// Reads a file's ending: the kind of its rows, and how its bytes are stored.

import { showPath } from '../../run/address.ts';
import type { ShardFormat } from '../documents.ts';

export interface Ending {
  kind: 'jsonl' | 'json' | 'csv' | 'tsv' | 'parquet';
  /** How to read its bytes. Text tables count as JSON Lines here. */
  format: ShardFormat;
}

/** The formats of compressed files by the ending that follows that of their rows. */
const compressed: Readonly<Record<string, ShardFormat>> = {
  gz: 'jsonl.gz',
  zst: 'jsonl.zst',
  zstd: 'jsonl.zst',
};
const pattern = new RegExp(
  `\\.(?:(jsonl|ndjson|json|csv|tsv)(?:\\.(${Object.keys(compressed).join('|')}))?|parquet)$`,
  'i',
);

/** The ending of a path, or of an address without its query; undefined if it is unknown. */
export function endingOf(path: string): Ending | undefined {
  const found = pattern.exec(showPath(path));
  if (found === null) return undefined;
  const kind = found[1]?.toLowerCase() ?? 'parquet';
  const format = kind === 'parquet' ? 'parquet' : (compressed[found[2]?.toLowerCase() ?? ''] ?? 'jsonl');
  return {
    kind: kind === 'parquet' || kind === 'json' || kind === 'csv' || kind === 'tsv' ? kind : 'jsonl',
    format,
  };
}

/** A file's name without its known ending. */
export function dropEnding(name: string): string {
  return name.replace(pattern, '');
}
