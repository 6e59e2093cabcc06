// How checks report problems, and what they share.

import { z } from 'zod';
import { BetrError } from '../../run/errors/errors.ts';

export type AddProblem = (problem: string) => void;

/** The problem of a file whose checksum differs from the recorded one. */
export const isAltered = 'is damaged: its checksum does not match';

export const count = z.number();

export function sum<T>(rows: readonly T[], of: (row: T) => number): number {
  let total = 0;
  for (const row of rows) total += of(row);
  return total;
}

/** The result, or undefined with the error reported as a problem, unless `isThrown`. */
export async function orReport<T>(
  addProblem: AddProblem,
  read: Promise<T>,
  isThrown: (error: BetrError) => boolean = () => false,
): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (!(error instanceof BetrError) || isThrown(error)) throw error;
    addProblem(error.message);
    return undefined;
  }
}
