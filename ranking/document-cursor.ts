// Cursors of pages of documents.

import { z } from 'zod';
import { count } from '../run/schemas.ts';
import { fail } from '../run/errors/errors.ts';

const cursorSchema = z.strictObject({
  generation: z.string(),
  question: z.string(),
  key: z.string().regex(/^[-+.\de]+$/),
  document: z.string(),
  shard: z.string(),
  row: count,
});
export type CursorKeys = z.output<typeof cursorSchema>;

export function writeCursor(keys: CursorKeys): string {
  return Buffer.from(JSON.stringify(keys)).toString('base64url');
}

export function readCursor(cursor: string, generation: string, question: string): CursorKeys {
  const refused = (): Error =>
    fail('OPTION_INVALID', {
      option: 'cursor',
      got: cursor.slice(0, 60),
      allowed: 'the complete "next" of an answer to the same question',
    });
  let keys: CursorKeys;
  try {
    keys = cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch {
    throw refused();
  }
  if (keys.generation !== generation)
    throw fail('CURSOR_STALE', { got: keys.generation.slice(0, 40), now: generation });
  if (keys.question !== question || Number.isNaN(Number(keys.key))) throw refused();
  return keys;
}
