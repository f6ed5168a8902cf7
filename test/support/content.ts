import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export type Edit = readonly [file: string, from: string | RegExp, to: string];

/** Changes places of a content folder; a place that is not there is an error. */
export async function editContent(folder: string, ...edits: Edit[]): Promise<void> {
  for (const [name, from, to] of edits) {
    const text = await readFile(join(folder, name), 'utf8');
    const changed = text.replace(from, () => to);
    if (changed === text) throw new Error(`${name} has no ${String(from)}`);
    await writeFile(join(folder, name), changed);
  }
}

/** The shipped content with some places changed, in a folder of the test's own. */
export async function edited(...edits: Edit[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'content-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await cp('content', folder, { recursive: true });
  await editContent(folder, ...edits);
  return folder;
}
