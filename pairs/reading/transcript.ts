// Conversations as one text: "Human: …", an empty line, "Assistant: …".

import type { Message } from '../pair.ts';

/**
 * The turns of a transcript, which starts with "Human:" or "User:" and has an "Assistant:"; undefined for other texts.
 * Turns of one speaker that follow each other are joined.
 */
export function readTranscript(text: string): Message[] | undefined {
  const start = /^\s{0,8}(Human|User):/.exec(text)?.[1];
  if (start === undefined || !text.includes('\nAssistant:')) return undefined;
  const between = text.includes('\n\nAssistant:') ? '\n\n' : '\n';
  // The other name may be part of an answer.
  const pieces = `${between}${text.trimStart()}`.split(
    start === 'Human' ? (between === '\n' ? humanLine : human) : between === '\n' ? userLine : user,
  );
  const turns: Message[] = [];
  for (let at = 1; at < pieces.length; at += 2) {
    const role = speakers[pieces[at] ?? ''] ?? 'user';
    const content = (pieces[at + 1] ?? '').trim();
    const last = turns.at(-1);
    if (last?.role !== role) turns.push({ role, content });
    else last.content = [last.content ?? '', content].filter((part) => part !== '').join('\n\n');
  }
  return turns;
}

const human = /\n\n(Human|Assistant|System):/;
const humanLine = /\n(Human|Assistant|System):/;
const user = /\n\n(User|Assistant|System):/;
const userLine = /\n(User|Assistant|System):/;
const speakers: Readonly<Record<string, string>> = { Assistant: 'assistant', System: 'system' };

/** A transcript that ends with "Assistant:", so that an answer can follow. */
export function continueTranscript(prompt: string, answer: string): string {
  const start = prompt.trimEnd();
  return /\nAssistant:$/.test(start) ? `${start} ${answer}` : `${start}\n\nAssistant: ${answer}`;
}
