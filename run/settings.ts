// The settings of a run: `betr.yaml`, read once and checked by one schema.

import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isScalar, parseDocument, visit } from 'yaml';
import { z } from 'zod';
import { countNumber, positiveNumber, secondsNumber } from './bounds.ts';
import { fail, reasonOf, systemCode } from './errors/errors.ts';
import { show, showKeys, valueInside } from './issues.ts';
import { readOnce } from './regular-file.ts';
import { parseTemplate } from './fields/template.ts';
import { showPath } from './address.ts';
import { defaultWindowMegabytes, mostWindowMegabytes } from './zstd-window.ts';

const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]*$/,
    'must start with a letter or digit and have only letters, digits, ".", "_", or "-"',
  );
const globs = z.array(z.string().min(1)).min(1);
const count = countNumber;
const fieldName = z.string().min(1).max(100);

const fields = z.strictObject({
  id: fieldName.default('id'),
  text: fieldName.default('text'),
  source: fieldName.default('source'),
  tokens: fieldName.default('tokens'),
});

const benchmark = z
  .strictObject({
    name,
    files: globs,
    /** Text of an example with `{field}` in place of each field of the row. */
    template: z
      .string()
      .check((context) => {
        const template = parseTemplate(context.value);
        if (typeof template === 'string')
          context.issues.push({ code: 'custom', input: context.value, message: template });
      })
      .optional(),
    /** The recipe that makes its examples, whatever other recipes the rows fit. */
    recipe: z.string().min(1).optional(),
    /** Held-out examples, which are never learned from: what a selection is measured on. */
    tests: globs.optional(),
  })
  .refine(({ template, recipe }) => template === undefined || recipe === undefined, {
    path: ['recipe'],
    error: 'cannot be combined with a template: use only one of them',
  });

/** More bring nothing but time. */
export const mostResamples = 100_000;

/** `betr domains`: tables of other people's models, and how to weigh the domains by them. */
export const domainSettingsSchema = z.strictObject({
  /**
   * Tables (CSV, TSV or Parquet) of losses and benchmark errors by model; token counts by domain; families by
   * model.
   */
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
  keepRate: positiveNumber.max(1).default(0.1),
  repeat: positiveNumber.default(1),
  /** Bootstrap resamples of the models; fitted to the number of domains when left out. */
  resamples: z.number().int().nonnegative().max(mostResamples).optional(),
  seed: z.number().int().nonnegative().default(1),
  /** Files of pages (as the corpus's, with its field names) to train the classifier on. */
  pages: globs.optional(),
});
export type DomainSettings = z.output<typeof domainSettingsSchema>;

