// Writes a selection of preference pairs: the kept pairs in a trainer's format, easiest first, a list of them, and a
// sealed manifest that records how it was made. The same question to the same files gives the same bytes.

import { resolve } from 'node:path';
import { join } from 'node:path';
import { open, stat } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { sqlString } from '../data/duckdb/duckdb.ts';
import { toJs } from '../data/duckdb/library.ts';
import { queryRows } from '../data/duckdb/rows.ts';
import { streamChunks } from '../data/duckdb/stream.ts';
import { commitFile, commitSealedJson } from '../data/files/commit.ts';
import { sha256File } from '../data/files/hash-files.ts';
import { fillOutFolder, manifestFile, type OutKind } from '../data/files/out-folder.ts';
import { fail } from '../run/errors/errors.ts';
import type { Report } from '../run/progress.ts';
import type { Run } from '../run/run.ts';
import { count, sha256 } from '../run/schemas.ts';
import {
  cutTable,
  type KeepAnswer,
  keepAnswerSchema,
  type KeepQuestion,
  keepQuestionSchema,
  type OpenCut,
  withCut,
} from './answer.ts';
import { formatPair, type PairFormat, pairFormats, plainestFormat } from './formats.ts';
import { pairForms } from './pair.ts';
import { sqlReferences } from './references.ts';
import { pairTable } from './set.ts';
import { trainingFiles, writeTrainingFiles } from './training-files.ts';

export const pairsFile = 'train.jsonl';
/** The kept pairs in the order of `pairsFile`: id, file, line, difficulty. */
export const keptFile = 'kept.parquet';
export const cutFile = 'cut.jsonl';

const pairsFolder: OutKind = {
  kind: 'betr pairs selection',
  command: 'betr pairs select',
  marker: 'selection.unfinished',
  files: [pairsFile, keptFile, cutFile, ...trainingFiles],
  folders: [],
  editable: trainingFiles,
};

export const pairsManifestSchema = z.strictObject({
  kind: z.literal('betr pairs selection'),
  version: z.literal(1),
  question: keepQuestionSchema,
  answer: keepAnswerSchema,
  format: z.enum(pairFormats),
  /** Pairs without a known difficulty: left out, or written after all others. */
  unknown: z.enum(['drop', 'keep']),
  pairs: count,
  /** Whether the rows have log probabilities under the model that training starts from. */
  references: z.boolean(),
  /** Kept pairs that the format cannot express, by reason, with the first one's id. */
  leftOut: z.record(z.string(), z.strictObject({ pairs: count, first: z.string() })),
  files: z.array(z.strictObject({ file: z.string(), bytes: count, sha256 })),
});
export type PairsManifest = z.output<typeof pairsManifestSchema>;

export interface PairSelectionOptions {
  /** By default, trl, or trl-messages if a pair is a conversation. */
  format?: PairFormat | undefined;
  unknown: 'drop' | 'keep';
  /** Whether to list the pairs that are not written, in cut.jsonl. */
  listCut: boolean;
  /** Called with the answer before anything is written. */
  onAnswer?: (answer: KeepAnswer) => void;
}

/**
 * Answers the question and writes the pairs that it keeps to a folder, replacing an earlier selection. Errors: those
 * of `withCut` and `fillOutFolder`; PAIRS_FORMAT if the format can express none of the pairs.
 */
export function selectPairs(
  run: Run,
  name: string,
  asked: KeepQuestion,
  outFolder: string,
  options: PairSelectionOptions,
  report: Report,
): Promise<PairsManifest> {
  const folder = resolve(outFolder);
  const { unknown, listCut } = options;
  return withCut(run, name, asked, async (cut) => {
    options.onAnswer?.(cut.answer);
    return fillOutFolder(folder, pairsFolder, async () => {
      const chosen = unknown === 'keep' ? 'kept OR difficulty IS NULL' : 'kept';
      const forms = await countForms(cut, chosen);
      const format =
        options.format ?? plainestFormat(isChat(cut) ? forms.text + forms.messages : forms.messages);
      const references = await findReferences(cut, chosen, format, forms);
      const { written, leftOut } = await writePairs(cut, { chosen, format, references }, folder, report);
      await copyTo(cut.connection, join(folder, keptFile), 'parquet', sqlList(cut, chosen, keptColumns));
      const files = [pairsFile, keptFile];
      if (listCut) {
        const sql = sqlList(cut, `NOT (${chosen})`, cutColumns);
        await copyTo(cut.connection, join(folder, cutFile), 'json', sql);
        files.push(cutFile);
      }
      if (format === 'trl' || format === 'trl-messages')
        files.push(...(await writeTrainingFiles(folder, cut, references !== undefined)));
      const manifest: PairsManifest = {
        kind: 'betr pairs selection',
        version: 1,
        question: keepQuestionSchema.parse(asked),
        answer: cut.answer,
        format,
        unknown,
        pairs: written,
        references: references !== undefined,
        leftOut,
        files: await Promise.all(
          files.map(async (file) => ({
            file,
            bytes: (await stat(join(folder, file))).size,
            sha256: await sha256File(join(folder, file)),
          })),
        ),
      };
      await commitSealedJson(join(folder, manifestFile), manifest);
      return manifest;
    });
  });
}

