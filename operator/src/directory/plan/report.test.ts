import { describe, expect, test } from 'vitest';
import { entry, linked, planOf } from './fixtures.ts';
import { heldLine } from './report.ts';
import { effects, type PersonAction } from './types.ts';

const absent = (whenMissing: 'Disable' | 'Delete', missingSince?: string) =>
  planOf({
    directory: { whenMissing: { policy: whenMissing, gracePeriod: '1h' } },
    users: [linked('gone', missingSince === undefined ? {} : { missingSince })],
    absences: { gone: 'FilteredOut' },
  }).people[0] as PersonAction;

describe('a line for what is held', () => {
  test('says what would be done, and why', () => {
    expect(heldLine(absent('Disable'), 'Removal')).toMatchObject({
      action: 'Hold',
      kind: 'User',
      name: 'gone',
      externalId: 'gone',
      reason: 'Removal',
      message: 'Would be disabled: the entry no longer matches the filter.',
    });
    expect(heldLine(absent('Delete', '2020-01-01T00:00:00Z'), 'Removal').message).toBe(
      'Would be deleted: the entry no longer matches the filter.',
    );
  });

  test('says which groups would be lost', () => {
    const { people } = planOf({ people: [entry('jane')], users: [linked('jane', { groups: ['sales', 'support'] })] });
    expect(heldLine(people[0] as PersonAction, 'LostMembership').message).toBe(
      'Would lose the group sales, the group support.',
    );
  });

  test.each(effects)('says why approval is needed, and ends as a sentence: %s', (effect) => {
    const action = { ...absent('Disable'), restriction: 'gone owns the tenant' };
    expect(heldLine(action, effect).message).toMatch(/^Would .+\. It needs approval, because gone owns the tenant\.$/);
  });
});
