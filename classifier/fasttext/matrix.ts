// A matrix of a fastText model file: plain floats, or product-quantized (per row, one code per subvector and,
// in some models, a coded norm).

import type { Cursor, FileBytes } from './file-bytes.ts';

export interface Matrix {
  quantized: boolean;
  rows: number;
  columns: number;
  /**
   * Passes the first `rows` rows to `take` in blocks. `values` has `columns` numbers per row and is valid
   * until `take` returns. Multiply each row by its number in `norms`, if present (quantized matrices with
   * norms).
   */
  eachBlock(
    rows: number,
    take: (firstRow: number, values: Float32Array, norms: Float32Array | undefined) => void,
  ): void;
}

const centroids = 256;
const blockFloats = 1 << 20;

/**
 * Reads the position of a matrix and its codebook, and moves the cursor past it. Throws if it is invalid.
 */
export function readMatrix(file: FileBytes, cursor: Cursor, quantized: boolean, columns: number): Matrix {
  return quantized ? readQuantized(file, cursor, columns) : readPlain(file, cursor, columns);
}

function checkSize(rows: number, found: number, columns: number): void {
  if (rows < 0 || found !== columns)
    throw new Error(`it has a ${rows} × ${found} matrix, but expects ${columns} columns`);
}

/** Reads the rows up to `wanted` in blocks of bounded size. */
function eachBlockOf(wanted: number, columns: number, read: (row: number, count: number) => void): void {
  const blockRows = Math.max(1, Math.floor(blockFloats / columns));
  for (let row = 0; row < wanted; row += blockRows) read(row, Math.min(blockRows, wanted - row));
}

function readPlain(file: FileBytes, cursor: Cursor, columns: number): Matrix {
  const rows = cursor.int64();
  checkSize(rows, cursor.int64(), columns);
  const start = cursor.position;
  cursor.require(rows * columns * 4);
  cursor.skip(rows * columns * 4);
  return {
    quantized: false,
    rows,
    columns,
    eachBlock(wanted, take) {
      eachBlockOf(wanted, columns, (row, count) => {
        const bytes = file.bytesAt(start + row * columns * 4, count * columns * 4);
        take(row, checkFinite(new Float32Array(bytes.buffer, bytes.byteOffset, count * columns)), undefined);
      });
    },
  };
}

interface Codebook {
  subvectors: number;
  /** Dimensions of each subvector, and of the last one. */
  length: number;
  lastLength: number;
  values: Float32Array;
}

function readQuantized(file: FileBytes, cursor: Cursor, columns: number): Matrix {
  const hasNorms = cursor.int8() !== 0;
  const rows = cursor.int64();
  checkSize(rows, cursor.int64(), columns);
  const codeBytes = cursor.int32();
  const start = cursor.position;
  cursor.require(codeBytes);
  cursor.skip(codeBytes);
  const book = readCodebook(cursor, columns);
  if (codeBytes !== rows * book.subvectors)
    throw new Error(`it has ${codeBytes} codes, but ${rows} rows of ${book.subvectors} subvectors`);
  const normCodes = hasNorms ? cursor.bytes(rows) : undefined;
  const normBook = hasNorms ? readCodebook(cursor, 1) : undefined;
  const norms =
    normCodes === undefined ? undefined : Float32Array.from(normCodes, (code) => normBook?.values[code] ?? 0);
  return {
    quantized: true,
    rows,
    columns,
    eachBlock(wanted, take) {
      eachBlockOf(wanted, columns, (row, count) => {
        const codes = file.bytesAt(start + row * book.subvectors, count * book.subvectors);
        take(row, decodeRows(codes, count, columns, book), norms?.subarray(row, row + count));
      });
    },
  };
}

function readCodebook(cursor: Cursor, columns: number): Codebook {
  const [dim, subvectors, length, lastLength] = [
    cursor.int32(),
    cursor.int32(),
    cursor.int32(),
    cursor.int32(),
  ];
  if (
    dim !== columns ||
    subvectors < 1 ||
    length < 1 ||
    lastLength < 1 ||
    lastLength > length ||
    (subvectors - 1) * length + lastLength !== dim
  ) {
    throw new Error(
      `its codebook has ${subvectors} subvectors of ${length} dimensions (the last of ${lastLength}), ` +
        `which do not add up to ${columns}`,
    );
  }
  return { subvectors, length, lastLength, values: checkFinite(cursor.floats(dim * centroids)) };
}

function decodeRows(
  codes: Uint8Array,
  rows: number,
  columns: number,
  { subvectors, length, lastLength, values }: Codebook,
): Float32Array {
  const decoded = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let part = 0; part < subvectors; part++) {
      const numbers = part === subvectors - 1 ? lastLength : length;
      // Centroids have `length` numbers, except those of the last part, which follow them and have
      // `lastLength`.
      const from = part * centroids * length + (codes[row * subvectors + part] ?? 0) * numbers;
      decoded.set(values.subarray(from, from + numbers), row * columns + part * length);
    }
  }
  return decoded;
}

function checkFinite(values: Float32Array): Float32Array {
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i])) throw new Error('it contains numbers that are not finite');
  return values;
}
