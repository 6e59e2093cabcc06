// run/manifest/: which parts are published. Every worker adds lines to a file of its own, so that no two machines write into one; publishing a ranking
// folds them into one file. A part counts once its line is there; the same part twice, from two workers on one chunk, is one part.

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { commitBytes } from '../data/files/commit.ts';
import { appendToManifest, manifestLine, readManifest } from '../data/files/manifest.ts';
import { fail } from '../run/errors/errors.ts';
import { listFolder } from '../data/files/files.ts';
import type { Run } from '../run/run.ts';
import { cardFile, chunkOf, type ListedPart, listedPartSchema, type Part, partCardSchema, partFile } from './part.ts';
import { sha256File } from '../data/files/hash-files.ts';

/** The file that all lines end in. */
export const foldedManifest = 'published.jsonl';

export interface PublishedParts {
  /** The parts of each chunk, in order, from the first to the last before a gap. */
  byChunk: ReadonlyMap<string, readonly ListedPart[]>;
  /** What is wrong with the manifest, for people. */
  problems: string[];
}

/** Reads every manifest of the run; `asRead` is told the state that each was in. Errors: FILE_UNREADABLE. */
export async function readPublishedParts(run: Run, asRead = new Map<string, string>()): Promise<PublishedParts> {
  const byFile = new Map<string, ListedPart>();
  const problems: string[] = [];
  for (const path of await listManifests(run)) {
    asRead.set(path, await stateOf(path));
    const { values, damagedLines, torn } = await readManifest(path, listedPartSchema);
    for (const line of damagedLines) problems.push(`${path}: line ${line} is not what was written`);
    if (torn && basename(path) === foldedManifest) problems.push(`${path}: its last line is cut short`);
    for (const part of values) await take(run, byFile, part);
  }
  return { byChunk: new Map([...new Set([...byFile.keys()].sort().map(chunkOf))].map((chunk = '') => [chunk, listParts(byFile, chunk)])), problems };
}

/** The parts that are published, for who asks again and again while others add to them. */
export interface PublishedFollower {
  partsOf(chunk: string): readonly ListedPart[];
  /** Reads what was added since. Errors: FILE_UNREADABLE. */
  refresh(): Promise<void>;
}

interface FileState {
  ino: number;
  size: number;
  mtimeMs: number;
}

/** Follows the manifests of the run: of each only what is new is read, as many workers add to them and look often. */
export function followPublished(run: Run): PublishedFollower {
  const byFile = new Map<string, ListedPart>();
  const seen = new Map<string, FileState & { end: number }>();
  const isAnother = (path: string, now: FileState | undefined): boolean => {
    const { ino, mtimeMs, end } = seen.get(path) ?? { ino: 0, mtimeMs: 0, end: 0 };
    // Nobody adds to the folded one, which may get the number of an earlier one.
    return now === undefined || now.ino !== ino || now.size < end || (basename(path) === foldedManifest && now.mtimeMs !== mtimeMs);
  };
  return {
    partsOf: (chunk) => listParts(byFile, chunk),
    async refresh() {
      const found = new Map<string, FileState>();
      for (const path of await listManifests(run)) {
        const state = await stat(path).catch(() => undefined);
        if (state !== undefined) found.set(path, state);
      }
      // They were folded into one: everything is read anew.
      if ([...seen.keys()].some((path) => isAnother(path, found.get(path)))) {
        seen.clear();
        byFile.clear();
      }
      for (const [path, { ino, size, mtimeMs }] of found) {
        const from = seen.get(path)?.end ?? 0;
        if (size === from) continue;
        const { values, end } = await readManifest(path, listedPartSchema, from);
        for (const part of values) await take(run, byFile, part);
        seen.set(path, { ino, size, mtimeMs, end });
      }
    },
  };
}

function stateOf(path: string): Promise<string> {
  return stat(path).then(({ ino, size, mtimeMs }) => `${ino} ${size} ${mtimeMs}`, () => 'gone');
}

/** Two lines that differ for one file can come from two versions of the product at work on one chunk; the file says which is right. */
async function take(run: Run, byFile: Map<string, ListedPart>, part: ListedPart): Promise<void> {
  const known = byFile.get(part.file);
  if (known === undefined || known.sha256 === part.sha256) byFile.set(part.file, part);
  else if ((await sha256File(join(run.files.scores, part.file)).catch(() => '')) === part.sha256) byFile.set(part.file, part);
}

async function listManifests(run: Run): Promise<string[]> {
  return (await listFolder(run.files.manifest)).filter((name) => name.endsWith('.jsonl')).sort().map((name) => join(run.files.manifest, name));
}

/** The parts of a chunk, in order, from the first to the last before a gap. */
function listParts(byFile: ReadonlyMap<string, ListedPart>, chunk: string): ListedPart[] {
  const parts: ListedPart[] = [];
  for (let part = byFile.get(partFile(chunk, 0)); part !== undefined; part = byFile.get(partFile(chunk, parts.length))) parts.push(part);
  return parts;
}

/** Whether these are all parts of a chunk. */
export function isWhole(parts: readonly ListedPart[] | undefined): parts is readonly ListedPart[] {
  return parts !== undefined && parts.at(-1)?.ends !== 'part' && parts.length > 0;
}

/** The manifest that this process adds to. */
export function openOwnManifest(run: Run): (part: ListedPart) => Promise<void> {
  const path = join(run.files.manifest, `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}.jsonl`);
  return async (part) => {
    await mkdir(run.files.manifest, { recursive: true });
    await appendToManifest(path, part);
  };
}

/**
 * Folds all manifests into one that lists the parts that are wanted. Writes nothing where that is so already; a manifest that a worker adds to meanwhile stays.
 * Errors: DISK_FULL, WRITE_FAILED.
 */
export async function foldManifests(run: Run, isWanted: (part: ListedPart) => boolean): Promise<void> {
  const asRead = new Map<string, string>();
  const { byChunk } = await readPublishedParts(run, asRead);
  const path = join(run.files.manifest, foldedManifest);
  const text = [...byChunk.values()].flat().filter(isWanted).map(manifestLine).join('');
  if ((await readFile(path, 'utf8').catch(() => '')) !== text) await commitBytes(path, text);
  for (const [other, state] of asRead) if (other !== path && (await stateOf(other)) === state) await rm(other, { force: true });
}

/** The parts that all lines were folded into last, those of a generation that is not the published one any more included. */
export async function readFolded(run: Run): Promise<ListedPart[]> {
  return (await readManifest(join(run.files.manifest, foldedManifest), listedPartSchema)).values;
}

/** The parts with their cards from the folder of scores, one by one. Errors: FILE_DAMAGED; a card that is not what was written is removed, so that the next ranking makes its part again. */
export async function* readCards(scores: string, parts: Iterable<ListedPart>): AsyncGenerator<Part> {
  for (const part of parts) {
    const path = join(scores, cardFile(part.file));
    const text = await readFile(path).catch(() => Buffer.alloc(0));
    if (createHash('sha256').update(text).digest('hex') !== part.cardSha256) {
      await rm(path, { force: true });
      throw fail('FILE_DAMAGED', { path, reason: 'its checksum is another one than was listed', command: 'betr rank' });
    }
    yield { ...part, ...partCardSchema.parse(JSON.parse(text.toString('utf8'))) };
  }
}
