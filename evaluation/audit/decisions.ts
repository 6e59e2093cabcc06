// The answers of an audit, in one file that only grows. Each line is a JSON list of the answers that were
// saved together, so that a write that was cut off loses all of them or none, and nothing that was confirmed.

import type { FileHandle } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { openBoundedCache } from '../../data/files/bounded-cache.ts';
import { ifThere, readError } from '../../run/errors/errors.ts';
import { openRegular } from '../../run/regular-file.ts';
import type { Run } from '../../run/run.ts';
import { type Audit, decisionsFile } from './audit.ts';
import { personKey } from './person.ts';

export const answers = ['yes', 'no', 'cannot tell'] as const;
export type AnswerWord = (typeof answers)[number];

export const noteLength = 1_000;

export const lineEnd = 10;

export const decisionSchema = z.strictObject({
  at: z.iso.datetime(),
  person: z.string(),
  /** The document's id in the draw. */
  id: z.string(),
  answer: z.enum(answers),
  note: z.string(),
  /** Whether the person had looked at the score. */
  scoreShown: z.boolean(),
  /** The generation of the ranking that the document was drawn from. */
  generation: z.string(),
});
export type Decision = z.output<typeof decisionSchema>;

/** An answer before it is saved. */
export type Answered = Pick<Decision, 'id' | 'answer' | 'note' | 'scoreShown'>;

export interface Decisions {
  /** All that were ever made, in the order of saving. */
  all: Decision[];
  /** Each person's last answer to each document. */
  last: Decision[];
  /** Lines that cannot be read: of writes that were cut off, or damaged later. */
  unreadableLines: number;
}

/** What is known of a file of answers. */
interface Known {
  inode: number;
  /** Bytes of complete lines. */
  read: number;
  /** The last of them. */
  tail: Buffer;
  all: Decision[];
  last: Map<string, Decision>;
  unreadableLines: number;
}

const knownBytes = 64 << 20;
const tailBytes = 256;
const known = openBoundedCache<string, Known>(knownBytes, ({ read }) => read);
/** Of each file, the reading that was begun last. */
const reading = new Map<string, Promise<unknown>>();

/**
 * Reads only what was added to the file since the last time, and lets other work run meanwhile: a server asks
 * for the answers with each request. Errors: FILE_UNREADABLE.
 */
export async function readDecisions(run: Run, audit: Audit): Promise<Decisions> {
  const path = decisionsFile(run, audit);
  // One after the other, so that no line is added twice.
  const found = (reading.get(path) ?? Promise.resolve()).then(() => readNew(path));
  const settled = found.catch(() => undefined);
  reading.set(path, settled);
  try {
    return await found;
  } catch (error) {
    throw readError(error, path);
  } finally {
    if (reading.get(path) === settled) reading.delete(path);
  }
}

async function readNew(path: string): Promise<Decisions> {
  const file = await ifThere(openRegular(path));
  if (file === undefined) return { all: [], last: [], unreadableLines: 0 };
  try {
    const state = await continueFrom(known.get(path), file);
    const { size } = await file.stat();
    const added = Buffer.alloc(Math.max(0, size - state.read));
    const { bytesRead } = await file.read(added, 0, added.length, state.read);
    const end = added.subarray(0, bytesRead).lastIndexOf(lineEnd) + 1;
    // Until it is complete, nobody else may take it for what the file holds.
    known.delete(path);
    await addLines(state, added.subarray(0, end));
    known.set(path, state);
    // A last line without its end may be one that is being written.
    const rest = parseLine(added.toString('utf8', end, bytesRead));
    const whole = rest === undefined ? state : { ...state, all: [...state.all], last: new Map(state.last) };
    if (rest !== undefined) addDecisions(whole, rest);
    return { all: [...whole.all], last: [...whole.last.values()], unreadableLines: whole.unreadableLines };
  } finally {
    await file.close();
  }
}

/** The state to go on from: a new one if the file is not the one that was read, with more lines. */
async function continueFrom(state: Known | undefined, file: FileHandle): Promise<Known> {
  const { ino: inode } = await file.stat();
  if (state?.inode === inode) {
    const tail = Buffer.alloc(state.tail.length);
    await file.read(tail, 0, tail.length, state.read - tail.length);
    if (tail.equals(state.tail)) return state;
  }
  return { inode, read: 0, tail: Buffer.alloc(0), all: [], last: new Map(), unreadableLines: 0 };
}

const turnMs = 3;

async function addLines(state: Known, bytes: Buffer): Promise<void> {
  let turn = performance.now();
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(lineEnd, from);
    const line = bytes.toString('utf8', from, end);
    from = end + 1;
    const found = line === '' ? [] : parseLine(line);
    if (found === undefined) state.unreadableLines++;
    else addDecisions(state, found);
    if (performance.now() - turn < turnMs) continue;
    await setImmediate();
    turn = performance.now();
  }
  state.read += bytes.length;
  state.tail = Buffer.from(Buffer.concat([state.tail, bytes.subarray(-tailBytes)]).subarray(-tailBytes));
}

function addDecisions({ all, last }: Pick<Known, 'all' | 'last'>, found: readonly Decision[]): void {
  for (const decision of found) {
    all.push(decision);
    // Removed first: the order is that of the latest answers.
    const key = `${decision.id} ${personKey(decision.person)}`;
    last.delete(key);
    last.set(key, decision);
  }
}

function parseLine(line: string): Decision[] | undefined {
  try {
    return z.array(decisionSchema).safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
