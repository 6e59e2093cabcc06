// Follows the run's jobs: lists them, listens to the running one, and reports when one has ended.

import type { Job } from './answers.ts';
import { askJson, Problem, send } from './ask.ts';
import { find, makeButton } from './dom.ts';
import { readEvents } from './events.ts';
import { isOpen, showJobs } from './jobs-view.ts';
import type { JobKind } from './run-view.ts';

export interface Jobs {
  /** Lists the jobs and follows the running one. */
  look(): void;
  start(kind: JobKind): void;
}

export function openJobs(ended: () => void): Jobs {
  const alert = find('#jobs .problem', HTMLElement);
  let followed: string | undefined;

  const attempt = async (work: Promise<unknown>): Promise<void> => {
    try {
      await work;
      alert.hidden = true;
    } catch (error) {
      alert.textContent = error instanceof Problem ? error.message : String(error);
      alert.hidden = false;
    }
  };
  const look = async (): Promise<void> => {
    const { jobs } = await askJson<{ jobs: Job[] }>('jobs', ['jobs']);
    const show = (): void => {
      document.body.toggleAttribute('data-working', jobs.some(isOpen));
      showJobs(jobs, (id) => void attempt(send(`jobs/${id}`, { method: 'DELETE' }).then(look)));
    };
    show();
    // The queue runs the oldest job first.
    const open = jobs.filter(isOpen).at(-1);
    if (open === undefined || open.id === followed) return;
    followed = open.id;
    try {
      for await (const { event, data } of readEvents(`jobs/${open.id}/events`)) {
        Object.assign(open, event === 'progress' ? { progress: data } : data);
        show();
      }
    } finally {
      followed = undefined;
    }
    ended();
    // If a stream breaks off while the job continues, it is reopened after a delay.
    await new Promise((resolve) => setTimeout(resolve, isOpen(open) ? 1000 : 0));
    await look();
  };
  const start = (kind: JobKind): void =>
    void attempt(send('jobs', { method: 'POST', body: JSON.stringify({ kind }) }).then(look));

  find('#jobButtons', HTMLElement).replaceChildren(
    ...(['index', 'train', 'rank'] as const).map((kind) =>
      makeButton(kind, () => start(kind), { 'aria-label': `Start ${kind}` }),
    ),
  );
  return { look: () => void attempt(look()), start };
}
