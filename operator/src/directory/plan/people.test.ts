import { type PersonSource, User } from '@roster/crds';
import { describe, expect, test } from 'vitest';
import { judge } from '../guard.ts';
import type { PersonRecord } from '../record.ts';
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

type Row = [what: string, scene: Scene, expected: Record<string, string>];
type Said = Partial<Omit<PersonRecord, 'kind' | 'externalId'>>;

describe('somebody new', () => {
  const jane = entry('jane', { firstName: 'Jane', lastName: 'Doe', language: 'fr', domainAccount: 'CORP\\jane' });
  const block = source('jane', { firstName: 'Jane', lastName: 'Doe', language: 'fr' });
  const name = expect.stringMatching(/^jane-[a-z2-7]{8}$/);

  test('becomes a user of the organization with the default role', () => {
    expect(planOf({ people: [jane], directory: { passwordSetup: 'Invite' } }).people).toEqual([
      {
        action: 'Create',
        kind: 'User',
        name,
        spec: {
          enabled: true,
          passwordSetup: 'Invite',
          organizations: [{ name: 'main', roles: ['users'] }],
          source: { ...block, domainAccount: 'CORP\\jane' },
        },
        effects: ['Creation', 'Mail'],
        record: jane,
      },
    ]);
  });

  test('has no role without a default one', () => {
    const [create] = planOf({ people: [jane], directory: { defaultRole: undefined } }).people;
    expect(create).toMatchObject({ spec: { organizations: [{ name: 'main' }] } });
    expect(JSON.stringify(create)).not.toContain('roles');
  });

  test('becomes a recipient, without role, password and account', () => {
    expect(planOf({ people: [jane], directory: { importAs: 'Recipients' } }).people).toEqual([
      {
        action: 'Create',
        kind: 'Recipient',
        name,
        spec: { enabled: true, organizations: [{ name: 'main' }], source: block },
        effects: ['Creation'],
        record: jane,
      },
    ]);
  });
});

