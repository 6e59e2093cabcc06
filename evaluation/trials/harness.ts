// lm-evaluation-harness on a trial's models: the trial's own items as tasks of the harness, and whether it finds the
// same items right as the worker did.

import { join } from 'node:path';
import { z } from 'zod';
import { commitBytes } from '../../data/files/commit.ts';
import { parquetSource, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { resultFile } from '../../models/trainer/card.ts';
import type { HarnessAnswer } from '../../models/trainer/harness.ts';
import { readRegular } from '../../run/regular-file.ts';
import type { Run } from '../../run/run.ts';
import { itemsFile } from './jobs.ts';
import { trialFolder, type TrialPlan } from './plan-file.ts';

const choiceItem = z.object({
  id: z.string(),
  set: z.string(),
  prompt: z.string(),
  choices: z.array(z.string()).optional(),
  answer: z.number().optional(),
});

/** What a benchmark of a trial is called as a task. */
export const ownTask = (benchmark: string): string => `betr_${benchmark}`;

/** The folder of the trial's own tasks. */
export const harnessFolder = (run: Run, trial: string): string => join(trialFolder(run, trial), 'lm-eval');

/**
 * Writes the trial's items as tasks, one for each benchmark with choices, and returns their names. Errors:
 * FILE_NOT_FOUND, WRITE_FAILED, DISK_FULL.
 */
export async function writeOwnTasks(run: Run, plan: TrialPlan): Promise<string[]> {
  const folder = harnessFolder(run, plan.name);
  const text = await readRegular(join(trialFolder(run, plan.name), itemsFile), 'utf8');
  const items = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => choiceItem.parse(JSON.parse(line)))
    .filter(({ choices }) => choices !== undefined);
  const tasks: string[] = [];
  for (const { benchmark } of plan.evaluation.benchmarks) {
    const own = items.filter(({ set }) => set === benchmark);
    if (own.length === 0) continue;
    const task = ownTask(benchmark);
    const data = join(folder, `${task}.jsonl`);
    await commitBytes(data, own.map((item) => `${JSON.stringify(divide(item))}\n`).join(''));
    await commitBytes(join(folder, `${task}.yaml`), `${JSON.stringify(describeTask(task, data), null, 1)}\n`);
    tasks.push(task);
  }
  return tasks;
}

/** The harness divides an answer's log probability by the characters of its choice, so a blank before it is no part. */
function divide({ id, prompt, choices = [], answer }: z.output<typeof choiceItem>): object {
  const isJoined = choices.every((choice) => choice.startsWith(' '));
  return {
    id,
    prompt: isJoined ? `${prompt} ` : prompt,
    choices: isJoined ? choices.map((choice) => choice.slice(1)) : choices,
    answer,
  };
}

/** JSON is YAML, too. */
function describeTask(task: string, data: string): object {
  const metric = (name: string): object => ({ metric: name, aggregation: 'mean', higher_is_better: true });
  return {
    task,
    dataset_path: 'json',
    dataset_kwargs: { data_files: { test: data } },
    test_split: 'test',
    output_type: 'multiple_choice',
    doc_to_text: 'prompt',
    doc_to_choice: 'choices',
    doc_to_target: 'answer',
    target_delimiter: '',
    metric_list: [metric('acc'), metric('acc_norm')],
    metadata: { version: 1 },
  };
}

/** Items of a task on which the harness and the worker agree, for both accuracies. */
export interface Agreement {
  items: number;
  acc: number;
  accNorm: number;
}

const ourRow = z.object({
  item: z.string(),
  correct: z.number().nullable(),
  correct_norm: z.number().nullable(),
});

/** Compares one of the trial's own tasks with what the worker measured at the end of the job. */
export async function compareWithOurs(
  run: Run,
  job: string,
  benchmark: string,
  { items }: HarnessAnswer['tasks'][number],
): Promise<Agreement> {
  const rows = await withDuckDb({ threads: 1 }, (connection) => {
    const table = parquetSource(join(run.files.training, job, resultFile));
    return queryRows(
      connection,
      `SELECT item, "set", correct::DOUBLE AS correct, correct_norm::DOUBLE AS correct_norm FROM ${table} ` +
        `WHERE decayed AND measure = 'answer' AND tokens = (SELECT max(tokens) FROM ${table})`,
      ourRow.extend({ set: z.string() }),
    );
  });
  const ours = new Map(rows.filter(({ set }) => set === benchmark).map((row) => [row.item, row]));
  const agree = (holds: (own: z.output<typeof ourRow>, item: (typeof items)[number]) => boolean): number =>
    items.filter((item) => {
      const own = ours.get(item.id);
      return own !== undefined && holds(own, item);
    }).length;
  return {
    items: items.length,
    acc: agree((own, item) => own.correct === item.acc),
    accNorm: agree((own, item) => own.correct_norm === item.acc_norm),
  };
}
