// Finds the correct choice of rows that are ambiguous on their own. All rows of a benchmark follow one
// convention: a gold of 0 shows that it counts from 0; a gold as large as the number of choices, that it
// counts from 1. If the rows show neither, or both, ambiguous rows are refused.

import type { Convention } from './choices.ts';
import type { Gold, Made, Open, Outcome, Refused } from './outcome.ts';

/** Number of golds with only one possible reading. */
interface Evidence {
  fromZero: number;
  fromOne: number;
  texts: number;
  places: number;
}

const byPlace: readonly Convention[] = ['letter', 'index', 'number'];

/** Settles or refuses every row with an open choice; keeps the order. */
export function settleAll(outcomes: readonly Outcome[]): (Made | Refused)[] {
  const evidence = gatherEvidence(outcomes.filter((outcome) => 'golds' in outcome));
  return outcomes.map((outcome) => ('golds' in outcome ? settle(outcome, evidence) : outcome));
}

function gatherEvidence(rows: readonly Open[]): Map<string, Evidence> {
  const found = new Map<string, Evidence>();
  for (const { key, readings, countsFrom } of rows.flatMap(({ golds }) => golds)) {
    const own = found.get(key) ?? { fromZero: 0, fromOne: 0, texts: 0, places: 0 };
    found.set(key, own);
    if (countsFrom === 0) own.fromZero++;
    if (countsFrom === 1) own.fromOne++;
    if (readings.has('label')) continue;
    const isPlace = byPlace.some((convention) => readings.has(convention));
    if (isPlace && !readings.has('text')) own.places++;
    if (readings.has('text') && !isPlace) own.texts++;
  }
  return found;
}

function settle({ golds, choices, finish }: Open, evidence: ReadonlyMap<string, Evidence>): Made | Refused {
  const readable = golds.filter(({ readings, allowed }) =>
    allowed.some((convention) => readings.has(convention)),
  );
  const [first] = readable;
  const shown = golds.map(({ field, shown: value }) => `${field} is "${value}"`).join(', ');
  if (first === undefined) return { reason: `${shown}, which is none of the ${choices.length} choices` };
  let left: ReadonlySet<string> | undefined;
  for (const gold of readable) {
    const meant = readBy(gold, evidence.get(gold.key));
    if ('reason' in meant) return meant;
    left = left === undefined ? meant : new Set([...left].filter((text) => meant.has(text)));
  }
  const [choice, another] = left ?? [];
  if (choice === undefined)
    return {
      reason: `${readable.map(({ field }) => field).join(' and ')} name different choices (${shown})`,
    };
  return another === undefined ? finish(choice) : { reason: whyOpen(first) };
}

/** The choices that a gold may mean, given the other rows, or why none can be trusted. */
function readBy(
  { field, readings, allowed }: Gold,
  evidence: Evidence = { fromZero: 0, fromOne: 0, texts: 0, places: 0 },
): ReadonlySet<string> | Refused {
  const { fromZero, fromOne, texts, places } = evidence;
  const [zero, one] = [allowed.includes('index'), allowed.includes('number')];
  const isNumbered = (readings.has('index') && zero) || (readings.has('number') && one);
  const isContradicted = (!zero || fromOne > 0) && (!one || fromZero > 0);
  if (isNumbered && isContradicted && !readings.has('label')) {
    const said =
      zero && one
        ? `counts from 0 in ${fromZero} of the rows and from 1 in ${fromOne}`
        : zero
          ? `should count from 0, but counts from 1 in ${fromOne} of the rows`
          : `should count from 1, but counts from 0 in ${fromZero} of the rows`;
    return {
      reason: `${field} ${said}, so none of its numbers can be trusted; correct them in the file`,
    };
  }
  const left = new Map([...readings].filter(([convention]) => allowed.includes(convention)));
  // A label comes from the row itself.
  if (left.has('label') && !byPlace.some((convention) => left.has(convention)))
    return new Set([left.get('label') ?? '']);
  if (fromZero > 0 && fromOne === 0) left.delete('number');
  if (fromOne > 0 && fromZero === 0) left.delete('index');
  if (texts > 0 && places === 0) for (const convention of byPlace) left.delete(convention);
  if (places > 0 && texts === 0) left.delete('text');
  return new Set(left.values());
}

function whyOpen({ field, shown, readings, allowed }: Gold): string {
  const names: Record<Convention, string> = {
    label: 'a label',
    text: 'the text of a choice',
    letter: 'a letter',
    index: 'counting from 0',
    number: 'counting from 1',
  };
  const ways = [...readings.keys()]
    .filter((convention) => allowed.includes(convention))
    .map((convention) => names[convention]);
  return (
    `${field} is "${shown}", which may mean different choices (${ways.join(', or ')}), and ` +
    'no other row settles it; a template can'
  );
}
