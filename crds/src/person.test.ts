import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { effectivePerson, type Person } from './person.ts';
import type { PersonSource } from './source.ts';

type Spec = Person['spec'];

const identity = { directory: 'corporate', authority: 'dc=example', externalId: '42' } as const;

/** A person with the least that a user has. */
function person(spec: Partial<Spec>, source?: Partial<PersonSource>): Spec {
  const declared = { enabled: true, passwordSetup: 'None' as const, ...spec };
  return source ? { ...declared, source: { ...identity, ...source } } : declared;
}

describe('effectivePerson', () => {
  describe.each([
    ['firstName', 'Jane', 'Janet'],
    ['lastName', 'Doe', 'Miller'],
    ['email', 'jane@example.com', 'janet@example.com'],
    ['domainAccount', 'ACME\\jane', 'ACME\\janet'],
  ] as const)('%s', (field, declared, directory) => {
    const effective = (spec: Spec) => effectivePerson(spec)[field];

    it('is the declared one of a person without a directory', () => {
      expect(effective(person({ [field]: declared }))).toBe(declared);
    });

    it('is the directory’s where both have one', () => {
      expect(effective(person({ [field]: declared }, { [field]: directory }))).toBe(directory);
      expect(effective(person({ [field]: declared }, { [field]: directory, precedence: 'Directory' }))).toBe(directory);
    });

    it('is the declared one where both have one and precedence says so', () => {
      expect(effective(person({ [field]: declared }, { [field]: directory, precedence: 'Declared' }))).toBe(declared);
    });

    it('is the one there is', () => {
      expect(effective(person({ [field]: declared }, { precedence: 'Directory' }))).toBe(declared);
      expect(effective(person({}, { [field]: directory, precedence: 'Declared' }))).toBe(directory);
    });

    it('is absent where neither has one', () => {
      expect(effectivePerson(person({}, {}))).not.toHaveProperty(field);
    });
  });

  it('takes the declared language before the directory’s, whatever the precedence', () => {
    expect(effectivePerson(person({ language: 'fr' }, { language: 'de', precedence: 'Directory' })).language).toBe(
      'fr',
    );
    expect(effectivePerson(person({}, { language: 'de', precedence: 'Declared' })).language).toBe('de');
    expect(effectivePerson(person({}, {}))).not.toHaveProperty('language');
  });

  it('gives the address in its canonical spelling, or says why there is none', () => {
    expect(effectivePerson(person({ email: 'Jane@Example.COM' }))).toMatchObject({ email: 'jane@example.com' });
    const invalid = effectivePerson(person({ email: 'jane@ex ample.com' }));
    expect(invalid.invalidEmail).toBe('the part after the @ is not a domain name');
    expect(invalid).not.toHaveProperty('email');
    expect(effectivePerson(person({})).invalidEmail).toBe('there is none');
    expect(effectivePerson(person({ email: 'jane@example.com' }))).not.toHaveProperty('invalidEmail');
  });

  it('gives the domain account as written, and the key by which it is compared', () => {
    expect(effectivePerson(person({ domainAccount: ' ACME\\Jane ' }))).toMatchObject({
      domainAccount: 'ACME\\Jane',
      domainAccountKey: 'acme\\jane',
    });
    expect(effectivePerson(person({ domainAccount: '  ' }))).not.toHaveProperty('domainAccountKey');
  });

  it.each([
    ['both names', { firstName: 'Jane', lastName: 'Doe', email: 'jane@example.com' }, 'Jane Doe'],
    ['the one name there is', { lastName: 'Doe', email: 'jane@example.com' }, 'Doe'],
    ['the address as written where there is no name', { email: 'Jane@example.com' }, 'Jane@example.com'],
    ['nothing where there is nothing', {}, ''],
  ])('shows %s', (_, spec, displayName) => {
    expect(effectivePerson(person(spec)).displayName).toBe(displayName);
  });

  it('mixes names of both sides', () => {
    expect(effectivePerson(person({ firstName: 'Jane' }, { lastName: 'Miller' })).displayName).toBe('Jane Miller');
  });

  it('keeps what the administrator and the directory say of enabled apart', () => {
    const enabled = (spec: Spec) => {
      const effective = effectivePerson(spec);
      return [effective.enabled, effective.enabledInDirectory];
    };
    expect(enabled(person({}))).toEqual([true, true]);
    expect(enabled(person({ enabled: false }))).toEqual([false, true]);
    expect(enabled(person({}, {}))).toEqual([true, true]);
    expect(enabled(person({}, { enabled: false }))).toEqual([true, false]);
    expect(enabled(person({ enabled: false }, { enabled: true }))).toEqual([false, true]);
  });

  it('passes on when the account ends and since when it is missing', () => {
    const times = { expiresAt: '2030-01-01T00:00:00Z', missingSince: '2029-01-01T00:00:00Z' };
    expect(effectivePerson(person({}, times))).toMatchObject(times);
    const without = effectivePerson(person({}, {}));
    expect(without).not.toHaveProperty('expiresAt');
    expect(without).not.toHaveProperty('missingSince');
  });

  it('unites groups, sorted and without repetition', () => {
    expect(effectivePerson(person({ groups: ['b', 'a'] }, { groups: ['c', 'b'] })).groups).toEqual(['a', 'b', 'c']);
    expect(effectivePerson(person({})).groups).toEqual([]);
  });

  it('unites organizations, and the roles held in each', () => {
    const spec = person(
      { organizations: [{ name: 'sales', roles: ['users'] }, { name: 'main' }] },
      {
        organizations: [
          { name: 'sales', roles: ['developers', 'users'] },
          { name: 'lab', roles: ['users'] },
        ],
      },
    );
    expect(effectivePerson(spec).organizations).toEqual([
      { name: 'lab', roles: ['users'] },
      { name: 'main', roles: [] },
      { name: 'sales', roles: ['developers', 'users'] },
    ]);
  });

  it('takes the roles in the tenant from the declared ones only', () => {
    expect(effectivePerson(person({ roles: ['b', 'a', 'b'] })).roles).toEqual(['a', 'b']);
    expect(effectivePerson(person({}, { organizations: [{ name: 'main', roles: ['admin'] }] })).roles).toEqual([]);
  });

  it('is the same whatever the order of lists', () => {
    const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'));
    const organizations = fc.uniqueArray(fc.record({ name: fc.constantFrom('x', 'y', 'z'), roles: names }), {
      selector: ({ name }) => name,
    });
    const lists = fc.record({ groups: names, organizations });
    fc.assert(
      fc.property(lists, lists, names, (declared, directory, roles) => {
        const forwards = person({ ...declared, roles }, directory);
        const backwards = person({ ...reversed(declared), roles: roles.toReversed() }, reversed(directory));
        expect(effectivePerson(backwards)).toEqual(effectivePerson(forwards));
      }),
    );
  });

  it('is the same whichever side has a group or an organization', () => {
    const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'));
    fc.assert(
      fc.property(names, names, (one, other) => {
        const lists = (groups: string[]) => ({
          groups,
          organizations: groups.map((name) => ({ name, roles: groups })),
        });
        expect(effectivePerson(person(lists(one), lists(other)))).toEqual(
          effectivePerson(person(lists(other), lists(one))),
        );
      }),
    );
  });
});

interface Lists {
  readonly groups: string[];
  readonly organizations: { name: string; roles: string[] }[];
}

function reversed({ groups, organizations }: Lists): Lists {
  return {
    groups: groups.toReversed(),
    organizations: organizations.map(({ name, roles }) => ({ name, roles: roles.toReversed() })).reverse(),
  };
}
