import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PersonRecord, RejectedRecord } from '../record.ts';
import {
  defaultMapping,
  groupProperties,
  groupRecord,
  isGuest,
  objectGUID,
  type PropertyMapping,
  personRecord,
  userProperties,
} from './records.ts';
import type { Fields } from './snapshot.ts';

const id = '00000000-0000-4000-8000-000000000001';

function person(fields: Fields, mapping: Partial<PropertyMapping> = {}): PersonRecord | RejectedRecord {
  return personRecord({ id, fields, groups: [] }, { ...defaultMapping, ...mapping }, []);
}

const emailOf = (fields: Fields, ...email: string[]) => {
  const record = person(fields, email.length === 0 ? {} : { email });
  return record.kind === 'Person' ? record.email : undefined;
};

describe('a person', () => {
  it('is what the properties say, tidied', () => {
    const fields = {
      userPrincipalName: 'ada@example.com',
      givenName: ' Ada\n',
      surname: 'L'.repeat(120),
      mail: 'Ada@Example.com',
      preferredLanguage: 'en-GB',
      accountEnabled: true,
    };
    expect(person(fields)).toEqual({
      kind: 'Person',
      externalId: id,
      label: 'ada@example.com',
      firstName: 'Ada',
      lastName: 'L'.repeat(100),
      email: 'Ada@Example.com',
      language: 'en-GB',
      groups: [],
    });
  });

  it('is known by the id when there is nothing else', () => {
    expect(person({ mail: null, givenName: '', surname: ' ' })).toEqual({
      kind: 'Person',
      externalId: id,
      label: id,
      groups: [],
    });
  });

  it('is disabled when the account is, and only then', () => {
    expect(person({ accountEnabled: false })).toMatchObject({ enabled: false });
    for (const accountEnabled of [true, null, undefined])
      expect(person({ accountEnabled })).not.toHaveProperty('enabled');
  });
});

describe('an address', () => {
  it('is the mail, and nothing else unless told', () => {
    const fields = {
      userPrincipalName: 'ada@example.com',
      otherMails: ['a@home.example'],
      proxyAddresses: ['SMTP:p@x.org'],
    };
    expect(emailOf(fields)).toBeUndefined();
    expect(emailOf({ ...fields, mail: 'ada@example.org' })).toBe('ada@example.org');
  });

  it('is the first that has a value', () => {
    const fields = { mail: null, otherMails: ['', 'a@home.example'], userPrincipalName: 'ada@example.com' };
    expect(emailOf(fields, 'mail', 'otherMails', 'userPrincipalName')).toBe('a@home.example');
    expect(emailOf(fields, 'mail', 'userPrincipalName')).toBe('ada@example.com');
  });

  it.each([
    [['smtp:b@x.org', 'SMTP:a@x.org'], 'a@x.org'],
    [['X500:/o=x', 'smtp:b@x.org'], 'b@x.org'],
    [['SIP:a@x.org', 'SMTP: '], undefined],
    [[], undefined],
  ])('is of %j the primary one, else another for mail', (proxyAddresses, expected) => {
    expect(emailOf({ proxyAddresses }, 'proxyAddresses')).toBe(expected);
  });

  it.each([
    { userType: 'Guest', userPrincipalName: 'eve@example.com' },
    { userType: 'Guest', userPrincipalName: 'eve_x.org#EXT#@example.com' },
    { userType: 'Member', userPrincipalName: 'eve_x.org#EXT#@example.com' },
  ])('is never the principal name of who comes from elsewhere: %j', (fields) => {
    expect(emailOf(fields, 'mail', 'userPrincipalName')).toBeUndefined();
    expect(emailOf({ ...fields, mail: 'eve@x.org' }, 'userPrincipalName', 'mail')).toBe('eve@x.org');
  });
});

it.each([
  [{ userType: 'Guest' }, true],
  [{ userType: 'Member', userPrincipalName: 'eve_x.org#EXT#@example.com' }, false],
  [{ userType: null, userPrincipalName: 'eve_x.org#EXT#@example.com' }, true],
  [{ userPrincipalName: 'ada@example.com' }, false],
])('%j is a guest: %s', (fields, expected) => {
  expect(isGuest(fields)).toBe(expected);
});

describe('a domain account', () => {
  const account = (fields: Fields, ...domainAccount: string[]) => {
    const record = person(fields, { domainAccount });
    return record.kind === 'Person' ? record.domainAccount : record.reason;
  };
  const fields = { onPremisesSamAccountName: 'ada', onPremisesDomainName: 'corp.example.com' };

  it('is the one that the user was synchronised from', () => {
    expect(account(fields)).toBe('CORP\\ada');
    expect(account({ ...fields, onPremisesDomainName: null })).toBeUndefined();
    expect(account({ ...fields, onPremisesSamAccountName: null })).toBeUndefined();
  });

  it('is a property that is named instead', () => {
    expect(account({ ...fields, employeeId: 'A-1' }, 'employeeId')).toBe('A-1');
  });

  it('is not cut, since that would be somebody else', () => {
    expect(account({ ...fields, onPremisesSamAccountName: 'a'.repeat(124) })).toBe('InvalidValue');
    expect(account({ ...fields, onPremisesSamAccountName: 'a'.repeat(123) })).toHaveLength(128);
  });
});

describe('an on-premises id', () => {
  it('is the objectGUID in its usual form', () => {
    // The example of [MS-DTYP] section 2.3.4: the bytes of a GUID in little-endian parts.
    const bytes = Buffer.from('33221100554477668899aabbccddeeff', 'hex');
    expect(objectGUID(bytes.toString('base64'))).toBe('00112233-4455-6677-8899-aabbccddeeff');
    expect(person({ onPremisesImmutableId: bytes.toString('base64') })).toMatchObject({
      onPremisesId: '00112233-4455-6677-8899-aabbccddeeff',
    });
  });

  it.each([null, undefined, '', 'employee-17', 'MyIhAA==', `${'A'.repeat(23)}=`])('is none: %j', (value) => {
    expect(objectGUID(value)).toBeUndefined();
  });

  it('tells any two apart', () => {
    const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const [one, other] = [a, b].map((value) => objectGUID(Buffer.from(value).toString('base64')));
        expect(one).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        expect(one === other).toBe(Buffer.from(a).equals(Buffer.from(b)));
      }),
    );
  });
});

describe('a group', () => {
  const group = (fields: Fields) => groupRecord({ id, fields, groups: [] }, defaultMapping);

  it('is what the properties say', () => {
    expect(group({ displayName: ' Team ', description: 'a\nb' })).toEqual({
      kind: 'Group',
      externalId: id,
      label: 'Team',
      name: 'Team',
      description: 'a\nb',
    });
    expect(group({ displayName: 'Team', description: null })).not.toHaveProperty('description');
  });

  it('is rejected without a name', () => {
    expect(group({ displayName: null })).toMatchObject({
      kind: 'Rejected',
      reason: 'GroupWithoutName',
      externalId: id,
    });
  });
});

it('asks for what the mapping names, once, and for what tells people and groups apart', () => {
  const mapping = { ...defaultMapping, email: ['mail', 'otherMails'], groupName: ['mailNickname'] };
  const properties = userProperties(mapping);
  expect(properties).toEqual(expect.arrayContaining(['id', 'userType', 'accountEnabled', 'mail', 'otherMails']));
  expect(new Set(properties).size).toBe(properties.length);
  expect(groupProperties(mapping)).toEqual(['id', 'displayName', 'visibility', 'mailNickname', 'description']);
});
