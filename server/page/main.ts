// The page: one state, kept in the address; the controls change it and the panels follow it.

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

/** How often the page checks for a newer ranking, in ms; more often while it has none. */
const watchMs = { answered: 10_000, unanswered: 2_000 };

let state = readState(location.search);
let generation: string | undefined;
/** The benchmarks that can be switched, if the corpus is small enough to prefetch. */
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
// In a single column, the answer should come right after the budget.
if (matchMedia('(max-width: 1000px)').matches)
  for (const part of document.querySelectorAll('#question details')) part.removeAttribute('open');

function change(part: Partial<State>): void {
  showIgnored([]);
  // Whoever moves the budget asks for its cutoff again.
  state = { ...state, ...('budget' in part ? { score: undefined } : {}), ...part };
  history.replaceState(null, '', writeState(state));
  void follow();
}

/** Updates everything to the state. The duration is measured as "follow", for benchmarks. */
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
  void showGround(answer, state.pool === undefined ? (answer.law?.name ?? answer.suits?.law) : undefined);
}

/** True if the problem is with the run, and is shown instead of the answer. */
function refused(problem: Problem): boolean {
  if (runView.show(problem)) return true;
  void repair();
  return false;
}

/** The address may name what this ranking lacks: shows what is available, and continues without the rest. */
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
  showIgnored([...unread, ...unknown]);
}

/** Reports the ignored parts of the address, until the state changes. */
function showIgnored(names: readonly string[]): void {
  notice.hidden = names.length === 0;
  notice.textContent = `Ignored, because the address is not valid here: ${names.join(', ')}.`;
}

/** Reports how a ranking differs from the previous one, if that exceeds a threshold of the settings. */
function showDrift({ from, over }: { from: string; over: readonly string[] } = { from: '', over: [] }): void {
  const drift = find('#drift', HTMLElement);
  drift.hidden = over.length === 0;
  drift.textContent = `This ranking drifted from the previous one (${from}): ${over.join('; ')}.`;
}

/**
 * Shows the benchmarks and calibrations of a ranking, and returns their names. The page works without
 * either.
 */
async function showGround({ ranking, cutoff }: Answer, usualLaw = ''): Promise<string[]> {
  generation = ranking.generation;
  const [benchmarks, calibrations, { rankings }] = await Promise.all([
    askJson<Benchmarks>('benchmarks', ['benchmarks']).catch(() => ({ benchmarks: [] })),
    askJson<Calibrations>('calibrations', ['calibrations']).catch(() => ({ calibrations: [] })),
    askJson<Rankings>('rankings', ['rankings']).catch(() => ({ rankings: [] })),
  ]);
  showDrift(rankings[0]?.drift ?? undefined);
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

/** Picks up a newly published ranking, and a server that comes back. */
async function watch(): Promise<void> {
  if (document.visibilityState === 'visible') {
    const ready = await askJson<Ready>('readyz', ['generation']).catch(() => undefined);
    if (ready !== undefined && ready.generation !== null && ready.generation !== generation)
      await follow(true);
  }
  setTimeout(() => void watch(), generation === undefined ? watchMs.unanswered : watchMs.answered);
}

showIgnored(unreadIn(location.search));
void follow();
jobs.look();
setTimeout(() => void watch(), watchMs.unanswered);
