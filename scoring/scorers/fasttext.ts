// Scores with any supervised fastText model: the probability of one of its labels.

import { resolve } from 'node:path';
import { fail } from '../../run/errors/errors.ts';
import { fingerprint } from '../../run/run.ts';
import { openModelFile } from '../../classifier/fasttext/model-file.ts';
import { loadFasttext } from '../../classifier/fasttext/predict.ts';
import type { ScorerKind } from './kind.ts';
import { chooseLabel, showLabels, splitLabel } from './labels.ts';
import { sha256File } from '../../data/files/hash-files.ts';

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
    const labels = model.labels.map(({ name }) => name);
    const label = labels[chooseLabel(labels, asked) ?? -1];
    if (label === undefined) throw fail('FASTTEXT_LABEL', { path, label: asked, labels: showLabels(labels) });
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
