// Measures difficulty by a proxy that needs no training: how much likelier a language model, as it is, finds the chosen
// answer than the rejected one. Every answer of the model is stored, so an interrupted measurement continues.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { BIGINT, DOUBLE, VARCHAR } from '../data/duckdb/library.ts';
import { appendColumns, withSpillingDuckDb } from '../data/duckdb/run-files.ts';
import { openStore, type ReplyStore } from '../indexer/judges/reply-store.ts';
import type { LanguageModel } from '../models/language-model.ts';
import { openLanguageModel } from '../models/open.ts';
import { forEachAtOnce } from '../run/at-once.ts';
import { BetrError, fail } from '../run/errors/errors.ts';
import type { Report } from '../run/progress.ts';
import type { Run } from '../run/run.ts';
import { type Measurement, writeMeasurement } from './measurement.ts';
import { type Pair, turnsOf } from './pair.ts';
import { type PairSet, streamPairs } from './set.ts';

/** What the log probability of an answer is divided by. */
export const marginUnits = ['answer', 'token', 'byte'] as const;
export type MarginUnit = (typeof marginUnits)[number];

/** β of the DPO loss for whole answers, whose log probabilities differ by hundreds of nats; 1 per token or byte. */
const betas = { answer: 0.01, token: 1, byte: 1 } as const satisfies Record<MarginUnit, number>;

const side = z.strictObject({ log: z.number().nullable(), tokens: z.number().nullable() });
const replySchema = z.union([
  z.strictObject({ chosen: side, rejected: side }),
  z.strictObject({ reason: z.enum(['longer than the context of the model', 'refused by the server']) }),
]);
type MarginReply = z.output<typeof replySchema>;

/** Errors: LANGUAGE_MODEL_CANNOT, those of `openLanguageModel`, of the model, and of `writeMeasurement`. */
export async function measureByMargin(
  run: Run,
  set: PairSet,
  modelName: string,
  unit: MarginUnit,
  report: Report,
): Promise<Measurement> {
  const startedMs = performance.now();
  report({ stage: `load the language model ${modelName}`, done: 0, total: 1, unit: 'models' });
  const model = await openLanguageModel(run.settings, modelName, run.settingsFolder);
  try {
    checkModel(model);
    const isChat = run.settings.models.some(({ name, chat }) => name === modelName && chat);
    const store = await openStore(join(set.files.measurements, `margin-${modelName}.replies`), replySchema);
    try {
      return await withSpillingDuckDb(run.files.spill, async (connection) => {
        await askAll(connection, set, { model, isChat }, store, unit, report);
        return writeMeasurement(
          connection,
          set,
          {
            name: `margin-${modelName}${unit === 'answer' ? '' : `-by-${unit}`}`,
            method: 'model-margin',
            proxy: true,
            beta: betas[unit],
            checkpoints: 'last',
            model: modelName,
            settings: { fingerprint: model.fingerprint, unit, tokens: store.tokens() },
            seconds: (performance.now() - startedMs) / 1000,
            notes: notesOf(model, unit),
          },
          `SELECT pair, [{model: '1', steps: [NULL::DOUBLE], margins: [margin]}] AS models, unknown FROM judged`,
        );
      });
    } finally {
      await store.close();
    }
  } finally {
    await model.close();
  }
}

/** Errors: LANGUAGE_MODEL_CANNOT. */
function checkModel({ name, lacks, continuations, answersLater }: LanguageModel): void {
  const reason = answersLater
    ? 'it answers through files'
    : (lacks.logProbabilities ??
      (continuations === 'any' ? undefined : 'it scores single tokens only, and answers are longer'));
  if (reason !== undefined)
    throw fail('LANGUAGE_MODEL_CANNOT', { model: name, what: 'measure the difficulty of pairs', reason });
}

interface Asked {
  model: LanguageModel;
  /** Whether prompts go through a chat template. */
  isChat: boolean;
}

/** Fills the table `judged`, in the order of the pairs. */
async function askAll(
  connection: DuckDBConnection,
  set: PairSet,
  asked: Asked,
  store: ReplyStore<MarginReply>,
  unit: MarginUnit,
  report: Report,
): Promise<void> {
  await connection.run('CREATE TABLE judged (pair BIGINT, margin DOUBLE, unknown VARCHAR)');
  const appender = await connection.createAppender('judged');
  let done = 0;
  for await (const pairs of streamPairs(set)) {
    const digests = pairs.map((pair) => digestOf(asked, pair));
    const replies = store.find(digests);
    const missing = [...replies.keys()].filter((at) => replies[at] === undefined);
    done += pairs.length - missing.length;
    await forEachAtOnce(
      missing,
      () => asked.model.callsAtOnce ?? 1,
      async (at) => {
        const pair = pairs[at];
        if (pair === undefined) return;
        const { reply, tokens } = await ask(asked, pair);
        replies[at] = reply;
        // A server may answer later what it refuses now.
        if (!('reason' in reply && reply.reason === 'refused by the server'))
          await store.add([{ digest: digests[at] ?? '', reply, tokens }]);
        report({ stage: 'pairs: ask the model', done: ++done, total: set.card.pairs, unit: 'pairs' });
      },
    );
    const margins = pairs.map((pair, at) => marginIn(pair, replies[at], unit));
    appendColumns(appender, [BIGINT, DOUBLE, VARCHAR], pairs.length, (column, from, to) =>
      column === 0
        ? pairs.slice(from, to).map(({ pair }) => BigInt(pair))
        : margins.slice(from, to).map(({ margin, unknown }) => (column === 1 ? margin : unknown)),
    );
  }
  appender.closeSync();
}

