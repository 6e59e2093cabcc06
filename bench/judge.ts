// Speed of judges: documents per second by the model on this machine and through a server, each in turns with
// the engine alone (a loop over the same prompts, at its best batch size or number of requests at once);
// three questions about a text next to one; and whether time and memory grow with the number of documents.
// npm run bench:judge [-- --model FOLDER] [--endpoint URL] [--documents 100,300,1000] [--turns 6] [--json]
// FOLDER: an ONNX model. URL: an OpenAI-compatible server; without it, llama.cpp's server if it and a model
// (BETR_TEST_GGUF) are there. --only onnx, endpoint, questions or scaling measures a part; --dummy
// 1000,3000,10000 sets the documents for the dummy model, --texts 8 those of a turn.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { subjectQuestion } from '../indexer/judges/presets.ts';
import type { Judge } from '../indexer/judges/judge.ts';
import { runRequests, runSession, type Timed, watchSession } from './judge-engine.ts';
import {
  characters,
  charactersOfScaling,
  compare,
  describeEngine,
  describeRatio,
  describeScaling,
  fastest,
  type Ratio,
  ratioOf,
  type Scaling,
  slope,
} from './judge-report.ts';
import { bareRequest, openBenchServer } from './judge-server.ts';
import { defaultModel, type JudgeName, openBenchJudge, takeTexts } from './judge-setup.ts';
import { describeMachine, judgeOne, printBenchmark, round } from './machine.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: defaultModel },
    endpoint: { type: 'string' },
    documents: { type: 'string', default: '100,300,1000' },
    dummy: { type: 'string', default: '1000,3000,10000' },
    turns: { type: 'string', default: '6' },
    texts: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'boolean' },
  },
});
const turns = Number(values.turns);
/** Documents of a turn. */
const perTurn = Number(values.texts ?? 8);
const sizes = [1, 2, 4, 8];
const question = subjectQuestion('mathematics');
if (question === undefined) throw new Error('There is no question about mathematics.');
const { prompt } = question;
const answers = [...(question.for ?? []), ...(question.against ?? [])].map((word) => ` ${word}`);

const oneSchema = z.object({
  documents: z.number(),
  seconds: z.number(),
  loadedMb: z.number(),
  peakMb: z.number(),
});

