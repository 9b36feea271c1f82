import type { AppRole } from '@roster/crds';
import { describe, expect, test } from 'vitest';
import { judge } from '../guard.ts';
import {
  authority,
  entry,
  entryWithoutEmail,
  fates,
  linked,
  planOf,
  recipient,
  role,
  type Scene,
  source,
  user,
  written,
} from './fixtures.ts';
import { finish } from './steps.ts';

const at = (address: string) => ({ email: address });
const elsewhere = (externalId: string, email: string) => source(externalId, { directory: 'branch', email });

type Row = [what: string, scene: Scene, expected: Record<string, string>];

describe('by identity', () => {
  test.each<Row>([
    ['somebody new is created', { people: [entry('jane')] }, { jane: 'Create' }],
    ['a person of the same identity is left as they are', { people: [entry('jane')], users: [linked('jane')] }, {}],
    [
      'a person is recognised after a change of address',
      { people: [entry('jane', at('jane.roe@example.com'))], users: [linked('jane')] },
      { jane: 'Update jane: email' },
    ],
    [
      'the same id of another authority is somebody else',
      {
        people: [entry('jane')],
        users: [user('other', { source: source('jane', { authority: 'dc=other', email: 'x@example.com' }) })],
      },
      { jane: 'Create; Keep NoLongerFound' },
    ],
    [
      'a person of another directory is that directory’s',
      {
        people: [entry('jane'), entry('john')],
        users: [user('jane', { source: elsewhere('jane', 'jane@example.com') })],
      },
      { jane: 'Reject LinkedToOtherDirectory', john: 'Create' },
    ],
    [
      'an id that two entries have is nobody’s',
      {
        people: [entry('jane'), entry('jane', at('second@example.com')), entry('john')],
        users: [linked('jane')],
      },
      { jane: 'Reject DuplicateIdentity; Reject DuplicateIdentity', john: 'Create' },
    ],
    [
      'an id that two people have is not decided',
      {
        people: [entry('jane')],
        users: [linked('jane'), user('twin', { source: source('jane', at('twin@example.com')) })],
      },
      { jane: 'Reject DuplicateIdentity' },
    ],
    [
      'an id that does not fit is refused',
      { people: [entry('i'.repeat(129), at('jane@example.com')), entry('i'.repeat(128), at('john@example.com'))] },
      { ['i'.repeat(129)]: 'Reject InvalidValue', ['i'.repeat(128)]: 'Create' },
    ],
    [
      'a recipient of this directory does not become a user',
      { people: [entry('jane')], recipients: [recipient('jane', { source: source('jane') })] },
      { jane: 'Reject EmailOfRecipient' },
    ],
    [
      'a user of this directory does not become a recipient',
      { directory: { importAs: 'Recipients' }, people: [entry('jane')], users: [linked('jane')] },
      { jane: 'Reject EmailOfUser' },
    ],
  ])('%s', (_, scene, expected) => expect(fates(planOf(scene))).toEqual(expected));
});

