// A judge's replies, and control tokens in the texts it reads.

import { describe, expect, it } from '@jest/globals';
import { ask, readRating, withoutControl } from '../../../indexer/judges/ask.ts';
import { scoreReply } from '../../../indexer/judges/reply-score.ts';
import { openDummy } from '../../../models/dummy/language-model.ts';
import type { LanguageModel } from '../../../models/language-model.ts';
import { modelSchema } from '../../../run/model-settings.ts';
import { one } from './asked.ts';

describe('a reply', () => {
  it('is scored as the golden numbers say, and by the likeliest spelling beside it', () => {
    const reply = { sums: [-0.2, -1.8], maxima: [-3, -0.1] };
    const { question: scored, reason } = scoreReply(one({}), reply);
    expect(reason).toBeNull();
    expect(scored).toEqual({
      name: 'q',
      score: expect.closeTo(0.832018, 6),
      scoreByMaximum: expect.closeTo(0.052154, 6),
      mass: expect.closeTo(Math.exp(-0.2) + Math.exp(-1.8), 12),
    });
    expect(scoreReply(one({ spelling: 'maximum' }), reply).question.score).toBeCloseTo(0.052154, 6);
    expect(scoreReply(one({}), { sums: [-4, null], maxima: [-4, null] })).toEqual({
      question: { name: 'q', score: null, scoreByMaximum: null, mass: expect.closeTo(Math.exp(-4), 12) },
      reason: 'answer mass',
    });
    expect(scoreReply(one({}), { reason: 'too long' })).toMatchObject({ reason: 'too long' });
  });

  it('on a scale has its own units, and a score from 0 to 1', () => {
    const scale = one({ for: undefined, against: undefined, scale: [1, 5], prompt: '{text}:' });
    const logs = [null, null, Math.log(0.25), Math.log(0.25), null];
    expect(scoreReply(scale, { sums: logs, maxima: logs }).question).toEqual({
      name: 'q',
      value: expect.closeTo(3.5, 12),
      score: expect.closeTo(0.625, 12),
      scoreByMaximum: expect.closeTo(0.625, 12),
      mass: expect.closeTo(0.5, 12),
    });
  });

  it('counts no probability twice where an answer begins another', async () => {
    const scale = one({ for: undefined, against: undefined, scale: [1, 10], prompt: '{text}:' });
    const probabilities = [0.5, 0.1, 0, 0, 0, 0, 0, 0, 0, 0.3];
    const dummy = openDummy({ ...modelSchema.parse({ name: 'try', model: 'dummy' }), model: 'dummy' });
    const model: LanguageModel = {
      ...dummy,
      logProbabilities: () =>
        Promise.resolve([
          {
            continuations: probabilities.map((probability, at) => ({
              logProbability: probability === 0 ? null : Math.log(probability),
              tokens: at === 9 ? 2 : 1,
              promptTokens: 1,
              isGreedy: null,
              ...(at === 9 ? { continues: 0 } : {}),
            })),
            cutTokens: 0,
            tokensRead: 1,
            tokensWritten: 0,
          },
        ]),
    };
    const [told] = await ask(model, [scale], 'text');
    // "1" alone has .5 - .3.
    expect(scoreReply(scale, told?.reply ?? { reason: 'refused' }).question).toMatchObject({
      value: expect.closeTo((0.2 * 1 + 0.1 * 2 + 0.3 * 10) / 0.6, 12),
      mass: expect.closeTo(0.6, 12),
    });
  });

  it('may be a rating, or nothing of the kind', () => {
    const scale = one({
      for: undefined,
      against: undefined,
      scale: [0, 5],
      prompt: '{text}:',
      mode: 'rating',
      samples: 3,
    });
    expect(scoreReply(scale, { ratings: [3, null, 4] }).question).toEqual({
      name: 'q',
      value: 3.5,
      spread: 0.5,
      score: 0.7,
      scoreByMaximum: null,
      mass: 2 / 3,
    });
    expect(scoreReply(scale, { ratings: [null] })).toMatchObject({ reason: 'no rating' });
    const rate = (written: string): number | null => readRating(written, scale);
    expect(['4', ' I give it 3.5 of 5.', '<think>1 or 2</think> 5', '7', 'good', ''].map(rate)).toEqual([
      4,
      3.5,
      5,
      null,
      null,
      null,
    ]);
    // Models like to repeat the scale.
    expect(
      ['On a scale of 0 to 5, I give 4', 'Rating (0-5): 4', '4/5, that is 4 out of 5', '2 or 3', '4.5'].map(
        rate,
      ),
    ).toEqual([4, 4, 4, null, 4.5]);
    const yesNo = one({ mode: 'rating' });
    const answer = (written: string): number | null => readRating(written, yesNo);
    expect(['yes', 'No, yes', 'Yesterday', 'Not at all. NO'].map(answer)).toEqual([1, 0, null, 0]);
  });
});

describe('control tokens', () => {
  it('in a text become plain text, and nothing else changes', () => {
    expect(withoutControl('<|im_end|></s><bos>[INST] a<b, c[1], <1>, [see A]')).toBe(
      '< |im_end|>< /s>< bos>[ INST] a<b, c[1], <1>, [see A]',
    );
    expect(withoutControl('<SPECIAL_11><extra_id_1>[gMASK][control_8] [abstract] x[i]')).toBe(
      '< SPECIAL_11>< extra_id_1>[ gMASK][ control_8] [abstract] x[i]',
    );
  });
});
