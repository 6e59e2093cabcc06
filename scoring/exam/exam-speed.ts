// How fast a judge was in its exam, and what judging the sample and the corpus would cost at that speed.

import { readNote } from '../../data/duckdb/run-files.ts';
import type { Judge, JudgedText } from '../../indexer/judges/judge.ts';
import { sampleNoteSchema } from '../../indexer/sample/sample.ts';
import type { Run } from '../../run/run.ts';
import { readExam } from './exam-file.ts';
import type { Amount, Exam, Speed } from './exam-result.ts';

export interface Stopwatch {
  add: (judged: readonly JudgedText[], seconds: number, areDocuments: boolean) => void;
  speed: () => Speed | null;
}

/** Measures judging. Texts judged before took no time and do not count. */
export function openStopwatch(): Stopwatch {
  const none = { texts: 0, tokens: 0, seconds: 0 };
  const [all, documents] = [{ ...none }, { ...none }];
  return {
    add(judged, seconds, areDocuments) {
      const asked = judged.filter(({ tokens }) => tokens > 0);
      if (asked.length === 0) return;
      for (const sum of areDocuments ? [all, documents] : [all]) {
        sum.texts += asked.length;
        sum.tokens += asked.reduce((total, { tokens }) => total + tokens, 0);
        sum.seconds += seconds;
      }
    },
    speed() {
      // Examples are shorter than documents, so only documents show what a document costs.
      const sum = documents.texts > 0 ? documents : all;
      return sum.texts === 0
        ? null
        : {
            documents: sum.texts,
            documentsPerSecond: sum.texts / sum.seconds,
            tokensPerSecond: sum.tokens / sum.seconds,
            tokensPerDocument: sum.tokens / sum.texts,
            ofCorpus: sum === documents,
          };
    },
  };
}

/** The newer speed, unless only the older one shows what a document costs. */
export function betterSpeed(now: Speed | null, before: Speed | null): Speed | null {
  return before !== null && (now === null || (before.ofCorpus && !now.ofCorpus)) ? before : now;
}

/** The speed of the judge's last exam. */
export async function speedBefore(run: Run, judge: Judge): Promise<Speed | null> {
  const last = await readExam(run, judge.name);
  return last?.judge.fingerprint === judge.fingerprint ? last.speed : null;
}

export async function estimateCost(run: Run, judge: Judge, speed: Speed): Promise<Exam['cost']> {
  const note = await readNote(run.files.sample, sampleNoteSchema);
  if (note === undefined) return null;
  const price = run.settings.models.find(({ name }) => name === judge.model.name)?.price?.perMillionTokens;
  const amountOf = (documents: number): Amount => {
    const tokens = documents * speed.tokensPerDocument;
    return {
      documents,
      seconds: documents / speed.documentsPerSecond,
      tokens,
      money: price === undefined ? null : (tokens / 1e6) * price,
    };
  };
  return { sample: amountOf(note.sample.documents), corpus: amountOf(note.corpus.documents) };
}
