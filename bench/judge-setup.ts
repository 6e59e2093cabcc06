// A judge over real text, for the benchmarks of judges.

import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openRandom } from '../data/seeded-random.ts';
import { openJudge, type Judge } from '../indexer/judges/judge.ts';
import { silent } from '../run/progress.ts';
import { openRun } from '../run/run.ts';

const documentation = join(import.meta.dirname, '../../docs');
/** Of the places where the texts begin. */
const seed = 20;

/** The small model beside the checkout; BETR_SHARED names another place. */
export const defaultModel = resolve(
  process.env['BETR_SHARED'] ?? '../shared',
  'models/HuggingFaceTB/SmolLM2-135M-Instruct',
);

/** Answers of one token each, so that the engine has to read nothing but the prompt. */
const words = { for: ['Yes', 'yes'], against: ['No', 'no'] };
const subjects = ['mathematics', 'science', 'law'];

/** A judge that asks which subject a text has, or three questions with the same beginning about it. */
export const judges = {
  subject: { subject: 'mathematics' },
  three: {
    questions: subjects.map((subject) => ({
      name: subject,
      prompt: `{text}\n\nIs the text above, as a whole, about ${subject}? Answer Yes or No.\nAnswer:`,
      ...words,
      leastMass: 0,
    })),
  },
  get one() {
    return { questions: this.three.questions.slice(0, 1) };
  },
};
export type JudgeName = keyof typeof judges;

/** Opens one of the judges. It keeps its answers in the folder, so that each needs a folder of its own. */
export async function openBenchJudge(folder: string, model: string, name: JudgeName): Promise<Judge> {
  const path = join(folder, 'betr.yaml');
  const settings = {
    corpus: { files: ['corpus.jsonl'] },
    models: [{ name: 'model', model }],
    judges: [{ name, model: 'model', ...judges[name] }],
  };
  // JSON is YAML.
  await writeFile(path, JSON.stringify(settings));
  return openJudge(await openRun(path), name, silent);
}

/**
 * Different texts of about the same length: parts of this project's documentation. Few words are new, because
 * the dummy model keeps all that it has seen.
 */
export function takeTexts(characters: number): () => string {
  const all = readdirSync(documentation)
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => readFileSync(join(documentation, name), 'utf8'))
    .join('\n');
  const random = openRandom(seed);
  let number = 0;
  return () => {
    const from = all.indexOf(' ', Math.floor(random() * (all.length - 2 * characters)));
    const text = `${Array.from(String(++number)).join(' ')}${all.slice(from, from + characters)}`;
    return text.slice(0, text.lastIndexOf(' ', characters));
  };
}
