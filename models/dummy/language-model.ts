// A language model for tests and dry runs. Its answers are pseudo-random, from the seed and the texts. Its tokens
// are words with the preceding blank, and each word's probability depends on all words before it.

import { createHash } from 'node:crypto';
import { keyHash } from '../../data/files/hash.ts';
import { openRandom } from '../../data/seeded-random.ts';
import { fingerprint } from '../../run/run.ts';
import type { ModelSettings } from '../../run/model-settings.ts';
import { fail } from '../../run/errors/errors.ts';
import { countNew, cutPrompts, findBegun, joinAll, textWindows } from '../joined-tokens.ts';
import type { LanguageModel } from '../language-model.ts';

const contextTokens = 8192;
/** The words it generates. */
const words = [' the', ' sum', ' of', ' two', ' odd', ' numbers', ' is', ' even', '.'];
/** The mean log probability of a token is that of a uniform draw from so many words. */
const vocabulary = 4096;

/** Opens the dummy model in the settings: `dummy` or `dummy:SEED`. */
export function openDummy(settings: ModelSettings): LanguageModel {
  const seed = settings.model.slice('dummy:'.length);
  const context = Math.min(contextTokens, settings.contextTokens ?? contextTokens);
  /** Token ids by text, and texts by id. */
  const known = new Map<string, number>();
  const texts: string[] = [];
  const encode = (text: string): number[] =>
    splitWords(text).map((word) => {
      const id = known.get(word) ?? texts.push(word) - 1;
      known.set(word, id);
      return id;
    });
  /** Reads a token: its log probability, between -2 and -2 ln vocabulary, and the state after it. */
  const read = (before: number, id: number): { logProbability: number; state: number } => {
    const hash = keyHash(texts[id] ?? '', before);
    const logProbability = -2 - (2 * (Math.log(vocabulary) - 1) * Number(hash >> 32n)) / 2 ** 32;
    return { logProbability, state: Number(hash & 0xffffffffn) };
  };
  const start = Number(keyHash(seed, 1) & 0xffffffffn);
  const stateAfter = (ids: readonly number[]): number =>
    ids.reduce((state, id) => read(state, id).state, start);
  /** The log probability of tokens after others that left a state. */
  const sum = (before: number, ids: readonly number[]): number => {
    let [total, state] = [0, before];
    for (const id of ids) {
      const token = read(state, id);
      total += token.logProbability;
      state = token.state;
    }
    return total;
  };
  return {
    name: settings.name,
    fingerprint: fingerprint({ dummy: 2, seed, context }),
    contextTokens: context,
    beginning: '',
    lacks: {},
    continuations: 'any',
    obeysControlTokens: false,
    answersLater: false,
    chatFields: {},
    source: {
      backEnd: 'dummy',
      place: settings.model,
      quantization: null,
      precision: 'exact',
      topK: null,
      route: null,
    },
    logProbabilities: (questions, side) =>
      Promise.resolve().then(() =>
        questions.map(({ prompt, continuations }) => {
          const { joined, cutTokens } = cutPrompts(joinAll(encode, prompt, continuations), context, side);
          if (joined.some(({ promptTokens }) => promptTokens === 0)) {
            throw fail('LANGUAGE_MODEL_QUESTION', {
              problem: `its prompt is empty, and ${settings.name} has no BOS token`,
            });
          }
          // All continuations share the prompt, or most of it.
          const shared = Math.min(...joined.map(({ promptTokens }) => promptTokens));
          const begun = findBegun(joined.map(({ ids }) => ids));
          const state = stateAfter(joined[0]?.ids.slice(0, shared) ?? []);
          return {
            continuations: joined.map(({ ids, promptTokens }, at) => ({
              logProbability: sum(
                ids.slice(shared, promptTokens).reduce((now, id) => read(now, id).state, state),
                ids.slice(promptTokens),
              ),
              tokens: ids.length - promptTokens,
              promptTokens,
              isGreedy: false,
              ...begun[at],
            })),
            cutTokens,
            tokensRead: countNew([joined.map(({ ids }) => ids)])[0] ?? 0,
            tokensWritten: 0,
          };
        }),
      ),
    textLogProbability(text) {
      const ids = encode(text);
      const windows = textWindows(ids.length, context, false);
      const logProbability = windows.reduce(
        (total, { from, to, scoredFrom }) =>
          total + sum(stateAfter(ids.slice(from, scoredFrom)), ids.slice(scoredFrom, to)),
        0,
      );
      return Promise.resolve({
        logProbability,
        tokens: ids.length,
        scoredTokens: Math.max(0, ids.length - 1),
        bytes: Buffer.byteLength(text),
        windows: windows.length,
      });
    },
    generate(prompt, { maxTokens, seed: drawn = 1, stop = [] }) {
      const random = openRandom(
        createHash('sha256')
          .update(JSON.stringify([seed, drawn, prompt]))
          .digest()
          .readUInt32LE(),
      );
      const written: string[] = [];
      while (written.length < maxTokens && written.at(-1) !== '.')
        written.push(words[Math.floor(random() * words.length)] ?? '.');
      const text = written.join('');
      const stopAt = Math.min(...stop.map((end) => text.indexOf(end)).filter((at) => at >= 0));
      const isComplete = written.at(-1) === '.' || Number.isFinite(stopAt);
      return Promise.resolve({
        text: text.slice(0, Number.isFinite(stopAt) ? stopAt : undefined),
        tokens: written.length,
        tokensRead: encode(prompt).length,
        tokensWritten: written.length,
        isComplete,
        cutTokens: 0,
      });
    },
    close: () => Promise.resolve(),
  };
}

/** Words with the blanks before them, and the trailing blanks. */
function splitWords(text: string): string[] {
  const pieces = text.match(/\s+|\S+/g) ?? [];
  return pieces.flatMap((piece, at) => {
    if (/^\s/.test(piece)) return at === pieces.length - 1 ? [piece] : [];
    const before = pieces[at - 1] ?? '';
    return [`${/^\s/.test(before) ? before : ''}${piece}`];
  });
}
