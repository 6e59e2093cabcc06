// Reads one side of a pair, or its prompt, from any value that files have for it.

import { isRow } from '../../run/fields/field-path.ts';
import { structureIn } from '../../run/fields/field-value.ts';
import type { Message } from '../pair.ts';
import { isConversation, isTurn, readTurns } from './messages.ts';

/** A side as it is in the file: text or turns; `wasText` if the turns were JSON in a string. */
export type Side = { text: string } | { turns: Message[]; wasText: boolean };

/** The side; undefined if there is nothing, or why it cannot be used. */
export function readSide(value: unknown): Side | { reason: string } | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'string') return readText(value);
  if (typeof value === 'number' || typeof value === 'boolean') return { text: String(value) };
  const list = conversationIn(value);
  if (list !== undefined) return withTurns(list, false);
  if (Array.isArray(value))
    return value.length === 0
      ? undefined
      : value.length === 1
        ? readSide(value[0])
        : { reason: 'a list, but not of turns with a role and content' };
  const inner = isRow(value) ? (value['content'] ?? value['text'] ?? value['value']) : undefined;
  return typeof inner === 'string'
    ? readText(inner)
    : { reason: 'an object, but not a turn with a role and content' };
}

function readText(value: string): Side | { reason: string } {
  const list = conversationIn(structureIn(value));
  if (list !== undefined) return withTurns(list, true);
  if (/^\s{0,8}\[\{'(?:role|from|content|value)': /.test(value))
    return { reason: "turns as Python's str() writes them; write them with json.dumps()" };
  return { text: value.toWellFormed() };
}

function conversationIn(value: unknown): readonly Readonly<Record<string, unknown>>[] | undefined {
  if (isConversation(value)) return value;
  if (isTurn(value)) return [value];
  const inner = isRow(value) ? (value['messages'] ?? value['conversations']) : undefined;
  return isConversation(inner) ? inner : undefined;
}

function withTurns(
  list: readonly Readonly<Record<string, unknown>>[],
  wasText: boolean,
): Side | { reason: string } {
  const read = readTurns(list);
  return 'reason' in read ? read : { ...read, wasText };
}