describe('the block', () => {
  const before = source('jane', {
    firstName: 'Jane',
    lastName: 'Doe',
    domainAccount: 'CORP\\jane',
    language: 'fr',
    expiresAt: '2027-01-01T00:00:00Z',
  });
  const same: Said = {
    firstName: 'Jane',
    lastName: 'Doe',
    domainAccount: 'CORP\\jane',
    language: 'fr',
    expiresAt: '2027-01-01T00:00:00Z',
  };

  test.each<[string, Said, Partial<PersonSource>, (keyof PersonSource)[]]>([
    ['is as it was', same, {}, []],
    [
      'takes names over',
      { ...same, firstName: 'Joan', lastName: 'Roe' },
      { firstName: 'Joan', lastName: 'Roe' },
      ['firstName', 'lastName'],
    ],
    [
      'takes an account over',
      { ...same, domainAccount: ' CORP\\joan ' },
      { domainAccount: 'CORP\\joan' },
      ['domainAccount'],
    ],
    ['keeps the language of the creation', { ...same, language: 'en' }, {}, []],
    ['says that the account is disabled', { ...same, enabled: false }, { enabled: false }, ['enabled']],
    ['does not say that it is enabled', { ...same, enabled: true }, {}, []],
    [
      'follows the end of the account',
      { ...same, expiresAt: '2028-01-01T00:00:00Z' },
      { expiresAt: '2028-01-01T00:00:00Z' },
      ['expiresAt'],
    ],
    [
      'has no field too long',
      { ...same, lastName: '🦄'.repeat(101), domainAccount: 'x'.repeat(129) },
      { lastName: '🦄'.repeat(100) },
      ['lastName'],
    ],
  ])('%s', (_, said, expected, changed) => {
    const plan = planOf({ people: [entry('jane', said)], users: [user('jane', { source: before })] });
    const block = written(plan, 'jane');
    expect(block).toEqual(changed.length === 0 ? undefined : { ...before, ...expected });
    expect(plan.people.flatMap((action) => ('changed' in action ? action.changed : []))).toEqual(changed);
    if (block !== undefined) expect(User.spec.shape.source.safeParse(block).success).toBe(true);
  });

  test('keeps what vanished from the directory, but follows the state of the account', () => {
    const { expiresAt: _, ...kept } = before;
    const plan = planOf({
      people: [entryWithoutEmail('jane')],
      users: [user('jane', { source: { ...before, enabled: false } })],
    });
    expect(written(plan, 'jane')).toEqual(kept);
    expect(fates(plan)).toEqual({ jane: 'Update jane: enabled, expiresAt' });
  });

  test('says so when the declared fields have precedence', () => {
    const scene = { people: [entry('jane', same)], directory: { precedence: 'Declared' as const } };
    const plan = planOf({ ...scene, users: [user('jane', { source: before })] });
    expect(written(plan, 'jane')).toEqual({ ...before, precedence: 'Declared' });
    expect(
      planOf({ ...scene, users: [user('jane', { source: { ...before, precedence: 'Declared' } })] }).people,
    ).toEqual([]);
  });

  test('loses what no longer belongs into it', () => {
    const stored = { ...before, missingSince: '2026-01-01T00:00:00Z', organizations: [{ name: 'branch' }], groups: [] };
    const plan = planOf({ people: [entry('jane', same)], users: [user('jane', { source: stored })] });
    expect(fates(plan)).toEqual({ jane: 'Restore jane: groups, missingSince, organizations' });
    expect(written(plan, 'jane')).toEqual(before);
  });

  test.each([
    ['fr', 'fr'],
    ['pt_BR', 'pt-BR'],
    ['fr, en-gb;q=0.8, en;q=0.7', 'fr'],
    ['en-gb;q=0.8', 'en-GB'],
    ['ZH-hans-cn', 'zh-Hans-CN'],
    ['de-a-b', undefined],
    ['français', undefined],
    ['*', undefined],
    [`en${'-abcdefgh'.repeat(4)}`, undefined],
  ])('has of the language %j the tag %j', (language, expected) => {
    expect(written(planOf({ people: [entry('jane', { language })] }), 'jane')?.language).toBe(expected);
  });

  test('belongs to the version of the object that was read', () => {
    const jane = linked('jane');
    const { uid, generation } = jane.metadata;
    const [update] = planOf({ people: [entry('jane', { lastName: 'Doe' })], users: [jane] }).people;
    expect(update).toMatchObject({ kind: 'User', ref: { name: 'jane', uid, generation } });
  });
});

