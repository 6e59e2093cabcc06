// Training jobs: a table of all, and the loss of one by step. While a job runs, both follow it.

import { formatCount, formatSeconds } from './amounts.ts';
import type { Training, TrainingEvents, TrainingJob } from './answers.ts';
import { askJson } from './ask.ts';
import { find, make, makeButton } from './dom.ts';
import { axis, color, openPlot } from './plot.ts';

const pollMs = 2_000;

/** Draws into the section; returns the function that shows the list. */
export function openTrainingView(section: HTMLElement): (list: Training) => void {
  const plot = openPlot(find('.plot', HTMLElement, section), () => ({
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false } },
    axes: [
      axis({ grid: { show: false }, values: (_plot, ticks) => ticks.map(formatCount) }),
      axis({ size: 44, values: (_plot, ticks) => ticks.map((tick) => String(Number(tick.toPrecision(4)))) }),
    ],
    series: [{}, { stroke: color('kept'), width: 1.5 }],
  }));
  let jobs: readonly TrainingJob[] = [];
  let chosen = '';
  /** The losses of the chosen job so far, and where its next events begin. */
  let losses = new Map<number, number>();
  let next = 0;
  let timer = 0;

  const choose = (name: string): void => {
    chosen = name;
    losses = new Map();
    next = 0;
    drawTable();
    void follow();
  };
  const drawTable = (): void =>
    find('#trainingTable', HTMLElement).replaceChildren(makeTable(jobs, chosen, choose));
  const drawLosses = (): void => {
    const steps = [...losses.keys()].sort((a, b) => a - b);
    find('#trainingNote', HTMLElement).textContent =
      steps.length === 0 ? `${chosen} has no losses yet.` : `Loss of ${chosen} by step.`;
    plot.show([steps, steps.map((step) => losses.get(step) ?? null)]);
  };

  /** Reads the new events of the chosen job; a step that was repeated after a kill counts once. */
  const follow = async (): Promise<void> => {
    const name = chosen;
    for (let before = -1; before !== next && name === chosen;) {
      before = next;
      const read = await askJson<TrainingEvents>(`training/${name}?after=${next}`, ['events', 'next']);
      if (name !== chosen) return;
      for (const { step, loss } of read.events)
        if (step !== undefined && loss !== undefined) losses.set(step, loss);
      next = read.next;
    }
    if (name === chosen) drawLosses();
  };
  const poll = async (): Promise<void> => {
    if (document.visibilityState === 'visible') {
      ({ jobs } = await askJson<Training>('training', ['jobs']));
      drawTable();
      await follow();
    }
    wait();
  };
  const wait = (): void => {
    clearTimeout(timer);
    if (jobs.some(({ state }) => state === 'running'))
      timer = setTimeout(() => void poll().catch(wait), pollMs);
  };

  return (list) => {
    ({ jobs } = list);
    section.hidden = jobs.length === 0;
    if (jobs.length === 0) return;
    if (!jobs.some(({ name }) => name === chosen)) choose(mostInteresting(jobs).name);
    else {
      drawTable();
      void follow();
    }
    wait();
  };
}

/** The job that runs, otherwise the one that was last at work. */
function mostInteresting(jobs: readonly TrainingJob[]): TrainingJob {
  return jobs.reduce((best, job) => {
    if ((job.state === 'running') !== (best.state === 'running')) return job.state === 'running' ? job : best;
    return (job.at ?? '') > (best.at ?? '') ? job : best;
  });
}

function makeTable(
  jobs: readonly TrainingJob[],
  chosen: string,
  choose: (name: string) => void,
): HTMLElement {
  const head = (text: string, kind?: string): HTMLElement => make('th', { scope: 'col', class: kind }, text);
  return make(
    'table',
    {},
    make(
      'thead',
      {},
      make(
        'tr',
        {},
        head('Job'),
        head('Kind'),
        head('State'),
        head('Step', 'number'),
        head('Loss', 'number'),
        head(''),
      ),
    ),
    make(
      'tbody',
      {},
      ...jobs.map((job) =>
        make(
          'tr',
          { 'data-state': job.state },
          make(
            'th',
            { scope: 'row' },
            makeButton(job.name, () => choose(job.name), {
              class: 'link',
              'aria-pressed': String(job.name === chosen),
            }),
          ),
          make('td', { class: 'quiet' }, job.kind ?? ''),
          make('td', {}, job.state),
          make('td', { class: 'number' }, describeStep(job)),
          make('td', { class: 'number' }, job.loss === null ? '' : job.loss.toPrecision(4)),
          make('td', { class: 'quiet' }, describeRest(job)),
        ),
      ),
    ),
  );
}

function describeStep({ step, steps }: TrainingJob): string {
  if (step === null) return '';
  return steps === null ? formatCount(step) : `${formatCount(step)} of ${formatCount(steps)}`;
}

function describeRest({ state, problem, tokensPerSecond, secondsLeft }: TrainingJob): string {
  if (problem !== null) return problem;
  if (state !== 'running') return '';
  return [
    ...(tokensPerSecond === null ? [] : [`${formatCount(tokensPerSecond)} tokens/s`]),
    ...(secondsLeft === null ? [] : [`${formatSeconds(secondsLeft)} left`]),
  ].join(', ');
}
