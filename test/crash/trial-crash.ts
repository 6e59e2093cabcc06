// Kills `betr trial run` at random: workers, the command, or both, with SIGKILL. A trial that was killed must end with
// the results of one that was not.

import { spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { openWorker } from '../../cli/commands/trial/options.ts';
import { openRandom } from '../../data/seeded-random.ts';
import { trialReportSchema, type TrialReport } from '../../evaluation/trials/report-file.ts';
import { readCard } from '../../models/trainer/card.ts';
import type { Python } from '../../models/trainer/python.ts';
import { readJob } from '../../models/trainer/read-job.ts';
import { readJobStates } from '../../models/trainer/state.ts';
import { openRun, type Run } from '../../run/run.ts';
import { betrProgram } from '../../run/version.ts';
import { until } from '../until.ts';
import { plan, withTrialRun } from '../evaluation/trials/stand-in.ts';

type Kind = 'a worker' | 'the command' | 'all';
const kinds: readonly Kind[] = ['a worker', 'the command', 'all'];

export interface TrialCrashes {
  /** Kills by what was killed. A round in which nothing was left to kill is none. */
  kills: Record<Kind, number>;
  /** Trials that were killed until they were done, and how often their jobs were resumed in all. */
  series: number;
  resumed: number;
}

/**
 * Kills trials of six tiny models on two workers, `rounds` times in all. Throws if one ends with another report, other
 * results, or files that nobody needs.
 */
export async function crashTrials(
  python: Python,
  { rounds, seed }: { rounds: number; seed: number },
  tell: (line: string) => void,
): Promise<TrialCrashes> {
  const found: TrialCrashes = {
    kills: { 'a worker': 0, 'the command': 0, all: 0 },
    series: 0,
    resumed: 0,
  };
  await withTrialRun(async (planned) => {
    const small = { randomDraws: 1, seeds: [0, 1], learningRates: [1e-3] };
    await plan(planned, small, { ...openWorker(python), ran: [] });
    const whole = await copyRun(planned);
    const startedMs = performance.now();
    await finish(whole, python);
    // Two of six models are trained at a time, and half of this is the start of Python.
    const oneMs = Math.min(10_000, (performance.now() - startedMs) / 6);
    const expected = await readEnd(whole);
    await rm(whole.settingsFolder, { recursive: true });
    tell(`kills within ${(oneMs / 1000).toFixed(1)} s of the start of a worker`);
    const random = openRandom(seed);
    let done = 0;
    while (done < rounds) {
      const run = await copyRun(planned);
      let command: Command | undefined;
      while (done < rounds) {
        // Without one of its workers, the command goes on until a later kill or its end.
        command ??= start(run, python);
        const isOver = await Promise.race([
          waitForWorkers(run).then(() => setTimeout(random() * oneMs, false)),
          command.ended.then(() => true),
        ]);
        if (isOver) command = undefined;
        if (isOver && (await isDone(run))) break;
        const kind = kinds[Math.floor(random() * kinds.length)] ?? 'all';
        const workers = (await readJobStates(run.files.training)).flatMap(({ worker }) => worker?.pid ?? []);
        const chosen = kind === 'all' ? workers : kind === 'a worker' ? workers.slice(0, 1) : [];
        for (const pid of chosen) kill(pid);
        if (kind !== 'a worker' && command !== undefined) {
          kill(command.pid);
          await command.ended;
          command = undefined;
        } else if (chosen.length === 0) continue;
        found.kills[kind]++;
        done++;
        tell(`${done}: killed ${kind}, ${chosen.length} of ${workers.length} workers`);
      }
      await command?.ended;
      await finish(run, python);
      const end = await readEnd(run);
      found.series++;
      found.resumed += end.resumed;
      for (const key of ['report', 'results', 'leftovers'] as const)
        if (JSON.stringify(end[key]) !== JSON.stringify(expected[key]))
          throw new Error(
            `${key} of a trial that was killed: ${JSON.stringify(end[key])}, undisturbed: ` +
              JSON.stringify(expected[key]),
          );
      await rm(run.settingsFolder, { recursive: true });
      tell(`a trial is done: the same report, results and files, with ${end.resumed} resumed jobs`);
    }
  });
  return found;
}

/** A copy of a run's project beside it. */
async function copyRun({ settingsFolder, settingsPath }: Run): Promise<Run> {
  const folder = await mkdtemp(`${settingsFolder}-copy-`);
  await cp(settingsFolder, folder, { recursive: true, preserveTimestamps: true });
  return openRun(join(folder, relative(settingsFolder, settingsPath)));
}

interface Command {
  pid: number;
  /** Its exit code; null after a kill. */
  ended: Promise<number | null>;
}

function start(
  { settingsPath }: Run,
  python: Python,
  words = ['run', '--at-once', '2', '--threads', '1'],
): Command {
  const child = spawn(
    process.execPath,
    [betrProgram(), 'trial', ...words, '--name', 'first', '--config', settingsPath],
    { stdio: 'ignore', env: { ...process.env, BETR_TRAINER_PYTHON: python.program } },
  );
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { pid: child.pid ?? 0, ended };
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

async function isDone(run: Run): Promise<boolean> {
  const states = await readJobStates(run.files.training);
  return states.every(({ state }) => state === 'done');
}

/** Waits until a worker has a job; a command takes seconds to start. */
async function waitForWorkers({ files }: Run): Promise<void> {
  await until(async () => (await readJobStates(files.training)).some(({ worker }) => worker !== null), {
    seconds: 120,
  }).catch(() => undefined);
}

/** Runs a trial to its end and reports it. */
async function finish(run: Run, python: Python): Promise<void> {
  for (let attempt = 0; !(await isDone(run)); attempt++) {
    if (attempt > 20) throw new Error('the trial does not end');
    await start(run, python).ended;
    await setTimeout(200);
  }
  const code = await start(run, python, ['report']).ended;
  if (code !== 0) throw new Error(`betr trial report ended with ${code ?? 'a signal'}`);
}

interface TrialEnd {
  /** Without the seconds that it took. */
  report: TrialReport;
  /** Hashes of the results, and the counted FLOPs. */
  results: object[];
  leftovers: string[];
  resumed: number;
}

async function readEnd(run: Run): Promise<TrialEnd> {
  const text = await readFile(join(run.files.trials, 'first', 'report.json'), 'utf8');
  const report = { ...trialReportSchema.parse(JSON.parse(text)), seconds: 0 };
  const end: TrialEnd = { report, results: [], leftovers: [], resumed: 0 };
  for (const { name } of await readJobStates(run.files.training)) {
    const folder = join(run.files.training, name);
    const job = await readJob(folder);
    const card = job === undefined ? undefined : await readCard(folder, job);
    end.results.push({ name, sha256: card?.result.sha256, flops: card?.flops, passes: card?.passes });
    end.resumed += card?.resumed ?? 0;
  }
  const all = await readdir(run.files.training, { recursive: true });
  end.leftovers = all.filter((path) => /\.tmp$|\.new$|\.old$|lease$/.test(path));
  return end;
}