describe('exclude and emailDomains', () => {
  const people = [
    entry('jane', { email: 'jane@example.com' }),
    entry('JOHN', { email: 'john@Sub.Example.com' }),
    entry('june', { email: 'june@bücher.example' }),
  ];
  const created = { jane: 'Create', JOHN: 'Create', june: 'Create' };
  test.each<Row>([
    ['leave nobody out when they are absent', {}, created],
    ['leave nobody out when the list is empty', { directory: { exclude: [] } }, created],
    [
      'leave out by id, whatever its case',
      { directory: { exclude: ['john'] } },
      { ...created, JOHN: 'Exclude Excluded' },
    ],
    [
      'leave out by address, whatever its spelling',
      { directory: { exclude: ['June@XN--BCHER-KVA.example'] } },
      { ...created, june: 'Exclude Excluded' },
    ],
    [
      'let pass who is in a domain, not in a subdomain of it',
      { directory: { emailDomains: ['Example.COM'] } },
      { jane: 'Create', JOHN: 'Exclude OutsideEmailDomains', june: 'Exclude OutsideEmailDomains' },
    ],
    [
      'know a domain in both its forms, and with an @',
      { directory: { emailDomains: ['@BÜCHER.example', 'sub.example.com'] } },
      { jane: 'Exclude OutsideEmailDomains', JOHN: 'Create', june: 'Create' },
    ],
    [
      'let nobody pass by what is not a domain',
      { directory: { emailDomains: ['*', 'exa mple.com'] } },
      { jane: 'Exclude OutsideEmailDomains', JOHN: 'Exclude OutsideEmailDomains', june: 'Exclude OutsideEmailDomains' },
    ],
    [
      'leave who is linked as they are',
      {
        directory: { exclude: ['jane'] },
        people: [entry('jane', { lastName: 'New', groups: ['g'] })],
        users: [linked('jane', { lastName: 'Old' })],
      },
      { jane: 'Exclude Excluded' },
    ],
    [
      'know who is linked by the address that vanished',
      {
        directory: { emailDomains: ['elsewhere.example'] },
        people: [entryWithoutEmail('jane', { lastName: 'New' })],
        users: [linked('jane')],
      },
      { jane: 'Exclude OutsideEmailDomains' },
    ],
    [
      'do not hide who has no address',
      { directory: { emailDomains: ['example.com'], exclude: ['x'] }, people: [entryWithoutEmail('jane')] },
      { jane: 'Reject NoEmail' },
    ],
    [
      'settle who of two has an address',
      {
        directory: { exclude: ['b'] },
        people: [entry('a', { email: 'x@example.com' }), entry('b', { email: 'x@example.com' })],
      },
      { a: 'Create', b: 'Exclude Excluded' },
    ],
  ])('%s', (_, scene, expected) => expect(fates(planOf({ people, ...scene }))).toEqual(expected));
});

