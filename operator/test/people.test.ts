/** People declared by hand: what is in force for them, and what they read when something is wrong. */
import { AppRole, Group, Organization, type PersonSource, Recipient, User } from '@roster/crds';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { peopleInDatabase, personInDatabase } from './contract.ts';
import { group, organization, recipient, role, tenant, user } from './objects.ts';
import { eventually, openRoster, type Roster } from './roster.ts';
import { sentence, states, statusesHold } from './status.ts';

let roster: Roster;

beforeAll(async () => {
  roster = await openRoster();
  await roster.apply(tenant());
  await roster.eventually(Organization, 'main', (main) => expect(states(main)).toMatchObject(ready));
  return () => roster.close();
});

afterEach(async () => {
  await statusesHold(roster);
});

const ready = { Ready: 'True Mirrored' };
const active = { Active: 'True Enabled', ...ready };
const stalled = (reason: string, activity = 'True Enabled') => ({
  Active: activity,
  Ready: `False ${reason}`,
  Stalled: `True ${reason}`,
});

const inDatabase = (name: string) => personInDatabase(roster.database, roster.namespace, name);

const isActive = (name: string) => roster.eventually(User, name, (person) => expect(states(person)).toEqual(active));

/** Waits until the user is stalled for the reason, with the row in the database already; returns what they read. */
async function stalls(name: string, reason: string, activity?: string): Promise<string | undefined> {
  const person = await roster.eventually(User, name, (object) =>
    expect(states(object)).toEqual(stalled(reason, activity)),
  );
  expect(sentence(person, 'Stalled')).toBe(sentence(person, 'Ready'));
  return sentence(person, 'Ready');
}

