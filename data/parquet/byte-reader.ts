// Bytes that come in pieces, taken in the amounts that are wanted.

export interface ByteReader {
  /** How many bytes were taken. */
  taken(): number;
  /** The next bytes, at least so many but at the end; of use until more are asked for. They are not taken. */
  peek(least: number): Promise<Uint8Array>;
  /** Passes over bytes that were peeked at. */
  drop(bytes: number): void;
  /** Takes so many bytes, piece by piece; a piece is of use until the next is asked for. Throws where there are fewer. */
  take(bytes: number): AsyncGenerator<Uint8Array, void>;
  close(): Promise<void>;
}

/** Reads pieces of which each is of use until the next is asked for. */
export function openByteReader(pieces: AsyncGenerator<Uint8Array>): ByteReader {
  let held: Uint8Array = new Uint8Array();
  let taken = 0;
  async function hold(): Promise<boolean> {
    const before = held.length === 0 ? undefined : Uint8Array.from(held);
    const next = await pieces.next();
    held = next.done === true ? (before ?? new Uint8Array()) : before === undefined ? next.value : Buffer.concat([before, next.value]);
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
      for (let left = bytes; left > 0; ) {
        if (held.length === 0 && !(await hold())) throw new Error('it ends early');
        const part = held.subarray(0, left);
        held = held.subarray(part.length);
        left -= part.length;
        taken += part.length;
        yield part;
      }
    },
    async close() {
      await pieces.return(undefined);
    },
  };
}
