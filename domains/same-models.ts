// Detects models that have the same losses in every domain, in one pass.

/** Two sums over the bits of each model's losses detect identical models. */
export function openSameModels(models: number): {
  add(losses: Float64Array): void;
  groups(names: readonly string[]): string[][];
} {
  const sums = [new Int32Array(models), new Int32Array(models)] as const;
  const buffer = new Float64Array(models);
  const words = new Int32Array(buffer.buffer);
  return {
    add(losses) {
      buffer.set(losses);
      for (let model = 0; model < models; model++) {
        const low = words[2 * model] ?? 0;
        const high = words[2 * model + 1] ?? 0;
        sums[0][model] = Math.imul((sums[0][model] ?? 0) ^ low, 0x9e3779b1) + high;
        sums[1][model] = Math.imul((sums[1][model] ?? 0) ^ high, 0x85ebca6b) + low;
      }
    },
    groups(names) {
      const byKey = new Map<string, string[]>();
      for (const [model, name] of names.entries()) {
        const key = `${sums[0][model] ?? 0} ${sums[1][model] ?? 0}`;
        byKey.set(key, [...(byKey.get(key) ?? []), name]);
      }
      return [...byKey.values()].filter((group) => group.length > 1);
    },
  };
}
