// Files of questions and answers for batch services, as text.

import { type BatchRead, answerFaults } from '../indexer/judges/read-batch.ts';
import type { BatchWritten } from '../indexer/judges/batch-requests.ts';
import { formatCount, formatCountOf } from '../run/amounts.ts';

interface BatchResult {
  /** Whether the judge's model answers through files alone. */
  answersLater: boolean;
  written?: BatchWritten;
  read?: BatchRead;
}

/** What was written or read, and what to do next. */
export function describeBatch(judge: string, { answersLater, written, read }: BatchResult): string {
  return [
    ...(written === undefined ? [] : describeWritten(judge, written)),
    ...(read === undefined ? [] : describeRead(judge, read)),
    ...(answersLater
      ? []
      : [
          "Note: the answers count as those of the judge's model. Run the requests on exactly this model, or use " +
            '"model: batch" to keep them apart.',
        ]),
  ].join('\n');
}

function describeWritten(judge: string, { file, url, model, requests, stored }: BatchWritten): string[] {
  return [
    `Wrote ${formatCountOf(requests, 'request')} to ${file}; ${formatCount(stored)} others have stored answers`,
    `  for the model ${model}, route ${url}`,
    ...(url === '/v1/completions'
      ? [
          '  vllm run-batch answers chat requests only in many versions; with "chat: true" in models[], the requests ' +
            'are chat requests',
        ]
      : [`  vllm run-batch -i ${file} -o answers.jsonl --model ${model}`]),
    `Then run: betr judge ${judge} --read-batch answers.jsonl`,
  ];
}

function describeRead(
  judge: string,
  { lines, stored, known, faults, withoutAnswer, missing }: BatchRead,
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
            `answers, remove judgments/${judge} of the run folder and run betr judge ${judge} --write-batch again`,
        ]
      : []),
    missing === 0
      ? 'Every request has an answer'
      : `${formatCountOf(missing, 'request')} ${missing === 1 ? 'has' : 'have'} no answer yet. Run betr ` +
        `judge ${judge} ` +
        '--write-batch again: it writes only these.',
  ];
}
