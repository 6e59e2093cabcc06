// classifier/weights.bin: magic, SHA-256 of the rest, length of the header (u32, little-endian), the header
// as JSON, then the weights, one signed byte each. With one output: one byte per bin. With more: tables of
// eight outputs, eight bytes per bin (0 if unused). A weight is its byte times the output's scale.

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { commitBytes } from '../data/files/commit.ts';
import { fail, systemCode, readError } from '../run/errors/errors.ts';
import { readRegular } from '../run/regular-file.ts';

const magic = 'BETRWGT1';
const checksumBytes = 32;
const headerAt = magic.length + checksumBytes + 4;

const outputSchema = z.strictObject({ name: z.string(), bias: z.number(), scale: z.number() });
const headerSchema = z.strictObject({
  version: z.literal(1),
  bits: z.number().int().min(1).max(24),
  outputs: z.array(outputSchema).min(1),
});

export type Output = z.output<typeof outputSchema>;

export interface Weights {
  bits: number;
  /** The joint output first. */
  outputs: Output[];
  /** Layout as in the file. */
  table: Int8Array;
  /** The weight of an output at a bin, −127 … 127. */
  at: (bin: number, output: number) => number;
}

/** Size of the weights in bytes. */
export function tableBytes(bits: number, outputs: number): number {
  return outputs === 1 ? 2 ** bits : Math.ceil(outputs / 8) * 8 * 2 ** bits;
}

/** The index of an output's weight at a bin. */
export function tableIndex(bits: number, outputs: number, bin: number, output: number): number {
  return outputs === 1 ? bin : (output >> 3) * 8 * 2 ** bits + bin * 8 + (output & 7);
}

export function openWeights(bits: number, outputs: Output[], table: Int8Array): Weights {
  return {
    bits,
    outputs,
    table,
    at: (bin, output) => table[tableIndex(bits, outputs.length, bin, output)] ?? 0,
  };
}

/** Writes the file atomically and returns its SHA-256 as hex. Errors: DISK_FULL, WRITE_FAILED. */
export async function writeWeights(path: string, { bits, outputs, table }: Weights): Promise<string> {
  const header = Buffer.from(
    JSON.stringify({ version: 1, bits, outputs } satisfies z.input<typeof headerSchema>),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const content = Buffer.concat([
    length,
    header,
    new Uint8Array(table.buffer, table.byteOffset, table.length),
  ]);
  const file = Buffer.concat([Buffer.from(magic), sha256(content), content]);
  await commitBytes(path, file);
  return sha256(file).toString('hex');
}

/** The file's bytes, unchecked. Errors: STEP_MISSING, FILE_UNREADABLE. */
export async function readWeightsFile(path: string): Promise<Buffer> {
  try {
    return await readRegular(path);
  } catch (error) {
    throw systemCode(error) === 'ENOENT'
      ? fail('STEP_MISSING', { need: 'trained classifier', command: 'betr train' }, error)
      : readError(error, path);
  }
}

/**
 * Reads and checks the file and returns its SHA-256, too. Errors: STEP_MISSING, FILE_UNREADABLE,
 * FILE_DAMAGED.
 */
export async function readWeights(path: string): Promise<Weights & { sha256: string }> {
  const file = await readWeightsFile(path);
  const damaged = (reason: string, cause?: unknown): Error =>
    fail('FILE_DAMAGED', { path, reason, command: 'betr train' }, cause);
  if (file.toString('latin1', 0, magic.length) !== magic) throw damaged('it is not a weights file');
  const content = file.subarray(magic.length + checksumBytes);
  if (!sha256(content).equals(file.subarray(magic.length, magic.length + checksumBytes)))
    throw damaged('its checksum does not match its contents');
  const headerEnd = headerAt + content.readUInt32LE();
  let header: z.output<typeof headerSchema>;
  try {
    header = headerSchema.parse(JSON.parse(file.toString('utf8', headerAt, headerEnd)));
  } catch (error) {
    throw damaged('its header is invalid or from another version of betr', error);
  }
  const table = new Int8Array(file.buffer, file.byteOffset + headerEnd, file.length - headerEnd);
  if (table.length !== tableBytes(header.bits, header.outputs.length))
    throw damaged('the size of its table does not match its header');
  return { ...openWeights(header.bits, header.outputs, table), sha256: sha256(file).toString('hex') };
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
