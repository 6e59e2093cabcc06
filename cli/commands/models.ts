// `betr models`: the language models that the settings name, each loaded and asked once.

import type { Command } from 'commander';
import type { LanguageModel, Verb } from '../../models/language-model.ts';
import { openLanguageModel } from '../../models/open.ts';
import { BetrError, type ErrorCode, fail } from '../../run/errors/errors.ts';
import { readSettings, type Settings } from '../../run/settings.ts';
import { command, type CommonOptions } from '../options.ts';
import { formatCount } from '../../run/amounts.ts';
import { printResult } from '../output.ts';

/** What a model is asked: every model knows it. */
const question = { prompt: 'The capital of France is', continuations: [' Paris', ' London'] };
/**
 * Texts of about 1,000 characters, to measure speed on. They begin differently, so that no work is shared.
 */
const texts = ['one', 'two'].map((word) =>
  `Case ${word}. The sum of two odd numbers is even, as each is one more than an even one. `.repeat(11),
);

type Working = Pick<
  LanguageModel,
  'fingerprint' | 'contextTokens' | 'beginning' | 'continuations' | 'source'
> & {
  loadSeconds: number;
  lacks: Partial<Record<Verb, string>>;
  /**
   * Questions about a text of 1,000 characters, one after the other, in a second; null without log
   * probabilities.
   */
  questionsPerSecond: number | null;
  tokensPerSecond: number | null;
  /** `spread`: by how much the same question got other log probabilities later. */
  test: {
    prompt: string;
    logProbabilities: Record<string, number | null> | null;
    spread: number | null;
    generated: string;
  };
};
type Report = { name: string; model: string } & (Working | { error: { code: ErrorCode; message: string } });

export function modelsCommand(): Command {
  return command('models', 'load each language model of the settings, and show what it can do and how fast')
    .argument('[name]', 'one model by its name; all of them when left out')
    .action(async (name: string | undefined, { config, json }: CommonOptions) => {
      const { settings, folder } = await readSettings(config);
      const known = settings.models.map((model) => model.name);
      if (name !== undefined && !known.includes(name)) throw fail('LANGUAGE_MODEL_UNKNOWN', { name, known });
      const reports: Report[] = [];
      for (const model of settings.models)
        if (name === undefined || name === model.name) reports.push(await examine(settings, model, folder));
      printResult(json, { models: reports }, describe(reports));
      if (reports.some((report) => 'error' in report)) process.exitCode = 1;
    });
}

async function examine(
  settings: Settings,
  { name, model: place }: Settings['models'][number],
  folder: string,
): Promise<Report> {
  const startMs = performance.now();
  try {
    const model = await openLanguageModel(settings, name, folder);
    try {
      const loadSeconds = (performance.now() - startMs) / 1000;
      const { fingerprint, contextTokens, beginning, continuations, source, lacks } = model;
      return {
        name,
        model: place,
        fingerprint,
        contextTokens,
        beginning,
        continuations,
        source,
        lacks,
        loadSeconds,
        ...(await test(model)),
      };
    } finally {
      await model.close();
    }
  } catch (error) {
    if (!(error instanceof BetrError)) throw error;
    return { name, model: place, error: { code: error.code, message: error.message } };
  }
}

/** Asks the same question before and after others, as servers that cache prompts can answer differently. */
async function test(
  model: LanguageModel,
): Promise<Pick<Working, 'questionsPerSecond' | 'tokensPerSecond' | 'test'>> {
  const before = await ask(model);
  const speed = await measure(model);
  const after = await ask(model);
  const { text: generated } = await model.generate(question.prompt, { maxTokens: 8 });
  const spreads = Object.entries(before ?? {}).map(([continuation, value]) =>
    Math.abs((value ?? 0) - (after?.[continuation] ?? 0)),
  );
  return {
    ...speed,
    test: {
      prompt: question.prompt,
      logProbabilities: before,
      spread: before === null ? null : Math.max(...spreads),
      generated,
    },
  };
}

