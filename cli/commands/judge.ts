// `betr judge`: examines a judge, compares judges, and exchanges requests and answers as files.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { compareJudges } from '../../evaluation/compare-judges.ts';
import { writeBatch } from '../../indexer/judges/batch-requests.ts';
import { type Judge, openJudge } from '../../indexer/judges/judge.ts';
import { readBatch } from '../../indexer/judges/read-batch.ts';
import { type ExamOptions, examineJudge, examTexts, listExamTexts } from '../../scoring/exam/exam.ts';
import { requireSample } from '../../scoring/exam/exam-texts.ts';
import { fail } from '../../run/errors/errors.ts';
import { parseShare, parseWhole } from '../../run/amounts.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { describeComparison, describeExam } from '../judges.ts';
import { describeBatch } from '../judge-batches.ts';
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
  writeBatch?: string;
  readBatch?: string;
  failuresUnknown: boolean;
  all: boolean;
}

export function judgeCommand(): Command {
  return stepCommand(
    'judge',
    'examine a judge before using it, compare judges, or exchange requests and answers as files',
  )
    .argument('<judges...>', 'names of judges in the settings')
    .option(
      '--exam',
      'judge texts with known labels; shows whether the scores can be trusted, and what judging the sample ' +
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
      'exam: rows with "text" and "label" (yes or no), instead of --for and --against; relative to the settings',
    )
    .option('--source <name>', 'exam: the source to test quality in')
    .option(
      '--texts <count>',
      'exam: texts on each side, at most',
      (text) => parseWhole('--texts', text, 2, 100_000),
      examTexts,
    )
    .option('--compare', 'score the sample with each judge and show how much they agree', false)
    .option('--keep <share>', 'compare: the share to keep', (text) => parseShare('--keep', text), 0.1)
    .option('--documents <count>', 'compare: documents of the sample (default: all)', (text) =>
      parseWhole('--documents', text, 1, 1e9),
    )
    .option('--out <file>', 'compare: write the scores of each document as JSON Lines')
    .option(
      '--write-batch <file>',
      'write the requests about the sample and the exam in OpenAI\'s batch format, for "vllm run-batch" and others',
    )
    .option(
      '--read-batch <file>',
      'store the answers to such requests; exit code 1 if some are still missing',
    )
    .option('--failures-unknown', "read: don't retry failed requests; their documents get no score", false)
    .option('--all', 'write, read: every document of the corpus, not only the sample', false)
    .action(async (names: string[], options: JudgeOptions) => {
      const steps = [
        options.exam,
        options.compare,
        options.writeBatch !== undefined,
        options.readBatch !== undefined,
      ];
      if (steps.filter(Boolean).length !== 1)
        throw fail('USAGE', { problem: 'Give one of --exam, --compare, --write-batch and --read-batch.' });
      if (options.compare) await compare(names, options);
      else {
        const [name = ''] = names;
        if (names.length > 1)
          throw fail('USAGE', { problem: 'Give one judge; only --compare takes several.' });
        if (options.exam) await examine(name, options);
        else await exchangeBatch(name, options);
      }
    });
}

async function examine(name: string, options: JudgeOptions): Promise<void> {
  if (options.labeled !== undefined && (options.for !== undefined || options.against !== undefined))
    throw fail('USAGE', { problem: 'Give --labeled, or --for and --against.' });
  const exam = await work(options, (run, report) =>
    withJudge(run, name, report, (judge) =>
      examineJudge(run, judge, examOptions(run, name, options), report),
    ),
  );
  if (exam === undefined)
    throw fail('EXAM_TEXTS_MISSING', { side: 'for', what: 'the settings have no benchmarks', notes: [] });
  printResult(options.json, exam, describeExam(exam));
  if (exam.verdict !== 'passed') process.exitCode = 1;
}

/** The exam's texts: as the command line says, or else the judge's settings. */
function examOptions(run: Run, name: string, options: JudgeOptions): ExamOptions {
  const isAsked = [options.for, options.against, options.labeled].some((value) => value !== undefined);
  const own = run.settings.judges.find((judge) => judge.name === name)?.exam;
  const { for: positive, against, labeled } = isAsked ? options : (own ?? {});
  return { for: positive, against, labeled, source: options.source, texts: options.texts, quality: true };
}

async function withJudge<T>(
  run: Run,
  name: string,
  report: Report,
  use: (judge: Judge) => Promise<T>,
): Promise<T> {
  const judge = await openJudge(run, name, report);
  try {
    return await use(judge);
  } finally {
    await judge.close();
  }
}

async function exchangeBatch(name: string, options: JudgeOptions): Promise<void> {
  const { writeBatch: requests, readBatch: answers, failuresUnknown } = options;
  const result = await work(options, (run, report) =>
    withJudge(run, name, report, async (judge) => {
      if (!options.all) requireSample(run);
      const texts = {
        more: existsSync(run.files.sample) ? await listExamTexts(run, examOptions(run, name, options)) : [],
        all: options.all,
      };
      return {
        backEnd: judge.model.source.backEnd,
        answersLater: judge.model.answersLater,
        all: options.all,
        notes: judge.notes,
        ...(requests === undefined
          ? {}
          : { written: await writeBatch(run, judge, texts, resolve(requests)) }),
        ...(answers === undefined
          ? {}
          : {
              read: await readBatch(run, judge, texts, {
                path: answers,
                folder: process.cwd(),
                failuresUnknown,
              }),
            }),
      };
    }),
  );
  printResult(options.json, result, describeBatch(name, result));
  if ((result.read?.missing ?? 0) > 0) process.exitCode = 1;
}

async function compare(names: readonly string[], options: JudgeOptions): Promise<void> {
  if (names.length < 2 || new Set(names).size < names.length)
    throw fail('USAGE', { problem: '--compare takes two or more judges.' });
  const comparison = await work(options, (run, report) => compareJudges(run, names, options, report));
  printResult(options.json, comparison, describeComparison(comparison));
}
