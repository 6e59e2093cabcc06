// The verbs of a language model on this machine: log probabilities of continuations and texts, and generation.

import { openRandom } from '../../data/seeded-random.ts';
import { fail, reasonOf } from '../../run/errors/errors.ts';
import {
  countNew,
  cutPrompts,
  findBegun,
  joinAll,
  type Joined,
  startWindow,
  textWindows,
} from '../joined-tokens.ts';
import type {
  Answer,
  CutSide,
  Generation,
  LanguageModel,
  Question,
  Sampling,
  TextLogProbability,
} from '../language-model.ts';
import type { CausalModel, Past } from './causal-model.ts';
import { scoreSequences } from './causal-pass.ts';
import { sampleToken } from './sample-token.ts';
import type { TextTokenizer } from './text-tokenizer.ts';

interface Opened {
  name: string;
  tokenizer: TextTokenizer;
  model: CausalModel;
  context: number;
  ends: readonly number[];
  chat: boolean;
}

type Verbs = Pick<LanguageModel, 'logProbabilities' | 'textLogProbability' | 'generate'>;

export function openVerbs({ name, tokenizer, model, context, ends, chat }: Opened): Verbs {
  const { beginning, encode } = tokenizer;
  const room = context - beginning.length;
  const start = (ids: readonly number[]): number[] => startWindow(name, beginning, ids);

  /** The prompt with each continuation, truncated to the context. */
  const join = (
    prompt: string,
    continuations: readonly string[],
    side: CutSide,
  ): { joined: Joined[]; cutTokens: number } => {
    const joinText = (text: string): Joined[] =>
      chat
        ? joinAll((reply) => tokenizer.encodeChat(text, reply), '', continuations)
        : joinAll(encode, text, continuations);
    const whole = joinText(prompt);
    if (!chat) return cutPrompts(whole, room, side);
    // Truncates the text of the message, not the template around it.
    let kept = encode(prompt);
    const all = kept.length;
    let joined = whole;
    for (;;) {
      const over = Math.max(...joined.map(({ ids }) => ids.length)) - room;
      if (over <= 0) return { joined, cutTokens: all - kept.length };
      if (over >= kept.length)
        throw fail('LANGUAGE_MODEL_QUESTION', {
          problem: `it does not fit into the context of ${context} tokens`,
        });
      kept = side === 'start' ? kept.slice(over) : kept.slice(0, -over);
      joined = joinText(tokenizer.decode(kept));
    }
  };

  const logProbabilities = async (questions: readonly Question[], side: CutSide): Promise<Answer[]> => {
    const asked = questions.map(({ prompt, continuations }) => join(prompt, continuations, side));
    const sequences = asked.flatMap(({ joined }) =>
      joined.map(({ ids, promptTokens }) => ({
        ids: start(ids),
        scoredFrom: beginning.length + promptTokens,
      })),
    );
    if (sequences.some(({ scoredFrom }) => scoredFrom === 0)) {
      throw fail('LANGUAGE_MODEL_QUESTION', {
        problem: `its prompt is empty, and ${name} has no BOS token to put before a first token`,
      });
    }
    const scored = await answered(name, scoreSequences(model, sequences));
    const groups = asked.map(({ joined }) => joined.map(({ ids }) => ids));
    // Without a state that can be cut, the model reads every sequence from its beginning.
    const read = model.cut === undefined ? groups.map((group) => group.flat().length) : countNew(groups);
    let next = 0;
    const begun = groups.map((group) => findBegun(group));
    return asked.map(({ joined, cutTokens }, at) => ({
      continuations: joined.map(({ ids, promptTokens }, continuation) => {
        const { logProbability, isGreedy } = scored[next++] ?? {
          logProbability: Number.NaN,
          isGreedy: false,
        };
        const tokens = ids.length - promptTokens;
        return { logProbability, tokens, promptTokens, isGreedy, ...begun[at]?.[continuation] };
      }),
      cutTokens,
      tokensRead: read[at] ?? 0,
      tokensWritten: 0,
    }));
  };

  const textLogProbability = async (text: string): Promise<TextLogProbability> => {
    const ids = encode(text);
    const windows = textWindows(ids.length, room, beginning.length > 0);
    let logProbability = 0;
    // One window at a time, so only one past is in memory.
    for (const { from, to, scoredFrom } of windows) {
      const sequence = { ids: start(ids.slice(from, to)), scoredFrom: beginning.length + scoredFrom - from };
      const [scored] = await answered(name, scoreSequences(model, [sequence]));
      logProbability += scored?.logProbability ?? Number.NaN;
    }
    const scoredTokens = ids.length - (windows[0]?.scoredFrom ?? 0);
    return {
      logProbability,
      tokens: ids.length,
      scoredTokens,
      bytes: Buffer.byteLength(text),
      windows: windows.length,
    };
  };

  const generate = async (prompt: string, sampling: Sampling): Promise<Generation> => {
    const { maxTokens, seed = 1, stop = [], cut = 'start' } = sampling;
    const read = chat ? tokenizer.encodeChat(prompt, '') : encode(prompt);
    const over = Math.max(0, read.length + maxTokens - room);
    if (over > 0 && (chat || over >= read.length)) {
      throw fail('LANGUAGE_MODEL_QUESTION', {
        problem:
          `a prompt of ${read.length} tokens and ${maxTokens} new ones do not fit into the ` +
          `context of ${context} tokens`,
      });
    }
    let ids = start(cut === 'start' ? read.slice(over) : read.slice(0, read.length - over));
    if (ids.length === 0)
      throw fail('LANGUAGE_MODEL_QUESTION', {
        problem: `its prompt is empty, and ${name} has no BOS token`,
      });
    const tokensRead = ids.length;
    const random = openRandom(seed);
    const written: number[] = [];
    let past: Past | undefined;
    let text = '';
    let isComplete = false;
    while (written.length < maxTokens && !isComplete) {
      const pass = await answered(name, model.readOn(ids, past));
      past = pass.past;
      const width = pass.logits.length / ids.length;
      const token = sampleToken(pass.logits.subarray(pass.logits.length - width), sampling, random);
      if (ends.includes(token)) isComplete = true;
      else written.push(token);
      text = tokenizer.decode(written);
      const stopAt = Math.min(...stop.map((end) => text.indexOf(end)).filter((at) => at >= 0));
      if (Number.isFinite(stopAt)) [text, isComplete] = [text.slice(0, stopAt), true];
      ids = [token];
    }
    const tokens = written.length;
    return { text, tokens, tokensRead, tokensWritten: tokens, isComplete, cutTokens: over };
  };

  return { logProbabilities, textLogProbability, generate };
}

/** Waits for the model's result. Errors: LANGUAGE_MODEL_ANSWER if it fails. */
async function answered<T>(model: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw fail('LANGUAGE_MODEL_ANSWER', { model, problem: reasonOf(error).split('\n')[0] ?? '' }, error);
  }
}
