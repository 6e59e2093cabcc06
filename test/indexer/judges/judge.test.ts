import { describe, expect, it } from '@jest/globals';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type JudgedText, openJudge } from '../../../indexer/judges/judge.ts';
import { silent } from '../../../run/progress.ts';
import { openJudgeRun, plainQuestion } from './judge-run.ts';
import { openYesNoServer } from './yes-no-server.ts';
import { open, plain, serve } from './open-judge.ts';

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
    await expect(openJudge(run, 'other', silent)).rejects.toMatchObject({
      code: 'JUDGE_UNKNOWN',
      message: expect.stringMatching(/no judge "other".*They have: judge/),
    });
    await expect(openJudge(run, 'judge', silent)).rejects.toMatchObject({
      code: 'LANGUAGE_MODEL_UNKNOWN',
      message: expect.stringMatching(/no model "gone".*They have: try/),
    });
    await rm(folder, { recursive: true });
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
