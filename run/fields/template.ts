// Templates: text with fields of a row in braces, such as "{question}\n{choices[gold]}". `{{` and `}}` stand
// for braces; a line with `{field?}` is omitted if the row lacks the field.

import type { Row } from './field-path.ts';
import { fieldsOf, type Found, parsePath, type Path, textAt } from './recipe-path.ts';
import { trimStart, trimText } from './field-value.ts';

type Piece = string | { path: Path; optional: boolean };

export interface Template {
  /** As it was written. */
  text: string;
  lines: readonly (readonly Piece[])[];
}

/** Parses a template; returns the problem if it is invalid. */
export function parseTemplate(text: string): Template | string {
  const lines: Piece[][] = [[]];
  const add = (piece: Piece): void => void lines.at(-1)?.push(piece);
  for (const [whole, field] of text.matchAll(/\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g)) {
    if (field !== undefined) {
      const optional = field.endsWith('?');
      const path = parsePath((optional ? field.slice(0, -1) : field).trim());
      if (typeof path === 'string') return `a template with valid fields: ${path}`;
      add({ path, optional });
    } else if (whole === '{' || whole === '}')
      return `a template without an unmatched "${whole}"; write ${whole}${whole} for a literal brace`;
    else {
      const [first = '', ...others] = (whole === '{{' ? '{' : whole === '}}' ? '}' : whole).split('\n');
      if (first !== '') add(first);
      for (const other of others) lines.push(other === '' ? [] : [other]);
    }
  }
  return lines.flat().every((piece) => typeof piece === 'string')
    ? 'a template with at least one field in braces, such as "{question}\\n{answer}"'
    : { text, lines };
}

/** The names of the fields that a template uses; with `required`, only those it cannot omit. */
export function templateFields({ lines }: Template, required = false): string[] {
  return [
    ...new Set(
      lines
        .flat()
        .flatMap((piece) =>
          typeof piece === 'string' || (required && piece.optional) ? [] : fieldsOf(piece.path),
        ),
    ),
  ];
}

/** Fills a template from a row, or returns the reason why that fails. `values` overrides paths. */
export function fillTemplate(
  row: Row,
  { lines }: Template,
  values: Readonly<Record<string, string>> = {},
): Found<string> {
  const filled: string[] = [];
  for (const line of lines) {
    const text = fillLine(row, line, values);
    if ('value' in text) filled.push(text.value);
    else if (!text.missing) return text;
  }
  const text = trimText(filled.join('\n'));
  return text === '' ? { reason: 'no field has text', missing: false } : { value: text };
}

/** `missing`: omit the line. */
function fillLine(row: Row, line: readonly Piece[], values: Readonly<Record<string, string>>): Found<string> {
  let filled = '';
  for (const [at, piece] of line.entries()) {
    if (typeof piece === 'string') {
      filled += piece;
      continue;
    }
    const own = values[piece.path.path];
    const text = own === undefined ? textAt(row, piece.path) : { value: own };
    if ('reason' in text) return { reason: text.reason, missing: text.missing && piece.optional };
    // Adjacent fields are joined unchanged: code continues where its prompt ends.
    const [before, after] = [line[at - 1], line[at + 1]];
    const whole = typeof before === 'object' ? text.value : trimStart(text.value);
    filled += typeof after === 'object' ? whole : whole.trimEnd();
  }
  return { value: filled };
}
