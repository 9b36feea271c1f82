import { DirectorySync, type DirectorySyncStatus, runPhases } from '@roster/crds';
import { describe, expect, it } from 'vitest';
import { entry, entryWithoutEmail, groupEntry, linked, planOf } from '../../directory/plan/fixtures.ts';
import type { Evidence } from '../../directory/record.ts';
import { at, brokenInvariants, condition, now, run } from '../testing/objects.ts';
import { evidenceFacts, performedFacts, planFacts, plannedFacts, runStatus, summary } from './status.ts';

const shown = ({ conditions }: DirectorySyncStatus) =>
  conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`);

describe('the status of a run', () => {
  it.each(['Pending', 'Reading', 'Planning', 'Applying'] as const)('that is %s is in progress for kstatus', (phase) => {
    const status = runStatus(run('a'), phase, { message: 'Going on.' }, now);
    expect(status).toMatchObject({ phase, message: 'Going on.', observedGeneration: 1 });
    expect(shown(status)).toEqual([`Ready=Unknown ${phase}`, `Reconciling=True ${phase}`]);
  });

  it('that Succeeded is Ready', () => {
    const status = runStatus(run('a'), 'Succeeded', { message: 'Done.' }, now);
    expect(shown(status)).toEqual(['Ready=True Succeeded']);
    expect(status.conditions?.[0]?.message).toBe('Done.');
  });

  it('that Failed is Stalled, with the reason and what to do', () => {
    const problem = { reason: 'EmptyAnswer', message: 'Nobody matches.' } as const;
    const status = runStatus(run('a'), 'Failed', { message: 'Reading.', problem }, now);
    const message = 'Nobody matches. Check base DN and filter, and that the account may read the people.';
    expect(shown(status)).toEqual(['Ready=False EmptyAnswer', 'Stalled=True EmptyAnswer']);
    expect(status.message).toBe(message);
    expect(status.conditions?.map((one) => one.message)).toEqual([message, message]);
    expect(status).not.toHaveProperty('problem');
  });

  it.each(['Failed', 'Held', 'Aborted'] as const)('that is %s without a reason names the phase', (phase) => {
    expect(shown(runStatus(run('a'), phase, {}, now))).toEqual([`Ready=False ${phase}`, `Stalled=True ${phase}`]);
  });

  it.each(runPhases)('that is %s keeps the invariants, and says the same when asked again', (phase) => {
    const first = runStatus(run('a'), phase, { message: 'So it is.' }, now);
    expect(brokenInvariants(first.conditions)).toEqual([]);
    expect(runStatus(run('a', first), phase, { message: 'So it is.' }, new Date(at(60)))).toEqual(first);
  });

  it('moves transition times only with the status', () => {
    const before = run('a', { conditions: [condition('Ready', 'Unknown', 'Reading')] });
    const times = (phase: 'Planning' | 'Succeeded') =>
      runStatus(before, phase, {}, now).conditions?.map(({ lastTransitionTime }) => lastTransitionTime);
    expect(times('Planning')).toEqual([at(-7200), at(0)]);
    expect(times('Succeeded')).toEqual([at(0)]);
  });

  it('has the facts, and only those', () => {
    const before = run('a', { phase: 'Planning', memberships: 5, stages: [{ name: 'Read', seconds: 1 }] });
    const status = runStatus(before, 'Applying', { startedAt: at(-60), memberships: 6 }, now);
    expect(Object.keys(status).sort()).toEqual([
      'conditions',
      'memberships',
      'observedGeneration',
      'phase',
      'startedAt',
    ]);
  });

  it('fits the schema, however much there is to say', () => {
    const problem = { reason: 'WriteRefused', message: '😀'.repeat(2000) } as const;
    const status = runStatus(run('a'), 'Failed', { problem }, now);
    expect(DirectorySync.status.parse(status)).toEqual(status);
  });
});

it('the evidence fits the schema, whatever the directory says', () => {
  const long = 'x'.repeat(5000);
  const evidence: Evidence = {
    complete: false,
    server: long,
    authority: long,
    boundAs: long,
    bases: Array.from({ length: 50 }, () => long),
    pages: 3,
    entries: 1500,
    doubts: Array.from({ length: 50 }, () => long),
    remarks: Array.from({ length: 50 }, () => long),
  };
  const facts = evidenceFacts(evidence);
  expect(DirectorySync.status.parse(facts)).toEqual(facts);
  expect(facts.evidence).toMatchObject({ complete: false, pages: 3, entries: 1500 });
  const { evidence: short } = evidenceFacts({ ...evidence, doubts: [], remarks: [] });
  expect([short?.doubts, short?.remarks]).toEqual([undefined, undefined]);
});

describe('what the status says of a plan', () => {
  const long = 'x'.repeat(5000);
  const people = Array.from({ length: 30 }, (_, index) => entry(`p${index}`, { label: `${index}${long}` }));
  const hold = (reason: string, record: string, externalId = record) =>
    ({ action: 'Hold', kind: 'User', reason, record, externalId, message: long }) as const;

  it('fits the schema, whatever the directory says', () => {
    const facts = planFacts(
      planOf({ people }),
      Array.from({ length: 30 }, (_, index) => hold('Link', long, `h${index}`)),
    );
    expect(DirectorySync.status.parse(facts)).toEqual(facts);
  });

  it('shows what is held first, and something else beside it', () => {
    const facts = planFacts(planOf({ people }), [
      ...Array.from({ length: 12 }, (_, index) => hold('Link', 'a', `h${index}`)),
      hold('AddressChange', 'b'),
    ]);
    expect(facts.reasons).toEqual([
      { action: 'Hold', reason: 'AddressChange', count: 1 },
      { action: 'Hold', reason: 'Link', count: 12 },
    ]);
    const actions = facts.samples?.map(({ action }) => action);
    expect(actions).toEqual([...Array(10).fill('Hold'), ...Array(10).fill('Create')]);
  });

  it('has one line for each person', () => {
    const { samples = [] } = planFacts(planOf({ people: people.slice(0, 2) }), [
      hold('Creation', 'p0'),
      hold('Mail', 'p0'),
    ]);
    expect(samples.map(({ action, reason }) => [action, reason])).toEqual([
      ['Hold', 'Creation'],
      ['Create', undefined],
    ]);
  });

  it('counts only what is done of it', () => {
    const plan = planOf({ people: [entry('a'), entry('b', { groups: ['sales'] })], groups: [groupEntry('sales')] });
    const [first] = plan.people;
    expect(plannedFacts(plan)).toMatchObject({ people: { created: 2 }, groups: { created: 1 }, memberships: 1 });
    const none = performedFacts(plan, []);
    expect(none).toMatchObject({ people: { found: 2, created: 0 }, groups: { created: 0 } });
    expect(none).not.toHaveProperty('memberships');
    expect(performedFacts(plan, [...(first ? [first] : []), ...plan.groups])).toMatchObject({
      people: { found: 2, created: 1 },
      groups: { created: 1 },
    });
    expect(DirectorySync.status.parse(none)).toEqual(none);
  });

  it('sums up what there is, and leaves out what there is not', () => {
    expect(summary(planOf({ people: [] }))).toBe('0 people found. 0 groups with 0 memberships.');
    const scene = {
      directory: { whenMissing: { policy: 'Disable', gracePeriod: '720h' } },
      people: [entry('new', { groups: ['sales'] }), entry('back'), entry('same'), entryWithoutEmail('odd')],
      groups: [groupEntry('sales')],
      users: [linked('back', { missingSince: at(-60) }), linked('same'), linked('gone'), linked('kept')],
      absences: { gone: 'Deleted', kept: 'NotVisible' },
    } as const;
    expect(summary(planOf(scene))).toBe(
      '4 people found: 1 created, 1 restored, 1 unchanged, 1 disabled, 1 rejected, 1 missing and left as they are. 1 group with 1 membership.',
    );
  });
});
