import type { AppRole, Group, Organization, PersonSource, Recipient, Tenant, User } from '@roster/crds';
import { describe, expect, it } from 'vitest';
import { at, group, namespace, now, organization, recipient, role, source, tenant, user } from '../testing/objects.ts';
import { type Decision, decide } from './decide.ts';

interface World {
  readonly tenant?: Tenant | undefined;
  readonly organizations?: readonly Organization[];
  readonly roles?: readonly AppRole[];
  readonly groups?: readonly Group[];
}

/** A tenant with the organizations main and sales, a role of each scope, and a group in each organization. */
const acme: World = {
  tenant: tenant(),
  organizations: [organization('main'), organization('sales')],
  roles: [role('developers'), role('tenant-administrator', 'Tenant')],
  groups: [group('board'), group('sellers', 'sales')],
};

function decideIn(world: World, person: User | Recipient): Decision {
  const find =
    <T extends Organization | AppRole | Group>(objects: readonly T[] = []) =>
    (name: string) =>
      objects.find(({ metadata }) => metadata.name === name);
  return decide({
    kind: person.kind === 'User' ? 'User' : 'Recipient',
    person,
    tenant: world.tenant,
    organization: find(world.organizations),
    role: find(world.roles),
    group: find(world.groups),
    now,
  });
}

const decideUser = (spec: Partial<User['spec']> = {}) => decideIn(acme, user('jane', spec));
const fromDirectory = (fields: Partial<PersonSource>, spec: Partial<User['spec']> = {}) =>
  decideUser({ ...spec, source: source(fields) });

describe('a person with nothing wrong', () => {
  const jane = user('jane', {
    firstName: 'Jane',
    lastName: 'Doe',
    email: 'Jane@Example.COM',
    domainAccount: 'ACME\\Jane',
    passwordSetup: 'Invite',
    roles: ['tenant-administrator'],
    organizations: [{ name: 'sales' }, { name: 'main', roles: ['developers'] }],
    groups: ['sellers', 'board'],
    source: source({ language: 'de', groups: ['board'] }),
  });

  it('is mirrored with all that is in force', () => {
    expect(decideIn(acme, jane).row).toEqual({
      namespace,
      kind: 'User',
      name: 'jane',
      uid: 'uid-of-jane',
      email: 'jane@example.com',
      domainAccount: 'ACME\\Jane',
      domainAccountKey: 'acme\\jane',
      firstName: 'Jane',
      lastName: 'Doe',
      displayName: 'Jane Doe',
      language: 'de',
      enabled: true,
      active: true,
      passwordSetup: 'Invite',
      directory: 'corporate',
      authority: 'dc=example,dc=com',
      externalId: '42',
      roles: ['tenant-administrator'],
      organizations: [
        { name: 'main', roles: ['developers'] },
        { name: 'sales', roles: [] },
      ],
      groups: ['board', 'sellers'],
    });
  });

  it('is active, and there is no problem', () => {
    expect(decideIn(acme, jane)).toMatchObject({
      activity: { active: true, reason: 'Enabled', message: 'Enabled.' },
      problems: [],
      owner: false,
      reviewAt: undefined,
    });
  });

  it('is left out where there is nothing to say: the row has no undefined fields', () => {
    const { row } = decideIn(acme, recipient('press'));
    expect(Object.values(row ?? {})).not.toContain(undefined);
    expect(row).toEqual({
      namespace,
      kind: 'Recipient',
      name: 'press',
      uid: 'uid-of-press',
      email: 'press@example.com',
      displayName: 'press@example.com',
      language: 'en',
      enabled: true,
      active: true,
      roles: [],
      organizations: [{ name: 'main', roles: [] }],
      groups: [],
    });
  });

  it("speaks the tenant's language unless they or the directory name another", () => {
    const french = { ...acme, tenant: tenant({ defaultLanguage: 'fr' }) };
    expect(decideIn(french, user('jane')).row?.language).toBe('fr');
    expect(decideIn(french, user('jane', { language: 'en' })).row?.language).toBe('en');
    expect(decideIn(french, user('jane', { source: source({ language: 'de' }) })).row?.language).toBe('de');
  });

  it('gives the same decision for the same observation', () => {
    expect(decideIn(acme, jane)).toEqual(decideIn(acme, structuredClone(jane)));
  });
});

