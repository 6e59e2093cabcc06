// The questions that come with betr: presets, one YAML file each, and the frame that tells subjects apart.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { fail } from '../../run/errors/errors.ts';
import { questionSchema, type QuestionSettings } from '../../run/judge-settings.ts';
import { productFolder } from '../../run/product-folder.ts';
import { readRegularSync } from '../../run/regular-file.ts';

const folder = join(productFolder(), 'indexer', 'judges', 'presets');
const subjectsFile = 'subjects.yaml';

const presetSchema = z.strictObject({ questions: z.array(questionSchema).min(1) });
const subjectsSchema = z.strictObject({
  prompt: z.string(),
  leastMass: z.number(),
  subjects: z.record(z.string(), z.array(z.string().min(1)).min(1)),
});

/** The names of all presets. */
export function presetNames(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml') && file !== subjectsFile)
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort();
}

/** The names of all subjects. */
export function subjectNames(): string[] {
  return Object.keys(read(subjectsFile, subjectsSchema).subjects);
}

/** The questions of a preset; undefined if there is none of that name. Errors: INTERNAL. */
export function presetQuestions(name: string): QuestionSettings[] | undefined {
  return presetNames().includes(name) ? read(`${name}.yaml`, presetSchema).questions : undefined;
}

/**
 * The question that tells a subject from all others; undefined if there is none of that name. Errors:
 * INTERNAL.
 */
export function subjectQuestion(name: string): QuestionSettings | undefined {
  const { prompt, leastMass, subjects } = read(subjectsFile, subjectsSchema);
  if (!Object.hasOwn(subjects, name)) return undefined;
  const others = Object.entries(subjects).filter(([subject]) => subject !== name);
  return questionSchema.parse({
    name,
    prompt,
    for: subjects[name],
    against: others.flatMap(([, words]) => words),
    leastMass,
  });
}

function read<T>(file: string, schema: z.ZodType<T>): T {
  const result = schema.safeParse(parse(readRegularSync(join(folder, file)).toString('utf8')));
  if (!result.success) throw fail('INTERNAL', { reason: `preset ${file}: ${z.prettifyError(result.error)}` });
  return result.data;
}
