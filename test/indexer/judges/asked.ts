// Questions for tests, as a judge asks them.

import { type AskedQuestion, readQuestions } from '../../../indexer/judges/questions.ts';
import { judgeSchema, type JudgeSettings } from '../../../run/judge-settings.ts';

const judge = (settings: object): JudgeSettings =>
  judgeSchema.parse({ name: 'judge', model: 'try', ...settings });

export const read = (settings: object, isChat = false): AskedQuestion[] =>
  readQuestions(judge(settings), isChat);

export const question = (more: object = {}): object => ({
  name: 'q',
  prompt: '{text}\nIs it good? Answer YES or NO.\nAnswer:',
  for: ['YES', 'Yes'],
  against: ['NO', 'No'],
  ...more,
});

export const one = (more: object, isChat = false): AskedQuestion => {
  const [asked] = read({ questions: [question(more)] }, isChat);
  if (asked === undefined) throw new Error('no question');
  return asked;
};
