// What an exam means, in words.

import { sumUnknown } from '../../indexer/targets/unknown.ts';
import { formatCountOf, formatShare } from '../../run/amounts.ts';
import { fail } from '../../run/errors/errors.ts';
import type { BetrError } from '../../run/errors/errors.ts';
import type { Exam, ExamPart } from './exam-result.ts';

/** ".981 (.961–.993)" */
export function formatInterval(estimate: ExamPart['estimate']): string {
  if (estimate === null) return 'unknown';
  const short = (value: number): string => value.toFixed(3).replace(/^0/, '');
  return `${short(estimate.value)} (${short(estimate.low)}–${short(estimate.high)})`;
}

/** What the part about topic shows. */
export function describeVerdict({ verdict, leastArea, mostUnknown, parts: [topic] }: Exam): {
  problem: string;
  advice: string;
} {
  const [better, worse] = [topic?.for.what ?? '', topic?.against.what ?? ''];
  const unknown = sumUnknown(topic?.for.unknown ?? {}) + sumUnknown(topic?.against.unknown ?? {});
  const measured =
    `area under the curve ${formatInterval(topic?.estimate ?? null)}` +
    (unknown === 0 ? '' : ` without ${formatCountOf(unknown, 'text')} that it gives no score`);
  const least = String(leastArea).replace(/^0/, '');
  switch (verdict) {
    case 'passed':
      return { problem: `it tells ${better} from ${worse}: ${measured}`, advice: '' };
    case 'inverted':
      return {
        problem: `it gives ${better} lower scores than ${worse}, ${measured}`,
        advice:
          'Swap the answers for and against, or ask in another way: models below about 1B parameters cannot answer ' +
          'yes or no, but "subject" works with them',
      };
    case 'too weak':
      return {
        problem:
          `it does not reliably give ${better} higher scores than ${worse}: ${measured}, and the ` +
          `interval must begin at ${least} or above`,
        advice:
          'Name what the judge should find and what not (--for and --against, or exam in its settings), examine it ' +
          'on more texts, or use another question or a larger model',
      };
    case 'too few scores':
      return {
        problem:
          `it gives no score to ${describeUnknown(topic)}, and at most ${formatShare(mostUnknown)} of either side ` +
          'may have none',
        advice:
          'If the reason is answer mass, the model usually replies with something other than your answers: list ' +
          'other answers, ask another question, or lower leastMass. If there is no rating, ask for a number ' +
          'alone, or raise maxTokens. If texts are too long, lower characters',
      };
  }
}

function describeUnknown(part: ExamPart | undefined): string {
  const of = (side: ExamPart['for'] | undefined): string =>
    `${sumUnknown(side?.unknown ?? {})} of ${formatCountOf(side?.texts ?? 0, 'text')}`;
  return (
    `${of(part?.for)} that should score high (${part?.for.what ?? ''}) and ${of(part?.against)} that should not ` +
    `(${part?.against.what ?? ''})`
  );
}

/** The error of a failed exam. */
export function examError(exam: Exam): BetrError {
  return fail('JUDGE_EXAM_FAILED', {
    judge: exam.judge.name,
    verdict: exam.verdict,
    ...describeVerdict(exam),
  });
}
