// The routes of an audit: what a person sees, answers that are on disk before they are confirmed, and who may.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { decisionsFile, findAudit } from '../../../evaluation/audit/audit.ts';
import { readDecisions } from '../../../evaluation/audit/decisions.ts';
import { auditDocumentSchema, auditSavedSchema, auditStateSchema } from '../../../server/routes/audit.ts';
import { makeKey } from '../../../server/keys-file.ts';
import { type Listening, serveRun } from '../../../server/listen.ts';
import { betr } from '../../cli/betr.ts';
import { type AuditProject, hostileText, makeAuditProject } from '../../evaluation/audit/project.ts';
import { startServer } from '../real-run.ts';
import { ask, type Reply } from '../serve.ts';

let made: AuditProject;
let server: Listening;
beforeAll(async () => {
  made = await makeAuditProject();
  server = await serveRun(made.run, { host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await server.stop(0);
  await made.close();
});

const draw = async (...args: string[]): Promise<void> => {
  await rm(made.run.files.audits, { recursive: true, force: true });
  const { code, stderr } = await betr(made.folder, ['audit', 'draw', '--scorer', 'length', ...args]);
  if (code !== 0) throw new Error(stderr);
};
const stateOf = async (person: string, url = server.url): Promise<z.output<typeof auditStateSchema>> =>
  auditStateSchema.parse((await ask(url, `/audit/state?person=${encodeURIComponent(person)}`)).json);
const post = (body: unknown, headers: Record<string, string> = {}, url = server.url): Promise<Reply> =>
  ask(url, '/audit/answers', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
const answersOf = (audit: string, person: string, ids: readonly string[]): unknown => ({
  audit,
  person,
  answers: ids.map((id) => ({ id, answer: 'yes' })),
});

describe('an audit over HTTP', () => {
  it('gives texts without anything of the score, which comes only on request', async () => {
    await draw('--count', '90');
    const { audit, next, left, person } = await stateOf('  Ada   L. ');
    expect(person).toBe('Ada L.');
    expect(left).toBe(90);
    expect(next).toHaveLength(20);
    const texts: string[] = [];
    for (const id of next) {
      const reply = await ask(server.url, `/audit/documents/${id}?audit=${audit.id}`);
      const document = auditDocumentSchema.parse(reply.json);
      expect(document.about).toBeNull();
      expect(reply.text).not.toMatch(/score|slice|source/);
      texts.push(document.text ?? '');
    }
    for (const text of texts) expect([...made.texts.values()]).toContain(text);
    const revealed = auditDocumentSchema.parse(
      (await ask(server.url, `/audit/documents/${next[0] ?? ''}?reveal=true&characters=5`)).json,
    );
    expect(revealed.text).toHaveLength(5);
    expect(revealed.truncated).toBe(true);
    expect(revealed.about).toMatchObject({ score: texts[0]?.length, slices: 10 });
    const { drawn } = await findAudit(made.run, {});
    const hostile = drawn.find(({ document }) => made.texts.get(document) === hostileText);
    expect((await ask(server.url, `/audit/documents/${hostile?.id ?? ''}`)).json).toMatchObject({
      text: hostileText,
    });
  });

  it('saves answers, all or none, and says what is left', async () => {
    await draw('--count', '40', '--twice', '50%');
    const { audit, next } = await stateOf('Ada');
    const saved = auditSavedSchema.parse((await post(answersOf(audit.id, 'Ada', next.slice(0, 5)))).json);
    expect(saved).toMatchObject({ saved: 5, left: 35, next: expect.arrayContaining(next.slice(5)) });
    expect((await post(answersOf(audit.id, 'ada', next.slice(0, 5)))).json).toMatchObject({ saved: 0 });
    expect((await post(answersOf(audit.id, 'Ada', [next[6] ?? '', 'unknown-1']))).json).toMatchObject({
      code: 'AUDIT_DOCUMENT_UNKNOWN',
    });
    expect((await stateOf('Ada')).answered.map(({ id }) => id)).toEqual(next.slice(0, 5));
    const lines = (await readFile(decisionsFile(made.run, audit), 'utf8')).trim().split('\n');
    expect(lines).toHaveLength(1);
  });

  it.each([
    ['no audit', '/audit/state?person=Ada&audit=a00000000000', 'AUDIT_MISSING'],
    ['a path', '/audit/state?person=Ada&audit=../../keys', 'AUDIT_MISSING'],
    ['no person', '/audit/state', 'PARAMETER_MISSING'],
    ['an empty person', '/audit/state?person=%20', 'OPTION_INVALID'],
    ['control characters', '/audit/state?person=a%1bb', 'OPTION_INVALID'],
    ['an unknown document', '/audit/documents/nobody-1', 'AUDIT_DOCUMENT_UNKNOWN'],
  ])('refuses %s', async (_what, path, code) => {
    expect((await ask(server.url, path)).json).toMatchObject({ code });
  });

  it('refuses bad bodies, and posts that another site could send', async () => {
    const { audit, next } = await stateOf('Ada');
    const [id = ''] = next;
    const answer = { id, answer: 'yes' };
    for (const body of [
      {},
      { audit: audit.id, person: 'Ada', answers: [] },
      { audit: audit.id, person: 'Ada', answers: [{ id, answer: 'maybe' }] },
      { audit: audit.id, person: 'Ada', answers: [{ ...answer, note: 'x'.repeat(1001) }] },
      { audit: audit.id, person: 'Ada', answers: [{ ...answer, at: '2020-01-01T00:00:00Z' }] },
      { audit: audit.id, person: 'Ada', answers: Array.from({ length: 51 }, () => answer) },
    ])
      expect((await post(body)).json).toMatchObject({ code: 'BODY_INVALID' });
    const whole = { audit: audit.id, person: 'Ada', answers: [answer] };
    expect((await post(whole, { 'Content-Type': 'text/plain' })).json).toMatchObject({ code: 'BODY_KIND' });
    expect((await post(whole, { 'Sec-Fetch-Site': 'cross-site' })).json).toMatchObject({
      code: 'SITE_REFUSED',
    });
    expect((await post({ ...whole, person: 'x'.repeat(20_000) })).json).toMatchObject({
      code: 'BODY_TOO_LARGE',
    });
    expect((await stateOf('Ada')).next[0]).toBe(id);
  });

  it('loses and mixes up nothing when two servers and many people save at once', async () => {
    await draw('--count', '60', '--twice', '0');
    const other = await startServer(made.run);
    try {
      const { audit } = await stateOf('Ada');
      const { drawn } = await findAudit(made.run, {});
      const replies = await Promise.all(
        drawn.map(({ id }, at) =>
          post(answersOf(audit.id, `person ${at % 4}`, [id]), {}, at % 2 === 0 ? server.url : other.url),
        ),
      );
      expect(replies.map(({ status }) => status)).toEqual(drawn.map(() => 200));
      const { last, unreadableLines } = await readDecisions(made.run, await findAudit(made.run, {}));
      expect(unreadableLines).toBe(0);
      expect(last.map(({ id }) => id).sort()).toEqual(drawn.map(({ id }) => id).sort());
    } finally {
      await other.end('SIGKILL');
    }
  });

  it('has every answer that it confirmed, after being killed', async () => {
    await draw('--count', '90', '--twice', '0');
    const { audit } = await stateOf('Ada');
    const { drawn } = await findAudit(made.run, {});
    const confirmed: string[] = [];
    const killed = await startServer(made.run);
    setTimeout(() => void killed.end('SIGKILL'), 120);
    try {
      // Four at a time, until the server is gone.
      await Promise.all(
        [0, 1, 2, 3].map(async (lane) => {
          for (const { id } of drawn.filter((_, at) => at % 4 === lane)) {
            const reply = await post(answersOf(audit.id, 'Ada', [id]), {}, killed.url);
            if (reply.status === 200) confirmed.push(id);
          }
        }),
      );
    } catch {
      // The connection broke off.
    }
    expect(confirmed.length).toBeGreaterThan(0);
    const { answered } = await stateOf('Ada');
    expect(answered.map(({ id }) => id)).toEqual(expect.arrayContaining(confirmed));
  });
});

it('needs a key of kind "jobs" to save, and one of kind "read" to look', async () => {
  await draw('--count', '10');
  const [read, jobs] = [
    await makeKey(made.run.files.apiKeys, 'read'),
    await makeKey(made.run.files.apiKeys, 'jobs'),
  ];
  const guarded = await serveRun(made.run, { host: '127.0.0.1', port: 0 });
  try {
    const bearer = (key: string): Record<string, string> => ({ Authorization: `Bearer ${key}` });
    expect((await ask(guarded.url, '/audit')).status).toBe(200);
    expect((await ask(guarded.url, '/audit/state?person=Ada')).json).toMatchObject({ code: 'KEY_MISSING' });
    const { audit, next } = auditStateSchema.parse(
      (await ask(guarded.url, '/audit/state?person=Ada', { headers: bearer(read.key) })).json,
    );
    const body = answersOf(audit.id, 'Ada', next.slice(0, 1));
    expect((await post(body, bearer(read.key), guarded.url)).json).toMatchObject({ code: 'KEY_REFUSED' });
    expect((await post(body, bearer(jobs.key), guarded.url)).json).toMatchObject({ saved: 1 });
  } finally {
    await guarded.stop(0);
    await rm(made.run.files.apiKeys);
  }
});