describe('domain accounts', () => {
  const account = (id: string, domainAccount: string) => entry(id, { domainAccount });
  test.each<Row>([
    [
      'that two entries have are left out of both',
      { people: [account('a', 'CORP\\x'), account('b', 'corp\\X')] },
      { a: 'Create; Warn DomainAccountNotUnique', b: 'Create; Warn DomainAccountNotUnique' },
    ],
    [
      'stay with who has them',
      {
        people: [account('a', 'CORP\\x'), account('b', 'corp\\X')],
        users: [linked('a', { domainAccount: 'CORP\\x' })],
      },
      { b: 'Create; Warn DomainAccountNotUnique' },
    ],
    [
      'of others are left out',
      {
        people: [account('a', 'CORP\\x'), account('b', 'CORP\\y'), account('c', 'CORP\\gone')],
        users: [
          user('by-hand', { domainAccount: 'corp\\x' }),
          user('other', { source: source('other', { directory: 'branch', domainAccount: 'corp\\y' }) }),
          linked('gone', { domainAccount: 'corp\\gone' }),
        ],
      },
      {
        a: 'Create; Warn DomainAccountNotUnique',
        b: 'Create; Warn DomainAccountNotUnique',
        c: 'Create; Warn DomainAccountNotUnique',
        gone: 'Keep NoLongerFound',
      },
    ],
    [
      'of who is rejected stay with them',
      {
        people: [entry('a', { domainAccount: 'CORP\\new', email: 'a@' }), account('b', 'CORP\\x')],
        users: [linked('a', { domainAccount: 'CORP\\x' })],
      },
      { a: 'Reject InvalidEmail', b: 'Create; Warn DomainAccountNotUnique' },
    ],
    [
      'can be swapped',
      {
        people: [account('a', 'CORP\\y'), account('b', 'CORP\\x')],
        users: [linked('a', { domainAccount: 'CORP\\x' }), linked('b', { domainAccount: 'CORP\\y' })],
      },
      { a: 'Update a: domainAccount', b: 'Update b: domainAccount' },
    ],
    [
      'that are declared by hand are not given up',
      {
        people: [account('a', 'CORP\\y'), account('b', 'CORP\\x')],
        users: [user('by-hand', { email: 'a@example.com', domainAccount: 'CORP\\x' })],
      },
      { a: 'Link by-hand', b: 'Create; Warn DomainAccountNotUnique' },
    ],
    [
      'that a declared one covers are nobody’s, but still stand in two entries',
      {
        directory: { precedence: 'Declared' },
        people: [account('a', 'CORP\\x'), account('b', 'CORP\\x')],
        users: [linked('a', { precedence: 'Declared' }, { domainAccount: 'CORP\\mine' })],
      },
      { a: 'Update a: domainAccount', b: 'Create; Warn DomainAccountNotUnique' },
    ],
    [
      'that come into force by the precedence are taken over',
      {
        people: [entry('a')],
        users: [linked('a', { domainAccount: 'CORP\\x', precedence: 'Declared' }, { domainAccount: 'CORP\\mine' })],
      },
      { a: 'Update a: precedence' },
    ],
    [
      'that are declared come into force by the precedence, and nobody else gets them',
      {
        directory: { precedence: 'Declared' },
        people: [account('a', 'CORP\\x'), account('b', 'CORP\\mine')],
        users: [linked('a', { domainAccount: 'CORP\\x' }, { domainAccount: 'CORP\\mine' })],
      },
      { a: 'Update a: precedence', b: 'Create; Warn DomainAccountNotUnique' },
    ],
    [
      'that are declared and covered by the directory’s are not free',
      {
        people: [account('a', 'CORP\\x'), account('b', 'CORP\\mine')],
        users: [linked('a', { domainAccount: 'CORP\\x' }, { domainAccount: 'CORP\\mine' })],
      },
      { b: 'Create; Warn DomainAccountNotUnique' },
    ],
    [
      'of people who become recipients are no matter',
      {
        directory: { importAs: 'Recipients' },
        people: [account('a', 'CORP\\x'), account('b', 'CORP\\x')],
        recipients: [recipient('a', { source: source('a') })],
      },
      { b: 'Create' },
    ],
  ])('%s', (_, scene, expected) => expect(fates(planOf(scene))).toEqual(expected));

  test('left out are gone from the block, and who has them is named', () => {
    const plan = planOf({
      people: [account('a', 'CORP\\taken')],
      users: [linked('a', { domainAccount: 'CORP\\x' }), user('by-hand', { domainAccount: 'CORP\\taken' })],
    });
    expect(written(plan, 'a')).toEqual(source('a'));
    expect(plan.notes).toMatchObject([
      {
        action: 'Warn',
        name: 'a',
        message: 'The domain account CORP\\taken is left out, because it belongs to the user by-hand.',
      },
    ]);
  });
});