async function ask({ model, isChat }: Asked, pair: Pair): Promise<{ reply: MarginReply; tokens: number }> {
  try {
    const [answer] = await model.logProbabilities(
      [
        {
          prompt: promptOf(pair, isChat),
          continuations: [answerOf(pair, 'chosen'), answerOf(pair, 'rejected')],
        },
      ],
      'start',
    );
    const tokens = (answer?.tokensRead ?? 0) + (answer?.tokensWritten ?? 0);
    const [chosen, rejected] = answer?.continuations ?? [];
    // Without its beginning, the prompt would be another.
    if (answer === undefined || answer.cutTokens > 0 || chosen === undefined || rejected === undefined)
      return { reply: { reason: 'longer than the context of the model' }, tokens };
    return {
      reply: {
        chosen: { log: chosen.logProbability, tokens: chosen.tokens },
        rejected: { log: rejected.logProbability, tokens: rejected.tokens },
      },
      tokens,
    };
  } catch (error) {
    if (error instanceof BetrError && error.code === 'LANGUAGE_MODEL_QUESTION')
      return { reply: { reason: 'longer than the context of the model' }, tokens: 0 };
    if (error instanceof BetrError && error.code === 'LANGUAGE_MODEL_REFUSED')
      return { reply: { reason: 'refused by the server' }, tokens: 0 };
    throw error;
  }
}

/** The margin of a pair; or why it is unknown. */
export function marginIn(
  pair: Pick<Pair, 'form' | 'chosen' | 'rejected'>,
  reply: MarginReply | undefined,
  unit: MarginUnit,
): { margin: number | null; unknown: string | null } {
  if (reply === undefined) return { margin: null, unknown: 'refused by the server' };
  if ('reason' in reply) return { margin: null, unknown: reply.reason };
  const rates = (['chosen', 'rejected'] as const).map((name) => {
    const { log, tokens } = reply[name];
    if (log === null) return null;
    if (unit === 'answer') return log;
    const size = unit === 'token' ? tokens : Buffer.byteLength(answerOf(pair, name));
    return size === null || size === 0 ? null : log / size;
  });
  const [chosen, rejected] = rates;
  if (typeof chosen !== 'number' || typeof rejected !== 'number')
    return { margin: null, unknown: 'the server does not report its log probability' };
  return { margin: betas[unit] * (chosen - rejected), unknown: null };
}

/**
 * A conversation with more than one turn is written out. Without a chat template, a blank line separates the prompt
 * from the answer.
 */
function promptOf({ form, prompt }: Pair, isChat: boolean): string {
  const turns = turnsOf(form, prompt, 'user');
  const text =
    turns.length === 1
      ? (turns[0]?.content ?? '')
      : turns.map(({ role, content }) => `${role}: ${content ?? ''}`).join('\n\n');
  return isChat ? text : `${text}\n\n`;
}

function answerOf(
  { form, ...texts }: Pick<Pair, 'form' | 'chosen' | 'rejected'>,
  name: 'chosen' | 'rejected',
): string {
  return turnsOf(form, texts[name], 'assistant')
    .map(({ content }) => content ?? '')
    .join('\n\n');
}

function digestOf({ model: { fingerprint }, isChat }: Asked, pair: Pair): string {
  return createHash('sha256')
    .update(
      JSON.stringify([
        fingerprint,
        promptOf(pair, isChat),
        answerOf(pair, 'chosen'),
        answerOf(pair, 'rejected'),
      ]),
    )
    .digest('hex')
    .slice(0, 32);
}

function notesOf({ source, name }: LanguageModel, unit: MarginUnit): string[] {
  return [
    ...(source.backEnd === 'dummy'
      ? [`The model "${name}" is a dummy: its answers are pseudo-random. Use it only to try out settings.`]
      : []),
    ...(unit === 'answer'
      ? [
          'Whole answers are compared, so a pair is the harder the longer its chosen answer is. --per token ' +
            'compares tokens.',
        ]
      : []),
  ];
}