describe('a person', () => {
  it('is in the database before Ready says so', async () => {
    await roster.apply(
      user('jane.doe', {
        firstName: 'Jane',
        lastName: 'Doe',
        email: 'Jane.Doe@EXAMPLE.com',
        domainAccount: 'ACME\\jane',
        language: 'fr',
        organizations: [{ name: 'main', roles: ['developers'] }],
        roles: ['tenant-administrator-viewer'],
      }),
      recipient('press', { lastName: 'Press office' }),
    );
    const jane = await isActive('jane.doe');
    expect(jane.status).toMatchObject({ email: 'jane.doe@example.com', displayName: 'Jane Doe' });
    expect(await inDatabase('jane.doe')).toMatchObject({
      kind: 'User',
      email: 'jane.doe@example.com',
      display_name: 'Jane Doe',
      language: 'fr',
      active: true,
      inactive_reason: null,
      domain_account: 'ACME\\jane',
      organizations: ['main'],
      roles: ['developers', 'tenant-administrator-viewer'],
    });
    const press = await roster.eventually(Recipient, 'press', (object) => expect(states(object)).toEqual(active));
    expect(press.status).toMatchObject({ email: 'press@example.com', displayName: 'Press office' });
    expect(await inDatabase('press')).toMatchObject({ kind: 'Recipient', active: true, organizations: ['main'] });
  });

  it('follows a change of the spec', async () => {
    await roster.apply(user('mover', { lastName: 'Before' }));
    await isActive('mover');
    await roster.apply(user('mover', { lastName: 'After', email: 'after@example.com' }));
    const mover = await isActive('mover');
    expect(mover.status).toMatchObject({ email: 'after@example.com', displayName: 'After' });
    expect(await inDatabase('mover')).toMatchObject({ email: 'after@example.com', display_name: 'After' });
  });

  it('who is deleted by hand leaves the database, and takes the row back when restored', async () => {
    await roster.apply(user('leaver'));
    await isActive('leaver');
    const before = await inDatabase('leaver');
    await roster.delete(User, 'leaver');
    await eventually(async () => expect(await inDatabase('leaver')).toBeUndefined());
    await roster.apply(user('leaver'));
    await isActive('leaver');
    expect(await inDatabase('leaver')).toEqual(before);
  });

  it('who is disabled is Ready and not Active', async () => {
    await roster.apply(user('disabled', { enabled: false }));
    const disabled = await roster.eventually(User, 'disabled', (object) =>
      expect(states(object)).toEqual({ ...ready, Active: 'False Disabled' }),
    );
    expect(sentence(disabled, 'Active')).toBe('Disabled by an administrator: spec.enabled is false.');
    expect(await inDatabase('disabled')).toMatchObject({ active: false, inactive_reason: 'Disabled' });
    await roster.apply(user('disabled', { enabled: true }));
    await isActive('disabled');
    expect(await inDatabase('disabled')).toMatchObject({ active: true, inactive_reason: null });
  });

  it('whom the directory disabled is Ready and not Active', async () => {
    await roster.apply(user('retired', { source: { ...source('retired'), enabled: false } }));
    const retired = await roster.eventually(User, 'retired', (object) =>
      expect(states(object)).toEqual({ ...ready, Active: 'False DirectoryDisabled' }),
    );
    expect(sentence(retired, 'Active')).toBe('The account is disabled in the directory.');
  });

  it('whom a run no longer found is Ready and not Active, and active again when found', async () => {
    const missingSince = '2030-01-01T00:00:00Z';
    await roster.apply(user('lost', { source: { ...source('lost'), missingSince } }));
    const lost = await roster.eventually(User, 'lost', (object) =>
      expect(states(object)).toEqual({ ...ready, Active: 'False Missing' }),
    );
    expect(sentence(lost, 'Active')).toBe(`The directory has not had the person since ${missingSince}.`);
    expect(await inDatabase('lost')).toMatchObject({ active: false, inactive_reason: 'Missing' });
    await roster.apply(user('lost', { source: source('lost') }));
    await isActive('lost');
  });

  it('expires at the hour, without anybody changing anything', async () => {
    const expiresAt = (time: number) => `${new Date(time).toISOString().slice(0, 19)}Z`;
    await roster.apply(user('temp', { source: { ...source('temp'), expiresAt: expiresAt(Date.now() + 3_600_000) } }));
    await isActive('temp');
    const soon = expiresAt(Date.now() + 3_000);
    await roster.apply(user('temp', { source: { ...source('temp'), expiresAt: soon } }));
    const expired = await roster.eventually(User, 'temp', (object) =>
      expect(states(object)).toEqual({ ...ready, Active: 'False Expired' }),
    );
    expect(sentence(expired, 'Active')).toBe(`The account ended in the directory on ${soon.replace('Z', '.000Z')}.`);
    expect(await inDatabase('temp')).toMatchObject({ active: false, inactive_reason: 'Expired' });
  });

  it('waits for an address that can be used', async () => {
    await roster.apply(user('dotty', { email: 'dotty..dot@example.com' }));
    expect(await stalls('dotty', 'InvalidEmail', 'False InvalidEmail')).toBe(
      'The e-mail address cannot be used: the part before the @ has a dot too many. ' +
        'Correct the address in the directory or in the resource.',
    );
    expect(await inDatabase('dotty')).toMatchObject({ email: null, active: false, inactive_reason: 'InvalidEmail' });
    await roster.apply(user('dotty', { email: 'dotty.dot@example.com' }));
    await isActive('dotty');
    expect(await inDatabase('dotty')).toMatchObject({ email: 'dotty.dot@example.com', active: true });
  });
});

/** What a directory would write; the tests' administrator may. */
const source = (externalId: string): PersonSource => ({ directory: 'corporate', authority: 'dc=example', externalId });

