// Reads the rows of files of preference pairs one by one, numbers the pairs, and counts what the rows were taken for.

import type { ListedFile } from '../../data/documents.ts';
import type { Quarantine } from '../../data/files/quarantine.ts';
import { readRows } from '../../data/rows/rows.ts';
import { sameness } from '../../indexer/examples/same-text.ts';
import { tallyReasons } from '../../indexer/examples/report.ts';
import { idIn, type Row, valueOf } from '../../run/fields/field-path.ts';
import type { LogProbabilityColumns, PairsSettings } from '../../run/pair-settings.ts';
import { shorten } from '../../run/shorten.ts';
import type { Checked } from '../card.ts';
import { matchColumns } from '../columns.ts';
import { IdSet } from '../id-set.ts';
import { plainText } from '../pair.ts';
import { readRow } from './read-row.ts';
import type { TablePair } from '../write-table.ts';

/** What reading found. */
export interface PairReader extends Pick<Checked, 'rows' | 'quarantined' | 'reasons' | 'shapes' | 'shown'> {
  files: { file: ListedFile; rows: number }[];
  pairs: number;
  /** Names of fields in the first rows. */
  found: ReadonlySet<string>;
}

const mostShown = 3;
const shownCharacters = 2000;
const rowsNamed = 1000;
const namesListed = 100;

/**
 * Passes the pairs of the files to `take`, in order. Rows without a pair go to the quarantine. Errors:
 * FILE_KIND_UNKNOWN, FILE_NOT_FOUND, FILE_UNREADABLE; those of `take`.
 */
export async function readFiles(
  files: readonly ListedFile[],
  settings: PairsSettings,
  quarantine: Quarantine,
  take: (pair: TablePair) => Promise<void>,
): Promise<PairReader> {
  const ids = new IdSet();
  const tally = tallyReasons(quarantine);
  const shapes = new Map<string, Checked['shapes'][number]>();
  const found = new Set<string>();
  const perFile: PairReader['files'] = [];
  const shown: Checked['shown'] = [];
  let rows = 0;
  let count = 0;
  for (const file of files) {
    const before = rows + tally.count;
    for await (const { position, row } of readRows(file.path, tally, file.name)) {
      if (rows < rowsNamed)
        for (const name of Object.keys(row)) if (found.size < namesListed) found.add(name);
      rows++;
      const result = readRow(row, settings);
      if ('reason' in result) {
        tally.add(file.name, position, result.reason, JSON.stringify(row).slice(0, 800));
        rows--;
        continue;
      }
      const shape = shapes.get(result.shape) ?? { shape: result.shape, rows: 0, pairs: 0 };
      shapes.set(result.shape, shape);
      shape.rows++;
      shape.pairs += result.pairs.length;
      const place = `${file.name}:${position + 1}`;
      const own = idIn(valueOf(row, settings.fields.id ?? 'id')) ?? place;
      const base = ids.add(own) ? own : place;
      for (const [at, one] of result.pairs.entries()) {
        const texts = {
          prompt: plainText(one.form, one.prompt),
          chosen: plainText(one.form, one.chosen),
          rejected: plainText(one.form, one.rejected),
        };
        const pair: TablePair = {
          ...one,
          pair: count++,
          id: result.pairs.length === 1 ? base : `${base}#${at + 1}`,
          file: file.name,
          line: position + 1,
          source: textOf(row, settings.fields.source ?? 'source'),
          category: textOf(row, settings.fields.category ?? 'category'),
          language: textOf(row, settings.fields.language ?? 'language'),
          promptHash: sameness(texts.prompt),
          promptCharacters: texts.prompt.length,
          chosenCharacters: texts.chosen.length,
          rejectedCharacters: texts.rejected.length,
          numbers: numbersOf(row, settings.logProbabilities),
        };
        if (shown.length < mostShown && at === 0 && !shown.some((other) => other.shape === shape.shape))
          shown.push({
            id: pair.id,
            shape: shape.shape,
            prompt: shorten(texts.prompt, shownCharacters).toWellFormed(),
            chosen: shorten(texts.chosen, shownCharacters).toWellFormed(),
            rejected: shorten(texts.rejected, shownCharacters).toWellFormed(),
          });
        await take(pair);
      }
    }
    perFile.push({ file, rows: rows + tally.count - before });
  }
  return {
    files: perFile,
    pairs: count,
    found,
    rows: rows + tally.count,
    quarantined: tally.count,
    reasons: tally.reasons(),
    shapes: [...shapes.values()].sort((a, b) => b.rows - a.rows),
    shown,
  };
}

function textOf(row: Row, field: string): string | null {
  const value = valueOf(row, field);
  return idIn(value) ?? null;
}

/** The row's log probabilities by column. What is not a number counts as NaN. */
function numbersOf(row: Row, columns: LogProbabilityColumns | undefined): Record<string, number> {
  if (columns === undefined) return {};
  return Object.fromEntries(
    matchColumns(columns, Object.keys(row))
      .filter((name) => row[name] !== null && row[name] !== undefined)
      .map((name) => [name, numberIn(row[name])]),
  );
}

function numberIn(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
}
