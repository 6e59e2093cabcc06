// Shows the waiting and running jobs, or else the last one. Elements are updated in place, so that a click
// on "Cancel" hits its button.

import { formatCount, formatSeconds } from './amounts.ts';
import type { Job } from './answers.ts';
import { find, make, makeButton } from './dom.ts';

interface ShownJob {
  element: HTMLElement;
  update(job: Job): void;
}

const shown = new Map<string, ShownJob>();

export function showJobs(jobs: readonly Job[], cancel: (id: string) => void): void {
  const list = find('#jobList', HTMLElement);
  const open = jobs.filter(isOpen);
  const wanted = open.length > 0 ? open : jobs.slice(0, 1);
  for (const [id, { element }] of shown) {
    if (wanted.some((job) => job.id === id)) continue;
    element.remove();
    shown.delete(id);
  }
  for (const job of wanted) {
    const own = shown.get(job.id) ?? openJob(job, cancel);
    shown.set(job.id, own);
    own.update(job);
    if (!own.element.isConnected) list.append(own.element);
  }
}

/** Whether the job may still change. */
export function isOpen({ endedAt }: Job): boolean {
  return endedAt === null;
}

function openJob({ id, kind }: Job, cancel: (id: string) => void): ShownJob {
  const state = make('span', { role: 'status' });
  const button = makeButton('Cancel', () => cancel(id), { class: 'link', 'aria-label': `Cancel ${kind}` });
  const bar = make('progress', { max: '1', 'aria-label': `Progress of ${kind}` });
  const note = make('p', { class: 'quiet' });
  const element = make(
    'div',
    { class: 'job' },
    make('div', { class: 'row' }, make('span', {}, make('b', {}, kind), ' ', state), button),
    bar,
    note,
  );
  return {
    element,
    update(job) {
      const { progress, problem } = job;
      const open = isOpen(job);
      element.dataset['state'] = job.state;
      if (state.textContent !== job.state) state.textContent = job.state;
      button.hidden = !open || job.state === 'cancelling';
      bar.hidden = !open || job.state === 'waiting';
      if (progress?.total) bar.value = progress.done / progress.total;
      else bar.removeAttribute('value');
      note.textContent = problem?.detail ?? (open && progress !== null ? describeProgress(progress) : '');
    },
  };
}

/** "score the corpus: 1,200 of 33,639 documents, 4,300/s, 8 s left" */
function describeProgress({
  stage,
  done,
  total,
  unit,
  rate,
  etaSeconds,
}: NonNullable<Job['progress']>): string {
  const parts = [`${formatCount(done)}${total === null ? '' : ` of ${formatCount(total)}`} ${unit}`];
  if (rate !== null) parts.push(`${formatCount(rate)}/s`);
  if (etaSeconds !== null) parts.push(`${formatSeconds(etaSeconds)} left`);
  return `${stage}: ${parts.join(', ')}`;
}
