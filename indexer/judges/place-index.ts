// An index from digests to places, in 16 to 32 bytes per entry, because there can be millions of them. It keeps
// 64 bits of each digest, so whoever reads at a place compares the whole digest.

export interface PlaceIndex {
  /** The place of a digest in hex; undefined if it has none. */
  get(digest: string): number | undefined;
  /** Adds a place, a number from 0 to 2^53 − 1, unless the digest has one. */
  add(digest: string, place: number): void;
}

export function openPlaceIndex(): PlaceIndex {
  let size = 1024;
  let entries = 0;
  let highs = new Uint32Array(size);
  let lows = new Uint32Array(size);
  /** One more than the place; 0 for a free slot. */
  let places = new Float64Array(size);

  /** The slot of a digest, or the free one where it belongs. */
  const slotOf = (high: number, low: number): number => {
    let slot = low & (size - 1);
    while (places[slot] !== 0 && (highs[slot] !== high || lows[slot] !== low)) slot = (slot + 1) & (size - 1);
    return slot;
  };
  const put = (high: number, low: number, place: number): void => {
    const slot = slotOf(high, low);
    if (places[slot] !== 0) return;
    highs[slot] = high;
    lows[slot] = low;
    places[slot] = place;
    entries++;
  };
  const grow = (): void => {
    const [oldHighs, oldLows, oldPlaces] = [highs, lows, places];
    size *= 2;
    entries = 0;
    highs = new Uint32Array(size);
    lows = new Uint32Array(size);
    places = new Float64Array(size);
    for (const [slot, place] of oldPlaces.entries())
      if (place !== 0) put(oldHighs[slot] ?? 0, oldLows[slot] ?? 0, place);
  };
  return {
    get(digest) {
      const place = places[slotOf(partOf(digest, 0), partOf(digest, 8))] ?? 0;
      return place === 0 ? undefined : place - 1;
    },
    add(digest, place) {
      if (entries * 2 >= size) grow();
      put(partOf(digest, 0), partOf(digest, 8), place + 1);
    },
  };
}

function partOf(digest: string, at: number): number {
  return Number.parseInt(digest.slice(at, at + 8), 16);
}
