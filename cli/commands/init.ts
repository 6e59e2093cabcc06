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
  files: [corpus/*.jsonl]             # JSONL, .gz, .zst or Parquet; globs
  # fields: {id: id, text: text, source: source, tokens: tokens}   # a.b.c reaches into objects

benchmarks:                           # what the model should become good at: train splits only
  - name: my_benchmark
    files: [benchmarks/my_benchmark/*.jsonl]
    # template: "{question}\\n{answer}"  # where no recipe knows the fields; "betr examples" shows what comes of them

# examples: {perBenchmark: 1400, equal: true}   # as many of every benchmark as the smallest one has
# sample: {documents: 100000, seed: 1}          # documents that are embedded; the whole corpus is ranked from them
# embedding: {model: default, device: auto, dtype: auto, maxTokens: 256}   # or a hub name, a folder, ` +
  `an http(s) endpoint
# search: {method: auto, nearest: 1000}         # auto | exact | hnsw
# keep: {pool: nemotron-cc, tokensPerParam: 11, maxEpochs: 4, budgets: [1e20, 1e21, 1e22]}   # or ` +
  `dclm-refinedweb, for raw crawl
# drift: {psi: 0.2, keepRate: 0.25, sourceShare: 0.1, lostDocuments: 0.2, newDocuments: true}   # more ` +
  `than this from one ranking to the next: exit code 4
# scoring: {chunkMegabytes: 64, beatSeconds: 5, lostSeconds: 60}
# domains: {losses: bpb.csv, errors: error.csv, tokens: tokens.csv, keepRate: 0.1}   # betr domains: ` +
  `weights from other people's models
# workers: 8                                    # every core when left out
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
      `Wrote ${path}. Set corpus.files and benchmarks in it, then: betr run`,
    );
  });
}
