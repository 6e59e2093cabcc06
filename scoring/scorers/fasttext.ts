// Scores with any supervised fastText model: the probability of one of its labels.

import { resolve } from 'node:path';
import { fail } from '../../run/errors/errors.ts';
import { fingerprint } from '../../run/run.ts';
import { openModelFile } from '../../classifier/fasttext/model-file.ts';
import { loadFasttext } from '../../classifier/fasttext/predict.ts';
import type { ScorerKind } from './kind.ts';
import { sha256File } from '../../data/files/hash-files.ts';

const prefix = '__label__';
/** Label names that clearly mean the better of two classes. */
const goodNames = ['hq', 'hi', '1'];

export const fasttext: ScorerKind = {
  name: 'fasttext',
  usage: 'fasttext:FILE.bin[#LABEL]',
  takesFile: true,
  isForeign: true,
  async prepare({ main, argument }) {
    const { file, label: asked } = splitLabel(argument);
    if (file === '')
      throw fail('OPTION_INVALID', {
        option: '--scorer',
        got: `fasttext:${argument}`,
        allowed: 'fasttext:FILE.bin or fasttext:FILE.bin#LABEL',
      });
    const path = resolve(main.settingsFolder, file);
    const model = openModelFile(path);
    model.close();
    const label = chooseLabel(
      path,
      model.labels.map(({ name }) => name),
      asked,
    );
    return {
      kind: 'fasttext',
      file,
      settings: { label },
      outputs: ['joint'],
      fingerprint: await identify(path, label),
      notes: [],
    };
  },
  async open({ settingsFolder }, { file, settings }) {
    const path = resolve(settingsFolder, file);
    const model = loadFasttext(path);
    const name = String(settings['label']);
    const label = model.labels.indexOf(name);
    return {
      fingerprint: await identify(path, name),
      outputs: ['joint'],
      scoreTexts(text, textEnds, count, out) {
        for (let i = 0; i < count; i++)
          out[i] = model.probabilityOf(label, text, textEnds[i - 1] ?? 0, textEnds[i] ?? 0);
      },
    };
  },
};

async function identify(path: string, label: string): Promise<string> {
  return fingerprint({ fasttext: 1, model: await sha256File(path), label });
}

/** Splits "FILE#LABEL"; the label is '' if there is none. */
export function splitLabel(argument: string): { file: string; label: string } {
  const at = argument.lastIndexOf('#');
  return at < 0
    ? { file: argument, label: '' }
    : { file: argument.slice(0, at), label: argument.slice(at + 1) };
}

/** The requested or default label, as spelled in the model. Errors: FASTTEXT_LABEL. */
export function chooseLabel(path: string, labels: readonly string[], asked: string): string {
  const plain = labels.map((label) => (label.startsWith(prefix) ? label.slice(prefix.length) : label));
  const wanted = asked !== '' ? [asked] : labels.length === 2 ? goodNames : [];
  const found = wanted
    .map((name) => labels[labels.indexOf(name)] ?? labels[plain.indexOf(name)])
    .find((label) => label !== undefined);
  if (found !== undefined) return found;
  const shown = plain
    .slice(0, 20)
    .map((label) => `"${label}"`)
    .join(', ');
  throw fail('FASTTEXT_LABEL', {
    path,
    label: asked,
    labels: plain.length > 20 ? `${shown} and ${plain.length - 20} more` : shown,
  });
}
