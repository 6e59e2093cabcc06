import { describe, expect, it } from '@jest/globals';
import { listShards } from '../../../data/shards.ts';
import { line, refused, sendXml, serveS3 } from './fake-s3.ts';

const pageKeys = 3;
const keys = ['a', 'b', 'c', 'd', 'e+f', 'g h', 'i', 'ü'].map((name) => `web/${name}.jsonl`);
const s3 = serveS3();

const list = async (): Promise<string[]> =>
  (await listShards(['s3://bucket/web/*.jsonl'], '/')).map(({ name }) => name.replace('s3://bucket/', ''));

function listing(page: readonly string[], more: string): string {
  const contents = page.map(
    (key) =>
      `<Contents><Key>${key}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified>` +
      `<Size>${line.length}</Size></Contents>`,
  );
  return `<ListBucketResult>${more}${contents.join('')}</ListBucketResult>`;
}

/** The page after a key, and whether more pages follow. */
function pageAfter(key: string): { page: string[]; last: string; truncated: boolean } {
  const left = keys.filter((one) => Buffer.compare(Buffer.from(one), Buffer.from(key)) > 0);
  const page = left.slice(0, pageKeys);
  return { page, last: page.at(-1) ?? '', truncated: left.length > page.length };
}

describe('a listing', () => {
  it('continues by tokens of any form', async () => {
    s3.answer = (_, response, parameters) => {
      const { page, last, truncated } = pageAfter(
        parameters.get('continuation-token')?.replace(/^=&\+/, '') ?? '',
      );
      sendXml(
        response,
        listing(
          page,
          `<KeyCount>${page.length}</KeyCount><IsTruncated>${truncated}</IsTruncated>` +
            (truncated ? `<NextContinuationToken>=&amp;+${last}</NextContinuationToken>` : ''),
        ),
      );
    };
    expect(await list()).toEqual(keys);
    expect(s3.requests).toHaveLength(3);
  });

  it.each(['', '<NextContinuationToken></NextContinuationToken>'])(
    'continues from the last key if there is no token (%j)',
    async (token) => {
      s3.answer = (_, response, parameters) => {
        expect(parameters.has('continuation-token')).toBe(false);
        const { page, truncated } = pageAfter(parameters.get('start-after') ?? '');
        sendXml(response, listing(page, `<IsTruncated>${truncated}</IsTruncated>${token}`));
      };
      expect(await list()).toEqual(keys);
    },
  );

  it('ends when it is not truncated, even with a token', async () => {
    for (const token of ['', 'again']) {
      s3.answer = (_, response) =>
        sendXml(
          response,
          listing(
            keys,
            `<IsTruncated>false</IsTruncated><NextContinuationToken>${token}</NextContinuationToken>`,
          ),
        );
      expect(await list()).toEqual(keys);
    }
    expect(s3.requests).toHaveLength(2);
  });

  it('is an error if the store supports only version 1', async () => {
    s3.answer = (_, response, parameters) => {
      const { page, truncated } = pageAfter(parameters.get('marker') ?? '');
      sendXml(response, listing(page, `<Marker></Marker><IsTruncated>${truncated}</IsTruncated>`));
    };
    await expect(list()).rejects.toEqual(
      refused(/same page of objects again \(from "web\/a\.jsonl" on\).*version 1 of ListObjects/),
    );
    expect(s3.requests).toHaveLength(2);
  });

  it('is an error if it goes back', async () => {
    let page = 0;
    s3.answer = (_, response) =>
      sendXml(
        response,
        listing(page++ === 0 ? keys.slice(0, 4) : keys.slice(2, 6), '<IsTruncated>true</IsTruncated>'),
      );
    await expect(list()).rejects.toEqual(refused(/same page of objects again \(from "web\/c\.jsonl" on\)/));
    expect(s3.requests).toHaveLength(2);
  });

  it('is an error if it repeats, whatever the tokens', async () => {
    s3.answer = (_, response) =>
      sendXml(
        response,
        listing(
          keys.slice(0, pageKeys),
          `<IsTruncated>true</IsTruncated><NextContinuationToken>${s3.requests.length}</NextContinuationToken>`,
        ),
      );
    await expect(list()).rejects.toEqual(refused(/same page of objects again/));
    s3.answer = (_, response) =>
      sendXml(
        response,
        listing([], '<IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken>'),
      );
    await expect(list()).rejects.toEqual(refused(/continuing its list of objects from the same place/));
    s3.answer = (_, response) => sendXml(response, listing([], '<IsTruncated>true</IsTruncated>'));
    await expect(list()).rejects.toEqual(refused(/but not from where/));
    s3.answer = (_, response) =>
      sendXml(
        response,
        listing(
          [],
          `<IsTruncated>true</IsTruncated><NextContinuationToken>${s3.requests.length}</NextContinuationToken>`,
        ),
      );
    await expect(list()).rejects.toEqual(refused(/continuing its list of objects from the same place/));
  });

  it.each([
    [
      'an error with status 200',
      '<Error><Code>InternalError</Code><Message>Please try again.</Message></Error>\n',
      200,
    ],
    ['an error with status 503', '<Error><Code>SlowDown</Code></Error>', 503],
    ['something else', '<html><body>Welcome</body></html>', 200],
    ['nothing', '', 200],
  ])('is requested again if the answer is %s', async (_, wrong, status) => {
    s3.answer = (_request, response) => {
      const { page } = pageAfter('web/d');
      if (s3.requests.length % 3 > 0) sendXml(response, wrong, status);
      else sendXml(response, listing(page, '<IsTruncated>false</IsTruncated>'));
    };
    expect(await list()).toEqual(pageAfter('web/d').page);
    s3.answer = (_request, response) => sendXml(response, wrong, status);
    await expect(list()).rejects.toEqual(refused(/after 8 attempts/));
  });

  it('requests the length of an object if it is missing', async () => {
    s3.answer = (request, response) => {
      if (request.headers.range !== undefined)
        response.writeHead(206, { 'content-length': 1, 'content-range': 'bytes 0-0/7' }).end('x');
      else
        sendXml(
          response,
          '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>web/a.jsonl</Key></Contents>' +
            '</ListBucketResult>',
        );
    };
    expect((await listShards(['s3://bucket/web/*.jsonl'], '/')).map(({ bytes }) => bytes)).toEqual([7]);
  });
});
