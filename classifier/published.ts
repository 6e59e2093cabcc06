// run/manifest/: which parts are published. Every worker adds lines to a file of its own, so that no two machines write into one; publishing a ranking
// folds them into one file. A part counts once its line is there; the same part twice, from two workers on one chunk, is one part.

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { commitBytes, sha256File } from '../data/commit.ts';
import { appendToManifest, manifestLine, type ManifestRead, readManifest } from '../data/manifest.ts';
import { fail } from '../data/errors.ts';
import { listFolder } from '../data/files.ts';
import type { Run } from '../data/run.ts';
import { cardFile, chunkOf, type ListedPart, listedPartSchema, type Part, partCardSchema, partFile } from './part.ts';

/** The file that all lines end in. */
export const foldedManifest = 'published.jsonl';

export interface PublishedParts {
  /** The parts of each chunk, in order, from the first to the last before a gap. */
  byChunk: ReadonlyMap<string, readonly ListedPart[]>;
  /** What is wrong with the manifest, for people. */
  problems: string[];
}

/** What was read before, by the manifest's name and state. */
export type ManifestCache = Map<string, { state: string; read: ManifestRead<ListedPart> }>;

/** Reads every manifest of the run; those that are in the `cache` and as they were, from there. Errors: FILE_UNREADABLE. */
export async function readPublishedParts(run: Run, cache: ManifestCache = new Map()): Promise<PublishedParts> {
  const byFile = new Map<string, ListedPart>();
  const problems: string[] = [];
  for (const name of await listManifests(run)) {
    const path = join(run.files.manifest, name);
    const { values, damagedLines, torn } = await readThroughCache(cache, path);
    for (const line of damagedLines) problems.push(`${path}: line ${line} is not what was written`);
    if (torn && name === foldedManifest) problems.push(`${path}: its last line is cut short`);
    for (const part of values) await take(run, byFile, part);
  }
  return { byChunk: groupByChunk(byFile), problems };
}

async function readThroughCache(cache: ManifestCache, path: string): Promise<ManifestRead<ListedPart>> {
  const state = await stateOf(path);
  const known = cache.get(path);
  if (known?.state === state) return known.read;
  const read = await readManifest(path, listedPartSchema);
  cache.set(path, { state, read });
  return read;
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
  return (await listFolder(run.files.manifest)).filter((name) => name.endsWith('.jsonl')).sort();
}

function groupByChunk(byFile: ReadonlyMap<string, ListedPart>): Map<string, ListedPart[]> {
  const byChunk = new Map<string, ListedPart[]>();
  for (const file of [...byFile.keys()].sort()) {
    const chunk = chunkOf(file) ?? '';
    const parts = byChunk.get(chunk) ?? [];
    const part = byFile.get(file);
    if (part === undefined || file !== partFile(chunk, parts.length)) continue;
    parts.push(part);
    byChunk.set(chunk, parts);
  }
  return byChunk;
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
  const asRead: ManifestCache = new Map();
  const { byChunk } = await readPublishedParts(run, asRead);
  const path = join(run.files.manifest, foldedManifest);
  const text = [...byChunk.values()].flat().filter(isWanted).map(manifestLine).join('');
  if ((await readFile(path, 'utf8').catch(() => '')) !== text) await commitBytes(path, text);
  for (const [other, { state }] of asRead) if (other !== path && (await stateOf(other)) === state) await rm(other, { force: true });
}

/** The parts that all lines were folded into last, those of a generation that is not the published one any more included. */
export async function readFolded(run: Run): Promise<ListedPart[]> {
  return (await readManifest(join(run.files.manifest, foldedManifest), listedPartSchema)).values;
}

/** The parts with their cards, one by one. Errors: FILE_DAMAGED; a card that is not what was written is removed, so that the next ranking makes its part again. */
export async function* readCards(run: Run, parts: Iterable<ListedPart>): AsyncGenerator<Part> {
  for (const part of parts) {
    const path = join(run.files.scores, cardFile(part.file));
    const text = await readFile(path).catch(() => Buffer.alloc(0));
    if (createHash('sha256').update(text).digest('hex') !== part.cardSha256) {
      await rm(path, { force: true });
      throw fail('FILE_DAMAGED', { path, reason: 'its checksum is another one than was listed', command: 'betr rank' });
    }
    yield { ...part, ...partCardSchema.parse(JSON.parse(text.toString('utf8'))) };
  }
}
