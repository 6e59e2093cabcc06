// Answers on their way to the server. They stay in the browser's storage until the server confirms them, so
// that neither a lost connection nor a closed tab loses one.

import { type AuditAnswer, type AuditSaved } from './answers.ts';
import { askJson, Problem } from './ask.ts';

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
}

const storageKey = 'betr-audit-answers';
const retryMs = 2_000;
/** The server takes 50 at a time, and 16 KiB. */
const entriesAtOnce = 10;
/** Problems that pass by themselves. */
const passes = ({ code, status }: Problem): boolean =>
  code === 'UNREACHABLE' || status === 429 || status >= 500;

export function openOutbox(told: {
  /** After every change, with the problem that keeps answers from being saved. */
  changed(problem: Problem | undefined): void;
  /** The server confirmed some answers of this person to this audit. */
  saved(answer: AuditSaved, sent: Pick<Entry, 'audit' | 'person'>): void;
}): Outbox {
  /** Used if the browser keeps nothing. */
  let memory: Entry[] = [];
  let sending = false;
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
  const send = async (): Promise<void> => {
    clearTimeout(timer);
    if (sending) return;
    sending = true;
    let problem: Problem | undefined;
    try {
      for (let [first] = read(); first !== undefined; [first] = read()) {
        const { audit, person } = first;
        const some = read()
          .filter((entry) => entry.audit === audit && entry.person === person)
          .slice(0, entriesAtOnce);
        const answers = some.map(({ id, answer, note, scoreShown }) => ({ id, answer, note, scoreShown }));
        const saved = await askJson<AuditSaved>('audit/answers', ['next', 'left', 'forOthers'], {
          method: 'POST',
          body: JSON.stringify({ audit, person, answers }),
        });
        const sent = some.map((entry) => JSON.stringify(entry));
        write(read().filter((entry) => !sent.includes(JSON.stringify(entry))));
        told.saved(saved, { audit, person });
        told.changed(undefined);
      }
    } catch (error) {
      problem = error instanceof Problem ? error : new Problem('INTERNAL', 0, String(error));
      if (passes(problem)) timer = setTimeout(() => void send(), retryMs);
    } finally {
      sending = false;
    }
    told.changed(problem);
  };
  return {
    add(entry) {
      write([...read(), entry]);
      told.changed(undefined);
      void send();
    },
    waiting: read,
    send: () => void send(),
  };
}

function isEntry(value: unknown): value is Entry {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['audit', 'person', 'id', 'answer', 'note', 'scoreShown'].every((name) => name in value)
  );
}
