// An answer about what to keep, in words.

import { formatCount, formatCountOf, formatShare } from '../run/amounts.ts';
import type { KeepAnswer } from './answer.ts';
import { reportedPrice } from './capacity.ts';
import type { CutOrder } from './cut.ts';
import { type Decided, measurementSeal, sealCharacters } from './keep.ts';
import type { MeasurementCard } from './measurement.ts';

interface Found {
  set: { name: string; seal: string; card: { pairs: number } };
  measurement: MeasurementCard;
  order: CutOrder;
  decided: Decided;
  kept: number;
  groups: KeepAnswer['groups'];
  threshold: number | null;
}

/** The answer with its sentences. */
export function describeAnswer(found: Found): KeepAnswer {
  const { set, measurement, order, decided, kept, groups, threshold } = found;
  const { name, method, proxy, beta, known, unknown } = measurement;
  return {
    set: set.name,
    setSeal: set.seal,
    measurement: { name, method, proxy, beta, seal: measurementSeal(measurement) },
    keep: decided.keep,
    from: decided.from,
    why: decided.why,
    capacity: decided.capacity,
    order,
    pairs: { all: set.card.pairs, known, kept },
    unknown,
    threshold,
    groups,
    summary: summarize(found),
    caveats: [...decided.caveats, ...caveatsOf(found)],
  };
}

const which: Record<CutOrder, string> = {
  easiest: 'the easiest',
  middle: 'the middle',
  hardest: 'the hardest',
  random: 'a random',
};

function summarize({ measurement, order, decided, kept, threshold }: Found): string {
  const limit =
    threshold === null
      ? ''
      : `, up to a difficulty of ${threshold.toPrecision(4)} (--max-loss ${threshold}@` +
        `${measurementSeal(measurement).slice(0, sealCharacters)})`;
  return (
    `Keep ${which[order]} ${formatShare(decided.keep)} of the ${formatCountOf(measurement.known, 'pair')} ` +
    'with a known ' +
    `difficulty: ${formatCountOf(kept, 'pair')}${limit}.${decided.from === 'keep' ? '' : ` ${decided.why}`}`
  );
}

/** A group of at least this many pairs that loses more than this share is worth a sentence. */
const groupWorthANote = { pairs: 20, lost: 0.8 };

function caveatsOf({ measurement, order, decided, kept, groups }: Found): string[] {
  const { all, kept: shares } = reportedPrice;
  const caveats: string[] = [];
  if (order === 'easiest' && kept < measurement.known)
    caveats.push(
      `Dropping hard pairs has a price. In the paper, Mistral-7B scored ${all} on GSM8K after training on all pairs, ` +
        `${shares.map(({ keep, gsm8k }) => `${gsm8k} at ${formatShare(keep)}`).join(', ')}: hard pairs are often ` +
        'math or not in English. --floor keeps a part of each group.',
    );
  if (order !== 'easiest')
    caveats.push(
      'The method keeps the easiest pairs. Published results disagree, so compare the orders in a trial.',
    );
  const { check } = measurement;
  if (measurement.proxy)
    caveats.push(
      `Measurement "${measurement.name}" is a proxy for trained reference models. ` +
        (check === undefined || check.spearman === null
          ? 'How well it agrees with them on these pairs has not been measured.'
          : `Its rank correlation with "${check.with}" is ${check.spearman.toFixed(2)}, on ` +
            `${formatCountOf(check.pairs, 'pair')}.`),
    );
  for (const { by, groups: list } of groups)
    for (const { group, known, lost } of list)
      if (
        known >= groupWorthANote.pairs &&
        (lost ?? 0) > groupWorthANote.lost &&
        (lost ?? 0) > 1.2 * (1 - decided.keep)
      )
        caveats.push(
          `${group === null ? `Pairs without a ${by}` : `${by[0]?.toUpperCase()}${by.slice(1)} "${group}"`} ` +
            `would lose ${formatShare(lost ?? 0)} of ${formatCount(known)} pairs.`,
        );
  return caveats;
}
