import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Sandbox,
  type SandboxClub,
  type SandboxOptions,
  type SandboxUser,
  startSandbox,
} from '#sandbox';

/** Telegram's ids of groups begin with -100. */
const clubId = -1_001_000_000_001;
const clubTitles: Readonly<Record<string, string>> = {
  en: 'The First Step Club',
  ru: 'Клуб «Первый шаг»',
};
const annaId = 1_001;
const operatorId = 1_000;

const firstPort = 8_081;
const triedPorts = 50;

/** The local Telegram with who is in it, and its clock, which goes on where an earlier sitting has moved it. */
export interface LocalTelegram {
  readonly sandbox: Sandbox;
  readonly anna: SandboxUser;
  readonly operator: SandboxUser;
  readonly club: SandboxClub;
  /** What they speak. */
  readonly language: string;
  /** How far its clock is ahead of the machine's, ms. */
  clockOffset(): number;
  /** ms. */
  advance(time: number): void;
}

/** @param other answers what is no call of the Bot API */
export async function openTelegram(
  dataDir: string,
  { port, script }: { readonly port?: number; readonly script: boolean },
  other: NonNullable<SandboxOptions['other']>,
): Promise<LocalTelegram> {
  const clockFile = join(dataDir, 'clock.json');
  const offset = readOffset(clockFile);
  const sandbox = await startOnPort(port, {
    now: () => Date.now() + offset,
    stateFile: join(dataDir, 'telegram.json'),
    other,
  });
  const language = homeLanguage(script);
  const anna = sandbox.user({ id: annaId, firstName: 'Anna', languageCode: language });
  const operator = sandbox.user({ id: operatorId, firstName: 'Olga', languageCode: language });
  // Telegram lets no bot write first.
  if (operator.messages.length === 0) operator.says('/start');
  const club = sandbox.club({ id: clubId, title: clubTitles[language] ?? 'The club', joinByRequest: true });
  const clockOffset = () => Math.round(sandbox.clock.now() - Date.now());
  return {
    sandbox,
    anna,
    operator,
    club,
    language,
    clockOffset,
    advance: (time) => {
      sandbox.clock.advance(time);
      writeFileSync(clockFile, JSON.stringify({ offset: clockOffset() }));
    },
  };
}

/** English or Russian, as the terminal's. */
function homeLanguage(script: boolean): string {
  const { LC_ALL, LANG = '' } = process.env;
  return !script && /^ru/i.test(LC_ALL ?? LANG) ? 'ru' : 'en';
}

/** Listens on a port that was asked for, or on the first free one. */
async function startOnPort(port: number | undefined, options: SandboxOptions): Promise<Sandbox> {
  for (let next = port ?? firstPort; ; next++) {
    try {
      return await startSandbox({ ...options, port: next });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (port !== undefined)
        throw new Error(`Port ${port} is taken by another program. Choose one with --port, or leave it out.`);
      if (next >= firstPort + triedPorts) throw error;
    }
  }
}

function readOffset(file: string): number {
  try {
    return Number((JSON.parse(readFileSync(file, 'utf8')) as { offset?: number }).offset ?? 0);
  } catch {
    return 0;
  }
}
