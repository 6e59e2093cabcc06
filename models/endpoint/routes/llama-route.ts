// The route of llama.cpp's server: /completion, which answers for any token of the vocabulary.

import { z } from 'zod';
import { fail } from '../../../run/errors/errors.ts';
import { findCut, findExcess, findFault } from './log-probabilities.ts';
import { biasesFor, UsualLogs, withoutBiases } from './raised-tokens.ts';
import { type Asking, type NextToken, type Routes, checkDoubled, ifThere } from './route-requests.ts';
import { addUsage, tokenCount } from '../usage.ts';

const llamaSchema = z.object({
  tokens_evaluated: tokenCount,
  truncated: z.boolean().nullish(),
  completion_probabilities: z
    .array(
      z.object({
        id: z.number().int(),
        /** Of the model. */
        top_logprobs: z.array(z.object({ id: z.number().int(), logprob: z.number().nullish() })).nullish(),
        /** After the biases. */
        top_probs: z.array(z.object({ id: z.number().int(), prob: z.number().min(0) })).nullish(),
      }),
    )
    .nullish(),
});
/**
 * Tokens to ask for at first; the whole vocabulary would take megabytes. If a wanted token is missing, the next
 * request asks for more.
 */
const llamaTokens = 256;
const growth = 8;
/** Tokens to ask for if the wanted ones are raised. */
const raisedTokens = 4096;
/** Sets of wanted tokens to remember, which questions ask for after every text. */
const setsAtMost = 1000;
/** Biases of the test request, and how much the server may be off. */
const triedBiases = [0, 1, 2, 4];
const tolerance = 1e-3;
const noLlamaEcho = 'llama.cpp does not echo prompts, so a text would take one request per token';

/** The next tokens that a server lists, with their log probabilities. */
type Listed = Map<number, number>;

/** What is known of a set of wanted tokens. */
interface WantedSet {
  /** How many tokens had the wanted ones among them. */
  count: number;
  usual: UsualLogs;
}

/** llama.cpp's own /completion, which returns any number of next tokens, up to the whole vocabulary. */
export async function llamaRoutes(asking: Asking, ids: readonly number[]): Promise<Routes> {
  const { server, name } = asking;
  /** The `count` most likely next tokens; undefined if the answer lacks them. */
  const read = async (
    prompt: readonly number[],
    count: number,
    biases?: ReadonlyMap<number, number>,
  ): Promise<Listed | undefined> => {
    const answer = await server.ask(
      `${server.root}/completion`,
      {
        prompt,
        n_predict: 1,
        n_probs: count,
        cache_prompt: true,
        ...(biases === undefined
          ? { temperature: 0, post_sampling_probs: false }
          : {
              temperature: 1,
              samplers: ['temperature'],
              logit_bias: Array.from(biases),
              post_sampling_probs: true,
            }),
      },
      llamaSchema,
    );
    const counted = answer.tokens_evaluated ?? null;
    const cut = answer.truncated === true ? 'it truncated the prompt' : findCut(counted, prompt.length);
    if (cut !== undefined) throw fail('LANGUAGE_MODEL_ANSWER', { model: name, problem: cut });
    checkDoubled(asking, counted, prompt.length);
    addUsage(counted ?? prompt.length, 1);
    const positions = answer.completion_probabilities ?? [];
    const [first] = positions;
    const top =
      biases === undefined
        ? (first?.top_logprobs ?? []).map(({ id, logprob }) => ({ id, log: logprob ?? null }))
        : (first?.top_probs ?? []).map(({ id, prob }) => ({ id, log: prob === 0 ? null : Math.log(prob) }));
    if (first === undefined || top.length === 0) return undefined;
    const shown = top.map(({ id, log }) => ({ text: '', id, logProbability: log }));
    const fault =
      findExcess(positions, 1) ??
      findFault([{ text: '', id: first.id, logProbability: null, top: shown }], 1);
    if (fault !== undefined) throw fail('LANGUAGE_MODEL_ANSWER', { model: name, problem: fault });
    const listed: Listed = new Map();
    for (const { id, log } of top) if (log !== null) listed.set(id, log);
    return listed;
  };
  /** The next tokens, with the wanted ones raised; undefined if that does not tell them. */
  const readRaised = async (
    prompt: readonly number[],
    wanted: readonly number[],
    biases: readonly number[],
  ): Promise<Listed | undefined> => {
    const byId = new Map(wanted.map((id, at) => [id, biases[at] ?? 0]));
    const listed = await read(prompt, Math.min(raisedTokens, most), byId);
    return listed === undefined ? undefined : withoutBiases(listed, byId);
  };
  const most = server.vocabulary ?? 1 << 20;
  const tried = await read(ids, triedBiases.length);
  if (tried === undefined) {
    const none = 'its /completion returns no completion_probabilities';
    return { name: 'llama.cpp', none, noEcho: none };
  }
  const canRaise =
    most > raisedTokens &&
    isSame(tried, await ifThere(() => readRaised(ids, [...tried.keys()], triedBiases)));
  const sets = new Map<string, WantedSet>();
  return {
    name: 'llama.cpp',
    noEcho: noLlamaEcho,
    async next(prompt, wanted) {
      const key = wanted.join();
      const set = sets.get(key);
      if (canRaise && set !== undefined && set.count > llamaTokens) {
        const listed = await readRaised(prompt, wanted, biasesFor(set.usual.means));
        if (listed !== undefined) {
          set.usual.add(logsOf(wanted, listed));
          return answerFrom(wanted, listed);
        }
      }
      for (let count = set?.count ?? llamaTokens; ; count *= growth) {
        const listed = await read(prompt, Math.min(count, most));
        if (listed === undefined)
          throw fail('LOG_PROBABILITIES_OFF', { model: name, reason: 'an answer lacks them' });
        if (count < most && !wanted.every((id) => listed.has(id))) continue;
        const logs = logsOf(wanted, listed);
        if (set !== undefined) {
          set.count = count;
          set.usual.add(logs);
        } else if (sets.size < setsAtMost) sets.set(key, { count, usual: new UsualLogs(logs) });
        return answerFrom(wanted, listed);
      }
    },
  };
}

/** Whether the server takes biases into account as it should. */
function isSame(listed: Listed, found: Listed | undefined): boolean {
  return (
    found !== undefined &&
    Array.from(listed).every(([id, log]) => Math.abs(log - (found.get(id) ?? NaN)) < tolerance)
  );
}

/** What is not even in the whole list is as good as impossible. */
function logsOf(wanted: readonly number[], listed: Listed): number[] {
  let least: number | undefined;
  return wanted.map(
    (id) => listed.get(id) ?? (least ??= Array.from(listed.values()).reduce((a, b) => Math.min(a, b), 0)),
  );
}

function answerFrom(wanted: readonly number[], listed: Listed): NextToken {
  let [best, bestLog]: [number | null, number] = [null, -Infinity];
  for (const [id, log] of listed) if (log > bestLog) [best, bestLog] = [id, log];
  return { best, logProbabilities: wanted.map((id) => listed.get(id) ?? null) };
}
