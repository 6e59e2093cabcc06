// The page: one state, kept in the address; the controls change it, the panels follow it.

import type { Answer } from '../../ranking/answer.ts';
import { openCopyButton, showAnswer } from './answer-view.ts';
import { askJson, type Problem } from './ask.ts';
import { openControls } from './controls.ts';
import { find } from './dom.ts';
import { openPanel, type Panel } from './panel.ts';
import { questionQuery, readable, readState, type State, writeState } from './state.ts';

let state = readState(location.search);

const section = (id: string): HTMLElement => find(`#${id}`, HTMLElement);
const controls = openControls(change);
openCopyButton();

const panels: Panel[] = [
  openPanel<Answer>({
    section: section('answer'),
    path: (asked) => `rank?${readable(questionQuery(asked))}`,
    load: (path, signal) => askJson<Answer>(path, ['keep', 'cutoff', 'summary'], { signal }),
    show(answer) {
      showAnswer(answer);
      if (answer.model !== null) controls.showModel({ ...answer.model, maxEpochs: state.maxEpochs });
    },
    waitMs: 0,
    refuse: (problem: Problem) => { void problem; return false; },
  }),
];

function change(part: Partial<State>): void {
  state = { ...state, ...part };
  history.replaceState(null, '', writeState(state));
  follow();
}

function follow(): void {
  controls.showState(state);
  void Promise.all(panels.map((panel) => panel.follow(state)));
}

follow();
