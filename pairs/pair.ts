// What a preference pair is: a prompt and two answers to it, of which one was preferred.

import { z } from 'zod';

/** One turn of a conversation. It may have further keys, such as tool_calls. */
export const messageSchema = z.looseObject({
  role: z.string(),
  /** null in a turn that only calls tools. */
  content: z.string().nullable(),
});
export type Message = z.output<typeof messageSchema>;
export const messagesSchema = z.array(messageSchema);

/** `text`: prompt and answers are plain text. `messages`: they are JSON lists of turns. */
export const pairForms = ['text', 'messages'] as const;
export type PairForm = (typeof pairForms)[number];

/** A pair as pairs.parquet has it. Neither answer contains the prompt. */
export interface Pair {
  /** 0, 1, 2, … in the order of the files. */
  pair: number;
  /** Unique in the set. */
  id: string;
  file: string;
  /** The line, or the row of a file without lines, from 1. */
  line: number;
  form: PairForm;
  prompt: string;
  chosen: string;
  rejected: string;
  /** JSON. */
  tools: string | null;
  source: string | null;
  category: string | null;
  language: string | null;
  scoreChosen: number | null;
  scoreRejected: number | null;
  /** Equal for prompts that differ only in case, punctuation and spaces. */
  promptHash: string;
}

/** The turns in a prompt or answer of a pair with the form `messages`. */
export function parseMessages(json: string): Message[] {
  return messagesSchema.parse(JSON.parse(json));
}

/** The turns of a prompt or answer of any pair; `role` is whose turn plain text is. */
export function turnsOf(form: PairForm, text: string, role: 'user' | 'assistant'): Message[] {
  return form === 'messages' ? parseMessages(text) : [{ role, content: text }];
}

/** A prompt or answer of a pair as text to read or to learn from: the contents of its turns. */
export function plainText(form: PairForm, text: string): string {
  if (form === 'text') return text;
  return parseMessages(text)
    .map(({ content }) => content ?? '')
    .join('\n\n');
}
