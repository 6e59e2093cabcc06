// The page: one state, kept in the address; the controls change it, the panels follow it.

import { documentsAtMost, openAhead } from './ahead.ts';
import { formatFlops } from './amounts.ts';
import type { Answer, Benchmarks, Calibrations, Rankings, Ready } from './answers.ts';
import { openCopyButton } from './answer-view.ts';
import { askJson, download, hasKey, type Problem } from './ask.ts';
import { openControls, paperLaws } from './controls.ts';
import { find } from './dom.ts';
import { openJobs } from './jobs.ts';
import { openPanels } from './panels.ts';
import { openRunView } from './run-view.ts';
import { readState, type State, unreadIn, writeState } from './state.ts';

/** How often the page asks for a newer ranking, in ms; oftener while it has none. */
const watchMs = { answered: 10_000, unanswered: 2_000 };

let state = readState(location.search);
let generation: string | undefined;
/** Those that can be switched, of a corpus for which sets are asked ahead. */
let switches: readonly string[] = [];

const answers = find('main', HTMLElement);
const notice = find('#notice', HTMLElement);
const ahead = openAhead();
const controls = openControls(change);
const jobs = openJobs(() => void follow(true));
const runView = openRunView(
  (kind) => jobs.start(kind),
  () => void follow(true),
);
const panels = openPanels({ change, answered, refused });
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
if (matchMedia('(max-width: 1000px)').matches)
  for (const part of document.querySelectorAll('#question details')) part.removeAttribute('open');

function change(part: Partial<State>): void {
  tellLeftOut([]);
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
  void showGround(answer, state.pool === undefined ? answer.law?.name : undefined);
}

/** True where it is the run's problem, which is shown in place of the answer. */
function refused(problem: Problem): boolean {
  if (runView.show(problem)) return true;
  void repair();
  return false;
}

/**
 * An address may ask for what this ranking does not have: shows what can be asked for, and goes on without
 * the rest.
 */
async function repair(): Promise<void> {
  const plain = await askJson<Answer>(`rank?budget=${formatFlops(state.budget)}`, [
    'ranking',
    'cutoff',
    'law',
  ]).catch(() => undefined);
  if (plain === undefined || plain.ranking.generation === generation) return;
  if (plain.model !== null) controls.showModel(plain.model);
  const known = await showGround(plain, plain.law?.name);
  const { without, pool } = state;
  const unknown = [...without, ...(pool === undefined ? [] : [pool])].filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  const unread = unreadIn(location.search);
  change({
    without: without.filter((name) => known.includes(name)),
    pool: pool !== undefined && known.includes(pool) ? pool : undefined,
  });
  tellLeftOut([...unread, ...unknown]);
}

/** Tells what of the address does not count, until something is changed. */
function tellLeftOut(names: readonly string[]): void {
  notice.hidden = names.length === 0;
  notice.textContent = `Not understood in the address, and left out: ${names.join(', ')}.`;
}

/** Tells how a ranking differs from the one before, where that is over a threshold of the settings. */
function tellDrift({ from, over }: { from: string; over: readonly string[] } = { from: '', over: [] }): void {
  const drift = find('#drift', HTMLElement);
  drift.hidden = over.length === 0;
  drift.textContent = `This ranking drifted from the one before (${from}): ${over.join('; ')}.`;
}

/**
 * What a ranking can be asked about, and the names of it: benchmarks, and laws of one's own. Without either
 * the page still answers.
 */
async function showGround({ ranking, cutoff }: Answer, usualLaw = ''): Promise<string[]> {
  generation = ranking.generation;
  const [benchmarks, calibrations, { rankings }] = await Promise.all([
    askJson<Benchmarks>('benchmarks', ['benchmarks']).catch(() => ({ benchmarks: [] })),
    askJson<Calibrations>('calibrations', ['calibrations']).catch(() => ({ calibrations: [] })),
    askJson<Rankings>('rankings', ['rankings']).catch(() => ({ rankings: [] })),
  ]);
  tellDrift(rankings[0]?.drift ?? undefined);
  const scored = benchmarks.benchmarks.filter((benchmark) => benchmark.scored).map(({ name }) => name);
  switches = cutoff.ofDocuments > documentsAtMost ? [] : scored;
  ahead.begin(state, switches);
  controls.showGround({ ...benchmarks, ...calibrations, corpusTokens: cutoff.ofTokens, usualLaw }, state);
  return [
    ...scored,
    ...paperLaws.map(([name]) => name),
    ...calibrations.calibrations.map(({ name }) => name),
  ];
}

/** Follows a newly published ranking, and a server that comes back. */
async function watch(): Promise<void> {
  if (document.visibilityState === 'visible') {
    const ready = await askJson<Ready>('readyz', ['generation']).catch(() => undefined);
    if (ready !== undefined && ready.generation !== null && ready.generation !== generation)
      await follow(true);
  }
  setTimeout(() => void watch(), generation === undefined ? watchMs.unanswered : watchMs.answered);
}

tellLeftOut(unreadIn(location.search));
void follow();
jobs.look();
setTimeout(() => void watch(), watchMs.unanswered);
