// What is in the packed package, unpacked into a folder: nothing that nobody needs, and nothing missing.
// Prints what is wrong, and exits with 1 where there is anything.
//   node dist/test/package/check-files.js FOLDER

import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';
import { z } from 'zod';

const [folder = '.'] = process.argv.slice(2);
const mostBytes = 6e6;

const names = z.record(z.string(), z.string());
const manifest = z
  .object({
    dependencies: names,
    optionalDependencies: names,
    imports: z.record(z.string(), z.object({ default: z.string() })),
  })
  .parse(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')));
const known = new Set([
  ...builtinModules,
  ...Object.keys(manifest.dependencies),
  ...Object.keys(manifest.optionalDependencies),
]);
const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length).replace(/^\/+/, ''));
const problems: string[] = [];

for (const file of files) {
  if (/^dist\/(test|bench)\/|\.(ts|tsbuildinfo|as\.js)$/.test(file) && !file.endsWith('.d.ts'))
    problems.push(`${file} is useless in an installed package`);
  if (/\.(js|css)$/.test(file)) await checkMap(file);
  if (file.endsWith('.js')) await checkImports(file);
}
for (const needed of [
  'LICENSE',
  'README.md',
  'dist/index.js',
  'dist/index.d.ts',
  'dist/cli/betr.js',
  'cli/demo/benchmarks/science.jsonl',
  'indexer/examples/recipes/mmlu.yaml',
  'indexer/judges/presets/math.yaml',
  'trainer/pyproject.toml',
  'trainer/betr_trainer/__main__.py',
  'trainer/betr_trainer/job.schema.json',
])
  if (!files.includes(needed)) problems.push(`${needed} is missing`);
if (!files.some((file) => /^dist\/server\/page\/\w+\.html$/.test(file))) problems.push('the page is missing');
for (const program of ['score.wasm', 'find.wasm', 'json-scan.wasm'])
  if (!files.some((file) => file.endsWith(`/${program}`))) problems.push(`${program} is missing`);
await checkDeclarations();
await checkLicenses();
const bytes = (await Promise.all(files.map((file) => stat(join(folder, file))))).reduce(
  (sum, { size }) => sum + size,
  0,
);
if (bytes > mostBytes) problems.push(`it has ${bytes} bytes, more than ${mostBytes}`);
console.log(
  problems.length === 0
    ? `${files.length} files, ${(bytes / 1e6).toFixed(1)} MB: none missing, none too many`
    : problems.join('\n'),
);
process.exitCode = problems.length === 0 ? 0 : 1;

/** A source map has its sources with it: it names files that are there, or holds their text. */
async function checkMap(file: string): Promise<void> {
  const [, name] =
    /^\/[/*][#@] sourceMappingURL=(\S+)/m.exec(await readFile(join(folder, file), 'utf8')) ?? [];
  if (name === undefined || name.startsWith('data:')) return;
  const path = join(folder, dirname(file), name);
  if (!existsSync(path)) {
    problems.push(`${file} names the source map ${name}, which is not there`);
    return;
  }
  const { sources, sourcesContent = [] } = z
    .object({ sources: z.array(z.string()), sourcesContent: z.array(z.string().nullable()).optional() })
    .parse(JSON.parse(await readFile(path, 'utf8')));
  for (const [i, source] of sources.entries())
    if (typeof sourcesContent[i] !== 'string' && !existsSync(join(dirname(path), source)))
      problems.push(`${name} names ${source}, which is not there`);
}

/** Imports are of files that are there and of packages that come with this one. Returns the files. */
async function checkImports(file: string): Promise<string[]> {
  const code = (await readFile(join(folder, file), 'utf8'))
    .split('\n')
    .filter((line) => !/^\s*(?:\/?\*|\/\/)/.test(line))
    .join('\n');
  const found: string[] = [];
  for (const [, from, called] of code.matchAll(
    /^(?:import|export)\b[^'"]*?from ['"]([^'"]+)['"]|\bimport\(['"]([^'"]+)['"]\)/gm,
  )) {
    const name = from ?? called ?? '';
    const target = manifest.imports[name]?.default ?? name;
    // The page's, which the server takes from its package.
    if (target === './uplot.js') continue;
    if (target.startsWith('.')) {
      const path = join(target === name ? dirname(file) : '', target);
      const there = file.endsWith('.d.ts') ? path.replace(/\.[jt]s$/, '.d.ts') : path;
      if (files.includes(there)) found.push(there);
      else problems.push(`${file} imports ${name}, which is not there`);
    } else if (
      !target.startsWith('node:') &&
      !known.has(
        target
          .split('/')
          .slice(0, target.startsWith('@') ? 2 : 1)
          .join('/'),
      )
    )
      problems.push(`${file} imports ${name}, which does not come with the package`);
  }
  return found;
}

/** The declarations that those of the library lead to are complete; tsc writes others beside them. */
async function checkDeclarations(): Promise<void> {
  const reached = new Set(['dist/index.d.ts']);
  for (const file of reached) for (const next of await checkImports(file)) reached.add(next);
}

/** Code of other packages in a file of ours: the license of each is beside it. */
async function checkLicenses(): Promise<void> {
  const bundle = files.find((file) => file.endsWith('/transformers-bundle.js'));
  const licenses = bundle?.replace(/js$/, 'LICENSES.txt') ?? '';
  if (!files.includes(licenses))
    return void problems.push('transformers-bundle.js with its licenses is missing');
  const text = await readFile(join(folder, licenses), 'utf8');
  for (const words of [
    '@huggingface/transformers',
    '@huggingface/tokenizers',
    '@huggingface/jinja',
    'onnxruntime-web',
    'Apache License\n',
    'Copyright (c) Microsoft Corporation',
    'Copyright (c) 2023 Hugging Face',
  ]) {
    if (!text.includes(words)) problems.push(`${licenses} lacks "${words.trim()}"`);
  }
}
