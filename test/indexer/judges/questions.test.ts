import { describe, expect, it } from '@jest/globals';
import { readRating, withoutControl } from '../../../indexer/judges/ask.ts';
import { presetNames, subjectNames } from '../../../indexer/judges/presets.ts';
import { type AskedQuestion, readQuestions } from '../../../indexer/judges/questions.ts';
import { scoreReply } from '../../../indexer/judges/reply-score.ts';
import { judgeSchema, type JudgeSettings } from '../../../run/judge-settings.ts';

const judge = (settings: object): JudgeSettings =>
  judgeSchema.parse({ name: 'judge', model: 'try', ...settings });
const read = (settings: object, isChat = false): AskedQuestion[] => readQuestions(judge(settings), isChat);
const question = (more: object = {}): object => ({
  name: 'q',
  prompt: '{text}\nIs it good? Answer YES or NO.\nAnswer:',
  for: ['YES', 'Yes'],
  against: ['NO', 'No'],
  ...more,
});
const one = (more: object, isChat = false): AskedQuestion => {
  const [asked] = read({ questions: [question(more)] }, isChat);
  if (asked === undefined) throw new Error('no question');
  return asked;
};

describe('the questions that come with betr', () => {
  it.each(presetNames())('%s can be asked, text first, in one frame', (preset) => {
    const questions = read({ preset });
    expect(questions.length).toBeGreaterThanOrEqual(2);
    for (const { isYesNo, before, leastMass } of questions) {
      expect(isYesNo).toBe(true);
      expect(before).toBe('Text:\n');
      expect(leastMass).toBe(0.05);
    }
  });

  it('has a subject for each word, and words for one subject alone', () => {
    expect(presetNames()).toEqual(['code', 'law', 'math', 'medicine', 'science']);
    expect(subjectNames()).toEqual(expect.arrayContaining(['mathematics', 'law', 'programming']));
    for (const subject of subjectNames()) {
      const [asked] = read({ subject });
      expect(asked?.after).toBe('\n\nThis text belongs to a textbook on');
      expect(asked?.groups[0]?.continuations).toContain(` ${subject === 'society' ? 'sociology' : subject}`);
      expect(asked?.groups[1]?.continuations.length).toBeGreaterThan(30);
      expect(asked?.leastMass).toBe(0.001);
    }
  });
});

describe('leastMass', () => {
  const limit = (settings: object): number | undefined => read(settings)[0]?.leastMass;

  it("is the question's own, or the judge's, or what comes with betr", () => {
    expect(limit({ subject: 'law' })).toBe(0.001);
    expect(limit({ subject: 'law', leastMass: 0 })).toBe(0);
    expect(limit({ preset: 'math', leastMass: 0.2 })).toBe(0.2);
    expect(limit({ questions: [question()] })).toBe(0.05);
    expect(limit({ questions: [question()], leastMass: 0 })).toBe(0);
    expect(limit({ questions: [question({ leastMass: 0.3 })], leastMass: 0 })).toBe(0.3);
  });
});

describe('answers', () => {
  it('follow a blank where the prompt does not end in one', () => {
    expect(one({}).groups).toEqual([
      { value: 1, continuations: [' YES', ' Yes'] },
      { value: 0, continuations: [' NO', ' No'] },
    ]);
    expect(one({}, true).groups[0]?.continuations).toEqual(['YES', 'Yes']);
    expect(one({ prompt: '{text}\n' }).groups[0]?.continuations).toEqual(['YES', 'Yes']);
    // Given twice, counted once.
    expect(one({ for: ['YES', ' YES'] }).groups[0]?.continuations).toEqual([' YES']);
    expect(one({ for: ['是'], against: ['不'] }).groups[0]?.continuations).toEqual(['是']);
  });

  it('are the values of a scale, in order', () => {
    const scale = (of: unknown): AskedQuestion =>
      one({ for: undefined, against: undefined, scale: of, prompt: '{text} Rate it from 0 to 5:' });
    expect(scale([0, 2]).groups).toEqual([
      { value: 0, continuations: [' 0'] },
      { value: 1, continuations: [' 1'] },
      { value: 2, continuations: [' 2'] },
    ]);
    expect(scale({ 5: ['5', 'five'], 0: ['0'] }).groups).toEqual([
      { value: 0, continuations: [' 0'] },
      { value: 5, continuations: [' 5', ' five'] },
    ]);
  });

  it.each([
    [{ prompt: 'Is it good? Answer:' }, /no \{text\}/],
    [{ prompt: '{text} {text}' }, /more than once/],
    [{ prompt: '{title}\n{text}' }, /\{title\}.*only \{text\}/],
    [{ against: ['NO', 'YES'] }, /"YES" with two meanings/],
    [{ against: ['YES indeed'] }, /"YES", which "YES indeed" begins with/],
    [{ prompt: '{text}\nIs it good? Answer: YES' }, /"YES" at the end of its prompt/],
    [{ prompt: '{text}\nSay YES if it is good.' }, /"YES" in its prompt, but none of the opposite/],
    [
      { for: undefined, against: undefined, scale: [0, 5], prompt: '{text} from 0 to 5. Score: 4' },
      /"4" at the end/,
    ],
  ])('are refused: %j', (more, message) => {
    expect(() => one(more)).toThrow(
      expect.objectContaining({ code: 'JUDGE_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it.each([
    [{ questions: [question(), question({ name: 'Q' })] }, /same name/],
    [{ preset: 'maths' }, /no preset "maths"; there are code, law, math/],
    [{ subject: 'toString' }, /no subject "toString"; there are mathematics/],
  ])('and judges: %j', (settings, message) => {
    expect(() => read(settings)).toThrow(
      expect.objectContaining({ code: 'JUDGE_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it.each([
    [{}, /exactly one of "preset", "subject" and "questions"/],
    [{ preset: 'math', subject: 'law' }, /exactly one of/],
    [{ questions: [question({ scale: [0, 5] })] }, /either "for" and "against", or "scale"/],
    [{ questions: [question({ for: undefined })] }, /either "for" and "against", or "scale"/],
    [{ questions: [question({ for: undefined, against: undefined, scale: [5, 0] })] }, /lowest/],
    [{ questions: [question({ for: undefined, against: undefined, scale: { good: ['a'] } })] }, /number/],
  ])('as are settings: %j', (settings, message) => {
    const result = judgeSchema.safeParse({ name: 'judge', model: 'try', ...settings });
    expect(result.error?.issues.map((issue) => issue.message).join()).toMatch(message);
  });
});

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
