import type { SandboxMessage } from '../world/message.ts';

/** Whether a text or a pattern stands in a message or on one of its buttons. */
export function shows({ text, buttons }: SandboxMessage, pattern: RegExp | string): boolean {
  const matches = (line: string) =>
    typeof pattern === 'string' ? line.includes(pattern) : new RegExp(pattern, pattern.flags).test(line);
  return matches(text) || buttons.flat().some(({ label }) => matches(label));
}

/** The newest messages of a chat as lines, for errors. */
export function transcriptOf(chat: number, messages: readonly SandboxMessage[]): string {
  const lines = messages.slice(-12).map(({ from, kind, text, buttons }) => {
    const labels = buttons.flat().map(({ label }) => ` [${label}]`);
    return `  ${from === 'bot' ? 'bot ' : 'user'} │ ${kind === 'text' ? '' : `(${kind}) `}${text.slice(0, 200)}${labels.join('')}`;
  });
  return `The chat of ${chat}:\n${lines.join('\n')}`;
}
