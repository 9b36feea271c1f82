import type { Condition, User } from '@roster/crds';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Reason } from '../../errors.ts';
import { at, brokenInvariants, condition, group, now, organization, role, tenant, user } from '../testing/objects.ts';
import { decide } from './decide.ts';
import { type Mirrored, personStatus } from './status.ts';

/** Decides about a person in a tenant with the organization main, and gives the status. */
function statusOf(
  spec: Partial<User['spec']>,
  mirrored: Mirrored,
  { owner = 'nobody', conditions = undefined as Condition[] | undefined, generation = 3, time = now } = {},
) {
  const person: User = {
    ...user('jane', { firstName: 'Jane', lastName: 'Doe', ...spec }, { generation }),
    ...(conditions && { status: { conditions } }),
  };
  const decision = decide({
    kind: 'User',
    person,
    tenant: tenant({ owner }),
    organization: (name) => (name === 'main' ? organization(name) : undefined),
    role: (name) => (name === 'developers' ? role(name) : undefined),
    group: (name) => (name === 'board' ? group(name) : undefined),
    now: time,
  });
  return personStatus(person, decision, mirrored, time);
}

const written: Mirrored = { written: true };
const down: Mirrored = {
  written: false,
  retried: true,
  problem: { reason: 'DatabaseUnavailable', message: 'The database does not answer.' },
};
const rejected: Mirrored = {
  written: false,
  retried: false,
  problem: { reason: 'RowRejected', message: 'The database refuses first_name.' },
};
const contested: Mirrored = { written: true, emailHolder: 'User john' };

const shown = (status: ReturnType<typeof statusOf>) =>
  status.conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
const message = (status: ReturnType<typeof statusOf>, type: string) =>
  status.conditions?.find((one) => one.type === type)?.message;

it('of a person in force says so, with the facts in force', () => {
  expect(statusOf({}, written)).toEqual({
    observedGeneration: 3,
    email: 'jane@example.com',
    displayName: 'Jane Doe',
    conditions: [
      {
        type: 'Active',
        status: 'True',
        reason: 'Enabled',
        message: 'Enabled.',
        observedGeneration: 3,
        lastTransitionTime: at(0),
      },
      {
        type: 'Ready',
        status: 'True',
        reason: 'Mirrored',
        message: 'In force and in the database.',
        observedGeneration: 3,
        lastTransitionTime: at(0),
      },
    ],
  });
});

it('leaves out an address and a name that there are not', () => {
  const status = statusOf({ email: undefined, firstName: undefined, lastName: undefined }, written);
  expect(status).not.toHaveProperty('email');
  expect(status).not.toHaveProperty('displayName');
});

describe('is', () => {
  it('Ready beside Active=False: being disabled is no failure', () => {
    expect(shown(statusOf({ enabled: false }, written))).toEqual(['Active=False Disabled', 'Ready=True Mirrored']);
  });

  it('Stalled for a bad reference, with what to do about it', () => {
    const status = statusOf({ groups: ['chess'] }, written);
    expect(shown(status)).toEqual(['Active=True Enabled', 'Ready=False GroupNotFound', 'Stalled=True GroupNotFound']);
    expect(message(status, 'Ready')).toBe('There is no group chess. Create the group, or correct the name.');
    expect(message(status, 'Stalled')).toBe(message(status, 'Ready'));
  });

  it('Stalled for the first of several problems', () => {
    expect(shown(statusOf({ email: 'x', groups: ['chess'] }, contested))).toEqual([
      'Active=False InvalidEmail',
      'Ready=False InvalidEmail',
      'Stalled=True InvalidEmail',
    ]);
  });

  it('Reconciling while the database is down, whatever else is wrong; nobody knows then what the row says', () => {
    for (const spec of [{}, { groups: ['chess'] }, { enabled: false }]) {
      expect(shown(statusOf(spec, down))).toEqual([
        'Active=Unknown DatabaseUnavailable',
        'Ready=False DatabaseUnavailable',
        'Reconciling=True DatabaseUnavailable',
      ]);
    }
  });

  it('Stalled when the database refuses the row', () => {
    const status = statusOf({}, rejected);
    expect(shown(status)).toEqual([
      'Active=Unknown RowRejected',
      'Ready=False RowRejected',
      'Stalled=True RowRejected',
    ]);
    expect(message(status, 'Ready')).toContain('The database refuses first_name.');
  });

  it('Stalled without a Tenant', () => {
    const person = user('jane');
    const decision = decide({
      kind: 'User',
      person,
      tenant: undefined,
      organization: () => undefined,
      role: () => undefined,
      group: () => undefined,
      now,
    });
    const [problem = { reason: 'RowRejected' as Reason, message: '' }] = decision.problems;
    expect(shown(personStatus(person, decision, { written: false, retried: false, problem }, now))).toEqual([
      'Active=False TenantNotFound',
      'Ready=False TenantNotFound',
      'Stalled=True TenantNotFound',
    ]);
  });
});

