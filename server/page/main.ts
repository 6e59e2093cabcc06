// The page: one state, kept in the address; the controls change it, the panels follow it.

import { documentsAtMost, openAhead } from './ahead.ts';
import type { Answer, Benchmarks, Calibrations, Ready } from './answers.ts';
import { openCopyButton } from './answer-view.ts';
import { askJson, download, hasKey } from './ask.ts';
import { openControls } from './controls.ts';
import { find } from './dom.ts';
import { openJobs } from './jobs.ts';
import { openPanels } from './panels.ts';
import { openRunView } from './run-view.ts';
import { readState, type State, writeState } from './state.ts';

/** How often the page asks for a newer ranking, in ms; oftener while it has none. */
const watchMs = { answered: 10_000, unanswered: 2_000 };

let state = readState(location.search);
let generation: string | undefined;
/** Those that can be switched, of a corpus for which sets are asked ahead. */
let switches: readonly string[] = [];

const answers = find('main', HTMLElement);
const ahead = openAhead();
const controls = openControls(change);
const jobs = openJobs(() => void follow(true));
const runView = openRunView((kind) => jobs.start(kind), () => void follow(true));
const panels = openPanels({ change, answered, refused: (problem) => runView.show(problem) });
openCopyButton();
for (const link of document.querySelectorAll<HTMLAnchorElement>('a[data-format], a[data-file]')) {
  link.addEventListener('click', (event) => {
    // A plain link cannot carry a key.
    if (!hasKey()) return;
    event.preventDefault();
    void download(link);
  });
}
// Where there is one column, the answer comes right after the budget.
if (matchMedia('(max-width: 1000px)').matches) for (const part of document.querySelectorAll('#question details')) part.removeAttribute('open');

function change(part: Partial<State>): void {
  state = { ...state, ...part };
  history.replaceState(null, '', writeState(state));
  void follow();
}

/** Brings everything up to the state. How long that took is measured as "follow", for who wants to know. */
async function follow(again = false): Promise<void> {
  const asked = state;
  const from = performance.now();
  ahead.stop();
  controls.showState(state);
  answers.setAttribute('aria-busy', 'true');
  for (const panel of panels.filter(({ slow }) => slow)) void panel.follow(asked, again);
  await Promise.all(panels.filter(({ slow }) => !slow).map((panel) => panel.follow(asked, again)));
  if (asked !== state) return;
  answers.removeAttribute('aria-busy');
  performance.measure('follow', { start: from });
  ahead.begin(state, switches);
}

function answered(answer: Answer): void {
  runView.clear();
  if (answer.model !== null) controls.showModel(answer.model);
  if (generation === answer.ranking.generation) return;
  generation = answer.ranking.generation;
  void showGround(answer);
}

/** What a ranking can be asked about: benchmarks, and laws of one's own. Without either the page still answers. */
async function showGround({ cutoff, law }: Answer): Promise<void> {
  const [benchmarks, calibrations] = await Promise.all([
    askJson<Benchmarks>('benchmarks', ['benchmarks']).catch(() => ({ benchmarks: [] })),
    askJson<Calibrations>('calibrations', ['calibrations']).catch(() => ({ calibrations: [] })),
  ]);
  switches = cutoff.ofDocuments > documentsAtMost ? [] : benchmarks.benchmarks.filter(({ scored }) => scored).map(({ name }) => name);
  ahead.begin(state, switches);
  controls.showGround({ ...benchmarks, ...calibrations, corpusTokens: cutoff.ofTokens, usualLaw: law?.name ?? '' }, state);
}

/** Follows a newly published ranking, and a server that comes back. */
async function watch(): Promise<void> {
  if (document.visibilityState === 'visible') {
    const ready = await askJson<Ready>('readyz', ['generation']).catch(() => undefined);
    if (ready !== undefined && ready.generation !== null && ready.generation !== generation) await follow(true);
  }
  setTimeout(() => void watch(), generation === undefined ? watchMs.unanswered : watchMs.answered);
}

void follow();
jobs.look();
setTimeout(() => void watch(), watchMs.unanswered);
