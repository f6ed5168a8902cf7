import { InvalidArgumentError, Option } from 'commander';

/** `--json`, the same for every command that has it. */
export const json = () => new Option('--json', 'print JSON for programs');

export function port(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > 65_535)
    throw new InvalidArgumentError('Expected a number from 1 to 65535.');
  return number;
}

export function chatId(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new InvalidArgumentError('Expected a chat id in digits.');
  return Number(text);
}

export function whole(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
}

export function currency(text: string): string {
  if (!/^[A-Z]{3}$/.test(text)) throw new InvalidArgumentError('Expected a code such as XTR, EUR or JPY.');
  return text;
}
