// Numbers of a trial's report, as text.

import type { ReportedArm } from './report-file.ts';

export function signed(value: number): string {
  return `${value > 0 ? '+' : ''}${value.toFixed(3)}`;
}

export function spread({ low, high }: { low: number; high: number }): string {
  return `${low.toFixed(3)} to ${high.toFixed(3)}`;
}

/** How many times the compute no filter needs for the same loss. */
export function describeMultiplier(multiplier: ReportedArm['multiplier']): string {
  if (multiplier === null) return '';
  const { kind, times, low, high } = multiplier;
  const digits = (value: number): string => value.toPrecision(2);
  if (kind !== 'is') return `not reached (${kind === 'above' ? 'more' : 'less'} than ${digits(times)} ×)`;
  return `${digits(times)} × (${low === null ? 'not reached' : digits(low)} to ${high === null ? 'not reached' : digits(high)})`;
}
