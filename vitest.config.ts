import { defineConfig } from 'vitest/config';

/** `unit` needs nothing but Node; `integration` runs against real servers, which its fixtures start. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{crds,operator,web-admin}/src/**/*.test.ts',
            'operator/image/**/*.test.ts',
            'hack/{,graph,openldap,samba}/*.test.ts',
          ],
        },
      },
      {
        test: {
          name: 'integration',
          include: ['operator/test/**/*.test.ts', 'charts/test/**/*.test.ts'],
          globalSetup: ['operator/test/controlplane.ts'],
          // They mostly wait. The unit tests, which compute, go before them.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          // Servers start, and objects are waited for.
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
