import type { UserDirectory } from '@roster/crds';
import { describe, expect, it } from 'vitest';
import { at, directory, run } from '../testing/objects.ts';
import { lastReadSettings, readSettings } from './readsettings.ts';

const evidence = { authority: 'dc=example,dc=com', boundAs: 'cn=roster' };
const ldap = directory().spec.ldap as NonNullable<UserDirectory['spec']['ldap']>;
const settings = (spec: Partial<UserDirectory['spec']> = {}, rest: Partial<typeof evidence> = {}) =>
  readSettings(directory(spec), { ...evidence, ...rest });

describe('what decides who is found', () => {
  it('is a hash', () => {
    expect(settings()).toMatch(/^[0-9a-f]{64}$/);
  });

  it('stays the same whatever the order of keys', () => {
    const users = { baseDN: 'ou=people', filter: '(cn=*)' };
    const reversed = { filter: '(cn=*)', baseDN: 'ou=people' };
    expect(settings({ ldap: { ...ldap, users } })).toBe(settings({ ldap: { ...ldap, users: reversed } }));
  });

  const guid = '11111111-2222-3333-4444-555555555555';
  const entraID = {
    clientID: guid,
    tenantID: guid,
    cloud: 'Global',
    guests: false,
    credentials: { workloadIdentity: true },
  } as const;
  const activeDirectory = {
    urls: ldap.urls,
    startTLS: false,
    pageSize: 500,
    timeoutSeconds: 60,
    includeServiceAccounts: false,
  };
  const unset = { ldap: undefined };
  it.each<[string, Partial<UserDirectory['spec']>, Partial<UserDirectory['spec']>?]>([
    ['server', { ldap: { ...ldap, urls: ['ldaps://other'] } }],
    ['base', { ldap: { ...ldap, users: { baseDN: 'ou=elsewhere' } } }],
    ['filter of groups', { ldap: { ...ldap, groups: { filter: '(cn=a*)' } } }],
    ['preset', { ldap: { ...ldap, preset: '389DirectoryServer' } }],
    ['memberships', { groups: { membership: 'Direct' } }],
    ['attributes', { attributes: { email: ['proxyAddresses'] } }],
    ['domains', { emailDomains: ['example.com'] }],
    ['pilot', { onlyMembersOf: ['pilot'] }],
    ['mappings', { mappings: [{ group: 'sales', organization: 'branch' }] }],
    [
      'domain controller',
      { ...unset, activeDirectory: { ...activeDirectory, urls: ['ldaps://other'] } },
      { ...unset, activeDirectory },
    ],
    [
      'filter of Active Directory',
      { ...unset, activeDirectory: { ...activeDirectory, userFilter: '(a=b)' } },
      { ...unset, activeDirectory },
    ],
    [
      'further domain',
      { ...unset, activeDirectory: { ...activeDirectory, additionalDomains: [{ urls: ['ldaps://b'] }] } },
      { ...unset, activeDirectory },
    ],
    ['guests', { ...unset, entraID: { ...entraID, guests: true } }, { ...unset, entraID }],
    [
      'filter of Entra ID',
      { ...unset, entraID: { ...entraID, userFilter: 'accountEnabled eq true' } },
      { ...unset, entraID },
    ],
    [
      'groups of Entra ID',
      { ...unset, entraID: { ...entraID, groups: { names: ['a'], assignedToApplication: false } } },
      { ...unset, entraID },
    ],
  ])('changes with the %s', (_, changed, before = {}) => {
    expect(settings(changed)).not.toBe(settings(before));
  });

  it('changes with the account as the server sees it, and with who issued the ids', () => {
    expect(settings({}, { boundAs: 'anonymous' })).not.toBe(settings());
    expect(settings({}, { authority: 'dc=example,dc=org' })).not.toBe(settings());
  });

  it.each<[string, Partial<UserDirectory['spec']>]>([
    ['the size of a page', { ldap: { ...ldap, pageSize: 17 } }],
    ['a new certificate authority', { ldap: { ...ldap, caBundle: 'PEM' } }],
    ['the schedule', { schedule: { every: '1h', timeZone: 'Etc/UTC' } }],
    ['the list of the excluded', { exclude: ['jane@example.com'] }],
    ['the guard', { guard: { floor: 0, percent: 0, cap: 0 } }],
  ])('does not change with %s', (_, changed) => {
    expect(settings(changed)).toBe(settings());
  });
});

describe('the settings of the last success', () => {
  const success = (name: string, seconds: number, readSettings: string, spec = {}) =>
    run(name, { phase: 'Succeeded', finishedAt: at(seconds), readSettings }, { spec });
  const known = (lastSuccessAt: string) => directory({}, { status: { lastSuccessAt, readSettings: 'status' } });

  it('are those of the status when its run is gone', () => {
    expect(lastReadSettings(known(at(-60)), [])).toBe('status');
    expect(lastReadSettings(known(at(-60)), [success('a', -90, 'older')])).toBe('status');
  });

  it('are those of the newest run before the status tells', () => {
    expect(lastReadSettings(known(at(-60)), [success('a', -30, 'newer'), success('b', -90, 'older')])).toBe('newer');
    expect(lastReadSettings(directory(), [success('a', -30, 'newer')])).toBe('newer');
  });

  it('are not those of a preview, of one person, of a run that did not succeed or of another directory', () => {
    const others = [
      success('a', -30, 'x', { dryRun: true }),
      success('b', -30, 'x', { person: 'jane' }),
      success('c', -30, 'x', { directory: 'subsidiary' }),
      run('d', { phase: 'Held', finishedAt: at(-30), readSettings: 'x' }),
    ];
    expect(lastReadSettings(directory(), others)).toBeUndefined();
  });
});
