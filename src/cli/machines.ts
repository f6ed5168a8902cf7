import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { AnyStateMachine } from 'xstate';
import { diagramOf, mermaidOf } from '#charts';
import { suggest } from '#content';
import { ExitError, exitCodes } from '#runtime';
import { botOf } from './bot.ts';

export function addMachines(program: Command): void {
  program
    .command('machines')
    .description('print the conversations as Mermaid state diagrams')
    .argument('[id...]', 'ids of machines; all without it')
    .option('--svg', 'as pictures: one to print, or with --out')
    .option('--out <dir>', 'write a file for each into this folder')
    .action(draw);
}

async function draw(chosen: readonly string[], { svg = false, out }: { svg?: boolean; out?: string }) {
  const { machines } = await botOf();
  const ids = machines.map(({ id }) => id);
  for (const id of chosen)
    if (!ids.includes(id))
      throw new ExitError(
        exitCodes.usage,
        `Expected one of ${ids.join(', ')}${suggest(id, ids)}, found "${id}".`,
      );
  const drawn = machines.filter(({ id }) => chosen.length === 0 || chosen.includes(id));
  const textOf = async (machine: AnyStateMachine) => (svg ? await diagramOf(machine) : mermaidOf(machine));
  if (out !== undefined) {
    await mkdir(out, { recursive: true });
    for (const machine of drawn) {
      const path = join(out, `${machine.id}.${svg ? 'svg' : 'mmd'}`);
      await writeFile(path, `${await textOf(machine)}\n`);
      console.log(path);
    }
    return;
  }
  const [first] = drawn;
  if (first !== undefined && drawn.length === 1) {
    console.log(await textOf(first));
    return;
  }
  if (svg)
    throw new ExitError(
      exitCodes.usage,
      `Expected one machine to draw, found ${drawn.length}: name one of ${ids.join(', ')}, or write them into a folder with --out <dir>`,
    );
  console.log(drawn.map(sectionOf).join('\n\n'));
}

/** As Markdown, so that several can stand in one text. */
const sectionOf = (machine: AnyStateMachine): string =>
  [`## ${machine.id}`, machine.config.description ?? '', `\`\`\`mermaid\n${mermaidOf(machine)}\n\`\`\``]
    .filter((part) => part !== '')
    .join('\n\n');
