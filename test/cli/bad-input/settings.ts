// Settings, benchmarks and models that `betr index` refuses.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSettings } from '../project.ts';
import type { BadInput, Damage } from './input.ts';

const settings =
  (value: () => Readonly<Record<string, unknown>>): Damage =>
  (folder, endpoint) =>
    writeSettings(folder, endpoint, value());
const text =
  (name: string, content: string): Damage =>
  (folder) =>
    writeFile(join(folder, name), content);
const whole = [
  { name: 'cooking', files: ['cooking.jsonl'] },
  { name: 'astronomy', files: ['astronomy.jsonl'] },
];
const closedPort = 'http://127.0.0.1:1/v1';

export const badSettings: readonly BadInput[] = [
  [
    'a missing file',
    settings(() => ({ corpus: { files: ['corpus/*', 'none.jsonl'] } })),
    1,
    'FILE_NOT_FOUND',
    /none\.jsonl does not exist/,
  ],
  [
    'a pattern without a match',
    settings(() => ({ corpus: { files: ['none/*.jsonl'] } })),
    1,
    'NO_FILES',
    /none\/\*\.jsonl/,
  ],
  [
    'a field that no row has',
    settings(() => ({ corpus: { files: ['corpus/*'], fields: { source: 'metadata.sorce' } } })),
    1,
    'FIELD_MISSING',
    new RegExp(
      String.raw`"metadata\.sorce" \(corpus\.fields\.source\)\. Its rows have "source", "[a-z]+", "[a-z]+"\. ` +
        String.raw`Name one of these in the settings, or remove`,
    ),
  ],
  ['zero examples', text('cooking.jsonl', ''), 1, 'NO_EXAMPLES', /"cooking" has no usable example \(0 rows/],
  [
    'no usable example',
    text('cooking.jsonl', '{"question": "Why?"}\nhalf a li'),
    1,
    'NO_EXAMPLES',
    /"cooking" has no usable example \(2 rows/,
  ],
  [
    'a missing benchmark',
    settings(() => ({ benchmarks: [...whole, { name: 'third', files: ['third.jsonl'] }] })),
    1,
    'FILE_NOT_FOUND',
    /third\.jsonl/,
  ],
  [
    'a benchmark named twice',
    settings(() => ({ benchmarks: [...whole, ...whole] })),
    2,
    'SETTINGS_INVALID',
    /benchmarks\[2\]\.name is "cooking", but it must be a name that no earlier benchmark has/,
  ],
  [
    'a benchmark named twice in other case',
    settings(() => ({ benchmarks: [...whole, { name: 'Cooking', files: ['cooking.jsonl'] }] })),
    2,
    'SETTINGS_INVALID',
    /benchmarks\[2\]\.name is "Cooking"/,
  ],
  [
    'a typo in betr.yaml',
    settings(() => ({ sampel: {} })),
    2,
    'SETTINGS_INVALID',
    /unknown field "sampel" \(known: .*sample/,
  ],
  [
    'betr.yaml that is not YAML',
    text('betr.yaml', 'corpus: [\n'),
    2,
    'SETTINGS_INVALID',
    /betr\.yaml is not valid/,
  ],
  [
    'betr.yaml with exponential aliases',
    text('betr.yaml', `a: &a [${'x,'.repeat(20)}]\nb: &b [${'*a,'.repeat(20)}]\nc: [${'*b,'.repeat(20)}]\n`),
    2,
    'SETTINGS_INVALID',
    /alias/,
  ],
  [
    'betr.yaml that contains itself',
    text('betr.yaml', 'corpus: &a [*a]\n'),
    2,
    'SETTINGS_INVALID',
    /corpus is a value that contains itself/,
  ],
  ['an empty betr.yaml', text('betr.yaml', ''), 2, 'SETTINGS_INVALID', /the file is null/],
  [
    'a run folder that is a file',
    settings(() => ({ run: 'cooking.jsonl/run' })),
    1,
    'WRITE_FAILED',
    /cooking\.jsonl\/run cannot be written/,
  ],
  [
    'a missing model',
    settings(() => ({ embedding: { model: './models/none' } })),
    1,
    'MODEL_UNAVAILABLE',
    /there is no folder .*models\/none/,
  ],
  [
    'a folder without a model',
    settings(() => ({ embedding: { model: 'corpus' } })),
    1,
    'MODEL_UNAVAILABLE',
    /config\.json is missing/,
  ],
  [
    'an endpoint that does not answer',
    settings(() => ({ embedding: { model: closedPort } })),
    1,
    'ENDPOINT_FAILED',
    /127\.0\.0\.1:1/,
  ],
];