/** The log probability of each of the question's continuations; null where the model gives none. */
async function ask(model: LanguageModel): Promise<Record<string, number | null> | null> {
  if (model.lacks.logProbabilities !== undefined) return null;
  const [answer] = await model.logProbabilities([question], 'start');
  return Object.fromEntries(
    question.continuations.map((continuation, at) => [
      continuation,
      answer?.continuations[at]?.logProbability ?? null,
    ]),
  );
}

/** Speed, once the model has answered before: a server may load it for the first answer. */
async function measure(
  model: LanguageModel,
): Promise<Pick<Working, 'questionsPerSecond' | 'tokensPerSecond'>> {
  if (model.lacks.logProbabilities !== undefined) return { questionsPerSecond: null, tokensPerSecond: null };
  const startMs = performance.now();
  let tokens: number | null = 0;
  for (const text of texts) {
    const prompt = `${text}\n\nIs the text above about numbers?\nAnswer:`;
    const [answer] = await model.logProbabilities([{ prompt, continuations: [' Yes', ' No'] }], 'start');
    const read = answer?.continuations[0]?.promptTokens ?? null;
    tokens = tokens === null || read === null ? null : tokens + read;
  }
  const seconds = (performance.now() - startMs) / 1000;
  return {
    questionsPerSecond: texts.length / seconds,
    tokensPerSecond: tokens === null ? null : tokens / seconds,
  };
}

const verbs: [Verb, string][] = [
  ['logProbabilities', 'log probabilities of answers'],
  ['textLogProbability', 'log probabilities of whole texts'],
  ['generate', 'generation'],
];

function describe(reports: readonly Report[]): string {
  if (reports.length === 0)
    return 'The settings name no models. Name one under "models:", with a name and a model (docs/models.md).';
  return reports
    .map((report) =>
      [
        `${report.name}  ${report.model}`,
        ...('error' in report
          ? [`  ${report.error.message} [${report.error.code}]`]
          : describeWorking(report)),
      ].join('\n'),
    )
    .join('\n\n');
}

function describeWorking({
  source,
  contextTokens,
  beginning,
  continuations,
  lacks,
  loadSeconds,
  questionsPerSecond,
  tokensPerSecond,
  test,
  fingerprint,
}: Working): string[] {
  const from = [source.backEnd, source.place, source.quantization, source.route].filter(
    (part) => part !== null,
  );
  const answers = Object.entries(test.logProbabilities ?? {}).map(
    ([continuation, value]) =>
      `${JSON.stringify(continuation)} ${value === null ? 'not told' : value.toFixed(3)}`,
  );
  return [
    `  source       ${from.join(', ')}; ` +
      (source.precision === 'exact' ? 'exact' : `the ${source.topK ?? 0} likeliest tokens`),
    `  context      ${contextTokens === null ? 'not told' : `${formatCount(contextTokens)} tokens`}`,
    `  beginning    ${
      beginning === null ? 'up to the server' : beginning === '' ? 'no token before ' + 'a text' : beginning
    }`,
    `  answers      ${continuations === 'any' ? 'of any length' : 'of one token'}`,
    ...verbs.flatMap(([verb, what]) =>
      lacks[verb] === undefined ? [] : [`  lacks        ${what}: ${lacks[verb]}`],
    ),
    `  speed        ${questionsPerSecond === null ? 'not measured' : `${questionsPerSecond.toFixed(1)} questions/s`}` +
      (tokensPerSecond === null ? '' : `, ${formatCount(tokensPerSecond)} tokens/s`) +
      `; loaded in ${loadSeconds.toFixed(1)} s`,
    `  test         ${JSON.stringify(test.prompt)} ${answers.join(', ')}` +
      (test.spread === null ? '' : ` (±${test.spread.toPrecision(2)} when asked again)`) +
      `; it writes ${JSON.stringify(test.generated)}`,
    `  fingerprint  ${fingerprint}`,
  ];
}
