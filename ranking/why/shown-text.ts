// The part of a text that is shown, and where it is from.

export interface Place {
  shard: string;
  row: number;
}

/** The shown part of a text. */
export interface ShownText {
  text: string;
  /** Length of the complete text. */
  bytes: number;
  truncated: boolean;
}

export function placeKey({ shard, row }: Place): string {
  return `${row} ${shard}`;
}

export function show(head: Uint8Array, bytes: number, characters: number): ShownText {
  const text = Buffer.from(head.buffer, head.byteOffset, head.length)
    .toString()
    .slice(0, characters)
    .replace(/[\ud800-\udbff]$/, '');
  return { text, bytes, truncated: Buffer.byteLength(text) < bytes };
}
