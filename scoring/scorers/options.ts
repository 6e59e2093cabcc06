// Parses the options of a scorer: "dsir:smoothing=1,seed=7".

import { fail } from '../../run/errors/errors.ts';

/** Parses "name=number,…"; `defaults` has the known options. Errors: OPTION_INVALID. */
export function readOptions<K extends string>(
  scorer: string,
  argument: string,
  defaults: Record<K, number>,
): Record<K, number> {
  const options: Record<string, number> = { ...defaults };
  const known = Object.keys(defaults);
  for (const part of argument === '' ? [] : argument.split(',')) {
    const [name = '', text = ''] = part.split('=');
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (!known.includes(name) || Number.isNaN(value)) {
      throw fail('OPTION_INVALID', {
        option: '--scorer',
        got: `${scorer}:${argument}`,
        allowed:
          known.length === 0
            ? `"${scorer}" without options`
            : `"${scorer}", or "${scorer}:" followed by ${known.map((option) => `${option}=NUMBER`).join(', ')}`,
      });
    }
    options[name] = value;
  }
  return Object.assign({ ...defaults }, options);
}
