// events.jsonl: what the worker says while it works on a job, one JSON object a line. Lines are only ever appended,
// so a reader remembers where it stopped.

import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { ifThere } from '../../run/errors/errors.ts';
import { openRegular } from '../../run/regular-file.ts';

export const eventsFile = 'events.jsonl';

const number = z.number().optional();

/** What applies to an event is there; other workers may say more. */
export const trainingEventSchema = z.object({
  /** ISO 8601. */
  at: z.string(),
  event: z.enum(['start', 'progress', 'reading', 'checkpoint', 'warning', 'stopped', 'failed', 'done']),
  step: number,
  steps: number,
  tokens: number,
  loss: number,
  learningRate: number,
  tokensPerSecond: number,
  flops: number,
  secondsLeft: number,
  /** The worker's code of a failure. */
  code: z.string().optional(),
  message: z.string().optional(),
  values: z.record(z.string(), z.unknown()).optional(),
});
export type TrainingEvent = z.output<typeof trainingEventSchema>;

export interface EventsRead {
  events: TrainingEvent[];
  /** Where the next read begins, in bytes. */
  next: number;
  /** Lines that are no events, such as one that a killed worker left half written. */
  broken: number;
}

/** More of a file is read in further calls. */
const mostBytes = 4 << 20;

/**
 * The events from byte `from` on; a line without its end waits for the next call. With `last`, only those in the
 * last bytes of the file. Errors: system errors.
 */
export async function readEvents(
  folder: string,
  { from = 0, last = Infinity, most = mostBytes }: { from?: number; last?: number; most?: number } = {},
): Promise<EventsRead> {
  const file = await ifThere(openRegular(join(folder, eventsFile)));
  if (file === undefined) return { events: [], next: from, broken: 0 };
  try {
    const { size } = await file.stat();
    const start = Math.max(from, size - last);
    const buffer = Buffer.alloc(Math.max(0, Math.min(most, size - start)));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
    const end = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1;
    const text = buffer.toString('utf8', 0, end);
    // The first line of a tail may have lost its beginning.
    const lines = (start > from ? text.slice(text.indexOf('\n') + 1) : text).split('\n');
    const parsed = lines.filter((line) => line !== '').map(parseEvent);
    const events = parsed.filter((event) => event !== undefined);
    // A line longer than what is read at once would never end.
    const next = end === 0 && bytesRead === most ? start + bytesRead : start + end;
    return { events, next, broken: parsed.length - events.length };
  } finally {
    await file.close();
  }
}

function parseEvent(line: string): TrainingEvent | undefined {
  try {
    return trainingEventSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

/** Where the events of the next run begin, in bytes. */
export async function endOfEvents(folder: string): Promise<number> {
  const file = await ifThere(openRegular(join(folder, eventsFile)));
  try {
    return (await file?.stat())?.size ?? 0;
  } finally {
    await file?.close();
  }
}

const pollMs = 250;

/**
 * Calls `onRead` with new events from byte `from` on until the signal fires, and then once more with the rest, so
 * that nothing a worker wrote before it ended is missed.
 */
export async function followEvents(
  folder: string,
  { from = 0, signal }: { from?: number; signal: AbortSignal },
  onRead: (read: EventsRead) => void,
): Promise<void> {
  let next = from;
  for (;;) {
    const { aborted } = signal;
    const read = await readEvents(folder, { from: next });
    const moved = read.next > next;
    next = read.next;
    if (read.events.length > 0 || read.broken > 0) onRead(read);
    if (moved) continue;
    if (aborted) return;
    await setTimeout(pollMs, undefined, { signal }).catch(() => undefined);
  }
}
