// The Python that runs training jobs: where it is, what it has, and how to mend what it lacks. The worker's own code
// is always that of this package (trainer/), so that both sides of a job are of one version; Python provides the
// libraries.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { fail, reasonOf, systemCode } from '../../run/errors/errors.ts';
import { productFolder } from '../../run/product-folder.ts';
import type { Settings } from '../../run/settings.ts';
import type { Job, JobKind } from './job.ts';

/** A Python that a user named, or that `make trainer` made, or the system's. */
export interface Python {
  program: string;
  /** Whether a user named it (settings or environment). */
  isNamed: boolean;
}

const variable = 'BETR_TRAINER_PYTHON';

/**
 * The Python for training jobs: `trainer.python` of the settings, else BETR_TRAINER_PYTHON, else the virtual
 * environment that `make trainer` made, else python3. A relative path is relative to the settings.
 */
export function findPython(
  settings: Pick<Settings, 'trainer'> | undefined,
  settingsFolder: string,
  product = productFolder(),
): Python {
  const named = settings?.trainer?.python ?? process.env[variable];
  if (named !== undefined && named !== '')
    return {
      program: /[\\/]/.test(named) && !isAbsolute(named) ? resolve(settingsFolder, named) : named,
      isNamed: true,
    };
  const made = join(product, '.cache', 'trainer', 'bin', 'python');
  return { program: existsSync(made) ? made : 'python3', isNamed: false };
}

/** The folder of the worker's code. */
export function workerFolder(): string {
  return join(productFolder(), 'trainer');
}

/** What a worker needs in its environment. */
export function workerEnvironment(threads?: number): NodeJS.ProcessEnv {
  const before = process.env['PYTHONPATH'];
  return {
    ...process.env,
    PYTHONPATH: [workerFolder(), ...(before === undefined || before === '' ? [] : [before])].join(delimiter),
    PYTHONUNBUFFERED: '1',
    ...(threads === undefined ? {} : { OMP_NUM_THREADS: String(threads) }),
  };
}

/** Asks without importing anything, which takes seconds. Runs in any Python 3, and fails in Python 2. */
const probe = `
import json, sys
found = {}
try:
    from importlib import metadata
    for name in sys.argv[1:]:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
except ImportError:
    pass
print(json.dumps({"version": list(sys.version_info[:3]), "packages": found}))
`;
const probed = z.object({
  version: z.tuple([z.number(), z.number(), z.number()]),
  packages: z.record(z.string(), z.string().nullable()),
});
const core = [
  'torch',
  'transformers',
  'tokenizers',
  'safetensors',
  'pyarrow',
  'numpy',
  'zstandard',
  'jsonschema',
];
const oldest = [3, 10] as const;
const probeMs = 60_000;

/** The packages that some kinds of jobs need besides the core. */
const ofKinds: Readonly<Partial<Record<JobKind, readonly string[]>>> = {
  sft: ['accelerate', 'peft'],
  dpo: ['accelerate', 'peft', 'trl', 'datasets'],
};

/** lm-evaluation-harness, which `betr trial eval` needs. */
export const harnessPackage = 'lm_eval';

/** The packages that jobs need besides the core. */
export function packagesOf(jobs: readonly Pick<Job, 'kind'>[]): string[] {
  return [...new Set(jobs.flatMap(({ kind }) => ofKinds[kind] ?? []))];
}

export interface Probe {
  /** The version of Python, such as "3.12.1". */
  version: string;
  /** Versions of packages; null for those that are not installed. */
  packages: Readonly<Record<string, string | null>>;
}

/**
 * Checks that a Python can run jobs that need `extra` packages besides the core. Errors: TRAINER_PYTHON,
 * TRAINER_PACKAGES, each with the command that mends it.
 */
