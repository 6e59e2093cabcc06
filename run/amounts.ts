// Parses and formats budgets, shares, and token counts.

import {
  boundedNumber,
  countNumber,
  minNumber,
  maxNumber,
  maxNumberCharacters,
  maxSeconds,
} from './bounds.ts';
import { fail } from './errors/errors.ts';

const decimal = /^(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const shownCharacters = 100;
const suffixes: Record<string, number> = { k: 1e3, m: 1e6, b: 1e9, t: 1e12 };

/** A budget in FLOPs. Errors: BUDGET_INVALID. */
export function parseBudget(text: string): number {
  const flops = parseDecimal(text);
  if (flops === undefined) throw fail('BUDGET_INVALID', { got: shown(text) });
  return flops;
}

/** A share above 0 and at most 1, as a fraction ("0.1") or in percent ("10%"). Errors: OPTION_INVALID. */
export function parseShare(option: string, text: string): number {
  const trimmed = text.trim();
  const isPercent = trimmed.endsWith('%');
  const number = parseDecimal(isPercent ? trimmed.slice(0, -1) : trimmed);
  const share = number === undefined || !isPercent ? number : number / 100;
  if (share === undefined || share < minNumber || share > 1)
    throw fail('OPTION_INVALID', {
      option,
      got: shown(text),
      allowed: 'a share above 0 and at most 1, such as 0.1 or 10%',
    });
  return share;
}

/** A score, positive or negative. Errors: OPTION_INVALID. */
export function parseScore(option: string, text: string): number {
  // An unescaped "+" in a URL arrives as a space.
  const score = parseNumber(text.trim().replace(/e (?=\d)/i, 'e+'));
  if (score === undefined)
    throw fail('OPTION_INVALID', {
      option,
      got: shown(text),
      allowed: 'a score, such as 0.6: a number from -1e30 to 1e30',
    });
  return score;
}

/**
 * A number above 0: "1e12", "6300000", or with K, M, B, or T for thousands to trillions ("7B"). The error
 * message shows the example. Errors: OPTION_INVALID.
 */
export function parseAmount(option: string, text: string, example = '1e12 or 7B'): number {
  const trimmed = text.trim();
  const factor = suffixes[trimmed.slice(-1).toLowerCase()];
  const amount = (parseDecimal(factor === undefined ? trimmed : trimmed.slice(0, -1)) ?? NaN) * (factor ?? 1);
  if (!(amount <= maxNumber))
    throw fail('OPTION_INVALID', {
      option,
      got: shown(text),
      allowed: `a number above 0 and at most 1e30, such as ${example}`,
    });
  return amount;
}

/** A count: an amount rounded to a whole number, from 1 to 2^53 - 1. Errors: OPTION_INVALID. */
export function parseCount(option: string, text: string, example: string): number {
  const count = Math.round(parseAmount(option, text, example));
  if (!countNumber.safeParse(count).success)
    throw fail('OPTION_INVALID', {
      option,
      got: shown(text),
      allowed: `a number from 1 to ${Number.MAX_SAFE_INTEGER}, such as ${example}`,
    });
  return count;
}

/** A whole number in digits, from `least` to `most`. Errors: OPTION_INVALID. */
export function parseWhole(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most))
    throw fail('OPTION_INVALID', {
      option,
      got: shown(text),
      allowed: `a whole number from ${least} to ${most}`,
    });
  return value;
}

/** A time in seconds, from 0 to a week. Errors: OPTION_INVALID. */
export function parseSeconds(option: string, text: string): number {
  const seconds = parseNumber(text) ?? NaN;
  if (!(seconds >= 0 && seconds <= maxSeconds))
    throw fail('OPTION_INVALID', {
      option,
      got: shown(text),
      allowed: `a number of seconds from 0 to ${maxSeconds}`,
    });
  return seconds;
}

/** A positive or negative number within the bounds; undefined for any other text. */
export function parseNumber(text: string): number | undefined {
  if (text.length > maxNumberCharacters) return undefined;
  const unsigned = text.trim().replace(/^[+-]/, '');
  const value = Number(text);
  return decimal.test(unsigned) && boundedNumber.safeParse(value).success ? value : undefined;
}

function shown(text: string): string {
  return text.slice(0, shownCharacters);
}

function parseDecimal(text: string): number | undefined {
  if (text.length > maxNumberCharacters) return undefined;
  // An unescaped "+" in a URL arrives as a space.
  const trimmed = text.trim().replace(/e (?=\d)/i, 'e+');
  const value = decimal.test(trimmed) ? Number(trimmed) : NaN;
  return value >= minNumber && value <= maxNumber ? value : undefined;
}

const units = ['', 'K', 'M', 'B', 'T'] as const;
// Created once because creating one takes longer than answering a request.
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** 6.3e12 as "6.3T". */
export function formatAmount(amount: number): string {
  const [digits = '', power = ''] = amount.toExponential(2).split('e');
  const unit = Math.min(Math.max(0, Math.floor(Number(power) / 3)), units.length - 1);
  const shown = Number(`${digits}e${Number(power) - 3 * unit}`);
  return `${shown >= 10_000 ? whole.format(shown) : shown}${units[unit] ?? ''}`;
}

/** 12345 as "12,345". */
export function formatCount(count: number): string {
  return whole.format(count);
}

/** "1 shard", "12,345 shards". */
export function formatCountOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** A list of names; the first three if there are more than four. */
export function formatNames(names: readonly string[]): string {
  return names.length <= 4
    ? names.join(', ')
    : `${names.slice(0, 3).join(', ')} and ${formatCount(names.length - 3)} more`;
}

/** 1e21 as "1e21". */
export function formatFlops(flops: number): string {
  return Number(flops.toPrecision(3)).toExponential().replace('+', '');
}

/** 0.0711 as "7.11%", with three digits unless told otherwise; a share below 1 is at most "99.9%". */
export function formatShare(share: number, digits = 3): string {
  return `${Number(Math.min(100 * share, share < 1 ? 99.9 : Infinity).toPrecision(digits))}%`;
}