describe('without a Tenant', () => {
  const decision = decideIn({ ...acme, tenant: undefined }, user('jane'));

  it('the database is left as it is', () => {
    expect(decision.row).toBeUndefined();
  });

  it('the problem names the namespace', () => {
    expect(decision.problems).toEqual([
      { reason: 'TenantNotFound', message: 'The namespace acme has no Tenant named tenant.' },
    ]);
    expect(decision.activity).toEqual({
      active: false,
      reason: 'TenantNotFound',
      message: 'The namespace has no Tenant.',
    });
  });
});

describe('the owner', () => {
  const owned = { ...acme, tenant: tenant({ owner: 'jane' }) };

  it('is the user whom the Tenant names', () => {
    expect(decideIn(owned, user('jane')).owner).toBe(true);
    expect(decideIn(owned, user('john')).owner).toBe(false);
  });

  it('is never a recipient of the same name', () => {
    expect(decideIn(owned, recipient('jane')).owner).toBe(false);
  });
});

describe('an address', () => {
  it('that cannot be used is left out, and said why', () => {
    const decision = decideUser({ email: 'jane@ex ample.com' });
    expect(decision.problems).toEqual([
      {
        reason: 'InvalidEmail',
        message: 'The e-mail address cannot be used: the part after the @ is not a domain name.',
      },
    ]);
    expect(decision.row).not.toHaveProperty('email');
    expect(decision.row).toMatchObject({ active: false, inactiveReason: 'InvalidEmail' });
    expect(decision.activity.message).toBe('There is no address that can be used.');
  });
});

describe('an organization', () => {
  it('that does not exist stays in the row with its roles, for the day when it is there', () => {
    const decision = decideUser({
      organizations: [{ name: 'main' }, { name: 'moon', roles: ['developers'] }],
    });
    expect(decision.problems).toEqual([{ reason: 'OrganizationNotFound', message: 'There is no organization moon.' }]);
    expect(decision.row?.organizations).toEqual([
      { name: 'main', roles: [] },
      { name: 'moon', roles: ['developers'] },
    ]);
    expect(decision.activity.active).toBe(true);
  });

  it('need not exist for the person to be active', () => {
    const decision = decideUser({ organizations: [{ name: 'moon' }] });
    expect(decision.problems.map(({ reason }) => reason)).toEqual(['OrganizationNotFound']);
    expect(decision.row).toMatchObject({ active: true, organizations: [{ name: 'moon', roles: [] }] });
    expect(decision.row).not.toHaveProperty('inactiveReason');
  });

  it('may follow from a mapping of the directory', () => {
    const decision = fromDirectory({ organizations: [{ name: 'sales', roles: ['developers'] }] });
    expect(decision.row?.organizations).toContainEqual({ name: 'sales', roles: ['developers'] });
  });
});

describe('a role', () => {
  it('that does not exist stays in the row', () => {
    const decision = decideUser({
      roles: ['kings'],
      organizations: [{ name: 'main', roles: ['developers', 'queens'] }],
    });
    expect(decision.problems).toEqual([
      { reason: 'RoleNotFound', message: 'There is no role queens.' },
      { reason: 'RoleNotFound', message: 'There is no role kings.' },
    ]);
    expect(decision.row).toMatchObject({
      roles: ['kings'],
      organizations: [{ name: 'main', roles: ['developers', 'queens'] }],
    });
  });

  it('of an organization cannot be held in the whole tenant', () => {
    const decision = decideUser({ roles: ['developers'] });
    expect(decision.problems).toEqual([
      {
        reason: 'RoleScopeMismatch',
        message: 'The role developers has scope Organization and cannot be held in the whole tenant.',
      },
    ]);
    expect(decision.row?.roles).toEqual([]);
  });

  it('of the tenant cannot be held in an organization', () => {
    const decision = decideUser({ organizations: [{ name: 'main', roles: ['tenant-administrator'] }] });
    expect(decision.problems).toEqual([
      {
        reason: 'RoleScopeMismatch',
        message: 'The role tenant-administrator has scope Tenant and cannot be held in an organization.',
      },
    ]);
    expect(decision.row?.organizations).toEqual([{ name: 'main', roles: [] }]);
  });
});

