/**
 * Measures planning at size: `node operator/src/directory/plan/plan.bench.ts [PEOPLE] [GROUPS] [MEMBERSHIPS]` prints
 * JSON: seconds (and of CPU, all threads) and actions of a first plan, of one without changes and of one with 1 % changed,
 * the longest time in ms for which planning, and judging with all held, does not stop; and memory in MB: that of the
 * input alone, what planning added to the heap at its peak between collections, and the peak of the process.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { apiVersion, type Group, type User } from '@roster/crds';
import { judge } from '../guard.ts';
import type { DirectoryContents, PersonRecord } from '../record.ts';
import { type DirectorySettings, lines, type Plan, planSteps, type Steps, samples } from './index.ts';

const [people = 100_000, groups = 5_000, memberships = 6] = process.argv.slice(2).map(Number);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const directory: DirectorySettings = {
  name: 'corporate',
  authority: 'dc=example,dc=com',
  organization: 'main',
  importAs: 'Users',
  defaultRole: 'users',
  groupPrefix: 'Corporate ',
  membership: 'Nested',
  linking: 'ByEmail',
  precedence: 'Directory',
  passwordSetup: 'None',
};

const uuid = (space: number, index: number) =>
  `${space.toString(16).padStart(8, '0')}-0000-4000-8000-${index.toString(16).padStart(12, '0')}`;

function read(change: (record: PersonRecord, index: number) => PersonRecord = (record) => record): DirectoryContents {
  const groupRecords = Array.from({ length: groups }, (_, index) => ({
    kind: 'Group' as const,
    externalId: uuid(2, index),
    label: `cn=group ${index},ou=groups,dc=example,dc=com`,
    name: `Group ${index}`,
  }));
  const records = Array.from({ length: people }, (_, index) =>
    change(
      {
        kind: 'Person',
        externalId: uuid(1, index),
        label: `uid=person${index},ou=people,dc=example,dc=com`,
        firstName: `Zoë ${index % 1000}`,
        lastName: `Müller ${index}`,
        email: `Zoe.Mueller${index}@Example.com`,
        domainAccount: `CORP\\zoe${index}`,
        groups: Array.from(
          { length: memberships },
          (_, slot) => groupRecords[(index * 7 + slot * 811) % groups]?.externalId ?? '',
        ),
      },
      index,
    ),
  );
  const evidence = {
    complete: true,
    server: 'ldaps://ldap.example.com',
    authority: directory.authority,
    boundAs: 'cn=roster,dc=example,dc=com',
    bases: ['dc=example,dc=com'],
    pages: 200,
    entries: people + groups,
    doubts: [],
  };
  return { people: records, groups: groupRecords, rejected: [], evidence };
}

/** As the cache has it: sharing no text with the records. */
function parsed<T>(object: T): T {
  return JSON.parse(JSON.stringify(object)) as T;
}

/** The resources that the first plan makes. */
function apply(plan: Plan) {
  const metadata = (name: string, index: number) => ({
    name,
    namespace: 'acme',
    uid: uuid(3, index),
    generation: index + 1,
    creationTimestamp: '2026-01-01T00:00:00Z',
  });
  const users = plan.people.flatMap((action, index): User[] =>
    action.action === 'Create' && action.kind === 'User'
      ? [parsed({ apiVersion, kind: 'User', metadata: metadata(action.name, index), spec: action.spec })]
      : [],
  );
  const made = plan.groups.flatMap((action, index): Group[] =>
    action.action === 'Create'
      ? [parsed({ apiVersion, kind: 'Group', metadata: metadata(action.name, people + index), spec: action.spec })]
      : [],
  );
  return { users, groups: made };
}

/** Runs the work, and says how long its longest step was, in ms. */
function walk<T>(steps: Steps<T>): { result: T; longest: number } {
  let longest = 0;
  for (;;) {
    const start = performance.now();
    const { done, value } = steps.next();
    longest = Math.max(longest, performance.now() - start);
    if (done) return { result: value, longest: Math.round(longest) };
  }
}

function measure(contents: DirectoryContents, existing: { users: User[]; groups: Group[] }) {
  collect();
  const before = process.memoryUsage();
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const { result: plan, longest } = walk(
    planSteps({
      directory,
      contents,
      existing: { ...existing, recipients: [], roles: new Map(), tombstones: [] },
      now: new Date('2026-01-01T00:00:00Z'),
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  const peak = process.memoryUsage().heapUsed - before.heapUsed;
  collect();
  const kept = process.memoryUsage().heapUsed - before.heapUsed;
  const sampling = performance.now();
  samples(plan);
  const samplesMs = Math.round(performance.now() - sampling);
  const count = lines(plan).reduce((sum) => sum + 1, 0);
  const judging = performance.now();
  const others = { ...plan, facts: { ...plan.facts, people: plan.facts.people + 10 } };
  const judged = walk(judge(others, { settings: { floor: 0, percent: 0, cap: 0 } }));
  const judgeSeconds = Math.round(performance.now() - judging) / 1000;
  const result = {
    seconds: Math.round(seconds * 1000) / 1000,
    cpuSeconds: Math.round((cpu.user + cpu.system) / 1000) / 1000,
    actions: plan.people.length + plan.groups.length,
    lines: count,
    longestStepMs: longest,
    samplesMs,
    held: judged.result.held?.keys.length ?? 0,
    judgeSeconds,
    judgeLongestStepMs: judged.longest,
    memberships: plan.memberships,
    inputMB: megabytes(before.heapUsed),
    addedMB: megabytes(peak),
    keptMB: megabytes(kept),
  };
  return { plan, result };
}

/** The first plan itself may be collected when it returns. */
function firstPlan(contents: DirectoryContents) {
  const { plan, result } = measure(contents, { users: [], groups: [] });
  return { existing: apply(plan), first: result };
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1_048_576);
}

let contents = read();
const { existing, first } = firstPlan(contents);
const { result: unchanged } = measure(contents, existing);
contents = read((record, index) => (index % 100 === 0 ? { ...record, lastName: `Meyer ${index}` } : record));
const { result: changed } = measure(contents, existing);
console.log(
  JSON.stringify(
    {
      people,
      groups,
      memberships,
      first,
      unchanged,
      changed,
      peakMB: Math.round(process.resourceUsage().maxRSS / 1024),
    },
    null,
    2,
  ),
);
