// A language model judges every document of the corpus, as in AutoDS (arXiv 2402.07625). Its answers are stored
// as they come and shared by all workers, so that none is paid for twice.

import type { Judge, JudgedText } from '../../indexer/judges/judge.ts';
import { readQuestions } from '../../indexer/judges/questions.ts';
import { fail } from '../../run/errors/errors.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import type { JudgeSettings } from '../../run/judge-settings.ts';
import type { BatchNotes, CorpusScorer, PreparedScorer } from './kind.ts';

/** Prepares an opened judge to score every document. */
export function prepareAll(run: Run, judge: Judge, notes: readonly string[]): PreparedScorer {
  return {
    kind: 'lm',
    file: '',
    settings: { judge: judge.name, method: judge.kind, model: judge.model.name },
    outputs: ['joint'],
    details: namesOf(settingsOf(run, judge.name)),
    slow: true,
    fingerprint: judge.fingerprint,
    notes: [...notes],
  };
}

/** Opens a scorer that `prepareAll` prepared. Errors: those of `openJudge`. */
export async function openAll(run: Run, { settings }: PreparedScorer): Promise<CorpusScorer> {
  const { openJudge } = await import('../../indexer/judges/judge.ts');
  const judge = await openJudge(run, String(settings['judge']), silent);
  const own = settingsOf(run, judge.name);
  const price = run.settings.models.find(({ name }) => name === own.model)?.price?.perMillionTokens ?? null;
  const names = namesOf(own);
  return {
    fingerprint: judge.fingerprint,
    outputs: ['joint'],
    details: names,
    async scoreTexts(text, textEnds, count, out, _documents, notes) {
      const buffer = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
      const texts = Array.from({ length: count }, (_, i) =>
        buffer.toString('utf8', textEnds[i - 1] ?? 0, textEnds[i]),
      );
      const judged = await judge.judge(texts, (done) => notes?.progress(done));
      for (const [i, one] of judged.entries()) {
        out[i] = one.score ?? NaN;
        if (notes !== undefined) note(notes, i, one, names);
      }
    },
    async measure(texts) {
      const startedMs = performance.now();
      const judged = await judge.judge(texts);
      return {
        // No tokens were spent on a text whose answers are stored.
        documents: judged.filter(({ tokens }) => tokens > 0).length,
        seconds: (performance.now() - startedMs) / 1000,
        tokens: judged.reduce((sum, { tokens }) => sum + tokens, 0),
        price,
      };
    },
    close: () => judge.close(),
  };
}

function settingsOf({ settings: { judges } }: Run, name: string): JudgeSettings {
  const found = judges.find((judge) => judge.name === name);
  if (found === undefined) throw fail('JUDGE_UNKNOWN', { name, known: judges.map((judge) => judge.name) });
  return found;
}

/**
 * The columns beside the score: for each question its score, that by the likeliest spellings, and the answer
 * mass; for scales and ratings the value in their own units, and the spread of the samples; with several
 * windows, their scores.
 */
function namesOf(settings: JudgeSettings): string[] {
  const ofQuestions = readQuestions(settings, false).flatMap(({ name, mode, isScale }) => [
    `question_${name}`,
    `mass_${name}`,
    ...(mode === 'rating' ? [`value_${name}`, `spread_${name}`] : [`maximum_${name}`]),
    ...(mode !== 'rating' && isScale ? [`value_${name}`] : []),
  ]);
  const ofWindows = {
    begin: [],
    spread: ['windows', 'window_begin', 'window_middle', 'window_end'],
    all: ['windows', 'window_lowest', 'window_highest'],
  };
  return [...ofQuestions, ...ofWindows[settings.windows]];
}

function note(notes: BatchNotes, i: number, judged: JudgedText, names: readonly string[]): void {
  if (judged.score === null) notes.reasons[i] = judged.reason ?? undefined;
  const details = detailsOf(judged);
  for (const [d, name] of names.entries()) notes.details[i * names.length + d] = details.get(name) ?? NaN;
}

function detailsOf({ questions, windows }: JudgedText): Map<string, number | null | undefined> {
  const scores = windows.map(({ score }) => score).filter((score) => score !== null);
  return new Map([
    ...questions.flatMap(
      ({ name, score, mass, scoreByMaximum, value, spread }): [string, number | null | undefined][] => [
        [`question_${name}`, score],
        [`mass_${name}`, mass],
        [`maximum_${name}`, scoreByMaximum],
        [`value_${name}`, value],
        [`spread_${name}`, spread],
      ],
    ),
    ['windows', windows.length],
    ['window_begin', windows[0]?.score],
    ['window_middle', windows.length > 2 ? windows[Math.floor(windows.length / 2)]?.score : undefined],
    ['window_end', windows.length > 1 ? windows.at(-1)?.score : undefined],
    ['window_lowest', scores.length === 0 ? undefined : Math.min(...scores)],
    ['window_highest', scores.length === 0 ? undefined : Math.max(...scores)],
  ]);
}
