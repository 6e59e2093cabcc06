// Lets a language model say which of two answers to a held-out prompt is better: a trained model's or the untuned
// student's. Each pair of answers is asked in both orders, and every reply is stored.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { commitSealedJson, readSealedJson } from '../../data/files/commit.ts';
import { withoutControl } from '../../indexer/judges/ask.ts';
import { openStore } from '../../indexer/judges/reply-store.ts';
import { sha256 } from '../../models/trainer/job.ts';
import type { LanguageModel } from '../../models/language-model.ts';
import { openLanguageModel } from '../../models/open.ts';
import { plainText } from '../../pairs/pair.ts';
import { type PairSet, streamPairs } from '../../pairs/set.ts';
import { forEachAtOnce } from '../../run/at-once.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { pairTrialFolder, type PairTrialPlan } from './plan-file.ts';
import type { Answers, PairTrialResults } from './results.ts';

const probability = z.number().min(0).max(1).nullable();

const verdictSchema = z.strictObject({
  id: z.string(),
  /** The probability that the trained model's answer is better, when it is shown first, and second; null: no reply. */
  first: probability,
  second: probability,
  /** Characters of the trained model's answer and of the other one. */
  characters: z.number(),
  otherCharacters: z.number(),
});
export type Verdict = z.output<typeof verdictSchema>;

const verdictsSchema = z.strictObject({
  version: z.literal(1),
  judge: z.string(),
  fingerprint: z.string(),
  /** Results of the job of the untuned student's answers. */
  untuned: sha256,
  tokens: z.number(),
  /** By the name of the job that answered. */
  models: z.record(z.string(), z.strictObject({ answers: sha256, verdicts: z.array(verdictSchema) })),
});
export type Verdicts = z.output<typeof verdictsSchema>;

const verdictsFile = 'verdicts.json';

/** The judge's verdicts; undefined if it was not asked yet. Errors: FILE_DAMAGED, FILE_UNREADABLE. */
export function readVerdicts(set: PairSet, plan: PairTrialPlan): Promise<Verdicts | undefined> {
  return readSealedJson(
    join(pairTrialFolder(set, plan.name), verdictsFile),
    verdictsSchema,
    `betr pairs trial run ${set.name} --name ${plan.name}`,
  );
}

/** A mean preference over both orders; null unless both were answered. */
export function preferenceOf({ first, second }: Verdict): number | null {
  return first === null || second === null ? null : (first + second) / 2;
}

/**
 * Asks the judge of the plan about all answers that are there. Errors: LANGUAGE_MODEL_CANNOT, those of
 * `openLanguageModel` and of the model, DISK_FULL, WRITE_FAILED.
 */
export async function judgeAnswers(
  run: Run,
  set: PairSet,
  plan: PairTrialPlan,
  { models, untuned }: PairTrialResults,
  report: Report,
): Promise<void> {
  if (plan.judge === null || untuned.answers === null) return;
  const other = untuned.answers;
  const judge = await openLanguageModel(run.settings, plan.judge, run.settingsFolder);
  try {
    checkJudge(judge);
    const folder = pairTrialFolder(set, plan.name);
    const prompts = await readPromptTexts(set, new Set(other.texts.keys()));
    const asking = await openAsking(judge, join(folder, `judge-${plan.judge}.replies`));
    try {
      const found: Verdicts['models'] = {};
      const answered = models.flatMap(({ model, answers }) =>
        model.answers === null || answers === null ? [] : [{ job: model.answers.name, answers }],
      );
      for (const [done, { job, answers }] of answered.entries()) {
        report({ stage: `pairs: ask ${plan.judge}`, done, total: answered.length, unit: 'models' });
        found[job] = {
          answers: answers.sha256,
          verdicts: await compareAnswers(judge, asking.ask, prompts, answers, other),
        };
      }
      await commitSealedJson(join(folder, verdictsFile), {
        version: 1,
        judge: plan.judge,
        fingerprint: judge.fingerprint,
        untuned: other.sha256,
        tokens: asking.tokens(),
        models: found,
      } satisfies Verdicts);
    } finally {
      await asking.close();
    }
  } finally {
    await judge.close();
  }
}

/** Errors: LANGUAGE_MODEL_CANNOT. */
function checkJudge({ name, lacks, answersLater }: LanguageModel): void {
  const reason = answersLater ? 'it answers through files' : lacks.logProbabilities && lacks.generate;
  if (reason !== undefined)
    throw fail('LANGUAGE_MODEL_CANNOT', { model: name, what: 'compare answers', reason });
}

