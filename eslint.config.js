import regexp from 'eslint-plugin-regexp';
import tseslint from 'typescript-eslint';

// The rooms, left to right; each may import itself and what is left of it (the lint rule of the architecture page).
const rooms = ['data', 'indexer', 'classifier', 'ranking', 'server', 'cli'];
const closedRooms = rooms.map((room, place) => ({
  files: [`${room}/**/*.ts`],
  rules: {
    'no-restricted-imports': ['error', { patterns: [{ group: [...rooms.slice(place + 1), 'test', 'bench'].flatMap((other) => [`../${other}/*`, `../../${other}/*`]), message: `${room}/ imports only from rooms to its left: ${rooms.slice(0, place + 1).join(', ')}.` }] }],
  },
}));

const literalPaths = { selector: 'TemplateElement[value.raw=/read_parquet\\(/]', message: 'Name Parquet files by parquetSource (data/duckdb/duckdb.ts), which takes their paths literally.' };
// To open a pipe waits for whoever writes into it, and nothing ends a command that waits so.
const regularFiles = ['ImportDeclaration[source.value=/^node:fs/] > ImportSpecifier[imported.name=/^(readFile|readFileSync|createReadStream)$/]', 'CallExpression[callee.name=/^open(Sync)?$/] > Literal[value="r"]'].map((selector) => ({ selector, message: 'Open files for reading by data/files/regular.ts, which does not wait for pipes.' }));
// What the product ships, has made under a name of its own, or the system gives is no pipe.
const ownFiles = ['data/files/regular.ts', 'data/files/process.ts', 'run/version.ts', 'data/wasm.ts', 'data/remote/npm-package.ts', 'data/demo/*.ts', 'data/remote/*.ts', 'models/onnx/default-model.ts', 'indexer/examples/recipes.ts', 'scoring/cores.ts', 'classifier/fasttext/compare.ts', 'server/routes/page.ts', 'server/routes/selection.ts'];

export default tseslint.config(
  { ignores: ['dist/', '.build/', '.cache/', 'demo/', '**/*.as.ts', '**/*.js'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  ...closedRooms,
  {
    ignores: ['data/duckdb/library.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { paths: [{ name: '@duckdb/node-api', allowTypeImports: true, message: 'Take values from data/duckdb/library.ts, which loads them faster.' }] }] },
  },
  { files: ['data/duckdb/library.ts'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  {
    files: rooms.map((room) => `${room}/**/*.ts`),
    ignores: ['data/duckdb/duckdb.ts', ...ownFiles],
    rules: { 'no-restricted-syntax': ['error', literalPaths, ...regularFiles] },
  },
  { files: ownFiles, rules: { 'no-restricted-syntax': ['error', literalPaths] } },
  {
    // Text from outside meets patterns that take time in proportion to its length, whatever it is.
    files: rooms.map((room) => `${room}/**/*.ts`),
    plugins: { regexp },
    rules: { 'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }], 'regexp/no-super-linear-move': 'error' },
  },
  // Patterns that go on where they stopped, which the rule does not see; and the demo's own packages.
  { files: ['classifier/features.ts', 'evaluation/word-model.ts', 'data/demo/*.ts'], rules: { 'regexp/no-super-linear-move': 'off' } },
  { files: ['cli/**/*.ts', 'bench/**/*.ts', 'test/**/*.ts'], rules: { 'no-console': 'off' } },
);
