// Progress as lines of JSON on standard error, for a process that watches the command (server/jobs/).

import { identifyProcess } from '../data/files/process.ts';
import type { MeasuredProgress, Progress, ProgressLine, Report } from '../run/progress.ts';
import { stageName } from './output.ts';

const msBetweenLines = 500;

/**
 * Writes a line that identifies this process, then the first and last report of each stage, and one every
 * half second in between.
 */
export function openJsonProgress(): { report: Report; end(): void } {
  const write = (line: ProgressLine): boolean => process.stderr.write(`${JSON.stringify(line)}\n`);
  write({ process: { pid: process.pid, identity: identifyProcess(process.pid) ?? String(process.pid) } });
  let first: { stage: string; done: number; ms: number } | undefined;
  let writtenMs = -Infinity;
  /** The stage's newest report, if it has not been written yet. */
  let held: Progress | undefined;
  const flush = (nowMs: number): void => {
    if (held !== undefined && first !== undefined)
      write({ progress: measure(held, held.done - first.done, (nowMs - first.ms) / 1000) });
    held = undefined;
    writtenMs = nowMs;
  };
  return {
    report(progress) {
      const nowMs = performance.now();
      const stage = stageName(progress);
      const changed = first?.stage !== stage;
      if (changed) {
        flush(nowMs);
        first = { stage, done: progress.done, ms: nowMs };
      }
      held = progress;
      if (changed || nowMs - writtenMs >= msBetweenLines) flush(nowMs);
    },
    end: () => flush(performance.now()),
  };
}

function measure(progress: Progress, doneHere: number, seconds: number): MeasuredProgress {
  const { done, total, unit } = progress;
  const rate = doneHere > 0 && seconds > 0 ? doneHere / seconds : null;
  return {
    stage: stageName(progress),
    done,
    total: total ?? null,
    unit,
    rate,
    etaSeconds: rate === null || total === undefined ? null : Math.max(0, total - done) / rate,
    at: new Date().toISOString(),
  };
}
