// A language model whose tokens are single characters, so that every log probability is known.

import { createHash } from 'node:crypto';

const characters = ['\n', ...Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i))];
export const beginning = 1;
export const firstCharacter = 2;

export const encode = (text: string): number[] =>
  Array.from(text, (character) => characters.indexOf(character) + firstCharacter);
export const decode = (ids: readonly number[]): string =>
  ids.map((id) => (id === beginning ? '<s>' : (characters[id - firstCharacter] ?? ''))).join('');

const rows = new Map<number, number[]>();
/** Log probabilities of all characters after a token; index 0 is the first character's. */
function rowAfter(token: number): number[] {
  const known = rows.get(token);
  if (known !== undefined) return known;
  const logits = characters.map(
    (character) =>
      4 * (createHash('sha256').update(`${token} ${character}`).digest().readUInt16LE() / 65_536),
  );
  const sum = Math.log(logits.reduce((total, logit) => total + Math.exp(logit), 0));
  const row = logits.map((logit) => logit - sum);
  rows.set(token, row);
  return row;
}
/** The log probability of one token after another. */
export function logProbabilityAfter(before: number, token: number): number {
  return rowAfter(before)[token - firstCharacter] ?? Number.NaN;
}
/** The same at a temperature. */
export function tempered(before: number, token: number, temperature: number): number {
  if (temperature === 1) return logProbabilityAfter(before, token);
  const row = rowAfter(before).map((value) => value / temperature);
  const sum = Math.log(row.reduce((total, value) => total + Math.exp(value), 0));
  return (row[token - firstCharacter] ?? Number.NaN) - sum;
}
/** That of a continuation after a prompt. */
export function logProbabilityOf(prompt: string, continuation: string): number {
  const ids = encode(prompt + continuation);
  return ids
    .slice(prompt.length)
    .reduce((sum, id, at) => sum + logProbabilityAfter(ids[prompt.length + at - 1] ?? beginning, id), 0);
}
/** Tokens after a token, the likeliest first. */
export function likeliest(before: number): number[] {
  return characters
    .map((_, at) => at + firstCharacter)
    .sort((a, b) => logProbabilityAfter(before, b) - logProbabilityAfter(before, a));
}
