// Gets the replies about the windows of many texts: from the store, or from the model, with as many windows in
// flight as it takes. Every reply is stored at once.

import { forEachAtOnce } from '../../run/at-once.ts';
import { fail } from '../../run/errors/errors.ts';
import type { LanguageModel } from '../../models/language-model.ts';
import { ask, type Reply, type Told } from './ask.ts';
import { type Budget, openSpending } from './spending.ts';
import type { AskedQuestion } from './questions.ts';
import { questionDigest, windowDigest } from './reply-digest.ts';
import type { ReplyStore } from './reply-store.ts';

/** If the server refuses this many windows in a row, and one that it answered before, the server is at fault. */
const refusedAtMost = 20;

interface Opened {
  name: string;
  model: LanguageModel;
  questions: readonly AskedQuestion[];
  store: ReplyStore;
  /** Windows in flight. */
  atOnce: () => number;
  budget: Budget;
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
  let refusedInARow = 0;
  let lastAnswered: string | undefined;
  const spending = openSpending(store, budget, name);

  /** Throws if the server refuses everything, also what it answered before. */
  const checkRefusals = async (isRefused: boolean, text: string): Promise<void> => {
    if (!isRefused) {
      refusedInARow = 0;
      lastAnswered = text;
    } else if (++refusedInARow % refusedAtMost === 0 && (await isRefusedAgain())) {
      throw fail('LANGUAGE_MODEL_FAILED', {
        url: model.source.place,
        problem:
          `it refused ${refusedInARow} texts in a row` +
          (lastAnswered === undefined ? '' : ', and one that it answered before'),
      });
    }
  };
  const isRefusedAgain = async (): Promise<boolean> => {
    const [question] = questions;
    if (lastAnswered === undefined || question === undefined) return true;
    const told = await ask(model, [question], lastAnswered);
    if (told.every(isRefusal)) return true;
    await store.add(toldAbout(told, [questionDigests[0] ?? ''], lastAnswered));
    refusedInARow = 0;
    return false;
  };

  const askAbout = async (piece: Piece): Promise<number> => {
    const missing = [...questions.keys()].filter((at) => piece.replies[at] === undefined);
    return spending.spend(async () => {
      const told = await ask(
        model,
        missing.flatMap((at) => questions[at] ?? []),
        piece.text,
      );
      for (const [at, question] of missing.entries()) piece.replies[question] = told[at]?.reply;
      await store.add(
        toldAbout(
          told,
          missing.map((at) => questionDigests[at] ?? ''),
          piece.text,
        ),
      );
      await checkRefusals(told.every(isRefusal), piece.text);
      return told.reduce((sum, { tokens }) => sum + tokens, 0);
    });
  };

  return {
    async answer(texts, onProgress) {
      await spending.refresh();
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

function isRefusal({ reply }: Told): boolean {
  return 'reason' in reply && reply.reason === 'refused';
}

/** What to store of replies about a text. A refusal may pass. */
function toldAbout(
  told: readonly Told[],
  digests: readonly string[],
  text: string,
): (Told & { digest: string })[] {
  return told.flatMap((one, at) =>
    isRefusal(one) ? [] : [{ ...one, digest: windowDigest(digests[at] ?? '', text) }],
  );
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
