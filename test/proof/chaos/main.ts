import { Command, InvalidArgumentError } from 'commander';
import { type ChaosReport, runChaos } from './run.ts';

const numberFrom =
  (least: number, most: number, whole = true) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== '' && value >= least && value <= most && (!whole || Number.isInteger(value)))
      return value;
    throw new InvalidArgumentError(`Expected a ${whole ? 'whole ' : ''}number from ${least} to ${most}.`);
  };

const { seed, minutes, chats, copies, keep } = new Command('chaos')
  .description(
    'Lets hundreds of chats talk to the real bot while it, its Redis and Telegram fail, and checks every guarantee.',
  )
  .option('--seed <n>', 'what decides every act and fault; drawn when not given', numberFrom(0, 2 ** 32 - 1))
  .option('--minutes <m>', 'how long chats and faults go on', numberFrom(0.05, 600, false), 1)
  .option('--chats <n>', 'how many chats', numberFrom(6, 5_000), 300)
  .option('--copies <n>', 'copies of the bot at once: 1 or 2', numberFrom(1, 2), 1)
  .option('--keep', 'keep logs and files, which a violation does by itself', false)
  .addHelpText(
    'after',
    '\nA seed replays the same acts and faults at the same times. What they meet in the bot is real concurrency, so a\n' +
      'failure may need more than one run to come back.\nExit codes: 0 every guarantee kept, 1 a violation.',
  )
  .parse()
  .opts<{ seed?: number; minutes: number; chats: number; copies: 1 | 2; keep: boolean }>();

const isTerminal = process.stderr.isTTY === true;
let lines = 0;
const progress = (line: string) => {
  if (isTerminal) process.stderr.write(`\r\x1b[K${line}`);
  else if (lines++ % 20 === 0) process.stderr.write(`${line}\n`);
};

function print(report: ChaosReport): void {
  const row = (name: string, value: number) =>
    console.log(`  ${name.padEnd(44)} ${String(value).padStart(8)}`);
  console.log('done to the bot');
  for (const [name, count] of Object.entries(report.faults)) row(name, count);
  console.log('seen from outside');
  row('updates', report.updates);
  row('messages', report.messages);
  row('payments and refunds', report.payments);
  for (const [window, count] of Object.entries(report.duplicates))
    row(`messages twice after ${window}`, count);
  row('messages that say that something broke', report.apologies);
  row('dead letters', report.deadLetters);
  row('losses', report.losses);
  row('violations', report.violations.length);
  for (const violation of report.violations.slice(0, 10)) console.log(`\n${violation}`);
  if (keep || report.violations.length > 0) console.log(`\nLogs and files: ${report.folder}`);
}

const chosen = seed ?? Math.floor(Math.random() * 1_000_000);
console.log(
  `seed ${chosen}, ${minutes} min, ${chats} chats, ${copies} ${copies === 1 ? 'copy' : 'copies'} of the bot`,
);
const report = await runChaos({ seed: chosen, minutes, chats, copies, keep, progress });
if (isTerminal) process.stderr.write('\r\x1b[K');
print(report);
process.exit(report.violations.length === 0 ? 0 : 1);