describe('what a person names', () => {
  it('may be an organization that comes later', async () => {
    await roster.apply(user('early', { organizations: [{ name: 'sales' }] }));
    expect(await stalls('early', 'OrganizationNotFound')).toBe(
      'There is no organization sales. Create the organization, or correct the name.',
    );
    expect(await inDatabase('early')).toMatchObject({ active: true, organizations: [] });
    await roster.apply(organization('sales'));
    await isActive('early');
    await eventually(async () => expect(await inDatabase('early')).toMatchObject({ organizations: ['sales'] }));
  });

  it('holds for those organizations that exist', async () => {
    await roster.apply(user('half', { organizations: [{ name: 'main' }, { name: 'nowhere' }] }));
    expect(await stalls('half', 'OrganizationNotFound')).toMatch(/^There is no organization nowhere\. /);
    expect(await inDatabase('half')).toMatchObject({ active: true, organizations: ['main'] });
  });

  it('may be a role that comes later, and goes again', async () => {
    await roster.apply(user('painter', { organizations: [{ name: 'main', roles: ['painters'] }], roles: ['chiefs'] }));
    expect(await stalls('painter', 'RoleNotFound')).toBe(
      'There is no role painters. Create the AppRole, or correct the name.',
    );
    await roster.apply(role('painters', 'Organization'));
    expect(await eventually(() => sentenceNaming('painter', 'chiefs'))).toBe(
      'There is no role chiefs. Create the AppRole, or correct the name.',
    );
    await roster.apply(role('chiefs', 'Tenant'));
    await isActive('painter');
    await eventually(async () => expect(await inDatabase('painter')).toMatchObject({ roles: ['chiefs', 'painters'] }));
    await roster.delete(AppRole, 'painters');
    await stalls('painter', 'RoleNotFound');
    await eventually(async () => expect(await inDatabase('painter')).toMatchObject({ roles: ['chiefs'] }));
  });

  it('may not be a role of another scope', async () => {
    await roster.apply(
      role('everywhere', 'Tenant'),
      role('somewhere', 'Organization'),
      user('confused', { organizations: [{ name: 'main', roles: ['everywhere'] }] }),
      user('dazed', { roles: ['somewhere'] }),
    );
    expect(await stalls('confused', 'RoleScopeMismatch')).toBe(
      'The role everywhere has scope Tenant and cannot be held in an organization. ' +
        'Name tenant roles in spec.roles and organization roles under the organization.',
    );
    expect(await stalls('dazed', 'RoleScopeMismatch')).toMatch(
      /^The role somewhere has scope Organization and cannot be held in the whole tenant\. /,
    );
    expect(await inDatabase('confused')).toMatchObject({ active: true, roles: [] });
    await roster.apply(user('confused', { roles: ['everywhere'] }));
    await isActive('confused');
    expect(await inDatabase('confused')).toMatchObject({ roles: ['everywhere'] });
  });

  it('may be a group that comes later, and goes again', async () => {
    await roster.apply(user('joiner', { groups: ['choir'] }), recipient('listener', { groups: ['choir'] }));
    expect(await stalls('joiner', 'GroupNotFound')).toBe(
      'There is no group choir. Create the group, or correct the name.',
    );
    expect(await inDatabase('joiner')).toMatchObject({ active: true, groups: [] });
    await roster.apply(group('choir'));
    await isActive('joiner');
    await roster.eventually(Recipient, 'listener', (object) => expect(states(object)).toEqual(active));
    await eventually(async () => expect(await inDatabase('joiner')).toMatchObject({ groups: ['choir'] }));
    expect(await inDatabase('listener')).toMatchObject({ groups: ['choir'] });
    await roster.eventually(Group, 'choir', ({ status }) => expect(status?.members).toBe(2));
    await roster.delete(Group, 'choir');
    await stalls('joiner', 'GroupNotFound');
    await eventually(async () => expect(await inDatabase('joiner')).toMatchObject({ active: true, groups: [] }));
  });

  it('may not be a group of an organization that is not theirs', async () => {
    await roster.apply(
      organization('finance'),
      group('auditors', { organization: 'finance' }),
      user('outsider', { groups: ['auditors'] }),
    );
    expect(await stalls('outsider', 'GroupOfOtherOrganization')).toBe(
      'The group auditors belongs to the organization finance, which the person is not in. ' +
        'Add the organization to the person, or remove the group.',
    );
    expect(await inDatabase('outsider')).toMatchObject({ active: true, groups: [] });
    await roster.apply(
      user('outsider', { organizations: [{ name: 'main' }, { name: 'finance' }], groups: ['auditors'] }),
    );
    await isActive('outsider');
    expect(await inDatabase('outsider')).toMatchObject({ groups: ['auditors'], organizations: ['finance', 'main'] });
  });

  it('costs nobody a write when a role changes', async () => {
    await roster.apply(
      role('readers', 'Organization', { permissions: [{ resource: 'reports', verbs: ['read'] }] }),
      user('reader', { organizations: [{ name: 'main', roles: ['readers'] }] }),
    );
    await isActive('reader');
    const before = await versions();
    await roster.apply(role('readers', 'Organization', { enabled: false, licence: 'Creator' }));
    await eventually(async () => expect(await inDatabase('reader')).toMatchObject({ roles: [] }));
    await roster.eventually(AppRole, 'readers', (object) => expect(states(object)).toEqual(ready));
    expect(await versions()).toEqual(before);
  });
});

