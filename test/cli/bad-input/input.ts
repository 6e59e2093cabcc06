// How a case of bad input is written down.

import { makeDocuments } from '../project.ts';

export const documents = makeDocuments(60);

/** Makes a working project invalid. */
export type Damage = (folder: string, endpoint: string) => Promise<void>;

/** What is wrong, how to make it so, and how `betr index` then fails: exit code, error code and sentence. */
export type BadInput = readonly [what: string, damage: Damage, exit: number, code: string, sentence: RegExp];