describe('an address', () => {
  test.each<Row>([
    [
      'that is missing refuses somebody new',
      { people: [entryWithoutEmail('jane'), entry('john')] },
      { jane: 'Reject NoEmail', john: 'Create' },
    ],
    [
      'that vanished stays with the person',
      { people: [entryWithoutEmail('jane', { lastName: 'Doe' })], users: [linked('jane')] },
      { jane: 'Update jane: lastName' },
    ],
    [
      'that nobody can get mail at is refused',
      { people: [entry('jane', at('jane@')), entry('john', at('no address'))], users: [linked('john')] },
      { jane: 'Reject InvalidEmail', john: 'Reject InvalidEmail' },
    ],
    [
      'is the same in another spelling',
      { people: [entry('jane', at(' Jane@EXAMPLE.com'))], users: [linked('jane')] },
      {},
    ],
    [
      'that two entries have is nobody’s, whatever its case',
      { people: [entry('jane', at('Info@example.com')), entry('john', at('info@EXAMPLE.com')), entry('june')] },
      { jane: 'Reject DuplicateEmail', john: 'Reject DuplicateEmail', june: 'Create' },
    ],
    [
      'stays with the person who has it when another entry gets it, too',
      { people: [entry('jane'), entry('john', at('jane@example.com'))], users: [linked('jane')] },
      { john: 'Reject DuplicateEmail' },
    ],
    [
      'that two people of the directory want is nobody’s, and both stay as they are',
      {
        people: [entry('jane', at('new@example.com')), entry('john', at('new@example.com'))],
        users: [linked('jane'), linked('john')],
      },
      { jane: 'Reject DuplicateEmail', john: 'Reject DuplicateEmail' },
    ],
    [
      'of a person whom another directory fills is that person’s',
      {
        people: [entry('jane')],
        users: [user('other', { source: elsewhere('other', 'jane@example.com') })],
      },
      { jane: 'Reject EmailOfLinkedPerson' },
    ],
    [
      'of a person who is gone from the directory is that person’s',
      { people: [entry('jane', at('gone@example.com'))], users: [linked('gone')] },
      { jane: 'Reject EmailOfLinkedPerson', gone: 'Keep NoLongerFound' },
    ],
    [
      'of a person who is excluded is that person’s',
      {
        directory: { exclude: ['x'] },
        people: [entry('jane', at('x@example.com')), entry('x', at('y@example.com'))],
        users: [linked('x')],
      },
      { jane: 'Reject EmailOfLinkedPerson', x: 'Exclude Excluded' },
    ],
    [
      'of a recipient is the recipient’s, linked or not',
      {
        people: [entry('jane'), entry('john')],
        recipients: [
          recipient('r1', at('JANE@example.com')),
          recipient('r2', { source: elsewhere('r2', 'john@example.com') }),
        ],
      },
      { jane: 'Reject EmailOfRecipient', john: 'Reject EmailOfRecipient' },
    ],
    [
      'of a user is the user’s when the directory makes recipients',
      { directory: { importAs: 'Recipients' }, people: [entry('jane')], users: [user('jane', at('jane@example.com'))] },
      { jane: 'Reject EmailOfUser' },
    ],
    [
      'of a person without a directory is that person’s when a linked one would get it',
      {
        people: [entry('jane', at('x@example.com'))],
        users: [linked('jane'), user('x', at('x@example.com'))],
      },
      { jane: 'Reject EmailTaken' },
    ],
    [
      'that two people of the tenant declare links to neither',
      {
        people: [entry('jane')],
        users: [user('a', at('jane@example.com')), user('b', at('jane@example.com'))],
      },
      { jane: 'Reject EmailTaken' },
    ],
    [
      'that a declared one covers is nobody’s, but still stands in two entries',
      {
        directory: { precedence: 'Declared' },
        people: [entry('jane', at('x@example.com')), entry('john', at('x@example.com'))],
        users: [linked('jane', { ...at('x@example.com'), precedence: 'Declared' }, at('declared@example.com'))],
      },
      { john: 'Reject DuplicateEmail' },
    ],
    [
      'that would be in force and cannot be used refuses the change',
      {
        directory: { precedence: 'Declared' },
        people: [entry('jane')],
        users: [linked('jane', {}, at('a..b@example.com'))],
      },
      { jane: 'Reject InvalidEmail' },
    ],
  ])('%s', (_, scene, expected) => expect(fates(planOf(scene))).toEqual(expected));
});

