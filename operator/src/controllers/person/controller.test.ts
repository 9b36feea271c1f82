import type { Person } from '@roster/crds';
import { describe, expect, it } from 'vitest';
import { Store } from '../../runtime/index.ts';
import { recipient, source, user } from '../testing/objects.ts';
import { personIndexes } from './controller.ts';

const found = (index: keyof typeof personIndexes, value: string, ...people: Person[]) => {
  const store = new Store<Person>(personIndexes);
  for (const person of people) store.set(person);
  return store.byIndex(index, value).map(({ metadata }) => metadata.name);
};

const jane = user('jane', {
  roles: ['tenant-administrator', 'auditors'],
  organizations: [{ name: 'main', roles: ['developers', 'auditors'] }],
  groups: ['board'],
  source: source({ groups: ['board', 'sellers'], organizations: [{ name: 'sales', roles: ['users'] }] }),
});

describe('people are found by', () => {
  it.each([
    ['organization', ['acme/main', 'acme/sales']],
    ['role', ['acme/tenant-administrator', 'acme/auditors', 'acme/developers', 'acme/users']],
    ['group', ['acme/board', 'acme/sellers']],
    ['directory', ['acme/corporate']],
  ] as const)('each %s that they or their directory name, once', (index, values) => {
    expect(personIndexes[index](jane)).toEqual(values);
    for (const value of values) expect(found(index, value, jane)).toEqual(['jane']);
  });

  it('nothing that they do not name', () => {
    const john = user('john', { organizations: undefined });
    for (const index of Object.values(personIndexes)) expect(index(john)).toEqual([]);
  });

  it('what recipients have, who hold no roles', () => {
    const press = recipient('press', { groups: ['board'] });
    expect(personIndexes.organization(press)).toEqual(['acme/main']);
    expect(personIndexes.group(press)).toEqual(['acme/board']);
    expect(personIndexes.role(press)).toEqual([]);
  });

  it('their namespace, too', () => {
    const other = user('jane', { groups: ['board'] }, { namespace: 'globex' });
    expect(found('group', 'globex/board', jane, other)).toEqual(['jane']);
    expect(found('group', 'acme/chess', jane, other)).toEqual([]);
  });
});