describe('a group', () => {
  it('that does not exist stays in the row', () => {
    const decision = decideUser({ groups: ['board', 'chess'] });
    expect(decision.problems).toEqual([{ reason: 'GroupNotFound', message: 'There is no group chess.' }]);
    expect(decision.row?.groups).toEqual(['board', 'chess']);
  });

  it('of an organization that the person is not in is left out, whoever named it', () => {
    const problem = {
      reason: 'GroupOfOtherOrganization',
      message: 'The group sellers belongs to the organization sales, which the person is not in.',
    };
    for (const decision of [decideUser({ groups: ['sellers'] }), fromDirectory({ groups: ['sellers'] })]) {
      expect(decision.problems).toEqual([problem]);
      expect(decision.row?.groups).toEqual([]);
    }
  });

  it('of an organization that does not exist stays with who is in that organization', () => {
    const world = { ...acme, organizations: [organization('main')] };
    const decision = decideIn(
      world,
      user('jane', { organizations: [{ name: 'main' }, { name: 'sales' }], groups: ['sellers'] }),
    );
    expect(decision.problems.map(({ reason }) => reason)).toEqual(['OrganizationNotFound']);
    expect(decision.row?.groups).toEqual(['sellers']);
  });
});

it('the row stays as it is when all organizations, roles and groups are gone', () => {
  const jane = user('jane', {
    roles: ['tenant-administrator'],
    organizations: [{ name: 'main', roles: ['developers'] }, { name: 'sales' }],
    groups: ['board', 'sellers'],
  });
  const { row } = decideIn({ tenant: tenant() }, jane);
  expect(row).toEqual(decideIn(acme, jane).row);
});

it('names problems in a fixed order: address, organizations, roles held there, roles in the tenant, groups', () => {
  const decision = decideUser({
    email: 'nobody',
    roles: ['kings'],
    organizations: [{ name: 'main', roles: ['queens'] }, { name: 'moon' }],
    groups: ['chess'],
  });
  expect(decision.problems.map(({ message }) => message)).toEqual([
    'The e-mail address cannot be used: it needs a part before and a part after an @.',
    'There is no organization moon.',
    'There is no role queens.',
    'There is no role kings.',
    'There is no group chess.',
  ]);
});

describe('who may not sign in', () => {
  it('is whom an administrator disabled', () => {
    const { row, activity } = decideUser({ enabled: false });
    expect(activity).toEqual({
      active: false,
      reason: 'Disabled',
      message: 'Disabled by an administrator: spec.enabled is false.',
    });
    expect(row).toMatchObject({ enabled: false, active: false, inactiveReason: 'Disabled' });
  });

  it('is whose account is disabled in the directory; the declared value stays', () => {
    const { row, activity } = fromDirectory({ enabled: false });
    expect(activity).toEqual({
      active: false,
      reason: 'DirectoryDisabled',
      message: 'The account is disabled in the directory.',
    });
    expect(row).toMatchObject({ enabled: true, active: false, inactiveReason: 'DirectoryDisabled' });
  });

  it('is whom a run no longer found', () => {
    const { row, activity } = fromDirectory({ missingSince: at(-60) });
    expect(activity).toEqual({
      active: false,
      reason: 'Missing',
      message: `The directory has not had the person since ${at(-60)}.`,
    });
    expect(row).toMatchObject({ enabled: true, active: false, inactiveReason: 'Missing', missingSince: at(-60) });
  });

  it('is whose account has ended', () => {
    for (const expiresAt of [at(-1), at(0)]) {
      const { row, activity, reviewAt } = fromDirectory({ expiresAt });
      expect(activity).toEqual({
        active: false,
        reason: 'Expired',
        message: `The account ended in the directory on ${expiresAt.replace('Z', '.000Z')}.`,
      });
      expect(row).toMatchObject({ active: false, inactiveReason: 'Expired', expiresAt });
      expect(reviewAt).toBeUndefined();
    }
  });

  it('is not whose account ends later; but that is when to look again', () => {
    const { activity, row, reviewAt } = fromDirectory({ expiresAt: at(1) });
    expect(activity.active).toBe(true);
    expect(row).not.toHaveProperty('inactiveReason');
    expect(reviewAt).toEqual(new Date(at(1)));
  });

  it.each<[string, Partial<User['spec']>]>([
    ['Disabled', { enabled: false, email: 'x', source: source({ enabled: false, expiresAt: at(-1) }) }],
    ['DirectoryDisabled', { email: 'x', source: source({ enabled: false, missingSince: at(-60), expiresAt: at(-1) }) }],
    ['Missing', { email: 'x', source: source({ missingSince: at(-60), expiresAt: at(-1) }) }],
    ['Expired', { email: 'x', source: source({ expiresAt: at(-1) }) }],
    ['InvalidEmail', { email: 'x' }],
  ])('is told the first of several reasons: %s', (reason, spec) => {
    expect(decideUser(spec).activity.reason).toBe(reason);
  });
});
