// Parses the body of a request.

import type { z } from 'zod';
import { fail } from './errors/errors.ts';
import { allowedBy, describeIssues } from './issues.ts';

/** No route accepts a body with deeper nesting. */
const maxDepth = 16;

/** Parses and validates a JSON body. Errors: BODY_INVALID with every problem. */
export function parseBody<T>(schema: z.ZodType<T>, bytes: Uint8Array): T {
  let value: unknown;
  try {
    const depth = depthOf(bytes);
    if (depth > maxDepth)
      throw fail('BODY_INVALID', { problems: [`it is nested more than ${maxDepth} levels deep`] });
    value = JSON.parse(decodeBody(bytes));
  } catch (error) {
    throw error instanceof SyntaxError
      ? fail('BODY_INVALID', { problems: ['it is not JSON'] }, error)
      : error;
  }
  const result = schema.safeParse(value, { error: allowedBy });
  if (result.success) return result.data;
  throw fail('BODY_INVALID', { problems: describeIssues(result.error.issues, value, 'the body') });
}

/** The text of a body. Errors: BODY_INVALID. */
export function decodeBody(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw fail('BODY_INVALID', { problems: ['it is not UTF-8'] }, error);
  }
}

const [quote, backslash, openBracket, closeBracket, openBrace, closeBrace] = Buffer.from('"\\[]{}');

/** The nesting depth of the brackets outside strings. */
function depthOf(bytes: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inString) {
      if (byte === backslash) at++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === openBracket || byte === openBrace) deepest = Math.max(deepest, ++depth);
    else if (byte === closeBracket || byte === closeBrace) depth--;
  }
  return deepest;
}
