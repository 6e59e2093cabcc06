// Finds test items in documents: runs of words, first by hash and then by comparing the words. Finds exactly
// the runs that listWords would; memory is bounded by the tests (about 60 bytes per word) and the longest
// document.

import { z } from 'zod';
import { fail } from '../run/errors/errors.ts';
import { growMemory, openWasm, wasmFunction, wasmMemory, wasmNumber } from '../data/wasm.ts';
import { foldTable, listWords } from '../indexer/examples/words.ts';

/** Shorter texts cannot be searched for: they occur in unrelated documents. */
export const fewestWords = 8;
/** The paper's n-grams have 8 to 13 words (docs/method.md, "Leaks"); most decontamination uses 13. */
export const defaultRunWords = 13;

export interface Passage {
  /** Index of the test text in the given list. */
  item: number;
  /** Bounds in UTF-8 bytes of the document's text. */
  startByte: number;
  endByte: number;
}

export interface Finder {
  /**
   * The longest passages of the document text[start, end) that also occur in test texts; by item, in text
   * order.
   */
  find(text: Uint8Array, start: number, end: number): Passage[];
}

const exportsSchema = z.object({
  memory: wasmMemory,
  lengthsAt: wasmNumber,
  hitsAt: wasmNumber,
  mostHits: wasmNumber,
  foldsAt: wasmNumber,
  freeAt: wasmNumber,
  openTables:
    wasmFunction<
      (
        pairs: number,
        pairBits: number,
        filter: number,
        filterBits: number,
        slots: number,
        slotBits: number,
      ) => void
    >(),
  openText: wasmFunction<(from: number, to: number) => void>(),
  hasMore: wasmFunction<() => number>(),
  findHits: wasmFunction<() => number>(),
  insertRuns: wasmFunction<(length: number, out: number) => number>(),
});

const mostRuns = 100_000_000;

/**
 * How a test text is searched for: by all its runs of `runWords` words, or as a whole if it is shorter;
 * undefined if it is too short.
 */
export function runLength(words: number, runWords: number): number | undefined {
  return words < fewestWords ? undefined : Math.min(words, runWords);
}