const formCounts = z.object({ text: z.number(), messages: z.number() });
type FormCounts = z.output<typeof formCounts>;

async function countForms({ connection, set }: OpenCut, chosen: string): Promise<FormCounts> {
  const [counts] = await queryRows(
    connection,
    `SELECT count(*) FILTER (form = 'text')::DOUBLE AS text, count(*) FILTER (form = 'messages')::DOUBLE AS messages
    FROM ${pairTable(set)} JOIN ${cutTable} USING (pair) WHERE ${chosen}`,
    formCounts,
  );
  return counts ?? { text: 0, messages: 0 };
}

/** Whether the reference models read plain text as conversations. */
function isChat({ measurement }: OpenCut): boolean {
  return measurement.card.settings['chat'] === true;
}

/**
 * SQL of the log probabilities to write; undefined unless all pairs have them, and the format writes every pair as it
 * is: a string in a chat template has another log probability.
 */
async function findReferences(
  cut: OpenCut,
  chosen: string,
  format: PairFormat,
  forms: FormCounts,
): Promise<string | undefined> {
  // Strings that were measured as conversations.
  const [strings, turns] = isChat(cut) ? [0, forms.text + forms.messages] : [forms.text, forms.messages];
  const changed = { trl: turns, 'trl-messages': strings, openai: 1, axolotl: 1 }[format];
  const references = changed === 0 ? await sqlReferences(cut) : undefined;
  if (references === undefined) return undefined;
  const [row] = await queryRows(
    cut.connection,
    `SELECT count(*)::DOUBLE AS missing FROM ${cutTable} LEFT JOIN (${references}) USING (pair)
    WHERE (${chosen}) AND (reference_chosen IS NULL OR reference_rejected IS NULL)`,
    z.object({ missing: z.number() }),
  );
  return row?.missing === 0 ? references : undefined;
}

const order = 'ORDER BY difficulty NULLS LAST, pair';
const written = z.tuple([
  z.string(),
  z.enum(pairForms),
  z.string(),
  z.string(),
  z.string(),
  z.string().nullable(),
  z.number().nullable(),
  z.number().nullable(),
  z.number().nullable(),
]);

interface Writing {
  chosen: string;
  format: PairFormat;
  references: string | undefined;
}

/** Writes the pairs, easiest first. Errors: PAIRS_FORMAT, DISK_FULL, WRITE_FAILED. */
async function writePairs(
  { connection, set, answer }: OpenCut,
  { chosen, format, references }: Writing,
  folder: string,
  report: Report,
): Promise<{ written: number; leftOut: PairsManifest['leftOut'] }> {
  const [columns, join_] =
    references === undefined
      ? ['NULL, NULL', '']
      : ['reference_chosen, reference_rejected', `JOIN (${references}) USING (pair)`];
  const sql = `SELECT id, form, prompt, chosen, rejected, tools, difficulty, ${columns}
    FROM ${pairTable(set)} JOIN ${cutTable} USING (pair) ${join_} WHERE ${chosen} ${order}`;
  const leftOut: PairsManifest['leftOut'] = {};
  let [done, count] = [0, 0];
  await commitFile(join(folder, pairsFile), async (temporary) => {
    const file = await open(temporary, 'w');
    try {
      for await (const chunk of streamChunks(connection, sql)) {
        const lines: string[] = [];
        for (const values of z.array(written).parse(chunk.convertRows(toJs))) {
          const [id, form, prompt, good, bad, tools, difficulty, reference, other] = values;
          const shown = formatPair(format, {
            ...{ id, form, prompt, chosen: good, rejected: bad, tools, difficulty },
            references: reference === null || other === null ? null : { chosen: reference, rejected: other },
          });
          if ('row' in shown) lines.push(`${JSON.stringify(shown.row)}\n`);
          else (leftOut[shown.reason] ??= { pairs: 0, first: id }).pairs++;
        }
        await file.writeFile(lines.join(''));
        count += lines.length;
        done += chunk.rowCount;
        report({ stage: 'write pairs', done, total: answer.pairs.kept, unit: 'pairs' });
      }
    } finally {
      await file.close();
    }
  });
  if (count === 0) {
    const [[reason, { first }] = ['there is none', { first: '' }]] = Object.entries(leftOut);
    const others = pairFormats.filter((other) => other !== format);
    throw fail('PAIRS_FORMAT', { format, pairs: done, first, reason, others });
  }
  return { written: count, leftOut };
}

const keptColumns = 'cut.pair, id, file, line, difficulty';
const cutColumns = 'id, file, line, difficulty, unknown, cut.source, cut.category, cut.language';

function sqlList({ set }: OpenCut, which: string, columns: string): string {
  return (
    `SELECT ${columns} FROM ${pairTable(set)} AS pairs JOIN ${cutTable} AS cut USING (pair) WHERE ` +
    `${which} ${order}`
  );
}

async function copyTo(
  connection: DuckDBConnection,
  path: string,
  format: 'parquet' | 'json',
  sql: string,
): Promise<void> {
  await commitFile(path, async (temporary) => {
    const options = format === 'parquet' ? 'FORMAT parquet, COMPRESSION zstd' : 'FORMAT json';
    await connection.run(`COPY (${sql}) TO ${sqlString(temporary)} (${options})`);
  });
}
