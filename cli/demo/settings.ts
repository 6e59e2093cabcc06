// The demo's settings file, commented because it is the first file a newcomer edits.

import { demoBenchmarks } from './benchmarks.ts';

/** Fits into two minutes on two cores, at about 170 documents of 96 tokens per second. */
export const demoSampleDocuments = 16_000;

/** The text of the demo's betr.yaml. */
export function demoSettings(sampleDocuments: number): string {
  return (
    '# Settings of the demo, written by "betr demo". Edit them, then run "betr demo" or "betr run ' +
    `--config FILE" again: betr redoes only what changed.

run: run                              # folder for everything that betr writes

corpus:
  files: [corpus/*.jsonl, corpus/*.jsonl.gz, corpus/*.jsonl.zst, corpus/*.parquet]

benchmarks:
${demoBenchmarks
  .map(
    ({ name, what }) =>
      `  - {name: ${name}, files: ` +
      `[benchmarks/${name}.jsonl]}${' '.repeat(Math.max(1, 2 * (16 - name.length)))}# ${what}`,
  )
  .join('\n')}

sample: {documents: ${sampleDocuments}}            # documents to embed; the whole corpus is ranked from them
embedding: {maxTokens: 96}            # the beginning of a passage is enough; 256 takes three times as long
`
  );
}
