import { expect, it } from 'vitest';
import { TestTenant, useSnapshot } from './fixture.ts';

const db = useSnapshot();

it.each(['users', 'groups'])('gives up a first read of which the server loses its place among the %s', async (kind) => {
  await using tenant = await TestTenant.start(db.snapshot);
  tenant.user('ada');
  tenant.graph.fault = ({ path }) => (path.includes(`/${kind}/delta`) ? { kind: 'status', status: 410 } : undefined);
  await expect(tenant.read()).rejects.toMatchObject({ reason: 'ResyncRequired' });
  expect(await db.snapshot.current()).toBeUndefined();
  tenant.graph.fault = () => undefined;
  expect((await tenant.read()).people).toHaveLength(1);
});
