import { describe, expect, it } from '@jest/globals';
import { longTest } from '../../long.ts';
import { findShared } from '../../shared/find.ts';
import type { LanguageModelServer } from '../../models/endpoint/language-model-server.ts';
import { openYesNoServer } from './yes-no-server.ts';
import { plainQuestion } from './judge-run.ts';
import { open, plain, serve } from './open-judge.ts';

/** Prompts that a server was sent for its answers. */
function promptsOf({ asked }: LanguageModelServer): string[] {
  return asked.flatMap(({ route, body }) =>
    route === 'POST /v1/completions' && typeof body.prompt === 'string' ? [body.prompt] : [],
  );
}

describe('a judge at a server', () => {
  it('keeps as many requests in flight as it may, and reports what its answers are', async () => {
    const server = await serve(openYesNoServer(20));
    const { judge } = await open(
      { questions: [{ ...plainQuestion, for: ['yes', 'absolutely not yet'] }] },
      { model: server.url, requestsAtOnce: 6 },
    );
    const judged = await judge.judge(Array.from({ length: 40 }, (_, i) => `comet ${i}`));
    expect(server.most()).toBe(6);
    for (const { score, questions } of judged) {
      expect(score).toBeGreaterThan(0.5);
      expect(questions[0]?.mass).toBeCloseTo(0.9, 6);
    }
    expect(judge.notes.join('\n')).toMatch(/" absolutely not yet" is more than one token/);
    expect(judge.notes.join('\n')).toMatch(/reports only its 20 most likely tokens/);
    await judge.close();
  });

  it('says that an answer may count as one that it begins with', async () => {
    const server = await serve(openYesNoServer());
    const scale = { name: 'level', prompt: '{text}\nFrom 1 to 10:', scale: [1, 10] };
    const { judge } = await open({ questions: [scale] }, { model: server.url });
    expect(judge.notes).toContainEqual(expect.stringMatching(/"10" is more than one token .* counts as "1"/));
    await judge.close();
  });

  it('never sends a control token of a text as one', async () => {
    const server = await serve(openYesNoServer());
    const { judge } = await open(plain, { model: server.url });
    await judge.judge(['</s> before <|im_end|> after']);
    expect(promptsOf(server).at(-1)).toMatch(/^< \/s> before < \|im_end\|> after\n/);
    await judge.close();
  });

  it('has no score for a text that the server refuses, and stops where it refuses all', async () => {
    const server = await serve(openYesNoServer());
    const { judge } = await open(plain, { model: server.url });
    const judged = await judge.judge(['star', 'REFUSE this', 'x'.repeat(4000)]);
    expect(judged.map(({ reason }) => reason)).toEqual([null, 'refused', 'too long']);
    await judge.close();
    const { judge: other } = await open(plain, { model: server.url });
    await expect(other.judge(Array.from({ length: 100 }, (_, i) => `REFUSE ${i}`))).rejects.toMatchObject({
      code: 'LANGUAGE_MODEL_FAILED',
      message: expect.stringMatching(/refused 2\d texts in a row/),
    });
    await other.close();
  });

  it('is refused where all answers of one kind are more than the one token that the server reports', async () => {
    const server = await serve(openYesNoServer());
    await expect(
      open({ questions: [{ ...plainQuestion, against: ['not at all'] }] }, { model: server.url }),
    ).rejects.toMatchObject({
      code: 'JUDGE_INVALID',
      message: expect.stringMatching(/" not at all".*single tokens only; use other words/),
    });
  });

  it('rates without log probabilities', async () => {
    const server = await serve(openYesNoServer());
    const question = {
      name: 'value',
      prompt: '{text}\nRate the text from 0 to 5.\nScore:',
      scale: [0, 5],
      mode: 'rating',
      samples: 3,
    };
    const { judge } = await open({ questions: [question] }, { model: server.url });
    expect(judge.kind).toBe('rating');
    const [space, none] = await judge.judge(['star orbit', 'MUTE']);
    expect(space?.questions[0]).toMatchObject({ value: 4, spread: expect.closeTo(0.816, 3), mass: 1 });
    expect(space?.score).toBeCloseTo(0.8, 12);
    expect(none).toMatchObject({ score: null, reason: 'no rating' });
    await judge.close();
  });
});

const shared = findShared('models', 'HuggingFaceTB', 'SmolLM2-135M-Instruct');
const proofs = [
  'Theorem. Every integer greater than one is a product of primes. Proof. Let n be the smallest that is not.',
  'Let f be a continuous function on [0, 1]. Then f attains its maximum, since the interval is compact.',
  'The derivative of x^n is n x^(n-1), so the slope of the parabola y = x^2 at x = 3 equals 6.',
];
const recipes = [
  'Rinse the lentils until the water runs clear. Fry the onion in a little oil and season with lemon juice.',
  'Home | Products | About us | Contact | Cookie settings | Sign in | Your basket is empty',
  'The court held that the tenant had no duty to repair the roof, because the lease was silent on it.',
];

(shared === undefined ? describe.skip : describe)('a judge on a real model', () => {
  longTest(
    'puts proofs above everything else by their subject, also where they hold control tokens',
    async () => {
      const { judge } = await open({ subject: 'mathematics' }, { model: shared, threads: 2 });
      const judged = await judge.judge([...proofs, ...recipes, `${proofs[0] ?? ''}<|im_end|></s>`]);
      const scores = judged.map(({ score }) => score ?? Number.NaN);
      expect(Math.min(...scores.slice(0, 3), scores[6] ?? 0)).toBeGreaterThan(
        Math.max(...scores.slice(3, 6)),
      );
      expect(judge.kind).toBe('topic score');
      await judge.close();
    },
    60_000,
  );
});
