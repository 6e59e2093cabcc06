// A part of the page that follows one route: it sends a request when its address changes, cancels a request
// that is out of date, and keeps its contents until something newer arrives.
import { Problem } from './ask.ts';
import { find } from './dom.ts';
import type { State } from './state.ts';

export interface PanelPlan<T> {
  section: HTMLElement;
  /** Route and query for a state; undefined: no request. */
  path: (state: State) => string | undefined;
  load: (path: string, signal: AbortSignal) => Promise<T>;
  show: (answer: T, state: State) => void;
  /**
   * Delay before a request, in case another change follows; a slow panel waits only while changes follow each
   * other, and no longer than its last answer took.
   */
  waitMs: number;
  slow?: boolean;
  /** Not every run has it: the section is hidden until there is an answer. */
  optional?: boolean;
  /** Called with a problem; true if the page shows it elsewhere. */
  refuse?: (problem: Problem) => boolean;
}

/** Changes closer together than this are one movement, as of the slider. */
const movementMs = 150;
/** The delay of even a slow panel after a single change, so that the answer is requested first. */
const singleMs = 30;

export interface Panel {
  /** It reads the corpus files, which may take long; nothing waits for it. */
  slow: boolean;
  /**
   * Follows the state. Resolves when the panel shows it, or a newer call took over. `again`: also if the
   * address is the same.
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
  /** Whether the section is hidden, because the run has nothing for it. */
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
      ? `${problem.message} The contents below answer an earlier question.`
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
        // An optional section depends on the run, not on the question.
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
        // What the run lacks is requested again only if there is a reason to.
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

/** Points the panel's JSON and CSV links at the shown data. */
function linkData(section: HTMLElement, address: string): void {
  for (const link of section.querySelectorAll<HTMLAnchorElement>('a[data-format]')) {
    const format = link.dataset['format'] ?? 'json';
    link.href =
      format === 'json' ? address : `${address}${address.includes('?') ? '&' : '?'}format=${format}`;
  }
}
