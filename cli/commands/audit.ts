// `betr audit`: people judge documents of a ranking, and the result says how precise its scores are.

import { Command } from 'commander';
import { decisionsCommand } from './audit/decisions.ts';
import { drawCommand } from './audit/draw.ts';
import { resultCommand } from './audit/result.ts';
import { exportCommand, importCommand } from './audit/tables.ts';

export function auditCommand(): Command {
  return [drawCommand(), exportCommand(), importCommand(), resultCommand(), decisionsCommand()].reduce(
    (audit, command) => audit.addCommand(command),
    new Command('audit').description(
      'let people judge documents of a ranking, on the page or in a spreadsheet, and measure its precision',
    ),
  );
}
