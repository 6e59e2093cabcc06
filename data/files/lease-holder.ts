// The holder of a lease, as its file names it.

import { hostname } from 'node:os';
import { z } from 'zod';
import { ifThere, readError } from '../../run/errors/errors.ts';
import { isProcessGone, readProcessSpace } from './process.ts';
import { readRegular } from '../../run/regular-file.ts';

const holderSchema = z.object({
  pid: z.number().int(),
  host: z.string(),
  space: z.string().default(''),
  process: z.string(),
  since: z.string(),
});
export type Holder = z.output<typeof holderSchema>;

/**
 * The holder of the lease at `path`, and the lease's text, which changes with every beat; undefined if there
 * is no lease or it cannot be parsed.
 */
export async function readHolder(path: string): Promise<(Holder & { text: string }) | undefined> {
  const text = (await readLease(path)) ?? '';
  const holder = parseHolder(text);
  return holder && { ...holder, text };
}

/** The holder of the lease at `path` if it may be alive; otherwise undefined. */
export async function readLiveHolder(path: string): Promise<Holder | undefined> {
  const holder = await readHolder(path);
  return isGone(holder) ? undefined : holder;
}

export function parseHolder(text: string): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text.slice(text.indexOf('{'))));
  } catch {
    return undefined;
  }
}

/** Whether the holder's process is visible from this process. */
export function isNear({ host, space }: Holder): boolean {
  return host === hostname() && space === readProcessSpace();
}

/** Whether the holder was a process on this machine that has ended; its id may have been reused. */
export function isGone(holder: Holder | undefined): boolean {
  return holder !== undefined && isNear(holder) && isProcessGone(holder.pid, holder.process);
}

/** The text of a lease; undefined if there is none. Errors: FILE_UNREADABLE. */
export async function readLease(path: string): Promise<string | undefined> {
  try {
    return await ifThere(readRegular(path, 'utf8'));
  } catch (error) {
    throw readError(error, path);
  }
}
