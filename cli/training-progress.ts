// Progress of several training jobs on standard error: a bar for each on a terminal, otherwise a line now and then.

import { MultiBar, type SingleBar } from 'cli-progress';
import type { TrainingEvent } from '../models/trainer/events.ts';
import { formatCount } from '../run/amounts.ts';
import { escapeControls } from '../run/escape-controls.ts';
import { formatDuration } from './output.ts';
import { beginWork } from './at-work.ts';

const msBetweenLines = 5_000;
/** Events that are always shown. How a job ended is in the result. */
const notable: ReadonlySet<TrainingEvent['event']> = new Set(['start', 'reading', 'warning']);

export interface TrainingProgress {
  onEvent: (job: string, event: TrainingEvent) => void;
  onBroken: (job: string, lines: number) => void;
  onEnd: (end: { job: string }) => void;
  end: () => void;
}

/** Draws the progress of the jobs until `end` is called. */
export function openTrainingProgress(): TrainingProgress {
  const endWork = beginWork();
  const progress = process.stderr.isTTY ? openBars() : openLines();
  return {
    ...progress,
    end() {
      endWork();
      progress.end();
    },
  };
}

function openLines(): TrainingProgress {
  const writtenMs = new Map<string, number>();
  const write = (job: string, text: string): void => {
    process.stderr.write(`${job}: ${text}\n`);
  };
  return {
    onEvent(job, event) {
      const nowMs = performance.now();
      const isDue = event.event === 'progress' && nowMs - (writtenMs.get(job) ?? -Infinity) >= msBetweenLines;
      if (!isDue && !notable.has(event.event)) return;
      if (isDue) writtenMs.set(job, nowMs);
      write(job, describeEvent(event));
    },
    onBroken: (job, lines) => write(job, describeBroken(lines)),
    onEnd: () => undefined,
    end: () => undefined,
  };
}

function openBars(): TrainingProgress {
  const bars = new MultiBar({
    stream: process.stderr,
    format: '{job} [{bar}] {percentage}% {text}',
    hideCursor: true,
    clearOnComplete: true,
  });
  const open = new Map<string, SingleBar>();
  const barOf = (job: string): SingleBar => {
    const bar = open.get(job) ?? bars.create(1, 0, { job, text: '' });
    open.set(job, bar);
    return bar;
  };
  return {
    onEvent(job, event) {
      const bar = barOf(job);
      if (event.steps !== undefined) bar.setTotal(Math.max(1, event.steps));
      bar.update(event.step ?? 0, { job, text: describeEvent(event) });
      if (event.event === 'warning') bars.log(`${job}: ${describeEvent(event)}\n`);
    },
    onBroken: (job, lines) => bars.log(`${job}: ${describeBroken(lines)}\n`),
    onEnd({ job }) {
      const bar = open.get(job);
      if (bar !== undefined) bars.remove(bar);
      open.delete(job);
    },
    end: () => bars.stop(),
  };
}

function describeBroken(lines: number): string {
  return lines === 1
    ? 'a line of events.jsonl is not an event and was skipped'
    : `${formatCount(lines)} lines of events.jsonl are not events and were skipped`;
}

type Described = { [K in keyof TrainingEvent]?: TrainingEvent[K] | undefined };

/** "step 120 of 400, loss 4.23, 14,400 tokens/s, 3 min left", or what the worker says. */
export function describeEvent(event: Described): string {
  const { step, steps, loss, tokensPerSecond, secondsLeft, message } = event;
  const parts = [
    ...(event.event === 'progress' || event.event === undefined ? [] : [event.event]),
    ...(step === undefined
      ? []
      : [`step ${formatCount(step)}${steps === undefined ? '' : ` of ${formatCount(steps)}`}`]),
    ...(loss === undefined ? [] : [`loss ${loss.toPrecision(4)}`]),
    ...(tokensPerSecond === undefined ? [] : [`${formatCount(tokensPerSecond)} tokens/s`]),
    ...(secondsLeft === undefined ? [] : [`${formatDuration(secondsLeft)} left`]),
    ...(message === undefined ? [] : [escapeControls(message)]),
  ];
  return parts.join(', ');
}
