import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Colours only where a person reads: on a terminal, and not with NO_COLOR. */
const hasColours = (): boolean => process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;

const styled = (style: Style) => (text: string) => (hasColours() ? styleText(style, text) : text);

export const paint = {
  bold: styled('bold'),
  dim: styled('dim'),
  red: styled('red'),
  green: styled('green'),
  yellow: styled('yellow'),
  cyan: styled('cyan'),
  magenta: styled('magenta'),
};

/** How far it is, on one line of a terminal; '' ends it. */
export function createProgress(): (text: string) => void {
  if (process.stderr.isTTY !== true) return () => {};
  return (text) => void process.stderr.write(`\r\u001b[K${text}`);
}
