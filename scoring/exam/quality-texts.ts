// The texts of the exam's part about quality: texts of one source and examples with answers, each with a damaged
// copy. Both have the same topic, so a judge that only knows topics finds no difference.

import { existsSync } from 'node:fs';
import { listBenchmarks } from '../../indexer/examples/benchmarks.ts';
import { readAnswerPairs } from '../../indexer/examples/wrong-answers.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { addBoilerplate, joinSentences, shuffleSentences } from './damage.ts';
import { firstOfSample, type ExamTexts, listSampleSources, sampleOf } from './exam-texts.ts';

export interface QualityPairs {
  name: string;
  what: { whole: string; damaged: string };
  /** Text i and its copy i. */
  whole: string[];
  damaged: string[];
}

/** Documents to read for each that is used: those with too few sentences are left out. */
const documentsPerText = 4;

/** Draws the pairs, and says what could not be drawn. Errors: OPTION_INVALID, those of `readAnswerPairs`. */
export async function drawQualityPairs(
  run: Run,
  texts: ExamTexts,
  { source, texts: count }: { source?: string | undefined; texts: number },
): Promise<{ pairs: QualityPairs[]; notes: string[] }> {
  const [damaged, answers] = [
    await damageDocuments(run, texts, source, count),
    await answerPairs(run, count),
  ];
  const notes = [
    ...(damaged.length === 0
      ? ['Quality within a source was not tested: no document has enough sentences.']
      : []),
    ...(answers.whole.length === 0
      ? ['Wrong answers were not tested: no benchmark example has an answer.']
      : []),
  ];
  return { pairs: [...damaged, ...(answers.whole.length === 0 ? [] : [answers])], notes };
}

async function damageDocuments(
  run: Run,
  texts: ExamTexts,
  asked: string | undefined,
  count: number,
): Promise<QualityPairs[]> {
  if (!existsSync(run.files.sample) && asked === undefined) return [];
  const sources = await listSampleSources(run);
  const source = asked ?? texts.for.sources[0] ?? sources[0] ?? '';
  if (!sources.includes(source))
    throw fail('OPTION_INVALID', {
      option: '--source',
      got: source,
      allowed: `a source of the sample: ${sources.slice(0, 30).join(', ')}${sources.length > 30 ? ', …' : ''}`,
    });
  const seed = run.settings.sample.seed;
  const pairs = (await firstOfSample(run, { sources: [source] }, documentsPerText * count))
    .flatMap((text, at) => {
      const shuffled = shuffleSentences(text, seed + at);
      return shuffled === undefined
        ? []
        : [{ whole: joinSentences(text), shuffled, cluttered: addBoilerplate(text) }];
    })
    .slice(0, count);
  if (pairs.length === 0) return [];
  const whole = pairs.map((pair) => pair.whole);
  const what = `intact texts of ${source === '' ? 'the source without a name' : source}`;
  return [
    {
      name: 'sentences shuffled',
      what: { whole: what, damaged: 'the same with their sentences shuffled' },
      whole,
      damaged: pairs.map(({ shuffled }) => shuffled),
    },
    {
      name: 'boilerplate added',
      what: { whole: what, damaged: 'the same with a menu, a cookie banner and advertising in them' },
      whole,
      damaged: pairs.map(({ cluttered }) => cluttered),
    },
  ];
}

async function answerPairs(run: Run, count: number): Promise<QualityPairs> {
  const wrongOf = new Map<string, string>();
  for (const { benchmark, files } of await listBenchmarks(run))
    for (const { right, wrong } of await readAnswerPairs(files, benchmark)) wrongOf.set(right, wrong);
  const whole = sampleOf([...wrongOf.keys()], run.settings.sample.seed, count);
  return {
    name: 'wrong answers',
    what: { whole: 'benchmark examples', damaged: 'the same with a wrong answer' },
    whole,
    damaged: whole.map((right) => wrongOf.get(right) ?? ''),
  };
}
