// Formats and parses numbers on the page. The page is compiled separately; test/server/page/amounts.test.ts
// compares these functions with run/amounts.ts.

const suffixes: Record<string, number> = { k: 1e3, m: 1e6, b: 1e9, t: 1e12 };
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** 6.3e12 as "6.3T". */
export function formatAmount(amount: number): string {
  return amount >= 1e15 ? formatFlops(amount) : compact.format(amount);
}

/** 89702 as "89,702". */
export function formatCount(count: number): string {
  return whole.format(count);
}

/** 1.26e21 as "1.26e21". */
export function formatFlops(flops: number): string {
  return Number(flops.toPrecision(3)).toExponential().replace('+', '');
}

/** 0.0711 as "7.11%", with three digits; a share below 1 is at most "99.9%". */
export function formatShare(share: number): string {
  return `${Number(Math.min(100 * share, share < 1 ? 99.9 : Infinity).toPrecision(3))}%`;
}

/**
 * A score with enough digits to distinguish neighbors; one near 0, such as 0.000015034, as "1.503e-5", or
 * with fewer digits (`digitsNear0`).
 */
export function formatScore(score: number, digitsNear0 = 4): string {
  const size = Math.abs(score);
  const digits = size > 0 && size < 1e-3 ? size.toExponential(digitsNear0 - 1) : size.toPrecision(4);
  return `${score < 0 ? '−' : ''}${digits}`;
}

/** Seconds as "4 s", "3 min", "2.5 h". */
export function formatSeconds(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** Parses a score, positive or negative: "0.6", "-1.5e-3"; undefined for anything else. */
export function parseScore(text: string): number | undefined {
  const trimmed = text.trim().replace('−', '-');
  const score = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i.test(trimmed) ? Number(trimmed) : NaN;
  return Math.abs(score) <= 1e30 ? score : undefined;
}

/** Parses a positive number of usable size: "1e12", "6300000", "7B", "1,000"; undefined for anything else. */
export function parseAmount(text: string): number | undefined {
  const [, digits = '', suffix = ''] =
    /^((?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)\s*([kmbt]?)$/i.exec(text.trim().replaceAll(',', '')) ?? [];
  const amount = Number(digits) * (suffixes[suffix.toLowerCase()] ?? 1);
  return digits !== '' && amount > 1e-30 && amount < 1e30 ? amount : undefined;
}
