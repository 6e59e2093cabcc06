// A corpus and a benchmark where the settings of `betr init` look for them.
//   node dist/test/package/make-corpus.js FOLDER

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonl, makeDocuments, sentence } from '../cli/project.ts';

const [folder = '.'] = process.argv.slice(2);
await mkdir(join(folder, 'corpus'), { recursive: true });
await mkdir(join(folder, 'benchmarks', 'my_benchmark'), { recursive: true });
await writeFile(join(folder, 'corpus', 'documents.jsonl'), jsonl(makeDocuments(600)));
const questions = Array.from({ length: 20 }, (_, i) => ({
  question: `What is ${sentence('space', 1000 + i)}?`,
  answer: sentence('space', 2000 + i),
}));
await writeFile(join(folder, 'benchmarks', 'my_benchmark', 'train.jsonl'), jsonl(questions));
