import type { Chart, ChartCall, Trigger } from '#runtime';

/** An action, a guard or an actor with its parameters: `send welcome`, `signal refunds debts.changed language`. */
export function wordsOf({ type, params, isComputed }: ChartCall): string {
  const words = Object.values(params).map((value) =>
    typeof value === 'string'
      ? value
      : Array.isArray(value) && value.every((item) => typeof item === 'string')
        ? value.join(' ')
        : JSON.stringify(value),
  );
  return [type ?? 'inline', ...words, ...(isComputed ? ['…'] : [])].join(' ');
}

/** What a transition waits for: `after payment_reminder (5 min)`, `invite done`, `always`. */
export function labelOf({ kind, name }: Trigger, { delays }: Chart): string {
  switch (kind) {
    case 'event':
      return name === '*' ? 'any event' : name;
    case 'after': {
      const ms = delays.get(name);
      if (ms !== undefined) return `after ${name} (${ms === null ? 'computed' : durationOf(ms)})`;
      return `after ${/^\d+$/.test(name) ? durationOf(Number(name)) : name}`;
    }
    case 'always':
      return 'always';
    case 'done':
      return 'done';
    case 'actor done':
      return `${name} done`;
    case 'actor error':
      return `${name} error`;
    case 'actor snapshot':
      return `${name} snapshot`;
  }
}

const units = [
  [86_400_000, 'day', 'days'],
  [3_600_000, 'h', 'h'],
  [60_000, 'min', 'min'],
  [1_000, 's', 's'],
] as const;

/** In the largest unit that it is a whole number of: `5 min`, `25 h`, `3 days`. */
export function durationOf(ms: number): string {
  for (const [size, one, many] of units) {
    const count = ms / size;
    if (Number.isInteger(count) && count !== 0) return `${count} ${count === 1 ? one : many}`;
  }
  return `${ms} ms`;
}
