import { type Command, Option } from 'commander';
import { readEnvironment, readVariables } from '#environment';
import { type ProveOptions, prove } from '#prove';
import { json, whole } from './arguments.ts';

export function addProve(program: Command): void {
  program
    .command('prove')
    .description('look for a sequence of payments, refunds and the like that breaks a rule of money or door')
    .addOption(
      new Option('--depth <n>', 'actions one after another, at the most').default(12).argParser(whole),
    )
    .addOption(new Option('--tries <n>', 'actions that are tried in all').default(1_000_000).argParser(whole))
    .addOption(new Option('--time <s>', 'seconds after which the search ends').default(55).argParser(whole))
    .option('--mutate', 'plant faults in the program, and see that each is found')
    .option('--from <file>', 'tell a counterexample that was kept, and look on from where it leads')
    .addOption(new Option('--seed <n>', 'try actions in another order').default(0).argParser(Number))
    .option('--save <file>', 'where a counterexample is kept', 'counterexample.json')
    .addOption(json())
    .action(async (options: Omit<ProveOptions, 'contentDir'>) => {
      const { contentDir } = readEnvironment(readVariables(), { token: false });
      if (!(await prove({ ...options, contentDir }))) process.exitCode = 1;
    });
}
