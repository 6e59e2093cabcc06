// Reads the rows of files of preference pairs one by one, numbers the pairs, and counts what the rows were taken for.

import type { ListedFile } from '../../data/documents.ts';
import type { Quarantine } from '../../data/files/quarantine.ts';
import { readRows } from '../../data/rows/rows.ts';
import { sameness } from '../../indexer/examples/same-text.ts';
import { tallyReasons } from '../../indexer/examples/report.ts';
import { idIn, type Row, valueOf } from '../../run/fields/field-path.ts';
import type { LogProbabilityColumns, PairFields, PairsSettings } from '../../run/pair-settings.ts';
import { shorten } from '../../run/shorten.ts';
import type { Checked } from '../card.ts';
import { matchColumns } from '../columns.ts';
import { IdSet } from '../id-set.ts';
import { plainText } from '../pair.ts';
import type { TestSearch } from '../tests.ts';
import type { TablePair } from '../write-table.ts';
import { checkFields, FieldWatch } from './field-watch.ts';
import { firstOf, labels } from './names.ts';
import { type FoundPair, readRow } from './read-row.ts';

/** What reading found. */
export interface FilesRead extends Pick<Checked, 'rows' | 'quarantined' | 'reasons' | 'shapes' | 'shown'> {
  files: { file: ListedFile; rows: number }[];
  pairs: number;
  /** Names of fields in the first rows. */
  found: string[];
}

const mostShown = 3;
const shownCharacters = 2000;

/**
 * Passes the pairs of the files to `take`, in order. Rows without a pair go to the quarantine. Errors:
 * FILE_KIND_UNKNOWN, FILE_NOT_FOUND, FILE_UNREADABLE; PAIRS_FIELD_MISSING if no row has a field that the settings name;
 * those of `take`.
 */
export async function readFiles(
  files: readonly ListedFile[],
  settings: PairsSettings,
  { quarantine, tests }: { quarantine: Quarantine; tests: TestSearch | undefined },
  take: (pair: TablePair) => Promise<void>,
): Promise<FilesRead> {
  const ids = new IdSet();
  const tally = tallyReasons(quarantine, placeOf);
  const watch = new FieldWatch(settings);
  const shapes = new Map<string, Checked['shapes'][number]>();
  const perFile: FilesRead['files'] = [];
  const firsts: Checked['shown'] = [];
  const others: Checked['shown'] = [];
  let good = 0;
  let pairs = 0;
  for (const file of files) {
    const before = good + tally.count;
    for await (const { position, row } of readRows(file.path, tally, file.name, String)) {
      watch.see(row);
      const result = readRow(row, settings);
      if ('reason' in result) {
        tally.add(file.name, position, result.reason, JSON.stringify(row).slice(0, 800));
        continue;
      }
      good++;
      const shape = shapes.get(result.shape) ?? { shape: result.shape, rows: 0, pairs: 0 };
      shapes.set(result.shape, shape);
      // One of each shape first, because those are worth checking.
      const list = shape.rows++ === 0 ? firsts : others;
      const [pair] = result.pairs;
      if (pair !== undefined && list.length < mostShown)
        list.push(show(pair, placeOf(file.name, position), shape.shape));
      shape.pairs += result.pairs.length;
      const id = chooseId(row, settings.fields, placeOf(file.name, position), ids);
      for (const [at, found] of result.pairs.entries()) {
        const own = result.pairs.length === 1 ? id : `${id}#${at + 1}`;
        const described = describe(found, row, settings, own, tests);
        await take({ ...described, pair: pairs++, file: file.name, line: position + 1 });
      }
    }
    perFile.push({ file, rows: good + tally.count - before });
  }
  checkFields(watch, settings);
  return {
    files: perFile,
    pairs,
    found: watch.names,
    rows: good + tally.count,
    quarantined: tally.count,
    reasons: tally.reasons(),
    shapes: [...shapes.values()].sort((a, b) => b.rows - a.rows),
    shown: [...firsts, ...others].slice(0, mostShown),
  };
}

/** A row as people count, from 1. */
function placeOf(file: string, position: number): string {
  return `${file}:${position + 1}`;
}

/** The row's own id, or its place if it has none or an earlier row has the same. */
function chooseId(row: Row, fields: PairFields, place: string, ids: IdSet): string {
  const own = labelOf(row, 'id', fields);
  return own !== null && ids.add(own) ? own : place;
}

function labelOf(row: Row, label: keyof typeof labels, fields: PairFields): string | null {
  const field = fields[label];
  const value = field === undefined ? firstOf(row, labels[label])?.value : valueOf(row, field);
  return idIn(value)?.toWellFormed() ?? null;
}

function describe(
  found: FoundPair,
  row: Row,
  { fields, logProbabilities }: PairsSettings,
  id: string,
  tests: TestSearch | undefined,
): Omit<TablePair, 'pair' | 'file' | 'line'> {
  const prompt = plainText(found.form, found.prompt);
  return {
    ...found,
    id,
    source: labelOf(row, 'source', fields),
    category: labelOf(row, 'category', fields),
    language: labelOf(row, 'language', fields),
    promptHash: sameness(prompt),
    testItem: tests?.find(id, prompt) ?? null,
    promptCharacters: prompt.length,
    chosenCharacters: plainText(found.form, found.chosen).length,
    rejectedCharacters: plainText(found.form, found.rejected).length,
    numbers: numbersOf(row, logProbabilities),
  };
}

function show(
  { form, prompt, chosen, rejected }: FoundPair,
  id: string,
  shape: string,
): Checked['shown'][number] {
  const text = (side: string): string => shorten(plainText(form, side), shownCharacters).toWellFormed();
  return { id, shape, prompt: text(prompt), chosen: text(chosen), rejected: text(rejected) };
}

/** The row's log probabilities by column. NaN is text in JSON Lines; other texts that are not numbers count as NaN. */
function numbersOf(row: Row, columns: LogProbabilityColumns | undefined): Record<string, number> {
  if (columns === undefined) return {};
  return Object.fromEntries(
    matchColumns(columns, Object.keys(row)).flatMap((name): [string, number][] => {
      const value = row[name];
      if (value === null || value === undefined) return [];
      return [[name, typeof value === 'number' || isText(value) ? Number(value) : Number.NaN]];
    }),
  );
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== '';
}
