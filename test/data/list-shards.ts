// Lists shards in a separate process, which another user may run. Arguments: the pattern, the folder.

import { BetrError } from '../../run/errors/errors.ts';
import { listShards } from '../../data/shards.ts';

const [pattern = '', folder = ''] = process.argv.slice(2);
const said = await listShards([pattern], folder).then(
  (shards) => JSON.stringify(shards.map(({ name }) => name)),
  (error: unknown) => (error instanceof BetrError ? `${error.code} ${error.message}` : String(error)),
);
process.stdout.write(said);
