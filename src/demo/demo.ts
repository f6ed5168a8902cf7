import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { playScript } from './play.ts';
import { type Replay, replay } from './replay.ts';
import { openStage, type StageOptions } from './stage.ts';
import { playTerminal } from './terminal.ts';

interface DemoOptions extends StageOptions {
  /** It is played before the terminal or the page is, with data of its own. */
  readonly replays?: Replay;
}

/** Plays the bot without a token: in a chat page, and in this terminal. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { script, replays } = options;
  const isBrief = script || replays !== undefined;
  const dataDir = isBrief
    ? mkdtempSync(join(tmpdir(), 'turnstile-demo-'))
    : resolve(process.env['DATA_DIR'] ?? join('data', 'demo'));
  mkdirSync(dataDir, { recursive: true });
  const stage = await openStage(dataDir, options);
  try {
    if (replays !== undefined) await replay(stage, replays);
    if (script) await playScript(stage);
    else await playTerminal(stage);
  } finally {
    await stage.stop();
    if (isBrief) rmSync(dataDir, { recursive: true, force: true });
  }
}
