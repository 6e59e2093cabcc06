// Reads the body of an endpoint's answer, up to a limit, and finds the error message in it.

import { z } from 'zod';

export interface Body {
  text: string;
  whole: boolean;
}

/** The body up to `most` bytes. */
export async function readBody(response: Response, most: number): Promise<Body> {
  const pieces: AsyncIterable<Uint8Array> | null = response.body;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (pieces === null) return { text: '', whole: true };
  for await (const chunk of pieces) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop closes the connection.
    if (bytes > most) break;
  }
  return { text: Buffer.concat(chunks).toString(), whole: bytes <= most };
}

const problemSchema = z.union([
  z.object({ error: z.object({ message: z.string() }) }).transform(({ error }) => error.message),
  z.object({ error: z.string() }).transform(({ error }) => error),
  z.object({ message: z.string() }).transform(({ message }) => message),
  z.object({ detail: z.string() }).transform(({ detail }) => detail),
]);

/** The server's error message, unabridged. */
export function problemIn(body: string): string {
  try {
    return problemSchema.parse(JSON.parse(body));
  } catch {
    // The body has none of the usual shapes, so show it as it is.
    return body;
  }
}
