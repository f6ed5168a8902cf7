import { defineConfig } from 'vitest/config';

/** Rooms are imported by name: tests read their sources, not what was compiled of them. */
const conditions = ['source', 'module', 'node', 'development|production'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'layers', include: ['test/proof/boundaries.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'bot',
          include: ['test/**/*.test.ts'],
          exclude: ['test/proof/boundaries.test.ts'],
          globalSetup: ['test/support/global.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
    ],
  },
});
