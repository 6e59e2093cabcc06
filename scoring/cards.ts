// Reads the cards of parts, checks each against the manifest, and removes those that do not match.

import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, reasonOf, systemCode } from '../run/errors/errors.ts';
import { readRegular } from '../run/regular-file.ts';
import { parseOwnFile } from '../run/issues.ts';
import { addUpUnknown, cardFile, type ListedPart, type Part, type PartCard, partCardSchema } from './part.ts';

/**
 * Yields the parts with their cards from the scores folder. Removes cards that do not match the manifest, so
 * that the next ranking makes their parts again, and reports them at the end. Errors: PARTS_DAMAGED;
 * FILE_UNREADABLE (the card is not removed).
 */
export async function* readCards(scores: string, parts: Iterable<ListedPart>): AsyncGenerator<Part> {
  const problems: string[] = [];
  for (const part of parts) {
    const path = join(scores, cardFile(part.file));
    const card = parseCard(await readCardText(path), part);
    if (typeof card === 'object') yield { ...part, ...card };
    else {
      await rm(path, { force: true });
      problems.push(`${path}: ${card}`);
    }
  }
  if (problems.length > 0) throw fail('PARTS_DAMAGED', { problems });
}

/** Undefined if the file does not exist. */
async function readCardText(path: string): Promise<Buffer | undefined> {
  try {
    return await readRegular(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw fail('FILE_UNREADABLE', { path, reason: reasonOf(error) }, error);
  }
}

/** A part's card, or what is wrong with it. */
function parseCard(
  text: Buffer | undefined,
  { cardSha256, documents, tokens, unknownDocuments = 0, unknownTokens = 0 }: ListedPart,
): PartCard | string {
  if (text === undefined) return 'it is missing';
  if (createHash('sha256').update(text).digest('hex') !== cardSha256)
    return 'its checksum does not match the manifest';
  let value: unknown;
  try {
    value = JSON.parse(text.toString('utf8'));
  } catch {
    return 'it is not JSON';
  }
  const own = parseOwnFile(value, partCardSchema);
  if ('problem' in own) return own.problem;
  let [cardDocuments, cardTokens] = [0, 0];
  for (const [, inBin, tokensInBin] of own.value.histogram) {
    cardDocuments += inBin;
    cardTokens += tokensInBin;
  }
  const unknown = addUpUnknown(own.value.unknown);
  if (cardDocuments !== documents || cardTokens !== tokens)
    return (
      `it has ${cardDocuments} documents and ${cardTokens} tokens, but the manifest lists ` +
      `${documents} and ${tokens}`
    );
  if (unknown.documents !== unknownDocuments || unknown.tokens !== unknownTokens)
    return (
      `it has ${unknown.documents} documents without a score and ${unknown.tokens} tokens, but the ` +
      `manifest lists ${unknownDocuments} and ${unknownTokens}`
    );
  return own.value;
}
