import { UserDirectory } from '@roster/crds';
import { expect, test } from 'vitest';
import { directorySettings } from './settings.ts';

const directory = (annotations?: Record<string, string>): UserDirectory => ({
  apiVersion: 'roster.dev/v1alpha1',
  kind: 'UserDirectory',
  metadata: { name: 'corporate', namespace: 'acme', ...(annotations === undefined ? {} : { annotations }) },
  spec: UserDirectory.spec.parse({
    ldap: { urls: ['ldaps://ldap.example.com'] },
    organization: 'main',
    groups: { membership: 'Direct' },
    emailDomains: ['example.com'],
    takesOver: 'former',
  }),
});

test('the settings are those of the directory, with the authority of the read', () => {
  expect(directorySettings(directory(), 'dc=example')).toMatchObject({
    name: 'corporate',
    authority: 'dc=example',
    organization: 'main',
    importAs: 'Users',
    membership: 'Direct',
    emailDomains: ['example.com'],
    takesOver: 'former',
    takenOverBy: undefined,
    linking: 'ByEmail',
    createDisabled: false,
    whenMissing: { policy: 'Keep', gracePeriod: '720h' },
    samePerson: undefined,
    newPerson: undefined,
  });
});

test('annotations name entries, separated by commas', () => {
  const settings = directorySettings(
    directory({ 'roster.dev/samePerson': ' a1, b2 ,,', 'roster.dev/newPerson': 'c3' }),
    'dc=example',
  );
  expect(settings).toMatchObject({ samePerson: ['a1', 'b2'], newPerson: ['c3'] });
});

test('another directory may take over from this one', () => {
  const named = (name: string) => ({ ...directory(), metadata: { name } });
  const takenOverBy = (name: string) => directorySettings(named(name), 'dc=example', [directory()]).takenOverBy;
  expect(takenOverBy('former')).toBe('corporate');
  expect(takenOverBy('other')).toBeUndefined();
});
