// What a stored reply is found by.

import { createHash } from 'node:crypto';
import { fingerprint } from '../../run/run.ts';
import type { LanguageModel } from '../../models/language-model.ts';
import type { AskedQuestion } from './questions.ts';

/** Changes with everything that a model's reply to a question depends on, except the text. */
export function questionDigest(model: LanguageModel, question: AskedQuestion): string {
  const { before, after, groups, mode, samples, maxTokens } = question;
  return fingerprint({
    reply: 1,
    model: model.fingerprint,
    before,
    after,
    groups,
    ...(mode === 'rating' ? { samples, maxTokens } : {}),
  });
}

/** The digest of a reply, by the question's digest and the text of the window. */
export function windowDigest(question: string, text: string): string {
  return createHash('sha256').update(question).update(text).digest('hex').slice(0, 32);
}
