import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { scoreSlowly } from '../../../classifier/features.ts';
import { readWeights } from '../../../classifier/weights.ts';
import { type Listening, serveRun } from '../../../server/listen.ts';
import { documentsAnswerSchema } from '../../../server/routes/documents.ts';
import { type ScoresAnswer, scoresAnswerSchema } from '../../../server/routes/score.ts';
import { makeRankedRun, type RealRun, writeText } from '../real-run.ts';
import { ask, type Reply } from '../serve.ts';

let real: RealRun;
let server: Listening;
beforeAll(async () => {
  real = await makeRankedRun();
  server = await serveRun(real.run, { host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await server.stop(0);
  await real.close();
});

const post = (parameters: string, body: unknown, type = 'application/json'): Promise<Reply> =>
  ask(server.url, `/score${parameters}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
async function score(texts: readonly string[], parameters = ''): Promise<ScoresAnswer> {
  const reply = await post(parameters, { texts });
  expect(reply).toMatchObject({ status: 200 });
  return scoresAnswerSchema.parse(reply.json);
}

describe('POST /score', () => {
  it("gives the classifier's scores of any texts, joint and by benchmark", async () => {
    const texts = [writeText(0, 9001), writeText(1, 9002), writeText(2, 9003), '', '漢字 🙂 \ud800'];
    const weights = await readWeights(real.run.files.weights);
    const answer = await score(texts);
    expect(answer.cutoff).toBeNull();
    for (const [i, text] of texts.entries()) {
      const [joint, cooking, astronomy] = scoreSlowly(weights, Buffer.from(text));
      expect(answer.texts[i]).toMatchObject({ score: joint, benchmarks: { cooking, astronomy }, kept: null });
    }
  });

  it(
    'places texts of the corpus where the ranking has them, and keeps them as the cutoff does, by any ' +
      'benchmarks',
    async () => {
      for (const parameters of [
        '?keep=0.3',
        '?keep=0.3&benchmarks=astronomy',
        '?keep=0.3&without=astronomy',
        '?keep=0.3&benchmarks=cooking,astronomy',
      ]) {
        const listed =
          documentsAnswerSchema.parse(
            (await ask(server.url, `/documents${parameters}&order=random&limit=40&characters=2000`)).json,
          ).documents?.documents ?? [];
        const answer = await score(
          listed.map(({ text }) => text ?? ''),
          parameters,
        );
        const all = [...(await allScores(parameters))];
        for (const [i, document] of listed.entries()) {
          const found = answer.texts[i];
          expect(found).toMatchObject({ score: document.score, benchmarks: document.benchmarks });
          expect(found?.documentsAbove).toBe(all.filter((other) => other > document.score).length);
          expect(found?.percentile).toBe(all.filter((other) => other < document.score).length / all.length);
          if (document.score !== answer.cutoff?.score) expect(found?.kept).toBe(document.kept);
        }
      }
    },
  );

  it.each<[string, string, unknown, number, string]>([
    ['no texts', '', {}, 400, 'BODY_INVALID'],
    ['an empty list', '', { texts: [] }, 400, 'BODY_INVALID'],
    ['a number as a text', '', { texts: ['a', 5] }, 400, 'BODY_INVALID'],
    ['65 texts', '', { texts: Array.from({ length: 65 }, () => 'a') }, 400, 'BODY_INVALID'],
    ['an unknown field', '', { texts: ['a'], more: 1 }, 400, 'BODY_INVALID'],
    ['broken JSON', '', '{"texts": ["a"', 400, 'BODY_INVALID'],
    ['a bad budget', '?budget=0', { texts: ['a'] }, 400, 'BUDGET_INVALID'],
    ['an unknown parameter', '?budgets=1', { texts: ['a'] }, 400, 'PARAMETER_UNKNOWN'],
    ['an unknown benchmark', '?benchmarks=mmlu', { texts: ['a'] }, 400, 'BENCHMARK_UNKNOWN'],
    ['a body of 10 MB', '', { texts: ['a'.repeat(10 << 20)] }, 413, 'BODY_TOO_LARGE'],
  ])('refuses %s, and goes on', async (_what, parameters, body, status, code) => {
    expect(await post(parameters, body)).toMatchObject({ status, json: { code } });
    expect((await post('', { texts: ['a'] })).status).toBe(200);
  });

  it('takes JSON alone', async () => {
    expect(await post('', 'texts=a', 'application/x-www-form-urlencoded')).toMatchObject({
      status: 415,
      json: { code: 'BODY_KIND' },
    });
  });
});

async function* pages(parameters: string): AsyncGenerator<number[]> {
  let next: string | null | undefined;
  while (next !== null) {
    const page = documentsAnswerSchema.parse(
      (
        await ask(
          server.url,
          `/documents${parameters}&limit=100&characters=0${next === undefined ? '' : `&cursor=${next}`}`,
        )
      ).json,
    ).documents;
    yield (page?.documents ?? []).map((document) => document.score);
    next = page?.next ?? null;
  }
}

async function allScores(parameters: string): Promise<number[]> {
  const all: number[] = [];
  for await (const page of pages(parameters)) all.push(...page);
  expect(all).toHaveLength(800);
  return all;
}