/** What a person reads, once it speaks of what is named. */
async function sentenceNaming(name: string, what: string): Promise<string | undefined> {
  const read = sentence(await roster.get(User, name), 'Ready');
  expect(read).toContain(what);
  return read;
}

async function versions(): Promise<string[]> {
  const people = [...(await roster.list(User)), ...(await roster.list(Recipient))];
  return people.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`);
}

describe('an address', () => {
  const addresses = async (...names: string[]) => {
    const people = await peopleInDatabase(roster.database, roster.namespace);
    return names.map((name) => people.find((person) => person.name === name)?.email);
  };

  it('stays with whom it belongs to, until that one is gone', async () => {
    await roster.apply(user('first', { email: 'wanted@example.com' }));
    await isActive('first');
    await roster.apply(user('second', { email: 'Wanted@Example.com' }));
    expect(await stalls('second', 'EmailNotUnique', 'False EmailNotUnique')).toBe(
      'The address wanted@example.com belongs to User first. ' +
        'Change one of the addresses; the other person keeps it until then.',
    );
    expect(await inDatabase('second')).toMatchObject({ email: null, active: false, inactive_reason: 'EmailNotUnique' });
    await isActive('first');
    await roster.delete(User, 'first');
    await isActive('second');
    expect(await inDatabase('second')).toMatchObject({ email: 'wanted@example.com', active: true });
  });

  it('goes to who waits when its holder takes another', async () => {
    await roster.apply(user('holder', { email: 'chair@example.com' }));
    await isActive('holder');
    await roster.apply(user('waiter', { email: 'chair@example.com' }));
    await stalls('waiter', 'EmailNotUnique', 'False EmailNotUnique');
    await roster.apply(user('holder', { email: 'stool@example.com' }));
    await isActive('waiter');
    await isActive('holder');
    expect(await addresses('holder', 'waiter')).toEqual(['stool@example.com', 'chair@example.com']);
  });

  it('can be contested by a user and a recipient', async () => {
    await roster.apply(recipient('desk', { email: 'desk@example.com' }));
    await roster.eventually(Recipient, 'desk', (object) => expect(states(object)).toEqual(active));
    await roster.apply(user('desk', { email: 'desk@example.com' }));
    expect(await stalls('desk', 'EmailNotUnique', 'False EmailNotUnique')).toMatch(
      /^The address desk@example\.com belongs to Recipient desk\. /,
    );
    await roster.delete(Recipient, 'desk');
    await isActive('desk');
  });

  it('can be swapped by two', async () => {
    await roster.apply(user('ping', { email: 'ping@example.com' }), user('pong', { email: 'pong@example.com' }));
    await isActive('ping');
    await isActive('pong');
    await roster.apply(user('ping', { email: 'pong@example.com' }), user('pong', { email: 'ping@example.com' }));
    await isActive('ping');
    await isActive('pong');
    expect(await addresses('ping', 'pong')).toEqual(['pong@example.com', 'ping@example.com']);
  });

  it('can be passed on in a ring of three', async () => {
    const ring = ['rock', 'paper', 'scissors'];
    await roster.apply(...ring.map((name) => user(name)));
    for (const name of ring) await isActive(name);
    await roster.apply(
      user('rock', { email: 'paper@example.com' }),
      user('paper', { email: 'scissors@example.com' }),
      user('scissors', { email: 'rock@example.com' }),
    );
    for (const name of ring) await isActive(name);
    expect(await addresses(...ring)).toEqual(['paper@example.com', 'scissors@example.com', 'rock@example.com']);
  });
});

it('a domain account belongs to one person, whatever its case', async () => {
  await roster.apply(user('windows', { domainAccount: 'ACME\\win' }));
  await isActive('windows');
  await roster.apply(user('doors', { domainAccount: 'acme\\WIN' }));
  expect(await stalls('doors', 'DomainAccountNotUnique')).toBe(
    'The domain account acme\\WIN belongs to User windows. ' +
      'Change one of the accounts; the other person keeps it until then.',
  );
  expect(await inDatabase('doors')).toMatchObject({ domain_account: null, email: 'doors@example.com', active: true });
  await roster.apply(user('windows'));
  await isActive('doors');
  expect(await inDatabase('doors')).toMatchObject({ domain_account: 'acme\\WIN' });
});
