// A program in place of Python, for tests: it answers as `python -c …` and `python -m betr_trainer …` do.

const [option = '', ...args] = process.argv.slice(2);

if (option === '-c') probe(args.slice(1));
else if (args[1] === '--check')
  console.log(
    JSON.stringify({
      python: '3.12.0',
      torch: '2.15.0',
      device: gpus().length > 0 ? 'cuda GPU 0' : 'cpu',
      devices: gpus(),
    }),
  );
else if (args[1] === '--measure')
  console.log('{"secondsPerStep":0.5,"tokensPerSecond":2000,"peakMemoryMb":300,"flopsPerToken":6e6}');
else {
  // Loaded only here: most of these processes have nothing else to do than to start.
  const { work } = await import('./stand-in-jobs.ts');
  process.exitCode = await work(args[1] ?? '');
}

/** Answers with the versions in FAKE_PYTHON and without the packages in FAKE_MISSING. */
function probe(names: readonly string[]): void {
  const version = (process.env['FAKE_PYTHON'] ?? '3.12.0').split('.').map(Number);
  const missing = (process.env['FAKE_MISSING'] ?? '').split(',');
  const packages = Object.fromEntries(names.map((name) => [name, missing.includes(name) ? null : '1.0']));
  console.log(JSON.stringify({ version, packages }));
}

function gpus(): string[] {
  return Array.from({ length: Number(process.env['FAKE_GPUS'] ?? 0) }, (_, at) => `GPU ${at}`);
}
