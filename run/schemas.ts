// Schemas of values that many files and answers have.

import { z } from 'zod';

/** How many of something: 0, 1, 2, and so on. */
export const count = z.number().int().nonnegative();
/** How much of something: 0 or more. */
export const amount = z.number().nonnegative();
/** A number above 0. */
export const positive = z.number().positive();
/** A SHA-256 checksum in hex. */
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
