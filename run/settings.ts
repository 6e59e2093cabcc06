// The schema of a run's settings, `betr.yaml`, with the defaults.

import { z } from 'zod';
import { domainSettingsSchema } from './domain-settings.ts';
import { judgeSchema } from './judge-settings.ts';
import { modelSchema, name } from './model-settings.ts';
import { pairsSchema } from './pair-settings.ts';
import { countNumber, positiveNumber, secondsNumber } from './bounds.ts';
import { parseTemplate } from './fields/template.ts';
import { showPath } from './address.ts';
import { defaultWindowMegabytes, maxWindowMegabytes } from './zstd-window.ts';

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
    /** The text of an example, with `{field}` for each field of the row. */
    template: z
      .string()
      .check((context) => {
        const template = parseTemplate(context.value);
        if (typeof template === 'string')
          context.issues.push({ code: 'custom', input: context.value, message: template });
      })
      .optional(),
    /** The recipe that makes the examples, even if the rows fit other recipes. */
    recipe: z.string().min(1).optional(),
    /** Held-out examples that a selection is measured on; never used for training. */
    tests: globs.optional(),
  })
  .refine(({ template, recipe }) => template === undefined || recipe === undefined, {
    path: ['recipe'],
    error: 'left out if there is a template: use only one of them',
  });

/** Refuses two entries of a list with the same name. */
function namesDiffer(what: string): z.core.CheckFn<{ name: string }[]> {
  return (context) => {
    const seen = new Set<string>();
    for (const [index, { name }] of context.value.entries()) {
      if (seen.has(name))
        context.issues.push({
          code: 'custom',
          input: name,
          path: [index, 'name'],
          message: `a name that no earlier ${what} has`,
        });
      seen.add(name);
    }
  };
}

const corpus = z.strictObject({
  files: globs,
  fields: fields.prefault({}),
  /** Largest window of a Zstandard file (zstd --long); every process that reads one needs this memory. */
  windowMegabytes: count.max(maxWindowMegabytes).default(defaultWindowMegabytes),
});

const withoutChecks = z.strictObject({
  run: z.string().min(1).default('run'),
  /** Settings with preference pairs need no corpus. `listCorpus` then says so to the steps that need one. */
  corpus: corpus.default(() => ({ ...corpus.parse({ files: ['none'] }), files: [] })),
  benchmarks: z
    .array(benchmark)
    .check((context) => {
      const seen = new Set<string>();
      for (const [index, { name }] of context.value.entries()) {
        // They become column names, which are case-insensitive.
        const folded = name.toLowerCase();
        if (seen.has(folded))
          context.issues.push({
            code: 'custom',
            input: name,
            path: [index, 'name'],
            message: 'a name that no earlier benchmark has, in any case',
          });
        seen.add(folded);
      }
    })
    .default([]),
  examples: z
    .strictObject({
      /** Maximum number of examples per benchmark. */
      perBenchmark: count.default(1400),
      /** true: use the same number of examples for every benchmark; false: use all, up to the maximum. */
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
      /** The model's name at an endpoint; ignored for other models. */
      endpointModel: z.string().min(1).optional(),
      device: z.enum(['auto', 'cpu', 'cuda', 'webgpu']).default('auto'),
      dtype: z.enum(['auto', 'fp32', 'fp16', 'q8', 'q4']).default('auto'),
      /** auto: as the model's configuration says. */
      pooling: z.enum(['auto', 'mean', 'cls']).default('auto'),
      maxTokens: count.max(32_768).default(256),
      /**
       * For endpoints: maximum texts per request, concurrent requests, and seconds until a response is
       * complete. They do not affect the vectors.
       */
      textsPerRequest: count.max(1024).default(64),
      requestsAtOnce: count.max(16).default(4),
      timeoutSeconds: secondsNumber.max(300).default(120),
    })
    .prefault({}),
  models: z.array(modelSchema).check(namesDiffer('model')).default([]),
  judges: z.array(judgeSchema).check(namesDiffer('judge')).default([]),
  pairs: z.array(pairsSchema).check(namesDiffer('set of pairs')).default([]),
  search: z
    .strictObject({
      method: z.enum(['auto', 'exact', 'hnsw']).default('auto'),
      /** How many nearest documents to keep for each example (K). */
      nearest: count.default(1000),
    })
    .prefault({}),
  classifier: z
    .strictObject({
      /** Size of the hash table, as a power of two. */
      bits: z.number().int().min(12).max(22).default(20),
      /** Maximum number of epochs; training stops early when the held-out loss no longer falls. */
      epochs: count.max(100).default(12),
      /** Bins that fewer training documents contain are dropped. */
      minCount: count.default(3),
      seed: z.number().int().nonnegative().default(1),
    })
    .prefault({}),
  keep: z
    .strictObject({
      pool: z.enum(['nemotron-cc', 'dclm-refinedweb']).default('nemotron-cc'),
      tokensPerParam: positiveNumber.default(11),
      maxEpochs: positiveNumber.default(4),
      /** Budgets, in FLOPs, for which predictions and drift are reported. */
      budgets: z.array(positiveNumber).default([1e20, 1e21, 1e22]),
    })
    .prefault({}),
  drift: z
    .strictObject({
      /**
       * Limits of drift from one generation to the next: PSI of the scores, relative change of a keep rate,
       * change of a source's share of tokens, and share of lost documents.
       */
      psi: positiveNumber.default(0.2),
      keepRate: positiveNumber.default(0.25),
      sourceShare: positiveNumber.default(0.1),
      lostDocuments: positiveNumber.default(0.2),
      /**
       * Whether the limits also apply to the new documents alone; turn this off if each shard has one source.
       */
      newDocuments: z.boolean().default(true),
    })
    .prefault({}),
  domains: domainSettingsSchema.optional(),
  scoring: z
    .strictObject({
      /** Approximate text per chunk; a lost worker loses at most one chunk of work. */
      chunkMegabytes: z.number().min(1e-6).max(1024).default(64),
      /**
       * How often a worker renews its lease, and after how long without renewal another worker takes over.
       */
      beatSeconds: secondsNumber.default(5),
      lostSeconds: secondsNumber.default(60),
    })
    .refine(({ beatSeconds, lostSeconds }) => lostSeconds >= 3 * beatSeconds, {
      path: ['lostSeconds'],
      error: 'at least three times beatSeconds; otherwise live workers would be considered lost',
    })
    .prefault({}),
  trainer: z
    .strictObject({
      /** The Python that runs training jobs: a path, or a command. */
      python: z.string().min(1).optional(),
    })
    .optional(),
  /** Maximum number of parallel processes; by default, one per core. */
  workers: count.max(1024).optional(),
});

export const settingsSchema = withoutChecks.refine(
  (settings) => settings.corpus.files.length > 0 || settings.pairs.length > 0,
  { path: ['corpus'], error: `an object with the fields ${Object.keys(corpus.shape).join(', ')}` },
);

export type Settings = z.output<typeof settingsSchema>;
export type FieldNames = Settings['corpus']['fields'];

/**
 * The settings to store with a result: addresses without possible signatures, and without the number of workers
 * and the Python for training, which do not affect the result.
 */
export function settingsToShow(settings: Settings): Settings {
  const { corpus: one, ...others } = settings;
  const shown: unknown = JSON.parse(
    JSON.stringify({ ...others, ...(one.files.length === 0 ? {} : { corpus: one }) }),
    (_key, value: unknown) => (typeof value === 'string' ? showPath(value) : value),
  );
  return { ...settingsSchema.parse(shown), workers: undefined, trainer: undefined };
}
