import type { DirectorySyncStatus } from '@roster/crds';
import type { GroupAction, Note, PersonAction, Plan, PlanLine } from './types.ts';

/** What comes first when not everything can be shown. */
const interest: readonly string[] = ['Reject', 'Warn', 'Exclude', 'Keep', 'Link', 'Update', 'Create'];

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
  const first: { line: PlanLine; rank: string }[] = [];
  for (const line of lines(plan)) {
    const { action, reason = '', record, kind, name = '' } = line;
    const rank = `${interest.indexOf(action)} ${reason} ${record} ${kind} ${name}`;
    const last = first.at(-1);
    if (first.length === limit && last !== undefined && last.rank <= rank) continue;
    const index = first.findIndex((other) => rank < other.rank);
    first.splice(index < 0 ? first.length : index, 0, { line, rank });
    if (first.length > limit) first.pop();
  }
  return first.map(({ line: { action, reason, record, name, message } }) => ({
    action,
    record: record.slice(0, longestRecord),
    ...(reason === undefined ? {} : { reason }),
    ...(name === undefined ? {} : { name }),
    ...(message === undefined ? {} : { message: message.slice(0, longestMessage) }),
  }));
}

/** How many records there are by action and reason, sorted. */
export function reasonCounts(notes: readonly Note[]): Plan['reasons'] {
  const counts = new Map<string, { action: string; reason: string; count: number }>();
  for (const { action, reason } of notes) {
    const key = `${interest.indexOf(action)} ${reason}`;
    const entry = counts.get(key);
    if (entry === undefined) counts.set(key, { action, reason, count: 1 });
    else entry.count += 1;
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
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
  const message = action === 'Update' ? { message: `Changed: ${planned.changed.join(', ')}.` } : {};
  return { action, kind, name, record: record.label, externalId: record.externalId, ...message };
}
