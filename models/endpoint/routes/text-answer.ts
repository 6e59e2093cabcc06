// The log probability of a text, from a server that echoes it.

import { fail } from '../../../run/errors/errors.ts';
import { startWindow, textWindows } from '../../joined-tokens.ts';
import type { TextLogProbability } from '../../language-model.ts';
import { alignEcho, type Opened, roomOf, sumOf } from './positions.ts';

/** Scores a text by echo. Errors: as `answer`. */
export async function scoreText(open: Opened, text: string): Promise<TextLogProbability> {
  const { asking, routes, tokenizer, atOnce } = open;
  const { echo } = routes;
  const bytes = Buffer.byteLength(text);
  if (echo === undefined)
    throw fail('LANGUAGE_MODEL_CANNOT', {
      model: asking.name,
      what: 'give the log probability of a whole text',
      reason: routes.noEcho,
    });
  if (text === '') return { logProbability: 0, tokens: 0, scoredTokens: 0, bytes, windows: 0 };
  if (tokenizer === undefined) {
    const { positions } = alignEcho(asking.name, await atOnce(() => echo(text)), text);
    const scored = positions.slice(positions[0]?.logProbability === null ? 1 : 0);
    return {
      logProbability: sumOf(asking.name, scored).logProbability ?? 0,
      tokens: positions.length,
      scoredTokens: scored.length,
      bytes,
      windows: 1,
    };
  }
  const ids = await tokenizer.encode(text);
  const windows = textWindows(ids.length, roomOf(open, tokenizer), tokenizer.beginning.length > 0);
  const sums = await Promise.all(
    windows.map(async ({ from, to, scoredFrom }) => {
      const sent = startWindow(asking.name, tokenizer.beginning, ids.slice(from, to));
      const positions = await atOnce(() => echo(sent));
      return (
        sumOf(asking.name, positions.slice(sent.length - (to - scoredFrom), sent.length)).logProbability ?? 0
      );
    }),
  );
  return {
    logProbability: sums.reduce((total, sum) => total + sum, 0),
    tokens: ids.length,
    scoredTokens: ids.length - (windows[0]?.scoredFrom ?? 0),
    bytes,
    windows: windows.length,
  };
}