describe('of a contested', () => {
  it('address names the holder, and the person is not active', () => {
    const status = statusOf({}, contested);
    expect(shown(status)).toEqual([
      'Active=False EmailNotUnique',
      'Ready=False EmailNotUnique',
      'Stalled=True EmailNotUnique',
    ]);
    expect(message(status, 'Active')).toBe('The address jane@example.com belongs to User john.');
    expect(message(status, 'Ready')).toMatch(/^The address jane@example.com belongs to User john\. Change one/);
  });

  it('address leaves a better reason for being inactive', () => {
    expect(shown(statusOf({ enabled: false }, contested))).toContain('Active=False Disabled');
  });

  it('domain account names the holder, and the person stays active', () => {
    const status = statusOf({ domainAccount: 'ACME\\jane' }, { written: true, domainAccountHolder: 'User john' });
    expect(shown(status)).toEqual([
      'Active=True Enabled',
      'Ready=False DomainAccountNotUnique',
      'Stalled=True DomainAccountNotUnique',
    ]);
    expect(message(status, 'Ready')).toMatch(/^The domain account ACME\\jane belongs to User john\. Change one/);
  });

  it('address comes before a contested account', () => {
    expect(shown(statusOf({}, { ...contested, domainAccountHolder: 'User joan' }))).toContain(
      'Ready=False EmailNotUnique',
    );
  });
});

it('says that the owner cannot be deleted, as the admission policy will', () => {
  const status = statusOf({}, written, { owner: 'jane' });
  expect(shown(status)).toEqual(['Active=True Enabled', 'DeletionProtected=True TenantOwner', 'Ready=True Mirrored']);
  expect(message(status, 'DeletionProtected')).toBe(
    'this user owns the tenant; name another owner in the Tenant first',
  );
});

describe('conditions', () => {
  it('move their transition time only with their status', () => {
    const before = statusOf({}, written).conditions ?? [];
    const later = new Date(at(60));
    const times = (spec: Partial<User['spec']>) =>
      Object.fromEntries(
        (statusOf(spec, written, { conditions: before, time: later, generation: 4 }).conditions ?? []).map(
          ({ type, lastTransitionTime, observedGeneration }) => [type, [lastTransitionTime, observedGeneration]],
        ),
      );
    expect(times({})).toEqual({ Active: [at(0), 4], Ready: [at(0), 4] });
    expect(times({ groups: ['chess'] })).toEqual({
      Active: [at(0), 4],
      Ready: [at(60), 4],
      Stalled: [at(60), 4],
    });
  });

  it('that are no longer stated go', () => {
    const conditions = [
      condition('DeletionProtected', 'True', 'TenantOwner'),
      condition('Ready', 'False', 'GroupNotFound'),
      condition('Stalled', 'True', 'GroupNotFound'),
    ];
    expect(shown(statusOf({}, written, { conditions }))).toEqual(['Active=True Enabled', 'Ready=True Mirrored']);
  });

  const spec = fc.record(
    {
      email: fc.constantFrom('jane@example.com', 'x'),
      enabled: fc.boolean(),
      roles: fc.subarray(['developers', 'kings']),
      groups: fc.subarray(['board', 'chess']),
      organizations: fc.subarray([{ name: 'main' }, { name: 'moon' }]),
    },
    { requiredKeys: [] },
  );
  const mirrored = fc.constantFrom<Mirrored>(written, down, rejected, contested, {
    written: true,
    domainAccountHolder: 'User john',
  });

  it('hold what kstatus expects, and the same comes out again of what came out', () => {
    fc.assert(
      fc.property(spec, mirrored, fc.constantFrom('jane', 'nobody'), (fields, outcome, owner) => {
        const first = statusOf(fields, outcome, { owner });
        expect(brokenInvariants(first.conditions)).toEqual([]);
        const again = statusOf(fields, outcome, {
          owner,
          conditions: first.conditions ?? [],
          time: new Date(at(600)),
        });
        expect(again).toEqual(first);
        const other = statusOf(fields, written, { owner, conditions: first.conditions ?? [] });
        expect(brokenInvariants(other.conditions)).toEqual([]);
      }),
    );
  });
});
