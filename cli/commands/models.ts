// `betr models`: loads each language model in the settings and asks it a test question.

import type { Command } from 'commander';
import type { LanguageModel, Verb } from '../../models/language-model.ts';
import { openLanguageModel } from '../../models/open.ts';
import { BetrError, type ErrorCode, fail } from '../../run/errors/errors.ts';
import type { Settings } from '../../run/settings.ts';
import { readSettings } from '../../run/read-settings.ts';
import { command, type CommonOptions } from '../options.ts';
import { showPlace } from '../../run/model-settings.ts';
import { escapeControls } from '../../run/escape-controls.ts';
import { formatCount } from '../../run/amounts.ts';
import { printResult } from '../output.ts';

/** The test question, which every model can answer. */
const question = { prompt: 'The capital of France is', continuations: [' Paris', ' London'] };
/** Texts of about 1,000 characters to measure speed. They begin differently, so they share no work. */
const texts = ['one', 'two'].map((word) =>
  `Case ${word}. The sum of two odd numbers is even, as each is one more than an even one. `.repeat(11),
);

type Working = Pick<
  LanguageModel,
  'fingerprint' | 'contextTokens' | 'beginning' | 'continuations' | 'source'
> & {
  loadSeconds: number;
  lacks: Partial<Record<Verb, string>>;
  /** Sequential questions about a text of 1,000 characters; null without log probabilities. */
  questionsPerSecond: number | null;
  tokensPerSecond: number | null;
  /** `spread`: how much the log probabilities changed when the question was repeated. */
  test: {
    prompt: string;
    logProbabilities: Record<string, number | null> | null;
    spread: number | null;
    /** Null if the model generates nothing. */
    generated: string | null;
  };
};
type Report = { name: string; model: string } & (Working | { error: { code: ErrorCode; message: string } });

export function modelsCommand(): Command {
  return command(
    'models',
    'load each language model in the settings and show what it supports and how fast it is',
  )
    .argument('[name]', 'the name of one model (default: all)')
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
        model: showPlace(place),
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
    return { name, model: showPlace(place), error: { code: error.code, message: error.message } };
  }
}

/** Asks the same question before and after others, because servers with a prompt cache can vary. */
async function test(
  model: LanguageModel,
): Promise<Pick<Working, 'questionsPerSecond' | 'tokensPerSecond' | 'test'>> {
  const before = await ask(model);
  const speed = await measure(model);
  const after = await ask(model);
  const generated =
    model.lacks.generate === undefined
      ? (await model.generate(question.prompt, { maxTokens: 8 })).text
      : null;
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

/** The log probability of each continuation; null if the model returns none. */
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

/** Measures speed after a first answer, because a server may load the model only then. */
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
    return 'The settings list no models. Add one under "models:", with a name and a model (docs/models.md).';
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
  const { backEnd, place, quantization, route, logprobsMode = null } = source;
  const from = [backEnd, place, quantization, route, logprobsMode].filter((part) => part !== null);
  const answers = Object.entries(test.logProbabilities ?? {}).map(
    ([continuation, value]) =>
      `${JSON.stringify(continuation)} ${value === null ? 'unknown' : value.toFixed(3)}`,
  );
  const precision = source.precision === 'exact' ? 'exact' : `the ${source.topK ?? 0} most likely tokens`;
  const speed = questionsPerSecond === null ? 'not measured' : `${questionsPerSecond.toFixed(1)} questions/s`;
  return [
    `  source       ${from.join(', ')}; ${precision}`,
    `  context      ${contextTokens === null ? 'unknown' : `${formatCount(contextTokens)} tokens`}`,
    `  beginning    ${
      beginning === null
        ? 'added by the server'
        : beginning === ''
          ? 'no BOS token'
          : escapeControls(beginning)
    }`,
    `  answers      ${continuations === 'any' ? 'of any length' : 'of one token'}`,
    ...verbs.flatMap(([verb, what]) =>
      lacks[verb] === undefined ? [] : [`  lacks        ${what}: ${lacks[verb]}`],
    ),
    `  speed        ${speed}` +
      (tokensPerSecond === null ? '' : `, ${formatCount(tokensPerSecond)} tokens/s`) +
      `; loaded in ${loadSeconds.toFixed(1)} s`,
    `  test         ${JSON.stringify(test.prompt)} ${answers.join(', ')}` +
      (test.spread === null ? '' : ` (±${test.spread.toPrecision(2)} when repeated)`) +
      (test.generated === null ? '' : `; it writes ${escapeControls(JSON.stringify(test.generated))}`),
    `  fingerprint  ${fingerprint}`,
  ];
}
