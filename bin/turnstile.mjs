#!/usr/bin/env node
// `npx turnstile …` inside the project: makes sure that it is installed and built, then runs it in this process.
import { ensureBuilt, ensurePackages } from '../scripts/bootstrap.mjs';

ensurePackages();
ensureBuilt();
await import('../dist/src/main.js');