export async function checkPython(python: Python, extra: readonly string[] = []): Promise<Probe> {
  const { program } = python;
  const needed = [...core, ...extra];
  let found: z.output<typeof probed>;
  try {
    const { stdout } = await promisify(execFile)(program, ['-c', probe, ...needed, ...optional], {
      encoding: 'utf8',
      env: process.env,
      timeout: probeMs,
    });
    found = probed.parse(JSON.parse(stdout));
  } catch (error) {
    const reason =
      systemCode(error) === 'ENOENT'
        ? 'does not exist'
        : systemCode(error) === 'EACCES'
          ? 'cannot be run (permission denied)'
          : `does not answer like Python: ${firstLine(reasonOf(error))}`;
    throw fail('TRAINER_PYTHON', { python: program, reason, mend: mendPython(python) }, error);
  }
  const [major, minor] = found.version;
  const version = found.version.join('.');
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1]))
    throw fail('TRAINER_PYTHON', {
      python: program,
      reason: `is version ${version}`,
      mend: mendPython(python),
    });
  const missing = needed.filter((name) => (found.packages[name] ?? null) === null);
  if (!existsSync(join(workerFolder(), 'betr_trainer', '__main__.py'))) missing.unshift('betr_trainer');
  if (missing.length > 0)
    throw fail('TRAINER_PACKAGES', {
      python: program,
      packages: missing,
      mend: mendPackages(python, missing),
    });
  return { version, packages: found.packages };
}

/** Needed by some jobs only. */
const optional = ['accelerate', 'peft', 'trl', 'datasets'];

function firstLine(text: string): string {
  return text.replace(/^Command failed:.*\n/, '').split('\n')[0] ?? '';
}

/** In a checkout there is a Makefile; an installed package has none. */
function isCheckout(): boolean {
  return existsSync(join(productFolder(), 'Makefile'));
}

function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}

function mendPython({ isNamed }: Python): string {
  const named = `Set trainer.python in the settings, or ${variable}, to another Python`;
  if (isNamed) return named;
  return isCheckout()
    ? `Run "make -C ${quoted(productFolder())} trainer PYTHON=python3.12", with a newer Python that you ` +
        `have, or set ${variable}`
    : `${named}, with the libraries: python3 -m venv betr-trainer && ` +
        `betr-trainer/bin/pip install ${quoted(`${workerFolder()}[dpo]`)}`;
}

function mendPackages({ program, isNamed }: Python, missing: readonly string[] = []): string {
  // `make trainer` does not install it.
  if (missing.join() === harnessPackage) return `Run "${quoted(program)} -m pip install ${harnessPackage}"`;
  return !isNamed && isCheckout()
    ? `Run "make -C ${quoted(productFolder())} trainer"`
    : `Run "${quoted(program)} -m pip install ${quoted(`${workerFolder()}[dpo]`)}", or set trainer.python in the ` +
        `settings to a Python that has them`;
}

const reported = z.looseObject({
  python: z.string(),
  torch: z.string(),
  device: z.string(),
  devices: z.union([z.number(), z.array(z.unknown())]).optional(),
});

export interface Devices {
  /** The device that a job would use: cpu, cuda or mps, and perhaps its name. */
  device: string;
  /** Number of GPUs; 0 on a CPU. */
  gpus: number;
  versions: Readonly<Record<string, unknown>>;
}

const checkMs = 300_000;

/** What the worker itself says about this machine; takes seconds. Errors: TRAINER_PYTHON. */
export async function askDevices(python: Python): Promise<Devices> {
  try {
    const { stdout } = await promisify(execFile)(python.program, ['-m', 'betr_trainer', '--check'], {
      encoding: 'utf8',
      env: workerEnvironment(),
      timeout: checkMs,
    });
    const { device, devices, ...versions } = reported.parse(JSON.parse(lastLine(stdout)));
    const count = typeof devices === 'number' ? devices : (devices?.length ?? 0);
    return { device, gpus: device.startsWith('cpu') ? 0 : Math.max(1, count), versions };
  } catch (error) {
    const reason = `cannot start the worker: ${lastLine(reasonOf(error))}`;
    throw fail('TRAINER_PYTHON', { python: python.program, reason, mend: mendPackages(python) }, error);
  }
}

/** The last line of what a worker printed; libraries may have printed others before it. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
