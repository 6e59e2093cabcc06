// How many tokens a text has where its document does not say: bytes × a rate, measured by source with a real tokenizer on the sample.
// Estimates are for counting and cutting; whoever shows them says that they are estimates. A document's own count always wins.

import { z } from 'zod';
import { commitSealedJson, readSealedJson } from '../data/commit.ts';
import { parquetSource, streamChunks } from '../data/duckdb.ts';
import { fail } from '../data/errors.ts';
import type { Run } from '../data/run.ts';
import { withSpillingDuckDb } from './parquet.ts';

const rateSchema = z.object({
  /** Documents measured, their UTF-8 bytes and tokens. */
  documents: z.number(),
  bytes: z.number(),
  tokens: z.number(),
  tokensPerByte: z.number().positive(),
});

export const tokenRatesSchema = z.object({
  tokenizer: z.string(),
  /** The sample's fingerprint. */
  sample: z.string(),
  /** Over all documents measured; for sources that the sample did not meet. */
  overall: rateSchema,
  sources: z.record(z.string(), rateSchema),
});

export type TokenRates = z.output<typeof tokenRatesSchema>;

const tokenizer = 'o200k_base';
// The tokenizer does 8 MB/s; 400 documents of a source give its rate within about 1 % (documents differ by some 15 %).
const documentsPerSource = 400;
const measuredCharacters = 10_000;

/** Estimated tokens of a text of `bytes` UTF-8 bytes: at least 1. */
export function estimateTokens(rates: TokenRates, source: string, bytes: number): number {
  const rate = (Object.hasOwn(rates.sources, source) ? rates.sources[source] : undefined) ?? rates.overall;
  return Math.max(1, Math.round(bytes * rate.tokensPerByte));
}

/** The rates that `betr index` measured. Errors: STEP_MISSING, FILE_DAMAGED. */
export async function readTokenRates(run: Run): Promise<TokenRates> {
  const rates = await readSealedJson(run.files.tokens, tokenRatesSchema, 'betr index');
  if (rates === undefined) throw fail('STEP_MISSING', { need: 'table of token rates', command: 'betr index' });
  return rates;
}

/** Measures the rates on the first documents of each source in `sample.parquet` and writes `tokens.json`. `sample` is the sample's fingerprint. */
export async function measureTokens(run: Run, sample: string): Promise<TokenRates> {
  // Its tables are large, and whoever only estimates does without.
  const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base');
  const countText = (text: string): number => countTokens(text, { disallowedSpecial: new Set() });
  const file = parquetSource(run.files.sample, 'file_row_number = true');
  const first = `SELECT file_row_number FROM ${file} QUALIFY row_number() OVER (PARTITION BY source ORDER BY file_row_number) <= ${documentsPerSource}`;
  const sums = new Map<string, Sum>();
  await withSpillingDuckDb(run.folder, async (connection) => {
    for await (const chunk of streamChunks(connection, `SELECT source, left(text, ${measuredCharacters}) FROM ${file} WHERE file_row_number IN (${first})`)) {
      for (const row of rowsSchema.parse(chunk.getRows())) addRow(sums, row, countText);
    }
  });
  const sorted = [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
  const rates = { tokenizer, sample, overall: rateOf(addUp([...sums.values()])), sources: Object.fromEntries(sorted.map(([source, sum]) => [source, rateOf(sum)])) };
  await commitSealedJson(run.files.tokens, rates);
  return rates;
}

const rowsSchema = z.array(z.tuple([z.string(), z.string()]));

interface Sum {
  documents: number;
  bytes: number;
  tokens: number;
}

function addRow(sums: Map<string, Sum>, [source, start]: z.output<typeof rowsSchema>[number], countText: (text: string) => number): void {
  const sum = sums.get(source) ?? { documents: 0, bytes: 0, tokens: 0 };
  sums.set(source, sum);
  sum.documents++;
  sum.bytes += Buffer.byteLength(start);
  sum.tokens += countText(start);
}

function addUp(sums: readonly Sum[]): Sum {
  return sums.reduce((all, { documents, bytes, tokens }) => ({ documents: all.documents + documents, bytes: all.bytes + bytes, tokens: all.tokens + tokens }), { documents: 0, bytes: 0, tokens: 0 });
}

function rateOf(sum: Sum): TokenRates['overall'] {
  return { ...sum, tokensPerByte: Math.max(sum.tokens, 1) / Math.max(sum.bytes, 1) };
}
