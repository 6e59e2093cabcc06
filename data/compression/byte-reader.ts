// Reads a stream of byte pieces in amounts that the caller chooses.

export interface ByteReader {
  /** The number of bytes taken so far. */
  taken(): number;
  /**
   * The next bytes without taking them: at least `least`, fewer only at the end. Valid until the next call.
   */
  peek(least: number): Promise<Uint8Array>;
  /** Takes bytes that were peeked at. */
  drop(bytes: number): void;
  /**
   * Takes the next bytes, piece by piece; a piece is valid until the next is requested. Throws if there are
   * fewer.
   */
  take(bytes: number): AsyncGenerator<Uint8Array, void>;
  /** Takes the remaining bytes, piece by piece; a piece is valid until the next is requested. */
  rest(): AsyncGenerator<Uint8Array, void>;
  close(): Promise<void>;
}

/** Opens a reader of pieces, each of which is valid only until the next is requested. */
export function openByteReader(pieces: AsyncIterable<Uint8Array>): ByteReader {
  const source = pieces[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array();
  let taken = 0;
  async function hold(): Promise<boolean> {
    const before = held.length === 0 ? undefined : Uint8Array.from(held);
    const next = await source.next();
    held =
      next.done === true
        ? (before ?? new Uint8Array())
        : before === undefined
          ? next.value
          : Buffer.concat([before, next.value]);
    return next.done !== true;
  }
  return {
    taken: () => taken,
    async peek(least) {
      while (held.length < least && (await hold()));
      return held;
    },
    drop(bytes) {
      held = held.subarray(bytes);
      taken += bytes;
    },
    async *take(bytes) {
      for (let left = bytes; left > 0;) {
        if (held.length === 0 && !(await hold())) throw new Error('it ends early');
        const part = held.subarray(0, left);
        held = held.subarray(part.length);
        left -= part.length;
        taken += part.length;
        yield part;
      }
    },
    async *rest() {
      while (held.length > 0 || (await hold())) {
        const part = held;
        held = held.subarray(part.length);
        taken += part.length;
        if (part.length > 0) yield part;
      }
    },
    async close() {
      await source.return?.();
    },
  };
}

/** Skips zero padding. Returns whether anything follows it. */
export async function passZeros(bytes: ByteReader): Promise<boolean> {
  for (;;) {
    const held = await bytes.peek(1);
    if (held.length === 0) return false;
    const end = held.findIndex((byte) => byte !== 0);
    bytes.drop(end < 0 ? held.length : end);
    if (end >= 0) return true;
  }
}

/** A message about the bytes at `at`, which the format does not allow. */
export function unexpectedBytes(expected: string, at: number, found: Uint8Array): string {
  const shown = Buffer.from(found.subarray(0, 4))
    .toString('hex')
    .replace(/..(?=.)/g, '$& ');
  return at === 0
    ? `it starts with the bytes ${shown || '(none)'}, not with ${expected}`
    : `at byte ${at} it has the bytes ${shown}, not ${expected} or the end of the file`;
}
