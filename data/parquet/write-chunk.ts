// Writes a column chunk from entries of other chunks, in pages of about one mebibyte. Uses a dictionary while
// the source has one and it stays small.

import { crc32 } from 'node:zlib';
import type { DataPage } from './chunk-pages.ts';
import { compressPage } from './codecs.ts';
import { dictionaryEncoding, plainEncoding } from './decode.ts';
import { type ThriftValue, writeI32, writeStruct } from './thrift.ts';
import { openDictionary, openPage } from './write-page.ts';

const pageBytes = 1 << 20;
const pageEntries = 20_000;
const maxDictionaryBytes = 1 << 20;
/** Pages are held back until their dictionary, which comes first, is complete. */
const maxWaitingBytes = 16 << 20;
/** The encoding of levels: RLE. */
const runsEncoding = 3;

export interface WrittenFile {
  /** The number of bytes written so far. */
  at(): number;
  write(bytes: Uint8Array): Promise<void>;
}

/** The metadata of a written chunk. */
export interface WrittenChunk {
  encodings: number[];
  entries: number;
  uncompressedBytes: number;
  compressedBytes: number;
  dataStart: number;
  dictionaryStart: number | undefined;
}

/** The shape of the written column. */
export interface ChunkShape {
  maxDefinition: number;
  maxRepetition: number;
  /** Whether the source column is required and this one is nullable: definition levels grow by one. */
  wasRequired: boolean;
  isBoolean: boolean;
  /** Bytes per value; 0 if they differ. */
  width: number;
}

export interface ChunkWriter {
  /** Whether the page must be flushed before the next row; the entries of a row stay on one page. */
  isFull(): boolean;
  flush(): Promise<void>;
  /** Adds the entries [from, to) of a page and their values, which start at index `value`. */
  add(page: DataPage, from: number, to: number, value: number): void;
  /** Adds an entry with a new value. */
  addValue(value: Uint8Array): void;
  /** Adds a null entry. */
  addMissing(): void;
  end(): Promise<WrittenChunk>;
}

export function openChunkWriter(
  file: WrittenFile,
  { maxDefinition, maxRepetition, wasRequired, isBoolean, width }: ChunkShape,
): ChunkWriter {
  const dictionary = openDictionary(width);
  const page = openPage(dictionary, maxDefinition, maxRepetition, width, isBoolean);
  const definitionThere = maxDefinition - (wasRequired ? 1 : 0);
  /** The dictionary is written: it takes no more values, and no page waits for it. */
  let isClosed = false;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  const encodings = new Set([runsEncoding]);
  const start = file.at();
  let [entries, uncompressedBytes] = [0, 0];
  let dataStart: number | undefined;
  let dictionaryStart: number | undefined;

  function pack(type: number, content: Uint8Array, id: number, header: ThriftValue): Uint8Array {
    const compressed = compressPage(content);
    const { bytes } = writeStruct({
      1: writeI32(type),
      2: writeI32(content.length),
      3: writeI32(compressed.length),
      4: writeI32(crc32(compressed, 0) | 0),
      [id]: header,
    });
    uncompressedBytes += bytes.length + content.length;
    return Buffer.concat([bytes, compressed]);
  }
  async function writeData(bytes: Uint8Array): Promise<void> {
    dataStart ??= file.at();
    await file.write(bytes);
  }
  async function closeDictionary(): Promise<void> {
    if (isClosed) return;
    isClosed = true;
    if (dictionary.count() > 0) {
      encodings.add(plainEncoding);
      dictionaryStart = file.at();
      await file.write(
        pack(
          2,
          dictionary.content(),
          7,
          writeStruct({ 1: writeI32(dictionary.count()), 2: writeI32(plainEncoding) }),
        ),
      );
    }
    for (const bytes of waiting) await writeData(bytes);
    waiting = [];
  }
  async function flush(): Promise<void> {
    const [count, values] = [page.entries(), page.values()];
    if (count === 0) return;
    const encoding = values > 0 && page.isIndexed() ? dictionaryEncoding : plainEncoding;
    encodings.add(encoding);
    const bytes = pack(
      0,
      page.take(),
      5,
      writeStruct({
        1: writeI32(count),
        2: writeI32(encoding),
        3: writeI32(runsEncoding),
        4: writeI32(runsEncoding),
      }),
    );
    entries += count;
    // Values that did not come from a dictionary end the wait for one.
    if (dictionary.count() === 0 && values > 0) await closeDictionary();
    if (isClosed) {
      await writeData(bytes);
      return;
    }
    waiting.push(bytes);
    waitingBytes += bytes.length;
    if (waitingBytes > maxWaitingBytes || dictionary.bytes() > maxDictionaryBytes) await closeDictionary();
  }

  return {
    isFull: () =>
      page.bytes() >= pageBytes ||
      page.entries() >= pageEntries ||
      (!isClosed && dictionary.bytes() > maxDictionaryBytes),
    flush,
    add({ repetition, definition, values }, from, to, value) {
      let next = value;
      for (let i = from; i < to; i++) {
        const level = definition?.[i] ?? definitionThere;
        const isThere = level === definitionThere;
        page.addEntry(repetition?.[i] ?? 0, isThere ? maxDefinition : level);
        if (!isThere) continue;
        if (!('indices' in values)) page.addValue(values, next);
        else if (isClosed || !page.isIndexed()) page.addValue(values.dictionary, values.indices[next] ?? 0);
        else page.addIndex(dictionary.indexOf(values.dictionary, values.indices[next] ?? 0));
        next++;
      }
    },
    addValue(value) {
      page.addEntry(0, maxDefinition);
      page.addValue(
        { count: 1, bytes: value, width, starts: Uint32Array.of(0), ends: Uint32Array.of(value.length) },
        0,
      );
    },
    addMissing() {
      page.addEntry(0, maxDefinition - 1);
    },
    async end() {
      await flush();
      await closeDictionary();
      return {
        encodings: [...encodings].sort((a, b) => a - b),
        entries,
        uncompressedBytes,
        compressedBytes: file.at() - start,
        dataStart: dataStart ?? start,
        dictionaryStart,
      };
    },
  };
}