export const settingsSchema = z.strictObject({
  run: z.string().min(1).default('run'),
  corpus: z.strictObject({
    files: globs,
    fields: fields.prefault({}),
    /** Largest window of a Zstandard file (zstd --long), which is memory of every process that reads one. */
    windowMegabytes: count.max(mostWindowMegabytes).default(defaultWindowMegabytes),
  }),
  benchmarks: z
    .array(benchmark)
    .check((context) => {
      const seen = new Set<string>();
      for (const [index, { name }] of context.value.entries()) {
        // They become names of columns, where case does not count.
        const folded = name.toLowerCase();
        if (seen.has(folded))
          context.issues.push({
            code: 'custom',
            input: name,
            path: [index, 'name'],
            message: 'is already used by an earlier benchmark; names must differ in more than case',
          });
        seen.add(folded);
      }
    })
    .default([]),
  examples: z
    .strictObject({
      /** At most this many examples of each benchmark; every benchmark gives the same number. */
      perBenchmark: count.default(1400),
      /** false: take all examples of every benchmark up to the cap. */
      equal: z.boolean().default(true),
    })
    .prefault({}),
  sample: z
    .strictObject({
      documents: count.default(100_000),
      seed: z.number().int().nonnegative().default(1),
    })
    .prefault({}),
  embedding: z
    .strictObject({
      /** `default`, a hub name, a folder, or the base URL of an OpenAI-compatible endpoint. */
      model: z.string().min(1).default('default'),
      /** The model's name at an endpoint; of no use elsewhere. */
      endpointModel: z.string().min(1).optional(),
      device: z.enum(['auto', 'cpu', 'cuda', 'webgpu']).default('auto'),
      dtype: z.enum(['auto', 'fp32', 'fp16', 'q8', 'q4']).default('auto'),
      /** auto: what the model's own configuration says. */
      pooling: z.enum(['auto', 'mean', 'cls']).default('auto'),
      maxTokens: count.max(32_768).default(256),
      /**
       * At an endpoint: at most so many texts in a request, requests at once, and seconds until an answer is
       * whole. They change no vector.
       */
      textsPerRequest: count.max(1024).default(64),
      requestsAtOnce: count.max(16).default(4),
      timeoutSeconds: secondsNumber.max(300).default(120),
    })
    .prefault({}),
  search: z
    .strictObject({
      method: z.enum(['auto', 'exact', 'hnsw']).default('auto'),
      /** Length of the list of nearest documents kept for each example (K). */
      nearest: count.default(1000),
    })
    .prefault({}),
  classifier: z
    .strictObject({
      /** Hash table's size as a power of two. */
      bits: z.number().int().min(12).max(22).default(20),
      /** At most; training ends earlier when the held-out loss no longer falls. */
      epochs: count.max(100).default(12),
      /** Bins that fewer training documents have are left out. */
      minCount: count.default(3),
      seed: z.number().int().nonnegative().default(1),
    })
    .prefault({}),
  keep: z
    .strictObject({
      pool: z.enum(['nemotron-cc', 'dclm-refinedweb']).default('nemotron-cc'),
      tokensPerParam: positiveNumber.default(11),
      maxEpochs: positiveNumber.default(4),
      /** FLOPs of the budgets that predictions and drift are told for. */
      budgets: z.array(positiveNumber).default([1e20, 1e21, 1e22]),
    })
    .prefault({}),
  drift: z
    .strictObject({
      /**
       * What is too much from one generation to the next: PSI of the scores, part by which a keep rate
       * changes, part of all tokens by which a source does, part by which the documents become fewer.
       */
      psi: positiveNumber.default(0.2),
      keepRate: positiveNumber.default(0.25),
      sourceShare: positiveNumber.default(0.1),
      lostDocuments: positiveNumber.default(0.2),
      /**
       * Whether the new documents by themselves are held against these, too: not where every shard is of one
       * source.
       */
      newDocuments: z.boolean().default(true),
    })
    .prefault({}),
  domains: domainSettingsSchema.optional(),
  scoring: z
    .strictObject({
      /** Text that a worker takes at a time, about; in the work of that long at most is lost with it. */
      chunkMegabytes: z.number().min(1e-6).max(1024).default(64),
      /**
       * How often a worker shows that it lives, and how long without a sign until another takes over what it
       * had.
       */
      beatSeconds: secondsNumber.default(5),
      lostSeconds: secondsNumber.default(60),
    })
    .refine(({ beatSeconds, lostSeconds }) => lostSeconds >= 3 * beatSeconds, {
      path: ['lostSeconds'],
      error: 'must be at least three times beatSeconds; otherwise live workers would be considered lost',
    })
    .prefault({}),
  /** How many processes' worth of work at once; every core when left out. */
  workers: count.max(1024).optional(),
});

export type Settings = z.output<typeof settingsSchema>;
export type FieldNames = Settings['corpus']['fields'];

export interface SettingsFile {
  /**
   * Absolute path of the settings file and of the folder that its relative paths start from: the one it is
   * in, or the current one for a pipe.
   */
  path: string;
  folder: string;
  settings: Settings;
}

/**
 * The settings as they may be kept beside a result: addresses without what may be a signature, and without
 * the number of workers, which changes no byte of it.
 */
export function settingsToShow(settings: Settings): Settings {
  const shown: unknown = JSON.parse(JSON.stringify(settings), (_key, value: unknown) =>
    typeof value === 'string' ? showPath(value) : value,
  );
  return { ...settingsSchema.parse(shown), workers: undefined };
}

