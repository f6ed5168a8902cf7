#!/usr/bin/env node
// `npx turnstile …`: inside a clone, makes sure that it is installed and built; then runs it in this process.
import { existsSync } from 'node:fs';

// A package that npm has installed holds no sources: it is built, and npm looks after what it needs.
if (existsSync(new URL('../src/main.ts', import.meta.url))) {
  const { ensureBuilt, ensurePackages } = await import('../scripts/bootstrap.mjs');
  ensurePackages();
  ensureBuilt();
}
await import('../dist/src/main.js');
