// A command's output: results on standard output (text, or JSON with --json), progress and problems on
// standard error.

import { beginWork } from './at-work.ts';
import { SingleBar } from 'cli-progress';
import type { Progress, Report } from '../run/progress.ts';
import { formatCount, formatCountOf } from '../run/amounts.ts';
import { shortenLine } from '../run/shorten.ts';

/** How many rows were rejected, and where to look them up. */
export function describeQuarantine(rows: number): string {
  return (
    `${formatCountOf(rows, 'bad row')} ${rows === 1 ? 'was' : 'were'} left out; quarantine/ in the ` +
    'run folder lists them with the reasons'
  );
}

/** The number of shards without a row. */
export function describeEmpty(shards: number): string {
  return `${formatCountOf(shards, 'shard')} ${shards === 1 ? 'is' : 'are'} empty`;
}

/** Prints a result: the value as JSON with --json, else the text. */
export function printResult(json: boolean, value: unknown, text: string): void {
  process.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : `${text}\n`);
}

const millisecondsBetweenLines = 5_000;

/** Progress on standard error: a bar on a terminal, otherwise occasional lines. */
export function openProgress(): { report: Report; end: () => void } {
  return whileAtWork(process.stderr.isTTY ? openBar() : openLines());
}

function whileAtWork({ report, end }: ReturnType<typeof openProgress>): ReturnType<typeof openProgress> {
  const endWork = beginWork();
  return {
    report,
    end() {
      endWork();
      end();
    },
  };
}

function openBar(): { report: Report; end: () => void } {
  let bar: SingleBar | undefined;
  let stage = '';
  const end = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    report(progress) {
      const name = stageName(progress);
      if (name !== stage || bar === undefined) {
        end();
        stage = name;
        bar = new SingleBar({
          stream: process.stderr,
          format: '{stage} [{bar}] {percentage}% {amount} ETA {eta_formatted}',
          hideCursor: true,
          clearOnComplete: true,
        });
        bar.start(Math.max(1, progress.total ?? 1), 0, { stage: name, amount: '' });
      }
      bar.setTotal(Math.max(1, progress.total ?? progress.done));
      bar.update(progress.done, { stage: progress.stage, amount: amount(progress) });
    },
    end,
  };
}

function openLines(): { report: Report; end: () => void } {
  let stage = '';
  let lastMs = 0;
  return {
    report(progress) {
      const nowMs = performance.now();
      if (stageName(progress) === stage && nowMs - lastMs < millisecondsBetweenLines) return;
      stage = stageName(progress);
      lastMs = nowMs;
      process.stderr.write(`${progress.stage}: ${amount(progress)}\n`);
    },
    end: () => undefined,
  };
}

/** The stage without the part that changes within it, such as a count in brackets. */
export function stageName({ stage }: Progress): string {
  return stage.replace(/ \(.*$/, '');
}

function amount({ done, total, unit }: Progress): string {
  const show = unit === 'bytes' ? formatBytes : formatCount;
  return `${show(done)}${total === undefined ? '' : ` of ${show(total)}`}${unit === 'bytes' ? '' : ` ${unit}`}`;
}

/** 12.3 MB */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power] ?? ''}`;
}

/** 3600 as "60 min". */
export function formatDuration(seconds: number): string {
  if (seconds < 120) return `${seconds.toPrecision(2)} s`;
  if (seconds < 7200) return `${(seconds / 60).toFixed(0)} min`;
  return seconds < 172_800 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} days`;
}

/** Rows as text in columns, numbers to the right. The first row is the heading. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const isNumber = (cell: string): boolean => /^[-+]?[\d.,]+(e[+-]?\d+)?( ?[%×])?$/.test(cell);
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          isNumber(cell) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The beginning of a text, on one line. */
export function excerptOf(text: string): string {
  return shortenLine(text, 160);
}
