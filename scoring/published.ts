// run/manifest/: which parts are published. Every worker appends to its own file, so that no two machines
// write to the same one; publishing a ranking merges them into one file. A part counts once its line is
// there. If two workers scored the same chunk, the part counts once.

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { commitBytes } from '../data/files/commit.ts';
import { appendToManifest, manifestLine, readManifest } from '../data/files/manifest.ts';
import { fail, reasonOf, systemCode } from '../run/errors/errors.ts';
import { listFolder } from '../data/files/files.ts';
import { readRegular } from '../run/regular-file.ts';
import { parseOwnFile } from '../run/issues.ts';
import type { Run } from '../run/run.ts';
import {
  addUpUnknown,
  cardFile,
  chunkOf,
  type ListedPart,
  listedPartSchema,
  type Part,
  type PartCard,
  partCardSchema,
  partFile,
} from './part.ts';
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

function stateOf(path: string): Promise<string> {
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

/**
 * Merges all manifests into one that lists the parts for which `isWanted` holds. Writes nothing if that is
 * already so. Manifests that a worker appends to in the meantime stay. Errors: DISK_FULL, WRITE_FAILED.
 */
export async function foldManifests(run: Run, isWanted: (part: ListedPart) => boolean): Promise<void> {
  const asRead = new Map<string, string>();
  const { byChunk } = await readPublishedParts(run, asRead);
  const path = join(run.files.manifest, foldedManifest);
  const text = [...byChunk.values()].flat().filter(isWanted).map(manifestLine).join('');
  if ((await readRegular(path, 'utf8').catch(() => '')) !== text) await commitBytes(path, text);
  for (const [other, state] of asRead)
    if (other !== path && (await stateOf(other)) === state) await rm(other, { force: true });
}

/**
 * The parts in the merged manifest, including those of earlier generations.
 */
export async function readFolded(run: Run): Promise<ListedPart[]> {
  return (await readManifest(join(run.files.manifest, foldedManifest), listedPartSchema)).values;
}

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