const folder = await mkdtemp(join(tmpdir(), 'betr-bench-judge-'));
let judgesOpened = 0;
try {
  const hasModel = existsSync(values.model);
  const measures = (part: string): boolean => values.only === undefined || values.only === part;
  const result = {
    ...(hasModel && measures('onnx') ? { onnx: await measureOnnx() } : {}),
    ...(measures('endpoint') ? { endpoint: await measureEndpoint() } : {}),
    ...(hasModel && measures('questions') ? { questions: await measureQuestions() } : {}),
    ...(measures('scaling')
      ? {
          scaling: {
            ...(hasModel ? { model: measureScaling(values.model, values.documents) } : {}),
            dummy: measureScaling('dummy', values.dummy),
          },
        }
      : {}),
    machine: describeMachine(),
  };
  printBenchmark(
    result,
    [
      ...(hasModel ? [] : [`There is no ${values.model}; --model names an ONNX model.`]),
      ...describeEngine('onnx', 'bare ONNX session, batches of', result.onnx),
      ...describeEngine('endpoint', 'requests alone, at once', result.endpoint),
      ...(result.questions === undefined
        ? []
        : [
            `three questions about a text take ${describeRatio(result.questions, 2)} × one ` +
              `(${characters} characters)`,
          ]),
      ...(result.scaling === undefined
        ? []
        : [
            ...describeScaling('model', result.scaling.model),
            ...describeScaling('dummy', result.scaling.dummy),
          ]),
    ].join('\n'),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit();

async function openJudge(model: string, name: JudgeName): Promise<Judge> {
  const own = join(folder, String(judgesOpened++));
  mkdirSync(own);
  return openBenchJudge(own, model, name);
}

/** Judges texts. Throws if an answer is missing. */
async function judgeAll(judge: Judge, texts: readonly string[]): Promise<Timed> {
  const startedMs = performance.now();
  const judged = await judge.judge(texts);
  const seconds = (performance.now() - startedMs) / 1000;
  const unknown = judged.find(
    ({ tokens, reason }) => tokens === 0 || (reason !== null && reason !== 'answer mass'),
  );
  if (unknown !== undefined)
    throw new Error(`A text was not judged: ${unknown.reason ?? 'its answer is stored'}.`);
  return { documents: texts.length, seconds };
}

async function measureOnnx() {
  const judge = await openJudge(values.model, 'subject');
  const take = takePart(perTurn);
  /** Judges a part, and returns what the session read for it. */
  const judgePart = async () => {
    const texts = take();
    let betr: Timed = { documents: 0, seconds: 0 };
    const { session, read } = await watchSession(async () => {
      betr = await judgeAll(judge, texts);
    });
    return { betr, session, read };
  };
  const first = await judgePart();
  const tried = [];
  for (const batch of sizes)
    tried.push({ size: batch, ...(await runSession(first.session, first.read, batch)) });
  const best = fastest(tried);
  const measured = [];
  for (let turn = 0; turn < turns; turn++) {
    const { betr, session, read } = await judgePart();
    const engine = await runSession(session, read, best);
    if (engine.agreed < 0.75 * engine.documents)
      throw new Error(
        `The session alone answers otherwise: ${engine.agreed} of ${engine.documents} are the same.`,
      );
    measured.push({ betr, engine });
  }
  await judge.close();
  return { what: values.model, ...compare(tried, best, measured) };
}

async function measureEndpoint() {
  const server = await openBenchServer(values.endpoint);
  try {
    const judge = await openJudge(server.url, 'subject');
    const take = takePart(Number(values.texts ?? server.documentsPerTurn));
    const prompts = (texts: readonly string[]): string[] =>
      texts.map((text) => prompt.replace('{text}', () => text));
    const [sample = ''] = prompts(take());
    const request = await bareRequest(server.url, judge.model.source.route, answers, sample);
    await judgeAll(judge, take());
    const tried = [];
    // New texts each time, because servers keep what they have read.
    for (const atOnce of sizes)
      tried.push({ size: atOnce, ...(await runRequests(prompts(take()), request, atOnce)) });
    const best = fastest(tried);
    const measured = [];
    for (let turn = 0; turn < turns; turn++) {
      const [first, second] = [take(), take()];
      const runBetr = (): Promise<Timed> => judgeAll(judge, first);
      const runEngine = (): Promise<Timed> => runRequests(prompts(second), request, best);
      if (turn % 2 === 0) measured.push({ betr: await runBetr(), engine: await runEngine() });
      else {
        const engine = await runEngine();
        measured.push({ betr: await runBetr(), engine });
      }
    }
    await judge.close();
    return {
      what: `${server.what}; route ${judge.model.source.route ?? ''}`,
      ...compare(tried, best, measured),
    };
  } finally {
    server.stop();
  }
}

/** Seconds for three questions next to those for one, about the same texts. */
async function measureQuestions(): Promise<Ratio> {
  const one = await openJudge(values.model, 'one');
  const three = await openJudge(values.model, 'three');
  const take = takePart(perTurn);
  const measured: { betr: number; engine: number }[] = [];
  await judgeAll(one, take());
  await judgeAll(three, take());
  for (let turn = 0; turn < turns; turn++) {
    const texts = take();
    const [of, to] = turn % 2 === 0 ? [one, three] : [three, one];
    const [first, second] = [(await judgeAll(of, texts)).seconds, (await judgeAll(to, texts)).seconds];
    measured.push(turn % 2 === 0 ? { betr: first, engine: second } : { betr: second, engine: first });
  }
  await one.close();
  await three.close();
  return ratioOf(measured);
}

/** Numbers of documents, each in a process and a folder of its own. */
function measureScaling(model: string, counts: string): Scaling {
  const runs = counts.split(',').map((documents) => {
    const own = join(folder, String(judgesOpened++));
    mkdirSync(own);
    const args = [...judgeOne.args, own, model, documents, String(charactersOfScaling)];
    return oneSchema.parse(JSON.parse(execFileSync(judgeOne.program, args, { encoding: 'utf8' })));
  });
  const per = (run: z.output<typeof oneSchema> | undefined): number =>
    (run?.seconds ?? NaN) / (run?.documents ?? NaN);
  return {
    runs: runs.map((run) => ({ ...run, millisecondsPerDocument: round(1000 * per(run)) })),
    lastToFirst: round(per(runs.at(-1)) / per(runs[0])),
    exponent: round(slope(runs.map(({ documents, seconds }) => [Math.log(documents), Math.log(seconds)]))),
  };
}

function takePart(documents: number): () => string[] {
  const takeText = takeTexts(characters);
  return () => Array.from({ length: documents }, takeText);
}
