// A project for tests of judges: documents about space and the kitchen, and judges of a server that knows which
// are about space.

import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBagOfWords } from '../../indexer/bag-of-words.ts';
import type { LanguageModelServer } from '../../models/endpoint/language-model-server.ts';
import { betr } from '../betr.ts';
import { copyMadeOnce } from '../../made-once/made-once.ts';
import { jsonl, makeProject, sentence, writeSettings } from '../project.ts';
import { openTopicServer } from './topic-server.ts';

export const prompt = '{text}\nIs the text above about space?\nAnswer:';
const question = { name: 'space', prompt, for: ['Yes'], against: ['No'] };

/** 600 documents, half of them about space, of seven sentences each. Some begin with a byte order mark. */
function makeTexts(): { id: string; source: string; text: string }[] {
  return (['kitchen', 'space'] as const).flatMap((source) =>
    Array.from({ length: 300 }, (_, i) => {
      const sentences = Array.from({ length: 6 }, (__, part) => {
        const words = sentence(source, 7 * i + part);
        return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
      });
      return {
        id: `${source}-${i}`,
        source,
        text: `${i % 10 === 0 ? '\ufeff' : ''}${sentences.join(' ')} Number ${i}.`,
      };
    }),
  );
}

export interface JudgeProject {
  folder: string;
  server: LanguageModelServer;
  /** Which prompts the server refuses from now on. */
  refuse: (isRefused: (prompt: string) => boolean) => void;
  close: () => Promise<void>;
}

const bagFile = 'bag.txt';

/** Makes the project, with an index of 520 documents. */
async function makeIndexed(folder: string): Promise<void> {
  const bag = await openBagOfWords();
  await makeProject(folder, bag.url, {
    shards: { 'a.jsonl': jsonl(makeTexts()) },
    settings: { sample: { documents: 520 } },
  });
  await betr(folder, ['index']);
  await bag.close();
  await writeFile(join(folder, bagFile), bag.url);
}

/** Opens a copy of the indexed project, whose judges ask a server of its own. Nothing can be embedded any more. */
export async function openJudgeProject(): Promise<JudgeProject> {
  const folder = await copyMadeOnce('judge-project', makeIndexed);
  let isRefused = (prompt: string): boolean => prompt === '';
  const server = await openTopicServer((asked) => isRefused(asked));
  const sources = { for: ['space'], against: ['kitchen'] };
  await writeSettings(folder, await readFile(join(folder, bagFile), 'utf8'), {
    sample: { documents: 520 },
    models: [
      { name: 'topics', model: server.url, price: { perMillionTokens: 2 } },
      { name: 'try', model: 'dummy' },
      { name: 'files', model: 'batch', endpointModel: 'topics' },
      { name: 'chat-files', model: 'batch', endpointModel: 'topics', chat: true },
      { name: 'unnamed', model: 'batch' },
    ],
    judges: [
      {
        name: 'space',
        model: 'topics',
        questions: [question],
        exam: { ...sources, for: ['space', 'astronomy'] },
      },
      {
        name: 'upside',
        model: 'topics',
        questions: [{ ...question, for: ['No'], against: ['Yes'] }],
        exam: sources,
      },
      { name: 'other-prompt', model: 'topics', questions: [{ ...question, prompt: `Text: ${prompt}` }] },
      {
        name: 'silent',
        model: 'topics',
        questions: [{ ...question, for: ['Certainly'], against: ['Never'] }],
      },
      ...['files', 'chat-files', 'unnamed'].map((model) => ({
        name: `by-${model}`,
        model,
        questions: [question],
        exam: sources,
      })),
      {
        name: 'by-thinking-files',
        model: 'chat-files',
        questions: [{ ...question, prompt: `Think. ${prompt}` }],
      },
      { name: 'dull', model: 'try', questions: [{ ...question, leastMass: 0 }] },
    ],
  });
  return {
    folder,
    server,
    refuse: (next) => (isRefused = next),
    async close() {
      await server.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Whether a server was asked about a document since its request number `since`. */
export function wasAsked({ asked }: LanguageModelServer, since: number): boolean {
  return asked.slice(since).some(({ body }) => String(body.prompt).includes('Number'));
}
