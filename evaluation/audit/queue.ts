// Which documents a person is to judge, and in which order.

import { type Audit, chanceOf, type Drawn } from './audit.ts';
import type { Decision, Decisions } from './decisions.ts';
import { personKey } from './person.ts';

export interface Queue {
  /** The person's last answers, oldest first. */
  answered: Decision[];
  /** Documents that still need this person's answer, in the person's own random order. */
  open: Drawn[];
  /** Documents that this person answered, but another person still has to. */
  forOthers: number;
}

/**
 * A document needs one answer, or two from different people. Each person has an order of their own, so that
 * people who work at the same time rarely meet; if they do, both answers count.
 */
export function queueOf(audit: Audit, { last }: Decisions, person: string): Queue {
  const key = personKey(person);
  const own = new Map<string, Decision>();
  const answersOf = new Map<string, number>();
  for (const decision of last) {
    answersOf.set(decision.id, (answersOf.get(decision.id) ?? 0) + 1);
    if (personKey(decision.person) === key) own.set(decision.id, decision);
  }
  const needsMore = audit.drawn.filter(({ id, twice }) => (answersOf.get(id) ?? 0) < (twice ? 2 : 1));
  const order = (drawn: Drawn): number => chanceOf('order', audit.seed, key, drawn.id);
  return {
    answered: [...own.values()],
    open: needsMore
      .filter(({ id }) => !own.has(id))
      .map((drawn) => ({ drawn, place: order(drawn) }))
      .sort((a, b) => a.place - b.place)
      .map(({ drawn }) => drawn),
    forOthers: needsMore.filter(({ id }) => own.has(id)).length,
  };
}
