// Saves answers of an audit: each request's in one line, appended with one write and synced.

import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { syncPath } from '../../data/files/commit.ts';
import { fail, writeError } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { type Audit, decisionsFile } from './audit.ts';
import { nameOf, personKey } from './person.ts';
import { type Answered, type Decision, lineEnd, readDecisions } from './decisions.ts';

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
async function endsLine(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat();
  if (size === 0) return true;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] === lineEnd;
}
