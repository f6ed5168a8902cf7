import { resolve } from 'node:path';
import { defineConfig } from 'vite';

/** Builds the demo's chat page. */
export default defineConfig({
  root: resolve(import.meta.dirname, 'src/sandbox/page/client'),
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: resolve(import.meta.dirname, 'dist/page'),
    emptyOutDir: true,
    target: 'es2022',
    // The page's policy allows no script in place.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
});
