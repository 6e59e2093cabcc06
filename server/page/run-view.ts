// What is shown in place of an answer: a run that has no ranking yet, or one that is damaged.

import type { Problem } from './ask.ts';
import { find, make, makeButton } from './dom.ts';

const steps = [
  { kind: 'index', command: 'betr index', about: 'embeds the benchmark examples and a sample of the corpus, and scores the sample' },
  { kind: 'train', command: 'betr train', about: 'learns those scores from the text alone' },
  { kind: 'rank', command: 'betr rank', about: 'scores every document of the corpus and publishes the ranking' },
] as const;
export type JobKind = (typeof steps)[number]['kind'];

const commandInMessage = /"betr (index|train|rank)"/;

/** Shows what stands between the run and an answer, and the job that comes next. */
export function showRunProblem(problem: Problem, start: (kind: JobKind) => void): void {
  const body = find('#runBody', HTMLElement);
  const empty = problem.code === 'STEP_MISSING';
  find('#runTitle', HTMLElement).textContent = empty ? 'No ranking yet' : problem.code === 'UNREACHABLE' ? 'The server does not answer' : 'The run needs mending';
  body.replaceChildren(make('p', { class: 'lead' }, problem.message), ...(empty ? [listSteps(start)] : mend(problem, start)));
}

function listSteps(start: (kind: JobKind) => void): HTMLElement {
  return make('ol', { class: 'steps' }, ...steps.map(({ kind, command, about }) => make('li', {}, make('div', {}, make('code', {}, command), make('span', {}, about)), makeButton(`Start ${kind}`, () => start(kind)))));
}

function mend(problem: Problem, start: (kind: JobKind) => void): HTMLElement[] {
  const named = commandInMessage.exec(problem.message)?.[1];
  const step = steps.find(({ kind }) => kind === named);
  return [make('p', { class: 'hint' }, 'Code ', make('code', {}, problem.code)), ...(step === undefined ? [] : [makeButton(`Start ${step.kind}`, () => start(step.kind), { class: 'primary' })])];
}
