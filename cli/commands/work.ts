// `betr work`: one worker, or several, at a run's plan; as many as there are machines may be at it, and come
// and go.

import type { Command } from 'commander';
import { agreeOnPlan, listTasks, type Plan } from '../../scoring/plan.ts';
import { forgetLostParts, listOpenTasks, openListener } from '../../scoring/score-corpus.ts';
import { emptyResult, problemOf, type WorkResult } from '../../scoring/work.ts';
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
    'score chunks of the plan until none is left; any number of these may run, on any machines that ' +
      "share the run's folder",
  )
    .argument(...runArgument)
    .option('--workers <count>', 'worker processes', '1')
    .option(
      '--grace <seconds>',
      'on SIGTERM or SIGINT, finish the part in hand if that takes no longer; then give the chunk back',
      '10',
    )
    .option('--no-wait', "leave when every chunk that is left is another worker's")
    .action(async (path: string | undefined, options: WorkCommandOptions) => {
      const result = await workUntilStopped(path ?? options.config, options);
      printResult(options.json, result, describeWork(result));
      const problem = problemOf(result.problems);
      if (problem !== undefined) throw problem;
    });
}

async function workUntilStopped(settings: string, options: WorkCommandOptions): Promise<WorkResult> {
  const count = parseWorkers(options.workers);
  const graceMs = 1000 * parseSeconds('--grace', options.grace);
  const stop = new AbortController();
  // Before, there is nothing to give back, and to read the settings may take for ever.
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
    const { open, lost } = await listOpenTasks(run, listTasks(run, plan));
    for (const problem of lost) process.stderr.write(`Note: scores again what cannot be used: ${problem}\n`);
    if (lost.length > 0) await withLock(run, () => forgetLostParts(run)).catch(passOverLocked);
    return await runWorkers(run, plan, {
      count: Math.max(1, Math.min(count, open.length)),
      wait: options.wait,
      signal: stop.signal,
      graceMs,
      ...openListener(open, progress.report),
    });
  } catch (error) {
    if (stop.signal.aborted && error === stop.signal.reason) return emptyResult();
    throw error;
  } finally {
    progress.end();
  }
}

/** Whoever has the lock sees to it. */
function passOverLocked(error: unknown): void {
  if (!(error instanceof BetrError && error.code === 'RUN_LOCKED')) throw error;
}

function describeWork({ chunks, documents, textBytes, seconds, finished, problems }: WorkResult): string {
  const rate = seconds > 0 ? ` (${formatBytes(textBytes / seconds)}/s)` : '';
  const left =
    problems.length > 0
      ? `${formatCountOf(new Set(problems.map(({ message }) => message)).size, 'shard')} could not be scored`
      : finished
        ? 'none is left: betr rank --publish-only'
        : 'others are left, or in other hands';
  return (
    `Scored ${formatCountOf(chunks, 'chunk')}, ${formatCount(documents)} ` +
    `documents, ${formatBytes(textBytes)} of text in ${seconds.toFixed(1)} s${rate}; ${left}`
  );
}
