import type { DirectorySyncStatus } from '@roster/crds';
import { explained } from './missing.ts';
import type { GroupAction, Note, PersonAction, Plan, PlanLine } from './types.ts';

/** What comes first when not everything can be shown. */
const interest: readonly string[] = [
  'Reject',
  'Warn',
  'Delete',
  'Disable',
  'TakeOver',
  'Exclude',
  'Keep',
  'Link',
  'Restore',
  'Update',
  'Create',
];

/** Bounds of the schema of a run's samples. */
const longestRecord = 1024;
const longestMessage = 512;

/** A line for each record that there is something to say about; none for the unchanged. */
export function* lines({ notes, people, groups }: Plan): Generator<PlanLine> {
  for (const note of notes) yield noteLine(note);
  for (const action of groups) yield actionLine(action);
  for (const action of people) yield actionLine(action);
}

/** At most `limit` lines of interest, rejected records first; the same whatever the order of the records. */
export function samples(plan: Plan, limit = 20): NonNullable<DirectorySyncStatus['samples']> {
  const first: PlanLine[] = [];
  for (const line of lines(plan)) {
    const last = first.at(-1);
    if (first.length === limit && last !== undefined && compare(last, line) <= 0) continue;
    const index = first.findIndex((other) => compare(line, other) < 0);
    first.splice(index < 0 ? first.length : index, 0, line);
    if (first.length > limit) first.pop();
  }
  return first.map(({ action, reason, record, name, message }) => ({
    action,
    record: record.slice(0, longestRecord),
    ...(reason === undefined ? {} : { reason }),
    ...(name === undefined ? {} : { name }),
    ...(message === undefined ? {} : { message: message.slice(0, longestMessage) }),
  }));
}

/** Negative when `a` is of more interest than `b`. */
function compare(a: PlanLine, b: PlanLine): number {
  const byAction = interest.indexOf(a.action) - interest.indexOf(b.action);
  if (byAction !== 0) return byAction;
  for (const field of ['reason', 'record', 'kind', 'name'] as const) {
    const [one = '', other = ''] = [a[field], b[field]];
    if (one !== other) return one < other ? -1 : 1;
  }
  return 0;
}

/** How many records there are by action and reason, sorted; of actions those that name a reason. */
export function reasonCounts(notes: readonly Note[], removals: readonly PersonAction[] = []): Plan['reasons'] {
  const counts = new Map<string, { action: string; reason: string; count: number }>();
  for (const { action, reason } of [...notes, ...removals]) {
    if (reason === undefined) continue;
    const key = `${action} ${reason}`;
    const entry = counts.get(key);
    if (entry === undefined) counts.set(key, { action, reason, count: 1 });
    else entry.count += 1;
  }
  const rank = ({ action, reason }: { readonly action: string; readonly reason: string }) =>
    `${String(interest.indexOf(action)).padStart(2)} ${reason}`;
  return [...counts.values()].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

function noteLine({ action, kind, reason, message, record, externalId, name }: Note): PlanLine {
  return {
    action,
    kind,
    record: record?.label ?? externalId ?? '',
    reason,
    message,
    ...(externalId === undefined ? {} : { externalId }),
    ...(name === undefined ? {} : { name }),
  };
}

function actionLine(planned: PersonAction | GroupAction): PlanLine {
  const { action, kind, record } = planned;
  const name = 'ref' in planned ? planned.ref.name : planned.name;
  const told = explanation(planned);
  const message = told === undefined ? {} : { message: told };
  const reason = 'reason' in planned && planned.reason !== undefined ? { reason: planned.reason } : {};
  return { action, kind, name, record: record.label, externalId: record.externalId, ...reason, ...message };
}

function explanation(planned: PersonAction | GroupAction): string | undefined {
  switch (planned.action) {
    case 'Disable':
    case 'Delete':
      return planned.reason === undefined ? undefined : `Since ${explained[planned.reason]}.`;
    case 'TakeOver':
      return `From the entry ${planned.before.externalId} of the directory ${planned.before.directory}.`;
    case 'Update':
    case 'Restore':
      return `Changed: ${planned.changed.join(', ')}.`;
    default:
      return undefined;
  }
}
