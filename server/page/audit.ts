// The page of an audit: one text at a time, answered by key or button. Nothing of the score is loaded unless
// asked for.

import { type Entry, openOutbox } from './audit-outbox.ts';
import { openAuditView } from './audit-view.ts';
import type { AuditAnswer, AuditDocument, AuditState } from './audit-answers.ts';
import { askJson, keepKey, problemOf } from './ask.ts';

const personKey = 'betr-person';
const retryMs = 1_000;
const textsAhead = 2;

interface Session {
  audit: string;
  person: string;
  /** Ids in the order of answering, and the answers. */
  history: string[];
  answers: Map<string, Pick<Entry, 'answer' | 'note'>>;
  next: string[];
  left: number;
  forOthers: number;
}

let session: Session | undefined;
/** The document shown; undefined before the start and at the end. */
let current: { id: string; ready: boolean; scoreShown: boolean } | undefined;
let texts = new Map<string, Promise<AuditDocument>>();

const view = openAuditView({
  begin: (person) => void begin(person),
  leave,
  answer,
  back,
  reveal: () => void reveal(),
  discard: () => outbox.discard(),
  again: () => void begin(session?.person ?? ''),
  useKey(key) {
    keepKey(key);
    view.showProblem(undefined);
    outbox.send();
    if (session === undefined) view.focusStart();
    else showNext();
  },
});
const outbox = openOutbox({
  changed(problem) {
    const waiting = outbox.waiting().length;
    view.showSaved(waiting, outbox.refused(), problem);
    showProgress();
  },
  saved({ next, left, forOthers }, { audit, person }) {
    if (session === undefined || session.audit !== audit || session.person !== person) return;
    Object.assign(session, { next: [...next], left, forOthers });
    withoutWaiting(session);
    showProgress();
    if (current === undefined && session.next.length > 0) showNext();
  },
});
addEventListener('beforeunload', (event) => {
  if (outbox.waiting().length > 0) event.preventDefault();
});

/** The audit that the address names; the newest if it names none. */
function auditQuery(audit = new URLSearchParams(location.search).get('audit')): URLSearchParams {
  return new URLSearchParams(audit === null ? {} : { audit });
}

async function begin(name: string): Promise<void> {
  const query = auditQuery();
  query.set('person', name);
  let state: AuditState;
  try {
    state = await askJson<AuditState>(`audit/state?${query}`, ['audit', 'answered', 'next', 'left']);
  } catch (error) {
    view.showProblem(problemOf(error));
    return;
  }
  const { audit, person, answered, next, left, forOthers, superseded } = state;
  remember(person);
  const own: Session = {
    audit: audit.id,
    person,
    history: answered.map(({ id }) => id),
    answers: new Map(answered.map(({ id, answer: given, note }) => [id, { answer: given, note }])),
    next: [...next],
    left,
    forOthers,
  };
  for (const entry of outbox.waiting())
    if (entry.audit === own.audit && entry.person === person) note(own, entry);
  withoutWaiting(own);
  session = own;
  texts = new Map();
  view.showSession({ person, question: audit.question, superseded });
  showNext();
}

function remember(person: string): void {
  try {
    localStorage.setItem(personKey, person);
  } catch {
    // A browser that keeps nothing asks for the name again.
  }
}

function leave(): void {
  session = undefined;
  current = undefined;
  view.showStart('');
}

/** Records an answer in the session. */
function note({ history, answers }: Session, { id, answer: given, note: text }: Entry): void {
  if (!history.includes(id)) history.push(id);
  answers.set(id, { answer: given, note: text });
}

/** What is answered here, but not saved yet, is not next. */
function withoutWaiting(own: Session): void {
  const open = own.next.filter((id) => !own.answers.has(id));
  own.left -= own.next.length - open.length;
  own.next = open;
}

function answer(given: AuditAnswer): void {
  if (session === undefined || current?.ready !== true) return;
  const { audit, person, history } = session;
  const { id, scoreShown } = current;
  const place = history.indexOf(id);
  const entry: Entry = { audit, person, id, answer: given, note: view.note(), scoreShown };
  note(session, entry);
  withoutWaiting(session);
  outbox.add(entry);
  const following = place < 0 ? undefined : history[place + 1];
  if (following === undefined) showNext();
  else show(following);
}

function back(): void {
  if (session === undefined) return;
  const { history } = session;
  const place = current === undefined ? -1 : history.indexOf(current.id);
  const before = history[place < 0 ? history.length - 1 : place - 1];
  if (before !== undefined) show(before);
}

function showNext(): void {
  const [id] = session?.next ?? [];
  if (id !== undefined) {
    show(id);
    return;
  }
  current = undefined;
  showProgress();
  if (session !== undefined) view.showDone(session);
}

function show(id: string): void {
  if (session === undefined) return;
  current = { id, ready: false, scoreShown: false };
  const given = session.answers.get(id);
  view.showDocument(given, session.history.indexOf(id) !== 0 && session.history.length > 0);
  showProgress();
  void load(id);
  // The ones after it are there when this one is answered.
  for (const after of session.next.filter((other) => other !== id).slice(0, textsAhead))
    void textOf(after).catch(() => undefined);
}

function textOf(id: string): Promise<AuditDocument> {
  const query = auditQuery(session?.audit);
  const asked =
    texts.get(id) ??
    askJson<AuditDocument>(`audit/documents/${id}?${query}`, ['text', 'truncated', 'problem']);
  texts.set(id, asked);
  asked.catch(() => texts.delete(id));
  return asked;
}

/** Loads a text, and tries again while the server does not respond. */
async function load(id: string): Promise<void> {
  try {
    const document = await textOf(id);
    if (current?.id !== id) return;
    current.ready = true;
    view.showProblem(undefined);
    view.showText(document);
  } catch (error) {
    if (current?.id !== id) return;
    view.showProblem(problemOf(error));
    if (!problemOf(error).code.startsWith('KEY_'))
      setTimeout(() => {
        if (current?.id === id && !current.ready) void load(id);
      }, retryMs);
  }
}

async function reveal(): Promise<void> {
  if (session === undefined || current === undefined) return;
  const asked = current;
  const query = auditQuery(session.audit);
  query.set('reveal', 'true');
  query.set('characters', '0');
  try {
    const { about } = await askJson<AuditDocument>(`audit/documents/${asked.id}?${query}`, ['about']);
    if (current !== asked || about === null) return;
    current.scoreShown = true;
    view.showAbout(about);
  } catch (error) {
    view.showProblem(problemOf(error));
  }
}

function showProgress(): void {
  if (session === undefined) return;
  view.showProgress(session.answers.size, session.answers.size + session.left);
}

view.showStart(readPerson());
outbox.send();

function readPerson(): string {
  try {
    return localStorage.getItem(personKey) ?? '';
  } catch {
    return '';
  }
}
