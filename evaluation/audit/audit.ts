// An audit: documents of a ranking, drawn at random, for people to judge. Its draw is one sealed file in the
// run folder; the answers are in a file of their own (decisions.ts).

import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { openBoundedCache } from '../../data/files/bounded-cache.ts';
import { commitSealedJson, readSealedJson } from '../../data/files/commit.ts';
import { listFolder } from '../../data/files/files.ts';
import { fail, ifThere, readError } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { readPublished } from '../../ranking/generation.ts';
import { rankingRun } from '../../scoring/scorers/list.ts';

/** A range of scores. */
export const sliceSchema = z.strictObject({
  /** The documents with `from` ≤ score < `to`; null for no limit. */
  from: z.number().nullable(),
  to: z.number().nullable(),
  /** In the ranking. */
  documents: count,
  tokens: count,
  /** Drawn from them. Every document of the slice had the same chance: drawn / documents. */
  drawn: count,
});
export type Slice = z.output<typeof sliceSchema>;

export const drawnSchema = z.strictObject({
  /** The document's name in the page, in tables and in the answers; it reveals nothing about the score. */
  id: z.string(),
  document: z.string(),
  shard: z.string(),
  row: count,
  source: z.string(),
  tokens: count,
  score: z.number(),
  /** Its place in `slices`. */
  slice: count,
  /** Whether two people are to judge it. */
  twice: z.boolean(),
});
export type Drawn = z.output<typeof drawnSchema>;

/** A letter first: a spreadsheet would take some hashes for numbers. */
const auditId = /^a[0-9a-f]{11}$/;

export const auditSchema = z.strictObject({
  id: z.string().regex(auditId),
  drawnAt: z.iso.datetime(),
  question: z.string(),
  scorer: z.string(),
  generation: z.string(),
  seed: count,
  /** Share of the documents that two people are to judge. */
  twice: z.number(),
  documents: count,
  tokens: count,
  /** Best first. */
  slices: z.array(sliceSchema).min(1),
  /** The state of the shards when they were ranked: in another file the rows would be other documents. */
  shards: z.array(z.strictObject({ shard: z.string(), bytes: count, modifiedMs: z.number() })),
  drawn: z.array(drawnSchema).min(1),
});
export type Audit = z.output<typeof auditSchema>;

/** An audit is named after its options. */
const drawCommand = 'betr audit draw (with the same options)';

/** The file of an audit's draw. */
function drawFile(run: Run, id: string): string {
  return join(run.files.audits, `${id}.json`);
}

/** The file of an audit's answers. */
export function decisionsFile(run: Run, { id }: Pick<Audit, 'id'>): string {
  return join(run.files.audits, `${id}.jsonl`);
}

/** Errors: DISK_FULL, WRITE_FAILED. */
export async function saveAudit(run: Run, audit: Audit): Promise<void> {
  await commitSealedJson(drawFile(run, audit.id), audit);
}

interface KnownDraw {
  /** Changes with the file. */
  version: string;
  bytes: number;
  audit: Audit;
}

const knownBytes = 64 << 20;
const known = openBoundedCache<string, KnownDraw>(knownBytes, ({ bytes }) => bytes);

/**
 * A draw, read again only if its file has changed; undefined if there is none. Errors: FILE_DAMAGED,
 * FILE_UNREADABLE.
 */
async function readDraw(run: Run, id: string): Promise<Audit | undefined> {
  const path = drawFile(run, id);
  const found = await ifThere(stat(path)).catch((error: unknown) => {
    throw readError(error, path);
  });
  if (found === undefined) return undefined;
  const version = `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`;
  const before = known.get(path);
  if (before?.version === version) return before.audit;
  const audit = await readSealedJson(path, auditSchema, drawCommand);
  if (audit !== undefined) known.set(path, { version, bytes: found.size, audit });
  return audit;
}

/** All audits of the run, of every ranking; newest first. Errors: FILE_DAMAGED, FILE_UNREADABLE. */
export async function listAudits(run: Run): Promise<Audit[]> {
  const names = await listFolder(run.files.audits).catch((error: unknown) => {
    throw readError(error, run.files.audits);
  });
  const ids = names.map((name) => name.replace(/\.json$/, '')).filter((name) => auditId.test(name));
  const audits = await Promise.all(ids.map((id) => readDraw(run, id)));
  return audits
    .filter((audit) => audit !== undefined)
    .sort((a, b) => (a.drawnAt < b.drawnAt ? 1 : a.drawnAt > b.drawnAt ? -1 : a.id < b.id ? -1 : 1));
}

export interface Chosen {
  /** The audit's id. */
  audit?: string | undefined;
  /** The newest audit of this scorer's ranking. */
  scorer?: string | undefined;
}

/** The audit with an id, or the newest, of a scorer or of all. Errors: AUDIT_MISSING, those of `listAudits`. */
export async function findAudit(run: Run, { audit: id, scorer }: Chosen): Promise<Audit> {
  const known =
    id !== undefined && auditId.test(id)
      ? await readDraw(run, id)
      : (await listAudits(run)).find(
          (audit) => id === undefined && (scorer === undefined || audit.scorer === scorer),
        );
  if (known === undefined) throw fail('AUDIT_MISSING', { got: (id ?? scorer ?? '').slice(0, 200) });
  return known;
}

/** Whether the scorer's ranking is another generation than the one that the audit was drawn from, or gone. */
export async function isSuperseded(run: Run, { scorer, generation }: Audit): Promise<boolean> {
  return (await readPublished(rankingRun(run, scorer)))?.generation !== generation;
}

/** A number from 0 to 1 that depends on the texts only: for orders that are random and can be repeated. */
export function chanceOf(...texts: readonly (string | number)[]): number {
  return createHash('sha256').update(texts.join('\n')).digest().readUIntBE(0, 6) / 2 ** 48;
}
