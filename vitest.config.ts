import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

/** Rooms are imported by name: tests read their sources, not what was compiled of them. */
const conditions = ['source', 'module', 'node', 'development|production'];

/** The examples import the package as its users do; here it is read from its sources as well. */
const alias = [{ find: /^turnstile\/(\w+)$/, replacement: resolve(import.meta.dirname, 'src/$1/index.ts') }];

export default defineConfig({
  resolve: { conditions, alias },
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
          include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
          exclude: ['test/proof/boundaries.test.ts'],
          globalSetup: ['test/support/global.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
    ],
  },
});
