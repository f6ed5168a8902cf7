import type { Command } from 'commander';
import { diagramOf, mermaidOf } from '#charts';
import { machines } from '#club';

export function addMachines(program: Command): void {
  program
    .command('machines')
    .description('print the conversations as Mermaid state diagrams')
    .option('--svg', 'print them as pictures')
    .action(async (options: { svg?: boolean }) => {
      for (const machine of machines)
        console.log(options.svg === true ? await diagramOf(machine) : mermaidOf(machine));
    });
}
