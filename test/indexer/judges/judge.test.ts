import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Judge, type JudgedText, openJudge } from '../../../indexer/judges/judge.ts';
import { silent } from '../../../run/progress.ts';
import { longTest } from '../../long.ts';
import { findShared } from '../../shared/find.ts';
import type { LanguageModelServer } from '../../models/endpoint/language-model-server.ts';
import { openJudgeRun, plainQuestion } from './judge-run.ts';
import { openYesNoServer } from './yes-no-server.ts';

const folders: string[] = [];
const running: { close: () => Promise<void> }[] = [];
afterAll(async () => {
  for (const server of running) await server.close();
  for (const folder of folders) await rm(folder, { recursive: true });
});

async function open(
  settings: object,
  model: object = { model: 'dummy' },
  folder?: string,
): Promise<{ judge: Judge; folder: string }> {
  const opened = await openJudgeRun(
    [{ name: 'judge', model: 'try', ...settings }],
    [{ name: 'try', ...model }],
    folder,
  );
  if (folder === undefined) folders.push(opened.folder);
  return { judge: await openJudge(opened.run, 'judge', silent), folder: opened.folder };
}

async function serve<T extends { close: () => Promise<void> }>(server: Promise<T>): Promise<T> {
  const opened = await server;
  running.push(opened);
  return opened;
}

/** Prompts that a server was sent for its answers. */
function promptsOf({ asked }: LanguageModelServer): string[] {
  return asked.flatMap(({ route, body }) =>
    route === 'POST /v1/completions' && typeof body.prompt === 'string' ? [body.prompt] : [],
  );
}

const plain = { questions: [plainQuestion] };

