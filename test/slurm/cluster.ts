// A Slurm cluster of two nodes on this machine, with its own daemons: munge, one slurmctld and two slurmd.
// Needs Debian's slurm-wlm and munge, and root.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** Why there can be no cluster here; undefined where there can. */
export function whyNoCluster(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = ['slurmctld', 'slurmd', 'sbatch', 'munged'].filter(
    (program) => spawnSync('which', [program]).status !== 0,
  );
  return missing.length > 0 ? `needs ${missing.join(', ')} (apt-get install slurm-wlm munge)` : undefined;
}

export interface Cluster {
  /** What its commands need in their environment. */
  env: NodeJS.ProcessEnv;
  run(program: string, ...args: string[]): string;
  /**
   * Kills a node's slurmd and everything that runs on it, as when the machine is lost; says how many
   * processes.
   */
  lose(node: string): number;
  bringBack(node: string): void;
  close(): Promise<void>;
}

const nodes = ['n1', 'n2'];

export async function openCluster(): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'betr-slurm-'));
  const file = (name: string): string => join(folder, name);
  await mkdir(file('state'));
  await writeFile(file('slurm.conf'), configuration(folder));
  const env = { ...process.env, SLURM_CONF: file('slurm.conf') };
  const run = (program: string, ...args: string[]): string =>
    execFileSync(program, args, { env, encoding: 'utf8' });
  startMunge();
  run('slurmctld');
  for (const node of nodes) run('slurmd', '-N', node);
  for (let tries = 0; !/^idle\s+2$/m.test(run('sinfo', '-h', '-o', '%t %D')); tries++) {
    if (tries > 120) throw new Error(`the cluster does not start: ${run('sinfo')}`);
    await setTimeout(500);
  }
  const pidOf = (name: string): number =>
    existsSync(file(name)) ? Number(readFileSync(file(name), 'utf8')) : 0;
  return {
    env,
    run,
    lose(node) {
      const pids = [pidOf(`d.${node}.pid`), ...processesOn(node, file('slurm.conf'))];
      for (const pid of pids) kill(pid);
      return pids.length;
    },
    bringBack: (node) => void run('slurmd', '-N', node),
    async close() {
      for (const node of nodes) {
        kill(pidOf(`d.${node}.pid`));
        for (const pid of processesOn(node, file('slurm.conf'))) kill(pid);
      }
      kill(pidOf('ctld.pid'));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function startMunge(): void {
  if (spawnSync('munge', ['-n']).status === 0) return;
  for (const path of ['/run/munge', '/var/log/munge', '/var/lib/munge'])
    execFileSync('install', ['-d', '-o', 'munge', '-g', 'munge', path]);
  execFileSync('runuser', ['-u', 'munge', '--', 'munged']);
}

/** The processes of the jobs on a node, and the step daemons that look after them. */
function processesOn(node: string, configurationPath: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
        const ofNode =
          environment.includes(`SLURMD_NODENAME=${node}`) ||
          readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('slurmstepd');
        return (
          ofNode && (environment.includes(`SLURM_CONF=${configurationPath}`) || parentsName(pid) === node)
        );
      } catch {
        return false;
      }
    });
}

/** A step daemon has its node's name in its command line only by way of its job. */
function parentsName(pid: number): string {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ');
  for (const child of children) {
    try {
      const found = /SLURMD_NODENAME=([^\0]+)/.exec(readFileSync(`/proc/${child}/environ`, 'latin1'))?.[1];
      if (found !== undefined) return found;
    } catch {
      continue;
    }
  }
  return '';
}

function kill(pid: number): void {
  if (pid <= 0) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    return;
  }
}

function configuration(folder: string): string {
  const host = hostname();
  return `ClusterName=t
SlurmctldHost=${host}(127.0.0.1)
AuthType=auth/munge
SlurmUser=root
SlurmdUser=root
SlurmctldPort=16817
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool.%n
SlurmctldPidFile=${folder}/ctld.pid
SlurmdPidFile=${folder}/d.%n.pid
SlurmctldLogFile=${folder}/ctld.log
SlurmdLogFile=${folder}/d.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=10
InactiveLimit=0
KillWait=5
MinJobAge=300
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=n[1-2] NodeHostname=${host} NodeAddr=127.0.0.1 Port=[17001-17002] CPUs=1 RealMemory=1000 State=UNKNOWN
PartitionName=p Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=10
PartitionName=high Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10
`;
}
