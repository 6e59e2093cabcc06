// The settings of a run: `betr.yaml`, read once and checked by one schema.

import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { fail, reasonOf, systemCode } from './errors.ts';
import { show, valueAt } from './issues.ts';
import { showPath } from './remote/store.ts';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'has to be letters, digits, ".", "_" or "-"');
const globs = z.array(z.string().min(1)).min(1);
const count = z.number().int().positive();
const fieldName = z.string().min(1).max(100);

const fields = z.strictObject({
  id: fieldName.default('id'),
  text: fieldName.default('text'),
  source: fieldName.default('source'),
  tokens: fieldName.default('tokens'),
});

const benchmark = z.strictObject({
  name,
  files: globs,
  /** Text of an example with `{field}` in place of each field of the row. */
  template: z.string().regex(/\{[^{}]+\}/, 'has to name at least one field in braces, such as "{question}\\n{answer}"').optional(),
  /** Held-out examples, which are never learned from: what a selection is measured on. */
  tests: globs.optional(),
});

/** `betr domains`: tables of other people's models, and how to weigh the domains by them. */
export const domainSettingsSchema = z.strictObject({
  /** Tables (CSV, TSV or Parquet) of losses and benchmark errors by model; token counts by domain; families by model. */
  losses: z.string().min(1),
  errors: z.string().min(1),
  tokens: z.string().min(1).optional(),
  families: z.string().min(1).optional(),
  /** The losses are nats a token with columns tokens and bytes, not bits per byte. */
  raw: z.boolean().default(false),
  /** Benchmarks to aim at; all of the table when left out. */
  benchmarks: z.array(z.string().min(1)).min(1).optional(),
  /** Several benchmarks count together by mean error or by mean rank. */
  combine: z.enum(['error', 'rank']).default('error'),
  estimator: z.enum(['product', 'sign', 'sign_cdf', 'sign_sign', 'spearman']).default('spearman'),
  ties: z.enum(['mid', 'ordinal', 'ordinal-reversed']).default('mid'),
  weights: z.enum(['linear', 'l2']).default('linear'),
  /** Share of the domains' tokens to keep; how often a domain's tokens may be used. */
  keepRate: z.number().positive().max(1).default(0.1),
  repeat: z.number().positive().default(1),
  /** Bootstrap resamples of the models; fitted to the number of domains when left out. */
  resamples: z.number().int().nonnegative().max(100_000).optional(),
  seed: z.number().int().nonnegative().default(1),
  /** Files of pages (as the corpus's, with its field names) to train the classifier on. */
  pages: globs.optional(),
});
export type DomainSettings = z.output<typeof domainSettingsSchema>;

export const settingsSchema = z.strictObject({
  run: z.string().min(1).default('run'),
  corpus: z.strictObject({ files: globs, fields: fields.prefault({}) }),
  benchmarks: z.array(benchmark).check((context) => {
    const seen = new Set<string>();
    for (const [index, { name }] of context.value.entries()) {
      // They become names of columns, where case does not count.
      const folded = name.toLowerCase();
      if (seen.has(folded)) context.issues.push({ code: 'custom', input: name, path: [index, 'name'], message: 'is used by an earlier benchmark; names have to differ in more than case' });
      seen.add(folded);
    }
  }).default([]),
  examples: z.strictObject({
    /** At most this many examples of each benchmark; every benchmark gives the same number. */
    perBenchmark: count.default(1400),
    /** false: take all examples of every benchmark up to the cap. */
    equal: z.boolean().default(true),
  }).prefault({}),
  sample: z.strictObject({
    documents: count.default(100_000),
    seed: z.number().int().nonnegative().default(1),
  }).prefault({}),
  embedding: z.strictObject({
    /** `default`, a hub name, a folder, or the base URL of an OpenAI-compatible endpoint. */
    model: z.string().min(1).default('default'),
    /** The model's name at an endpoint; of no use elsewhere. */
    endpointModel: z.string().min(1).optional(),
    device: z.enum(['auto', 'cpu', 'cuda', 'webgpu']).default('auto'),
    dtype: z.enum(['auto', 'fp32', 'fp16', 'q8', 'q4']).default('auto'),
    /** auto: what the model's own configuration says. */
    pooling: z.enum(['auto', 'mean', 'cls']).default('auto'),
    maxTokens: count.max(32_768).default(256),
  }).prefault({}),
  search: z.strictObject({
    method: z.enum(['auto', 'exact', 'hnsw']).default('auto'),
    /** Length of the list of nearest documents kept for each example (K). */
    nearest: count.default(1000),
  }).prefault({}),
  classifier: z.strictObject({
    /** Hash table's size as a power of two. */
    bits: z.number().int().min(12).max(22).default(20),
    /** At most; training ends earlier when the held-out loss no longer falls. */
    epochs: count.max(100).default(12),
    /** Bins that fewer training documents have are left out. */
    minCount: count.default(3),
    seed: z.number().int().nonnegative().default(1),
  }).prefault({}),
  keep: z.strictObject({
    pool: z.enum(['nemotron-cc', 'dclm-refinedweb']).default('nemotron-cc'),
    tokensPerParam: z.number().positive().default(11),
    maxEpochs: z.number().positive().default(4),
    /** FLOPs of the budgets that predictions and drift are told for. */
    budgets: z.array(z.number().positive()).default([1e20, 1e21, 1e22]),
  }).prefault({}),
  drift: z.strictObject({
    /** What is too much from one generation to the next: PSI of the scores, part by which a keep rate changes, part of all tokens by which a source does, part by which the documents become fewer. */
    psi: z.number().positive().default(0.2),
    keepRate: z.number().positive().default(0.25),
    sourceShare: z.number().positive().default(0.1),
    lostDocuments: z.number().positive().default(0.2),
    /** Whether the new documents by themselves are held against these, too: not where every shard is of one source. */
    newDocuments: z.boolean().default(true),
  }).prefault({}),
  domains: domainSettingsSchema.optional(),
  scoring: z.strictObject({
    /** Text that a worker takes at a time, about; in the work of that long at most is lost with it. */
    chunkMegabytes: z.number().positive().max(1024).default(64),
    /** How often a worker shows that it lives, and how long without a sign until another takes over what it had. */
    beatSeconds: z.number().positive().default(5),
    lostSeconds: z.number().positive().default(60),
  }).refine(({ beatSeconds, lostSeconds }) => lostSeconds >= 3 * beatSeconds, { path: ['lostSeconds'], error: 'has to be at least three times beatSeconds, as a live worker would be taken for lost' }).prefault({}),
  /** How many processes' worth of work at once; every core when left out. */
  workers: count.max(1024).optional(),
});

