import { describe, expect, test } from 'vitest';
import type { Properties } from './directory.ts';
import { parseFilter } from './filter.ts';
import { groupSchema, userSchema } from './schema.ts';

const people: Readonly<Record<string, Properties>> = {
  ada: {
    displayName: 'Ada Lovelace',
    mail: 'ada@example.com',
    accountEnabled: true,
    userType: 'Member',
    department: "Engines' own",
    proxyAddresses: ['SMTP:ada@example.com', 'smtp:countess@example.org'],
    createdDateTime: '2024-01-01T00:00:00.000Z',
    onPremisesSamAccountName: 'ada',
  },
  grace: { displayName: 'Grace Hopper', mail: 'Grace@Navy.example', accountEnabled: false, userType: 'Member' },
  radia: { displayName: 'Radia Perlman', mail: null, accountEnabled: true, userType: 'Guest' },
};

function matching(filter: string, advanced = true): string[] {
  const matches = parseFilter(filter, userSchema, advanced);
  return Object.entries(people)
    .filter(([id, properties]) => matches({ id, properties }))
    .map(([id]) => id);
}

test.each<[string, string[]]>([
  ['accountEnabled eq true', ['ada', 'radia']],
  ['accountEnabled ne true', ['grace']],
  ["userType eq 'Guest'", ['radia']],
  ["userType eq 'guest'", ['radia']],
  ["mail eq 'ADA@example.com'", ['ada']],
  ['mail eq null', ['radia']],
  ['mail ne null', ['ada', 'grace']],
  ["startsWith(displayName,'grace')", ['grace']],
  ["startswith(displayName, 'G')", ['grace']],
  ["endsWith(mail,'@navy.example')", ['grace']],
  ["department eq 'Engines'' own'", ['ada']],
  ["id in ('ada', 'radia')", ['ada', 'radia']],
  ["displayName ge 'H'", ['radia']],
  ["displayName le 'B'", ['ada']],
  ["not(startsWith(displayName,'A'))", ['grace', 'radia']],
  ['not accountEnabled eq true', ['grace']],
  ["accountEnabled eq true and userType eq 'Member'", ['ada']],
  ["accountEnabled eq false or userType eq 'Guest'", ['grace', 'radia']],
  // and binds more tightly than or.
  ["userType eq 'Guest' or userType eq 'Member' and accountEnabled eq false", ['grace', 'radia']],
  ["(userType eq 'Guest' or userType eq 'Member') and accountEnabled eq false", ['grace']],
  ["proxyAddresses/any(p:p eq 'smtp:countess@example.org')", ['ada']],
  ["proxyAddresses/any(x: startsWith(x,'SMTP:ada'))", ['ada']],
  ['createdDateTime ge 2023-12-31T00:00:00Z', ['ada']],
  ["onPremisesSamAccountName eq 'ada'", ['ada']],
  [' accountEnabled  eq  true ', ['ada', 'radia']],
])('%s', (filter, expected) => {
  expect(matching(filter)).toEqual(expected);
});

describe('refuses', () => {
  const refused = (filter: string, code: string, message: RegExp, advanced = true) =>
    expect(() => matching(filter, advanced)).toThrow(
      expect.objectContaining({ status: 400, code, message: expect.stringMatching(message) }),
    );

  test.each([
    'accountEnabled',
    'accountEnabled eq',
    'accountEnabled is true',
    'accountEnabled eq true and',
    '(accountEnabled eq true',
    'accountEnabled eq true)',
    "displayName eq 'Ada",
    "startsWith(displayName 'A')",
    'eq true',
    '',
    'accountEnabled eq true; drop',
    "proxyAddresses/all(p:p eq 'x')",
    "proxyAddresses/any(p:q eq 'x')",
    "id in ('ada'",
  ])('bad syntax: %s', (filter) => {
    refused(filter, 'BadRequest', /^Invalid filter clause/);
  });

  test('properties that are not there', () => {
    refused(
      "shoeSize eq '42'",
      'BadRequest',
      /Could not find a property named 'shoeSize' on type 'microsoft.graph.user'/,
    );
    const ofGroup = () => parseFilter("surname eq 'King'", groupSchema, true);
    expect(ofGroup).toThrow(expect.objectContaining({ code: 'BadRequest' }));
  });

  test.each(["accountEnabled eq 'true'", 'displayName eq Ada', 'createdDateTime ge soon', 'accountEnabled eq 1'])(
    'literals of another type: %s',
    (filter) => {
      refused(filter, 'BadRequest', /incompatible types/);
    },
  );

  test.each([
    "onPremisesDomainName eq 'corp.example.com'",
    "startsWith(userType,'G')",
    "endsWith(displayName,'e')",
    "not(onPremisesSecurityIdentifier eq 'S-1-5-21-1')",
  ])('what the directory has no index for: %s', (filter) => {
    refused(filter, 'Request_UnsupportedQuery', /Unsupported or invalid query filter clause/);
  });

  test.each([
    'accountEnabled ne true',
    "endsWith(mail,'@example.com')",
    "not(startsWith(displayName,'A'))",
    'mail eq null',
    "onPremisesSamAccountName eq 'ada'",
  ])('without the parameters of an advanced query: %s', (filter) => {
    expect(() => matching(filter)).not.toThrow();
    refused(filter, 'Request_UnsupportedQuery', /ConsistencyLevel/, false);
  });

  test('more than 15 alternatives, of in always, of or in queries that are not advanced', () => {
    const list = (count: number) => Array.from({ length: count }, (_, at) => `'${at}'`);
    const anyOf = (count: number) =>
      list(count)
        .map((id) => `id eq ${id}`)
        .join(' or ');
    expect(() => matching(`id in (${list(15).join(',')})`)).not.toThrow();
    refused(`id in (${list(16).join(',')})`, 'Request_UnsupportedQuery', /Max allowed: 15/);
    expect(() => matching(anyOf(15), false)).not.toThrow();
    expect(() => matching(anyOf(16), true)).not.toThrow();
    refused(anyOf(16), 'Request_UnsupportedQuery', /Max allowed: 15/, false);
  });
});
