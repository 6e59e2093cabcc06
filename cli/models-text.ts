// What the language models of the settings answered, as text.

import type { LanguageModel, Verb } from '../models/language-model.ts';
import type { ErrorCode } from '../run/errors/errors.ts';
import { escapeControls } from '../run/escape-controls.ts';
import { formatCount } from '../run/amounts.ts';

export type Working = Pick<
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
export type Report = { name: string; model: string } & (
  Working | { error: { code: ErrorCode; message: string } }
);

const verbs: [Verb, string][] = [
  ['logProbabilities', 'log probabilities of answers'],
  ['textLogProbability', 'log probabilities of whole texts'],
  ['generate', 'generation'],
];

export function describe(reports: readonly Report[]): string {
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