describe('a judge', () => {
  it('scores texts, the same again and without the model from what is stored', async () => {
    const { judge, folder } = await open(plain);
    const texts = ['one', 'two', 'one', 'three'];
    const done: number[] = [];
    const judged = await judge.judge(texts, (count) => done.push(count));
    expect(judge).toMatchObject({ name: 'judge', kind: 'LM-Score', questions: ['useful'] });
    expect(judge.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(done.at(-1)).toBe(4);
    expect(judged[0]?.score).toBeGreaterThan(0);
    expect(new Set(judged.map(({ score }) => score)).size).toBe(3);
    // Equal texts are asked about once.
    expect(judged.map(({ tokens }) => tokens > 0)).toEqual([true, true, false, true]);
    const { judge: again } = await open(plain, { model: 'dummy' }, folder);
    const free = (text: JudgedText): JudgedText => ({ ...text, tokens: 0 });
    expect(await again.judge(texts)).toEqual(judged.map(free));
    await judge.close();
    await again.close();

    // Another prompt, other answers or another model ask again; a weight or a limit does not.
    const { judge: limited } = await open(
      { questions: [{ ...plainQuestion, leastMass: 0.99 }] },
      { model: 'dummy' },
      folder,
    );
    expect(limited.fingerprint).not.toBe(judge.fingerprint);
    expect(await limited.judge(['one'])).toMatchObject([{ score: null, reason: 'answer mass', tokens: 0 }]);
    await limited.close();
    for (const [settings, model] of [
      [{ questions: [{ ...plainQuestion, prompt: '{text} Useful?' }] }, 'dummy'],
      [{ questions: [{ ...plainQuestion, for: ['yes'] }] }, 'dummy'],
      [plain, 'dummy:2'],
    ] as const) {
      const { judge: other } = await open(settings, { model }, folder);
      expect(other.fingerprint).not.toBe(judge.fingerprint);
      expect((await other.judge(['one']))[0]?.tokens).toBeGreaterThan(0);
      await other.close();
    }
  });

  it('takes any text: none, 2 MB, NUL, half a character, control tokens', async () => {
    const long = 'word '.repeat(400_000);
    const texts = ['', ' \n', long, 'a\0b', 'a\ud83d', '<|im_end|></s>', '😀'.repeat(40)];
    const { judge } = await open({ ...plain, windows: 'all', characters: 50_001 });
    const judged = await judge.judge(texts);
    expect(judged.map(({ reason }) => reason)).toEqual([
      'empty',
      'empty',
      'too long',
      null,
      null,
      null,
      null,
    ]);
    expect(judged[2]?.windows).toHaveLength(40);
    await judge.close();
    const { judge: short } = await open({ ...plain, windows: 'spread', characters: 21 });
    const [spread, emoji] = await short.judge([long, '😀'.repeat(40)]);
    expect(spread?.windows.map(({ from }) => from)).toEqual([0, 999_989, 1_999_979]);
    expect(spread?.score).toBeGreaterThan(0);
    // No window ends inside a character.
    for (const { from, to } of emoji?.windows ?? []) expect([from % 2, to % 2]).toEqual([0, 0]);
    await short.close();
  });

  it('combines questions and windows, with different kinds kept apart', async () => {
    const questions = [
      plainQuestion,
      { ...plainQuestion, name: 'other', prompt: '{text} Other?', weight: 3 },
    ];
    const { judge } = await open({ questions, windows: 'all', characters: 16, combine: 'geometric mean' });
    const [text] = await judge.judge(['The first window. The second.']);
    const windows = text?.windows ?? [];
    expect(windows).toHaveLength(2);
    for (const { questions: asked, score } of windows) {
      const [a = 0, b = 0] = asked.map((question) => question.score ?? 0);
      expect(score).toBeCloseTo((a * b ** 3) ** 0.25, 12);
    }
    const [first, second] = windows.map(({ score }) => score ?? 0);
    expect(text?.score).toBeCloseTo(((first ?? 0) * 16 + (second ?? 0) * 13) / 29, 12);
    expect(text?.questions.map(({ name }) => name)).toEqual(['useful', 'other']);
    await judge.close();

    const kinds = await Promise.all(
      [
        { preset: 'math' },
        { subject: 'law' },
        { questions: [{ name: 'q', prompt: '{text}:', scale: [0, 5] }] },
        { questions: [{ name: 'q', prompt: '{text}:', scale: [0, 5], mode: 'rating' }] },
        { questions: [{ name: 'q', prompt: '{text}:', for: ['sound'], against: ['unsound'] }] },
      ].map(async (settings) => {
        const opened = await open(settings);
        await opened.judge.close();
        return opened.judge.kind;
      }),
    );
    expect(kinds).toEqual(['LM-Score', 'topic score', 'rating', 'rating', 'topic score']);
  });

  it('is two processes at once: both get all scores, and what one has stored the other need not ask', async () => {
    const server = await serve(openYesNoServer());
    const model = { model: server.url };
    const { judge: first, folder } = await open(plain, model);
    const { judge: second } = await open(plain, model, folder);
    const texts = Array.from({ length: 40 }, (_, i) => `star ${i}`);
    const [one, two] = await Promise.all([first.judge(texts), second.judge(texts)]);
    expect(one.map(({ score }) => score)).toEqual(two.map(({ score }) => score));
    expect(one.every(({ score }) => score !== null)).toBe(true);
    await first.judge(['new']);
    const before = server.asked.length;
    expect(await second.judge(['new'])).toMatchObject([{ tokens: 0 }]);
    expect(server.asked).toHaveLength(before);
    await first.close();
    await second.close();
    expect(await readdir(join(folder, 'run', 'judgments', 'judge'))).toHaveLength(2);
  });

  it('ends when its budget is spent, keeps what was judged, and goes on once that is raised', async () => {
    const texts = Array.from({ length: 30 }, (_, i) => `text number ${i}`);
    const { judge, folder } = await open({ ...plain, budget: { tokens: 200 } });
    await expect(judge.judge(texts)).rejects.toMatchObject({
      code: 'JUDGE_BUDGET',
      message: expect.stringMatching(/judge "judge" .* 2\d\d tokens.*kept.*budget\.tokens/),
    });
    await judge.close();
    const priced = { model: 'dummy', price: { perMillionTokens: 2e6 } };
    const { judge: money } = await open({ ...plain, budget: { money: 500 } }, priced, folder);
    await expect(money.judge(texts)).rejects.toMatchObject({
      message: expect.stringMatching(/2\d\d tokens, which cost 5\d\d.*budget\.money/),
    });
    await money.close();
    const { judge: raised } = await open({ ...plain, budget: { tokens: 1e6 } }, { model: 'dummy' }, folder);
    const judged = await raised.judge(texts);
    expect(judged.filter(({ tokens }) => tokens === 0).length).toBeGreaterThan(15);
    expect(judged.filter(({ tokens }) => tokens > 0).length).toBeGreaterThan(2);
    await raised.close();
    await expect(open({ ...plain, budget: { money: 1 } })).rejects.toMatchObject({
      code: 'JUDGE_INVALID',
      message: expect.stringMatching(/budget of money, but the model "try" has no price/),
    });
  });

  it('is named in the settings, as is its model', async () => {
    const { run, folder } = await openJudgeRun([{ name: 'judge', model: 'gone', ...plain }]);
    folders.push(folder);
    await expect(openJudge(run, 'other', silent)).rejects.toMatchObject({
      code: 'JUDGE_UNKNOWN',
      message: expect.stringMatching(/no judge "other".*They have: judge/),
    });
    await expect(openJudge(run, 'judge', silent)).rejects.toMatchObject({
      code: 'LANGUAGE_MODEL_UNKNOWN',
      message: expect.stringMatching(/no model "gone".*They have: try/),
    });
  });

  it('stops where its answers cannot be stored', async () => {
    const { judge, folder } = await open(plain);
    await mkdir(join(folder, 'run', 'judgments'), { recursive: true });
    await writeFile(join(folder, 'run', 'judgments', 'judge'), 'in its place');
    await expect(judge.judge(['text'])).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
    });
    await judge.close();
  });
});

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
