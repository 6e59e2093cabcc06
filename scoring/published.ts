// run/manifest/: which parts are published. Every worker appends to its own file, so that no two machines
// write to the same one; publishing a ranking merges them into one file. A part counts once its line is
// there. If two workers scored the same chunk, the part counts once.

import { randomBytes } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { appendToManifest, readManifest } from '../data/files/manifest.ts';
import { fail } from '../run/errors/errors.ts';
import { listFolder } from '../data/files/files.ts';
import { parseOwnFile } from '../run/issues.ts';
import type { Run } from '../run/run.ts';
import { chunkOf, type ListedPart, listedPartSchema, partFile } from './part.ts';
import { sha256File } from '../data/files/hash-files.ts';

/** The merged manifest. */
export const foldedManifest = 'published.jsonl';

export interface PublishedParts {
  /** The parts of each chunk, in order, up to the first gap. */
  byChunk: ReadonlyMap<string, readonly ListedPart[]>;
  /** Problems of the manifests, for users. */
  problems: string[];
}

/** Reads every manifest of the run; `asRead` gets the state of each when read. Errors: FILE_UNREADABLE. */
export async function readPublishedParts(
  run: Run,
  asRead = new Map<string, string>(),
): Promise<PublishedParts> {
  const byFile = new Map<string, ListedPart>();
  const problems: string[] = [];
  for (const path of await listManifests(run)) {
    asRead.set(path, await stateOf(path));
    const { values, lines, damaged, torn } = await readManifest(path, listedPartSchema);
    for (const { line, reason } of damaged) problems.push(`${path}: line ${line} ${reason}`);
    if (basename(path) === foldedManifest) {
      if (torn) problems.push(`${path}: its last line is truncated`);
      problems.push(...findMisplaced(values, lines).map((problem) => `${path}: ${problem}`));
    }
    for (const part of values) await take(run, byFile, part);
  }
  return {
    byChunk: new Map(
      [...new Set([...byFile.keys()].sort().map(chunkOf))].map((chunk = '') => [
        chunk,
        listParts(byFile, chunk),
      ]),
    ),
    problems,
  };
}

/**
 * The merged manifest has one line per part, sorted by file. A worker may list a part twice if it lost the
 * chunk and took it again.
 */
function findMisplaced(parts: readonly ListedPart[], lines: readonly number[]): string[] {
  const lineOf = new Map<string, number>();
  let last = '';
  return parts.flatMap(({ file }, index) => {
    const line = lines[index] ?? 0;
    const first = lineOf.get(file);
    if (first !== undefined) return [`line ${line} lists ${file} again, after line ${first}`];
    lineOf.set(file, line);
    const isMisplaced = file < last;
    last = file;
    return isMisplaced ? [`line ${line} lists ${file} out of order`] : [];
  });
}

/** The published parts, for a process that checks again and again while others add to them. */
export interface PublishedFollower {
  partsOf(chunk: string): readonly ListedPart[];
  /** Reads new lines. Errors: FILE_UNREADABLE. */
  refresh(): Promise<void>;
}

interface FileState {
  ino: number;
  size: number;
  mtimeMs: number;
}

/**
 * Follows the manifests of the run. Reads only new lines, because many workers append and check often.
 */
export function followPublished(run: Run): PublishedFollower {
  const byFile = new Map<string, ListedPart>();
  const seen = new Map<string, FileState & { end: number }>();
  const isAnother = (path: string, now: FileState | undefined): boolean => {
    const { ino, mtimeMs, end } = seen.get(path) ?? { ino: 0, mtimeMs: 0, end: 0 };
    // Nobody appends to the merged one, but a new one may reuse the inode of an earlier file.
    return (
      now === undefined ||
      now.ino !== ino ||
      now.size < end ||
      (basename(path) === foldedManifest && now.mtimeMs !== mtimeMs)
    );
  };
  return {
    partsOf: (chunk) => listParts(byFile, chunk),
    async refresh() {
      const found = new Map<string, FileState>();
      for (const path of await listManifests(run)) {
        const state = await stat(path).catch(() => undefined);
        if (state !== undefined) found.set(path, state);
      }
      // Manifests were merged: read everything again.
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

export function stateOf(path: string): Promise<string> {
  return stat(path).then(
    ({ ino, size, mtimeMs }) => `${ino} ${size} ${mtimeMs}`,
    () => 'gone',
  );
}

/**
 * Two versions of betr on the same chunk may list the same file with different checksums. The file decides
 * which line is right.
 */
async function take(run: Run, byFile: Map<string, ListedPart>, part: ListedPart): Promise<void> {
  const known = byFile.get(part.file);
  if (known === undefined || known.sha256 === part.sha256) byFile.set(part.file, part);
  else if ((await sha256File(join(run.files.scores, part.file)).catch(() => '')) === part.sha256)
    byFile.set(part.file, part);
}

async function listManifests(run: Run): Promise<string[]> {
  return (await listFolder(run.files.manifest))
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .map((name) => join(run.files.manifest, name));
}

/** The parts of a chunk, in order, up to the first gap. */
function listParts(byFile: ReadonlyMap<string, ListedPart>, chunk: string): ListedPart[] {
  const parts: ListedPart[] = [];
  for (
    let part = byFile.get(partFile(chunk, 0));
    part !== undefined;
    part = byFile.get(partFile(chunk, parts.length))
  )
    parts.push(part);
  return parts;
}

/** Whether these are all the parts of a chunk. */
export function isWhole(parts: readonly ListedPart[] | undefined): parts is readonly ListedPart[] {
  return parts !== undefined && parts.at(-1)?.ends !== 'part' && parts.length > 0;
}

/** Opens a new manifest for this process; the returned function publishes a part in it. */
export function openOwnManifest(run: Run): (part: ListedPart) => Promise<void> {
  const path = join(
    run.files.manifest,
    `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}.jsonl`,
  );
  return async (part) => {
    // A line that no reader accepts would leave its chunk unpublished forever.
    const own = parseOwnFile(part, listedPartSchema);
    if ('problem' in own)
      throw fail('INTERNAL', {
        reason: `${join(run.files.scores, part.file)} cannot be listed: ${own.problem}`,
      });
    await mkdir(run.files.manifest, { recursive: true });
    await appendToManifest(path, part);
  };
}
