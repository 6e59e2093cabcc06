// The events of a job as they happen: its progress lines, numbered by their line in its file, and its
// record whenever its state changes.

import { StringDecoder } from 'node:string_decoder';
import { ifThere } from '../../run/errors/errors.ts';
import type { MeasuredProgress } from '../../run/progress.ts';
import { openRegular } from '../../run/regular-file.ts';
import type { Run } from '../../run/run.ts';
import { hideInProgress, type Job, jobFiles, parseProgressLine } from './records.ts';
import type { Jobs } from './jobs.ts';

export type JobEvent =
  { event: 'job'; data: Job } | { event: 'progress'; number: number; data: MeasuredProgress };

const pollMs = 300;
/** How many past events a client gets that does not name the last one it has seen. */
const eventsOfThePast = 1000;

/**
 * The events after number `after`, or the latest ones, until the job has ended (its record comes last), the
 * signal fires, or the server closes. Errors: JOB_UNKNOWN.
 */
export async function* followJob(
  run: Run,
  jobs: Jobs,
  id: string,
  after: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<JobEvent> {
  const lines = openTail(jobFiles(run, id).err);
  let sent = await jobs.find(id);
  yield { event: 'job', data: sent };
  const past: JobEvent[] = [];
  for await (const event of readEvents(run, lines, after ?? 0)) {
    past.push(event);
    if (past.length > 2 * eventsOfThePast && after === undefined) past.splice(0, eventsOfThePast);
  }
  yield* after === undefined ? past.slice(-eventsOfThePast) : past;
  while (!signal.aborted && !jobs.closed.aborted) {
    // State first, lines second: once a job has ended, all its lines are there.
    const job = await jobs.find(id);
    yield* readEvents(run, lines, after ?? 0);
    if (job.state !== sent.state || job.endedAt !== null) yield { event: 'job', data: job };
    if (job.endedAt !== null) return;
    sent = job;
    await jobs.waitForChange(id, pollMs, signal);
  }
}

async function* readEvents(run: Run, lines: Tail, after: number): AsyncGenerator<JobEvent> {
  for await (const { number, text } of lines()) {
    const line = number > after ? parseProgressLine(text) : undefined;
    if (line !== undefined && 'progress' in line)
      yield { event: 'progress', number, data: hideInProgress(run, line.progress) };
  }
}

/** The complete lines added to a growing file since the last call, numbered from 1. */
type Tail = () => AsyncGenerator<{ number: number; text: string }>;

function openTail(path: string): Tail {
  const decoder = new StringDecoder('utf8');
  let offset = 0;
  let number = 0;
  let held = '';
  return async function* readOn() {
    const file = await ifThere(openRegular(path));
    if (file === undefined) return;
    try {
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(1 << 16), 0, 1 << 16, offset);
        if (bytesRead === 0) return;
        offset += bytesRead;
        const lines = (held + decoder.write(buffer.subarray(0, bytesRead))).split('\n');
        held = lines.pop() ?? '';
        for (const text of lines) yield { number: ++number, text };
      }
    } finally {
      await file.close();
    }
  };
}