describe('of somebody deleted', () => {
  const tombstone = { email: 'jane@example.com', kind: 'User' as const, name: 'jane' };
  test.each<Row>([
    ['nobody inherits the address', { tombstones: [tombstone] }, { jane: 'Reject EmailOfDeletedPerson' }],
    [
      'nor an entry of another id',
      { tombstones: [{ ...tombstone, authority, externalId: 'former' }] },
      { jane: 'Reject EmailOfDeletedPerson' },
    ],
    [
      'nor one of the same id and another authority',
      { tombstones: [{ ...tombstone, authority: 'dc=other', externalId: 'jane' }] },
      { jane: 'Reject EmailOfDeletedPerson' },
    ],
    [
      'but the same entry does',
      { tombstones: [{ ...tombstone, authority, externalId: 'jane' }] },
      { jane: 'Create; Warn Recreated' },
    ],
    [
      'unless an administrator says that the entry is that person',
      { tombstones: [tombstone], directory: { samePerson: ['other', 'jane'] } },
      { jane: 'Create; Warn Recreated' },
    ],
    [
      'or that it is somebody else',
      { tombstones: [tombstone], directory: { newPerson: ['jane'] } },
      { jane: 'Create' },
    ],
    [
      'which says nothing of other entries',
      { tombstones: [tombstone], directory: { samePerson: ['john'], newPerson: ['john'] } },
      { jane: 'Reject EmailOfDeletedPerson' },
    ],
    [
      'a deleted recipient is no user',
      { tombstones: [{ ...tombstone, kind: 'Recipient' }], directory: { samePerson: ['jane'] } },
      { jane: 'Reject EmailOfDeletedPerson' },
    ],
    [
      'nor can an entry be two of them',
      { tombstones: [tombstone, { ...tombstone, name: 'other' }], directory: { samePerson: ['jane'] } },
      { jane: 'Reject EmailOfDeletedPerson' },
    ],
    [
      'nor does a person who is there',
      { users: [linked('jane', at('old@example.com'))], tombstones: [tombstone] },
      { jane: 'Reject EmailOfDeletedPerson' },
    ],
    ['who has it already keeps it', { users: [linked('jane')], tombstones: [tombstone] }, {}],
  ])('%s', (_, scene, expected) => {
    expect(fates(planOf({ people: [entry('jane')], ...scene }))).toEqual(expected);
  });

  test('who is the same person takes the row of the deleted one over, by its name, and is not invited again', () => {
    const directory = { samePerson: ['jane'], passwordSetup: 'Invite' as const };
    const [create] = planOf({ people: [entry('jane')], tombstones: [tombstone], directory }).people;
    expect(create).toMatchObject({ name: 'jane', spec: { passwordSetup: 'None' }, effects: ['Creation'] });
  });

  test('who is somebody else inherits nothing, and is invited', () => {
    const directory = { newPerson: ['jane'], passwordSetup: 'Invite' as const };
    const [create] = planOf({ people: [entry('jane')], tombstones: [tombstone], directory }).people;
    expect(create).toMatchObject({
      name: expect.stringMatching(/^jane-[a-z2-7]{8}$/),
      spec: { passwordSetup: 'Invite' },
      effects: ['Creation', 'Mail'],
    });
  });

  test('who was deleted by hand comes back without mail, and is counted', () => {
    const tombstones = [{ ...tombstone, authority, externalId: 'jane' }];
    const plan = planOf({ people: [entry('jane')], tombstones, directory: { passwordSetup: 'Invite' } });
    expect(plan.people).toMatchObject([{ action: 'Create', spec: { passwordSetup: 'None' } }]);
    expect(plan.reasons).toEqual([{ action: 'Warn', reason: 'Recreated', count: 1 }]);
    const excluded = planOf({ people: [entry('jane')], tombstones, directory: { exclude: ['jane'] } });
    expect(excluded.people).toEqual([]);
  });
});

describe('claims of the database', () => {
  const claimedBy = (kind: string, name: string) => new Map([['jane@example.com', { kind, name }]]);
  test.each<Row>([
    [
      'keep an address for a person whom the caches do not know yet',
      { claims: claimedBy('User', 'newcomer') },
      { jane: 'Reject EmailTaken' },
    ],
    [
      'keep it from a person who is there, too',
      { users: [linked('jane', at('old@example.com'))], claims: claimedBy('Recipient', 'newcomer') },
      { jane: 'Reject EmailTaken' },
    ],
    [
      'of a person who no longer has the address lag behind',
      { users: [user('former', at('former@example.com'))], claims: claimedBy('User', 'former') },
      { jane: 'Create' },
    ],
  ])('%s', (_, scene, expected) => {
    expect(fates(planOf({ people: [entry('jane')], ...scene }))).toEqual(expected);
  });

  test('of the very person who is to be created is no obstacle', () => {
    const [create] = planOf({ people: [entry('jane')] }).people;
    if (create?.action !== 'Create') throw new Error('nobody is created');
    expect(fates(planOf({ people: [entry('jane')], claims: claimedBy('User', create.name) }))).toEqual({
      jane: 'Create',
    });
  });

  test('say who is named where several have the address', () => {
    const users = ['a', 'b'].map((name) => user(name, at('jane@example.com')));
    const named = (claims: Scene['claims']) => planOf({ people: [entry('jane')], users, claims }).notes[0]?.message;
    expect(named(claimedBy('User', 'b'))).toBe('The address jane@example.com belongs to the user b.');
    expect(named(new Map())).toBe('The address jane@example.com belongs to the user a.');
  });
});

