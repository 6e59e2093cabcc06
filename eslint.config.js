import regexp from 'eslint-plugin-regexp';
import tseslint from 'typescript-eslint';

// The rooms from the top down (docs/architecture.md): a room imports itself and the rooms below it.
const rooms = [
  'cli',
  'server',
  'evaluation',
  'ranking',
  'scoring',
  'pairs',
  'classifier',
  'leaks',
  'domains',
  'indexer',
  'models',
  'data',
  'run',
];
const sources = rooms.map((room) => `${room}/**/*.ts`);

// Checks every path in a string, at any depth: imports, dynamic imports, workers and programs.
const upward = (room, place) => ({
  selector: `Literal[value=/^(?:\\.\\.?\\u002F)+(?:${[...rooms.slice(0, place), 'test', 'bench'].join('|')})\\u002F/]`,
  message: `${room}/ imports only itself and the rooms below it: ${rooms.slice(place + 1).join(', ') || 'none'}.`,
});
const parquetPaths = {
  selector: 'TemplateElement[value.raw=/read_parquet\\(/]',
  message:
    'Name Parquet files with parquetSource (data/duckdb/duckdb.ts), which takes their paths literally.',
};
// open() on a pipe waits for a writer, and nothing can interrupt a thread in open().
const blockingReads = [
  'ImportDeclaration[source.value=/^node:fs/] > ' +
    'ImportSpecifier[imported.name=/^(readFile|readFileSync|createReadStream)$/]',
  'CallExpression[callee.name=/^open(Sync)?$/] > Literal[value="r"]',
].map((selector) => ({
  selector,
  message: 'Open files for reading with run/regular-file.ts, which never waits for a pipe.',
}));
const runFiles = {
  selector:
    "CallExpression[callee.name='join'] > MemberExpression.arguments[object.name='run'][property.name='folder']",
  message: 'Files and folders of a run are listed in run/files.ts.',
};
// These files read only files that ship with betr, that betr itself made, or that the system provides.
const readOwnFiles = [
  'run/regular-file.ts',
  'run/version.ts',
  'data/files/process.ts',
  'data/wasm.ts',
  'data/remote/*.ts',
  'models/onnx/default-model.ts',
  'indexer/examples/recipes.ts',
  'scoring/cores.ts',
  'classifier/fasttext/benchmark.ts',
  'server/routes/page.ts',
  'server/routes/selection.ts',
  'cli/demo/*.ts',
];
const syntaxRules = rooms
  .flatMap((room, place) => [
    {
      files: [`${room}/**/*.ts`],
      ignores: ['data/duckdb/duckdb.ts'],
      rules: {
        'no-restricted-syntax': ['error', upward(room, place), parquetPaths, runFiles, ...blockingReads],
      },
    },
    {
      files: readOwnFiles.filter((file) => file.startsWith(`${room}/`)),
      rules: { 'no-restricted-syntax': ['error', upward(room, place), parquetPaths, runFiles] },
    },
  ])
  .filter(({ files }) => files.length > 0);

export default tseslint.config(
  { ignores: ['dist/', '.cache/', 'demo/', '**/*.as.ts', '**/*.js'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  ...syntaxRules,
  {
    ignores: ['data/duckdb/library.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          paths: [
            {
              name: '@duckdb/node-api',
              allowTypeImports: true,
              message: 'Take values from data/duckdb/library.ts, which loads them faster.',
            },
          ],
        },
      ],
    },
  },
  { files: ['data/duckdb/library.ts'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  {
    // Regular expressions must run in linear time on any input.
    files: sources,
    plugins: { regexp },
    rules: {
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': 'error',
    },
  },
  // Patterns used with matchAll continue where they stopped, which the rule does not see. The demo's input is known.
  {
    files: ['classifier/features.ts', 'evaluation/word-model.ts', 'cli/demo/*.ts'],
    rules: { 'regexp/no-super-linear-move': 'off' },
  },
  { files: ['cli/**/*.ts', 'bench/**/*.ts', 'test/**/*.ts'], rules: { 'no-console': 'off' } },
);
