// Files of questions and answers for batch services, as text.

import { type BatchRead, answerFaults } from '../indexer/judges/read-batch.ts';
import type { BatchWritten } from '../indexer/judges/batch-requests.ts';
import { formatCount, formatCountOf } from '../run/amounts.ts';

interface BatchResult {
  /** Whether the judge's model answers through files alone. */
  answersLater: boolean;
  /** Whether they are about every document of the corpus. */
  all: boolean;
  /** What users of the judge should know. */
  notes: readonly string[];
  written?: BatchWritten;
  read?: BatchRead;
}

/** What was written or read, and what to do next. */
export function describeBatch(
  judge: string,
  { answersLater, all, notes, written, read }: BatchResult,
): string {
  const command = (step: string): string => `betr judge ${judge} ${step}${all ? ' --all' : ''}`;
  return [
    ...(written === undefined ? [] : describeWritten(written, command)),
    ...(read === undefined ? [] : describeRead(read, judge, command)),
    ...(answersLater
      ? []
      : [
          "Note: the answers count as those of the judge's model. Run the requests on exactly this model, or use " +
            '"model: batch" to keep them apart.',
        ]),
    ...notes.map((note) => `Note: ${note}`),
  ].join('\n');
}

/** The command for a step of the exchange. */
type CommandFor = (step: string) => string;

function describeWritten(
  { file, url, model, requests, stored }: BatchWritten,
  command: CommandFor,
): string[] {
  return [
    `Wrote ${formatCountOf(requests, 'request')} to ${file}; ${formatCount(stored)} others have stored answers`,
    `  for the model ${model}, route ${url}`,
    ...(url === '/v1/completions'
      ? [
          '  vllm run-batch answers chat requests only in many versions; with "chat: true" in models[], the requests ' +
            'are chat requests',
        ]
      : [`  vllm run-batch -i ${file} -o answers.jsonl --model ${model}`]),
    `Then run: ${command('--read-batch answers.jsonl')}`,
  ];
}

function describeRead(
  { lines, stored, known, faults, withoutAnswer, missing }: BatchRead,
  judge: string,
  command: CommandFor,
): string[] {
  const meanings: Record<keyof BatchRead['faults'], string> = {
    failed: 'failed, or without log probabilities',
    truncated: 'truncated',
    'other model': 'of another model',
    duplicate: 'of a request with several answers, none of which is used',
    unrecognized: 'of other requests',
    unreadable: 'unreadable',
  };
  return [
    `Read ${formatCountOf(lines, 'line')}: stored ${formatCountOf(stored, 'answer')}; ` +
      `${formatCount(known)} were stored before`,
    ...answerFaults.flatMap((fault) => {
      const { lines: count, first } = faults[fault];
      return count === 0
        ? []
        : [`  skipped: ${formatCount(count)} ${meanings[fault]}; for example ${first ?? ''}`];
    }),
    ...(2 * withoutAnswer.lines > withoutAnswer.of
      ? [
          `  in ${formatCount(withoutAnswer.lines)} of ${formatCount(withoutAnswer.of)} answers, none of the ` +
            `question's answers is a likely first token (one begins with "${withoutAnswer.first ?? ''}"), so their ` +
            'documents have no score. Turn the thinking of the model off, or use another; to replace the stored ' +
            `answers, remove judgments/${judge} of the run folder and run ${command('--write-batch FILE')} again`,
        ]
      : []),
    missing === 0
      ? 'Every request has an answer'
      : `${formatCountOf(missing, 'request')} ${missing === 1 ? 'has' : 'have'} no answer yet. Run ` +
        `${command('--write-batch FILE')} again: it writes only ${missing === 1 ? 'this one' : 'these'}.`,
  ];
}
