// What a selection's output folder contains.

import type { OutKind } from '../../data/files/out-folder.ts';

export const rowsFile = 'selection.parquet';
export const documentsFolder = 'documents';

export const selectionFolder: OutKind = {
  kind: 'betr selection',
  command: 'betr select',
  marker: 'selection.unfinished',
  files: [rowsFile],
  folders: [documentsFolder],
};
