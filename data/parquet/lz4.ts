// Parquet's LZ4 codecs: raw blocks (LZ4_RAW), and blocks with or without Hadoop's framing (LZ4, which is
// ambiguous). Not a library, because libraries return zeros for damaged blocks instead of an error.

const damaged = new Error('its LZ4 data is damaged');

/** Decompresses one block to exactly `size` bytes. Throws if it is damaged. */
export function decompressLz4(input: Uint8Array, size: number): Uint8Array {
  const output = new Uint8Array(size);
  if (decompressInto(input, output) !== size) throw damaged;
  return output;
}

/** Decompresses blocks in Hadoop's framing (two sizes of 4 bytes before each block), or one raw block. */
export function decompressLz4Blocks(input: Uint8Array, size: number): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const output = new Uint8Array(size);
  let [at, out] = [0, 0];
  while (at + 8 <= input.length) {
    const [outBytes, inBytes] = [view.getUint32(at), view.getUint32(at + 4)];
    if (outBytes > size - out || inBytes > input.length - at - 8) break;
    at += 8;
    if (decompressInto(input.subarray(at, at + inBytes), output.subarray(out, out + outBytes)) !== outBytes)
      return decompressLz4(input, size);
    at += inBytes;
    out += outBytes;
  }
  return at === input.length && out === size ? output : decompressLz4(input, size);
}

/** Returns the number of decompressed bytes, which is wrong if the block is damaged. */
function decompressInto(input: Uint8Array, output: Uint8Array): number {
  let [at, out] = [0, 0];
  const length = (start: number): number => {
    let total = start;
    if (start === 15) for (let more = 255; more === 255; total += more) more = input[at++] ?? 0;
    return total;
  };
  while (at < input.length) {
    const token = input[at++] ?? 0;
    const literals = length(token >> 4);
    if (literals > input.length - at || literals > output.length - out) return -1;
    output.set(input.subarray(at, at + literals), out);
    at += literals;
    out += literals;
    if (at === input.length) return out;
    const distance = (input[at] ?? 0) | ((input[at + 1] ?? 0) << 8);
    at += 2;
    const copied = length(token & 15) + 4;
    if (distance === 0 || distance > out || copied > output.length - out) return -1;
    // A copy may overlap its own output.
    if (distance >= copied) output.copyWithin(out, out - distance, out - distance + copied);
    else for (let i = 0; i < copied; i++) output[out + i] = output[out + i - distance] ?? 0;
    out += copied;
  }
  return out;
}
