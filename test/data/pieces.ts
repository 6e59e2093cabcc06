// Bytes as they come from files: in pieces of which each is valid only until the next is asked for.

/** The bytes in pieces of so many, all in the same memory. */
export async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  const memory = new Uint8Array(pieceBytes);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes);
    memory.fill(0xaa);
    memory.set(piece);
    yield await Promise.resolve(memory.subarray(0, piece.length));
  }
}

/** All pieces as one. */
export async function drain(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Uint8Array[] = [];
  for await (const piece of pieces) copies.push(Uint8Array.from(piece));
  return Buffer.concat(copies);
}
