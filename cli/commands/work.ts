// `betr work`: works on a run's scoring plan with one or more processes; workers on any number of machines
// may join and leave.

import type { Command } from 'commander';
import { type Plan } from '../../scoring/plan.ts';
import { agreeOnPlan } from '../../scoring/make-plan.ts';
import { listTasks } from '../../scoring/tasks.ts';
import { forgetLostParts, listOpenTasks } from '../../scoring/open-tasks.ts';
import { describeFewChunks, openListener, readDocumentBytes } from '../../scoring/score-progress.ts';
import { defaultScorer, readScorer } from '../../scoring/scorers/list.ts';
import { emptyResult, type WorkResult } from '../../scoring/work.ts';
import { problemOf } from '../../scoring/work-problems.ts';
import { runWorkers } from '../../scoring/workers.ts';
import { BetrError } from '../../run/errors/errors.ts';
import { withLock } from '../../data/files/lock.ts';
import { formatCountOf, parseSeconds, formatCount } from '../../run/amounts.ts';
import { openRanking, rankingCommand, type RankingOptions, runArgument } from '../options.ts';
import { formatBytes, openProgress, printResult } from '../output.ts';
import { parseWorkers } from './rank.ts';

interface WorkCommandOptions extends RankingOptions {
  workers: string;
  grace: string;
  wait: boolean;
}

const exitOnSignal = { SIGINT: 130, SIGTERM: 143 } as const;

export function workCommand(): Command {
  return rankingCommand(
    'work',
    'score chunks of the plan until none is left; run as many as you like, on any machines that ' +
      "share the run's folder",
  )
    .argument(...runArgument)
    .option('--workers <count>', 'worker processes', '1')
    .option(
      '--grace <seconds>',
      'on SIGTERM or SIGINT, finish the current part if it takes at most this long; then release the chunk',
      '10',
    )
    .option('--no-wait', 'exit when other workers hold all remaining chunks')
    .action(async (path: string | undefined, options: WorkCommandOptions) => {
      const result = await workUntilStopped(path ?? options.config, options);
      printResult(options.json, result, describeWork(result, options.scorer));
      const problem = problemOf(result.problems);
      if (problem !== undefined) throw problem;
    });
}

async function workUntilStopped(settings: string, options: WorkCommandOptions): Promise<WorkResult> {
  const count = parseWorkers(options.workers);
  const graceMs = 1000 * parseSeconds('--grace', options.grace);
  const stop = new AbortController();
  // Signals are handled only from here on: until now there is nothing to release, and reading the settings
  // may hang.
  const run = await openRanking({ ...options, config: settings });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stop.abort();
      process.exitCode = exitOnSignal[signal];
    });
  }
  const progress = openProgress();
  try {
    const listOpen = async (plan: Plan) => (await listOpenTasks(run, listTasks(run, plan))).open;
    const plan = await agreeOnPlan(
      run,
      async (before) => (await listOpen(before)).length > 0,
      progress.report,
      stop.signal,
    );
    const tasks = listTasks(run, plan);
    const { open, lost } = await listOpenTasks(run, tasks);
    for (const problem of lost)
      process.stderr.write(`Note: scoring again because a part is unusable: ${problem}\n`);
    if (lost.length > 0) await withLock(run, () => forgetLostParts(run)).catch(passOverLocked);
    const slow = (await readScorer(run)).slow === true;
    for (const note of describeFewChunks(count, open.length, slow)) process.stderr.write(`Note: ${note}\n`);
    return await runWorkers(run, plan, {
      count: Math.max(1, Math.min(count, open.length)),
      slow,
      wait: options.wait,
      signal: stop.signal,
      graceMs,
      ...openListener(open, progress.report, await readDocumentBytes(run, slow, tasks)),
    });
  } catch (error) {
    if (stop.signal.aborted && error === stop.signal.reason) return emptyResult();
    throw error;
  } finally {
    progress.end();
  }
}

/** The process that holds the lock takes care of it. */
function passOverLocked(error: unknown): void {
  if (!(error instanceof BetrError && error.code === 'RUN_LOCKED')) throw error;
}

function describeWork(
  { chunks, documents, textBytes, seconds, finished, problems }: WorkResult,
  scorer: string,
): string {
  const rate = seconds > 0 ? ` (${formatBytes(textBytes / seconds)}/s)` : '';
  const left =
    problems.length > 0
      ? `${formatCountOf(new Set(problems.map(({ message }) => message)).size, 'shard')} could not be scored`
      : finished
        ? `no chunks left. To publish: betr rank${scorer === defaultScorer ? '' : ` --scorer ${scorer}`} --publish-only`
        : 'other chunks remain, or other workers hold them';
  return (
    `Scored ${formatCountOf(chunks, 'chunk')}, ${formatCount(documents)} ` +
    `documents, ${formatBytes(textBytes)} of text in ${seconds.toFixed(1)} s${rate}; ${left}`
  );
}
