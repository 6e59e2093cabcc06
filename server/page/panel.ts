// A part of the page that follows one route: it asks when its address changes, gives up a question that is
// out of date, and keeps what it shows until something newer is there.

import { Problem } from './ask.ts';
import { find } from './dom.ts';
import type { State } from './state.ts';

export interface PanelPlan<T> {
  section: HTMLElement;
  /** Route and query for a state; undefined: nothing to ask. */
  path: (state: State) => string | undefined;
  load: (path: string, signal: AbortSignal) => Promise<T>;
  show: (answer: T, state: State) => void;
  /**
   * Waits this long for the next change before it asks; a slow one only while changes follow each other, and
   * no longer than its last answer took.
   */
  waitMs: number;
  slow?: boolean;
  /** Not every run has it: there is no section until there is an answer. */
  optional?: boolean;
  /** Told of a problem; true where the page shows it elsewhere. */
  refuse?: (problem: Problem) => boolean;
}

/** Changes closer to each other are one movement, as of the slider. */
const movementMs = 150;
/** What even a slow one waits for after a single change, so that the answer is asked for first. */
const singleMs = 30;

export interface Panel {
  /** Reads from the corpus files, which takes as long as they are large; nobody waits for it. */
  slow: boolean;
  /**
   * Follows the state. Resolves when what is shown is the state's, or a newer call took over. `again`: also
   * where the address is the same.
   */
  follow(state: State, again?: boolean): Promise<void>;
}

export function openPanel<T>({
  section,
  path,
  load,
  show,
  waitMs,
  slow = false,
  optional = false,
  refuse,
}: PanelPlan<T>): Panel {
  const alert = find('.problem', HTMLElement, section);
  /**
   * Whether there is no section to be seen, as the run has nothing for it, or nothing to show was ever there.
   */
  let absent = optional;
  let asked: string | undefined;
  let shown: { address: string; answer: T } | undefined;
  let stop = new AbortController();
  let tookMs = Infinity;
  let changedMs = -Infinity;

  const fail = (problem: Problem): void => {
    const refused = refuse?.(problem) === true;
    const isStale = shown !== undefined;
    absent = refused && (optional || !isStale);
    section.hidden = absent;
    section.dataset['stale'] = isStale ? 'shown' : 'empty';
    if (refused) return;
    alert.textContent = isStale
      ? `${problem.message} What is shown below answers an earlier question.`
      : problem.message;
    alert.hidden = false;
  };

  return {
    slow,
    async follow(state, again = false) {
      const address = path(state);
      section.hidden = address === undefined || absent;
      if (address === undefined) {
        stop.abort();
        asked = undefined;
        return;
      }
      if (address === asked && !again) {
        // What is optional is the run's, whatever the question.
        if (shown?.address === address && !optional) show(shown.answer, state);
        return;
      }
      asked = address;
      const isMoving = performance.now() - changedMs < movementMs;
      changedMs = performance.now();
      stop.abort();
      stop = new AbortController();
      const { signal } = stop;
      const isStale = (): boolean => signal.aborted;
      section.setAttribute('aria-busy', 'true');
      try {
        await pause(slow ? Math.min(waitMs, isMoving ? tookMs : singleMs) : waitMs);
        if (isStale()) return;
        const startedMs = performance.now();
        const answer = await load(address, signal);
        if (isStale()) return;
        tookMs = performance.now() - startedMs;
        shown = { address, answer };
        alert.hidden = true;
        absent = false;
        delete section.dataset['stale'];
        section.hidden = false;
        show(answer, state);
        linkData(section, address);
      } catch (error) {
        if (isStale()) return;
        // What the run does not have is asked for again only where there is reason to.
        if (!optional) asked = undefined;
        fail(error instanceof Problem ? error : new Problem('INTERNAL', 0, String(error)));
      }
      section.removeAttribute('aria-busy');
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Points the panel's JSON and CSV links at the data that it shows. */
function linkData(section: HTMLElement, address: string): void {
  for (const link of section.querySelectorAll<HTMLAnchorElement>('a[data-format]')) {
    const format = link.dataset['format'] ?? 'json';
    link.href =
      format === 'json' ? address : `${address}${address.includes('?') ? '&' : '?'}format=${format}`;
  }
}
