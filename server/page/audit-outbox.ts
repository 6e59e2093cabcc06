// Answers on their way to the server. They stay in the browser's storage until the server confirms them, so
// that neither a lost connection nor a closed tab loses one.

import { type AuditAnswer, type AuditSaved } from './audit-answers.ts';
import { askJson, problemOf, type Problem } from './ask.ts';

export interface Entry {
  audit: string;
  person: string;
  id: string;
  answer: AuditAnswer;
  note: string;
  scoreShown: boolean;
}

export interface Outbox {
  add(entry: Entry): void;
  /** Answers that are not confirmed yet, oldest first. */
  waiting(): readonly Entry[];
  /** Sends what is waiting; also once a problem has been solved. */
  send(): void;
  /** How many answers the server refused for good, such as those to an audit that is gone. */
  refused(): number;
  /** Forgets those. */
  discard(): void;
}

const storageKey = 'betr-audit-answers';
const retryMs = 1_000;
/** The server takes 50 at a time, and 16 KiB. */
const entriesAtOnce = 10;
/** Problems that pass by themselves. */
const passes = ({ code, status }: Problem): boolean =>
  code === 'UNREACHABLE' || status === 429 || status >= 500;
const isOfKey = ({ code }: Problem): boolean => code.startsWith('KEY_');

export function openOutbox(told: {
  /** After every change, with the problem that keeps answers from being saved. */
  changed(problem: Problem | undefined): void;
  /** The server confirmed some answers of this person to this audit. */
  saved(answer: AuditSaved, sent: Pick<Entry, 'audit' | 'person'>): void;
}): Outbox {
  /** Used if the browser keeps nothing. */
  let memory: Entry[] = [];
  let sending = false;
  /** Entries as JSON; kept and shown, but not in the way of others. */
  const refused = new Set<string>();
  const isRefused = (entry: Entry): boolean => refused.has(JSON.stringify(entry));
  let lastProblem: Problem | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  // Read every time: another tab may have added or sent answers.
  const read = (): Entry[] => {
    try {
      const kept: unknown = JSON.parse(localStorage.getItem(storageKey) ?? '[]');
      return Array.isArray(kept) ? [...kept.filter(isEntry), ...memory] : memory;
    } catch {
      return memory;
    }
  };
  const write = (entries: Entry[]): void => {
    try {
      localStorage.setItem(storageKey, JSON.stringify(entries));
      memory = [];
    } catch {
      memory = entries;
    }
  };
  const sendSome = async (some: readonly Entry[], to: Pick<Entry, 'audit' | 'person'>): Promise<void> => {
    const answers = some.map(({ id, answer, note, scoreShown }) => ({ id, answer, note, scoreShown }));
    const saved = await askJson<AuditSaved>('audit/answers', ['next', 'left', 'forOthers'], {
      method: 'POST',
      body: JSON.stringify({ ...to, answers }),
    });
    const sent = some.map((entry) => JSON.stringify(entry));
    write(read().filter((entry) => !sent.includes(JSON.stringify(entry))));
    told.saved(saved, to);
  };
  const send = async (): Promise<void> => {
    clearTimeout(timer);
    if (sending) return;
    sending = true;
    let problem: Problem | undefined;
    for (;;) {
      const open = read().filter((entry) => !isRefused(entry));
      const [first] = open;
      if (first === undefined) break;
      const { audit, person } = first;
      const some = open
        .filter((entry) => entry.audit === audit && entry.person === person)
        .slice(0, entriesAtOnce);
      try {
        await sendSome(some, { audit, person });
      } catch (error) {
        problem = problemOf(error);
        if (passes(problem) || isOfKey(problem)) break;
        for (const entry of some) refused.add(JSON.stringify(entry));
      }
    }
    sending = false;
    if (problem !== undefined && passes(problem)) timer = setTimeout(() => void send(), retryMs);
    if (problem !== undefined) lastProblem = problem;
    told.changed(problem ?? (refused.size > 0 ? lastProblem : undefined));
  };
  return {
    add(entry) {
      write([...read(), entry]);
      told.changed(undefined);
      void send();
    },
    waiting: read,
    send: () => void send(),
    refused: () => read().filter(isRefused).length,
    discard() {
      write(read().filter((entry) => !isRefused(entry)));
      refused.clear();
      void send();
    },
  };
}

function isEntry(value: unknown): value is Entry {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['audit', 'person', 'id', 'answer', 'note', 'scoreShown'].every((name) => name in value)
  );
}
