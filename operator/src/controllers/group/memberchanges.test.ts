import type { Person } from '@roster/crds';
import { beforeEach, describe, expect, it } from 'vitest';
import type { InformerEvent } from '../../runtime/index.ts';
import { now, recipient, source, user } from '../testing/objects.ts';
import { affectedGroups, MemberChanges } from './memberchanges.ts';

const board = { namespace: 'acme', name: 'board' };
const after = (milliseconds: number) => new Date(now.getTime() + milliseconds);

describe('the members of a group', () => {
  let changes: MemberChanges;
  beforeEach(() => {
    changes = new MemberChanges();
  });

  it('have settled when nothing was noted', () => {
    expect(changes.settlesIn(board, now)).toBe(0);
  });

  it('are looked at five seconds after a change', () => {
    expect(changes.note(board, now)).toBe(5_000);
    expect(changes.settlesIn(board, after(0))).toBe(5_000);
    expect(changes.settlesIn(board, after(4_999))).toBe(1);
    expect(changes.settlesIn(board, after(5_000))).toBe(0);
  });

  it('settle later when they change again', () => {
    changes.note(board, now);
    expect(changes.note(board, after(3_000))).toBe(5_000);
    expect(changes.settlesIn(board, after(5_000))).toBe(3_000);
    expect(changes.settlesIn(board, after(8_000))).toBe(0);
  });

  it('are counted after five minutes, however often they change', () => {
    for (let time = 0; time <= 299_000; time += 1_000) changes.note(board, after(time));
    expect(changes.settlesIn(board, after(299_000))).toBe(1_000);
    expect(changes.settlesIn(board, after(300_000))).toBe(0);
  });

  it('begin anew once they have settled', () => {
    changes.note(board, now);
    changes.settlesIn(board, after(300_000));
    expect(changes.settlesIn(board, after(300_001))).toBe(0);
    changes.note(board, after(310_000));
    expect(changes.settlesIn(board, after(310_000))).toBe(5_000);
  });

  it('do not matter any more when the group is gone', () => {
    changes.note(board, now);
    changes.forget(board);
    expect(changes.settlesIn(board, now)).toBe(0);
  });

  it('are those of one group in one namespace', () => {
    changes.note(board, now);
    expect(changes.settlesIn({ namespace: 'globex', name: 'board' }, now)).toBe(0);
    expect(changes.settlesIn({ namespace: 'acme', name: 'sellers' }, now)).toBe(0);
  });
});

describe('an event of a person concerns', () => {
  const names = (event: InformerEvent<Person>) => {
    const requests = affectedGroups(event);
    for (const { namespace } of requests) expect(namespace).toBe('acme');
    return requests.map(({ name }) => name).sort();
  };
  const jane = user('jane', { groups: ['board'], source: source({ groups: ['board', 'sellers'] }) });
  const changed = (spec: Partial<typeof jane.spec>, generation = 2): InformerEvent<Person> => ({
    type: 'updated',
    object: user('jane', { ...jane.spec, ...spec }, { generation }),
    old: jane,
    initial: false,
  });

  it('nothing while everything is read at the start', () => {
    expect(names({ type: 'added', object: jane, initial: true })).toEqual([]);
  });

  it('all groups of somebody who comes or goes, and that of everybody', () => {
    expect(names({ type: 'added', object: jane, initial: false })).toEqual(['all-users', 'board', 'sellers']);
    expect(names({ type: 'deleted', object: jane, missedDelete: false })).toEqual(['all-users', 'board', 'sellers']);
    expect(names({ type: 'added', object: recipient('press'), initial: false })).toEqual(['all-users']);
  });

  it('the groups that somebody joins or leaves', () => {
    expect(names(changed({ groups: ['chess'] }))).toEqual(['chess']);
    expect(names(changed({ source: source({ groups: ['board'] }) }))).toEqual(['sellers']);
    expect(names(changed({ groups: [], source: undefined }))).toEqual(['board', 'sellers']);
  });

  it('everybody where somebody changes the organization', () => {
    expect(names(changed({ organizations: [{ name: 'sales' }] }))).toEqual(['all-users']);
    expect(names(changed({ source: source({ groups: ['sellers'], organizations: [{ name: 'sales' }] }) }))).toEqual([
      'all-users',
    ]);
  });

  it('nothing when something else changes', () => {
    expect(names(changed({ firstName: 'Janet' }))).toEqual([]);
    expect(names(changed({ groups: ['sellers', 'board'] }))).toEqual([]);
    expect(names(changed({ groups: ['chess'] }, 1))).toEqual([]);
  });
});
