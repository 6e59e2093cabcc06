// Gets the replies about the windows of many texts: from the store, or from the model, with as many windows in
// flight as it takes. Every reply is stored at once.

import { fail } from '../../run/errors/errors.ts';
import { formatCount } from '../../run/amounts.ts';
import type { LanguageModel } from '../../models/language-model.ts';
import { ask, type Reply } from './ask.ts';
import type { AskedQuestion } from './questions.ts';
import { questionDigest, windowDigest } from './reply-digest.ts';
import type { ReplyStore } from './reply-store.ts';

/** If the server refuses this many windows and answers about none, the server is at fault. */
const refusedAtMost = 20;

interface Opened {
  name: string;
  model: LanguageModel;
  questions: readonly AskedQuestion[];
  store: ReplyStore;
  /** Windows in flight. */
  atOnce: () => number;
  budget: {
    mostTokens: number;
    price: number | undefined;
    tokens?: number | undefined;
    money?: number | undefined;
  };
}

/** The replies about a text by window and question, and the tokens that they took now. */
export interface Answered {
  replies: Reply[][];
  tokens: number;
}

export interface WindowJudge {
  /** Replies about each text's windows. Errors: JUDGE_BUDGET, those of the model and the store. */
  answer(texts: readonly (readonly string[])[], onProgress: (done: number) => void): Promise<Answered[]>;
}

/** A window, however many texts have it. */
interface Piece {
  text: string;
  /** The first text that has it, which its tokens count for. */
  first: number;
  texts: number[];
  replies: (Reply | undefined)[];
}

export function openWindowJudge({ name, model, questions, store, atOnce, budget }: Opened): WindowJudge {
  const questionDigests = questions.map((question) => questionDigest(model, question));
  let [answered, refused] = [0, 0];

  const checkBudget = (): void => {
    const used = store.tokens();
    if (used < budget.mostTokens) return;
    const isMoney = budget.tokens === undefined || budget.mostTokens < budget.tokens;
    const cost =
      budget.price === undefined ? '' : `, which cost ${((used * budget.price) / 1e6).toPrecision(3)}`;
    throw fail('JUDGE_BUDGET', {
      judge: name,
      spent: `${formatCount(used)} tokens${cost}`,
      key: isMoney ? 'budget.money' : 'budget.tokens',
    });
  };

  const askAbout = async (piece: Piece): Promise<number> => {
    checkBudget();
    const missing = [...questions.keys()].filter((at) => piece.replies[at] === undefined);
    const told = await ask(
      model,
      missing.flatMap((at) => questions[at] ?? []),
      piece.text,
    );
    const isRefused = told.every(({ reply }) => 'reason' in reply && reply.reason === 'refused');
    if (isRefused) refused++;
    else answered++;
    if (answered === 0 && refused >= refusedAtMost)
      throw fail('LANGUAGE_MODEL_REFUSED', {
        url: model.source.place,
        problem: `it refused each of the first ${refused} texts`,
      });
    for (const [at, question] of missing.entries()) piece.replies[question] = told[at]?.reply;
    await store.add(
      told.flatMap((one, at) =>
        // A refusal may pass.
        'reason' in one.reply && one.reply.reason === 'refused'
          ? []
          : [{ ...one, digest: windowDigest(questionDigests[missing[at] ?? -1] ?? '', piece.text) }],
      ),
    );
    return told.reduce((sum, { tokens }) => sum + tokens, 0);
  };

  return {
    async answer(texts, onProgress) {
      await store.refresh();
      const pieces = collectPieces(texts);
      const all = [...pieces.values()];
      const stored = store.find(
        all.flatMap(({ text }) => questionDigests.map((digest) => windowDigest(digest, text))),
      );
      for (const [at, piece] of all.entries())
        piece.replies = stored.slice(at * questions.length, (at + 1) * questions.length);
      const open = new Uint32Array(texts.length);
      const todo = all.filter(({ replies }) => replies.includes(undefined));
      for (const piece of todo) for (const text of piece.texts) open[text] = (open[text] ?? 0) + 1;
      let done = open.reduce((count, windows) => count + (windows === 0 ? 1 : 0), 0);
      onProgress(done);
      const tokens = new Float64Array(texts.length);
      await forEachAtOnce(todo, atOnce, async (piece) => {
        tokens[piece.first] = (tokens[piece.first] ?? 0) + (await askAbout(piece));
        for (const text of piece.texts) {
          open[text] = (open[text] ?? 0) - 1;
          if (open[text] === 0) done++;
        }
        onProgress(done);
      });
      return texts.map((windows, at) => ({
        replies: windows.map((text) =>
          (pieces.get(text)?.replies ?? []).map((reply) => reply ?? { reason: 'refused' }),
        ),
        tokens: tokens[at] ?? 0,
      }));
    },
  };
}

function collectPieces(texts: readonly (readonly string[])[]): Map<string, Piece> {
  const pieces = new Map<string, Piece>();
  for (const [first, windows] of texts.entries()) {
    for (const text of windows) {
      const piece = pieces.get(text) ?? { text, first, texts: [], replies: [] };
      if (piece.texts.at(-1) !== first) piece.texts.push(first);
      pieces.set(text, piece);
    }
  }
  return pieces;
}

/**
 * Works on all items, `atOnce` at a time, which may change as servers come and go. After an error it starts no more, waits for those in progress, and
 * throws the first error.
 */
async function forEachAtOnce<T>(
  items: readonly T[],
  atOnce: () => number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  let next = 0;
  const workers: Promise<void>[] = [];
  let running = 0;
  const startMore = (): void => {
    while (running < atOnce() && failures.length === 0 && next < items.length) {
      running++;
      workers.push(workOn(items[next++]));
    }
  };
  const workOn = async (item: T | undefined): Promise<void> => {
    try {
      if (item !== undefined) await work(item);
    } catch (error) {
      failures.push(error);
    }
    running--;
    startMore();
  };
  startMore();
  // The list grows while it is gone through.
  for (const worker of workers) await worker;
  if (failures.length > 0) throw failures[0];
}
