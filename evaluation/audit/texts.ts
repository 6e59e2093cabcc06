// The texts of an audit's documents.

import type { BetrError } from '../../run/errors/errors.ts';
import type { ShownText } from '../../ranking/why/shown-text.ts';
import type { TextThread } from '../../ranking/why/text-thread.ts';
import type { Audit, Drawn } from './audit.ts';

/**
 * The beginnings of documents' texts, an error for each that cannot be read. The shards must be as they were
 * when the audit was drawn; a later ranking changes nothing.
 */
export function readAuditTexts(
  texts: TextThread,
  { shards }: Audit,
  documents: readonly Drawn[],
  characters: number,
): Promise<(ShownText | BetrError)[]> {
  return texts.readHeads({ parts: [{ covers: shards }] }, documents, characters);
}
