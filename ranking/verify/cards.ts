// Checks the cards of parts against their checksums, their parts and the ranking.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { openSums } from '../../scoring/sums.ts';
import {
  addUpUnknown,
  cardFile,
  type ListedPart,
  type PartCard,
  partCardSchema,
  scoreBin,
  type Unknown,
} from '../../scoring/part.ts';
import { reasonOf } from '../../run/errors/errors.ts';
import { readRegularSync } from '../../run/regular-file.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';
import { type AddProblem, isAltered, sum } from './problems.ts';

/**
 * Checks every part's card against its checksum and the part, and all cards against the ranking. Returns the
 * documents without a score that the cards count, by the part's file.
 */
export function verifyCards(run: Run, ranking: Ranking, addProblem: AddProblem): Map<string, Unknown> {
  const figures = openSums();
  const unknownOf = new Map<string, Unknown>();
  let allRead = true;
  for (const part of ranking.parts) {
    const card = readCard(join(run.files.scores, cardFile(part.file)), part, addProblem);
    if (card === undefined) {
      allRead = false;
      continue;
    }
    figures.add(card);
    if (card.unknown !== undefined) unknownOf.set(part.file, card.unknown);
    const { histogram, sources, unknown } = card;
    const { documents: unknownDocuments, tokens: unknownTokens } = addUpUnknown(unknown);
    const agrees =
      sum(histogram, ([, documents]) => documents) === part.documents &&
      sum(histogram, ([, , tokens]) => tokens) === part.tokens &&
      sum(sources, ({ documents }) => documents) === part.documents &&
      unknownDocuments === (part.unknownDocuments ?? 0) &&
      unknownTokens === (part.unknownTokens ?? 0) &&
      (part.scores === null ||
        (histogram.at(-1)?.[0] === scoreBin(part.scores[0]) &&
          histogram[0]?.[0] === scoreBin(part.scores[1])));
    if (!agrees) addProblem(`${cardFile(part.file)} does not match the listed totals of its part`);
  }
  if (!allRead) return unknownOf;
  const { histogram, sources, unknown } = figures.result();
  if (JSON.stringify(histogram) !== JSON.stringify(ranking.histogram))
    addProblem('the histogram of ranking.json does not match its parts');
  if (JSON.stringify(sources) !== JSON.stringify(ranking.sources))
    addProblem('the sources of ranking.json do not match its parts');
  if (JSON.stringify(unknown) !== JSON.stringify(ranking.unknown))
    addProblem('the documents without a score in ranking.json do not match its parts');
  return unknownOf;
}

/** The card, if its checksum matches. Read synchronously, as there are many small ones. */
function readCard(path: string, { cardSha256 }: ListedPart, addProblem: AddProblem): PartCard | undefined {
  try {
    const text = readRegularSync(path);
    if (createHash('sha256').update(text).digest('hex') === cardSha256)
      return partCardSchema.parse(JSON.parse(text.toString('utf8')));
    addProblem(`${path} ${isAltered}. Remove it and run "betr rank".`);
  } catch (error) {
    addProblem(`${path} cannot be read (${reasonOf(error)}). Remove it if it exists, and run "betr rank".`);
  }
  return undefined;
}
