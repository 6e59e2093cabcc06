// One measurement of a judge, in a process of its own: judges documents in blocks, and prints the seconds and
// the peak memory. Arguments: an empty folder, the model, the number of documents, characters of each.

import { openBenchJudge, takeTexts } from './judge-setup.ts';
import { peakMegabytes } from './machine.ts';

const blockDocuments = 1000;
const [folder = '', model = '', documents = '', characters = ''] = process.argv.slice(2);

const judge = await openBenchJudge(folder, model, 'subject');
const takeText = takeTexts(Number(characters));
const loadedMb = peakMegabytes();
// The first text after loading a model is slower than all others.
await judge.judge([takeText()]);
let seconds = 0;
let judged = 0;
for (let left = Number(documents); left > 0; left -= blockDocuments) {
  const texts = Array.from({ length: Math.min(left, blockDocuments) }, takeText);
  const startedMs = performance.now();
  judged += (await judge.judge(texts)).filter(({ tokens }) => tokens > 0).length;
  seconds += (performance.now() - startedMs) / 1000;
}
if (judged !== Number(documents)) throw new Error(`Only ${judged} of ${documents} documents were judged.`);
await judge.close();
process.stdout.write(
  `${JSON.stringify({ documents: judged, seconds, loadedMb, peakMb: peakMegabytes() })}\n`,
);
process.exit();
