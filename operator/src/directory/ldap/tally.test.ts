import { expect, test } from 'vitest';
import { Tally } from './tally.ts';

test.each([
  [
    ['ldap://a/dc=x'],
    'The server refers to another server for a part of the tree: ldap://a/dc=x.',
    'The server refers to another part of the forest, ldap://a/dc=x; it is not read.',
  ],
  [
    ['ldap://a/dc=x', 'ldap://b/dc=y'],
    'The server refers to other servers for 2 parts of the tree, first to ldap://a/dc=x.',
    'The server refers to 2 other parts of the forest, first to ldap://a/dc=x; they are not read.',
  ],
])('references to %j are told in a sentence', (uris, doubt, remark) => {
  const [doubtful, remarkable] = [new Tally(), new Tally()];
  for (const uri of [...uris, ...uris]) {
    doubtful.reference('Doubt', uri);
    remarkable.reference('Remark', uri);
  }
  expect(doubtful).toMatchObject({ doubts: [doubt], remarks: [] });
  expect(remarkable).toMatchObject({ doubts: [], remarks: [remark] });
});
