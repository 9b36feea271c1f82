import { describe, expect, test } from 'vitest';
import { message, searchEntry } from '../../../test/ldapwire.ts';
import { EntryAttributes } from './attributes.ts';
import { decodeMessage, type Entry } from './message.ts';
import { overrideAttributes, type Preset, presets } from './presets.ts';
import { groupRecord, personRecord } from './records.ts';
import { Tally } from './tally.ts';

type Attributes = Parameters<typeof searchEntry>[1];
const entry = (attributes: Attributes, dn = 'uid=ada,dc=example') =>
  new EntryAttributes(decodeMessage(message(1, searchEntry(dn, attributes))).content as Entry);

const preset: Preset = presets.OpenLDAP;
const mapping = overrideAttributes(preset.attributes, { domainAccount: ['account'], email: undefined });
const entryUUID = '0B2D1F2C-1111-4222-8333-944455556666';
const person = (attributes: Attributes, groups: string[] = []) =>
  personRecord(entry({ entryUUID, ...attributes }), { preset, mapping }, groups, new Tally());
const group = (attributes: Attributes) => groupRecord(entry({ entryUUID, ...attributes }), preset, mapping);

describe('personRecord', () => {
  test('takes what is there', () => {
    const attributes = { givenName: ' Ada ', sn: 'Lovelace', mail: 'Ada@Example.com', preferredLanguage: 'en-GB' };
    expect(person({ ...attributes, account: 'EXAMPLE\\ada' }, ['g1', 'g2'])).toEqual({
      kind: 'Person',
      externalId: entryUUID.toLowerCase(),
      label: 'uid=ada,dc=example',
      firstName: 'Ada',
      lastName: 'Lovelace',
      email: 'Ada@Example.com',
      domainAccount: 'EXAMPLE\\ada',
      language: 'en-GB',
      groups: ['g1', 'g2'],
    });
  });

  test('has no fields without values', () => {
    expect(person({ givenName: ' ', sn: '\u0007', mail: [] })).toEqual({
      kind: 'Person',
      externalId: entryUUID.toLowerCase(),
      label: 'uid=ada,dc=example',
      groups: [],
    });
  });

  test('cuts names to what the resources hold', () => {
    expect(person({ sn: '🐘'.repeat(101) })).toMatchObject({ lastName: '🐘'.repeat(100) });
  });

  test.each([
    ['fr', 'fr'],
    ['fr, en-gb;q=0.8, en;q=0.7', 'fr'],
    ['en;q=0.2, de-CH;q=0.9', 'de-CH'],
    ['zh-Hans', 'zh-Hans'],
    ['*', undefined],
    ['English', undefined],
    ['en_US', undefined],
    [`en-${'abcdefgh-'.repeat(4)}x`, undefined],
    [',', undefined],
  ])('the language %s is %s', (value, language) => {
    const record = person({ preferredLanguage: value });
    expect(record).toHaveProperty('kind', 'Person');
    expect('language' in record ? record.language : undefined).toBe(language);
  });

  test.each<[string, Attributes, string]>([
    ['a name that is not text', { sn: Buffer.from([0xff]) }, 'The value of sn is not valid UTF-8.'],
    ['an account that is too long', { account: 'x'.repeat(129) }, 'The domain account is longer than 128 characters.'],
  ])('rejects %s', (_, attributes, explanation) => {
    expect(person(attributes)).toEqual({
      kind: 'Rejected',
      of: 'Person',
      externalId: entryUUID.toLowerCase(),
      label: 'uid=ada,dc=example',
      reason: 'InvalidValue',
      message: explanation,
    });
  });

  test.each<[Attributes]>([[{}], [{ entryUUID: [] }], [{ entryUUID: '' }], [{ entryUUID: 'x'.repeat(129) }]])(
    'ends the read without an id: %j',
    (attributes) => {
      const read = () => personRecord(entry(attributes), { preset, mapping }, [], new Tally());
      expect(read).toThrow(expect.objectContaining({ reason: 'IdentityMissing' }));
      expect(read).toThrow('uid=ada,dc=example shows no entryUUID');
    },
  );

  test.each([
    ['true', false],
    ['TRUE', false],
    ['false', undefined],
    [[], undefined],
  ])('389 Directory Server: nsAccountLock %s', (nsAccountLock, enabled) => {
    const attributes = { nsUniqueId: '66446001-1dd211b2-66225011-2ee211db', nsAccountLock };
    const record = personRecord(entry(attributes), { preset: presets['389DirectoryServer'], mapping }, [], new Tally());
    expect(record).toMatchObject({ kind: 'Person', externalId: '66446001-1dd211b2-66225011-2ee211db' });
    expect('enabled' in record ? record.enabled : undefined).toBe(enabled);
  });
});

describe('groupRecord', () => {
  test('takes name and description', () => {
    expect(group({ cn: ['Sales', 'Vente'], description: 'Two\nlines' })).toEqual({
      kind: 'Group',
      externalId: entryUUID.toLowerCase(),
      label: 'uid=ada,dc=example',
      name: 'Sales',
      description: 'Two\nlines',
    });
  });

  test('cuts the description to what the resources hold', () => {
    expect(group({ cn: 'x', description: 'é'.repeat(3000) })).toMatchObject({ description: 'é'.repeat(2048) });
  });

  test.each<[Attributes, string]>([
    [{ description: 'x' }, 'GroupWithoutName'],
    [{ cn: ' \n ' }, 'GroupWithoutName'],
    [{ cn: Buffer.from([0xff]) }, 'InvalidValue'],
  ])('rejects %j', (attributes, reason) => {
    expect(group(attributes)).toMatchObject({ kind: 'Rejected', of: 'Group', reason });
  });
});
