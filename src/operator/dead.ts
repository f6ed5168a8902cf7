import { byAge, CommandRefused, type DeadLetters, type StoredLetter } from '#runtime';
import { paint } from '#terminal';

/** No letter has this id. */
export class NoSuchLetter extends CommandRefused {
  constructor(id: string) {
    super(`There is no dead letter ${id}. \`turnstile dead list\` shows those that there are.`);
    this.name = 'NoSuchLetter';
  }
}

const line = ({ id, letter }: StoredLetter): string =>
  [
    paint.bold(id.padEnd(20)),
    new Date(letter.at).toISOString().slice(0, 19),
    letter.kind.padEnd(7),
    `chat ${letter.chat ?? '–'}`.padEnd(16),
    paint.red(letter.error.split('\n')[0] ?? ''),
  ].join('  ');

/** Prints the newest letters. */
export async function listDead(dead: DeadLetters, options: { json?: boolean; limit: number }): Promise<void> {
  const letters = await dead.list(options.limit);
  if (options.json === true) console.log(JSON.stringify(letters));
  else if (letters.length === 0) console.log('There are no dead letters.');
  else for (const letter of letters) console.log(line(letter));
}

/** Prints one letter with its stack and what it holds. @throws NoSuchLetter */
export async function showDead(dead: DeadLetters, id: string, options: { json?: boolean }): Promise<void> {
  const found = await find(dead, id);
  if (options.json === true) console.log(JSON.stringify(found));
  else {
    console.log(line(found));
    if (found.letter.stack !== undefined) console.log(paint.dim(found.letter.stack));
    console.log(JSON.stringify(found.letter.body, null, 2));
  }
}

/** Tries letters again, or throws them away, oldest first: those named, or all. @throws NoSuchLetter */
export async function endDead(
  dead: DeadLetters,
  what: 'retry' | 'drop',
  ids: readonly string[],
  all: boolean,
): Promise<void> {
  const letters = all ? dead.all() : (await Promise.all(ids.map((id) => find(dead, id)))).sort(byAge);
  let count = 0;
  for await (const letter of letters) {
    if (await dead[what](letter)) count++;
  }
  console.log(`${count} ${what === 'retry' ? 'put back' : 'dropped'}.`);
}

async function find(dead: DeadLetters, id: string): Promise<StoredLetter> {
  const found = await dead.find(id);
  if (found === null) throw new NoSuchLetter(id);
  return found;
}