/**
 * Reads and checks a settings file (or a pipe that gives one), or the one in a folder, or beside the folder
 * of a run. Errors: SETTINGS_NOT_FOUND, SETTINGS_INVALID, FILE_UNREADABLE.
 */
export async function readSettings(path: string): Promise<SettingsFile> {
  const absolute = findSettings(resolve(path));
  let text: string;
  try {
    text = await readOnce(absolute, mostBytes);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error)))
      throw fail('SETTINGS_NOT_FOUND', { path: absolute }, error);
    throw fail('FILE_UNREADABLE', { path: absolute, reason: reasonOf(error) }, error);
  }
  return {
    path: absolute,
    folder: isStream(absolute) ? process.cwd() : dirname(absolute),
    settings: parseSettings(text, absolute),
  };
}

/** `<(command)` and /dev/stdin lie in a folder of the system, where nothing else does. */
function isStream(path: string): boolean {
  return /^\/(?:dev|proc)\//.test(path) || statSync(path, { throwIfNoEntry: false })?.isFIFO() === true;
}

function findSettings(path: string): string {
  if (!existsSync(path) || !statSync(path).isDirectory()) return path;
  const [inside, beside] = [join(path, settingsFile), join(dirname(path), settingsFile)];
  return !existsSync(inside) && existsSync(beside) ? beside : inside;
}

const settingsFile = 'betr.yaml';

/** Checks the text of a settings file; every problem names the key, the value and what is allowed. */
export function parseSettings(text: string, path: string): Settings {
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (error) {
    throw fail('SETTINGS_INVALID', { path, problems: [reasonOf(error).trim()] }, error);
  }
  const result = settingsSchema.safeParse(value);
  if (result.success) return result.data;
  throw fail('SETTINGS_INVALID', {
    path,
    problems: result.error.issues.map((issue) => describe(issue, value)),
  });
}

const mostCharacters = 1 << 20;
/** Of UTF-8. */
const mostBytes = 4 * mostCharacters;
const mostAliases = 100;

/** A few lines of aliases of aliases are billions of values, and take the library long to refuse. */
function parseYaml(text: string): unknown {
  if (text.length > mostCharacters)
    throw new Error(`it has ${text.length} characters, but at most ${mostCharacters} are allowed`);
  // The library takes time quadratic in the number of keys to see that none is there twice.
  const document = parseDocument(text, { uniqueKeys: false });
  const [problem] = document.errors;
  if (problem !== undefined) throw problem;
  let aliases = 0;
  visit(document, {
    Alias: () => (++aliases > mostAliases ? visit.BREAK : undefined),
    Map(_key, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const name: unknown = isScalar(key) ? key.value : key;
        if (seen.has(name)) throw new Error(`the key ${show(name)} appears twice in one mapping`);
        seen.add(name);
      }
    },
  });
  if (aliases > mostAliases) throw new Error(`it has more than ${mostAliases} aliases (*name)`);
  return document.toJS({ maxAliasCount: mostAliases });
}

function describe(issue: z.core.$ZodIssue, root: unknown): string {
  const key =
    issue.path
      .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
      .join('')
      .replace(/^\./, '') || '(whole file)';
  const got = show(valueInside(root, issue.path));
  if (issue.code === 'unrecognized_keys')
    return `${key}: unknown key ${showKeys(issue.keys)}; known here: ${knownKeys(issue.path).join(', ')}`;
  if (issue.code === 'invalid_value')
    return `${key}: got ${got}, allowed: ${issue.values.map((v) => JSON.stringify(v)).join(', ')}`;
  if (issue.code === 'custom') return `${key}: ${got} ${issue.message}`;
  return `${key}: got ${got}; ${issue.message}`;
}

/** The keys that the schema knows at a path, for the message about an unknown one. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let schema: unknown = z.toJSONSchema(settingsSchema, { io: 'input' });
  for (const part of path) {
    schema =
      typeof part === 'number' ? valueInside(schema, ['items']) : valueInside(schema, ['properties', part]);
  }
  const properties = valueInside(schema, ['properties']);
  return typeof properties === 'object' && properties !== null ? Object.keys(properties) : [];
}
