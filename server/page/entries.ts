// Input fields of the question: typed text takes effect once it is valid; until then the field shows what
// it accepts.

import { parseAmount } from './amounts.ts';
import { make } from './dom.ts';

export interface Entry {
  /** Writes into the field, unless the user is typing in it. */
  write(text: string): void;
}

/**
 * Calls `use` with the typed text; if that returns false, the field is marked and `allowed` appears below
 * it.
 */
export function openEntry(input: HTMLInputElement, allowed: string, use: (text: string) => boolean): Entry {
  const message = make('p', { id: `${input.id}Wrong`, class: 'wrong', role: 'alert' });
  input.setAttribute(
    'aria-describedby',
    `${input.getAttribute('aria-describedby') ?? ''} ${message.id}`.trim(),
  );
  // Not inside a label, because its text would become part of the field's name.
  let place = input.closest('.pair') ?? input.closest('label') ?? input.closest('.entry');
  while (place?.nextElementSibling?.matches('.wrong') === true) place = place.nextElementSibling;
  place?.after(message);
  const mark = (wrong: boolean): void => {
    if (wrong) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
    message.textContent = wrong ? allowed : '';
  };
  input.addEventListener('input', () => (input.dataset['typing'] = ''));
  input.addEventListener('change', () => {
    delete input.dataset['typing'];
    mark(!use(input.value));
  });
  return {
    write(text) {
      if ('typing' in input.dataset) return;
      input.value = text;
      mark(false);
    },
  };
}

/** A field for a number; an empty one calls `clear`, if given. */
export function openAmountEntry(
  input: HTMLInputElement,
  allowed: string,
  use: (value: number) => void,
  clear?: () => void,
): Entry {
  return openEntry(input, allowed, (text) => {
    const value = parseAmount(text);
    if (value !== undefined) use(value);
    else if (text.trim() === '' && clear !== undefined) clear();
    else return false;
    return true;
  });
}
