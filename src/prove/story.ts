import { actionOf, type Counterexample, perform, worldOf } from './search.ts';
import { type Sentence, sentences, Violation } from './sentences.ts';
import type { Program } from './world.ts';

/** A sentence by its name, in words. */
export const shown = (name: string): string => sentences[name as Sentence] ?? name;

/** A counterexample as lines: who does what, what the bot does, and which sentence breaks. */
export async function story(program: Program, { start, actions }: Counterexample): Promise<string[]> {
  const world = worldOf(program, start);
  const lines = [
    `The bot sells ${start.sale}${start.keeps ? ', payments that come twice stay, and strangers are removed' : ''}.`,
  ];
  for (const id of actions) {
    const action = actionOf(id);
    world.said = [];
    let end = '';
    try {
      if (!(await perform(world, action))) end = '  (nothing comes of it)';
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      end = `  ✗ ${shown(error.sentence)}: ${error.message}`;
    }
    lines.push(`- ${action.name}`, ...world.said, ...(end === '' ? [] : [end]));
  }
  return lines;
}
