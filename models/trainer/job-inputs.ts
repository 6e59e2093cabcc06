// What no JSON Schema can say about a job: the data sets that it needs and names are among its inputs.

import type { Job, JobKind } from './job.ts';

/** The data sets without which a kind has nothing to do; one of each list. */
const needed: Readonly<Record<JobKind, readonly (readonly string[])[]>> = {
  // Every input that is not for measuring or rehearsing is trained on.
  pretrain: [],
  continue: [],
  losses: [['texts', 'items']],
  generate: [['prompts']],
  sft: [['examples']],
  dpo: [['pairs']],
  influence: [['reference'], ['probes']],
  tokenizer: [['train']],
};

/** What is wrong with a job: the field, and what it must be. */
export interface JobProblem {
  path: string[];
  message: string;
}

/** Checks a job that its schema has accepted. */
export function findProblems(job: Job): JobProblem[] {
  const names = new Set(job.inputs.map(({ name }) => name));
  const named = namedInputs(job);
  const hasOwn = job.kind === 'losses' && named.length > 0;
  const missing = [...(hasOwn ? [] : needed[job.kind]), ...named.map((name) => [name])].find(
    (choice) => !choice.some((name) => names.has(name)),
  );
  const problems: JobProblem[] = [];
  if (missing !== undefined)
    problems.push({
      path: ['inputs'],
      message: `a list with an input named ${missing.map((name) => `"${name}"`).join(' or ')}`,
    });
  if (job.kind !== 'pretrain' && job.kind !== 'continue') return problems;
  if ([...names].every((name) => named.includes(name)))
    problems.push({ path: ['inputs'], message: 'a list with an input to train on, such as "train"' });
  const { readings, tokens, batchTokens, sequenceLength } = job.settings;
  if (batchTokens % sequenceLength !== 0)
    problems.push({
      path: ['settings', 'batchTokens'],
      message: `a multiple of settings.sequenceLength (${sequenceLength})`,
    });
  if (readings.some((at) => at > tokens))
    problems.push({
      path: ['settings', 'readings'],
      message: `token counts of at most settings.tokens (${tokens})`,
    });
  return problems;
}

/** The data sets that the settings name. */
function namedInputs({ kind, settings }: Job): string[] {
  switch (kind) {
    case 'pretrain':
    case 'losses':
      return settings.evaluations.map(({ input }) => input);
    case 'continue':
      return [...settings.evaluations, ...(settings.rehearse === undefined ? [] : [settings.rehearse])].map(
        ({ input }) => input,
      );
    case 'dpo':
      return settings.measure === undefined ? [] : [settings.measure];
    default:
      return [];
  }
}
