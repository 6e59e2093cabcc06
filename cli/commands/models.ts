// `betr models`: loads each language model in the settings and asks it a test question.

import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import type { LanguageModel } from '../../models/language-model.ts';
import { openLanguageModel } from '../../models/open.ts';
import { BetrError, fail } from '../../run/errors/errors.ts';
import type { Settings } from '../../run/settings.ts';
import { readSettings } from '../../run/read-settings.ts';
import { command, type CommonOptions } from '../options.ts';
import { showPlace } from '../../run/model-settings.ts';
import { printResult } from '../output.ts';
import { type Working, type Report, describe } from '../models-text.ts';

/** The test question, which every model can answer. */
const question = { prompt: 'The capital of France is', continuations: [' Paris', ' London'] };
/** Texts to measure speed by. */
const measuredTexts = 2;

/** A text of about 1,000 characters. No other begins like it: servers keep the work on prompts they know. */
function makeText(): string {
  return `Case ${randomBytes(3).toString('hex')}. The sum of two odd numbers is even, as each is one more. `.repeat(
    11,
  );
}

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
export async function test(
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
  for (let text = 0; text < measuredTexts; text++) {
    const prompt = `${makeText()}\n\nIs the text above about numbers?\nAnswer:`;
    const [answer] = await model.logProbabilities([{ prompt, continuations: [' Yes', ' No'] }], 'start');
    const read = answer?.continuations[0]?.promptTokens ?? null;
    tokens = tokens === null || read === null ? null : tokens + read;
  }
  const seconds = (performance.now() - startMs) / 1000;
  return {
    questionsPerSecond: measuredTexts / seconds,
    tokensPerSecond: tokens === null ? null : tokens / seconds,
  };
}