async function readPromptTexts(set: PairSet, ids: ReadonlySet<string>): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for await (const pairs of streamPairs(set))
    for (const { id, form, prompt } of pairs) if (ids.has(id)) texts.set(id, plainText(form, prompt));
  return texts;
}

async function compareAnswers(
  judge: LanguageModel,
  ask: Ask,
  prompts: ReadonlyMap<string, string>,
  { texts }: Answers,
  other: Answers,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const both = [...texts].flatMap(([id, own]) => {
    const [prompt, reference] = [prompts.get(id), other.texts.get(id)];
    return prompt === undefined || reference === undefined ? [] : [{ id, prompt, own, reference }];
  });
  await forEachAtOnce(
    [...both.entries()],
    () => judge.callsAtOnce ?? 1,
    async ([at, { id, prompt, own, reference }]) => {
      // Nobody can prefer one of two equal answers.
      const isEqual = own === reference;
      const first = isEqual ? 0.5 : await ask(questionOf(judge, prompt, own, reference));
      const second = isEqual ? 0.5 : await ask(questionOf(judge, prompt, reference, own));
      verdicts[at] = {
        id,
        first,
        second: second === null ? null : 1 - second,
        characters: own.length,
        otherCharacters: reference.length,
      };
    },
  );
  return verdicts;
}

const letters = [' A', ' B'] as const;

export function questionOf(
  { obeysControlTokens }: Pick<LanguageModel, 'obeysControlTokens'>,
  prompt: string,
  a: string,
  b: string,
): string {
  const [instruction, first, second] = [prompt, a, b].map((text) =>
    obeysControlTokens ? withoutControl(text) : text,
  );
  return [
    'Compare two answers to an instruction. The better answer does what the instruction asks, is correct, ' +
      'and is clear.',
    `Instruction:\n${instruction ?? ''}`,
    `Answer A:\n${first ?? ''}`,
    `Answer B:\n${second ?? ''}`,
    'Which answer is better, A or B?\nThe better answer is',
  ].join('\n\n');
}

/** The probability that answer A is better. */
type Ask = (question: string) => Promise<number | null>;

const replySchema = z.strictObject({ first: probability });

async function openAsking(
  judge: LanguageModel,
  folder: string,
): Promise<{ ask: Ask; tokens: () => number; close: () => Promise<void> }> {
  const store = await openStore(folder, replySchema);
  return {
    async ask(question) {
      const digest = createHash('sha256')
        .update(JSON.stringify([1, judge.fingerprint, question]))
        .digest('hex')
        .slice(0, 32);
      const [known] = store.find([digest]);
      if (known !== undefined) return known.first;
      const { first, tokens } =
        judge.lacks.logProbabilities === undefined
          ? await askByProbability(judge, question)
          : await askByWord(judge, question);
      await store.add([{ digest, reply: { first }, tokens }]);
      return first;
    },
    tokens: () => store.tokens(),
    close: () => store.close(),
  };
}

async function askByProbability(
  judge: LanguageModel,
  prompt: string,
): Promise<{ first: number | null; tokens: number }> {
  const [answer] = await judge.logProbabilities([{ prompt, continuations: letters }], 'start');
  const [a = null, b = null] = answer?.continuations.map(({ logProbability }) => logProbability) ?? [];
  const tokens = (answer?.tokensRead ?? 0) + (answer?.tokensWritten ?? 0);
  // Half of an instruction cannot be judged.
  if ((a === null && b === null) || (answer?.cutTokens ?? 0) > 0) return { first: null, tokens };
  return { first: 1 / (1 + Math.exp((b ?? -Infinity) - (a ?? -Infinity))), tokens };
}

async function askByWord(
  judge: LanguageModel,
  prompt: string,
): Promise<{ first: number | null; tokens: number }> {
  const { text, tokensRead, tokensWritten, cutTokens } = await judge.generate(prompt, { maxTokens: 8 });
  const [, letter] = /^[^A-Za-z]*(?:answer )?([AB])\b/i.exec(text) ?? [];
  const first = letter === undefined || cutTokens > 0 ? null : letter.toUpperCase() === 'A' ? 1 : 0;
  return { first, tokens: tokensRead + tokensWritten };
}
