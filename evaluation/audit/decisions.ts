// The answers of an audit, in one file that only grows. Each line is a JSON list of the answers that were
// saved together, so that a write that was cut off loses all of them or none, and nothing that was confirmed.

import { existsSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { z } from 'zod';
import { syncPath } from '../../data/files/commit.ts';
import { fail, ifThere, readError, writeError } from '../../run/errors/errors.ts';
import { readRegular } from '../../run/regular-file.ts';
import type { Run } from '../../run/run.ts';
import { type Audit, decisionsFile } from './audit.ts';
import { nameOf, personKey } from './person.ts';

export const answers = ['yes', 'no', 'cannot tell'] as const;
export type AnswerWord = (typeof answers)[number];

export const noteLength = 1_000;

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

/** Errors: FILE_UNREADABLE. */
export async function readDecisions(run: Run, audit: Audit): Promise<Decisions> {
  const path = decisionsFile(run, audit);
  const text = await ifThere(readRegular(path, 'utf8')).catch((error: unknown) => {
    throw readError(error, path);
  });
  const all: Decision[] = [];
  let unreadableLines = 0;
  const lines = (text ?? '').split('\n');
  for (const [at, line] of lines.entries()) {
    if (line === '') continue;
    const found = parseLine(line);
    if (found !== undefined) all.push(...found);
    // The last line may be one that is being written.
    else if (at < lines.length - 1) unreadableLines++;
  }
  const last = new Map<string, Decision>();
  for (const decision of all) {
    // Removed first: the order is that of the latest answers.
    const key = `${decision.id} ${personKey(decision.person)}`;
    last.delete(key);
    last.set(key, decision);
  }
  return { all, last: [...last.values()], unreadableLines };
}

function parseLine(line: string): Decision[] | undefined {
  try {
    return z.array(decisionSchema).safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/**
 * Saves a person's answers, all or none; they are on disk when this returns. Leaves out answers that repeat
 * the person's last one, as when a client sends them again because a confirmation was lost. Returns how many
 * were new. Errors: AUDIT_DOCUMENT_UNKNOWN, OPTION_INVALID, FILE_UNREADABLE, DISK_FULL, WRITE_FAILED.
 */
export async function saveAnswers(
  run: Run,
  audit: Audit,
  person: string,
  answered: readonly Answered[],
): Promise<number> {
  const name = nameOf(person);
  const known = new Set(audit.drawn.map(({ id }) => id));
  const unknown = answered.find(({ id }) => !known.has(id));
  if (unknown !== undefined)
    throw fail('AUDIT_DOCUMENT_UNKNOWN', { got: unknown.id.slice(0, 200), audit: audit.id });
  const { last } = await readDecisions(run, audit);
  const own = new Map(
    last
      .filter((decision) => personKey(decision.person) === personKey(name))
      .map((decision) => [decision.id, decision]),
  );
  const fresh = answered.filter(({ id, answer, note }) => {
    const before = own.get(id);
    return before?.answer !== answer || before.note !== note;
  });
  const at = new Date().toISOString();
  const line = fresh.map(({ id, answer, note, scoreShown }): Decision => ({
    at,
    person: name,
    id,
    answer,
    note,
    scoreShown,
    generation: audit.generation,
  }));
  if (line.length > 0) await appendLine(decisionsFile(run, audit), JSON.stringify(line));
  return line.length;
}

const lineEnd = 10;

/**
 * Appends a line with one write, which the system does not mix with those of other processes, and syncs it.
 * Errors: DISK_FULL, WRITE_FAILED.
 */
async function appendLine(path: string, line: string): Promise<void> {
  try {
    const isNew = !existsSync(path);
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, 'a+');
    try {
      const bytes = Buffer.from(`${(await endsLine(file)) ? '' : '\n'}${line}\n`);
      const { bytesWritten } = await file.write(bytes);
      if (bytesWritten < bytes.length) throw fail('DISK_FULL', { path: basename(path) });
      await file.sync();
    } finally {
      await file.close();
    }
    if (isNew) await syncPath(dirname(path));
  } catch (error) {
    throw writeError(error, path);
  }
}

/** Whether a file is empty or ends with a line end; a write that was cut off leaves neither. */
async function endsLine(file: Awaited<ReturnType<typeof open>>): Promise<boolean> {
  const { size } = await file.stat();
  if (size === 0) return true;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] === lineEnd;
}