describe('people with great rights whom the directory fills', () => {
  const before = source('jane', { domainAccount: 'CORP\\jane', lastName: 'Doe', authority });
  const scene = (said: Said, fields: Scene = {}): Scene => ({
    people: [entry('jane', { domainAccount: 'CORP\\jane', lastName: 'Doe', ...said })],
    users: [user('jane', { source: before, roles: ['tenant-administrator-creator'] })],
    ...fields,
  });
  const owned = { users: [user('jane', { source: before })], owner: 'jane' };

  const held = (...changed: string[]) => ({ jane: `Update jane: ${changed.join(', ')}; Warn ChangeNeedsApproval` });

  test.each<[string, Scene, Record<string, string>, PersonSource | undefined]>([
    ['are left as they are', scene({}), {}, undefined],
    ['keep the address', scene({ email: 'thief@example.com' }), held('email'), undefined],
    ['keep the domain account', scene({ domainAccount: 'CORP\\thief' }), held('domainAccount'), undefined],
    [
      'get new names all the same',
      scene({ email: 'thief@example.com', lastName: 'Roe' }),
      held('email', 'lastName'),
      { ...before, lastName: 'Roe' },
    ],
    [
      'keep the address when the precedence would change it',
      scene(
        {},
        {
          directory: { precedence: 'Declared' },
          users: [user('jane', { source: before, email: 'declared@example.com', roles: ['r'] })],
        },
      ),
      held('precedence'),
      undefined,
    ],
    ['are not disabled by the directory', scene({ enabled: false }), held('enabled'), undefined],
    ['nor by an end of the account', scene({ expiresAt: '2027-01-01T00:00:00Z' }), held('expiresAt'), undefined],
    [
      'nor enabled',
      scene({}, { users: [user('jane', { source: { ...before, enabled: false }, roles: ['r'] })] }),
      held('enabled'),
      undefined,
    ],
    ['never, if they own the tenant', scene({ enabled: false }, owned), { jane: 'Warn OwnerKeepsAccess' }, undefined],
    [
      'nor by an end of the account, then',
      scene({ expiresAt: '2026-05-31T00:00:00Z' }, owned),
      { jane: 'Warn OwnerKeepsAccess' },
      undefined,
    ],
    ['of which only a past one is told', scene({ expiresAt: '2026-06-02T00:00:00Z' }, owned), {}, undefined],
    [
      'through a role in an organization count as well',
      scene(
        { email: 'thief@example.com' },
        {
          users: [user('jane', { source: before, organizations: [{ name: 'main', roles: ['keepers'] }] })],
          roles: [role('keepers', { permissions: [{ resource: 'users', verbs: ['create'] }] })],
        },
      ),
      held('email'),
      undefined,
    ],
    [
      'through a role that a mapping gave count as well',
      scene(
        { email: 'thief@example.com' },
        {
          users: [
            ...['a', 'b', 'c'].map((id) => linked(id, { groups: ['x', 'y', 'z'] })),
            user('jane', { source: { ...before, organizations: [{ name: 'branch', roles: ['keepers'] }] } }),
          ],
          roles: [role('keepers', { permissions: [{ resource: 'users', verbs: ['create'] }] })],
        },
      ),
      {
        ...Object.fromEntries(['a', 'b', 'c'].map((id) => [id, 'Keep NoLongerFound'])),
        ...held('email', 'organizations'),
      },
      before,
    ],
    [
      'are told from ordinary people',
      scene({ email: 'new@example.com' }, { users: [user('jane', { source: before })] }),
      { jane: 'Update jane: email' },
      { ...before, email: 'new@example.com' },
    ],
  ])('%s', (_, fields, expected, block) => {
    const plan = planOf(fields);
    expect(fates(plan)).toEqual(expected);
    expect(written({ ...plan, people: finish(judge(plan)).people }, 'jane')).toEqual(block);
  });

  test('are changed when that is approved', () => {
    const plan = planOf(scene({ email: 'jane@new.example', domainAccount: 'CORP\\new', enabled: false }));
    const { held: withheld } = finish(judge(plan));
    expect(withheld).toMatchObject({ reason: 'ChangeNeedsApproval', count: 1 });
    const { people } = finish(judge(plan, { approved: new Set(withheld?.keys) }));
    expect(written({ ...plan, people }, 'jane')).toEqual({
      ...before,
      email: 'jane@new.example',
      domainAccount: 'CORP\\new',
      enabled: false,
    });
  });

  test('keep their address from others who are offered it', () => {
    const fields = scene({ email: 'john@example.com' });
    const users = [...(fields.users ?? []), linked('john')];
    const people = [...(fields.people ?? []), entry('john', { email: 'jane@example.com' })];
    const plan = planOf({ users, people });
    expect(fates(plan)).toEqual({ ...held('email'), john: 'Update john: email' });
    expect(finish(judge(plan)).people).toEqual([]);
  });

  test('keep their domain account from others who are offered it', () => {
    const fields = scene({ domainAccount: 'CORP\\new' });
    const users = [...(fields.users ?? []), linked('john')];
    const people = [...(fields.people ?? []), entry('john', { domainAccount: 'CORP\\jane' })];
    expect(fates(planOf({ users, people }))).toEqual({ ...held('domainAccount'), john: 'Warn DomainAccountNotUnique' });
  });
});
