import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder, the same whether run from `src/` or from the compiled `dist/src/`. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`Expected package.json above ${fileURLToPath(import.meta.url)}`);
    folder = parent;
  }
  return folder;
}
