// Shown instead of an answer: the run has no ranking yet or is damaged, or the server needs a key or does
// not respond.

import { keepKey, type Problem } from './ask.ts';
import { find, make, makeButton } from './dom.ts';

const steps = ['index', 'train', 'rank'] as const;
/** `run` is all three. */
export type JobKind = (typeof steps)[number] | 'run';

const about = {
  index: 'embeds the benchmark examples and a sample of the corpus, and scores the sample',
  train: 'trains a text classifier on those scores',
  rank: 'scores every document of the corpus and publishes the ranking',
} as const;
const titles: Record<string, string> = {
  STEP_MISSING: 'No ranking yet',
  UNREACHABLE: 'The server does not respond',
  KEY_MISSING: 'This server needs an API key',
  KEY_REFUSED: 'The server rejected the API key',
};
/**
 * Problems of the run or the server. All others concern a part of the question or the page, and are shown
 * there.
 */
const ofTheRun = new Set([
  'STEP_MISSING',
  'CORPUS_MISSING',
  'UNREACHABLE',
  'KEY_MISSING',
  'KEY_REFUSED',
  'FILE_DAMAGED',
  'FILE_UNREADABLE',
  'FILE_NOT_FOUND',
  'REMOTE_NOT_FOUND',
  'DISK_FULL',
  'SETTINGS_INVALID',
]);

const commandInMessage = /"betr (index|train|rank)"/;

export interface RunView {
  /** Shows what prevents an answer; false if the problem is not the run's. */
  show(problem: Problem): boolean;
  clear(): void;
}

export function openRunView(start: (kind: JobKind) => void, again: () => void): RunView {
  const section = find('#run', HTMLElement);
  let shown = '';
  return {
    show(problem) {
      if (!ofTheRun.has(problem.code)) return false;
      document.body.dataset['run'] = 'none';
      // Settings with preference pairs alone: there is nothing to start.
      section.hidden = problem.code === 'CORPUS_MISSING';
      // Drawn once, so that the keyboard focus stays while the page tries again.
      if (shown === problem.message) return true;
      shown = problem.message;
      find('#runTitle', HTMLElement).textContent = titles[problem.code] ?? 'The run has a problem';
      find('#runBody', HTMLElement).replaceChildren(
        make('p', { class: 'lead' }, problem.message),
        ...offer(problem, start, again),
      );
      return true;
    },
    clear() {
      shown = '';
      section.hidden = true;
      delete document.body.dataset['run'];
    },
  };
}

/** What the user can do about it. */
function offer(problem: Problem, start: (kind: JobKind) => void, again: () => void): HTMLElement[] {
  if (problem.code.startsWith('KEY_')) return [askKey(again)];
  if (problem.code === 'STEP_MISSING')
    return [
      makeButton('Start all', () => start('run'), { class: 'primary' }),
      make('ol', { class: 'steps' }, ...steps.map((kind) => drawStep(kind, start))),
    ];
  const named = commandInMessage.exec(problem.message)?.[1];
  const kind = steps.find((one) => one === named);
  const buttons = [
    ...(kind === undefined ? [] : [makeButton(`Start ${kind}`, () => start(kind), { class: 'primary' })]),
    makeButton('Try again', again),
  ];
  return [
    make('div', { class: 'buttons' }, ...buttons),
    make('p', { class: 'hint' }, 'Code ', make('code', {}, problem.code)),
  ];
}

function drawStep(kind: (typeof steps)[number], start: (kind: JobKind) => void): HTMLElement {
  return make(
    'li',
    {},
    make('div', {}, make('code', {}, `betr ${kind}`), make('span', {}, about[kind])),
    makeButton(`Start ${kind}`, () => start(kind)),
  );
}

function askKey(again: () => void): HTMLElement {
  const input = make('input', { type: 'password', 'aria-label': 'API key', autocomplete: 'off' });
  const form = make(
    'form',
    { class: 'buttons' },
    make('span', { class: 'entry' }, input),
    make('button', { class: 'primary' }, 'Use key'),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    keepKey(input.value.trim());
    again();
  });
  return form;
}
