// What a long step tells about itself; `cli/` draws it, tests ignore it.

export interface Progress {
  stage: string;
  /** Units done, and in all where it is known. */
  done: number;
  total?: number;
  unit: 'documents' | 'bytes' | 'examples' | 'shards' | 'epochs' | 'outputs' | 'parts';
}

export type Report = (progress: Progress) => void;

export const silent: Report = () => undefined;
