// What a document costs a slow scorer, measured on some documents of the probed places.

import { textOf } from '../data/documents.ts';
import type { Report } from '../run/progress.ts';
import type { CorpusScorer, Measured } from './scorers/kind.ts';

const textsPerBatch = 4;
const mostTexts = 48;
const textsAtOnce = 16;
/** No more is measured after this time. */
const enoughSeconds = 30;

/** A scorer that takes no time, and keeps some texts of every batch, evenly spread. */
export function openTextKeeper(): { scorer: CorpusScorer; take: () => string[] } {
  let texts: string[] = [];
  return {
    take() {
      const taken = texts;
      texts = [];
      return taken;
    },
    scorer: {
      outputs: ['joint'],
      scoreTexts(text, textEnds, count, out) {
        out.fill(0);
        const kept = Math.min(textsPerBatch, count);
        for (let i = 0; i < kept; i++) {
          const at = Math.floor(((i + 0.5) * count) / kept);
          texts.push(textOf({ text, textEnds }, at));
        }
      },
    },
  };
}

/** Measures some of the texts, evenly spread. Errors: those of the scorer. */
export async function measureSlow(
  measure: NonNullable<CorpusScorer['measure']>,
  texts: readonly string[],
  report: Report,
): Promise<Measured> {
  const count = Math.min(mostTexts, texts.length);
  // Each group has texts of all places.
  const groups = Math.ceil(count / textsAtOnce);
  const sum: Measured = { documents: 0, seconds: 0, tokens: 0, price: null };
  for (let group = 0; group < groups && sum.seconds < enoughSeconds; group++) {
    const own: string[] = [];
    for (let i = group; i < count; i += groups) own.push(texts[Math.floor((i * texts.length) / count)] ?? '');
    const { documents, seconds, tokens, price } = await measure(own);
    sum.documents += documents;
    sum.seconds += documents === 0 ? 0 : seconds;
    sum.tokens += tokens;
    sum.price = price;
    report({ stage: 'measure the cost', done: sum.documents, total: count, unit: 'documents' });
  }
  return sum;
}
