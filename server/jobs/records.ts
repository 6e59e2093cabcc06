// Jobs on disk: run/jobs/ID.json is the record, ID.out the output of the command, ID.err its progress lines
// and messages. The command writes its files itself: it goes on when the server ends, and the next server
// reads them.

import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { commitJson, readJson } from '../../data/files/commit.ts';
import { BetrError, ifThere } from '../../run/errors/errors.ts';
import { listFolder } from '../../data/files/files.ts';
import {
  type MeasuredProgress,
  measuredProgressSchema,
  type ProgressLine,
  progressLineSchema,
} from '../../run/progress.ts';
import { openRegular, readRegular } from '../../run/regular-file.ts';
import type { Run } from '../../run/run.ts';
import { hidePaths } from '../../data/files/hide-paths.ts';

export const jobKinds = ['index', 'train', 'rank', 'run'] as const;
export const jobStates = [
  'waiting',
  'running',
  'cancelling',
  'done',
  'failed',
  'cancelled',
  'interrupted',
] as const;
export type JobState = (typeof jobStates)[number];

const problemSchema = z.strictObject({ code: z.string(), detail: z.string() });

export const recordSchema = z.strictObject({
  id: z.string().regex(/^[\w-]+$/),
  kind: z.enum(jobKinds),
  /** interrupted: its process ended while no server was watching. */
  state: z.enum(jobStates),
  createdAt: z.iso.datetime(),
  startedAt: z.iso.datetime().nullable(),
  endedAt: z.iso.datetime().nullable(),
  /** Why the job failed or was interrupted. */
  problem: problemSchema.nullable(),
  /** The running process: its id, and an identity that no other process has. */
  process: z.strictObject({ pid: z.number().int(), identity: z.string() }).nullable(),
});
export type JobRecord = z.output<typeof recordSchema>;

/** A job as the routes report it. */
export const jobSchema = recordSchema.omit({ process: true }).extend({
  /** The latest progress; null before the first. */
  progress: measuredProgressSchema.nullable(),
  /** The output of the command (as with --json); null until it is done. */
  result: z.unknown(),
});
export type Job = z.output<typeof jobSchema>;

export interface JobFiles {
  record: string;
  out: string;
  err: string;
}

export function jobFiles(run: Run, id: string): JobFiles {
  const at = (ending: string): string => join(run.files.jobs, `${id}.${ending}`);
  return { record: at('json'), out: at('out'), err: at('err') };
}

/** All records, oldest first; damaged ones are renamed to FILE.damaged. */
export async function readRecords(run: Run): Promise<JobRecord[]> {
  const folder = run.files.jobs;
  const records: JobRecord[] = [];
  for (const name of (await listFolder(folder)).filter((file) => file.endsWith('.json')).sort()) {
    try {
      const record = await readJson(join(folder, name), recordSchema, 'betr serve');
      if (record !== undefined && `${record.id}.json` === name) records.push(record);
    } catch (error) {
      if (!(error instanceof BetrError && error.code === 'FILE_DAMAGED')) throw error;
      await rename(join(folder, name), join(folder, `${name}.damaged`));
    }
  }
  return records.sort((a, b) =>
    a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : a.id < b.id ? -1 : 1,
  );
}

/** Errors: DISK_FULL, WRITE_FAILED. */
export async function writeRecord(run: Run, record: JobRecord): Promise<void> {
  await commitJson(jobFiles(run, record.id).record, record);
}

export async function removeJob(run: Run, id: string): Promise<void> {
  const { record, out, err } = jobFiles(run, id);
  for (const path of [record, out, err]) await rm(path, { force: true });
}

const errorOutputSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** The output of a command that has ended: its result, or its error; undefined if it printed neither. */
export async function readOutcome(
  run: Run,
  id: string,
): Promise<{ result: unknown } | { problem: z.output<typeof problemSchema> } | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(await readRegular(jobFiles(run, id).out, 'utf8'));
  } catch {
    return undefined;
  }
  const failed = errorOutputSchema.safeParse(value).data;
  return failed === undefined
    ? { result: value }
    : { problem: { code: failed.error.code, detail: failed.error.message } };
}

/** A line of progress; undefined for anything else that a command writes to standard error. */
export function parseProgressLine(line: string): ProgressLine | undefined {
  try {
    return progressLineSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** The process that a job's command reported as its own; null before it did. */
export async function readProcess(run: Run, id: string): Promise<JobRecord['process']> {
  const line = parseProgressLine((await readPiece(jobFiles(run, id).err, 0)).split('\n')[0] ?? '');
  return line !== undefined && 'process' in line ? line.process : null;
}

/** The latest progress; null if there is none. */
export async function readProgress(run: Run, id: string): Promise<MeasuredProgress | null> {
  const lines = (await readPiece(jobFiles(run, id).err, -1)).split('\n').reverse();
  for (const text of lines) {
    const line = parseProgressLine(text);
    if (line !== undefined && 'progress' in line) return line.progress;
  }
  return null;
}

/** Progress without the paths of this machine. */
export function hideInProgress<P extends MeasuredProgress | null>(run: Run, progress: P): P {
  return progress && { ...progress, stage: hidePaths(run, progress.stage) };
}

const pieceBytes = 8192;

/** The beginning of a file, or (-1) its end; '' if there is none. */
async function readPiece(path: string, from: 0 | -1): Promise<string> {
  const file = await ifThere(openRegular(path));
  if (file === undefined) return '';
  try {
    const start = from === 0 ? 0 : Math.max(0, (await file.stat()).size - pieceBytes);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(pieceBytes), 0, pieceBytes, start);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