export type Settings = z.output<typeof settingsSchema>;
export type FieldNames = Settings['corpus']['fields'];

export interface SettingsFile {
  /** Absolute path of the settings file and of the folder that its relative paths start from. */
  path: string;
  folder: string;
  settings: Settings;
}

/** The settings as they may be kept beside a result: addresses without what may be a signature, and without the number of workers, which changes no byte of it. */
export function settingsToShow(settings: Settings): Settings {
  const shown: unknown = JSON.parse(JSON.stringify(settings), (_key, value: unknown) => (typeof value === 'string' ? showPath(value) : value));
  return { ...settingsSchema.parse(shown), workers: undefined };
}

/** Reads and checks a settings file, or the one in a folder, or beside the folder of a run. Errors: SETTINGS_NOT_FOUND, SETTINGS_INVALID. */
export async function readSettings(path: string): Promise<SettingsFile> {
  const absolute = findSettings(resolve(path));
  let text: string;
  try {
    text = await readFile(absolute, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw fail('SETTINGS_NOT_FOUND', { path: absolute }, error);
    throw fail('FILE_UNREADABLE', { path: absolute, reason: reasonOf(error) }, error);
  }
  return { path: absolute, folder: dirname(absolute), settings: parseSettings(text, absolute) };
}

function findSettings(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return path;
  const [inside, beside] = [join(path, settingsFile), join(dirname(path), settingsFile)];
  return !existsSync(inside) && existsSync(beside) ? beside : inside;
}

const settingsFile = 'betr.yaml';

/** Checks the text of a settings file; every problem names the key, the value and what is allowed. */
export function parseSettings(text: string, path: string): Settings {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw fail('SETTINGS_INVALID', { path, problems: [reasonOf(error).trim()] }, error);
  }
  const result = settingsSchema.safeParse(value);
  if (result.success) return result.data;
  throw fail('SETTINGS_INVALID', { path, problems: result.error.issues.map((issue) => describe(issue, value)) });
}

function describe(issue: z.core.$ZodIssue, root: unknown): string {
  const key = issue.path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('').replace(/^\./, '') || '(whole file)';
  const got = show(valueAt(root, issue.path));
  if (issue.code === 'unrecognized_keys') return `${key}: unknown key ${issue.keys.map((k) => `"${k}"`).join(', ')}; known here: ${knownKeys(issue.path).join(', ')}`;
  if (issue.code === 'invalid_value') return `${key}: got ${got}, allowed: ${issue.values.map((v) => JSON.stringify(v)).join(', ')}`;
  if (issue.code === 'custom') return `${key}: ${got} ${issue.message}`;
  return `${key}: got ${got}; ${issue.message}`;
}

/** The keys that the schema knows at a path, for the message about an unknown one. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let schema: unknown = z.toJSONSchema(settingsSchema, { io: 'input' });
  for (const part of path) {
    schema = typeof part === 'number' ? valueAt(schema, ['items']) : valueAt(schema, ['properties', part]);
  }
  const properties = valueAt(schema, ['properties']);
  return typeof properties === 'object' && properties !== null ? Object.keys(properties) : [];
}
