// The field of a document that says how many times to repeat it.

import type { Shard } from '../../data/documents.ts';
import { parseRow } from '../../data/jsonl/json-line.ts';
import { showPath } from '../../run/address.ts';
import { fail } from '../../run/errors/errors.ts';
import { repeatColumn } from './repeat.ts';

const endOfObject = 0x7d;

/** A JSON line with the field added as the last one, and otherwise unchanged. Errors: FIELD_TAKEN. */
export function addRepeat(line: Uint8Array, times: number, shard: Shard): Buffer {
  const row = parseRow(line);
  if (typeof row !== 'object') throw fail('SHARD_CHANGED', { path: shard.path });
  checkUnused(Object.keys(row), shard);
  const end = line.lastIndexOf(endOfObject);
  return Buffer.concat([
    line.subarray(0, end),
    Buffer.from(`,"${repeatColumn}":${times}`),
    line.subarray(end),
  ]);
}

/** Errors: FIELD_TAKEN if a field has the name, in whatever case, as many readers ignore case. */
export function checkUnused(fields: readonly string[], shard: Shard): void {
  const field = fields.find((name) => name.toLowerCase() === repeatColumn);
  if (field !== undefined) throw fail('FIELD_TAKEN', { path: showPath(shard.path), field });
}
