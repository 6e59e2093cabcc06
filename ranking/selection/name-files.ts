// Names the files of a selection's documents.

/**
 * A file name for each shard: its path without the folders that all shards share. Names cannot leave the
 * output folder and are unique: a leading "/" becomes "_", ".." becomes "__", and names of underscores only
 * grow by two.
 */
export function nameFiles(shards: readonly string[]): Map<string, string> {
  const folders = shards.map((name) => name.split('/').slice(0, -1));
  let common = 0;
  while (folders.every((steps) => common < steps.length && steps[common] === folders[0]?.[common])) common++;
  const inside = (step: string): string =>
    step === '' ? '_' : step === '..' ? '__' : /^_+$/.test(step) ? `${step}__` : step;
  return new Map(shards.map((name) => [name, name.split('/').slice(common).map(inside).join('/')]));
}
