import { DirectoryError } from '../../errors.ts';
import { Changes } from './changes.ts';
import { type Graph, type GraphQuery, SyncStateLost } from './graph.ts';
import type { Checkpoint, DeltaLinks, SnapshotStore } from './snapshot.ts';

/** What is followed, and where it is kept. */
export interface Tracking {
  readonly graph: Graph;
  readonly store: SnapshotStore;
  /** Who asks whom; together with the properties it decides whether a snapshot can be gone on from. */
  readonly subject: string;
  readonly userProperties: readonly string[];
  /** Absent when groups are not read. */
  readonly groupProperties?: readonly string[] | undefined;
  readonly now: () => Date;
}

/** A snapshot that is up to date. */
export interface Tracked {
  readonly checkpoint: Checkpoint;
  /** Why everything was read, in a sentence; absent when the changes were enough. */
  readonly remark?: string;
}

/** Groups may not be read, so that nothing can be gone on from. */
export class GroupsForbidden extends DirectoryError {
  constructor(message: string) {
    super('PermissionMissing', message);
  }
}

/**
 * Brings the snapshot up to date: by what changed since then, or by reading everything where that is not possible or
 * too long ago. The snapshot stays as it was unless users and groups were read to the end.
 * @throws DirectoryError, GroupsForbidden among them
 */
export async function bringUpToDate(tracking: Tracking): Promise<Tracked> {
  const current = await tracking.store.current();
  if (current === undefined) return await readAll(tracking, 'it is the first read');
  const reason = reasonToReadAll(tracking, current);
  if (reason !== undefined) return await readAll(tracking, reason);
  try {
    return { checkpoint: await follow(tracking, current) };
  } catch (error) {
    if (!(error instanceof SyncStateLost)) throw error;
    return await readAll(tracking, 'Microsoft Graph no longer knew where the last read ended');
  }
}

/** Delta links are good for seven days, and a mistake in a snapshot should not last longer, either. */
const fullReadMs = 7 * 24 * 3_600_000;

function reasonToReadAll(tracking: Tracking, current: Checkpoint): string | undefined {
  if (current.selection !== selectionOf(tracking)) return 'the application, the tenant or what is asked for changed';
  const age = tracking.now().getTime() - current.completedAt.getTime();
  return age >= fullReadMs ? 'that is done once a week' : undefined;
}

function selectionOf({ subject, userProperties, groupProperties }: Tracking): string {
  return JSON.stringify({ subject, users: userProperties, groups: groupProperties });
}

/** Others that move the same snapshot are few: a run and a preview. */
const attempts = 3;

async function follow(tracking: Tracking, checkpoint: Checkpoint): Promise<Checkpoint> {
  let from: Checkpoint | undefined = checkpoint;
  for (let attempt = 1; from?.selection === checkpoint.selection && attempt <= attempts; attempt++) {
    const changes = new Changes();
    const links = await gather(tracking, from.links, async (take) => take(changes));
    if (await tracking.store.move(from, changes, links)) return { ...from, version: from.version + 1, links };
    from = await tracking.store.current();
  }
  throw new DirectoryError('ServerBusy', 'Another run moved the snapshot of the Entra tenant again and again.');
}

async function readAll(tracking: Tracking, reason: string): Promise<Tracked> {
  const { store } = tracking;
  const id = await store.begin(selectionOf(tracking));
  try {
    const links = await gather(tracking, undefined, async (take) => {
      const changes = new Changes();
      take(changes);
      await store.fill(id, changes);
    });
    await store.complete(id, links);
  } catch (error) {
    // What is left over if this fails, too, is cleared away later.
    await store.discard(id).catch(() => {});
    throw error;
  }
  const checkpoint = await store.current();
  if (checkpoint?.id !== id)
    throw new DirectoryError('ServerBusy', 'Another run read the Entra tenant at the same time.');
  return { checkpoint, remark: `Everything was read, because ${reason}.` };
}

/** Takes in a page of changes. */
type Take = (changes: Changes) => void;

async function gather(
  { graph, userProperties, groupProperties }: Tracking,
  from: DeltaLinks | undefined,
  onPage: (take: Take) => Promise<void>,
): Promise<DeltaLinks> {
  const users = await drain(graph, usersQuery(userProperties, from?.users), (objects) =>
    onPage((changes) => changes.addUsers(objects, userProperties)),
  );
  if (groupProperties === undefined) return { users };
  try {
    const groups = await drain(graph, groupsQuery(groupProperties, from?.groups), (objects) =>
      onPage((changes) => changes.addGroups(objects, groupProperties)),
    );
    return { users, groups };
  } catch (error) {
    if (error instanceof DirectoryError && error.reason === 'PermissionMissing')
      throw new GroupsForbidden(error.message);
    throw error;
  }
}

/** Reads a delta query to its end; gives the link from which the next one goes on. */
async function drain(
  graph: Graph,
  query: GraphQuery,
  onPage: (objects: readonly unknown[]) => Promise<void>,
): Promise<string> {
  for await (const { value, deltaLink } of graph.pages(query)) {
    await onPage(value);
    if (deltaLink !== undefined) return deltaLink;
  }
  throw new DirectoryError('ProtocolError', `Microsoft Graph ends the query for ${query.what} without a delta link.`);
}

/** As many objects a page as Graph gives; delta queries take no $top. */
const headers = { Prefer: 'odata.maxpagesize=999' };

function usersQuery(properties: readonly string[], link: string | undefined): GraphQuery {
  const common = { what: 'users', permission: 'User.Read.All', headers };
  return link === undefined
    ? { ...common, path: '/users/delta', parameters: { $select: properties.join(',') } }
    : { ...common, path: link };
}

function groupsQuery(properties: readonly string[], link: string | undefined): GraphQuery {
  const common = { what: 'groups', permission: 'GroupMember.Read.All or Group.Read.All', headers };
  return link === undefined
    ? { ...common, path: '/groups/delta', parameters: { $select: [...properties, 'members'].join(',') } }
    : { ...common, path: link };
}
