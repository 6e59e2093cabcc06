// `betr slurm`: plans the scoring, writes the job scripts, and submits an array of workers and a job that
// publishes after it.

import { join } from 'node:path';
import type { Command } from 'commander';
import { makePlan } from '../../scoring/make-plan.ts';
import { listTasks } from '../../scoring/tasks.ts';
import { surveyCorpus } from '../../scoring/survey.ts';
import { listOpenTasks } from '../../scoring/open-tasks.ts';
import { commitBytes } from '../../data/files/commit.ts';
import { withLock } from '../../data/files/lock.ts';
import { nodeFlags } from '../../data/files/process.ts';
import { openRun, type Run } from '../../run/run.ts';
import { command, type CommonOptions, runArgument } from '../options.ts';
import { openProgress, printResult } from '../output.ts';
import { formatCountOf, parseWhole, formatCount } from '../../run/amounts.ts';
import { parseWorkers } from './rank.ts';
import { parseSbatch, submit } from '../sbatch.ts';
import { publishScript, quote, type SlurmJob, workScript } from '../slurm-scripts.ts';

interface SlurmOptions extends CommonOptions {
  nodes: string;
  cpus: string;
  sbatch: string[];
  dryRun: boolean;
}

export function slurmCommand(): Command {
  return command(
    'slurm',
    'score on a Slurm cluster: submit an array of workers, and a job that then publishes the ranking',
  )
    .argument(...runArgument)
    .option('--nodes <count>', 'size of the array', '1')
    .option('--cpus <count>', 'worker processes (and cores) per array element', '1')
    .option(
      '--sbatch <option>',
      'another sbatch option, such as --sbatch=--partition=long or --sbatch=--time=4:00:00 (repeatable)',
      (option: string, all: string[]) => [...all, parseSbatch(option, '--nodes sets the size of the array')],
      [],
    )
    .option(
      '--dry-run',
      'print the scripts and the sbatch commands without writing or submitting anything',
      false,
    )
    .action(async (path: string | undefined, options: SlurmOptions) => {
      const run = await openRun(path ?? options.config);
      const job: SlurmJob = {
        betr: [process.execPath, ...nodeFlags, ...process.argv.slice(1, 2)],
        settingsPath: run.settingsPath,
        folder: run.files.slurm,
        nodes: parseWhole('--nodes', options.nodes, 1, 1e6),
        cpus: parseWorkers(options.cpus, '--cpus'),
        sbatch: options.sbatch,
      };
      if (options.dryRun) await printDraft(run, job, options.json);
      else await submitJobs(run, job, options.json);
    });
}

const workFile = 'work.sh';
const publishFile = 'publish.sh';

function submissions({ folder }: SlurmJob, array: string): string[][] {
  return [
    ['sbatch', '--parsable', join(folder, workFile)],
    ['sbatch', '--parsable', `--dependency=afterany:${array}`, join(folder, publishFile)],
  ];
}

async function printDraft(run: Run, job: SlurmJob, json: boolean): Promise<void> {
  const scripts = { [workFile]: workScript(job), [publishFile]: publishScript(job) };
  const commands = submissions(job, '$array').map((words) =>
    words.map((word) => (word.includes('$array') ? word : quote(word))).join(' '),
  );
  const { unscored: shardsToScore } = await surveyCorpus(run);
  const text = [
    ...Object.entries(scripts).map(([name, script]) => `# ${join(job.folder, name)}\n${script}`),
    '# To submit:',
    ...commands,
    '',
    `To score: ${formatCountOf(shardsToScore, 'shard')}`,
  ].join('\n');
  printResult(json, { shardsToScore, scripts, commands }, text);
}

async function submitJobs(run: Run, job: SlurmJob, json: boolean): Promise<void> {
  const progress = openProgress();
  const open = await withLock(
    run,
    async () => (await listOpenTasks(run, listTasks(run, await makePlan(run, progress.report)))).open,
  ).finally(() => {
    progress.end();
  });
  if (open.length === 0) {
    printResult(json, { chunks: 0 }, 'Everything is already scored. To publish: betr rank');
    return;
  }
  await commitBytes(join(job.folder, workFile), workScript(job));
  await commitBytes(join(job.folder, publishFile), publishScript(job));
  const array = await submit(submissions(job, '')[0]);
  const publish = await submit(submissions(job, array)[1]);
  printResult(
    json,
    { chunks: open.length, array, publish },
    `Submitted array ${array} of ${formatCount(job.nodes)} for ${formatCountOf(open.length, 'chunk')}, ` +
      `and job ${publish}, which publishes afterwards. Logs: ${job.folder}. To cancel both: ` +
      `scancel ${array} ${publish}`,
  );
}
