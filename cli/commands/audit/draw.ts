// `betr audit draw`: draws documents for people to judge.

import type { Command } from 'commander';
import { type Audit, listAudits, saveAudit } from '../../../evaluation/audit/audit.ts';
import { readDecisions } from '../../../evaluation/audit/decisions.ts';
import { drawAudit } from '../../../evaluation/audit/draw.ts';
import { readRanking } from '../../../ranking/generation.ts';
import { formatCount, formatCountOf, formatShare, parseShare, parseWhole } from '../../../run/amounts.ts';
import { BetrError, fail } from '../../../run/errors/errors.ts';
import { openRun, type Run } from '../../../run/run.ts';
import { rankingRun } from '../../../scoring/scorers/list.ts';
import { rankingCommand, type RankingOptions } from '../../options.ts';
import { formatTable, printResult } from '../../output.ts';

interface DrawOptions extends RankingOptions {
  count: string;
  slices: string;
  twice: string;
  seed: string;
  question: string;
}

const defaultQuestion = 'Is this text good training data for what the benchmarks measure?';
const longestQuestion = 500;

export function drawCommand(): Command {
  return rankingCommand(
    'draw',
    'draw documents for people to judge: the same number from every score band, spread over its sources',
  )
    .option('--count <number>', 'documents to draw, at most 10,000', '200')
    .option('--slices <number>', "score bands, each with an equal share of the ranking's documents", '10')
    .option('--twice <share>', 'share of the documents that two people judge', '20%')
    .option('--question <text>', 'question to answer with yes or no', defaultQuestion)
    .option('--seed <number>', 'the same ranking, seed and options give the same documents', '1')
    .action(async (options: DrawOptions) => {
      const run = await openRun(options.config);
      const own = rankingRun(run, options.scorer);
      const audit = await drawAudit(own, await readRanking(own), {
        scorer: options.scorer,
        question: readQuestion(options.question),
        count: parseWhole('--count', options.count, 1, 10_000),
        slices: parseWhole('--slices', options.slices, 1, 100),
        twice: options.twice === '0' || options.twice === '0%' ? 0 : parseShare('--twice', options.twice),
        seed: parseWhole('--seed', options.seed, 0, 2 ** 32 - 1),
      });
      const previous = await findPrevious(run);
      await saveAudit(run, audit);
      printResult(options.json, audit, await describeDraw(run, audit, previous));
    });
}

/** The newest audit, to be named. A damaged one is no obstacle: the same options draw it again. */
async function findPrevious(run: Run): Promise<Audit | undefined> {
  try {
    return (await listAudits(run))[0];
  } catch (error) {
    if (error instanceof BetrError && error.code === 'FILE_DAMAGED') return undefined;
    throw error;
  }
}

/** Errors: OPTION_INVALID. */
function readQuestion(text: string): string {
  const question = text.trim();
  if (question === '' || question.length > longestQuestion)
    throw fail('OPTION_INVALID', {
      option: '--question',
      got: text.slice(0, 100),
      allowed: `a question of 1 to ${longestQuestion} characters`,
    });
  return question;
}

async function describeDraw(run: Run, audit: Audit, previous: Audit | undefined): Promise<string> {
  const { id, drawn, slices, documents, question, scorer } = audit;
  const twice = drawn.filter((document) => document.twice).length;
  const kept = previous !== undefined && previous.id !== id ? previous : undefined;
  const answers = kept === undefined ? 0 : (await readDecisions(run, kept)).last.length;
  return [
    `Audit ${id} of the ranking by ${scorer}: ${formatCountOf(drawn.length, 'document')} of ` +
      `${formatCount(documents)}, ${formatCount(twice)} of them for two people.`,
    question,
    formatTable([
      ['scores from', 'documents', 'share', 'drawn'],
      ...slices.map((slice) => [
        slice.from === null ? 'the rest' : String(slice.from),
        formatCount(slice.documents),
        formatShare(slice.documents / documents),
        formatCount(slice.drawn),
      ]),
    ]),
    `Answer on the page (betr serve, then /audit?audit=${id}) or in a table (betr audit export).`,
    ...(kept === undefined
      ? []
      : [
          `The previous audit (${kept.id}, ${formatCountOf(answers, 'answer')}) is still there: --audit ${kept.id}`,
        ]),
  ].join('\n');
}
