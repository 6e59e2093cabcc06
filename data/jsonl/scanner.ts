// Runs the WebAssembly scanner (json-scan.as.ts) on blocks of lines.

import { z } from 'zod';
import type { FieldNames } from '../../run/settings.ts';
import { openPool } from '../files/pool.ts';
import { growMemory, openWasm, wasmFunction, wasmMemory, wasmNumber } from '../wasm.ts';
import type { LineBlock } from './lines.ts';

const exportsSchema = z.object({
  memory: wasmMemory,
  fieldsAt: wasmNumber,
  fieldBytes: wasmNumber,
  blockAt: wasmNumber,
  recordNumbers: wasmNumber,
  scan: wasmFunction<(length: number, textsAt: number, recordsAt: number) => number>(),
  takeMet: wasmFunction<() => number>(),
});

/** Fields in the scanner's order. */
export const scannedFields = ['id', 'text', 'source', 'tokens'] as const;

type Wasm = z.output<typeof exportsSchema>;

/**
 * Opening a scanner takes longer than reading a small file. One whose memory grew by long lines is not
 * reused.
 */
const scanners = openPool(2, () => openWasm(new URL('./json-scan.wasm', import.meta.url), exportsSchema));
const maxIdleBytes = 8 << 20;

/** The scanner's output: texts and records (layout: json-scan.as.ts), in the scanner's memory. */
export interface Scanned {
  memory: Buffer;
  textsAt: number;
  records: Uint32Array;
  recordNumbers: number;
  /** The fields of ordinary lines, as a mask in the scanner's order. */
  met: number;
}

export type Scan = (block: LineBlock) => Scanned;

export interface Scanner {
  /** Scans a block; the result is valid until the next call. */
  scan: Scan;
  /** Returns the scanner to the pool. */
  close(): void;
}

/** Opens a scanner for these fields. */
export function openScanner(fields: FieldNames): Scanner {
  const wasm = scanners.take();
  writeFields(wasm, fields);
  return {
    scan: (block) => scanBlock(wasm, block),
    close() {
      if (wasm.memory.buffer.byteLength <= maxIdleBytes) scanners.give(wasm);
    },
  };
}

function writeFields(wasm: Wasm, fields: FieldNames): void {
  const setup = Buffer.from(wasm.memory.buffer);
  for (const [number, field] of scannedFields.entries()) {
    const name = Buffer.from(fields[field]);
    const entry = wasm.fieldsAt + number * wasm.fieldBytes;
    setup.writeUInt32LE(name.length, entry);
    name.copy(setup, entry + 4, 0, wasm.fieldBytes - 4);
  }
}

function scanBlock(wasm: Wasm, { bytes, lines }: LineBlock): Scanned {
  const spare = 32;
  const textsAt = roundUp(wasm.blockAt + bytes.length + spare);
  const recordsAt = roundUp(textsAt + bytes.length + spare);
  growMemory(wasm.memory, recordsAt + 4 * wasm.recordNumbers * lines);
  const memory = Buffer.from(wasm.memory.buffer);
  memory.set(bytes, wasm.blockAt);
  memory.fill(0, wasm.blockAt + bytes.length, wasm.blockAt + bytes.length + spare);
  const count = wasm.scan(bytes.length, textsAt, recordsAt);
  return {
    memory,
    textsAt,
    records: new Uint32Array(wasm.memory.buffer, recordsAt, count * wasm.recordNumbers),
    recordNumbers: wasm.recordNumbers,
    met: wasm.takeMet(),
  };
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}
