import { describe, expect, it } from '@jest/globals';
import { presetNames, subjectNames } from '../../../indexer/judges/presets.ts';
import type { AskedQuestion } from '../../../indexer/judges/questions.ts';
import { judgeSchema } from '../../../run/judge-settings.ts';
import { one, question, read } from './asked.ts';

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
