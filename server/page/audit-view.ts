// What the page of an audit shows, and its keys.

import { formatCount, formatScore } from './amounts.ts';
import type { AuditAnswer, AuditDocument } from './audit-answers.ts';
import type { Problem } from './ask.ts';
import { find } from './dom.ts';

export interface Acts {
  begin: (person: string) => void;
  leave: () => void;
  answer: (answer: AuditAnswer) => void;
  back: () => void;
  reveal: () => void;
  discard: () => void;
  again: () => void;
  useKey: (key: string) => void;
}

const keyAnswers: Record<string, AuditAnswer> = { y: 'yes', n: 'no', '?': 'cannot tell' };

export type AuditView = ReturnType<typeof openAuditView>;

export function openAuditView(acts: Acts) {
  const start = find('#start', HTMLFormElement);
  const person = find('#person', HTMLInputElement);
  const keyForm = find('#key', HTMLFormElement);
  const judge = find('#judge', HTMLElement);
  const done = find('#done', HTMLElement);
  const text = find('#text', HTMLElement);
  const noteField = find('#note', HTMLInputElement);
  const about = find('#about', HTMLElement);
  const revealButton = find('#reveal', HTMLButtonElement);
  const backButton = find('#back', HTMLButtonElement);
  const buttons = [...document.querySelectorAll<HTMLButtonElement>('[data-answer]')];

  start.addEventListener('submit', (event) => {
    event.preventDefault();
    acts.begin(person.value);
  });
  keyForm.addEventListener('submit', (event) => {
    event.preventDefault();
    keyForm.hidden = true;
    acts.useKey(find('#keyInput', HTMLInputElement).value.trim());
  });
  for (const button of buttons)
    button.addEventListener('click', () => {
      const given = Object.values(keyAnswers).find((one) => one === button.dataset['answer']);
      if (given !== undefined) acts.answer(given);
    });
  backButton.addEventListener('click', acts.back);
  find('#doneBack', HTMLElement).addEventListener('click', acts.back);
  revealButton.addEventListener('click', acts.reveal);
  find('#again', HTMLElement).addEventListener('click', acts.again);
  find('#discard', HTMLElement).addEventListener('click', acts.discard);
  find('#leave', HTMLElement).addEventListener('click', acts.leave);
  openKeys(acts, judge, noteField, text);

  const part = (shown: HTMLElement): void => {
    for (const one of [start, judge, done]) one.hidden = one !== shown;
    find('#bar', HTMLElement).hidden = shown !== judge;
  };
  return {
    showStart(name: string): void {
      part(start);
      find('#who', HTMLElement).textContent = '';
      find('#leave', HTMLElement).hidden = true;
      person.value = name;
      person.focus();
      person.select();
    },
    focusStart: () => person.focus(),
    showSession(session: { person: string; question: string; superseded: boolean }): void {
      find('#who', HTMLElement).textContent = session.person;
      find('#leave', HTMLElement).hidden = false;
      find('#question', HTMLElement).textContent = session.question;
      find('#superseded', HTMLElement).hidden = !session.superseded;
    },
    /** Shows that a document is coming, with the answer that it already has. */
    showDocument(given: { answer: AuditAnswer; note: string } | undefined, hasBack: boolean): void {
      part(judge);
      text.setAttribute('aria-busy', 'true');
      find('#truncated', HTMLElement).hidden = true;
      noteField.value = given?.note ?? '';
      about.textContent = '';
      revealButton.setAttribute('aria-expanded', 'false');
      for (const button of buttons) {
        button.disabled = true;
        button.setAttribute('aria-pressed', String(button.dataset['answer'] === given?.answer));
      }
      backButton.disabled = !hasBack;
    },
    showText(shown: AuditDocument): void {
      text.textContent = shown.text ?? `This text cannot be read: ${shown.problem?.detail ?? ''}`;
      text.removeAttribute('aria-busy');
      find('#truncated', HTMLElement).hidden = !shown.truncated;
      for (const button of buttons) button.disabled = false;
      scrollTo(0, 0);
      text.focus({ preventScroll: true });
    },
    showAbout({ score, slice, slices, source, document: name }: NonNullable<AuditDocument['about']>): void {
      revealButton.setAttribute('aria-expanded', 'true');
      about.textContent = [
        `score ${formatScore(score)}`,
        `slice ${slice} of ${slices}`,
        ...(source === '' ? [] : [source]),
        name,
      ].join(' · ');
    },
    showProgress(answered: number, of: number): void {
      const bar = find('#progress', HTMLProgressElement);
      bar.max = Math.max(1, of);
      bar.value = answered;
      find('#count', HTMLElement).textContent = `${formatCount(answered)} of ${formatCount(of)} answered`;
    },
    showDone({
      answers,
      left,
      forOthers,
    }: {
      answers: ReadonlyMap<string, unknown>;
      left: number;
      forOthers: number;
    }): void {
      part(done);
      find('#doneText', HTMLElement).textContent =
        `You have answered ${formatCount(answers.size)} documents. ` +
        (left > 0
          ? 'More come when these are saved.'
          : forOthers > 0
            ? `${formatCount(forOthers)} of them still need a second reviewer.`
            : 'All documents are done.');
      find('#doneTitle', HTMLElement).textContent = left > 0 ? 'Waiting' : 'Nothing left to judge';
      find('#doneBack', HTMLElement).hidden = answers.size === 0;
      done.focus();
    },
    showSaved(waiting: number, refused: number, problem: Problem | undefined): void {
      const status = find('#saved', HTMLElement);
      find('#discard', HTMLElement).hidden = refused === 0;
      if (waiting === 0 && status.textContent === '') return;
      const some = waiting === 1 ? '1 answer is' : `${formatCount(waiting)} answers are`;
      const said =
        waiting === 0
          ? 'All answers are saved.'
          : problem === undefined
            ? 'Saving …'
            : `${some} not saved yet, but kept in this browser. ${problem.message}`;
      status.toggleAttribute('data-problem', waiting > 0 && problem !== undefined);
      if (status.textContent !== said) status.textContent = said;
      if (problem?.code.startsWith('KEY_') === true) keyForm.hidden = false;
    },
    showProblem(problem: Problem | undefined): void {
      const alert = find('#problem', HTMLElement);
      alert.hidden = problem === undefined;
      alert.textContent = problem?.message ?? '';
      if (problem?.code.startsWith('KEY_') !== true) return;
      keyForm.hidden = false;
      find('#keyInput', HTMLInputElement).focus();
    },
    note: () => noteField.value.trim(),
  };
}

/** Keyboard shortcuts, unless they are switched off (some people use speech, which types letters) or text is typed. */
function openKeys(acts: Acts, judge: HTMLElement, noteField: HTMLInputElement, text: HTMLElement): void {
  const isOn = find('#keys', HTMLInputElement);
  document.addEventListener('keydown', (event) => {
    const { key, target } = event;
    if (target === noteField && (key === 'Escape' || key === 'Enter')) {
      event.preventDefault();
      text.focus({ preventScroll: true });
      return;
    }
    if (
      judge.hidden ||
      !isOn.checked ||
      event.repeat ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      (target instanceof HTMLInputElement && target.type !== 'checkbox')
    )
      return;
    // Caps Lock makes them capital letters.
    const letter = key.toLowerCase();
    const given = keyAnswers[letter];
    if (given !== undefined) acts.answer(given);
    else if (letter === 'b') acts.back();
    else if (letter === 's') acts.reveal();
    else if (letter === 'm') noteField.focus();
    else return;
    event.preventDefault();
  });
}
