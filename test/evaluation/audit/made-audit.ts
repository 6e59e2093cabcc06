// Audits and answers for tests.

import type { Audit } from '../../../evaluation/audit/audit.ts';
import type { AnswerWord, Decision, Decisions } from '../../../evaluation/audit/decisions.ts';

/** `perSlice` documents of each slice; scores fall from 1 in equal steps. `twice`: all for two people. */
export function makeAudit(slices: readonly number[], perSlice: number, twice = false, seed = 1): Audit {
  const count = slices.length * perSlice;
  return {
    id: 'a00000000001',
    drawnAt: '2026-01-01T00:00:00.000Z',
    question: 'Good?',
    scorer: 'betr',
    generation: 'g',
    seed,
    twice: twice ? 1 : 0,
    documents: slices.reduce((sum, documents) => sum + documents, 0),
    tokens: 1,
    slices: slices.map((documents, at) => ({
      from: at === slices.length - 1 ? null : 1 - ((at + 1) * perSlice - 1) / count,
      to: at === 0 ? null : 1 - (at * perSlice - 1) / count,
      documents,
      tokens: documents,
      drawn: perSlice,
    })),
    shards: [{ shard: 's', bytes: 1, modifiedMs: 1 }],
    drawn: Array.from({ length: count }, (_, at) => ({
      id: `d-${at}`,
      document: `document ${at}`,
      shard: 's',
      row: at,
      source: at % 2 === 0 ? 'web' : 'books',
      tokens: 1,
      score: 1 - at / count,
      slice: Math.floor(at / perSlice),
      twice,
    })),
  };
}

export function decision(person: string, id: string, answer: AnswerWord): Decision {
  return { at: '2026-01-02T00:00:00.000Z', person, id, answer, note: '', scoreShown: false, generation: 'g' };
}

/** Decisions of which each is its person's last. */
export function decisionsOf(all: Decision[]): Decisions {
  return { all, last: all, unreadableLines: 0 };
}

/** One person's answers; `answer` chooses by the number of the document. */
export function answersTo(
  count: number,
  answer: (at: number) => AnswerWord | undefined,
  person = 'Ada',
): Decision[] {
  return Array.from({ length: count }, (_, at) => at).flatMap((at) => {
    const given = answer(at);
    return given === undefined ? [] : decision(person, `d-${at}`, given);
  });
}
