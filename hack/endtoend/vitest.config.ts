import { defineConfig } from 'vitest/config';

/** Inside the cluster's network, where `hack/e2e` starts it. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['day.test.ts'],
    bail: 1,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
