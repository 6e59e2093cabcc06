// `betr judge`: examines a judge, compares judges, and exchanges requests and answers as files.

import type { Command } from 'commander';
import { compareJudges } from '../../evaluation/compare-judges.ts';
import { openJudge } from '../../indexer/judges/judge.ts';
import { examineJudge, examTexts } from '../../scoring/exam/exam.ts';
import type { ExamChoice } from '../../scoring/exam/exam-texts.ts';
import { fail } from '../../run/errors/errors.ts';
import { parseCount, parseShare, parseWhole } from '../../run/amounts.ts';
import { describeComparison, describeExam } from '../judges.ts';
import { stepCommand, type StepOptions, work } from '../options.ts';
import { printResult } from '../output.ts';

interface JudgeOptions extends StepOptions {
  exam: boolean;
  for?: string[];
  against?: string[];
  labeled?: string;
  source?: string;
  texts: number;
  compare: boolean;
  keep: number;
  documents?: number;
  out?: string;
}

export function judgeCommand(): Command {
  return stepCommand('judge', 'examine a judge before using it, or compare judges')
    .argument('<judges...>', 'names of judges in the settings')
    .option(
      '--exam',
      'judge texts whose answer is known; shows whether the scores can be trusted, and what judging the sample ' +
        'and the corpus would cost; exit code 1 if the judge fails',
      false,
    )
    .option(
      '--for <names...>',
      'exam: sources or benchmarks that should score high (default: all benchmarks)',
    )
    .option('--against <names...>', 'exam: those that should score low (default: a random sample)')
    .option(
      '--labeled <file>',
      'exam: rows with "text" and "label" (yes or no), instead of --for and --against',
    )
    .option('--source <name>', 'exam: the source to test quality in')
    .option(
      '--texts <count>',
      'exam: texts on each side, at most',
      (text) => parseWhole('--texts', text, 2, 100_000),
      examTexts,
    )
    .option('--compare', 'judge the sample by each judge and show how much they agree', false)
    .option('--keep <share>', 'compare: the share to keep', (text) => parseShare('--keep', text), 0.1)
    .option('--documents <count>', 'compare: documents of the sample (default: all)', (text) =>
      parseCount('--documents', text, '1000'),
    )
    .option('--out <file>', 'compare: write the scores of each document as JSON Lines')
    .action(async (names: string[], options: JudgeOptions) => {
      if (options.exam === options.compare)
        throw fail('USAGE', { problem: 'Give either --exam or --compare' });
      if (options.exam) await examine(names, options);
      else await compare(names, options);
    });
}

async function examine(names: readonly string[], options: JudgeOptions): Promise<void> {
  const [name = ''] = names;
  if (names.length > 1) throw fail('USAGE', { problem: '--exam takes one judge' });
  if (options.labeled !== undefined && (options.for !== undefined || options.against !== undefined))
    throw fail('USAGE', { problem: 'Give --labeled, or --for and --against' });
  const exam = await work(options, async (run, report) => {
    const own = run.settings.judges.find((judge) => judge.name === name)?.exam;
    const isAsked = [options.for, options.against, options.labeled].some((value) => value !== undefined);
    const choice: Omit<ExamChoice, 'texts'> = isAsked || own === undefined ? options : own;
    const judge = await openJudge(run, name, report);
    try {
      return await examineJudge(
        run,
        judge,
        {
          for: choice.for,
          against: choice.against,
          labeled: choice.labeled,
          source: options.source,
          texts: options.texts,
          quality: true,
        },
        report,
      );
    } finally {
      await judge.close();
    }
  });
  if (exam === undefined)
    throw fail('EXAM_TEXTS_MISSING', { side: 'for', what: 'the list of benchmarks in the settings' });
  printResult(options.json, exam, describeExam(exam));
  if (exam.verdict !== 'passed') process.exitCode = 1;
}

async function compare(names: readonly string[], options: JudgeOptions): Promise<void> {
  if (names.length < 2 || new Set(names).size < names.length)
    throw fail('USAGE', { problem: '--compare takes two or more judges' });
  const comparison = await work(options, (run, report) => compareJudges(run, names, options, report));
  printResult(options.json, comparison, describeComparison(comparison));
}
