// `betr init`: writes a commented settings file to start from.

import { rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { fail, systemCode, writeError } from '../../run/errors/errors.ts';
import { command, type CommonOptions } from '../options.ts';
import { printResult } from '../output.ts';

const template =
  '# Settings of a betr run. Relative paths are relative to this file. Lines that start ' +
  `with "#" show the defaults.

run: run                              # folder for everything that betr writes

corpus:
  files: [corpus/*.jsonl]             # JSONL (.gz, .zst) or Parquet; globs allowed
  # fields: {id: id, text: text, source: source, tokens: tokens}   # a.b.c reads nested objects

benchmarks:                           # what the model should be good at; use train splits only
  - name: my_benchmark
    files: [benchmarks/my_benchmark/*.jsonl]
    # tests: [benchmarks/my_benchmark_test.jsonl]   # held out, for betr evaluate and betr trial; docs/trials.md says ` +
  `which model size answers which question
    # template: "{question}\\n{answer}"  # if no recipe matches the fields; "betr examples" shows the result

# examples: {perBenchmark: 1400, equal: true}   # equal: as many per benchmark as the smallest one has
# sample: {documents: 100000, seed: 1}          # documents to embed; the whole corpus is ranked from them
# embedding: {model: default, device: auto, dtype: auto, maxTokens: 256}   # or a hub name, a folder, ` +
  `an http(s) endpoint
# search: {method: auto, nearest: 1000}         # auto | exact | hnsw
# keep: {pool: nemotron-cc, tokensPerParam: 11, maxEpochs: 4, budgets: [1e20, 1e21, 1e22]}   # or ` +
  `dclm-refinedweb for raw crawl
# drift: {psi: 0.2, keepRate: 0.25, sourceShare: 0.1, lostDocuments: 0.2, newDocuments: true}   # more ` +
  `drift between rankings: exit code 4
# scoring: {chunkMegabytes: 64, beatSeconds: 5, lostSeconds: 60}
# domains: {losses: bpb.csv, errors: error.csv, tokens: tokens.csv, keepRate: 0.1}   # betr domains: ` +
  `weights from other people's models
# pairs: [{name: feedback, files: [pairs/*.jsonl]}]   # preference pairs, for betr pairs; they need no corpus
# workers: 8                                    # default: all cores
`;

export function initCommand(): Command {
  return command('init', 'write a commented betr.yaml').action(async (options: CommonOptions) => {
    const path = resolve(options.config);
    try {
      await writeFile(path, template, { flag: 'wx' });
    } catch (error) {
      if (systemCode(error) === 'EEXIST') throw fail('SETTINGS_EXIST', { path }, error);
      await rm(path, { force: true });
      throw writeError(error, path);
    }
    printResult(
      options.json,
      { written: path },
      `Wrote ${path}. Set corpus.files and benchmarks, then run: betr run`,
    );
  });
}
