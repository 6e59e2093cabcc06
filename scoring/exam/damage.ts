// Damaged copies of a text: they have the topic of the original and are worse to learn from.

import { openRandom, shuffle } from '../../data/seeded-random.ts';

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });
/** Shuffling fewer sentences changes too little. */
const leastSentences = 4;

const menu = 'Home | About us | Products | Blog | Careers | Contact | Log in | Register | Cart (0)';
const boilerplate = [
  'We use cookies to give you the best experience on our website. By continuing to browse you agree to our ' +
    'use of cookies. Accept all | Reject all | Manage preferences | Privacy policy',
  'Share this page: Facebook | Twitter | WhatsApp | E-mail. Subscribe to our newsletter! Enter your e-mail ' +
    'address. You may also like: 10 tricks they do not want you to know.',
];
const footer = 'Back to top. Terms of use | Privacy | Sitemap | Advertise with us. All rights reserved.';

/** The text with its sentences in random order; undefined if it has too few. The same seed gives the same order. */
export function shuffleSentences(text: string, seed: number): string | undefined {
  const sentences = splitSentences(text);
  if (sentences.length < leastSentences) return undefined;
  const order = Uint32Array.from(sentences.keys());
  shuffle(order, openRandom(seed));
  const shuffled = Array.from(order, (at) => sentences[at] ?? '').join(' ');
  return shuffled === sentences.join(' ') ? undefined : shuffled;
}

/** The text with a menu, a cookie banner and other parts of a web page between its sentences. */
export function addBoilerplate(text: string): string {
  const sentences = splitSentences(text);
  const third = Math.ceil(sentences.length / 3);
  return [
    menu,
    sentences.slice(0, third).join(' '),
    boilerplate[0],
    sentences.slice(third, 2 * third).join(' '),
    boilerplate[1],
    sentences.slice(2 * third).join(' '),
    footer,
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/**
 * The text with its sentences separated by single spaces, as damaged copies have them, so that line breaks do
 * not reveal a copy.
 */
export function joinSentences(text: string): string {
  return splitSentences(text).join(' ');
}

function splitSentences(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment.replaceAll(/\s+/g, ' ').trim()).filter(
    (sentence) => sentence !== '',
  );
}
