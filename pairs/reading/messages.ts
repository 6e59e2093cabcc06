// Reads the turns of a conversation from any value that files have for them.

import { isRow } from '../../run/fields/field-path.ts';
import type { Message } from '../pair.ts';

/** Turns, or why they cannot be used. */
export type Turns = { turns: Message[] } | { reason: string };

/** The names of roles in files, and their usual name. */
const roles: Readonly<Record<string, string>> = {
  system: 'system',
  developer: 'developer',
  user: 'user',
  human: 'user',
  prompter: 'user',
  assistant: 'assistant',
  gpt: 'assistant',
  bot: 'assistant',
  model: 'assistant',
  chatbot: 'assistant',
  tool: 'tool',
  function: 'tool',
  observation: 'tool',
  ipython: 'tool',
};

/** What chat templates read of a turn beside its role and content. Files have more, such as ids. */
const furtherKeys = ['name', 'tool_calls', 'tool_call_id', 'reasoning_content', 'thinking'];

/** Whether a value looks like one turn: {role, content}, or {from, value}. */
export function isTurn(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    isRow(value) &&
    (typeof value['role'] === 'string' || typeof value['from'] === 'string') &&
    ['content', 'value', 'text', 'tool_calls'].some((key) => Object.hasOwn(value, key))
  );
}

/** Whether a value looks like a conversation. */
export function isConversation(value: unknown): value is readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) && value.length > 0 && value.every(isTurn);
}

export function readTurns(values: readonly Readonly<Record<string, unknown>>[]): Turns {
  const turns: Message[] = [];
  for (const value of values) {
    const name = String(value['role'] ?? value['from']);
    const role = roles[name.toLowerCase()];
    if (role === undefined)
      return { reason: `role "${name.slice(0, 40)}" is not system, user, assistant, or tool` };
    const content = readContent(value['content'] ?? value['value'] ?? value['text'] ?? null);
    if (typeof content === 'object' && content !== null) return content;
    const further = Object.fromEntries(
      furtherKeys.filter((key) => !isNothing(value[key])).map((key): [string, unknown] => [key, value[key]]),
    );
    if (content === null && further['tool_calls'] === undefined)
      return { reason: `a turn of the ${role} has no content` };
    turns.push({ role, content, ...further });
  }
  return { turns };
}

function isNothing(value: unknown): boolean {
  return (
    value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)
  );
}

/** Text, null for none, or why the content cannot be used. */
function readContent(value: unknown): string | null | { reason: string } {
  if (value === null) return null;
  if (typeof value === 'string') return value.toWellFormed();
  if (!Array.isArray(value)) return { reason: 'the content of a turn is not text' };
  const parts: string[] = [];
  for (const part of value) {
    const text: unknown = isRow(part) ? part['text'] : part;
    if (typeof text !== 'string')
      return { reason: 'a turn has an image, a sound, or other parts that are not text' };
    parts.push(text.toWellFormed());
  }
  return parts.join('');
}

/** Whether two turns say the same; white space around contents differs between copies. */
export function isSameTurn(a: Message | undefined, b: Message | undefined): boolean {
  if (a === undefined || b === undefined || a.role !== b.role) return false;
  return (
    (a.content ?? '').trim() === (b.content ?? '').trim() &&
    JSON.stringify(a['tool_calls']) === JSON.stringify(b['tool_calls'])
  );
}
