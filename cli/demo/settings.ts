// The demo's settings file, commented, because it is what a newcomer edits first.

import { demoBenchmarks } from './benchmarks.ts';

/** What fits into two minutes on two cores: about 170 documents of 96 tokens a second. */
export const demoSampleDocuments = 16_000;

/** The text of the demo's betr.yaml. */
export function demoSettings(sampleDocuments: number): string {
  return (
    '# Settings of the demo, written by "betr demo". Change them and run "betr demo" or "betr run ' +
    `--config FILE" again: only what changed is done.

run: run                              # folder for everything that betr works out

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

sample: {documents: ${sampleDocuments}}            # documents that are embedded; the whole corpus is ranked from them
embedding: {maxTokens: 96}            # the beginning of a passage says what it is about; 256 takes three times as long
`
  );
}
