// Numbers, letters, structures, and texts in the values of fields.

/** The whole number in a value; untyped tables contain it as text. */
export function numberIn(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined;
  return typeof value === 'string' && /^\s*\d{1,9}(\.0+)?\s*$/.test(value) ? Number(value) : undefined;
}

/** The position in the alphabet, from 0, of a single letter, with or without parentheses. */
export function letterIn(value: unknown): number | undefined {
  const letter = typeof value === 'string' ? /^\s*\(?([A-Za-z])[).:]?\s*$/.exec(value)?.[1] : undefined;
  return letter === undefined ? undefined : letter.toUpperCase().charCodeAt(0) - 'A'.charCodeAt(0);
}

/** A value with fields or items; CSV cells contain it as JSON. */
export function structureIn(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    const inside: unknown = JSON.parse(value);
    return inside;
  } catch {
    return value;
  }
}

/** Trims whitespace, but keeps the first indentation of several lines, which matters in code. */
export function trimText(text: string): string {
  return trimStart(text).trimEnd();
}

/** The same, only at the start. */
export function trimStart(text: string): string {
  const whole = text.replace(/^(?:[ \t]*\r?\n)+/, '');
  return /^(?: {2,}|\t)/.test(whole) && whole.trimEnd().includes('\n') ? whole : whole.trimStart();
}