describe('passing addresses on', () => {
  const moved = (id: string, to: string) => entry(id, at(`${to}@example.com`));
  const people = ['a', 'b', 'c'].map((id) => linked(id));
  test.each<Row>([
    [
      'two swap',
      { people: [moved('a', 'b'), moved('b', 'a'), entry('c')] },
      { a: 'Update a: email', b: 'Update b: email' },
    ],
    [
      'three go round',
      { people: [moved('a', 'b'), moved('b', 'c'), moved('c', 'a')] },
      { a: 'Update a: email', b: 'Update b: email', c: 'Update c: email' },
    ],
    [
      'a chain moves up, and somebody new gets the last address',
      { people: [moved('a', 'b'), moved('b', 'c'), moved('c', 'd'), moved('new', 'a')] },
      { a: 'Update a: email', b: 'Update b: email', c: 'Update c: email', new: 'Create' },
    ],
    [
      'a chain that ends at an address in use stays where it is',
      { people: [moved('a', 'b'), moved('b', 'c'), entry('c'), moved('new', 'a')] },
      { a: 'Reject EmailOfLinkedPerson', b: 'Reject DuplicateEmail', new: 'Reject EmailOfLinkedPerson' },
    ],
    [
      'a chain whose end may not change stays where it is',
      {
        directory: { emailDomains: ['example.com'] },
        people: [moved('a', 'b'), moved('b', 'c'), entry('c', at('c@elsewhere.example'))],
      },
      {
        a: 'Reject EmailOfLinkedPerson',
        b: 'Reject EmailOfLinkedPerson',
        c: 'Exclude OutsideEmailDomains',
      },
    ],
  ])('%s', (_, scene, expected) => expect(fates(planOf({ users: people, ...scene }))).toEqual(expected));

  test('who gets an address says whom it comes from', () => {
    const plan = planOf({ users: people, people: [moved('a', 'x'), moved('b', 'a'), entry('c'), moved('new', 'b')] });
    const awaited = Object.fromEntries(plan.people.map(({ record, awaits }) => [record.externalId, awaits]));
    expect(awaited).toEqual({ a: undefined, b: 'a', new: 'b' });
  });
});

