// One measurement of bench/domains.ts in a separate process: estimates and weights domains as `betr domains` does.
//   node dist/bench/domains-one.js SETTINGS      SETTINGS: the domains block of betr.yaml as JSON
// Prints {seconds, cpuSeconds, memoryMb, domains, resamples}.

import { silent } from '../run/progress.ts';
import { domainSettingsSchema } from '../run/domain-settings.ts';
import { estimateDomains } from '../domains/domains.ts';

const settings = domainSettingsSchema.parse(JSON.parse(process.argv[2] ?? ''));
const startedMs = performance.now();
const { domains, resamples } = await estimateDomains(settings, { folder: process.cwd(), threads: 2 }, silent);
const seconds = (performance.now() - startedMs) / 1000;
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
process.stdout.write(
  JSON.stringify({
    seconds,
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    memoryMb: maxRSS / 1024,
    domains: domains.length,
    resamples,
  }),
);
process.exit();
