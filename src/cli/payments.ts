import { type Command, Option } from 'commander';
import { createSigner, factsOf, Ledger, loadClub } from '#club';
import { readEnvironment, readVariables } from '#environment';
import {
  type AdoptOptions,
  adoptPayments,
  exportPayments,
  listPayments,
  reconcilePayments,
  refundOne,
  showPayment,
} from '#operator';
import { openRedisStore } from '#runtime';
import { chatId, json, whole } from './arguments.ts';
import { clockOf, telegram, withOwnStore, withStored } from './stored.ts';

export function addPayments(program: Command): void {
  const payments = program.command('payments').description('the ledger: what was paid and what went back');
  const withLedger = (work: (ledger: Ledger) => Promise<void>) =>
    withStored((redis, where) => work(new Ledger(openRedisStore(redis, where))));
  payments
    .command('list', { isDefault: true })
    .description('show the newest')
    .addOption(new Option('--limit <n>', 'how many at the most').default(50).argParser(whole))
    .addOption(new Option('--chat <id>', 'of this chat alone').argParser(chatId))
    .addOption(json())
    .action((options: { json?: boolean; limit: number; chat?: number }) =>
      withLedger((ledger) => listPayments(ledger, options)),
    );
  payments
    .command('show')
    .description('show one, with its refund')
    .argument('<charge>')
    .addOption(json())
    .action((charge: string, options: { json?: boolean }) =>
      withLedger((ledger) => showPayment(ledger, charge, options)),
    );
  payments
    .command('reconcile')
    .description(
      "compare all of Telegram's list with the ledger; what is missing is taken up (needs BOT_TOKEN)",
    )
    .addOption(json())
    .action((options: { json?: boolean }) =>
      withOwnStore((redis, where) => reconcilePayments(redis, where, telegram(), clockOf(), options)),
    );
  payments
    .command('adopt')
    .description(
      "take over what the bot sold before this installation, from Telegram's list; nobody gets a message (needs BOT_TOKEN)",
    )
    .option('--dry-run', 'show what would be taken over, and change nothing')
    .option(
      '--include-unsigned',
      'also invoices of an earlier release for another product than that of bot.yaml',
    )
    .addOption(json())
    .addHelpText(
      'after',
      '\nIt works beside a running bot and on a stopped one, may be interrupted, and can be repeated: a payment is booked once.',
    )
    .action(adopt);
  payments
    .command('refund')
    .description('give a payment back (needs BOT_TOKEN)')
    .argument('<charge>')
    .option('--noted', 'it went back on the pages of a payment provider: only take access away')
    .action((charge: string, options: { noted?: boolean }) =>
      withOwnStore((redis, where) => refundOne(redis, where, telegram(), clockOf(), charge, options)),
    );
  payments
    .command('export')
    .description('print all as CSV')
    .option('--csv [file]', 'into this file; without one, to stdout')
    .action((options: { csv?: string | true }) =>
      withLedger((ledger) =>
        exportPayments(ledger, typeof options.csv === 'string' ? options.csv : undefined),
      ),
    );
}

async function adopt(flags: Pick<AdoptOptions, 'dryRun' | 'includeUnsigned' | 'json'>): Promise<void> {
  const environment = readEnvironment(readVariables(), { token: true });
  const { content } = await loadClub(environment.contentDir);
  const { isSigned } = createSigner(environment.botToken);
  const options = {
    ...flags,
    product: content.settings.product.id,
    facts: factsOf(content.settings),
    isSigned,
  };
  await withOwnStore((redis, where) => adoptPayments(redis, where, telegram(), clockOf(), options));
}
