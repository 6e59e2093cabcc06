// Copies of a ranked run, for tests that damage its parts.

import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { cardFile, type ListedPart, listedPartSchema } from '../../../scoring/part.ts';
import { foldedManifest } from '../../../scoring/published.ts';
import { manifestLine, readManifest } from '../../../data/files/manifest.ts';
import { silent } from '../../../run/progress.ts';
import { openRun, type Run } from '../../../run/run.ts';
import { rankCorpus } from '../../../ranking/rank.ts';
import { makeCorpus, makeTrainedRun } from '../../classifier/trained-run.ts';
import { withFolder } from '../../data/collect.ts';

let whole: string;

/** Makes a ranked run, of which each test of the file gets a copy. */
export function shareRankedRun(): void {
  beforeAll(async () => {
    whole = await mkdtemp(join(tmpdir(), 'betr-parts-'));
    await makeCorpus(whole);
    await rankCorpus(await makeTrainedRun(whole, { chunkMegabytes: 0.025 }), silent);
  });
  afterAll(() => rm(whole, { recursive: true }));
}

export interface Ranked {
  folder: string;
  run: Run;
  manifest: string;
  parts: ListedPart[];
  /** A part with bad rows, the last of its chunk. */
  part: ListedPart;
}

/** Gives a test its copy of the ranked run. */
export async function withRanked(use: (ranked: Ranked) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await cp(whole, folder, { recursive: true, preserveTimestamps: true });
    const run = await openRun(join(folder, 'betr.yaml'));
    const manifest = join(run.files.manifest, foldedManifest);
    const parts = (await readManifest(manifest, listedPartSchema)).values;
    const part = parts.find(({ quarantined, ends }) => quarantined > 0 && ends === 'chunk');
    if (part === undefined) throw new Error('no part has bad rows');
    await use({ folder, run, manifest, parts, part });
  });
}

/** The path of the scores. */
export const scoresOf = ({ run, part }: Ranked): string => join(run.files.scores, part.file);
/** The path of the card. */
export const cardOf = ({ run, part }: Ranked): string => join(run.files.scores, cardFile(part.file));

/** Lists the part differently, with a correct checksum. */
export async function relist({ manifest, parts, part }: Ranked, change: object): Promise<void> {
  await writeFile(
    manifest,
    parts.map((one) => manifestLine(one === part ? { ...one, ...change } : one)).join(''),
  );
}

/** All output of a command. */
export const said = ({ stdout, stderr }: { stdout: string; stderr: string }): string =>
  `${stdout}\n${stderr}`;