/** Builds the tables of the texts to search for. Errors: TESTS_TOO_LARGE. */
export function openFinder(texts: readonly string[], runWords = defaultRunWords): Finder {
  const wordCounts = texts.map((text) => listWords(text).length);
  const lengths = wordCounts.map((words) => runLength(words, runWords));
  const counts = lengths.map((length, item) =>
    length === undefined ? 0 : (wordCounts[item] ?? 0) - length + 1,
  );
  const runs = counts.reduce((sum, count) => sum + count, 0);
  if (runs > mostRuns) throw fail('TESTS_TOO_LARGE', { runs, most: mostRuns });
  const wasm = openWasm(new URL('./find.wasm', import.meta.url), exportsSchema);
  const slotBits = Math.max(10, Math.ceil(Math.log2(2 * Math.max(1, runs))));
  const pairBits = slotBits + 1;
  const filterBits = slotBits + 3;
  const pairsAt = wasm.freeAt;
  const filterAt = pairsAt + 2 ** pairBits / 8;
  const slotsAt = filterAt + 2 ** filterBits / 8;
  const textAt = slotsAt + 8 * 2 ** slotBits;
  growMemory(wasm.memory, textAt);
  new Uint32Array(wasm.memory.buffer, wasm.foldsAt).set(foldTable());
  const used = [...new Set(lengths.filter((length) => length !== undefined))].sort((a, b) => a - b);
  new Uint32Array(wasm.memory.buffer, wasm.lengthsAt).set([used.length, ...used]);
  wasm.openTables(pairsAt, pairBits, filterAt, filterBits, slotsAt, slotBits);
  const load = (text: Uint8Array): void => {
    growMemory(wasm.memory, textAt + text.length + 16);
    new Uint8Array(wasm.memory.buffer, textAt, text.length).set(text);
    wasm.openText(textAt, textAt + text.length);
  };

  // Runs by slot: `newest` has the newest run of each slot, and each run links to the one before. Runs are
  // numbered in the order of items and words.
  const newest = new Int32Array(2 ** slotBits).fill(-1);
  const before = new Int32Array(runs);
  const itemOf = new Uint32Array(runs);
  const firstRun = new Float64Array(texts.length);
  let run = 0;
  for (const [item, text] of texts.entries()) {
    firstRun[item] = run;
    const length = lengths[item];
    if (length === undefined) continue;
    const bytes = Buffer.from(text);
    load(bytes);
    const out = textAt + Math.ceil(bytes.length / 16) * 16 + 16;
    growMemory(wasm.memory, out + 4 * (counts[item] ?? 0));
    const found = wasm.insertRuns(length, out);
    for (const slot of new Uint32Array(wasm.memory.buffer, out, found)) {
      before[run] = newest[slot] ?? -1;
      newest[slot] = run;
      itemOf[run++] = item;
    }
  }

  const known = new Map<number, string[]>();
  const wordsOf = (item: number): string[] => {
    const found = known.get(item) ?? listWords(texts[item] ?? '').map(({ word }) => word);
    known.set(item, found);
    return found;
  };
  const runText = (number: number): string => {
    const item = itemOf[number] ?? 0;
    const from = number - (firstRun[item] ?? 0);
    return wordsOf(item)
      .slice(from, from + (lengths[item] ?? 0))
      .join(' ');
  };
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  return {
    find(text, start, end) {
      const passages = new Map<number, Passage[]>();
      load(text.subarray(start, end));
      while (wasm.hasMore() !== 0) {
        const hits = new Uint32Array(wasm.memory.buffer, wasm.hitsAt, 4 * wasm.findHits());
        for (let at = 0; at < hits.length; at += 4) {
          const [slot = 0, startByte = 0, endByte = 0] = hits.subarray(at, at + 3);
          const words = listWords(decoder.decode(text.subarray(start + startByte, start + endByte)))
            .map(({ word }) => word)
            .join(' ');
          for (let number = newest[slot] ?? -1; number >= 0; number = before[number] ?? -1) {
            if (runText(number) === words) extend(passages, itemOf[number] ?? 0, startByte, endByte);
          }
        }
      }
      return [...passages.values()].flat().sort((a, b) => a.item - b.item || a.startByte - b.startByte);
    },
  };
}

/** Hits are ordered by their ends; one that begins within the previous passage extends it. */
function extend(passages: Map<number, Passage[]>, item: number, startByte: number, endByte: number): void {
  const ofItem = passages.get(item) ?? [];
  passages.set(item, ofItem);
  const last = ofItem.at(-1);
  if (last !== undefined && startByte <= last.endByte) last.endByte = Math.max(last.endByte, endByte);
  else ofItem.push({ item, startByte, endByte });
}

/** The slow, obvious version of `find`: compares every run of every text with every run of the document. */
export function findSlowly(
  texts: readonly string[],
  document: string,
  runWords = defaultRunWords,
): Passage[] {
  const words = listWords(document);
  const byteAt = (index: number): number => Buffer.byteLength(document.slice(0, index));
  const passages = new Map<number, Passage[]>();
  for (const [item, text] of texts.entries()) {
    const wanted = listWords(text).map(({ word }) => word);
    const length = runLength(wanted.length, runWords);
    if (length === undefined) continue;
    const runs = new Set(
      wanted.slice(0, wanted.length - length + 1).map((_, i) => wanted.slice(i, i + length).join(' ')),
    );
    for (let i = 0; i + length <= words.length; i++) {
      const run = words.slice(i, i + length);
      if (runs.has(run.map(({ word }) => word).join(' ')))
        extend(passages, item, byteAt(run[0]?.start ?? 0), byteAt(run.at(-1)?.end ?? 0));
    }
  }
  return [...passages.values()].flat().sort((a, b) => a.item - b.item || a.startByte - b.startByte);
}
