// Token counts of documents that have none: bytes × a rate, measured by source on the sample with a real
// tokenizer (docs/method.md, "Token counts"). Anything that shows them must call them estimates. A document's
// own count always wins.

import { z } from 'zod';
import { commitSealedJson, readSealedJson } from '../../data/files/commit.ts';
import { parquetSource } from '../../data/duckdb/duckdb.ts';
import { streamChunks } from '../../data/duckdb/stream.ts';
import { fail } from '../../run/errors/errors.ts';
import type { RunFiles } from '../../run/files.ts';
import type { Run } from '../../run/run.ts';
import { withSpillingDuckDb } from '../../data/duckdb/run-files.ts';

const rateSchema = z.object({
  /** Documents measured, with their UTF-8 bytes and tokens. */
  documents: z.number(),
  bytes: z.number(),
  tokens: z.number(),
  tokensPerByte: z.number().positive(),
});

export const tokenRatesSchema = z.object({
  tokenizer: z.string(),
  /** The sample's fingerprint; without an index, that of the corpus at the time of measuring. */
  sample: z.string(),
  /** The fields that were read, if there is no index. */
  corpusFields: z.string().optional(),
  /** Over all documents measured; used for sources that are not in the sample. */
  overall: rateSchema,
  sources: z.record(z.string(), rateSchema),
});

export type TokenRates = z.output<typeof tokenRatesSchema>;

const tokenizer = 'o200k_base';
// The tokenizer reads 8 MB/s; 400 documents of a source give its rate within about 1% (documents differ by
// about 15%).
export const documentsPerSource = 400;
export const measuredCharacters = 10_000;

/** Estimated tokens of a text of `bytes` UTF-8 bytes; at least 1. */
export function estimateTokens(rates: TokenRates, source: string, bytes: number): number {
  const rate = (Object.hasOwn(rates.sources, source) ? rates.sources[source] : undefined) ?? rates.overall;
  return Math.max(1, Math.round(bytes * rate.tokensPerByte));
}

/** Reads the rates that `betr index` measured. Errors: STEP_MISSING, FILE_DAMAGED. */
export async function readTokenRates(run: Run): Promise<TokenRates> {
  const rates = await readSealedJson(run.files.tokens, tokenRatesSchema, 'betr index');
  if (rates === undefined)
    throw fail('STEP_MISSING', { need: 'table of token rates', command: 'betr index' });
  return rates;
}

/**
 * Measures the rates on the first documents of each source in the sample and writes them to the token file.
 * `from` is the sample's fingerprint.
 */
export async function measureTokens(
  run: Run,
  { sample, tokens }: Pick<RunFiles, 'sample' | 'tokens'>,
  from: string,
): Promise<TokenRates> {
  const measure = await openMeasure();
  const file = parquetSource(sample, 'file_row_number = true');
  const first =
    `SELECT file_row_number FROM ${file} QUALIFY row_number() OVER (PARTITION BY source ` +
    `ORDER BY file_row_number) <= ${documentsPerSource}`;
  await withSpillingDuckDb(run.files.spill, async (connection) => {
    for await (const chunk of streamChunks(
      connection,
      `SELECT source, left(text, ${measuredCharacters}) FROM ${file} WHERE file_row_number IN (${first})`,
    )) {
      for (const [source, text] of rowsSchema.parse(chunk.getRows())) measure.add(source, text);
    }
  });
  const rates = { ...measure.rates(), sample: from };
  await commitSealedJson(tokens, rates);
  return rates;
}

/** Counts the tokens of texts, or of their beginnings, by source. */
export async function openMeasure(): Promise<{
  add: (source: string, text: string) => void;
  documents: (source: string) => number;
  rates: () => Omit<TokenRates, 'sample'>;
}> {
  // Imported lazily: its tables are large, and estimates do not need them.
  const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base');
  const sums = new Map<string, Sum>();
  return {
    add(source, text) {
      const sum = sums.get(source) ?? { documents: 0, bytes: 0, tokens: 0 };
      sums.set(source, sum);
      sum.documents++;
      sum.bytes += Buffer.byteLength(text);
      sum.tokens += countTokens(text, { disallowedSpecial: new Set() });
    },
    documents: (source) => sums.get(source)?.documents ?? 0,
    rates() {
      const sorted = [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
      return {
        tokenizer,
        overall: rateOf(addUp([...sums.values()])),
        sources: Object.fromEntries(sorted.map(([source, sum]) => [source, rateOf(sum)])),
      };
    },
  };
}

const rowsSchema = z.array(z.tuple([z.string(), z.string()]));

interface Sum {
  documents: number;
  bytes: number;
  tokens: number;
}

function addUp(sums: readonly Sum[]): Sum {
  return sums.reduce(
    (all, { documents, bytes, tokens }) => ({
      documents: all.documents + documents,
      bytes: all.bytes + bytes,
      tokens: all.tokens + tokens,
    }),
    { documents: 0, bytes: 0, tokens: 0 },
  );
}

function rateOf(sum: Sum): TokenRates['overall'] {
  return { ...sum, tokensPerByte: Math.max(sum.tokens, 1) / Math.max(sum.bytes, 1) };
}