describe('linking by address', () => {
  const jane = (spec = {}) => user('by-hand', { ...at('Jane@example.com'), ...spec });
  const scene = (fields: Scene): Scene => ({ people: [entry('jane')], ...fields });
  const rights = (permissions: AppRole['spec']['permissions']): Scene => ({
    users: [jane({ organizations: [{ name: 'main', roles: ['users', 'special'] }] })],
    roles: [role('special', { permissions })],
  });
  const held = { jane: 'Link by-hand; Warn LinkNeedsApproval' };
  test.each<Row>([
    ['takes over who has no directory', { users: [jane()] }, { jane: 'Link by-hand' }],
    [
      'takes over a recipient where the directory makes recipients',
      { directory: { importAs: 'Recipients' }, recipients: [recipient('by-hand', at('jane@example.com'))] },
      { jane: 'Link by-hand' },
    ],
    [
      'takes over holders of ordinary roles',
      { users: [jane({ organizations: [{ name: 'main', roles: ['users'] }] })] },
      { jane: 'Link by-hand' },
    ],
    [
      'is off when linking is Never',
      { directory: { linking: 'Never' }, users: [jane()] },
      { jane: 'Reject LinkingOff' },
    ],
    ['needs approval for the owner', { users: [jane()], owner: 'by-hand' }, held],
    ['needs approval for the disabled', { users: [jane({ enabled: false })] }, held],
    ['needs approval for holders of tenant roles', { users: [jane({ roles: ['users'] })] }, held],
    ['needs approval for who may do anything', rights([{ resource: '*', verbs: ['*'] }]), held],
    ['needs approval for who may look at anything', rights([{ resource: '*', verbs: ['read'] }]), held],
    ['needs approval for who may write users', rights([{ resource: 'users', verbs: ['update'] }]), held],
    ['needs approval for who may write roles', rights([{ resource: 'roles', verbs: ['*'] }]), held],
    [
      'takes over who may look at users',
      rights([{ resource: 'users', verbs: ['read', 'list'] }]),
      { jane: 'Link by-hand' },
    ],
    ['takes over who may write reports', rights([{ resource: 'reports', verbs: ['*'] }]), { jane: 'Link by-hand' }],
    [
      'needs approval for the built-in administrators',
      {
        users: [jane({ organizations: [{ name: 'branch', roles: ['administrator-viewer'] }] })],
        roles: [role('administrator-viewer', { builtIn: true, permissions: [] })],
      },
      held,
    ],
    [
      'takes over holders of a harmless role that is only called so',
      {
        users: [jane({ organizations: [{ name: 'main', roles: ['administrator-guests'] }] })],
        roles: [role('administrator-guests')],
      },
      { jane: 'Link by-hand' },
    ],
    [
      'needs approval for holders of a role that cannot be looked at',
      { users: [jane({ organizations: [{ name: 'main', roles: ['unknown'] }] })] },
      held,
    ],
    [
      'needs approval for holders of a disabled role with rights',
      {
        users: [jane({ organizations: [{ name: 'main', roles: ['admins'] }] })],
        roles: [role('admins', { enabled: false, permissions: [{ resource: 'users', verbs: ['*'] }] })],
      },
      held,
    ],
    [
      'needs approval for anybody when linking is Approve',
      { directory: { linking: 'Approve' }, users: [jane()] },
      held,
    ],
    [
      'of a disabled account is not done',
      { people: [entry('jane', { enabled: false })], users: [jane()] },
      { jane: 'Exclude DisabledInDirectory' },
    ],
    [
      'does not decide between two entries',
      { people: [entry('jane'), entry('john', at('jane@example.com'))], users: [jane()] },
      { jane: 'Reject DuplicateEmail', john: 'Reject DuplicateEmail' },
    ],
    [
      'takes over again who was detached',
      { users: [user('jane', at('jane@example.com'))], tombstones: [] },
      { jane: 'Link jane' },
    ],
  ])('%s', (_, fields, expected) => {
    const plan = planOf(scene(fields));
    expect(fates(plan)).toEqual(expected);
    const links = plan.people.filter(({ action }) => action === 'Link');
    const effect = expected === held ? 'RestrictedLink' : 'Link';
    expect(links.map(({ effects }) => effects)).toEqual(links.map(() => [effect]));
    expect(finish(judge(plan)).people).toEqual(expected === held ? [] : links);
  });

  test('says why it needs approval', () => {
    const plan = planOf(scene({ users: [jane()], owner: 'by-hand' }));
    expect(plan.people).toMatchObject([{ restriction: 'by-hand owns the tenant' }]);
    expect(plan.notes[0]?.message).toBe(
      'The user by-hand has the address jane@example.com; linking needs approval, because by-hand owns the tenant.',
    );
  });

  test('locks no owner out, even approved', () => {
    const people = [entry('jane', { enabled: false, expiresAt: '2026-01-01T00:00:00Z' })];
    const plan = planOf({ people, users: [jane()], owner: 'by-hand', directory: { createDisabled: true } });
    expect(written(plan, 'jane')).toEqual(source('jane'));
  });

  test('names the version of the object that it is based on', () => {
    const person = jane();
    const { uid, generation } = person.metadata;
    const [link] = planOf(scene({ users: [person] })).people;
    expect(link).toMatchObject({ action: 'Link', ref: { name: 'by-hand', uid, generation }, effects: ['Link'] });
  });

  test('leaves the language to the person', () => {
    const plan = planOf({ people: [entry('jane', { language: 'fr' })], users: [jane()] });
    expect(written(plan, 'jane')).toEqual(source('jane'));
  });
});

test('a name that an unlinked object has is not given again', () => {
  const [create] = planOf({ people: [entry('jane')] }).people;
  if (create?.action !== 'Create') throw new Error('nobody is created');
  const detached = user(create.name, at('else@example.com'));
  expect(fates(planOf({ people: [entry('jane')], users: [detached] }))).toEqual({ jane: 'Reject NameTaken' });
  const namesake = recipient(create.name, at('else@example.com'));
  expect(fates(planOf({ people: [entry('jane')], recipients: [namesake] }))).toEqual({ jane: 'Create' });
});

test('what is refused is told with the object and a sentence', () => {
  const [note] = planOf({
    people: [entry('jane', at('gone@example.com'))],
    users: [linked('gone'), linked('jane')],
  }).notes;
  expect(note).toMatchObject({
    action: 'Reject',
    kind: 'User',
    name: 'jane',
    externalId: 'jane',
    message: 'The address gone@example.com belongs to the user gone of the directory corporate.',
  });
});
